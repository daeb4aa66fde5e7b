"""Which musl a program was built against, and which it runs on: what doc/compatibility.md says.

Debian's musl of each version, with its own musl-gcc, lies in the overlay system in turn. Every program
is first run on that musl, then with ward under the same name.
"""

import os
import re
import shutil
import subprocess

from chroot import Packages, Root
from site_ import TOP, copy
import wardtest

VERSIONS = ("1.2.2", "1.2.3", "1.2.5", "1.2.6")
# What stock musl has and ward does not, by design or for its age; the document names them all.
INTERNAL = {"_dlstart", "__dls2", "__dls2b", "__dls3"}
FTS = {"fts_children", "fts_close", "fts_open", "fts_read", "fts_set"}
NEWER = {"__getauxval", "posix_getdents"}
LFS64 = re.compile(r"\w+64(_r)?\Z")
WAYS = {"pie": ["-pie"], "no-pie": ["-no-pie"], "static": ["-static"]}
SRC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "src/compat")


class Musl:
    """The overlay system with one musl after the other in it."""

    def __init__(self, site):
        self.site, self.build = site, site.build
        self.packages, self.root = Packages(site.build), Root(site.build)
        self.version = None
        self.dirs = [self.root.top + d + "/%s-linux-musl" % site.arch
                     for d in ("/usr/lib", "/usr/include")]
        self.name = self.root.top + self.root.musl
        for f in os.listdir(SRC):
            self.root.bring(os.path.join(SRC, f), 0o644)

    def have(self, version):
        """Unpack Debian's packages of a version."""
        self.drop()
        for f in self.packages.musl(version, "musl", "musl-dev", "musl-tools"):
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", f], stdout=subprocess.PIPE) as p:
                subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", self.root.top],
                               stdin=p.stdout, check=True)
        self.version = version

    def drop(self):
        """No musl any more."""
        for d in self.dirs:
            shutil.rmtree(d, ignore_errors=True)
        if os.path.lexists(self.name):
            os.unlink(self.name)

    def stock(self):
        """Debian's musl has the name."""
        if os.path.lexists(self.name):
            os.unlink(self.name)
        os.symlink("%s-linux-musl/libc.so" % self.build.arch, self.name)

    def ward(self):
        """Ward has it."""
        os.unlink(self.name)
        copy(self.build.loader, self.name)

    def gcc(self, out, source, *words):
        """Compile inside, with musl-gcc."""
        self.root.must("musl-gcc", "-O1", "-w", "-o", "/ward-test/" + out, "/ward-test/" + source,
                       *words)
        return "/ward-test/" + out

    def names(self, path):
        """The dynamic symbols that a C library defines."""
        r = wardtest.run([self.build.config["NM"], "-D", "--defined-only", path])
        return {line.split()[-1] for line in r.out.splitlines()}


def check_built(m, version):
    """Built with that musl-gcc in three ways, with old names: the same output on it and on ward."""
    m.have(version)
    lib = m.gcc("library.so", "library.c", "-shared", "-fPIC")
    programs = {way: m.gcc("broad-" + way, "broad.c", "-rdynamic", *words)
                for way, words in WAYS.items() if way != "static"}
    if version in ("1.2.2", "1.2.3"):     # they could be linked against these names
        programs["old names"] = m.gcc("broad-old", "broad.c", "-rdynamic", "-DOLD_NAMES")
    m.stock()
    want = {way: m.root.must(p, lib).out for way, p in programs.items()}
    assert all(t.count("\n") == 5 and "wrong" not in t for t in want.values()), want
    m.ward()
    for way, p in programs.items():
        r = m.root.run(p, lib)
        assert r.rc == 0 and r.out == want[way] and not r.err, "expected %r\n%s" % (want[way], r)


def check_names(m, version):
    """Ward has every name of that musl but those the document lists."""
    m.have(version)
    with open(os.path.join(TOP, "doc/compatibility.md"), encoding="utf-8") as h:
        text = h.read()
    stock = m.names(m.dirs[0] + "/libc.so")
    lacks = {n for n in stock - m.names(m.build.loader) if not LFS64.match(n)}
    allowed = INTERNAL | FTS | (NEWER if version == "1.2.6" else set())
    assert len(stock) > 1500 and lacks <= allowed, "not on ward: %s" % (lacks - allowed)
    unsaid = [n for n in lacks if "`%s`" % n not in text]
    assert not unsaid, "doc/compatibility.md does not name %s" % unsaid


