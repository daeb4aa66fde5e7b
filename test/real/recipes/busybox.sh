# source: busybox
# BusyBox in its dynamic form: all applets in libbusybox.so, one small program on top of it.
. "$HERE/recipes/common.sh"

# The build writes into its source; its testsuite is run from a copy of that.
cp -R "$SRC/busybox" tree
cd tree

# A thousand small files: gcc starts in half of clang's time. ward-cc takes either.
if command -v gcc >/dev/null; then export WARD_CC=gcc; fi
off() { for o; do sed -i "s/^CONFIG_$o=.*/# CONFIG_$o is not set/" .config; done; }
on() { off "$@"; for o; do sed -i "s/^# CONFIG_$o is not set\$/CONFIG_$o=y/" .config; done; }
quoted() { sed -i "s|^CONFIG_$1=.*|CONFIG_$1=\"$2\"|" .config; }
config() { yes '' | make HOSTCC=cc CC="$CC" oldconfig >../config.log; }
make HOSTCC=cc CC="$CC" defconfig >../config.log
off STATIC PIE TC FEATURE_TC_INGRESS NFSMOUNT FEATURE_MOUNT_NFS FEATURE_INETD_RPC PAM SELINUX
on BUILD_LIBBUSYBOX
config
on FEATURE_SHARED_BUSYBOX
quoted EXTRA_CFLAGS "-w"
quoted EXTRA_LDFLAGS "$LDFLAGS -Wl,-rpath,$OUT/lib"
config
grep -q '^CONFIG_FEATURE_SHARED_BUSYBOX=y' .config || die "FEATURE_SHARED_BUSYBOX did not stay set"
make -j"$JOBS" HOSTCC=cc CC="$CC" AR=ar SKIP_STRIP=y busybox >../make.log 2>&1 || {
	tail -n 40 ../make.log >&2
	die "make failed"
}

mkdir -p "$OUT/bin" "$OUT/lib" "$OUT/suite"
lib=$(basename 0_lib/libbusybox.so.*[0-9])
install_lib "0_lib/$lib" "$OUT/lib/"
install -m 0755 0_lib/busybox "$OUT/bin/"
check_interp "$OUT/bin/busybox"
readelf -dW "$OUT/bin/busybox" | grep -q "NEEDED.*libbusybox" || die "busybox is not dynamic"
cp -R .config testsuite "$OUT/suite/"
# The testsuite's own echo, which it would otherwise build where it is run.
$CC $CFLAGS -static -o "$OUT/suite/testsuite/echo-ne" scripts/echo.c
ln -s ../bin/busybox "$OUT/suite/busybox"
