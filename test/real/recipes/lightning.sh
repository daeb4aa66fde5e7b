# npm-x86_64: lightningcss-cli-linux-x64-musl@1.33.0
# npm-aarch64: lightningcss-cli-linux-arm64-musl@1.33.0
# needs: cxx
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
cxx_libraries
