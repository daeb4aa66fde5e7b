"""Audit predicts enforcing: each start is made twice, and what is said and done is compared.

Once with the loader under test, which audits, and once with the enforcing build of the same source
under the same name (test/attack/world.py); both report to a socket of their own. For every start
must hold:

- The first thing that audit says would be refused, ignored or dropped is the first thing that
  enforcing refused, ignored or dropped: same kind, same object, same requester, same reason. After
  the first the two processes go different ways.
- A start of which audit said nothing runs enforced: same exit status, same output.
- Where audit speaks of files only, all that enforcing refused was said by audit.

A start whose output is never the same twice is compared by its exit status.
"""

import os
import queue
import re

import events
from world import World

TRIES = 3


class Pair:
    """The two worlds of one worker."""

    def __init__(self, stage, number, enforcing_loader):
        self.sides = []
        for name, loader in (("audit", ""), ("enforcing", enforcing_loader)):
            home = "/mnt/world/%s%d" % (name, number)
            os.makedirs(home, exist_ok=True)
            collector = events.Collector(home + "/report.sock")
            conf = "report=denials\nreport-to=%s\n" % collector.path
            world = World(stage, "%s%d" % (name, number), loader=loader, conf=conf)
            self.sides.append((world, collector))
        self.starts = 0
        self.last = [], []  # events of the last start: audit's, enforcing's
        self.seen = []      # events that both sides had in common
        self.problems = []  # of the test that is running

    def make(self, start):
        """Make a start in both worlds, the enforcing one first; start(world) returns a Result.

        Returns the audited one's; what does not agree is added to problems.
        """
        self.starts += 1
        audited = []
        for _ in range(TRIES):
            got = []
            for world, collector in reversed(self.sides):
                collector.read()
                result = start(world)
                # A start that brings an /etc of its own reports to stderr.
                got.append((result, events.parse(collector.read()) or events.parse(result.err)))
            (enforced, done), (audit, said) = got
            audited.append(audit)
            complaint = compare_events(audit, said, enforced, done)
            if complaint is None and not said and not same_output(audit, enforced):
                complaint = problem("the same, as audit said nothing", *got)
                if audit.rc == enforced.rc and not all(same_output(audit, a) for a in audited):
                    complaint = None
            if complaint is None:
                self.seen += said[:1]
                break
        else:
            self.problems.append(complaint)
        self.last = said, done
        return audit

    def take_problems(self):
        """The complaints since the last call."""
        out, self.problems = self.problems, []
        return out

    def close(self):
        """End both worlds."""
        for world, collector in self.sides:
            world.close()
            collector.close()


class Pool:
    """As many pairs as there are workers."""

    def __init__(self, stage, enforcing_loader, workers):
        self.pairs = [Pair(stage, n, enforcing_loader) for n in range(workers)]
        self._free = queue.Queue()
        for p in self.pairs:
            self._free.put(p)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for p in self.pairs:
            p.close()

    def use(self, function, *args):
        """Call function(pair, ...) and raise what did not agree."""
        pair = self._free.get()
        try:
            pair.take_problems()
            function(pair, *args)
            problems = pair.take_problems()
        finally:
            self._free.put(pair)
        if problems:
            raise AssertionError("\n".join(p[:3000] for p in problems[:4]))

    def starts(self):
        """How many starts were compared."""
        return sum(p.starts for p in self.pairs)

    def seen(self):
        """Every first event that both sides had."""
        return [e for p in self.pairs for e in p.seen]


def normal(text):
    """Output without what differs from start to start: addresses, process numbers, maps; and
    without remarks on LD_WARD, which enforcing does not read."""
    out = []
    for line in text.splitlines():
        if re.match(r"[0-9a-f]{4,}-[0-9a-f]{4,} |[A-Z]\w+: +\d+ kB|VmFlags:|ward: LD_WARD: ", line):
            continue
        out.append(re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{6,}\b|\b\d{3,}\b|pipe:\[\d+\]", "N", line))
    return out


def same_output(a, b):
    """Did two starts end and print alike?"""
    return a.rc == b.rc and normal(a.out) == normal(b.out) and normal(a.err) == normal(b.err)


def problem(what, enforcing, audit):
    """A complaint with both starts."""
    text = ["expected " + what]
    for name, (result, said) in (("audit", audit), ("enforcing", enforcing)):
        text.append("%s: %s\n%s" % (name, "; ".join(map(str, said[:5])) or "nothing", result))
    return "\n".join(t[:1500] for t in text)


def compare_events(audit, said, enforced, done):
    """None, or what does not agree in what was reported."""
    both = (enforced, done), (audit, said)
    if bool(said) != bool(done) or (said and said[0].key() != done[0].key()):
        return problem("audit to say first what enforcing does first", *both)
    if said and len(said) < 10 and all(e.kind == "refuse" for e in said):
        more = {e.what() for e in done} - {e.what() for e in said}
        if more:
            return problem("nothing to be refused but what audit named, got %s" % more, *both)
    return None
