"""Tests that must come out differently on a build with --policy=enforce --floor=enforce.

A suite's file ENFORCING lists them by reason:

    # (what comes before the first empty line is about the file)

    # why this is as it must be
    = regular expression that is found in the failure's text
      GROUP/NAME (a pattern of fnmatch: * ? [...])

A test that is listed must fail in that way, else it is a failure; so is a listed pattern that no
failing test matches. An attack that succeeds is no expected difference, unless the expression
begins with `!` in place of `=`: it is one only where nothing is restricted.
"""

import fnmatch
import os
import re

NEVER = re.compile(r"expected the attack to be stopped")


class Reason:
    """One reason: the text that gives it, what the failure must show, which tests have it."""

    def __init__(self, comment, mark, pattern):
        self.comment, self.mark, self.pattern = comment, mark, pattern
        self.regex = re.compile(pattern)
        self.tests = []


class Differences:
    """The file, and which of its lines were met. Without a path nothing may differ."""

    def __init__(self, path=None, update=False):
        self.path, self.update = path, update
        self.head, self.reasons, self._met, self._new = [], [], set(), []
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as h:
                self._parse(h)

    def _parse(self, lines):
        comment = []
        for n, line in enumerate(lines, 1):
            text = line.rstrip("\n")
            if text.startswith("#"):
                comment.append(text[1:].strip())
            elif text.startswith(("= ", "! ")) and comment:
                self.reasons.append(Reason(comment, text[0], text[2:]))
                comment = []
            elif text.startswith("  ") and self.reasons and not comment:
                self.reasons[-1].tests.append(text.strip())
            elif not text and not self.reasons:
                self.head, comment = comment, []
            elif text:
                raise SystemExit("%s:%d: no reason, or not understood: %s" % (self.path, n, text))

    def passed(self, name):
        """A complaint when a test that must differ did not."""
        for r in self.reasons:
            if name in r.tests and not self.update:
                return "expected it to differ on an enforcing build (%s), but it passed" % (
                    " ".join(r.comment))
        return None

    def failed(self, name, text):
        """True when the test had to fail so."""
        if self.path is None:
            return False
        mark = "!" if NEVER.search(text) else "="
        for r in self.reasons:
            if r.mark != mark or not r.regex.search(text):
                continue
            for pattern in r.tests:
                if name == pattern or fnmatch.fnmatchcase(name, pattern):
                    self._met.add((r.pattern, pattern))
                    return True
            if self.update:
                self._new.append((r, name))
                return True
        return False

    def finish(self):
        """(pattern, complaint) for every line that no test met; or bring the file up to date."""
        lost = [(r, p) for r in self.reasons for p in r.tests if (r.pattern, p) not in self._met]
        if not self.update:
            return [(p, "expected a test of this name to fail with %r" % r.pattern)
                    for r, p in lost]
        for r, p in lost:
            r.tests.remove(p)
        for r, name in self._new:
            name = re.sub(r":(interp|direct)(\+strace)?\Z", ":*", name)
            if name not in r.tests:
                r.tests.append(name)
        if self.path:
            self._write()
        return []

    def _write(self):
        with open(self.path, "w", encoding="utf-8") as h:
            h.writelines("# %s\n" % c for c in self.head)
            for r in self.reasons:
                h.write("\n" + "".join("# %s\n" % c for c in r.comment))
                h.write("%s %s\n" % (r.mark, r.pattern) + "".join("  %s\n" % t for t in sorted(r.tests)))
