"""The Debian packages: the same bits each time, and musl's name on a real Debian system.

Whatever is installed, upgraded, removed or goes wrong, in which order ever, musl's name leads to a
loader that works, and to musl's own when ward-as-musl is gone.
"""

import os
import re

from chroot import Packages, Root
from site_ import LINE, Background
import wardtest

WARD = ("ward", "ward-as-musl")


class System:
    """The root, the packages, a program that says what it runs on."""

    def __init__(self, site):
        self.packages = Packages(site.build)
        self.packages.ours("ward")
        self.root = Root(site.build)
        self.ward = "ld-ward-%s.so.1" % site.arch
        src = os.path.join(os.path.dirname(__file__), "src/named.c")
        program = site.build.compile(
            os.path.join(site.programs, "named-lib"),
            ["-O1", src, "-Wl,-dynamic-linker," + self.root.musl], [src])
        self.program = self.root.bring(program)
        self.starter = self.root.bring(site.starter)

    def clean(self):
        """Nothing of musl or ward is installed."""
        for name in ("ward-as-musl", "ward-dev", "ward", "musl"):
            if self.installed(name):
                self.root.must("dpkg", "--purge", "--force-all", name)
        self.nothing_left()
        assert self.root.link() is None, "musl's name is there: " + self.root.link()

    def installed(self, name):
        """Does dpkg know anything of it?"""
        return self.root.run("dpkg-query", "-W", name).rc == 0

    def musl(self, version):
        """Install Debian's musl of a version."""
        self.root.install(*self.packages.musl(version))

    def as_musl(self, version=""):
        """Install ward in its place."""
        self.root.install(*self.packages.ours(*WARD, version=version))

    def runs(self, want):
        """The program must run, on what is wanted."""
        r = self.root.run(self.program)
        assert r.rc == 0 and r.out == LINE[want] and not r.err, "expected %r\n%s" % (LINE[want], r)

    def nothing_left(self):
        """No diversion, no file kept aside."""
        r = self.root.must("dpkg-divert", "--list", "*ld-musl*")
        assert not r.out, "diversions are left: %s" % r.out
        left = [n for n in os.listdir(self.root.top + "/usr/lib") if re.search(
            r"ld-(musl|ward)-.*\.(new|old|distrib.*)$", n)]
        assert not left, "left in /usr/lib: %s" % left

    def back_to_musl(self):
        """All is as Debian's package made it."""
        self.runs("stock")
        self.nothing_left()
        r = self.root.must("dpkg", "--verify", "musl")
        assert not r.out, r
        assert self.root.link() == "%s-linux-musl/libc.so" % self.root.arch, self.root.link()


def check_life(s, version):
    """musl, then ward, then without ward again; purged; and a second time."""
    s.clean()
    s.musl(version)
    s.back_to_musl()
    for how in ("--remove", "--purge"):
        s.as_musl()
        assert s.installed("ward-as-musl")
        s.runs("ward")
        assert s.root.link() == s.ward
        s.root.remove("ward-as-musl", how=how)
        s.back_to_musl()
    s.root.remove(*[p for p in WARD if s.installed(p)], how="--purge")
    s.back_to_musl()


def check_without_musl(s):
    """No musl: its name appears with ward-as-musl and goes with it."""
    s.clean()
    s.as_musl()
    s.runs("ward")
    s.root.remove("ward-as-musl")
    assert s.root.link() is None
    s.nothing_left()


def check_musl_later(s):
    """musl comes later, is upgraded to where its file has another name, and is what is left."""
    s.clean()
    s.as_musl()
    s.musl("1.2.3")
    s.runs("ward")
    s.musl("1.2.5")
    s.runs("ward")
    s.root.remove("ward-as-musl")
    s.back_to_musl()


def check_musl_upgraded(s):
    """musl is there first, is upgraded, and upgraded again after ward is gone."""
    s.clean()
    s.musl("1.2.3")
    s.as_musl()
    s.musl("1.2.5")
    s.runs("ward")
    s.root.remove(*WARD)
    s.back_to_musl()
    s.musl("1.2.3")
    s.back_to_musl()


def check_musl_removed(s):
    """musl is removed while ward has its place: programs go on; then the name goes with ward."""
    s.clean()
    s.musl("1.2.5")
    s.as_musl()
    s.root.remove("musl", how="--purge")
    s.runs("ward")
    s.root.remove("ward-as-musl")
    assert s.root.link() is None
    s.nothing_left()


def check_upgrade(s):
    """A new version of ward: the name stays, both packages are the new ones; and back."""
    s.clean()
    s.musl("1.2.5")
    s.as_musl()
    for version in ("9.0", ""):
        if version:
            s.as_musl(version)
        else:
            s.root.must("dpkg", "--force-downgrade", "-i", *[
                s.root.bring(f, 0o644) for f in s.packages.ours(*WARD)])
        s.runs("ward")
        r = s.root.must("dpkg-query", "-W", "-f", "${Version} ${Status}\n", *WARD)
        assert len(set(r.out.splitlines())) == 1 and (version or "0") in r.out, r
    s.root.remove(*WARD)
    s.back_to_musl()


def check_aborted(s):
    """A loader that does not run: not configured, and musl keeps its name. A damaged package, too."""
    s.clean()
    s.musl("1.2.5")
    s.root.install(*s.packages.ours("ward"))
    os.chmod(s.root.top + "/usr/lib/" + s.ward, 0o644)
    package, = s.packages.ours("ward-as-musl")
    inside = s.root.bring(package, 0o644)
    r = s.root.run("dpkg", "-i", inside)
    assert r.rc != 0 and "does not run here" in r.err, r
    s.runs("stock")
    s.root.remove("ward-as-musl")
    s.back_to_musl()
    os.chmod(s.root.top + "/usr/lib/" + s.ward, 0o755)
    with open(s.root.top + inside, "r+b") as h:
        h.truncate(os.path.getsize(package) - 200)
    r = s.root.run("dpkg", "-i", inside)
    assert r.rc != 0, r
    s.back_to_musl()
    s.root.must("dpkg", "--purge", "--force-all", "ward-as-musl")
    s.back_to_musl()


