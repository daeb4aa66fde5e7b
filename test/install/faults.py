"""What fails half way: everything stays as it was, or the next run puts it right.

Broken loaders, a full or read-only file system, a name that cannot be replaced; each step of an
installation made to fail, and killed at each step and at random moments.
"""

import os
import random
import shutil
import signal
import struct
import subprocess
import time

from site_ import copy, same, snapshot
import wardtest

# the commands that an installation runs, as steps that can be made to fail
STEPS = ("cp", "mv", "ln", "rm", "mkdir", "chmod", "sync", "cmp", "grep", "stat", "readlink",
         "mktemp", "flock", "timeout", "sleep")
SHIM = """#!/bin/sh
# step number $at fails, or kills everybody
d=${0%/*}
. "$d/settings"
read -r n <"$d/count"
n=$((n + 1))
echo $n >"$d/count"
if [ $n -eq "$at" ]; then
	[ "$how" = fail ] || kill -9 0
	echo "made to fail: ${0##*/} $*" >&2
	exit 3
fi
PATH=${PATH#*:}
exec "${0##*/}" "$@"
"""
RANDOM_KILLS = 50


def begin(site):
    """Stock musl as a file, one ward installed and kept as .old by a second, nothing as musl."""
    site.clear()
    site.stock("alpine")
    site.must("loader", 0, False)
    site.must("loader", 1, False)


def unchanged(site, before, r, text):
    """The run failed with a text and left no trace."""
    assert r.rc not in (0, None) and text in r.err, "expected a failure with %r\n%s" % (text, r)
    same(before, snapshot(site.root), "after the failure")
    site.runs(site.at_ward, "ward")


# ---- loaders that do not work ----

def file_offset(image, address):
    """Where an address lies in a 64-bit ELF file."""
    phoff, = struct.unpack_from("<Q", image, 32)
    phnum, = struct.unpack_from("<H", image, 56)
    for at in range(phoff, phoff + 56 * phnum, 56):
        kind, _, off, va, _, size = struct.unpack_from("<IIQQQQ", image, at)
        if kind == 1 and va <= address < va + size:
            return off + address - va
    raise wardtest.BuildError("no segment holds %#x" % address)


def patch(site, out, code, address=None):
    """A loader with other code at an address, or where it is entered."""
    with open(site.variants[0], "rb") as h:
        image = bytearray(h.read())
    at = file_offset(image, address or struct.unpack_from("<Q", image, 24)[0])
    image[at:at + len(code)] = code
    with open(out + ".bytes", "wb") as h:
        h.write(image)
    copy(out + ".bytes", out)


def break_at(site, symbol, out):
    """A loader whose function traps; everything else of it works."""
    r = wardtest.run([site.build.config["NM"], "-D", site.variants[0]])
    found = [line.split() for line in r.out.splitlines()]
    address = next(int(w[0], 16) for w in found if w[-1] == symbol)
    patch(site, out, b"\xcc\xcc\xcc\xcc" if site.arch == "x86_64" else b"\0\0\0\0", address)


def check_broken(site, symbol):
    """A loader that starts programs but fails in one function is not installed."""
    begin(site)
    out = os.path.join(site.build.work, "broken")
    break_at(site, symbol, out)
    before = snapshot(site.root)
    for as_musl in (False, True):
        r = site.tool("loader", 0, as_musl, env={"LOADER": out})
        unchanged(site, before, r, "the self-test failed, nothing was installed")


# exit_group(0)
EXIT = {"x86_64": "31ffb8e70000000f05", "aarch64": "000080d2c80b80d2010000d4"}


def check_no_loader(site):
    """Nor is one that exits with 0 and says nothing, another program, nor a file that is no ELF file."""
    begin(site)
    before = snapshot(site.root)
    mute = os.path.join(site.build.work, "mute")
    patch(site, mute, bytes.fromhex(EXIT[site.arch]))
    unchanged(site, before, site.tool("loader", env={"LOADER": mute}), "the self-test failed")
    silent = os.path.join(site.programs, "silent.c")
    with open(silent, "w", encoding="ascii") as h:
        h.write("int main(void) { return 0; }\n")
    out = site.build.compile(os.path.join(site.programs, "silent"), ["-static", silent], [silent])
    unchanged(site, before, site.tool("loader", env={"LOADER": out}), "is not a loader of ward's")
    unchanged(site, before, site.tool("loader", env={"LOADER": silent}), "")


