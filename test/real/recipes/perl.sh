# source: perl
# Perl with a shared libperl, threads, every XS module as a library, and tests of some of them.
. "$HERE/recipes/common.sh"

cp -R "$SRC/perl/." .
root=$(dirname "$(dirname "$CC")")
# What Configure is told it does not look for in the host's directories.
sh Configure -des -Dprefix="$OUT" -Dcc="$CC" -Dld="$CC" -Doptimize=-O0 -Dccflags=-w \
	-Dldflags="$LDFLAGS" -Dlddlflags=-shared -Duseshrplib -Dusethreads -Dusenm=n \
	-Dusrinc="$root/include" -Dlocincpth=' ' -Dloclibpth=' ' -Dlibpth="$root/lib" \
	-Dlibswanted='m c' -Dman1dir=none -Dman3dir=none -Dd_gnulibc=undef -Accflags=-D_GNU_SOURCE \
	>configure.log 2>&1 || { tail -n 40 configure.log >&2; die "Configure failed"; }
make -j"$JOBS" >make.log 2>&1 || { tail -n 40 make.log >&2; die "make failed"; }
make install.perl >install.log 2>&1 || { tail -n 40 install.log >&2; die "make install failed"; }
check_interp "$OUT/bin/perl"
find "$OUT/lib" -name '*.so' -exec chmod 755 {} +
# Each test is run where it expects to be: in the directory of its module.
mkdir -p "$OUT/t"
for m in cpan/Digest-SHA dist/Storable; do
	mkdir "$OUT/t/${m#*/}"
	cp -R $m/t "$OUT/t/${m#*/}/"
done