def program(m, out, source, *words):
    """A program made by ward-cc, with musl's name in PT_INTERP; its name inside."""
    src = os.path.join(SRC, source)
    return m.root.bring(m.build.compile(
        os.path.join(m.site.programs, out),
        ["-O1", "-w", src, "-rdynamic", "-Wl,-dynamic-linker," + m.root.musl, *words], [src]))


def check_ward_cc(m, version):
    """ward-cc's output on that musl: runs, with a note that is ignored; RELR and new names if it can."""
    m.have(version)
    m.stock()
    src = os.path.join(SRC, "library.c")
    lib = m.root.bring(m.build.compile(os.path.join(m.site.programs, "library.so"),
                                       ["-O1", "-shared", "-fPIC", src], [src]))
    plain, note = program(m, "plain", "broad.c"), program(m, "note", "broad.c", "--ward=enforce")
    want = m.root.must(plain, lib).out
    assert want.count("\n") == 5 and m.root.must(note, lib).out == want
    recent = version not in ("1.2.2", "1.2.3")
    r = m.root.run(program(m, "relr", "broad.c", "--ward-relr"), lib)
    assert (r.rc == 0 and r.out == want) == recent, "RELR on musl %s\n%s" % (version, r)
    r = m.root.run(program(m, "newer", "newer.c"))
    if recent:
        assert r.rc == 0 and r.out == "1 E\n", r
    else:
        assert r.rc == 127 and "statx: symbol not found" in r.err, r


def check_newer(m):
    """Built against 1.2.5: runs on ward; built against 1.2.6 with its new name: says what is missing."""
    m.have("1.2.5")
    newer = m.gcc("newer-125", "newer.c")
    m.ward()
    r = m.root.must(newer)
    assert r.out == "1 E\n", r
    m.have("1.2.6")
    with open(m.root.place + "/getdents.c", "w", encoding="ascii") as h:
        h.write("extern long posix_getdents();\n"
                "int main(void) { return posix_getdents(-1) > 0; }\n")
    latest = m.gcc("getdents", "getdents.c")
    m.stock()
    assert m.root.run(latest).rc == 0
    m.ward()
    r = m.root.run(latest)
    if m.build.config["MUSL_VERSION"] == "1.2.5":
        assert r.rc == 127 and "posix_getdents: symbol not found" in r.err, r
    else:
        assert r.rc == 0, r


def check_fts(m):
    """Debian adds fts(3) to its musl, and so has a ward of Debian's source; another says it lacks it."""
    m.have("1.2.5")
    with open(m.root.place + "/fts.c", "w", encoding="ascii") as h:
        h.write("#include <sys/types.h>\n#include <fts.h>\n"
                "int main(void)\n"
                "{ char *a[] = {\"/proc/self/ns\", 0}; return !fts_open(a, 16, 0); }\n")
    walker = m.gcc("fts", "fts.c")
    m.stock()
    m.root.must(walker)
    m.ward()
    r = m.root.run(walker)
    if "fts_open" in m.names(m.build.loader):
        assert r.rc == 0, r
    else:
        assert r.rc == 127 and "fts_open: symbol not found" in r.err, r


def check_glibc(m):
    """A program built for glibc: neither stock musl nor ward starts it; ward says what it is."""
    m.have("1.2.5")
    for which, text in ((m.stock, "symbol not found"), (m.ward, "a glibc program")):
        which()
        r = m.root.run(m.root.musl, "/bin/ls", "/")
        assert r.rc == 127 and text in r.err and not r.out, r


def tests(suite, site):
    """Run the tests of this file."""
    checks = [("%s %s" % (what, v), lambda m, f=f, v=v: f(m, v)) for v in VERSIONS
              for what, f in (("built against", check_built), ("names of", check_names),
                              ("ward-cc on", check_ward_cc))]
    checks += [("newer names", check_newer), ("fts", check_fts), ("glibc", check_glibc)]
    try:
        if site.arch != os.uname().machine:
            raise wardtest.Skip("built for %s" % site.arch)
        musl = Musl(site)
    except wardtest.Skip as e:
        for name, _ in checks:
            suite.skip("compat", name, str(e))
        return
    for name, test in checks:
        suite.check("compat", name, test, musl)
