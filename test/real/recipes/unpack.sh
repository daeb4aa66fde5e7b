# also: programs/unpack.c programs/greet.c
# A program that writes a library out, loads it and removes it, in all the shapes that are in use.
. "$HERE/recipes/common.sh"

mkdir -p "$OUT/bin" "$OUT/lib"
$CC $CFLAGS -DWHO=unpacked -fPIC -shared -o "$OUT/lib/libgreet.so" "$HERE/programs/greet.c"
$CC $CFLAGS -o "$OUT/bin/unpack" "$HERE/programs/unpack.c" $LDFLAGS
check_interp "$OUT/bin/unpack"
