#!/usr/bin/env python3
"""Packages from npm, for the corpus: programs and libraries that others built for musl.

usage: test/real/npm.py add NAME@VERSION...	pin packages: a line each in npm.lock
       test/real/npm.py fetch DIR LOCK NAME@VERSION...	as the corpus does it, with its own npm.lock

npm fetches them, by name and version, from wherever this machine has its packages. What came is
unpacked only when its SHA-512 is that of npm.lock, and kept:

	CACHE/npm/NAME@VERSION		the package's files, with npm's modes
	CACHE/npm/NAME@VERSION.key	the digest of the archive they are from

Nothing of a package is run here: no install scripts, no dependencies.
"""

import base64
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
LOCK = os.path.join(HERE, "npm.lock")
SPEC = re.compile(r"((?:@[a-z0-9_.-]+/)?[a-z0-9_][a-z0-9_.-]*)@(\d+\.\d+\.\d+[a-zA-Z0-9.+-]*)")
WORKERS = 2
# What npm prints when it reached nobody; everything else is a failure.
OFFLINE = re.compile(r"\b(ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|"
                     r"EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b")
MAX_SIZE = 1 << 30


class NpmError(Exception):
    """A package is not what npm.lock says, cannot be unpacked, or npm failed; says which."""


class Unavailable(Exception):
    """There is no npm here, or it reaches nothing; the text is the reason for a SKIP."""


def pinned(lock=LOCK):
    """npm.lock: {NAME@VERSION: integrity}."""
    found = {}
    with open(lock, encoding="ascii") as h:
        for n, line in enumerate(h, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if len(words) != 2 or not SPEC.fullmatch(words[0]) or not re.fullmatch(
                    r"sha512-[A-Za-z0-9+/]{86}==", words[1]):
                raise NpmError("%s:%d: not understood: %s" % (lock, n, line.rstrip()))
            found[words[0]] = words[1]
    return found


def integrity(path):
    """The digest of a file, as npm writes it."""
    digest = hashlib.sha512()
    with open(path, "rb") as h:
        for block in iter(lambda: h.read(1 << 20), b""):
            digest.update(block)
    return "sha512-" + base64.b64encode(digest.digest()).decode()


def pack(spec, where):
    """Have npm bring a package's archive into the empty directory `where`; its path."""
    npm = shutil.which("npm")
    if not npm:
        raise Unavailable("npm is not installed (Debian package npm)")
    argv = [npm, "pack", spec, "--pack-destination", where, "--ignore-scripts", "--no-audit",
            "--no-update-notifier", "--cache", os.path.join(where, "cache"), "--loglevel=error"]
    p = subprocess.run(argv, cwd=where, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                       check=False)
    found = [f for f in os.listdir(where) if f.endswith(".tgz")]
    if p.returncode == 0 and len(found) == 1:
        return os.path.join(where, found[0])
    if OFFLINE.search(p.stderr):
        raise Unavailable("npm reaches no registry: %s" % OFFLINE.search(p.stderr).group())
    raise NpmError("npm pack %s: exit %d\n%s" % (spec, p.returncode, p.stderr[-1500:]))


def safe_name(member):
    """Where below the package's directory an entry goes; what would go elsewhere is an error."""
    parts = member.name.split("/")
    if member.name.startswith("/") or ".." in parts or "" in parts[:-1] or "\0" in member.name:
        raise NpmError("an entry leaves the package: %r" % member.name)
    return "/".join(p for p in parts[1:] if p not in ("", "."))


def unpack(archive, dest):
    """Unpack into the new directory `dest`: regular files only, with the modes npm gives them.

    npm takes group and others' write permission away and sees that everybody can read; it leaves
    x as it is in the archive.
    """
    os.makedirs(dest)
    total = 0
    with tarfile.open(archive, "r:gz") as tar:
        for m in tar:
            name = safe_name(m)
            if m.isdir() or not name:
                continue
            if not m.isreg():
                raise NpmError("neither file nor directory: %r" % m.name)
            total += m.size
            if total > MAX_SIZE:
                raise NpmError("more than %d bytes" % MAX_SIZE)
            path = os.path.join(dest, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "xb") as out:
                shutil.copyfileobj(tar.extractfile(m), out)
                os.fchmod(out.fileno(), (m.mode | 0o644) & 0o755)


class Packages:
    """The cache of packages; several processes and architectures may share one."""

    def __init__(self, cache, say=print, lock=LOCK):
        self.root, self.say, self.lock = os.path.join(cache, "npm"), say, lock

    def path(self, spec):
        """Where a package's files are."""
        return os.path.join(self.root, spec)

    def has(self, spec):
        """Is the package there, as it is pinned now?"""
        try:
            with open(self.path(spec) + ".key", encoding="ascii") as h:
                return h.read() == pinned(self.lock).get(spec)
        except FileNotFoundError:
            return False

    def fetch(self, specs):
        """Bring what is missing of these. Unavailable: nothing can be had now."""
        os.makedirs(self.root, exist_ok=True)
        with open(os.path.join(self.root, "lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            missing = [s for s in specs if not self.has(s)]
            if missing:
                self.say("fetching from npm: %s" % " ".join(missing))
            with ThreadPoolExecutor(WORKERS) as pool:
                list(pool.map(self._fetch_one, missing))

    def _fetch_one(self, spec):
        want = pinned(self.lock).get(spec)
        if not want:
            raise NpmError("%s is not in npm.lock: test/real/npm.py add %s" % (spec, spec))
        dest = self.path(spec)
        with tempfile.TemporaryDirectory(dir=self.root) as tmp:
            archive = pack(spec, tmp)
            got = integrity(archive)
            if got != want:
                raise NpmError("%s is not what npm.lock says\n  pinned %s\n  came   %s" % (
                    spec, want, got))
            try:
                unpack(archive, os.path.join(tmp, "new"))
            except (NpmError, OSError, tarfile.TarError) as e:
                raise NpmError("cannot unpack %s: %s" % (spec, e)) from e
            shutil.rmtree(dest, ignore_errors=True)
            os.makedirs(os.path.dirname(dest), exist_ok=True)
            os.rename(os.path.join(tmp, "new"), dest)
        with open(dest + ".key", "w", encoding="ascii") as h:
            h.write(want)


def add(specs):
    """Pin packages as npm has them now."""
    found = pinned()
    for spec in specs:
        if not SPEC.fullmatch(spec):
            raise NpmError("not NAME@VERSION: %s" % spec)
        with tempfile.TemporaryDirectory() as tmp:
            found[spec] = integrity(pack(spec, tmp))
        print(spec, found[spec], flush=True)
    with open(LOCK, encoding="ascii") as h:
        head = [line for line in h if line.startswith("#")]
    with open(LOCK, "w", encoding="ascii") as h:
        h.writelines(head + ["%s %s\n" % x for x in sorted(found.items())])


def main(argv):
    """Command line."""
    try:
        if len(argv) >= 2 and argv[0] == "add":
            add(argv[1:])
        elif len(argv) >= 4 and argv[0] == "fetch":
            Packages(argv[1], lock=argv[2]).fetch(argv[3:])
        else:
            print(__doc__.split("\n\n")[1], file=sys.stderr)
            return 2
    except Unavailable as e:
        print("npm.py: %s" % e, file=sys.stderr)
        return 77
    except NpmError as e:
        print("npm.py: %s" % e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
