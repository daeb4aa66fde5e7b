# prebuilt.sh: for recipes that take programs and libraries from npm as others built them. They say
# which: `# npm: NAME@VERSION...`, `# npm-ARCH: ...` or `# npm-list: FILE`, and are given, besides
# what common.sh says,
#	NPM	directory of the packages, NPM/NAME@VERSION each (not to be written to)
#	ARCH	the architecture they are wanted for
#
# There are two trees: OUT/shipped has the modes that npm gives, OUT/fixed an x bit on every ELF
# file. Files that need no change are links to the cache of packages.

# take NAME@VERSION DIR [FILE...]: a package, or these files of it, as DIR in both trees
take() {
	ta_from=$NPM/$1 ta_to=$2
	shift 2
	[ -d "$ta_from" ] || die "there is no $ta_from"
	for ta_tree in shipped fixed; do
		ta_dir=$OUT/$ta_tree/$ta_to
		mkdir -p "$ta_dir"
		[ $# -gt 0 ] || cp -al "$ta_from/." "$ta_dir"
		for ta_f; do
			mkdir -p "$(dirname "$ta_dir/$ta_f")"
			cp -al "$ta_from/$ta_f" "$ta_dir/$ta_f"
		done
	done
	find "$OUT/fixed/$ta_to" -type f ! -perm -111 >elf
	while read -r ta_f; do
		[ "$(head -c 4 "$ta_f")" = "$(printf '\177ELF')" ] || continue
		cp "$ta_f" "$ta_f.new"
		chmod 755 "$ta_f.new"
		mv "$ta_f.new" "$ta_f"
	done <elf
}

# cxx_libraries: what C++ and Rust programs expect to find in /lib
cxx_libraries() {
	mkdir -p "$OUT/syslib"
	for cl_f in libgcc_s.so.1 libstdc++.so.6; do
		[ -e "$DEPS/cxx/lib/$cl_f" ] || die "the recipe cxx made no $cl_f"
		ln -s "$DEPS/cxx/lib/$cl_f" "$OUT/syslib/$cl_f"
	done
}
