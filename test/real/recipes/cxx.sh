# source: gcc-12
# also: recipes/cxx-tm.h recipes/cxx-c++ recipes/cxx-serial.c
# The C++ runtime for musl, libgcc_s.so.1 and libstdc++.so.6 with their symbol versions, headers, a
# compiler command for other recipes: CC=ward-cc OUT/bin/c++. It does not ask glibc's table for the
# unwinder, nor for glibc's weak thread functions, as Debian's own build does. What libgcc_s.so.1
# lacks are helpers for 16- and 128-bit floating point, which are linked in from libgcc.a.
. "$HERE/recipes/common.sh"

mkdir -p "$OUT/bin" "$OUT/lib"
top='gcc-12.2.0'
tar -xf "$SRC"/gcc-12/gcc-*-dfsg.tar.xz --exclude=testsuite --exclude='libstdc++-v3/doc/html' \
	$(for f in libgcc libstdc++-v3 include libiberty libbacktrace config gcc/tsystem.h \
		gcc/coretypes.h gcc/BASE-VER gcc/DATESTAMP gcc/DEV-PHASE install-sh libtool-ldflags \
		missing mkinstalldirs move-if-change compile depcomp config.guess config.sub \
		config.rpath config-ml.in ltmain.sh libtool.m4; do echo "$top/$f"; done)
top=$PWD/$top
sed "s|@RUNTIME@|$OUT|" "$HERE/recipes/cxx-c++" >"$OUT/bin/c++"
chmod 755 "$OUT/bin/c++"
export CC

# libgcc_s: the unwinder, and the helpers for integers and floating point that are C.
mkdir libgcc && cd libgcc
for f in tconfig.h libgcc_tm.h auto-target.h; do : >$f; done
cp "$HERE/recipes/cxx-tm.h" tm.h
cp "$top/libgcc/gthr-posix.h" gthr-default.h
cp "$top/libgcc/unwind-generic.h" unwind.h
# How to get past a signal frame is code for the kernel's frame, kept from musl by one condition.
sed 's/^#if defined __GLIBC__ .*/#if 1/' "$top/libgcc/config/i386/linux-unwind.h" >md-unwind-support.h
gcc="$CC --ward-compiler=gcc -O1 -w -fPIC -fexceptions -fbuilding-libgcc -DIN_LIBGCC2
	-DUSED_FOR_TARGET -DHAVE_LD_EH_FRAME_HDR -DTARGET_DL_ITERATE_PHDR -DHAVE_CC_TLS
	-DGTHREAD_USE_WEAK=0 -I. -I$top/libgcc -I$top/gcc -I$top/include"
{
	for f in unwind-dw2 unwind-sjlj unwind-c emutls; do
		echo "-c $top/libgcc/$f.c -o $f.o"
	done
	echo "-Ddl_iterate_phdr=serial_iterate -c $top/libgcc/unwind-dw2-fde-dip.c -o fde.o"
	echo "-c $HERE/recipes/cxx-serial.c -o serial.o"
	# make says what is in these two lists of names.
	sed -n -e '/^lib2funcs = /,/[^\\]$/p' -e '/^LIB2_DIVMOD_FUNCS = /,/[^\\]$/p' \
		"$top/libgcc/Makefile.in" >lists
	printf 'all:\n\t@echo $(lib2funcs) $(LIB2_DIVMOD_FUNCS)\n' >>lists
	for f in $(make -s -f lists); do
		echo "-DL$f -fnon-call-exceptions -c $top/libgcc/libgcc2.c -o $f.o"
	done
	for f in sf df xf; do
		for t in _fixuns${f} _fix${f} _float${f} _floatun${f}; do
			case $t in
			_fix*) name=${t}di wide=${t}ti ;;
			*) name=${t%$f}di$f wide=${t%$f}ti$f ;;
			esac
			echo "-DL${name} -DLIBGCC2_UNITS_PER_WORD=8 -c $top/libgcc/libgcc2.c -o $wide.o"
		done
	done
} | xargs -P"$JOBS" -L1 $gcc
# Symbol versions as everywhere else: their list is the compiler's, without what is not here.
{
	nm -pg ./*.o
	echo %%
	sed -e '/^[ \t]*#/d' -e 's/^%\(if\|else\|elif\|endif\|define\)/#\1/' \
		-e 's/__PFX__/__/g' -e 's/__FIXPTPFX__/__/g' \
		"$top/libgcc/libgcc-std.ver.in" "$top/libgcc/config/i386/libgcc-glibc.ver" |
		$CC --ward-compiler=gcc -E -xassembler-with-cpp -
} | awk -f "$top/libgcc/mkmap-symver.awk" >map
$CC --ward-compiler=gcc -shared -nodefaultlibs -Wl,-soname,libgcc_s.so.1 -Wl,--version-script,map \
	-Wl,-z,defs -o libgcc_s.so.1 ./*.o "$($CC --ward-compiler=gcc -print-libgcc-file-name)" -lc
install_lib libgcc_s.so.1 "$OUT/lib/"
ln -s libgcc_s.so.1 "$OUT/lib/libgcc_s.so"
cd ..

# libstdc++: its own build, of what goes into the shared library. Native, so that its configure
# finds out by itself what musl has; it links with libgcc_s to see whether versions can be had.
mkdir libstdc++ "$top/libstdc++-v3/testsuite" && cd libstdc++
: >"$top/libstdc++-v3/testsuite/Makefile.in"
CC="$CC --ward-compiler=gcc" CXX="env CC=$CC $OUT/bin/c++" CFLAGS=-O1 CXXFLAGS="-O1 -w" \
	LDFLAGS="$LDFLAGS -L$OUT/lib" "$top/libstdc++-v3/configure" \
	--build=x86_64-linux-musl --host=x86_64-linux-musl --prefix="$OUT" --libdir="$OUT/lib" \
	--with-gxx-include-dir="$OUT/include/c++" --disable-multilib --disable-nls \
	--disable-static --disable-libstdcxx-pch --enable-cet=no >configure.log 2>&1
grep -q 'versioning on shared library symbols is gnu' configure.log || die "no symbol versions"
for d in include libsupc++ src; do
	make -j"$JOBS" -C $d >>make.log 2>&1 || { tail -n 40 make.log >&2; die "make -C $d failed"; }
done
make -C include install-headers >install.log 2>&1
make -C libsupc++ install-stdHEADERS install-bitsHEADERS >>install.log 2>&1
install_lib src/.libs/libstdc++.so.6 "$OUT/lib/"
ln -s libstdc++.so.6 "$OUT/lib/libstdc++.so"
for l in "libgcc_s.so.1 GCC_3.0" "libstdc++.so.6 GLIBCXX_3.4.30" "libstdc++.so.6 CXXABI_1.3.13"; do
	readelf -VW "$OUT/lib/${l% *}" | grep -q "Name: ${l#* }" || die "no version ${l#* } in ${l% *}"
done
! readelf -dW "$OUT"/lib/*.so.* | grep NEEDED | grep -Ev '\[(libc\.so|libgcc_s\.so\.1)\]' ||
	die "a library needs what is not musl's"
