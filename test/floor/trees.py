"""Trees of libraries of which many would be refused: audit lists all of them in one start, and
repairing what enforcing refuses, one at a time, refuses exactly those, no more and no fewer.

The tree: a program needs n0, n1 and n2; libraries need others up to five levels down, with two
diamonds; the program opens n9, n10 and n11 later, which bring libraries of their own. Which files
are wrong, and how, is drawn from a fixed seed.
"""

import os
import random

import floor
import predict
import stage
from wardtest import WORKERS

# library: those it needs
NEEDS = {
    "n8": [], "n7": [], "n6": ["n8"], "n5": ["n7", "n8"], "n4": ["n6"], "n3": ["n5", "n6"],
    "n2": [], "n1": ["n3", "n4"], "n0": ["n3"],
    "n14": [], "n13": ["n14", "n8"], "n12": ["n13"], "n11": ["n12"], "n10": [], "n9": ["n13", "n10"],
}
OPENED = ("n9", "n10", "n11")
TREES = 24
MODES = (0o644, 0o600, 0o444, 0o640)


class Forest:
    """The libraries, compiled once; each tree is a directory of copies."""

    def __init__(self, x):
        self.x, self.libs = x, {}
        for name, needs in NEEDS.items():
            self.libs[name] = x.stage.lib(
                "tree/%s.so" % name, tag=name, inputs=[self.libs[n] for n in needs],
                flags=["-Wl,--no-as-needed", *[self.libs[n] for n in needs],
                       "-Wl,-rpath,$ORIGIN", "-Wl,-rpath-link," + stage.ROOT + "/lib/tree"])
        self.prog = x.prog("treeprog", "host.c", "-Wl,--no-as-needed",
                           *[self.libs[n] for n in ("n0", "n1", "n2")], "-Wl,-rpath,$ORIGIN",
                           "-Wl,-rpath-link," + stage.ROOT + "/lib/tree",
                           inputs=[self.libs[n] for n in ("n0", "n1", "n2")])

    def plant(self, name, wrong):
        """A directory with the program and all libraries; wrong: {library: mode}. Its path."""
        d = self.x.mkdir(name)
        self.x.copy(self.prog, name + "/prog")
        for lib, path in self.libs.items():
            self.x.copy(path, "%s/%s.so" % (name, lib), wrong.get(lib, 0o755))
        return d


def words(d):
    """What the program of a tree is told to do."""
    return [d + "/prog"] + ["open=%s/%s.so" % (d, n) for n in OPENED]


def audit_names_all(pair, x, forest, number):
    """One audited start names the set that enforcing refuses in as many starts as it takes."""
    draw = random.Random(number)
    # As many as a socket keeps: what is lost is counted in the report, but not named.
    names = draw.sample(sorted(NEEDS), draw.choice((1, 2, 3, 5, 9)))
    wrong = {n: draw.choice(MODES) for n in names}
    d = forest.plant("tree%d" % number, wrong)
    refused = set()
    first = pair.make(lambda world: x.run(*words(d), world=world))
    audit = {e.subject for e in pair.last[0]}
    want = {"%s/%s.so" % (d, n) for n in wrong}
    if audit != want:
        raise AssertionError("expected audit to name %s, got %s\n%s" % (
            sorted(want), sorted(audit), first))
    for _ in range(len(NEEDS) + 1):
        events = pair.last[1]
        if not events:
            break
        for e in events:
            refused.add(e.subject)
            os.chmod(e.subject, 0o755)
        pair.make(lambda world: x.run(*words(d), world=world))
    if refused != audit or pair.last[1]:
        raise AssertionError("expected enforcing to refuse, one after the other, %s, got %s" % (
            sorted(audit), sorted(refused)))


# -- one start for each way of asking for what is not to be had --

def planted(x, forest, name, wrong=None, writable=False):
    """A tree whose directory others may write to or not."""
    d = forest.plant(name, wrong or {})
    os.chmod(d, 0o777 if writable else 0o755)
    return d


def noexec_mount(x, forest, name):
    """A tree with one library behind a noexec mount."""
    d = forest.plant(name, {})
    x.mount(name + "/noexec", "mode=755,noexec")
    x.copy(forest.libs["n5"], name + "/noexec/n5.so")
    os.unlink(d + "/n5.so")
    os.symlink("noexec/n5.so", d + "/n5.so")
    return d


