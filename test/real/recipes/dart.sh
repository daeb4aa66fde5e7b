# npm-x86_64: sass-embedded-linux-musl-x64@1.105.0
# npm-aarch64: sass-embedded-linux-musl-arm64@1.105.0
# also: recipes/prebuilt.sh
# Dart Sass: a prebuilt Dart VM that opens a program of its own as a library.
. "$HERE/recipes/common.sh"
. "$HERE/recipes/prebuilt.sh"

case $ARCH in
x86_64) name=x64 ;;
aarch64) name=arm64 ;;
*) die "no prebuilt Dart for $ARCH" ;;
esac
take "sass-embedded-linux-musl-$name@1.105.0" sass
