# apt-private.sh: how the tools ask Debian's archive for packages. Read with `.`, not run.
#
# The system's apt configuration is never edited: a private one (own sources file, own lists and
# cache directories) is derived from it, pointing at the same mirror with the suite asked for.
# apt verifies what comes down: the suite's signature, through it the index, through it each file.
#
#	apt_private_init SUITE [TYPE [ARCH]]
#					make the configuration in a new directory $apt_work; TYPE is
#					deb-src, when not given, or deb; ARCH is Debian's name
#	apt_private ARGS...		apt-get under it
#	apt_private_ask ARGS...		apt-cache under it
#	apt_private_source NAME...	download source packages into $apt_work/source
#	debian_unpack NAME DEST		unpack one of them, with Debian's patch series, into DEST
#	debian_unpack_bare ARCHIVE DEST	unpack an upstream archive without packaging into DEST
#	apt_private_move TREE DEST	a finished tree to DEST, which appears in one step; where another
#					process was faster, its tree stays
#	apt_private_end			remove $apt_work (call it from a trap)
#
# A function that fails says why on stderr and returns non-zero. The caller runs under `set -eu`.

apt_work=

apt_private_say() { echo "${0##*/}: $*" >&2; return 1; }

# The first main archive entry of the machine, in either of apt's two formats.
apt_private_mirror() {
	for apt_f in /etc/apt/sources.list.d/*.sources /etc/apt/sources.list \
	    /etc/apt/sources.list.d/*.list; do
		[ -r "$apt_f" ] || continue
		apt_m=$(awk '
			/^(URIs:|deb|deb-src)[ \t]/ {
				for (i = 2; i <= NF; i++)
					if ($i ~ /\/debian\/?$/) { print $i; exit }
			}' "$apt_f")
		if [ -n "$apt_m" ]; then echo "$apt_m"; return 0; fi
	done
	return 1
}

apt_private_init() {
	apt_keys=/usr/share/keyrings/debian-archive-keyring.gpg
	for apt_t in apt-get awk patch sha256sum tar; do
		command -v $apt_t >/dev/null || apt_private_say "$apt_t is not installed" || return 1
	done
	[ -r $apt_keys ] ||
		apt_private_say "$apt_keys is missing (package debian-archive-keyring)" || return 1
	apt_mirror=$(apt_private_mirror) ||
		apt_private_say "no Debian main archive among apt's sources" || return 1
	apt_work=$(mktemp -d "${TMPDIR:-/tmp}/${0##*/}.XXXXXX") || return 1
	mkdir -p "$apt_work/lists/partial" "$apt_work/cache/archives/partial" "$apt_work/parts" \
		"$apt_work/source"
	apt_arch=${3:-$(dpkg --print-architecture)} || return 1
	cat >"$apt_work/src.sources" <<-END
		Types: ${2:-deb-src}
		URIs: $apt_mirror
		Suites: $1
		Components: main
		Signed-By: $apt_keys
	END
	apt_private update || apt_private_say "apt could not read suite $1"
}

# apt drops privileges to _apt when root; the directories are ours alone, so stay as we are.
apt_private_run() {
	apt_tool=$1
	shift
	"$apt_tool" -o APT::Sandbox::User="$(id -un)" \
		-o APT::Architecture="$apt_arch" -o APT::Architectures::="$apt_arch" \
		-o Dir::Etc::SourceList="$apt_work/src.sources" \
		-o Dir::Etc::SourceParts="$apt_work/parts" \
		-o Dir::State::Lists="$apt_work/lists" -o Dir::Cache="$apt_work/cache" \
		-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

apt_private() { apt_private_run apt-get -qq "$@"; }
apt_private_ask() { apt_private_run apt-cache "$@"; }

apt_private_source() {
	(cd "$apt_work/source" && apt_private source --download-only "$@" 2>"$apt_work/err") || {
		cat "$apt_work/err" >&2
		apt_private_say "could not download the source of: $*"
	}
}

# The only file that matches, or an error.
apt_private_one() {
	[ $# -eq 1 ] && [ -f "$1" ] || apt_private_say "expected one file: $*" || return 1
	echo "$1"
}

# Debian's patch series, in its order. $1: debian/patches, $2: the tree, $3: list of what was done.
debian_patch() {
	: >"$3"
	[ -r "$1/series" ] || return 0
	sed 's/#.*//' "$1/series" | while read -r apt_p apt_rest; do
		[ -n "$apt_p" ] || continue
		patch -s -f -E -p1 --no-backup-if-mismatch -d "$2" <"$1/$apt_p" >"$apt_work/patch.log" 2>&1 || {
			cat "$apt_work/patch.log" >&2
			apt_private_say "Debian's patch $apt_p does not apply" || return 1
		}
		echo "$apt_p" >>"$3"
	done
}

# An archive's one top directory, or, when it has none, its contents: as dpkg-source does.
debian_untar() {
	rm -rf "$2" "$2.new"; mkdir "$2.new"
	tar -xf "$1" -C "$2.new" || return 1
	set -- "$2" "$2.new"/*
	if [ $# -eq 2 ] && [ -d "$2" ]; then mv "$2" "$1" && rm -rf "$1.new"; else mv "$1.new" "$1"; fi
}

# DEST appears only when everything succeeded; .debian-version and .debian-patches say what it is.
debian_unpack() {
	apt_dsc=$(apt_private_one "$apt_work/source/$1"_*.dsc) || return 1
	apt_v=${apt_dsc##*/"$1"_}; apt_v=${apt_v%.dsc}
	apt_base=$apt_work/source/${1}_${apt_v%-*}.orig
	apt_tree=$apt_work/tree-$1 apt_deb=$apt_work/debian-$1
	apt_f=$(apt_private_one "$apt_base".tar.*[!c]) || return 1
	debian_untar "$apt_f" "$apt_tree" || return 1
	for apt_f in "$apt_base"-*.tar.*[!c]; do	# further upstream archives, each a directory
		[ -f "$apt_f" ] || continue
		apt_c=${apt_f#"$apt_base"-}
		debian_untar "$apt_f" "$apt_tree/${apt_c%%.tar*}" || return 1
	done
	apt_f=$(apt_private_one "$apt_work/source/${1}_$apt_v".debian.tar.*) || return 1
	debian_untar "$apt_f" "$apt_deb" || return 1
	debian_patch "$apt_deb/patches" "$apt_tree" "$apt_tree/.debian-patches" || return 1
	echo "$apt_v" >"$apt_tree/.debian-version"
	apt_private_move "$apt_tree" "$2"
}

debian_unpack_bare() {
	debian_untar "$1" "$apt_work/tree" || return 1
	: >"$apt_work/tree/.debian-patches"
	echo "none" >"$apt_work/tree/.debian-version"
	apt_private_move "$apt_work/tree" "$2"
}

# Nothing at DEST is ever removed: somebody may be using it already.
apt_private_move() {
	mkdir -p "$(dirname "$2")"
	rm -rf "$2.tmp.$$"
	mv "$1" "$2.tmp.$$" || return 1
	mv -T "$2.tmp.$$" "$2" 2>/dev/null && return 0
	rm -rf "$2.tmp.$$"
	[ -d "$2" ] || apt_private_say "could not make $2"
}

apt_private_end() { [ -z "$apt_work" ] || rm -rf "$apt_work"; }
