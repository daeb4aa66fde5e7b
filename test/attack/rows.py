"""The rows: a decorator that collects them, and the loop that runs each on both loaders."""

import os

import stage
import wardtest

ALL = {}
HERE = os.path.dirname(os.path.abspath(__file__))


def row(name):
    """Register the function that attacks; it is called once for each loader with a Trial."""
    def add(function):
        if name in ALL:
            raise SystemExit("two tests for row %s" % name)
        ALL[name] = function
        return function
    return add


def wanted():
    """The names in the file ROWS, in order."""
    with open(os.path.join(HERE, "ROWS"), encoding="ascii") as h:
        return [w for line in h for w in line.split("#")[0].split()]


class Tally:
    """How many rows of each group ward stopped, and how many are limits."""

    KINDS = ("stopped", "limit", "SUCCEEDED", "failed", "skipped")

    def __init__(self):
        self.groups = {}

    def add(self, name, kind):
        """Count a row of group name[0]."""
        g = self.groups.setdefault(name[0], dict.fromkeys(self.KINDS, 0))
        g[kind] += 1

    def show(self):
        """One line per group."""
        for name in sorted(self.groups):
            g = self.groups[name]
            more = "".join(", %d %s" % (g[k], k) for k in self.KINDS[2:] if g[k])
            print("attack   group %s      stopped %d, limit %d%s, of %d" % (
                name, g["stopped"], g["limit"], more, sum(g.values())))


def verdict(trial):
    """What became of a row: the kind that Tally counts."""
    if any(fell and not limit for _, fell, limit in trial.seen):
        return "SUCCEEDED"
    if trial.failures:
        return "failed"
    return "limit" if any(limit for _, _, limit in trial.seen) else "stopped"


def run_one(suite, tally, stg, name, target):
    """Run one row on one loader and count it."""
    trial = stage.Trial(stg, target, name)
    try:
        ALL[name](trial)
        if not trial.seen:
            trial.failures.append("expected the test to see something, got nothing")
    except wardtest.Skip as e:
        suite.skip(target.name, name, str(e))
        if target.hardened:
            tally.add(name, "skipped")
        return
    except Exception as e:  # a broken test is a failed test, never a lost one
        trial.failures.append("%s: %s" % (type(e).__name__, e))
    if trial.failures:
        if not suite.fail(target.name, name, "\n".join(trial.failures)):
            trial.failures = []
    else:
        suite.ok(target.name, name)
    if target.hardened:
        tally.add(name, verdict(trial))