def check_by_hand(s):
    """Where `make install as-musl=yes` was before, the package says so and changes nothing."""
    s.clean()
    s.root.install(*s.packages.ours("ward"))
    os.symlink(s.ward, s.root.top + s.root.musl)
    r = s.root.run("dpkg", "-i", s.root.bring(s.packages.ours("ward-as-musl")[0], 0o644))
    assert r.rc != 0 and "make uninstall first" in r.err, r
    s.runs("ward")
    s.root.must("dpkg", "--purge", "--force-all", "ward-as-musl")
    os.unlink(s.root.top + s.root.musl)


def check_no_gap(s):
    """Programs start all the while: installing, upgrading musl, removing; none fails."""
    s.clean()
    s.musl("1.2.3")
    stop = s.root.place + "/stop"
    if os.path.exists(stop):
        os.unlink(stop)
    with Background() as back:
        back.start(["chroot", s.root.top, s.starter, "500", "/ward-test/stop", "both", s.program])
        for version in ("1.2.5", "1.2.3"):
            s.as_musl()
            s.musl(version)
            s.root.remove(*WARD)
        s.as_musl("9.0")
        s.root.must("dpkg", "--purge", *reversed(WARD))
        with open(stop, "w", encoding="ascii"):
            pass
        (rc, out, err), = back.results(60)
    assert rc == 0 and " 0 failures" in out, "exit %s\n%s%s" % (rc, out, err)
    print("install  %-12s %s" % ("deb", out.strip()), flush=True)


def check_dev(s):
    """ward-dev: ward-cc compiles, and the program runs."""
    s.clean()
    s.root.install(*s.packages.ours("ward", "ward-dev"), force=True)
    s.root.must("sh", "-c", "echo '#include <stdio.h>\nint main(void) { puts(\"made\"); }' >/tmp/m.c")
    s.root.must("ward-cc", "-o", "/tmp/m", "/tmp/m.c")
    assert s.root.must("/tmp/m").out == "made\n"


def check_reproducible(s):
    """Two makes: bit for bit the same, whatever umask, time zone and directory; the given time."""
    first = s.packages.ours("ward", "ward-dev", "ward-as-musl")
    other = os.path.join(s.packages.build.work, "other tmp")
    os.makedirs(other, exist_ok=True)
    second = s.packages.make(s.packages.build.work + "/deb-two", TZ="Asia/Tokyo", TMPDIR=other,
                             umask="077")
    for a, b in zip(first, second):
        with open(a, "rb") as x, open(b, "rb") as y:
            assert x.read() == y.read(), "%s and %s differ" % (a, b)
        r = wardtest.run(["dpkg-deb", "-c", a], env=wardtest.base_env(TZ="UTC"))
        lines = r.out.splitlines()
        assert lines and all("root/root" in x and "2023-11-14 22:13" in x for x in lines), r


def check_contents(s):
    """What belongs to which package, and nothing else under /usr/lib."""
    want = {"ward": ["./usr/lib/" + s.ward, "./usr/share/man/man8/ld-ward.so.8.gz",
                     "./usr/share/man/man5/ward.conf.5.gz", "./usr/share/doc/ward/README.md",
                     "./usr/share/doc/ward/examples/ward-collect", "./usr/share/doc/ward/copyright"],
            "ward-dev": ["./usr/bin/ward-cc", "./usr/lib/ward/lib/libc.a",
                         "./usr/lib/ward/include/stdio.h", "./usr/share/man/man1/ward-cc.1.gz"],
            "ward-as-musl": ["./usr/share/doc/ward-as-musl/copyright"]}
    for name, paths in want.items():
        r = wardtest.run(["dpkg-deb", "-c", *s.packages.ours(name)])
        found = [line.split()[5] for line in r.out.splitlines()]
        assert not set(paths) - set(found), "%s lacks %s" % (name, set(paths) - set(found))
        top = {p.split("/")[1] for p in found if p != "./"}
        assert top == {"usr"}, "%s: %s" % (name, top)
        assert not [p for p in found if "ld-musl" in p or p.endswith((".new", ".old"))], found


def check_lintian(s):
    """lintian finds no error and no warning. Not in ward-dev: libc.a takes it half a minute of CPU."""
    if wardtest.have("lintian") is None:
        raise wardtest.Skip("no lintian here")
    r = wardtest.run(["lintian", "--allow-root", "--fail-on=error,warning",
                      *s.packages.ours(*WARD)], timeout=300)
    assert r.rc == 0 and not r.out, r


def tests(suite, site):
    """Run the tests of this file."""
    checks = [("reproducible", check_reproducible), ("contents", check_contents),
              ("lintian", check_lintian), ("without musl", check_without_musl),
              ("musl later", check_musl_later), ("musl upgraded", check_musl_upgraded),
              ("musl removed", check_musl_removed), ("upgrade", check_upgrade),
              ("aborted", check_aborted), ("installed by hand", check_by_hand),
              ("no gap", check_no_gap), ("ward-dev", check_dev)]
    checks += [("life with musl " + v, lambda s, v=v: check_life(s, v)) for v in ("1.2.3", "1.2.5")]
    try:
        system = System(site)
    except wardtest.Skip as e:
        for name, _ in checks:
            suite.skip("deb", name, str(e))
        return
    for name, test in checks:
        suite.check("deb", name, test, system)
