# npm-list: recipes/napi.list
# needs: cxx
# also: recipes/prebuilt.sh programs/napi.c programs/napi.h programs/lazy.c
# Native modules of npm packages, and a C program that loads them as node would: it exports what
# they want of Node-API.
. "$HERE/recipes/common.sh"
. "$HERE/recipes/prebuilt.sh"

sed 's/#.*//' "$HERE/recipes/napi.list" >list
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
$CC $CFLAGS -c "$HERE/programs/napi.c" -o napi.o
nm --defined-only napi.o | sed 's/.* //' | sort -u >defined
comm -23 wanted defined | sed 's/.*/int &(void) { return 9; }/' >napi-stubs.c
$CC $CFLAGS -rdynamic -o "$OUT/bin/napi" napi.o napi-stubs.c $LDFLAGS
$CC $CFLAGS -o "$OUT/bin/lazy" "$HERE/programs/lazy.c" $LDFLAGS
check_interp "$OUT/bin/napi" "$OUT/bin/lazy"
cxx_libraries
