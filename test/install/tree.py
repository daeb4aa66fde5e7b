"""The whole tree: what is installed, into DESTDIR, by whom, and that nothing else is touched."""

import os
import re
import shutil
import threading

from site_ import TOP, same, snapshot
import stage
import wardtest

NOBODY = 65534


def fresh(site, name="dest"):
    """An empty directory for DESTDIR."""
    dest = os.path.join(site.build.work, name)
    shutil.rmtree(dest, ignore_errors=True)
    os.makedirs(dest)
    return dest


def make(site, *words):
    """make, in silence but for the self-test that DESTDIR leaves out."""
    r = site.make(*words)
    said = [x for x in r.out.splitlines() if x != "install: self-test left out: DESTDIR is set"]
    assert r.rc == 0 and not r.err and not said, "expected silence\n%s" % r


def check_twice(site):
    """The same tree the second time; nothing temporary is left; uninstall leaves nothing."""
    dest = fresh(site)
    make(site, "install", "as-musl=yes", "DESTDIR=" + dest)
    first = snapshot(dest, inodes=False)
    assert not [p for p in first if "/.ward" in p or p.endswith((".new", ".old"))], first
    for want in ("bin/ward-cc", "lib/crt1.o", "lib/libc.a", "lib/libc.so", "include/stdio.h",
                 "kernel-include/linux", "share/man/man1/ward-cc.1", "share/man/man5/ward.conf.5"):
        assert os.path.lexists(dest + site.prefix + "/" + want), "no " + want
    make(site, "install", "as-musl=yes", "DESTDIR=" + dest)
    same(first, snapshot(dest, inodes=False), "the second time")
    make(site, "uninstall", "DESTDIR=" + dest)
    left = [p for p in snapshot(dest) if not site.lib.startswith("/" + p)]
    assert not left, "left: %s" % left


def check_others(site):
    """Files and directories of others, also empty ones, are there after uninstall."""
    dest = fresh(site)
    prefix = dest + site.prefix
    os.makedirs(prefix + "/include/sys")
    os.makedirs(prefix + "/share/empty")
    os.makedirs(dest + site.lib)
    for name in ("include/own.h", "include/sys/own.h", "share/readme"):
        with open(os.path.join(prefix, name), "w", encoding="ascii") as h:
            h.write("not ward's\n")
    before = snapshot(dest)
    for _ in range(2):
        make(site, "install", "DESTDIR=" + dest)
    make(site, "uninstall", "DESTDIR=" + dest)
    same(before, snapshot(dest), "after uninstall")


def check_stale(site):
    """A file of the version before that this one has not is removed."""
    dest = fresh(site)
    make(site, "install", "DESTDIR=" + dest)
    prefix = dest + site.prefix
    gone = prefix + "/include/gone.h"
    with open(gone, "w", encoding="ascii") as h:
        h.write("of an older version\n")
    with open(prefix + "/share/ward/files", "a", encoding="ascii") as h:
        h.write(site.prefix[1:] + "/include/gone.h\n")
    make(site, "install", "DESTDIR=" + dest)
    assert not os.path.exists(gone), "still there"
    with open(prefix + "/share/ward/files", encoding="ascii") as h:
        assert "gone.h" not in h.read()


def check_options(site):
    """PREFIX, BINDIR and MANDIR of a distribution; the wrapper works through the link in BINDIR."""
    dest = fresh(site)
    words = ["DESTDIR=" + dest, "PREFIX=/usr/lib/ward", "BINDIR=/usr/bin", "MANDIR=/usr/share/man"]
    make(site, "install", *words)
    assert os.readlink(dest + "/usr/bin/ward-cc") == "../lib/ward/bin/ward-cc"
    assert os.path.exists(dest + "/usr/share/man/man8/ld-ward.so.8")
    assert not os.path.exists(dest + "/usr/lib/ward/share/man")
    r = wardtest.run([dest + "/usr/bin/ward-cc", "-c", "-x", "c", "-", "-o", dest + "/o"],
                     stdin="#include <stdio.h>\n#include <linux/limits.h>\nint x = PATH_MAX;\n")
    assert r.rc == 0 and not r.err, r
    os.unlink(dest + "/o")
    make(site, "uninstall", *words)
    left = [p for p in snapshot(dest) if not site.lib.startswith("/" + p)]
    assert not left, "left: %s" % left


def check_escape(site):
    """A link in DESTDIR that leads out of it is an error, and nothing is written out there."""
    for where in (site.lib, site.prefix):
        dest, outside = fresh(site), fresh(site, "outside")
        os.makedirs(os.path.dirname(dest + where))
        os.symlink(outside, dest + where)
        before = snapshot(dest)
        r = site.make("install", "DESTDIR=" + dest)
        assert r.rc != 0 and "leads out of DESTDIR" in r.err, r
        assert not os.listdir(outside), os.listdir(outside)
        same(before, snapshot(dest), "refused")


def check_nobody(site):
    """An ordinary user installs into a directory of his own."""
    dest = fresh(site)
    words = [os.path.join(TOP, "tools/install-ward"), "install"]
    if stage.real_root():
        os.chown(dest, NOBODY, NOBODY)
        words = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", *words]
        if wardtest.run([*words[:4], "test", "-r", site.variants[0]]).rc != 0:
            raise wardtest.Skip("other users cannot reach this checkout")
    r = wardtest.run(words, env=site.env(DESTDIR=dest))
    assert r.rc == 0 and not r.err, r
    tree = snapshot(dest)
    ward = tree[site.ward[1:]]
    assert ward[0] == "0o100755" and ward[1] == (NOBODY if stage.real_root() else os.geteuid()), ward
    os.chmod(dest, 0o555)
    words[-1] = "uninstall"
    r = wardtest.run(words, env=site.env(DESTDIR=dest))
    assert r.rc == 0 and not r.err, r


