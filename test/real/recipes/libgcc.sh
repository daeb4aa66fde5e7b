# also: ../../doc/examples/sanitizer-glue.c
# libgcc_s.so.1 of another architecture, for musl: the static libgcc of Debian's cross compiler made
# shared. What is static in it is hidden: each name is a jump to the hidden one. Names and versions
# are those of Debian's own libgcc_s.so.1. The unwinder asks glibc for tables, in _dl_find_object,
# which is linked in; whether there are threads it asks by a name that musl keeps to itself.
. "$HERE/recipes/common.sh"

cross=$ARCH-linux-gnu-
eh=$("${cross}gcc" -print-file-name=libgcc_eh.a)
shared=$("${cross}gcc" -print-file-name=libgcc_s.so.1)
"${cross}nm" -D --defined-only --with-symbol-versions "$shared" |
	sed -n 's/^[0-9a-f]* [TWDRB] \(.*\)@@\(.*\)/\2 \1/p' | sort >names
[ "$(wc -l <names)" -gt 100 ] || die "few names in $shared"

awk '{ print $2, "static" $2 } END { print "__pthread_key_create pthread_key_create" }' names >renamed
"${cross}objcopy" --redefine-syms=renamed "$eh" eh.a
"${cross}objcopy" --redefine-syms=renamed "${eh%_eh.a}.a" gcc.a
awk '{ printf ".globl %s\n.type %s, %%function\n%s: b static%s\n", $2, $2, $2, $2 }' names >jumps.s
awk '{ of[$1] = of[$1] " " $2 ";" }
	END { for (v in of) print v " {" of[v] " };"; print "HIDDEN { local: *; };" }' names >map
gcc="$CC --ward-compiler=gcc $CFLAGS -fPIC -ffunction-sections"
$gcc -c "$HERE/../../doc/examples/sanitizer-glue.c" -o glue.o
mkdir -p "$OUT/lib"
$gcc -shared -nodefaultlibs -Wl,-soname,libgcc_s.so.1 -Wl,--version-script,map -Wl,-z,defs \
	-Wl,--gc-sections -o libgcc_s.so.1 jumps.s glue.o eh.a gcc.a -lc
"${cross}nm" -D --defined-only --with-symbol-versions libgcc_s.so.1 |
	sed -n 's/^[0-9a-f]* [TWDRB] \(.*\)@@\(.*\)/\2 \1/p' | sort | cmp - names ||
	die "not the names of $shared"
install_lib libgcc_s.so.1 "$OUT/lib/"
