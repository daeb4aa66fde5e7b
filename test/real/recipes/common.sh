# common.sh: read by every recipe. What a recipe is given, and the few words they share.
#
# A recipe builds one program of the corpus from Debian's source, once; the result runs on ward and
# on stock musl. Its first lines say what it is made of: `# source: NAME...` (Debian source
# packages), `# needs: RECIPE...`, `# also: FILE...` (files of test/real it reads). It is run in an
# empty directory that it may fill as it likes, with
#	SRC	directory of unpacked sources, SRC/NAME each (not to be written to)
#	OUT	where to install: OUT/bin, OUT/lib, ...; empty when the recipe starts
#	DEPS	directory of the finished recipes, DEPS/RECIPE each
#	HERE	test/real
#	CC	ward-cc
#	INTERP	what PT_INTERP of each program must be; stock musl's loader lies there meanwhile
#	JOBS	for make -j
set -eu

# Libraries are found through the program's own RUNPATH; relocatable within the cache.
LDFLAGS="-Wl,--dynamic-linker=$INTERP"
rpath='-Wl,-rpath,$ORIGIN/../lib'
CFLAGS="-O1 -pipe -w"

die() { echo "recipe: $*" >&2; exit 1; }

# A program must name INTERP and nothing else, or the comparison would be of something else.
check_interp() {
	for ci_f; do
		readelf -lW "$ci_f" | grep -qF "[Requesting program interpreter: $INTERP]" ||
			die "$ci_f does not have $INTERP as its interpreter"
	done
}

# Kernel-checked loading wants the execute bit on libraries.
install_lib() { install -m 0755 "$@"; }
