"""Perl: every XS module, and tests of some of them."""

import os

from cases import Case, REAL, copy

RECIPES = ("perl",)
# Those that run outside perl's source.
TESTS = ("Digest-SHA", "Storable")
# perl's own harness, with what differs from run to run left out.
HARNESS = "use Test::Harness; $ENV{PERL_CORE} = 0; runtests(sort glob 't/*.t')"


def cases(out):
    """The tests of a module are run in a copy of its directory."""
    root = out("perl")
    perl = os.path.join(root, "bin", "perl")
    timing = ((r"(?m)^Files=.*\n", ""), (r"\.\. *", ".. "), (r"\d+ wallclock.*", ""))
    found = [
        Case("perl", "version", [perl, "-e", "print qq{$^V\n}"], r"^v5\."),
        Case("perl", "shared", [perl, "-V:useshrplib", "-V:useithreads"],
             r"useshrplib='true';\nuseithreads='define';"),
        Case("perl", "modules", [perl, os.path.join(REAL, "programs", "xsmodules.pl")],
             r"^[4-9]\d modules, 0 failed\nthreads 8 sum 1021800\n(?s:.*)\ndone\n$"),
    ]
    for t in TESTS:
        found.append(Case("perl", t, [perl, "-e", HARNESS], r"(?m)^All tests successful",
                          children=True, ways=("interp",), seconds=300, clean=timing,
                          setup=copy(os.path.join(root, "t", t)), stderr=False))
    return found