def check_whole_broken(site):
    """A failing self-test of `make install`: no header, no wrapper, no directory appears."""
    begin(site)
    out = os.path.join(site.build.work, "broken")
    break_at(site, "pthread_create", out)
    before = snapshot(site.root)
    r = site.tool("install", env={"LOADER": out})
    unchanged(site, before, r, "the self-test failed, nothing was installed")


def check_environment(site):
    """The caller's loader variables have no say in the self-test."""
    begin(site)
    r = site.tool("loader", 0, env={"LD_PRELOAD": "/nonexistent.so", "LD_WARD": "check=enforce",
                                    "LD_LIBRARY_PATH": "relative"})
    assert r.rc == 0 and "self-test" not in r.err, r    # the tools complain, the self-test does not
    site.runs(site.at_musl, "ward")


def check_left_out(site):
    """Where the self-test cannot run, that is said."""
    begin(site)
    dest = os.path.join(site.build.work, "dest-left-out")
    r = site.must("loader", env={"DESTDIR": dest})
    assert r.out == "loader: self-test left out: DESTDIR is set\n", r
    r = site.must("loader", env={"CROSS": "other-linux-gnu-", "STRIP": "strip"})
    assert r.out.startswith("loader: self-test left out: built for " + site.arch), r


# ---- file systems that refuse ----

def mount(*words):
    """mount(8), which must succeed, in the suite's own mount namespace."""
    subprocess.run(["mount", *words], check=True)


class Small:
    """A file system of its own in place of the site's directory."""

    def __init__(self, site, size):
        self.site, self.size = site, size

    def __enter__(self):
        self.site.clear()
        mount("-t", "tmpfs", "-o", "mode=755,size=%s" % self.size, "ward-test", self.site.root)
        os.makedirs(self.site.lib)

    def __exit__(self, *error):
        subprocess.run(["umount", self.site.root], check=True)


def check_full(site, size, action):
    """No room: for the second loader, or for the rest of the files."""
    with Small(site, size):
        site.must("loader", 0, False)
        before = snapshot(site.root)
        unchanged(site, before, site.tool(action, 1), "No space left on device")
        mount("-o", "remount,size=32m", site.root)
        site.must(action, 1)
        site.runs(site.at_musl, "ward")


def check_inodes(site):
    """No room for names: wherever they run out, nothing is half done."""
    with Small(site, "8m"):
        site.stock("alpine")
        site.must("loader", 0, False)
        site.must("loader", 1, False)
        before = snapshot(site.root)
        used = 2 + len(before)
        for more in range(6):
            mount("-o", "remount,nr_inodes=%d" % (used + more), site.root)
            r = site.tool("loader", 0, True)
            if r.rc == 0:
                break
            unchanged(site, before, r, "")
        assert r.rc == 0 and more > 1, "it never failed" if r.rc == 0 else "it never succeeded"
        site.runs(site.at_musl, "ward")


def check_read_only(site):
    """A read-only file system: an error, for installing and for uninstalling."""
    with Small(site, "8m"):
        site.stock("alpine")
        site.must("loader", 0, True)
        before = snapshot(site.root)
        mount("-o", "remount,ro", site.root)
        for action in ("loader", "install", "uninstall"):
            unchanged(site, before, site.tool(action, 1), "Read-only file system")


def check_busy(site, which):
    """A name that cannot be replaced, as something is mounted there: the first rename is undone."""
    begin(site)
    name = site.musl if which == "musl" else site.ward
    mount("--bind", name, name)
    try:
        before = snapshot(site.root)
        unchanged(site, before, site.tool("loader", 0, True), "cross-device")
    finally:
        subprocess.run(["umount", name], check=True)
    site.must("loader", 0, True)
    site.runs(site.at_musl, "ward")


# ---- every step ----

def shims(site):
    """A directory with every step in it."""
    d = os.path.join(site.build.work, "steps")
    os.makedirs(d, exist_ok=True)
    with open(d + "/text", "w", encoding="ascii") as h:
        h.write(SHIM)
    for name in STEPS:
        copy(d + "/text", os.path.join(d, name))
    return d


