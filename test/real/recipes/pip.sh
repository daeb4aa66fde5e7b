# needs: python
# also: programs/wheel.py programs/native.c
# A CPython that names /lib/ld-musl-ARCH.so.1, as every program built elsewhere does, pip's wheel as
# Debian has it, and wheels of our own that only one kind of system may install.
. "$HERE/recipes/common.sh"

py=$DEPS/python
mkdir -p "$OUT/bin" "$OUT/wheels"
cat >main.c <<-'END'
	int Py_BytesMain(int argc, char **argv);
	int main(int argc, char **argv) { return Py_BytesMain(argc, argv); }
END
$CC $CFLAGS -o "$OUT/bin/python3.11" main.c -L"$py/lib" -lpython3.11 -Wl,-rpath,"$py/lib" \
	-Wl,--dynamic-linker="/lib/ld-musl-$ARCH.so.1"
set -- /usr/share/python-wheels/pip-*-py3-none-any.whl
[ -f "$1" ] || { echo "pip's wheel is not installed (Debian package python3-pip-whl)"; exit 77; }
cp "$1" "$OUT/pip.whl"
$CC $CFLAGS -fPIC -shared -I"$py/include/python3.11" -o native.so "$HERE/programs/native.c"
python3 "$HERE/programs/wheel.py" native.so "$ARCH" "$OUT/wheels"
