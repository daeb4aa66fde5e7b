"""How the demonstration speaks: numbered steps of what was tried, what happened, OK or NOT OK."""

import textwrap


class Show:
    """Prints steps and counts their outcomes."""

    def __init__(self):
        self.part = self.step = self.good = self.bad = self.left_out = 0

    def begin(self, title):
        """A part of the demonstration."""
        self.part += 1
        self.step = 0
        print("\n%d. %s" % (self.part, title), flush=True)

    def tried(self, text):
        """What is tried now."""
        self.step += 1
        print("\n%d.%d %s" % (self.part, self.step, text), flush=True)

    def saw(self, who, text):
        """What happened, and where."""
        lines = text.rstrip("\n").splitlines() or ["(no output)"]
        for i, line in enumerate(lines):
            for j, piece in enumerate(textwrap.wrap(line, 76, break_on_hyphens=False) or [""]):
                print("    %-18s %s" % (who if i == 0 and j == 0 else "", piece), flush=True)

    def verdict(self, ok, text):
        """Did it happen as it must?"""
        if ok:
            self.good += 1
        else:
            self.bad += 1
        print("    %s: %s" % ("OK" if ok else "NOT OK", text), flush=True)

    def skip(self, text, reason):
        """A step or part that cannot be shown here."""
        self.left_out += 1
        print("\n    SKIPPED: %s: %s" % (text, reason), flush=True)

    def end(self):
        """The sum; the exit status."""
        print("\n%d OK, %d NOT OK, %d skipped" % (self.good, self.bad, self.left_out), flush=True)
        return 1 if self.bad or not self.good else 0