def step(site, action, at, how):
    """Run an action with one step failing; (result, steps made)."""
    d = os.path.join(site.build.work, "steps")
    for name, text in (("settings", "at=%d how=%s\n" % (at, how)), ("count", "0\n")):
        with open(os.path.join(d, name), "w", encoding="ascii") as h:
            h.write(text)
    path = d + ":" + os.environ.get("PATH", "/usr/bin:/bin")
    r = site.tool(action, 0, True, env={"PATH": path})
    with open(os.path.join(d, "count"), encoding="ascii") as h:
        return r, int(h.read())


def works(site):
    """What programs need, whatever happened: both names lead to a loader."""
    site.runs(site.at_ward, "ward")
    r = wardtest.run([site.at_musl])
    assert r.rc == 0 and r.out.startswith("hello from "), r


def check_steps_fail(site):
    """Each step fails once: as before, or installed."""
    shims(site)
    for at in range(1, 200):
        begin(site)
        before = snapshot(site.root)
        r, made = step(site, "loader", at, "fail")
        if made < at:
            break
        if r.rc == 0:
            site.runs(site.at_ward, "ward")
            site.runs(site.at_musl, "ward")
        else:
            try:
                unchanged(site, before, r, "made to fail")
            except AssertionError as e:
                raise AssertionError("%s\n%s" % (e, r)) from e
    assert made > 20, "only %d steps" % made


def leftovers(site):
    """Names in the loader's directory that neither programs nor people use."""
    return sorted(n for n in os.listdir(site.lib) if n.startswith("."))


def check_steps_killed(site):
    """Killed before each step, of installing and of uninstalling: all works, the next run is clean."""
    shims(site)
    for action in ("loader", "uninstall"):
        for at in range(1, 200):
            begin(site)
            stock = os.lstat(site.musl).st_ino
            if action == "uninstall":
                site.must("loader", 0, True)
            r, made = step(site, action, at, "kill")
            if made < at:
                break
            assert r.rc == -signal.SIGKILL, r
            if action == "loader":
                works(site)
            else:
                assert wardtest.run([site.at_musl]).rc == 0, "musl's name leads nowhere"
            site.must("loader", 0, True)
            site.runs(site.at_musl, "ward")
            assert not leftovers(site), leftovers(site)
            site.must("uninstall")
            assert os.lstat(site.musl).st_ino == stock, "stock musl is not back"
            assert os.listdir(site.lib) == [os.path.basename(site.musl)], os.listdir(site.lib)
        assert made > 5, "only %d steps" % made


def check_random_kills(site):
    """kill -9 at random moments, installs and uninstalls in turn: musl's name always works."""
    begin(site)
    stock = os.lstat(site.musl).st_ino
    most = 0
    chance = random.Random(4)
    for n in range(RANDOM_KILLS):
        action = "uninstall" if n % 5 == 4 else "loader"
        with subprocess.Popen(
                [os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
                    os.path.abspath(__file__)))), "tools/install-ward"), action],
                env=site.env(n % 2, True), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True) as p:
            time.sleep(chance.uniform(0, 0.12))
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        r = wardtest.run([site.at_musl])
        assert r.rc == 0 and r.out.startswith("hello from "), "after %d kills\n%s" % (n + 1, r)
        most = max(most, len(leftovers(site)))
    assert most <= 4, "%d names are left" % most
    shutil.rmtree(site.tmp)
    os.makedirs(site.tmp)
    os.chmod(site.tmp, 0o1777)
    site.must("loader", 0, True)
    assert not leftovers(site), leftovers(site)
    site.must("uninstall")
    assert os.lstat(site.musl).st_ino == stock, "stock musl is not back"


def tests(suite, site):
    """Run the tests of this file."""
    for symbol in ("dlopen", "pthread_create", "fork"):
        suite.check("faults", "broken " + symbol, check_broken, site, symbol)
    suite.check("faults", "no loader", check_no_loader, site)
    suite.check("faults", "broken, whole install", check_whole_broken, site)
    suite.check("faults", "caller's environment", check_environment, site)
    suite.check("faults", "self-test left out", check_left_out, site)
    suite.check("faults", "full", check_full, site, "1400k", "loader")
    suite.check("faults", "full, whole install", check_full, site, "3m", "install")
    suite.check("faults", "no names", check_inodes, site)
    suite.check("faults", "read-only", check_read_only, site)
    for which in ("ward", "musl"):
        suite.check("faults", "busy " + which, check_busy, site, which)
    suite.check("faults", "steps fail", check_steps_fail, site)
    suite.check("faults", "steps killed", check_steps_killed, site)
    suite.check("faults", "random kills", check_random_kills, site)
