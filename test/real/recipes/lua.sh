# source: lua5.4 lua-lpeg lua-filesystem lua-cjson
# also: programs/wardmod.c
# Lua with a shared liblua, and four C modules: lpeg, lfs, cjson and one of our own.
. "$HERE/recipes/common.sh"

mkdir -p "$OUT/bin" "$OUT/lib" "$OUT/lib/lua" "$OUT/share/lua" "$OUT/tests"
src=$SRC/lua5.4/src
# Debian's build makes this header; no path of ours depends on it.
echo '#define DEB_HOST_MULTIARCH "musl"' >lua5.4-deb-multiarch.h
core=
for f in "$src"/*.c; do
	case $f in */lua.c | */luac.c) ;; *) core="$core $f" ;; esac
done
def="-I$PWD -DLUA_USE_LINUX -DLUA_COMPAT_5_3"
for f in $core; do echo "$f"; done | xargs -P"$JOBS" -n4 $CC $CFLAGS $def -fPIC -c
$CC -shared -Wl,-soname,liblua5.4.so.0 -o "$OUT/lib/liblua5.4.so.0" ./*.o -lm -ldl
$CC $CFLAGS $def -o "$OUT/bin/lua" "$src/lua.c" "$OUT/lib/liblua5.4.so.0" -lm -ldl \
	-Wl,-E $LDFLAGS $rpath
check_interp "$OUT/bin/lua"

module() {
	mod=$1; shift
	$CC $CFLAGS -fPIC -shared -I"$PWD" -I"$src" -o "$OUT/lib/lua/$mod.so" "$@"
}
module lpeg "$SRC"/lua-lpeg/lp*.c
module lfs "$SRC/lua-filesystem/src/lfs.c"
module cjson "$SRC/lua-cjson/lua_cjson.c" "$SRC/lua-cjson/strbuf.c" "$SRC/lua-cjson/fpconv.c"
module wardmod "$HERE/programs/wardmod.c"

cp "$SRC/lua-lpeg/re.lua" "$OUT/share/lua/"
cp -R "$SRC/lua-cjson/lua/cjson" "$OUT/share/lua/"
cp "$SRC/lua-lpeg/test.lua" "$OUT/tests/lpeg.lua"
cp "$SRC/lua-filesystem/tests/test.lua" "$OUT/tests/lfs.lua"
cp -R "$SRC/lua-cjson/tests" "$OUT/tests/cjson"
(cd "$OUT/tests/cjson" && perl genutf8.pl)
