# source: python3.11
# needs: zlib libffi sqlite
# CPython with a shared libpython and every extension module the libraries at hand allow.
. "$HERE/recipes/common.sh"

pc() {	# NAME VERSION LIBS DIR: what configure and setup.py ask pkg-config for
	mkdir -p pc
	cat >"pc/$1.pc" <<-END
		Name: $1
		Description: $1
		Version: $2
		Cflags: -I$DEPS/$4/include
		Libs: -L$DEPS/$4/lib $3
	END
}
pc libffi 3.4 -lffi libffi
pc zlib 1.2 -lz zlib
pc sqlite3 3.40 -lsqlite3 sqlite
export PKG_CONFIG_LIBDIR="$PWD/pc" PKG_CONFIG_PATH=
inc= lib=
for d in zlib libffi sqlite; do
	inc="$inc -I$DEPS/$d/include" lib="$lib -L$DEPS/$d/lib -Wl,-rpath,$DEPS/$d/lib"
done
# Debian's pyexpat reaches into the core, which setup.py's way of building it does not allow.
mkdir -p Modules
cat >Modules/Setup.local <<-'END'
	*shared*
	pyexpat pyexpat.c -DPy_BUILD_CORE_MODULE -I$(srcdir)/Modules/expat Modules/expat/libexpat.a
END
"$SRC/python3.11/configure" CC="$CC" CFLAGS="-w" OPT="-O1 -DNDEBUG" CPPFLAGS="$inc" \
	LDFLAGS="$LDFLAGS $lib -Wl,-rpath,$OUT/lib" LDSHARED="$CC -shared $lib" \
	--prefix="$OUT" --enable-shared --without-ensurepip >configure.log
make -j"$JOBS" >make.log 2>&1 || { tail -n 60 make.log >&2; die "make failed"; }
# Byte code once, not for -O and -OO too, and not of the tests: it is half of the time otherwise.
sed -i -e 's/-Wi -OO* \(.*compileall\.py\)/-c pass \1/' \
	-e 's/|lib2to3\/tests\/data/&|\/tests*\//' Makefile
make install >install.log 2>&1 || { tail -n 60 install.log >&2; die "make install failed"; }
check_interp "$OUT/bin/python3.11"
