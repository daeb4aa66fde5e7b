"""npm.py: what comes from npm is used only when it is what npm.lock says, and unpacked safely.

An npm of our own stands in PATH, which brings an archive that the test has made.
"""

import io
import os
import shutil
import sys
import tarfile

import npm
import wardtest

from cases import REAL

RECIPES = ()
SPEC = "@ward/try@1.0.0"
# The directory to put it into is the word after --pack-destination.
FAKE = """#!/bin/sh
%s
while [ "$1" != --pack-destination ]; do shift; done
cp '%s' "$2/ward-try-1.0.0.tgz"
"""


def cases(out):
    """None: no program of the corpus is run."""
    return []


def member(name, data=b"x", mode=0o644, kind=tarfile.REGTYPE, link=""):
    """An entry of an archive."""
    m = tarfile.TarInfo(name)
    m.size, m.mode, m.type, m.linkname = len(data), mode, kind, link
    return m, data


class Fetching:
    """A directory with an archive, an npm that brings it, and a lock."""

    def __init__(self, run, name, members, before=""):
        self.dir = os.path.join(run.build.work, "run", "fetching", name)
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(os.path.join(self.dir, "bin"))
        self.archive = os.path.join(self.dir, "archive.tgz")
        with tarfile.open(self.archive, "w:gz") as tar:
            for m, data in members:
                tar.addfile(m, io.BytesIO(data))
        program = os.path.join(self.dir, "bin", "npm")
        with open(program, "w", encoding="utf-8") as h:
            h.write(FAKE % (before, self.archive))
        os.chmod(program, 0o755)
        self.lock(npm.integrity(self.archive))

    def lock(self, digest):
        """Write npm.lock."""
        with open(os.path.join(self.dir, "npm.lock"), "w", encoding="ascii") as h:
            h.write("%s %s\n" % (SPEC, digest))

    def fetch(self, spec=SPEC, path=None):
        """Fetch the package into an empty cache."""
        path = os.path.join(self.dir, "bin") + ":/usr/bin:/bin" if path is None else path
        return wardtest.run(
            [sys.executable, os.path.join(REAL, "npm.py"), "fetch", os.path.join(self.dir, "cache"),
             os.path.join(self.dir, "npm.lock"), spec], env=wardtest.base_env(PATH=path))

    def file(self, name):
        """Where a file of the package is."""
        return os.path.join(self.dir, "cache", "npm", SPEC, name)

    def fails(self, text, rc=1, **more):
        """Fetching fails with this text, and leaves nothing."""
        r = self.fetch(**more)
        assert r.rc == rc and text in r.err, "exit %d and %r\n%s" % (rc, text, r)
        assert not os.path.exists(self.file("")), "nothing to be left\n%s" % r
        left = [f for _, _, files in os.walk(self.dir) for f in files if f.startswith("evil")]
        assert not left, "nothing outside: %s" % left


def good(run):
    """A good archive: files and modes as npm has them; a second time nothing is fetched."""
    f = Fetching(run, "good", [member("package/lib/a.node", b"data", 0o666),
                               member("package/b", b"more", 0o777)])
    for _ in range(2):
        r = f.fetch()
        assert r.rc == 0, str(r)
        os.unlink(f.archive) if os.path.exists(f.archive) else None
    with open(f.file("lib/a.node"), "rb") as h:
        assert h.read() == b"data"
    modes = [os.stat(f.file(n)).st_mode & 0o777 for n in ("lib/a.node", "b")]
    assert modes == [0o644, 0o755], modes


def changed(run):
    """An archive of other content."""
    f = Fetching(run, "changed", [member("package/a")])
    f.lock("sha512-" + "A" * 86 + "==")
    f.fails("is not what npm.lock says")


def unpinned(run):
    """A package that is not in npm.lock."""
    Fetching(run, "unpinned", [member("package/a")]).fails("is not in npm.lock", spec="other@1.0.0")


def unsafe(run):
    """Archives that would write elsewhere, or make something else than files."""
    for n, (bad, text) in enumerate([
            (member("package/../../evil"), "leaves the package"),
            (member("/evil"), "leaves the package"),
            (member("package/evil", b"", kind=tarfile.SYMTYPE, link="/etc/passwd"), "neither file"),
            (member("package/evil", b"", kind=tarfile.LNKTYPE, link="/etc/passwd"), "neither file"),
            (member("package/evil", b"", kind=tarfile.FIFOTYPE), "neither file")]):
        Fetching(run, "unsafe%d" % n, [member("package/a"), bad]).fails(text)


def nobody(run):
    """No npm, or one that reaches nothing, is no failure but a reason to skip; others are failures."""
    f = Fetching(run, "nobody", [member("package/a")])
    f.fails("npm is not installed", rc=77, path="/nonexistent")
    f = Fetching(run, "offline", [], "echo npm error code ENOTFOUND >&2; exit 1")
    f.fails("npm reaches no registry: ENOTFOUND", rc=77)
    f = Fetching(run, "unknown", [], "echo npm error code E404 >&2; exit 1")
    f.fails("E404")


def checks(run):
    """Each kind of archive, and none."""
    return [(f.__name__, lambda f=f: f(run)) for f in (good, changed, unpinned, unsafe, nobody)]
