"""What the tests of this suite share: their list, programs, and running a tool.

A test is a function of one argument, Context. It fails with AssertionError, and raises Skip with
the tool's own words where the tool is missing or this machine cannot run it.
"""

import atexit
import functools
import os
import re
import shutil
import tempfile
import threading

import cases
import wardtest
from wardtest import Skip

TESTS = []


def once(function):
    """functools.lru_cache for tests that run side by side: one computes, the others wait for it."""
    lock, cached = threading.Lock(), functools.lru_cache(None)(function)

    @functools.wraps(function)
    def locked(*args):
        with lock:
            return cached(*args)
    return locked


@once
def home():
    """A home directory for the tools, some of which keep things there."""
    path = tempfile.mkdtemp(prefix="ward-tools.")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def run(argv, env=None, **more):
    """wardtest.run with a home directory."""
    return wardtest.run(argv, env=env or wardtest.base_env(HOME=home()), **more)


def test(group):
    """Mark a function as a test of a group."""
    def mark(function):
        TESTS.append((group, function))
        return function
    return mark


class Context:
    """Both engines and the programs under test."""

    def __init__(self, build, programs):
        self.build = build
        self.ward, self.stock = cases.Engine(build, "ward"), cases.Engine(build, "stock")
        self.both = (self.ward, self.stock)
        self._programs = programs
        self._built = once(self._build)

    def _build(self, name):
        return cases.Built(self.build, self._programs[name])

    def built(self, name):
        """A program of programs/NAME.case, unpacked and compiled."""
        return self._built(name)


@once
def tool(*names):
    """The path of the first of these tools that is installed; without any the test is skipped."""
    for n in names:
        path = wardtest.have(n)
        if path is not None:
            return path
    raise Skip("%s is not installed" % names[0])


@once
def version(*names):
    """What the tool says of its version, on one line."""
    r = run([tool(*names), "--version"])
    return (r.out + r.err).strip().splitlines()[0]


def last_line(text):
    """The last line that says something: a tool's own words for a Skip."""
    lines = [x.strip() for x in text.splitlines() if x.strip()]
    return lines[-1] if lines else "(it says nothing)"


def has(text, *patterns):
    """Every pattern is found in the text, in this order; returns the matches."""
    at, out = 0, []
    for p in patterns:
        m = re.compile(p, re.M).search(text, at)
        assert m, "expected %r%s\n%s" % (p, " behind the one before" if at else "", text[-3000:])
        at = m.end()
        out.append(m)
    return out


def lacks(text, *patterns):
    """None of the patterns is found in the text."""
    for p in patterns:
        assert not re.search(p, text, re.M), "expected no %r\n%s" % (p, text[-3000:])


def ok(result, out="ok\n"):
    """The command ended with 0 and printed `out`."""
    assert result.rc == 0 and result.out == out, "expected exit 0 and %r\n%s" % (out, result)


def remove(path):
    """Remove a file if it is there."""
    if os.path.exists(path):
        os.unlink(path)
