# npm-list-x86_64: recipes/napi.list
# npm-list-aarch64: recipes/napi-aarch64.list
# needs-x86_64: cxx
# also: recipes/prebuilt.sh programs/napi.c programs/napi.h programs/napi-bytes.c programs/lazy.c
# Native modules of npm packages, and a C program that loads them as node would: it exports what
# they want of Node-API.
. "$HERE/recipes/common.sh"
. "$HERE/recipes/prebuilt.sh"

case $ARCH in
x86_64) list=napi.list ;;
*) list=napi-$ARCH.list ;;
esac
sed 's/#.*//' "$HERE/recipes/$list" >list
while read -r name package file call; do
	case $name in
	'') ;;
	# These two look for each other by RUNPATH, from where npm puts them.
	sharp) take "$package" node_modules/@img/sharp-linuxmusl-x64 ;;
	vips) take "$package" node_modules/@img/sharp-libvips-linuxmusl-x64 ;;
	*) take "$package" "$name" "$file" ;;
	esac
done <list

# A name of Node-API, libuv or node that a module wants and napi.c does not have is a stub.
mkdir -p "$OUT/bin"
find "$OUT/fixed" -name '*.node' -exec nm -D --undefined-only {} + |
	sed -n 's/^ *U \(\(napi\|node_api\|uv\|node\)_[a-z0-9_]*\)$/\1/p' | sort -u >wanted
for f in napi napi-bytes; do $CC $CFLAGS -c "$HERE/programs/$f.c" -o $f.o; done
nm --defined-only napi.o napi-bytes.o | sed 's/.* //' | sort -u >defined
comm -23 wanted defined | sed 's/.*/int &(void) { return 9; }/' >napi-stubs.c
$CC $CFLAGS -rdynamic -o "$OUT/bin/napi" napi.o napi-bytes.o napi-stubs.c $LDFLAGS
$CC $CFLAGS -o "$OUT/bin/lazy" "$HERE/programs/lazy.c" $LDFLAGS
check_interp "$OUT/bin/napi" "$OUT/bin/lazy"
[ "$ARCH" != x86_64 ] || cxx_libraries
