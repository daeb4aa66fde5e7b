"""What every suite shares: the build under test, running a command, compiling a test program,
and the bookkeeping that ends in one line `N passed, N failed, N skipped`.

A suite is a program that makes a Suite, adds results to it from any thread and ends with
`sys.exit(suite.finish())`. The numbers of tests a group must have stand in the suite's file
EXPECTED: a test that silently stops running is a failure, not a smaller number. What must come
out differently on a build that always enforces stands in its file ENFORCING (differ.py).
"""

import fcntl
import hashlib
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import differ

WORKERS = 2
LIBDIR = os.path.dirname(os.path.abspath(__file__))


class BuildError(Exception):
    """A test program could not be compiled; the text is the compiler's."""


class Skip(Exception):
    """A test cannot run here; the text is the reason, which is printed."""


class Result:
    """How one command ended: rc is the exit status, or minus the signal, or None on a timeout."""

    def __init__(self, argv, rc, out, err, seconds):
        self.argv, self.rc, self.out, self.err, self.seconds = argv, rc, out, err, seconds

    def __str__(self):
        return "%s\n  exit %s\n  stdout %r\n  stderr %r" % (
            shlex.join(map(str, self.argv)), self.status(), self.out, self.err)

    def status(self):
        """The exit status in words."""
        if self.rc is None:
            return "timeout after %.0f s" % self.seconds
        if self.rc < 0:
            return "signal %d (%s)" % (-self.rc, signal.Signals(-self.rc).name)
        return str(self.rc)


def run(argv, env=None, cwd=None, timeout=30, stdin=None, **popen):
    """Run argv to its end and return a Result; the whole process group dies with a timeout.

    env None means the small fixed environment of base_env(), never that of the caller.
    """
    start = time.monotonic()
    with subprocess.Popen(
            [os.fspath(a) for a in argv], env=base_env() if env is None else env, cwd=cwd,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
            errors="surrogateescape", start_new_session=True, **popen) as p:
        try:
            out, err = p.communicate(stdin, timeout=timeout)
            rc = p.returncode
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, err = p.communicate()
            rc = None
    return Result(argv, rc, out, err, time.monotonic() - start)


def base_env(**more):
    """The environment of a test: nothing of the caller's but PATH and a scratch directory."""
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C",
           "HOME": "/nonexistent", "TMPDIR": os.environ.get("TMPDIR", "/tmp")}
    env.update(more)
    return env


def have(tool):
    """The path of a tool, or None."""
    for d in os.environ.get("PATH", "/usr/bin:/bin").split(":"):
        p = os.path.join(d, tool)
        if os.access(p, os.X_OK) and not os.path.isdir(p):
            return p
    return None


