"""A command of the corpus, and what its output must contain to count as having worked.

The measure is stock musl: the same stdout, stderr and exit status. `expect` only makes sure that
the comparison is of something: without it two programs that both fail alike would pass.

Each program, or family of programs, is a module of groups/:

	RECIPES			the recipes it needs
	cases(out)		its Cases; out(RECIPE) is where a recipe installed
	checks(run)		optional: [(name, function)] for what is no Case; run: the Run of test/real/run
"""

import importlib

import os
import re
import shutil

REAL = os.path.dirname(os.path.abspath(__file__))


class Case:
    """One command, run in a directory of its own.

    argv: the program is a file of the corpus. env: beyond the fixed one of the suite. expect: a
    regular expression found in stdout. children: starts programs of the corpus itself, so that
    the loader must lie at PT_INTERP in a direct run too. seconds: time-out. ways: how it is
    started. setup(dir): fills the directory. clean: (pattern, replacement) pairs for what differs
    from run to run. system: prebuilt, its PT_INTERP or its libraries are in /lib. free: why it
    cannot do the same on a ward that enforces.
    """

    def __init__(self, group, name, argv, expect, *, env=None, status=0, stdin=None,
                 children=False, seconds=60, ways=("interp", "direct"), setup=None, clean=(),
                 stderr=True, system=False, free=""):
        self.group, self.name, self.argv, self.expect = group, name, argv, expect
        self.env, self.status, self.stdin = env or {}, status, stdin
        self.children, self.seconds, self.ways = children, seconds, ways
        self.setup, self.clean, self.stderr = setup, clean, stderr
        self.system, self.free = system, free

    def normal(self, text):
        """The text without what differs from run to run."""
        for pattern, replacement in self.clean:
            text = re.sub(pattern, replacement, text)
        return text


def copy(src):
    """A setup that copies a file or the contents of a directory."""
    def setup(where):
        if os.path.isdir(src):
            shutil.copytree(src, where, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy(src, where)
    return setup


def groups():
    """The modules of groups/, by name."""
    names = sorted(f[:-len(".py")] for f in os.listdir(os.path.join(REAL, "groups"))
                   if f.endswith(".py"))
    return [importlib.import_module("groups." + n) for n in names]


def name_of(group):
    """The name of a module of groups/."""
    return group.__name__.rsplit(".", 1)[-1]