def check_whole_files(site):
    """While it is installed again and again, every file that a compile reads is there, and whole."""
    site.clear()
    site.must("install", 0)
    names = [site.prefix + "/" + n for n in (
        "lib/libc.a", "lib/crt1.o", "lib/libc.so", "include/stdio.h", "bin/ward-cc",
        "kernel-include/linux/limits.h", "share/man/man8/ld-ward.so.8")]
    want = {}
    for n in names:
        with open(n, "rb") as h:
            want[n] = h.read()
    want.pop(site.prefix + "/lib/libc.so")      # the loader itself, which does change
    wrong, done, count = [], threading.Event(), [0]

    def reader():
        while not done.is_set():
            for n in names:
                try:
                    with open(n, "rb") as h:
                        got = h.read()
                except OSError as e:
                    wrong.append("%s: %s" % (n, e))
                    continue
                if got != want.get(n, got):
                    wrong.append("%s: %d of %d bytes" % (n, len(got), len(want[n])))
            count[0] += 1

    t = threading.Thread(target=reader)
    t.start()
    try:
        for i in range(8):
            site.must("install", i % 2)
    finally:
        done.set()
        t.join()
    assert not wrong and count[0] > 20, "%d rounds: %s" % (count[0], wrong[:5])


def pattern(text):
    """The list's * and ** as a regular expression."""
    parts = {"*": "[^/]*", "**": ".*"}
    return re.compile("".join(parts.get(p) or re.escape(p) for p in re.split(r"(\*\*?)", text)))


def alpine_list(site):
    """The lines of doc/alpine.md: (kind and mode, path, target)."""
    with open(os.path.join(TOP, "doc/alpine.md"), encoding="utf-8") as h:
        block = h.read().split("```")[1]
    for line in block.replace("x86_64", site.arch).splitlines()[1:]:
        _, kind, *rest = line.split()
        if kind == "f":
            yield "0o100" + rest[0], pattern(rest[1]), None
        else:
            yield "0o120777", pattern(rest[0]), pattern(rest[2])


def check_alpine(site):
    """What DESTDIR holds is what doc/alpine.md lists, no more and no less; owners, modes, targets."""
    if site.build.config["SYSLIBDIR"] != "/lib":
        raise wardtest.Skip("this build is not configured for /lib")
    dest = fresh(site)
    r = wardtest.run(["make", "-s", "ARCH=" + site.arch, "B=" + os.path.relpath(site.build.path, TOP),
                      "install", "as-musl=yes", "DESTDIR=" + dest, "PREFIX=/usr/lib/ward",
                      "BINDIR=/usr/bin", "MANDIR=/usr/share/man"], cwd=TOP, timeout=120)
    assert r.rc == 0 and not r.err, r
    rows = [[*row, 0] for row in alpine_list(site)]
    for path, (mode, uid, gid, *more) in snapshot(dest, inodes=False).items():
        assert (uid, gid) == (os.geteuid(), os.getegid()), "%s: owner %d:%d" % (path, uid, gid)
        if mode.startswith("0o4"):
            assert mode == "0o40755", "%s: %s" % (path, mode)
            continue
        fits = [row for row in rows if row[0] == mode and row[1].fullmatch("/" + path)
                and (row[2] is None or row[2].fullmatch(str(more[0])))]
        assert len(fits) == 1, "/%s (%s) is on %d lines of the list" % (path, mode, len(fits))
        fits[0][3] += 1
    unmet = [row[1].pattern for row in rows if not row[3]]
    assert not unmet, "on the list, not installed: %s" % unmet
    headers = set(snapshot(site.build.path + "/stock/include", inodes=False))
    headers |= set(os.listdir(TOP + "/include") if os.path.isdir(TOP + "/include") else ())
    assert set(snapshot(dest + "/usr/lib/ward/include", inodes=False)) == headers


def check_ldd(site):
    """musl-utils' ldd: musl's name with --list, `--` and the program."""
    site.clear()
    site.must("loader", 0, True)
    r = wardtest.run([site.musl, "--list", "--", site.at_musl])
    stock = wardtest.run([site.build.stock_loader, "--list", "--", site.at_musl])
    form = [re.sub(r"\(0x[0-9a-f]+\)", "(ADDRESS)", x.out) for x in (r, stock)]
    assert r.rc == 0 and not r.err and form[0] == form[1] and "ld-musl" in form[0], "%s\n%s" % (
        r, stock)


def tests(suite, site):
    """Run the tests of this file."""
    suite.check("tree", "twice", check_twice, site)
    suite.check("tree", "files of others", check_others, site)
    suite.check("tree", "stale files", check_stale, site)
    suite.check("tree", "options", check_options, site)
    suite.check("tree", "links out of DESTDIR", check_escape, site)
    suite.check("tree", "ordinary user", check_nobody, site)
    suite.check("tree", "whole files", check_whole_files, site)
    suite.check("tree", "the list for Alpine", check_alpine, site)
    suite.check("tree", "ldd of musl-utils", check_ldd, site)
