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

    def __init__(self):
        self.groups = {}

    def add(self, name, kind):
        """kind: stopped, limit, FELL or skipped."""
        g = self.groups.setdefault(name[0], {"stopped": 0, "limit": 0, "FELL": 0, "skipped": 0})
        g[kind] += 1

    def show(self):
        """One line per group."""
        for name in sorted(self.groups):
            g = self.groups[name]
            more = "".join(", %d %s" % (g[k], k) for k in ("FELL", "skipped") if g[k])
            print("attack   group %s      stopped %d, limit %d%s, of %d" % (
                name, g["stopped"], g["limit"], more, sum(g.values())))


def run_one(suite, tally, stg, name, target):
    """Run one row on one loader and count it."""
    group, title = target.name, name
    trial = stage.Trial(stg, target, name)
    try:
        ALL[name](trial)
        if not trial.seen:
            trial.failures.append("the test saw nothing")
    except wardtest.Skip as e:
        suite.skip(group, title, str(e))
        kind = "skipped"
    except Exception as e:  # a broken test is a failed test, never a lost one
        trial.failures.append("%s: %s" % (type(e).__name__, e))
        kind = None
    else:
        kind = None
    if kind is None and trial.failures:
        suite.fail(group, title, "\n".join(trial.failures))
        kind = "FELL"
    elif kind is None:
        suite.ok(group, title)
        kind = "limit" if any(limit for _, _, limit in trial.seen) else "stopped"
    if target.hardened:
        tally.add(name, kind)
