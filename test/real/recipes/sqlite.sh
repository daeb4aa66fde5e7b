# source: sqlite3
# also: programs/wardext.c
# SQLite: the amalgamation made from Debian's source, a shared libsqlite3, the shell, and every
# extension of ext/misc that builds alone, plus one of our own.
. "$HERE/recipes/common.sh"

mkdir -p "$OUT/bin" "$OUT/lib" "$OUT/lib/sqlite" "$OUT/include"
CC=$CC CFLAGS="-O2" BUILD_CC=cc LDFLAGS=$LDFLAGS "$SRC/sqlite3/configure" --disable-tcl \
	--disable-readline >configure.log
make BCC=cc sqlite3.c sqlite3.h shell.c >make.log
cp sqlite3.h sqlite3ext.h "$OUT/include/"

opt="-DSQLITE_THREADSAFE=1 -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE
	-DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_LOAD_EXTENSION
	-DSQLITE_ENABLE_MATH_FUNCTIONS -DHAVE_USLEEP=1"
$CC $CFLAGS $opt -fPIC -shared -I. -Wl,-soname,libsqlite3.so.0 -o "$OUT/lib/libsqlite3.so.0" \
	sqlite3.c -lm -ldl -lpthread
ln -s libsqlite3.so.0 "$OUT/lib/libsqlite3.so"
$CC $CFLAGS $opt -I. -o "$OUT/bin/sqlite3" shell.c "$OUT/lib/libsqlite3.so.0" -lm -ldl -lpthread \
	$LDFLAGS $rpath
check_interp "$OUT/bin/sqlite3"

extension() {
	$CC $CFLAGS -fPIC -shared -I. -o "$OUT/lib/sqlite/$1.so" "$2" -lm
}
for e in amatch base64 blobio carray closure completion csv decimal eval fileio fuzzer ieee754 \
	nextchar noop percentile prefixes regexp rot13 series sha1 shathree spellfix totype uint \
	uuid wholenumber zorder; do
	[ ! -f "$SRC/sqlite3/ext/misc/$e.c" ] || extension $e "$SRC/sqlite3/ext/misc/$e.c"
done
extension wardext "$HERE/programs/wardext.c"
