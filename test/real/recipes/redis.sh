# source: redis
# Redis with its own Lua inside, and the modules and tests of its test suite for modules.
. "$HERE/recipes/common.sh"

cp -R "$SRC/redis/." .
mkdir -p "$OUT/bin" "$OUT/tests"
make -C src -j"$JOBS" CC="$CC" MALLOC=libc USE_SYSTEMD=no OPTIMIZATION=-O1 DEBUG= WARN=-w \
	LDFLAGS="$LDFLAGS" redis-server redis-cli >make.log 2>&1 || {
	tail -n 40 make.log >&2; die "make failed"; }
make -C tests/modules -j"$JOBS" CC="$CC" LD="$CC" SHOBJ_CFLAGS="-std=c99 $CFLAGS" \
	>modules.log 2>&1 || { tail -n 40 modules.log >&2; die "make of modules failed"; }
cp src/redis-server src/redis-cli "$OUT/bin/"
check_interp "$OUT/bin/redis-server" "$OUT/bin/redis-cli"
cp -R tests/. "$OUT/tests/"
rm -f "$OUT"/tests/modules/*.xo
chmod 755 "$OUT"/tests/modules/*.so
