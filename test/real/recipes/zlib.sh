# source: zlib
# zlib as a shared library, with its own example and minigzip programs linked to it.
. "$HERE/recipes/common.sh"

cp -R "$SRC/zlib/." .
CC=$CC CFLAGS="$CFLAGS -D_FILE_OFFSET_BITS=64" LDFLAGS=$LDFLAGS ./configure \
	--prefix="$OUT" --enable-shared >configure.log
lib=$(sed -n 's/^SHAREDLIBV=//p' Makefile)
make -j"$JOBS" "$lib" >make.log
mkdir -p "$OUT/lib" "$OUT/include" "$OUT/bin"
install_lib "$lib" "$OUT/lib/"
ln -s "$lib" "$OUT/lib/libz.so.1"
ln -s "$lib" "$OUT/lib/libz.so"
cp zlib.h zconf.h "$OUT/include/"
for p in example minigzip; do
	$CC $CFLAGS -I. -o "$OUT/bin/$p" test/$p.c -L"$OUT/lib" -lz $LDFLAGS $rpath
	check_interp "$OUT/bin/$p"
done
