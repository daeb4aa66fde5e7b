# needs: cxx
# also: programs/cxx/shapes.h programs/cxx/shapes.cc programs/cxx/library.cc programs/cxx/frames.c
# also: programs/cxx/exceptions.cc programs/cxx/escapes.cc programs/cxx/local.h programs/cxx/local.cc
# also: programs/cxx/threads.cc programs/cxx/stdlib.cc
# Our own programs in C++, and the libraries that they open.
. "$HERE/recipes/common.sh"

export CC
src=$HERE/programs/cxx
mkdir -p "$OUT/bin" "$OUT/lib"
cxx="$DEPS/cxx/bin/c++ -O1 -w -std=c++20 -fPIC -Wl,-rpath,$DEPS/cxx/lib"
so() { lib=$1; shift; $cxx -shared -o "$OUT/lib/$lib" "$@"; }
program() {
	name=$1; shift
	$cxx -fnon-call-exceptions $LDFLAGS $rpath -o "$OUT/bin/$name" "$src/$name.cc" "$@" -L"$OUT/lib"
	check_interp "$OUT/bin/$name"
}
so libshapes.so -Wl,-soname,libshapes.so "$src/shapes.cc"
$CC $CFLAGS -fPIC -shared -o "$OUT/lib/libframes.so" -Wl,-soname,libframes.so "$src/frames.c" \
	-fasynchronous-unwind-tables -L"$DEPS/cxx/lib" -lgcc_s -Wl,-rpath,"$DEPS/cxx/lib"
for n in a b; do
	so library-$n.so -DLIB_NAME="\"$n\"" "$src/library.cc" -fnon-call-exceptions -L"$OUT/lib" \
		-lshapes $rpath
done
so escapes.so "$src/escapes.cc"
so libneeded.so -DLIB_NAME='"needed"' -DLIB_TOUCH=needed_touch -Wl,-soname,libneeded.so \
	"$src/local.cc"
so opened.so -DLIB_NAME='"opened"' -DLIB_TOUCH=opened_touch "$src/local.cc"
program exceptions -lshapes -lframes
program threads -lneeded
program stdlib
