"""Every start of the integration suite, and every start that a row of the attack suite makes."""

import os
import re

import cases
import floor
import predict
import rows as attack_rows
import stage
import wardtest

INTEG = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integ")

# Starts with a filter on the calls that enforcing needs, and what prints policy: what is missing is
# no verdict on a file; the group `missing` and the matrix of test/enforce look at that.
NOT_COMPARED = re.compile(r"(kill=|execveat=|(ret|fd)=(execveat|mseal|prctl)|--diagnose\Z|--version\Z)")

# Rows that cannot be compared.
NOT_ROWS = {
    "B16": "a symbolic link changes all the time: no two starts are the same",
    "C06": "a symbolic link changes all the time: no two starts are the same",
    "G14": "when restricted, code on tmpfs is mapped shared: nothing is refused, the attack fails",
    "A32": "brings a system file of its own that reports nothing",
    "D02": "fails the Nth system call of a load: enforcing makes one call more",
}

# Runs that print what the build is.
OTHER_OUTPUT = {"start/options#1": "--version prints the policy it was built with"}


def starts(suite, build, stg):
    """Each run of each integration case, both ways."""
    engine = cases.Engine(wardtest.Build(build.path, "integ"))
    todo = [c for c in cases.load(os.path.join(INTEG, "cases"))
            if not c.manual and (not c.arches or build.arch in c.arches)]
    with predict.Pool(stg, floor.loader(build), wardtest.WORKERS) as pool:
        suite.parallel(lambda c: one_case(suite, engine, pool, c), todo)
        told(suite, "starts", pool, 20)


def one_case(suite, engine, pool, case):
    """All runs of one case."""
    todo = [(n, run, mode) for n, run in enumerate(case.runs, 1) for mode in ("interp", "direct")
            if run.keys.get("mode", mode) == mode and run.keys.get("engine", "ward") == "ward"]
    try:
        built = cases.Built(engine.build, case)
    except wardtest.Skip as e:
        for n, _, mode in todo:
            suite.skip("starts", "%s/%s#%d:%s" % (case.group, case.name, n, mode), str(e))
        return
    for n, run, mode in todo:
        title = "%s/%s#%d" % (case.group, case.name, n)
        if title in OTHER_OUTPUT:
            suite.skip("starts", title + ":" + mode, OTHER_OUTPUT[title])
            continue
        suite.check("starts", title + ":" + mode, pool.use, one_start, engine, built, run, mode)


def one_start(pair, engine, built, run, mode):
    """One start in both worlds."""
    argv, prog = engine.argv(built, run, mode)
    env = engine.env(built, run, prog)
    name = ["-a", run.keys["argv0"]] if "argv0" in run.keys else []
    pair.make(lambda world: wardtest.run(
        world.prefix() + name + argv, env=env, cwd=built.expand(run.keys.get("cwd", "$DIR")),
        timeout=float(run.keys.get("timeout", 20))))


class Watched(stage.Trial):
    """A trial whose starts are all made in both worlds. What the row thinks of them is for the
    attack suite; here only the two sides are compared."""

    def __init__(self, stg, name, pair):
        super().__init__(stg, stg.targets[1], name)
        self.pair, self.in_world = pair, super().run

    def run(self, *cmd, **more):
        """Make the start twice; the row goes on with the audited one."""
        words = [*cmd, *more.get("ops", ())]
        if any(map(NOT_COMPARED.match, words)) or any(map(turned_off, words)):
            return self.in_world(*cmd, **more)
        return self.pair.make(lambda world: self.in_world(*cmd, world=world, **more))


def turned_off(word):
    """Does this word bring an /etc whose system file wants no check? Then audit is deaf too."""
    m = re.match(r"bind=(.*):/etc\Z", word)
    path = m.group(1) + "/ward.conf" if m else ""
    if not os.path.isfile(path):  # a FIFO, a directory, nothing: no words to turn anything off
        return False
    with open(path, encoding="latin-1") as h:
        return "check=off" in h.read(65536)


def rows(suite, build, stg):
    """Each row, with ward as its target."""
    for name in sorted(os.listdir(stage.HERE)):
        if name.startswith("group_") and name.endswith(".py"):
            __import__(name[:-3])
    with predict.Pool(stg, floor.loader(build), wardtest.WORKERS) as pool:
        suite.parallel(lambda n: suite.check("rows", n, pool.use, one_row, stg, n),
                       [n for n in attack_rows.wanted() if n in attack_rows.ALL])
        told(suite, "rows", pool, 20)


def one_row(pair, stg, name):
    """All starts of one row."""
    if name in NOT_ROWS:
        raise wardtest.Skip(NOT_ROWS[name])
    trial, before = Watched(stg, name, pair), pair.starts
    attack_rows.ALL[name](trial)
    if pair.starts == before:
        raise wardtest.Skip("no start of this row is made through the stage, or without a filter")


def told(suite, group, pool, least):
    """The comparison is worth something: many starts had something to report."""
    def enough():
        seen = len(pool.seen())
        print("floor    %-12s %d starts made twice, %d of them with a refusal or the like" % (
            group, pool.starts(), seen), flush=True)
        assert seen >= least, "expected at least %d starts with something to report, got %d" % (
            least, seen)
    suite.check(group, "enough to report", enough)
