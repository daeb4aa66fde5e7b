# source: nginx
# needs: openssl perl zlib
# nginx with TLS, and as modules its stream and mail servers and the one that has Perl inside.
. "$HERE/recipes/common.sh"

cp -R "$SRC/nginx/." .
inc= lib=
for d in openssl zlib; do
	inc="$inc -I$DEPS/$d/include" lib="$lib -L$DEPS/$d/lib -Wl,-rpath,$DEPS/$d/lib"
done
./configure --prefix="$OUT" --sbin-path="$OUT/bin/nginx" --with-cc="$CC" \
	--with-cc-opt="$CFLAGS $inc" --with-ld-opt="$LDFLAGS $lib" --with-threads \
	--with-http_ssl_module --without-http_rewrite_module --with-stream=dynamic --with-mail=dynamic \
	--with-http_perl_module=dynamic --with-perl="$DEPS/perl/bin/perl" \
	--with-perl_modules_path="$OUT/lib/perl" >configure.log 2>&1 || {
	tail -n 40 configure.log >&2; die "configure failed"; }
make -j"$JOBS" >make.log 2>&1 || { tail -n 40 make.log >&2; die "make failed"; }
make install >install.log 2>&1 || { tail -n 40 install.log >&2; die "make install failed"; }
check_interp "$OUT/bin/nginx"
find "$OUT/lib" "$OUT/modules" -name '*.so' -exec chmod 755 {} +
mkdir "$OUT/shipped"
install -m 644 "$OUT/modules/ngx_stream_module.so" "$OUT/shipped/"
