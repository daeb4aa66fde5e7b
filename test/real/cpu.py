"""CPU time of the corpus: from exec to exit, on ward and on stock musl, in turns.

Each program has two starters (timer.c), one in a mount namespace with ward at PT_INTERP and one in
a namespace with stock musl there. A round runs both, in random order; the ratio of its two times is
one sample, so what disturbs the machine for longer than a round cancels out. Where a file happens
to lie in the page cache is worth some percent: each pass over the programs copies both loaders anew.

What fails. The figure that counts and is printed is the median of a program's ratios; how sure it
is, says its interval (99 %, by ranks). A limit is exceeded when the lower end of the interval is
above it, and it is unclear when only the median is. Before that what is near a limit is measured
again. So noise alone fails nothing, and an excess that is larger than the interval is wide cannot
pass: both are tested, with stock musl in ward's place and a slowdown added ("control", "slowed").

There are two limits. WANTED is what ward is to reach; what is above it is a SKIP that says so. HELD
is what has been reached, with room for the differences between machines; above it is a failure.
"""

import math
import os
import random
import shutil
import statistics
import subprocess
import time

import wardtest

HERE = os.path.dirname(os.path.abspath(__file__))
# limits, for the median over all programs and for each of them
WANTED = {"median": 1.00, "maximum": 1.25}
HELD = {"median": 1.10, "maximum": 1.32}
SECONDS = 24                    # of measuring, for all programs; as much again for what is unclear
PASSES = 3
MORE = 3                        # further passes at most
SLOWDOWN = .10                  # what the test "slowed" adds, and must find
ENGINES = ("stock", "ward")


def quantile(ordered, p):
    """The value at the share p of sorted values."""
    at = max(0.0, min(1.0, p)) * (len(ordered) - 1)
    i = int(at)
    j = min(i + 1, len(ordered) - 1)
    return ordered[i] + (at - i) * (ordered[j] - ordered[i])


class Ratio:
    """The median of some ratios, its 99 % interval (lo, hi) and the quartiles."""

    def __init__(self, values):
        ordered = sorted(values)
        half = 1.29 / math.sqrt(len(ordered))   # of the interval, as a share of the ranks
        self.lo, self.q1, self.median, self.q3, self.hi = (
            quantile(ordered, p) for p in (.5 - half, .25, .5, .75, .5 + half))


class Judgement:
    """What the ratios of all programs say of limits; ratios: {name: Ratio}."""

    def __init__(self, ratios, limits):
        self.ratios, self.limits = ratios, limits
        self.median = statistics.median(r.median for r in ratios.values())
        self.maximum = max(r.median for r in ratios.values())
        self.lo = {"median": statistics.median(r.lo for r in ratios.values()),
                   "maximum": max(r.lo for r in ratios.values())}
        hi = statistics.median(r.hi for r in ratios.values())
        self.again = {n for n, r in ratios.items() if r.lo <= limits["maximum"] < r.hi}
        if self.lo["median"] <= limits["median"] < hi:
            self.again = set(ratios)

    def exceeds(self, what):
        """Is the median or maximum above its limit, beyond noise?"""
        return self.lo[what] > self.limits[what]


class Program:
    """A command that is measured, and its samples."""

    def __init__(self, name, case, where):
        self.name, self.case, self.where = name, case, where
        self.samples = []       # of {engine: (CPU in us, faults)}
        self.burn = 0           # us of CPU that each run in ward's place takes longer

    def ratio(self):
        """The ratios of all rounds."""
        return Ratio([s["ward"][0] / s["stock"][0] for s in self.samples])

    def middle(self, engine, what):
        """The median of CPU time (0) or faults (1)."""
        return statistics.median(s[engine][what] for s in self.samples)


