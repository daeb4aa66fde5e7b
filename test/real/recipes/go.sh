# also: programs/go/library.go programs/go/uses.c
# A library that Debian's Go makes for C programs, and a program that is linked to it or opens it.
. "$HERE/recipes/common.sh"

mkdir -p "$OUT/bin" "$OUT/lib" src
cp "$HERE/programs/go/library.go" src/
printf 'module library\n' >src/go.mod
export CC CGO_ENABLED=1 GOFLAGS=-mod=mod GOCACHE="$PWD/cache" GOPATH="$PWD/path" GOPROXY=off \
	CGO_CFLAGS="-O1 -w" CGO_LDFLAGS="-O1"
(cd src && go build -p "$JOBS" -buildmode=c-shared -ldflags='-extldflags=-Wl,-soname,libfromgo.so' \
	-o "$OUT/lib/libfromgo.so" .)
chmod 755 "$OUT/lib/libfromgo.so"
chmod -R u+w path 2>/dev/null || : # Go makes what it keeps read-only
rm "$OUT/lib/libfromgo.h"
$CC $CFLAGS $LDFLAGS $rpath -DLINKED -o "$OUT/bin/linked" "$HERE/programs/go/uses.c" \
	-L"$OUT/lib" -lfromgo
$CC $CFLAGS $LDFLAGS -o "$OUT/bin/opens" "$HERE/programs/go/uses.c"
check_interp "$OUT/bin/linked" "$OUT/bin/opens"
