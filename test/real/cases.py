"""A command of the corpus, and what its output must contain to count as having worked.

The measure is stock musl: the same stdout, stderr and exit status. `expect` only makes sure that
the comparison is of something: without it two programs that both fail alike would pass.

Each program, or family of programs, is a module of groups/, or of large/ if it takes long to build:

	RECIPES			the recipes it needs
	cases(out)		its Cases; out(RECIPE) is where a recipe installed
	foreign(out, arch)	optional: its Cases for another architecture, when they are others
	checks(run)		optional: [(name, function)] for what is no Case; run: the Run of test/real/run
"""

import importlib

import os
import re
import shutil

import wardtest

REAL = os.path.dirname(os.path.abspath(__file__))
MOST_IMPROVEMENTS = 12


class Case:
    """One command, run in a directory of its own.

    argv: the program is a file of the corpus. env: beyond the fixed one of the suite. expect: a
    regular expression found in stdout. children: starts programs of the corpus itself, so that the
    loader must lie at PT_INTERP in a direct run too. programs: those that a script starts by
    unquoted variables, {variable: file}; in a direct run each has the loader before it. user: it is
    not run as root. seconds: time-out. ways: how it is started. setup(dir): fills the directory.
    clean: (pattern, replacement) pairs for what differs from run to run. system: prebuilt, its
    PT_INTERP or its libraries are in /lib. free: why it cannot do the same on a ward that enforces.
    falls: what stock musl cannot do, an improvement of IMPROVEMENTS: its exit status and a pattern
    of its stderr; `status` and `expect` are then for ward alone. long: takes minutes under an
    emulator, and is run there with --long only. timed: True when its CPU time is to be measured
    (cpu.py), False when it must not be; of a program that nobody has decided about it is the first
    case that can be.
    """

    def __init__(self, group, name, argv, expect, *, env=None, status=0, stdin=None,
                 children=False, seconds=60, ways=("interp", "direct"), setup=None, clean=(),
                 stderr=True, system=False, free="", falls=None, long=False, timed=None,
                 programs=None, user=False):
        self.group, self.name, self.argv, self.expect = group, name, argv, expect
        self.env, self.status, self.stdin = env or {}, status, stdin
        self.children, self.seconds, self.ways = children, seconds, ways
        self.setup, self.clean, self.stderr = setup, clean, stderr
        self.system, self.free, self.falls, self.timed = system, free, falls, timed
        self.long, self.programs, self.user = long, programs or {}, user

    def normal(self, text):
        """The text without what differs from run to run."""
        for pattern, replacement in self.clean:
            text = re.sub(pattern, replacement, text)
        return text


def refused_as_shipped(run, case, file):
    """Stock musl and ward run the case; a ward that enforces refuses this file and nothing else, since
    its mode is 0644, and says how to change that.
    """
    why_not = run.why_not(case, "interp") or run.no_enforcing
    if why_not:
        raise wardtest.Skip(why_not)
    mode = os.stat(file).st_mode & 0o777
    assert mode == 0o644, "%s: shipped with mode %o" % (file, mode)
    stock = run.start(case, "interp", "stock")
    assert stock.rc == 0 and re.search(case.expect, stock.out), "stock musl\n%s" % stock
    run.same(case, stock, run.start(case, "interp", "ward"))
    r = run.start(case, "interp", "enforce")
    want = ("Error loading shared library %s: refused: no execute permission (mode 0644); "
            "chmod a+x %s (needed by " % (file, file))
    said = r.out + r.err
    assert want in said and said.count("refused: ") == 1, "refused with %r\n%s" % (want, r)
    assert not re.search(case.expect, r.out), "not to work\n%s" % r


def copy(src):
    """A setup that copies a file or the contents of a directory."""
    def setup(where):
        if os.path.isdir(src):
            shutil.copytree(src, where, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy(src, where)
    return setup


def improvements():
    """What IMPROVEMENTS lists: {"group/case": what}, at most MOST_IMPROVEMENTS."""
    with open(os.path.join(REAL, "IMPROVEMENTS"), encoding="utf-8") as h:
        lines = [l.strip() for l in h if l.strip() and not l.startswith("#")]
    if len(lines) > MOST_IMPROVEMENTS:
        raise ValueError("IMPROVEMENTS has more than %d lines" % MOST_IMPROVEMENTS)
    return dict(re.fullmatch(r"(\S+): (.+)", l).groups() for l in lines)


def groups(where="groups"):
    """The modules of groups/, or of large/, by name."""
    names = sorted(f[:-len(".py")] for f in os.listdir(os.path.join(REAL, where))
                   if f.endswith(".py"))
    return [importlib.import_module("%s.%s" % (where, n)) for n in names]


def to_time(cases):
    """The cases whose CPU time is measured: at least one of each program, if one can be."""
    chosen = []
    for program in dict.fromkeys(c.argv[0] for c in cases if os.path.isabs(c.argv[0])):
        able = [c for c in cases if c.argv[0] == program and c.timed is not False and not c.falls
                and c.status == 0 and "interp" in c.ways and not c.children and not c.user]
        chosen += [c for c in able if c.timed] or able[:1]
    return chosen


def name_of(group):
    """The name of a module of groups/."""
    return group.__name__.rsplit(".", 1)[-1]
