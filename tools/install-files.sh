# install-files.sh: the files of an installation beside the loader. Read by install-ward, not run.
#
# They are gathered below $work/stage, copied beside their places (D/.ward.new/FILE), and renamed when
# all copies are there and the loader is in place: a compile that runs meanwhile sees whole files. What
# was put where, and which directories were made for it, stands in PREFIX/share/ward/files, one path a
# line, directories with a slash behind: what uninstall removes.

# have_dir DIR: have $DESTDIR$DIR, and write down what was made for it. Links inside must not lead out
# of DESTDIR.
have_dir() {
	a=$1 missing=
	while ! there "$DESTDIR$a"; do
		missing="$missing ${a#/}/" a=${a%/*}
	done
	real=$(cd "$DESTDIR$a/" && pwd -P) || die "$DESTDIR$a is no directory"
	case ${real%/}/ in "$DESTDIR"/*) ;; *) die "$DESTDIR$a leads out of DESTDIR, to $real" ;; esac
	for m in $missing; do echo "$m" >>"$work/dirs"; done
	mkdir -p "$DESTDIR$1"
}

stage_files() {
	s=$work/stage p=$work/stage$PREFIX
	mkdir -p "$p/bin" "$p/lib" "$p/include" "$p/kernel-include" "$s$MANDIR" "$s${list%/*}" "$s$BINDIR"
	cp "$BUILD"/stock/lib/*.o "$BUILD"/stock/lib/*.a "$top/tools/ward-gcc.specs" "$p/lib"
	ln -s "$SYSLIBDIR/$name" "$p/lib/libc.so"
	cp -R "$BUILD/include/." "$p/include"
	for f in "$BUILD"/kernel-include/*; do ln -s "$(readlink "$f")" "$p/kernel-include"; done
	"$top/tools/gen-ward-cc" "$SYSLIBDIR/$name" >"$p/bin/ward-cc"
	for f in "$top"/doc/*.[158]; do
		mkdir -p "$s$MANDIR/man${f##*.}"
		cp "$f" "$s$MANDIR/man${f##*.}"
	done
	find "$s" -type f -exec chmod 644 {} +
	chmod 755 "$p/bin/ward-cc"
	[ "$BINDIR" = "$PREFIX/bin" ] ||
		ln -s "$(realpath -ms --relative-to="$BINDIR" "$PREFIX/bin/ward-cc")" "$s$BINDIR/ward-cc"
	: >"$s$list"
	(cd "$s" && find . ! -type d | sed 's|^\./||' | LC_ALL=C sort) >"$work/files"
	sed 's|/[^/]*$||' "$work/files" | sort -u >"$work/targets"
}

# What an earlier installation put there, if any: files, then directories.
read_list() {
	: >"$work/old"
	[ ! -f "$DESTDIR$list" ] || cat "$DESTDIR$list" >"$work/old"
	if grep -Eq '^/|(^|/)\.\.(/|$)' "$work/old"; then die "$DESTDIR$list is damaged"; fi
}

# The list as it is when everything is in place; $1 may hold more files.
write_list() {
	{ cat "$work/files" "$@"; cat "$work/dirs"; grep '/$' "$work/old" || :; } | LC_ALL=C sort -u
}

copy_files() {
	while read -r d; do have_dir "/$d"; done <"$work/targets"
	read_list
	{ grep -v "/$" "$work/old" || :; } | LC_ALL=C sort -u >"$work/oldfiles"
	# Until the end it holds both: whatever happens, uninstall knows all.
	write_list "$work/oldfiles" >"$work/stage$list"
	while read -r d; do
		n=$DESTDIR/$d/.ward.new
		rm -rf "$n"
		mkdir "$n"
		set --
		for f in "$work/stage/$d"/*; do
			if [ -h "$f" ] || [ ! -d "$f" ]; then set -- "$@" "$f"; fi
		done
		cp -P "$@" "$n/"
	done <"$work/targets"
}

rename_files() {
	cp "$DESTDIR${list%/*}/.ward.new/files" "$DESTDIR$list.new"
	mv -f "$DESTDIR$list.new" "$DESTDIR$list"
	while read -r d; do
		n=$DESTDIR/$d/.ward.new
		mv -f "$n"/* "$DESTDIR/$d/"
		rmdir "$n"
	done <"$work/targets"
	LC_ALL=C comm -13 "$work/files" "$work/oldfiles" | while read -r f; do rm -f "$DESTDIR/$f"; done
	write_list >"$DESTDIR$list.new"
	mv -f "$DESTDIR$list.new" "$DESTDIR$list"
}

# After a failure: the copies that were not renamed, and the directories made for them.
drop_files() {
	[ -n "$work" ] && [ -f "$work/dirs" ] || return 0
	if [ -f "$work/targets" ]; then
		while read -r d; do rm -rf "$DESTDIR/$d/.ward.new"; done <"$work/targets"
	fi
	sort -r "$work/dirs" | while read -r d; do rmdir "$DESTDIR/$d" 2>/dev/null || :; done
}

remove_files() {
	read_list
	[ -s "$work/old" ] || { say "no list of installed files in $DESTDIR$list"; return 0; }
	grep -v '/$' "$work/old" | while read -r f; do rm -f "$DESTDIR/$f"; done
	sed 's|/[^/]*$||' "$work/old" | sort -u | while read -r d; do rm -rf "$DESTDIR/$d/.ward.new"; done
	# Only directories that were made for it, and only empty ones.
	grep '/$' "$work/old" | sort -r | while read -r d; do rmdir "$DESTDIR/$d" 2>/dev/null || :; done
}
