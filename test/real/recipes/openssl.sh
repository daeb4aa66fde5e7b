# source: openssl
# OpenSSL with shared libraries, and as modules its legacy provider, engines, and the provider of
# its own tests; of these tests those that are about loading.
. "$HERE/recipes/common.sh"

CC="$CC --ward-compiler=gcc" "$SRC/openssl/Configure" linux-x86_64 shared no-afalgeng --release \
	--prefix="$OUT" --libdir=lib --openssldir="$OUT/ssl" -Wl,-rpath,"$OUT/lib" "$LDFLAGS" \
	-w -O1 >configure.log
# Its -O3 costs twice the time. So would all targets: each source once more for static libraries,
# and with those two hundred tests.
sed -i 's/-O3//g' Makefile
tests='test/provider_fallback_test test/shlibloadtest test/moduleloadtest test/p_test.so'
engines='engines/padlock.so engines/loader_attic.so'
build() {
	make -j"$JOBS" "$@" >make.log 2>&1 || { tail -n 40 make.log >&2; die "make $* failed"; }
}
build build_generated
build libcrypto.so libssl.so apps/openssl providers/legacy.so $engines $tests
mkdir -p "$OUT/bin" "$OUT/include" "$OUT/lib/engines-3" "$OUT/lib/ossl-modules" "$OUT/test"
cp apps/openssl "$OUT/bin/"
cp -P libcrypto.so* libssl.so* "$OUT/lib/"
cp providers/legacy.so "$OUT/lib/ossl-modules/"
cp $engines "$OUT/lib/engines-3/"
cp $tests "$OUT/test/"
cp -R "$SRC/openssl/include/openssl" "$OUT/include/"
cp include/openssl/*.h "$OUT/include/openssl/"
chmod 755 "$OUT"/lib/*.so* "$OUT"/lib/*/*.so "$OUT"/test/*.so
check_interp "$OUT/bin/openssl" "$OUT/test/provider_fallback_test"
