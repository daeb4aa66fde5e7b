"""The corpus: real programs, built once from Debian's sources with ward-cc, or prebuilt from npm.

A recipe is a shell script of recipes/ that says in its first lines which sources it takes and which
other recipes it needs. What it makes lies in the cache, outside the build directory of the loader,
under a key of everything that decides about it; a recipe whose key is unchanged is not run again.

	CACHE/src/NAME		Debian source packages, unpacked and patched
	CACHE/out/RECIPE	what a recipe installed; RECIPE.key beside it
	CACHE/log/RECIPE	what its last run printed
	CACHE/interp		the path every program names in PT_INTERP: an empty file of mode 0644.
				Only in a private mount namespace a loader lies there, and, under an
				exclusive lock, stock musl's while recipes run what they have built.
	CACHE/lib		what lies over /lib for prebuilt programs: their PT_INTERP, a link to
				CACHE/interp, and the libraries in OUT/syslib of recipes
	../npm			packages of npm (npm.py)
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import npm

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "tools")
SUITE = "bookworm"
WORKERS = 2
# A recipe that lacks something this machine could have exits so, its last line being the reason.
LACKS = 77
CROSS_SITE = os.path.join("recipes", "cross.site")
MUSL_VERSIONS = ("1.2.5", "1.2.6")  # in order of age


class CorpusError(Exception):
    """A source could not be fetched or a recipe failed; the text says which and why."""


def read(path):
    """A file's bytes; nothing when it does not exist."""
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as h:
        return h.read()


def write(path, data):
    """Write a file in one step."""
    with open(path + ".new", "wb") as h:
        h.write(data)
    os.replace(path + ".new", path)


class Recipe:
    """One script of recipes/ and what its first lines say, for one architecture: a line
    `# WHAT-ARCH: ...` counts there, `# WHAT: ...` everywhere.
    """

    def __init__(self, name, arch):
        self.name, self.arch = name, arch
        self.path = os.path.join(HERE, "recipes", name + ".sh")
        self.text = read(self.path)
        if not self.text:
            raise CorpusError("there is no recipe %s" % name)
        self.sources = self._words("source")
        self.needs = self._words("needs")
        self.also = self._words("also")
        self.lists = self._words("npm-list")

    def _words(self, what):
        words = "%s(?:-%s)?" % (what, self.arch)
        lines = re.findall(rb"^# %s: (.*)$" % words.encode(), self.text, re.M)
        return b" ".join(lines).decode().split()

    def packages(self):
        """The packages of npm: of `# npm: ...`, and of `# npm-list: FILE`, where they are the
        second words of lines.
        """
        found = self._words("npm")
        for f in self.lists:
            lines = read(os.path.join(HERE, f)).decode().splitlines()
            found += [x.split()[1] for x in lines if x.strip() and not x.startswith("#")]
        return found


