"""BusyBox in its dynamic form, and its own testsuite."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import suite
import wardtest
from cases import Case

RECIPES = ("busybox",)

BUSYBOX_SCRIPT = """
set -e
b=$BUSYBOX
$b seq 1 50 >n
$b sort -rn n | $b head -n 3 | $b tr '\\n' ' '
$b awk '{ s += $1 } END { print s }' n
$b sed -n 's/^4\\(.\\)$/<\\1>/p' n | $b tr -d '\\n'; echo
$b mkdir d; $b cp n d/n
$b tar czf d.tgz d; $b rm -r d; $b tar xzf d.tgz; $b cmp n d/n && echo same
$b sha256sum n d/n
$b xz --help >/dev/null 2>&1; $b gzip -c n | $b gunzip | $b wc -l
$b find . -name 'n' | $b sort
$b printf '%s %d\\n' text 7; $b expr 6 '*' 7; $b dc -e '2 20 ^ p'
echo 'a b c' | $b cut -d' ' -f2; $b vi --help 2>/dev/null; $b date -u -d @0 +%F
( sleep 0.1; echo child ) & wait; $b ash -c 'echo $((3*4)); exit 5' || echo status $?
"""


def cases(out):
    """Applets one by one and in pipes. The testsuite of BusyBox is in suite.py."""
    box = os.path.join(out("busybox"), "bin", "busybox")
    env = {"BUSYBOX": box}
    return [
        Case("busybox", "list", [box, "--list"], r"(?m)^awk$(?s:.*)^wget$"),
        Case("busybox", "true", [box, "true"], r"^$", timed=True),
        Case("busybox", "sh-c", [box, "sh", "-c", "x=6; echo $((x * 7))"], r"^42\n$", timed=True),
        Case("busybox", "echo", [box, "echo", "-e", r"a\tb"], r"^a\tb\n$"),
        Case("busybox", "bc", [box, "bc"], r"^1267650600228229401496703205376\n$", stdin="2^100\n"),
        Case("busybox", "false", [box, "false"], r"^$", status=1),
        Case("busybox", "no-applet", [box, "nothing"], r"^$", status=127),
        Case("busybox", "script", [box, "sh"], r"(?s)^50 49 48 1275\n.*\nsame\n.*status 5\n$",
             stdin=BUSYBOX_SCRIPT, env=env, children=True),
    ]


def verdicts(run, which, names):
    """Run the tests of some applets on one loader."""
    source = os.path.join(run.corpus.out("busybox"), "suite")
    where = os.path.join(run.build.work, "run", "busybox-suite-" + which)
    suite.copy(source, where)
    env = wardtest.base_env(HOME=where, TMPDIR=where, TZ="UTC", SKIP_INTERNET_TESTS="1")
    r = wardtest.run(run.starter.namespace(which, children=True) + ["./runtest"] + names, env=env,
                     cwd=os.path.join(where, "testsuite"), timeout=600)
    assert r.rc is not None, "%s: %s" % (which, r.status())
    return suite.parse(r.out)


def testsuite(run):
    """BusyBox's testsuite: the same verdicts on ward, enforcing or not, as on stock musl, each in its
    own copy.
    """
    if run.starter.no_children:
        raise wardtest.Skip(run.starter.no_children)
    names = suite.applets(os.path.join(run.corpus.out("busybox"), "suite", "testsuite"))
    least = suite.LEAST
    if run.foreign and not run.long:
        names, least = sorted(suite.QUICK.intersection(names)), suite.QUICK_LEAST
    start = time.monotonic()
    loaders = ["stock", "ward"] + ["enforce"] * (not run.no_enforcing)
    with ThreadPoolExecutor(2) as pool:
        stock, *wards = pool.map(lambda which: verdicts(run, which, names), loaders)
    passed = sum(v == "PASS" for v in stock.values())
    print("real: BusyBox's testsuite: %d tests, %d pass on stock musl, %.0f s" % (
        len(stock), passed, time.monotonic() - start), flush=True)
    assert passed >= least, "%d tests pass on stock musl, at least %d expected" % (passed, least)
    bad = ["%s: %s" % (which, line) for which, ward in zip(loaders[1:], wards)
           for line in suite.differences(stock, ward)]
    assert not bad, "\n".join(bad)


def checks(run):
    """What is no Case."""
    return [("testsuite", lambda: testsuite(run))]
