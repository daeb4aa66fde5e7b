"""CRIU: a program with threads, TLS and a dlopened library is written to files, killed, restored.

By itself, `checkpoint.py DIRECTORY PROGRAM CRIU...` does that once with one program.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
if __name__ == "__main__":
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

import wardtest  # noqa: E402
from aid import Skip, has, last_line, once, run, test, tool  # noqa: E402

ONE = threading.Lock()  # a restored process takes its old number: nobody else starts meanwhile


@once
def criu(cache):
    """The words that start a CRIU that works here: the machine's, else one that is fetched."""
    said = []
    own = wardtest.have("criu")
    if own is not None:
        r = run([own, "check"])
        if r.rc == 0:
            return [own]
        said.append("%s check: %s" % (
            run([own, "--version"]).out.strip(), last_line(r.err)))
    r = run([os.path.join(HERE, "fetch-criu"), os.path.join(cache, "criu")], timeout=300)
    if r.rc:
        raise Skip("; ".join(said + [last_line(r.err)]))
    words = r.out.split()
    r = run(words + ["check"])
    if r.rc:
        raise Skip("; ".join(said + ["a newer one: " + last_line(r.err)]))
    return words


class Ticker:
    """The program `tick` in a session of its own, and the files it is steered by."""

    def __init__(self, prog, directory):
        self.out, self.end = os.path.join(directory, "out"), os.path.join(directory, "end")
        self.popen = subprocess.Popen(
            [prog, self.out, self.end], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd=directory, env=wardtest.base_env(), start_new_session=True)
        self.pid = self.popen.pid

    def numbers(self):
        """What it wrote last: rounds, both threads' own counters."""
        for _ in range(100):
            try:
                with open(self.out, encoding="ascii") as h:
                    words = h.read().split()
            except FileNotFoundError:
                words = []
            if len(words) == 3:
                return [int(w) for w in words]
            time.sleep(0.01)
        raise AssertionError("the program writes nothing")

    def moves(self, since):
        """It counts on from there, in both threads."""
        for _ in range(500):
            now = self.numbers()
            if now[0] > since[0] + 3 and now[2] > since[2] + 3:
                return now
            time.sleep(0.01)
        raise AssertionError("it stands still at %s" % now)

    def finish(self):
        """Told to end, it checks that the loader still works, and says so."""
        with open(self.end, "w", encoding="ascii"):
            pass
        for _ in range(500):
            with open(self.end, encoding="ascii") as h:
                if h.read() == "ended\n":
                    return
            time.sleep(0.01)
        raise AssertionError("it did not end as told")

    def kill(self):
        """Whatever is left of it."""
        for act in (lambda: os.kill(self.pid, signal.SIGKILL), self.popen.wait):
            try:
                act()
            except ProcessLookupError:
                pass


def step(words, what, pid, directory):
    """criu dump or restore; (worked, its log)."""
    log = os.path.join(directory, "log")
    how = ["-t", str(pid)] if what == "dump" else ["-d"]
    r = run(words + [what, "-D", directory, "-o", "log", "-v4"] + how, timeout=60)
    text = ""
    if os.path.exists(log):
        with open(log, encoding="utf-8", errors="replace") as h:
            text = h.read()
        os.unlink(log)
    return r.rc == 0, text or str(r)


def errors(log):
    """The lines of a log that say what went wrong."""
    return "\n".join(x for x in log.splitlines() if "Error" in x)


def cycle(ctx, prog):
    """Dump, restore, go on."""
    words = criu(ctx.build.cache)
    with ONE:
        there_and_back(ctx.build.work, prog, words)


def there_and_back(work, prog, words):
    """The same with that CRIU, in a directory below work."""
    with tempfile.TemporaryDirectory(dir=work) as d:
        images = os.path.join(d, "images")
        os.mkdir(images)
        t = Ticker(prog, d)
        try:
            t.moves([0, 0, 0])
            worked, log = step(words, "dump", t.pid, images)
            assert worked, "expected a dump\n" + errors(log)
            t.popen.wait()
            before = t.numbers()
            worked, log = step(words, "restore", t.pid, images)
            assert worked, "expected a restore\n" + errors(log)
            t.moves(before)
            t.finish()
        finally:
            t.kill()


def refused(ctx, prog):
    """A dump that fails leaves the program running; returns CRIU's log."""
    words = criu(ctx.build.cache)
    with ONE, tempfile.TemporaryDirectory(dir=ctx.build.work) as d:
        images = os.path.join(d, "images")
        os.mkdir(images)
        t = Ticker(prog, d)
        try:
            before = t.moves([0, 0, 0])
            worked, log = step(words, "dump", t.pid, images)
            assert not worked, "expected CRIU to fail: seals no longer stop it, say so"
            t.moves(before)
            t.finish()
        finally:
            t.kill()
    return log


@test("criu")
def noted(ctx):
    """With seal=off vdso=keep in the program's note it works, as on stock musl."""
    built = ctx.built("tick")
    cycle(ctx, built.path("noted"))
    cycle(ctx, ctx.stock.program(built.path("plain")))


@test("criu")
def section(ctx):
    """The same by a section of /etc/ward.conf, under a policy that enforces: then a note does not
    lower the seals. The file stands in a mount namespace of its own."""
    built = ctx.built("tick")
    words = criu(ctx.build.cache)
    if ctx.build.enforcing:
        raise Skip("the floor of this build has seal=code: nothing lowers it")
    script = 'mount -t tmpfs -o mode=755 t /etc && cp "$0" /etc/ward.conf && exec "$@"'
    # seals of the whole system, then without them for one program
    for prog, conf, works in (("noted", "enforce", False),
                              ("plain", "enforce\n[%s]\nseal=off\nvdso=keep" % built.path("plain"), True)):
        path = built.path("ward.conf." + prog)
        with open(path, "w", encoding="utf-8") as h:
            h.write(conf + "\n")
        os.chmod(path, 0o644)
        with ONE:
            r = run([tool("unshare"), "-m", "sh", "-c", script, path, sys.executable, "-B",
                              os.path.abspath(__file__), ctx.build.work, built.path(prog), *words],
                             timeout=120)
        if "mount:" in r.err or "unshare:" in r.err:
            raise Skip(last_line(r.err))
        assert (r.rc == 0 and r.out == "ok\n") == works, \
            "%s: expected that it %s\n%s" % (conf, "works" if works else "fails", r)
        if not works:
            has(r.err, r"expected a dump", r"parasite\.c:\d+\): mprotect")


@test("criu")
def sealed(ctx):
    """With seals CRIU cannot even dump: it makes memory readable that it wants to read. The program
    goes on."""
    log = refused(ctx, ctx.built("tick").path("plain"))
    has(log, r"Error \(criu/pie/parasite\.c:\d+\): mprotect", r"Can't dump unprotect vmas")


@test("criu")
def half(ctx):
    """vdso=keep alone is not enough. seal=off alone is: CRIU reads a sealed vdso like any other, and
    what it restores has no seals."""
    log = refused(ctx, ctx.built("tick").path("vdso"))
    has(log, r"Error \(criu/pie/parasite\.c:\d+\): mprotect")
    cycle(ctx, ctx.built("tick").path("unsealed"))


if __name__ == "__main__":
    there_and_back(sys.argv[1], sys.argv[2], sys.argv[3:])
    print("ok")