class Corpus:
    """The cache of one architecture, filled with the compiler of one build directory."""

    def __init__(self, build, say=print):
        self.build, self.say = build, say
        self.cache = os.path.join(build.cache, "real", build.arch)
        self.interp = os.path.join(self.cache, "interp")
        self.lib = os.path.join(self.cache, "lib")
        self.npm = npm.Packages(build.cache, say)
        self._missing, self._cross = {}, self._cross_words()
        for d in ("src", "out", "log", "work", "lib"):
            os.makedirs(os.path.join(self.cache, d), exist_ok=True)
        self._cc_text = self._compiler()
        self._musl = build.config["MUSL_VERSION"]
        self._lock = open(os.path.join(self.cache, "lock"), "w", encoding="ascii")

    def _cross_words(self):
        """What makefiles of sources read from the environment to build for another machine."""
        if self.build.arch == os.uname().machine:
            return {}
        # The kernel's and BusyBox's; Debian's SQLite.
        return {"CROSS_COMPILE": self.build.arch + "-linux-gnu-", "CROSS_BUILDING": "yes"}

    def out(self, recipe):
        """Where a recipe installed."""
        return os.path.join(self.cache, "out", recipe)

    def prepare(self, names):
        """Fetch and build what is missing of these recipes; on return they may be run.

        Whoever prepared holds the cache until the process ends: nobody rebuilds under a test.
        """
        recipes = self._closure(names)
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        if self._is_complete(recipes):
            return
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            recipes = self._fetch_packages(recipes)
            self._fetch(recipes)
            self._set_interp(self.build.stock_loader)
            self._run_all([r for r in recipes if not self._is_fresh(r)])
            self._link_libraries()
        finally:
            self._set_interp(None)
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def why_missing(self, names):
        """Why one of these recipes could not be had here, or None."""
        return next((self._missing[r.name] for r in self._closure(names)
                     if r.name in self._missing), None)

    def _closure(self, names):
        """The recipes named and all they need, needed ones first."""
        found = {}

        def add(name):
            if name not in found:
                r = Recipe(name, self.build.arch)
                for n in r.needs:
                    add(n)
                found[name] = r
        for n in names:
            add(n)
        return list(found.values())

    def _is_complete(self, recipes):
        return (os.path.exists(self.interp) and os.path.lexists(self._system_interp())
                and all(self._is_fresh(r) for r in recipes))

    def _system_interp(self):
        return os.path.join(self.lib, "ld-musl-%s.so.1" % self.build.arch)

    def _link_libraries(self):
        """Fill CACHE/lib."""
        want = {self._system_interp(): self.interp}
        for recipe in os.listdir(os.path.join(self.cache, "out")):
            where = os.path.join(self.out(recipe), "syslib")
            for f in os.listdir(where) if os.path.isdir(where) else ():
                want[os.path.join(self.lib, f)] = os.path.join(where, f)
        for link, target in want.items():
            os.symlink(target, link + ".new")
            os.replace(link + ".new", link)

    def _fetch_packages(self, recipes):
        """Packages of npm; the recipes that can be made of what is there, the others remembered."""
        for r in recipes:
            needs = [self._missing[n] for n in r.needs if n in self._missing]
            packages = [] if self._is_fresh(r) else r.packages()
            try:
                if needs:
                    raise npm.Unavailable(needs[0])
                if packages:
                    self.npm.fetch(packages)
            except npm.Unavailable as e:
                self._missing[r.name] = str(e)
            except npm.NpmError as e:
                raise CorpusError("recipe %s: %s" % (r.name, e)) from e
        return [r for r in recipes if r.name not in self._missing]

    def _fetch(self, recipes):
        names = sorted({s for r in recipes for s in r.sources})
        src = os.path.join(self.cache, "src")
        missing = [n for n in names if not os.path.isdir(os.path.join(src, n))]
        if not missing:
            return
        self.say("fetching from Debian %s: %s" % (SUITE, " ".join(missing)))
        cmd = [os.path.join(TOOLS, "fetch-source"), SUITE, src] + missing
        p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                           check=False)
        if p.returncode:
            raise CorpusError("cannot fetch sources\n" + p.stderr)

    def _set_interp(self, loader):
        """Write the file in place: it may be a mount point in another namespace."""
        with open(self.interp, "ab") as h:
            os.fchmod(h.fileno(), 0o755 if loader else 0o644)
            h.truncate(0)
            h.write(read(loader) if loader else b"")

    def _compiler(self):
        """What ward-cc makes of a compile and of two links, but for names of temporary files."""
        text = ""
        for words in (["-c", "x.c"], ["x.o", "-o", "x"], ["-shared", "x.o", "-o", "x"]):
            p = subprocess.run([self.build.cc, "-###"] + words, cwd=self.cache, check=False,
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               env=dict(os.environ, TMPDIR="/tmp"))
            text += re.sub(r"/tmp/(cc|x-)[^\s\"]+", "", p.stderr)
        # Where the compiler lies decides nothing: the programs name only the cache.
        return text.replace(self.build.path, "").encode()

    def _key(self, recipe, musl):
        """A digest of everything that decides what the recipe makes with that version of musl."""
        parts = [recipe.text, read(os.path.join(HERE, "recipes", "common.sh")),
                 self.interp.encode(), self._cc_text, musl.encode() + b"\n"]
        parts += [read(os.path.join(HERE, f)) for f in recipe.also + recipe.lists]
        parts += [read(os.path.join(self.cache, "src", s, ".debian-version"))
                  for s in recipe.sources]
        pinned = npm.pinned()
        parts += [pinned.get(p, "").encode() for p in recipe.packages()]
        if self._cross:
            parts += [repr(self._cross).encode(), read(os.path.join(HERE, CROSS_SITE))]
        parts += [self._key(Recipe(n, self.build.arch), musl).encode() for n in recipe.needs]
        digest = hashlib.sha256()
        for p in parts:
            digest.update(b"%d:" % len(p) + p)
        return digest.hexdigest()

    def _key_file(self, recipe):
        return self.out(recipe.name) + ".key"

    def _is_fresh(self, recipe):
        """What an older musl's headers and crt files made is to run on a newer one: not made anew."""
        key = read(self._key_file(recipe)).decode()
        return any(key == self._key(recipe, v) for v in MUSL_VERSIONS if v <= self._musl) or (
            key == self._key(recipe, self._musl))

    def _run_all(self, stale):
        """Run recipes on WORKERS threads, each as soon as what it needs is there."""
        done = {r.name: threading.Event() for r in stale}
        failed = []

        def one(recipe):
            for n in recipe.needs:
                if n in done:
                    done[n].wait()
            lacking = [self._missing[n] for n in recipe.needs if n in self._missing]
            try:
                if lacking:
                    self._missing[recipe.name] = lacking[0]
                elif not failed:
                    self._run(recipe)
            except CorpusError as e:
                failed.append(e)
            finally:
                done[recipe.name].set()

        # Needed ones come first in the list, so no worker waits for one that cannot start.
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(one, stale))
        if failed:
            raise failed[0]

    def _run(self, recipe):
        work = os.path.join(self.cache, "work", recipe.name)
        out, log = self.out(recipe.name), os.path.join(self.cache, "log", recipe.name)
        for d in (work, out):
            shutil.rmtree(d, ignore_errors=True)
            os.makedirs(d)
        write(self._key_file(recipe), b"")
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": work, "TMPDIR": work,
               "SRC": os.path.join(self.cache, "src"), "OUT": out,
               "DEPS": os.path.join(self.cache, "out"), "HERE": HERE, "CC": self.build.cc,
               "INTERP": self.interp, "JOBS": str(os.cpu_count() or 1),
               "ARCH": self.build.arch, "NPM": self.npm.root, **self._cross}
        if self._cross:
            env["CONFIG_SITE"] = os.path.join(HERE, CROSS_SITE)
        self.say("building %s%s" % (recipe.name, self._versions(recipe)))
        start = time.monotonic()
        with open(log, "wb") as h:
            rc = subprocess.run(["sh", recipe.path], cwd=work, env=env, stdin=subprocess.DEVNULL,
                                stdout=h, stderr=h, check=False).returncode
        tail = read(log).decode(errors="replace").splitlines()[-40:]
        if rc == LACKS and tail:
            self._missing[recipe.name] = tail[-1]
            return
        if rc:
            raise CorpusError("recipe %s failed (exit %d); all of it: %s\n%s" % (
                recipe.name, rc, log, "\n".join(tail)))
        write(self._key_file(recipe), self._key(recipe, self._musl).encode())
        shutil.rmtree(work)
        self.say("built %s in %.0f s" % (recipe.name, time.monotonic() - start))

    def _versions(self, recipe):
        src = os.path.join(self.cache, "src")
        words = ["%s %s" % (s, read(os.path.join(src, s, ".debian-version")).decode().strip())
                 for s in recipe.sources] + recipe.packages()
        return " from " * bool(words) + ", ".join(words[:4] + ["..."] * (len(words) > 4))
