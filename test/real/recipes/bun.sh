# npm-x86_64: @oven/bun-linux-x64-musl@1.4.5 detect-libc@2.1.2
# needs: cxx
# also: recipes/prebuilt.sh
# Bun, a JavaScript runtime as others built it: 97 MB, not position-independent, copy relocations.
. "$HERE/recipes/common.sh"
. "$HERE/recipes/prebuilt.sh"

[ "$ARCH" = x86_64 ] || die "no prebuilt bun for $ARCH"
take @oven/bun-linux-x64-musl@1.4.5 bun
take detect-libc@2.1.2 node_modules/detect-libc
cxx_libraries
