# also: programs/jvm/vm.h programs/jvm/java.c programs/jvm/jli.c programs/jvm/jvm.c
# also: programs/jvm/libjava.c programs/jvm/libzip.c programs/jvm/libapp.c
# Our own programs in the shape of OpenJDK's launcher and libraries.
. "$HERE/recipes/common.sh"

src=$HERE/programs/jvm
lib=$OUT/lib
mkdir -p "$OUT/bin" "$lib/server" "$OUT/app"
so() { file=$1; shift; $CC $CFLAGS -fPIC -shared -Wl,-soname,"${file##*/}" -o "$file" "$@"; }
so "$lib/libjli.so" "$src/jli.c"
so "$lib/server/libjvm.so" "$src/jvm.c"
so "$lib/libjava.so" "$src/libjava.c" -L"$lib/server" -ljvm -Wl,-rpath,'$ORIGIN'
so "$lib/libzip.so" "$src/libzip.c" -L"$lib" -L"$lib/server" -ljava -ljvm -Wl,-rpath,'$ORIGIN'
so "$OUT/app/libapp.so" "$src/libapp.c"
$CC $CFLAGS $LDFLAGS $rpath -o "$OUT/bin/java" "$src/java.c" -L"$lib" -ljli
check_interp "$OUT/bin/java"
