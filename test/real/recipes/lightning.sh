# npm-x86_64: lightningcss-cli-linux-x64-musl@1.33.0
# npm-aarch64: lightningcss-cli-linux-arm64-musl@1.33.0
# needs-x86_64: cxx
# needs-aarch64: libgcc
# also: recipes/prebuilt.sh
# The command of Lightning CSS, a Rust program as others built it.
. "$HERE/recipes/common.sh"
. "$HERE/recipes/prebuilt.sh"

case $ARCH in
x86_64) name=x64 ;;
aarch64) name=arm64 ;;
*) die "no prebuilt lightningcss for $ARCH" ;;
esac
take "lightningcss-cli-linux-$name-musl@1.33.0" lightning lightningcss
if [ "$ARCH" = x86_64 ]; then
	cxx_libraries
else
	mkdir -p "$OUT/syslib"
	ln -s "$DEPS/libgcc/lib/libgcc_s.so.1" "$OUT/syslib/"
fi
