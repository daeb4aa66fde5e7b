# source: libffi
# libffi as a shared library; closures and calls are tested through CPython's ctypes.
. "$HERE/recipes/common.sh"

CC=$CC CFLAGS=$CFLAGS LDFLAGS=$LDFLAGS "$SRC/libffi/configure" --prefix="$OUT" \
	--libdir="$OUT/lib" --disable-static --disable-docs --disable-multi-os-directory >configure.log
make -j"$JOBS" >make.log
make install >install.log
