# source: openssl
# OpenSSL with shared libraries, and as modules its legacy provider, engines, and the provider of its
# own tests; of these tests those that are about loading.
. "$HERE/recipes/common.sh"

CC="$CC --ward-compiler=gcc" "$SRC/openssl/Configure" linux-x86_64 shared no-afalgeng --release \
	--prefix="$OUT" --libdir=lib --openssldir="$OUT/ssl" -Wl,-rpath,"$OUT/lib" "$LDFLAGS" \
	-w -O1 >configure.log
# Its -O3 costs twice the time.
sed -i 's/-O3//g' Makefile
tests='test/provider_test test/provider_fallback_test test/shlibloadtest test/moduleloadtest
	test/p_test.so'
make -j"$JOBS" build_sw >make.log 2>&1 || { tail -n 40 make.log >&2; die "make failed"; }
make -j"$JOBS" $tests >test.log 2>&1 || { tail -n 40 test.log >&2; die "make of tests failed"; }
make install_sw install_ssldirs >install.log 2>&1
mkdir "$OUT/test"
cp $tests "$OUT/test/"
chmod 755 "$OUT"/lib/*.so* "$OUT"/lib/*/*.so
check_interp "$OUT/bin/openssl" "$OUT/test/provider_test"