def single_starts(x, forest):
    """(title, kind that must be seen or None, start(world))."""
    run, loader = x.run, x.target.loader
    good = planted(x, forest, "good")
    bad = planted(x, forest, "bad", {"n8": 0o644, "n14": 0o644})
    open_dir = planted(x, forest, "open", writable=True)
    noexec = noexec_mount(x, forest, "behind")
    busy = planted(x, forest, "busy")
    writer = os.open(busy + "/n7.so", os.O_WRONLY | os.O_CLOEXEC)  # for as long as the suite runs
    held = os.memfd_create("thing", os.MFD_CLOEXEC)
    with open(forest.libs["n2"], "rb") as h:
        os.write(held, h.read())
    memfd = "/proc/self/fd/%d" % held
    prog = x.copy(forest.prog, "open/prog.0644", 0o644)
    needs_relative = x.prog("needsrelative", "host.c", "-Wl,--no-as-needed", "-Wl,-rpath,tree",
                            forest.libs["n8"])
    env_lib, env_pre = {"LD_LIBRARY_PATH": good}, {"LD_PRELOAD": good + "/n8.so"}
    yield "nothing is wrong", None, lambda w: run(*words(good), world=w)
    yield "direct run, nothing is wrong", None, lambda w: run(loader, *words(good), world=w)
    yield "direct run", "mode", lambda w: run(loader, *words(bad), world=w)
    yield "program 0644", "mode", lambda w: run(loader, prog, world=w)
    yield "noexec mount", "noexec", lambda w: run(*words(noexec), world=w)
    yield "busy", "busy", lambda w: run(*words(busy), world=w)
    yield "memfd", "unlinked", lambda w: run(
        x.loner(), "open=" + memfd, world=w, pass_fds=[held])
    yield "LD_PRELOAD", "LD_PRELOAD", lambda w: run(*words(good), env=env_pre, world=w)
    yield "LD_PRELOAD 0644", "LD_PRELOAD", lambda w: run(
        *words(good), env={"LD_PRELOAD": bad + "/n8.so"}, world=w)
    yield "LD_LIBRARY_PATH", "LD_LIBRARY_PATH", lambda w: run(*words(good), env=env_lib, world=w)
    yield "--preload", "--preload", lambda w: run(
        loader, "--preload", good + "/n8.so", x.loner(), world=w)
    yield "--library-path", "--library-path", lambda w: run(
        loader, "--library-path", good, *words(good), world=w)
    yield "relative dlopen", "relative", lambda w: run(
        x.loner(), "open=./n8.so", world=w, cwd=good)
    yield "relative RUNPATH", "drop", lambda w: run(
        needs_relative, world=w, cwd=stage.ROOT + "/lib")
    yield "directory writable by others", "drop", lambda w: run(*words(open_dir), world=w)
    yield "dlopen of an absolute name in it", None, lambda w: run(
        x.loner(), "open=" + open_dir + "/n8.so", world=w)
    yield "setuid program, library 0644", "mode", secure_start(x, bad)
    yield "securebit", "mode", lambda w: run(*words(bad), ops=[stage.RESTRICT], world=w)
    yield "missing library", None, lambda w: run(x.loner(), "open=/nonexistent.so", world=w)
    os.close(writer)
    os.close(held)


def secure_start(x, d):
    """A setuid program that opens a library of mode 0644 by its absolute name."""
    prog = x.setuid(x.loner(), "suid.tree")
    return lambda w: x.run(prog, "open=%s/n8.so" % d, ops=["uid=%d" % stage.NOBODY], world=w)


def single(pair, kind, start):
    """One start in both worlds; the kind must be what both sides say first."""
    result = pair.make(start)
    said = pair.last[0][:1]
    text = " ".join(map(str, said))
    if bool(said) != (kind is not None) or (kind and kind not in text):
        raise AssertionError("expected %s to be reported, got %s\n%s" % (
            kind or "nothing", text or "nothing", result))


def tests(suite, build, stg):
    """The group."""
    x = stage.Trial(stg, stg.targets[1], "trees")
    forest = Forest(x)
    with predict.Pool(stg, floor.loader(build), WORKERS) as pool:
        suite.parallel(lambda n: suite.check("trees", "tree %d" % n, pool.use, audit_names_all, x,
                                             forest, n), range(TREES))
        for title, kind, start in single_starts(x, forest):
            suite.check("trees", title, pool.use, single, kind, start)
