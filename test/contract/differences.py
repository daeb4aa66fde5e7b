"""doc/differences.md: at most so many rows, with tests that exist, and nothing is left out."""

import ast
import os
import re

import cases
from sources import TOP

LIST = "doc/differences.md"
MOST = 40
WARD = re.compile(r"(out|err)\.(ward|stock)\b")


def read(name):
    """The text of a file of the repository."""
    with open(os.path.join(TOP, name), encoding="utf-8") as h:
        return h.read()


def rows():
    """(what, tests) of each row."""
    found = []
    for line in read(LIST).splitlines():
        cells = [c.strip() for c in line.strip("|").split(" | ")]
        if not line.startswith("|") or cells[0].startswith(("---", "ward")):
            continue
        assert len(cells) == 4 and all(cells), "%s: not four cells: %s" % (LIST, line)
        found.append((cells[0], re.findall(r"`([^`]+)`", cells[3])))
    assert found, "%s has no rows" % LIST
    return found


def special():
    """GROUP/NAME of the tests of test/integ/special.py: {name: is it for ward only}."""
    found = {}
    for f in ast.parse(read("test/integ/special.py")).body:
        for d in getattr(f, "decorator_list", ()):
            if isinstance(d, ast.Call) and getattr(d.func, "id", "") == "test":
                found["%s/%s" % (d.args[0].value, f.name)] = any(
                    k.arg == "ward_only" and k.value.value for k in d.keywords)
    assert found, "no tests found in test/integ/special.py"
    return found


def wards_alone(case):
    """Does this case expect of ward what it does not expect of stock musl?"""
    return bool(case.only or any(WARD.search(n) for n in case.files) or any(
        k == "engine" or k.endswith(".stock") for r in case.runs for k in r.keys))


def known_tests():
    """(all names a row may have, those that must be in one)."""
    integ = {"%s/%s" % (c.group, c.name): wards_alone(c)
             for c in cases.load(os.path.join(TOP, "test/integ/cases"))}
    integ.update(special())
    attack = [w for line in read("test/attack/ROWS").splitlines()
              if not line.startswith("#") for w in line.split()]
    enforce = [line.split()[1] for line in read("test/enforce/EXPECTED").splitlines()
               if not line.startswith("#")]
    real = {"real/" + line.split(":")[0] for line in read("test/real/IMPROVEMENTS").splitlines()
            if line and not line.startswith("#")}
    names = real | {"integ/" + n for n in integ} | {"attack/" + n for n in attack} | {
        "enforce/" + n for n in enforce}
    return names, real | {"integ/" + n for n, alone in integ.items() if alone}


def check_rows():
    """Not more than fits on a page or two."""
    n = len(rows())
    assert n <= MOST, "%s has %d rows, at most %d are allowed" % (LIST, n, MOST)


def check_tests():
    """Every row names a test, and every test that is named exists."""
    names, _ = known_tests()
    bad = ["%s: %s" % (what, " ".join(set(tests) - names) or "no test")
           for what, tests in rows() if not tests or set(tests) - names]
    assert not bad, "rows without a test that exists:\n%s" % "\n".join(bad)


def check_complete():
    """What test/integ and test/real expect of ward alone is in the list."""
    _, alone = known_tests()
    assert len(alone) >= 20, "only %d cases differ: the search for them is wrong" % len(alone)
    missing = alone - {t for _, tests in rows() for t in tests}
    assert not missing, "in no row of %s: %s" % (LIST, " ".join(sorted(missing)))


def check_pointers():
    """The other documents point to the list instead of having one of their own."""
    for name in ("README.md", "doc/limits.md", "doc/ld-ward.so.8"):
        assert "differences.md" in read(name), "%s does not name %s" % (name, LIST)


def tests(suite):
    """The group."""
    for function in (check_rows, check_tests, check_complete, check_pointers):
        suite.check("differences", function.__name__[len("check_"):], function)