class Build:
    """The build directory under test: where its loader, its compiler wrapper and stock musl are."""

    def __init__(self, path, suite):
        self.path = os.path.abspath(path)
        self.config = self._read_config()
        self.arch = self.config["ARCH"]
        self.loader = os.path.join(self.path, "lib", "ld-ward-%s.so.1" % self.arch)
        self.cc = os.path.join(self.path, "bin", "ward-cc")
        self.stock_loader = os.path.join(self.path, "stock", "lib", "ld-musl-%s.so.1" % self.arch)
        self.work = os.path.join(self.path, "test", suite)
        for f in (self.loader, self.cc, self.stock_loader):
            if not os.path.exists(f):
                raise SystemExit("%s is missing: build first (make)" % f)
        os.makedirs(self.work, exist_ok=True)
        self._alone = self._lock_work()
        self._stock_interp = self._short_stock_name()
        self._stamp = self._tool_stamp()
        self._locks = {}
        self._lock = threading.Lock()

    @property
    def cache(self):
        """Where downloads and the corpus are kept: WARD_CACHE, or beside the build directories."""
        return os.path.abspath(os.environ.get("WARD_CACHE")
                               or os.path.join(os.path.dirname(self.path), "cache"))

    @property
    def enforcing(self):
        """True when every start of this build enforces, whatever else is configured."""
        words = (self.config["FLOOR"] + " " + self.config["POLICY"]).split()
        return any(w in ("enforce", "strict", "check=enforce") for w in words)

    def _read_config(self):
        """What configure wrote: {name: value}."""
        path = os.path.join(self.path, "config.mk")
        if not os.path.exists(path):
            raise SystemExit("%s is missing: build first (make)" % path)
        with open(path, encoding="utf-8") as h:
            return dict((w.strip() for w in line.split(":=", 1)) for line in h if ":=" in line)

    def _lock_work(self):
        """Two runs of one suite in one build directory would compile over each other: wait."""
        handle = open(os.path.join(self.work, ".lock"), "w", encoding="ascii")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another run in %s" % self.work, flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        return handle

    def _short_stock_name(self):
        """A name of stock musl's loader no longer than ward's, so that it fits into PT_INTERP."""
        name = os.path.join(self.path, "stock.so")
        target = os.path.join("stock", "lib", os.path.basename(self.stock_loader))
        if not os.path.islink(name) or os.readlink(name) != target:
            tmp = "%s.%d" % (name, os.getpid())
            os.symlink(target, tmp)
            os.replace(tmp, name)
        return name

    def _tool_stamp(self):
        """What, besides sources and flags, decides what a compile yields."""
        parts = []
        for f in (self.cc, os.path.join(self.path, "lib", "libc.a"),
                  os.path.join(self.path, "lib", "crt1.o")):
            if os.path.exists(f):
                with open(f, "rb") as h:
                    parts.append(hashlib.sha256(h.read()).hexdigest())
        return "\n".join(parts)

    def _lock_of(self, out):
        with self._lock:
            return self._locks.setdefault(out, threading.Lock())

    def compile(self, out, args, inputs, cc=None):
        """Make `out` with ward-cc and the words `args`, unless it is there from the same inputs.

        inputs: the files whose content decides about the result. cc: None, "gcc" or "clang".
        """
        words = [self._stamp, cc or os.environ.get("WARD_CC", ""), *args]
        key = hashlib.sha256("\0".join(words).encode())
        for f in sorted(inputs):
            with open(f, "rb") as h:
                key.update(hashlib.sha256(h.read()).digest())
        stamp = out + ".key"
        with self._lock_of(out):
            if os.path.exists(out) and os.path.exists(stamp):
                with open(stamp, encoding="ascii") as h:
                    if h.read() == key.hexdigest():
                        return out
            os.makedirs(os.path.dirname(out), exist_ok=True)
            env = dict(os.environ)
            if cc:
                env["WARD_CC"] = cc
            argv = [self.cc, *args, "-o", out]
            r = run(argv, env=env, timeout=120)
            if r.rc != 0:
                raise BuildError("cannot build %s\n%s\n%s" % (out, shlex.join(argv), r.err[:1500]))
            with open(stamp, "w", encoding="ascii") as h:
                h.write(key.hexdigest())
        return out

    def stock_copy(self, prog):
        """The same program with PT_INTERP naming stock musl's loader; all else is byte for byte."""
        out = prog + ".stock"
        with self._lock_of(out):
            if os.path.exists(out) and os.stat(out).st_mtime_ns >= os.stat(prog).st_mtime_ns:
                return out
            with open(prog, "rb") as h:
                image = h.read()
            was, now = os.fsencode(self.loader) + b"\0", os.fsencode(self._stock_interp)
            if image.count(was) != 1 or len(now) >= len(was):
                raise BuildError("%s: PT_INTERP is not %s exactly once" % (prog, self.loader))
            with open(out + ".new", "wb") as h:
                h.write(image.replace(was, now.ljust(len(was), b"\0")))
            os.chmod(out + ".new", 0o755)
            os.replace(out + ".new", out)
        return out

    @property
    def stock_interp(self):
        """The path that stock_copy() writes into PT_INTERP."""
        return self._stock_interp