class Agent:
    """timer.c in a namespace: runs a command when told to."""

    def __init__(self, words, program, burn):
        case = program.case
        self.what = "%s with %s" % (program.name, os.path.basename(words[-4]))
        env = wardtest.base_env(HOME=program.where, TMPDIR=program.where, TZ="UTC", **case.env)
        stdin = "/dev/null"
        if case.stdin is not None:
            stdin = os.path.join(program.where, ".stdin")
            with open(stdin, "w", encoding="utf-8") as h:
                h.write(case.stdin)
        self.process = subprocess.Popen(
            words + [stdin, "%.0f" % burn] + list(case.argv), env=env, cwd=program.where,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self):
        """One run: (CPU in us, faults)."""
        self.process.stdin.write(b"x")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        assert len(words) == 3 and words[2] == b"0", (
            "%s: it ended with %r; a case that cannot be repeated says timed=False" % (
                self.what, words))
        return float(words[0]), int(words[1])

    def end(self):
        """No more runs."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Meter:
    """Measures programs. loaders: {engine: file}."""

    def __init__(self, run, loaders):
        self.build, self.starter, self.loaders = run.build, run.starter, loaders
        self.where = os.path.join(self.build.work, "cpu")
        self.random = random.Random(1)
        self.timer = self._timer()

    def _timer(self):
        source, tool = os.path.join(HERE, "timer.c"), os.path.join(self.where, "timer")
        os.makedirs(self.where, exist_ok=True)
        r = wardtest.run(["gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-o", tool, source])
        assert r.rc == 0, r
        return tool

    def program(self, name, case):
        """A program, with a directory of its own."""
        where = os.path.join(self.where, "run", case.group, case.name)
        shutil.rmtree(where, ignore_errors=True)
        os.makedirs(where)
        if case.setup:
            case.setup(where)
        return Program(name, case, where)

    def sample(self, program, seconds, least):
        """Rounds of a program for some seconds, but at least a few."""
        agents = {}
        for engine in ENGINES:
            copy = os.path.join(self.where, engine + ".so")
            if os.path.exists(copy):
                os.remove(copy)
            shutil.copy(self.loaders[engine], copy)
            words = self.starter.namespace(engine, program.case.system, copy) + [self.timer]
            agents[engine] = Agent(words, program, program.burn if engine == "ward" else 0)
        try:
            for a in agents.values():
                a.run()
            end = time.monotonic() + seconds
            while least > 0 or time.monotonic() < end:
                order = list(ENGINES)
                self.random.shuffle(order)
                program.samples.append({e: agents[e].run() for e in order})
                least -= 1
        finally:
            for a in agents.values():
                a.end()

    def judge(self, programs, seconds, limits):
        """Measure, what is near one of the limits more often."""
        again = set(p.name for p in programs)
        for n in range(PASSES + MORE):
            for p in programs:
                if p.name in again:
                    self.sample(p, seconds / PASSES / len(again), 4)
            if n + 1 >= PASSES:
                judgement = Judgement({p.name: p.ratio() for p in programs}, limits)
                again = judgement.again
                if not again:
                    break
        return judgement


def table(programs):
    """What was measured, a line for each program."""
    print("\nreal: CPU time from exec to exit, ward/stock: median of the rounds, 99 % interval,"
          " quartiles\n")
    width = max(len(p.name) for p in programs)
    print("%-*s %6s  %-13s %-13s %10s %10s %13s %7s" % (
        width, "", "ratio", "99 %", "quartiles", "stock us", "ward us", "faults", "rounds"))
    for p in programs:
        r = p.ratio()
        faults = "%.0f>%.0f" % (p.middle("stock", 1), p.middle("ward", 1))
        print("%-*s %6.3f  %5.3f - %5.3f %5.3f - %5.3f %10.0f %10.0f %13s %7d" % (
            width, p.name, r.median, r.lo, r.hi, r.q1, r.q3, p.middle("stock", 0),
            p.middle("ward", 0), faults, len(p.samples)))


def busy():
    """What the whole machine has done: (busy, all), in ticks."""
    with open("/proc/stat", encoding="ascii") as h:
        ticks = [int(w) for w in h.readline().split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


class Checks:
    """The tests of the group "cpu"; the first that is run measures for all."""

    def __init__(self, run, cases):
        self.run, self.cases = run, cases
        self.judgement, self.failed = None, None

    def all(self):
        """(name, function) of each."""
        return [("control", self.control), ("slowed", self.slowed)] + [
            (what, lambda w=what: self.compare(w)) for what in WANTED]

    def measured(self):
        """Everything, once."""
        if self.run.starter.no_namespace:
            raise wardtest.Skip(self.run.starter.no_namespace)
        assert not self.failed, self.failed
        if self.judgement is None:
            self.failed = "measuring failed before"
            meter = Meter(self.run, {e: self.run.starter.loader(e) for e in ENGINES})
            programs = [meter.program("%s/%s" % (c.group, c.name), c) for c in self.cases]
            start, before = time.monotonic(), busy()
            self.judgement = meter.judge(programs, SECONDS, HELD)
            after = busy()
            table(programs)
            print("median %.3f maximum %.3f of %d programs (%.0f s; processors busy with all work:"
                  " %.0f %%)\n" % (self.judgement.median, self.judgement.maximum, len(programs),
                                   time.monotonic() - start,
                                   100 * (after[0] - before[0]) / (after[1] - before[1])),
                  flush=True)
            self.failed = None
        return self.judgement

    def compare(self, what):
        """Pass, or fail or skip with the reason."""
        j = self.measured()
        value, wanted = getattr(j, what), WANTED[what]
        if j.exceeds(what):
            above = {n: r for n, r in j.ratios.items() if r.lo > j.limits[what]}
            raise AssertionError("%s of CPU ratios ward/stock %.3f, beyond noise above %.2f%s" % (
                what, value, j.limits[what], "".join(
                    "\n%s %.3f, at least %.3f" % (n, r.median, r.lo) for n, r in above.items())))
        if value > wanted:
            raise wardtest.Skip("not reached yet: %s of CPU ratios ward/stock %.3f, at most %.2f "
                                "wanted" % (what, value, wanted))

    def with_stock(self, slowdown):
        """Stock musl in ward's place, with and without a slowdown, on a few programs."""
        if self.run.starter.no_namespace:
            raise wardtest.Skip(self.run.starter.no_namespace)
        stock = self.run.starter.loader("stock")
        meter = Meter(self.run, {e: stock for e in ENGINES})
        programs = [meter.program("%s/%s" % (c.group, c.name), c) for c in self.cases[:3]]
        for p in programs if slowdown else ():
            meter.sample(p, .3, 8)
            p.burn, p.samples = slowdown * p.middle("stock", 0), []
        return meter.judge(programs, 3, WANTED)

    def control(self):
        """Stock musl against a copy of itself exceeds no limit."""
        j = self.with_stock(0)
        assert not j.exceeds("median") and not j.exceeds("maximum"), "median %.3f maximum %.3f" % (
            j.median, j.maximum)

    def slowed(self):
        """A tenth more CPU time is found."""
        j = self.with_stock(SLOWDOWN)
        assert j.exceeds("median"), "a slowdown by %.2f was not found: median %.3f" % (
            SLOWDOWN, j.median)