class Suite:
    """Counts results by group, prints failures as they come, and ends a suite.

    add() and friends may be called from any thread.
    """

    def __init__(self, name, arch, where, argv=()):
        self.name, self.arch, self.where = name, arch, where
        self.update = "--update-expected" in argv
        self.verbose = "--verbose" in argv
        self.partial = False
        self._differences = differ.Differences()
        self._groups = {}
        self._lock = threading.Lock()
        self._skips = {}

    def on(self, build):
        """Say which build is tested: an enforcing one differs as the file ENFORCING has it."""
        if build.enforcing:
            self._differences = differ.Differences(os.path.join(self.where, "ENFORCING"),
                                                   self.update)

    def _add(self, group, kind):
        self._groups.setdefault(group, {"pass": 0, "fail": 0, "skip": 0})[kind] += 1

    def ok(self, group, name):
        """One test passed."""
        wrong = self._differences.passed("%s/%s" % (group, name))
        if wrong:
            self.fail(group, name, wrong)
            return
        with self._lock:
            self._add(group, "pass")
            if self.verbose:
                print("ok   %s/%s" % (group, name), flush=True)

    def fail(self, group, name, why):
        """One test failed; why says what was expected and what came. False: it was to differ."""
        if self._differences.failed("%s/%s" % (group, name), str(why)):
            with self._lock:
                self._add(group, "pass")
                if self.verbose:
                    print("ok   %s/%s (differs as expected)" % (group, name), flush=True)
            return False
        with self._lock:
            self._add(group, "fail")
            text = str(why).rstrip("\n").replace("\n", "\n     ")
            print("FAIL %s/%s: %s" % (group, name, text), flush=True)
        return True

    def skip(self, group, name, reason):
        """One test cannot run here, for a reason that is printed once for all tests it stops."""
        with self._lock:
            self._add(group, "skip")
            self._skips.setdefault((group, reason), []).append(name)

    def check(self, group, name, function, *args):
        """Run one test: it passes when it returns; Skip leaves it out; all else fails it."""
        try:
            function(*args)
        except Skip as e:
            self.skip(group, name, str(e))
        except (AssertionError, BuildError) as e:
            self.fail(group, name, e)
        except Exception as e:  # a broken test is a failed test, never a lost one
            self.fail(group, name, "%s: %s" % (type(e).__name__, e))
        else:
            self.ok(group, name)

    def parallel(self, function, items):
        """Call function(item) for all items on WORKERS threads; an exception ends the suite."""
        with ThreadPoolExecutor(WORKERS) as pool:
            for _ in pool.map(function, items):
                pass

    def _expected(self):
        """EXPECTED of this architecture: {group: number of tests}."""
        path = os.path.join(self.where, "EXPECTED")
        found = {}
        if os.path.exists(path):
            with open(path, encoding="ascii") as h:
                for line in h:
                    words = line.split("#")[0].split()
                    if words and words[0] == self.arch:
                        found[words[1]] = int(words[2])
        return found

    def _rewrite_expected(self, counts):
        path = os.path.join(self.where, "EXPECTED")
        kept = []
        if os.path.exists(path):
            with open(path, encoding="ascii") as h:
                kept = [x for x in h if x.split()[:1] != [self.arch]]
        if not kept:
            kept = ["# tests per architecture and group; fewer or more is a failure\n"]
        with open(path, "w", encoding="ascii") as h:
            h.writelines(kept)
            for group in sorted(counts):
                h.write("%s %s %d\n" % (self.arch, group, counts[group]))

    def _compare_expected(self):
        counts = {g: sum(c.values()) for g, c in self._groups.items()}
        if self.update:
            self._rewrite_expected(counts)
            return
        want = self._expected()
        for group in sorted(set(want) | set(counts)):
            if want.get(group, 0) != counts.get(group, 0):
                self.fail(group, "EXPECTED", "expected %d tests, got %d (see %s/EXPECTED)" % (
                    want.get(group, 0), counts.get(group, 0), os.path.relpath(self.where)))

    def finish(self):
        """Print the summary; return the exit status of the suite."""
        if self.partial:
            print("part of the suite only: counts are not compared with EXPECTED")
        else:
            self._compare_expected()
            for title, why in self._differences.finish():
                self.fail("ENFORCING", title, why)
        for (group, reason), names in sorted(self._skips.items()):
            print("SKIP %s: %d (%s): %s" % (group, len(names), names[0], reason))
        total = {"pass": 0, "fail": 0, "skip": 0}
        for group in sorted(self._groups):
            c = self._groups[group]
            print("%-8s %-12s %d passed, %d failed, %d skipped" % (
                self.name, group, c["pass"], c["fail"], c["skip"]))
            for k in total:
                total[k] += c[k]
        print("%d passed, %d failed, %d skipped" % (total["pass"], total["fail"], total["skip"]))
        sys.stdout.flush()
        return 1 if total["fail"] or not total["pass"] else 0
