"""Processes that run while their loader is replaced, taken away or put back: nothing happens to them.

Each is started before, and loads its first library, makes threads, forks and exits after.
"""

import subprocess

import wardtest


def begin(site, program):
    """Start a process; it waits."""
    p = subprocess.Popen([program, site.plugin], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, env=wardtest.base_env())
    assert p.stdout.readline() == "ready\n", "did not start: %s" % p.communicate()[1]
    return p


def finish(p):
    """Let it go on, to its end."""
    out, err = p.communicate("go\n", timeout=20)
    assert p.returncode == 0 and out == "done\nexit handlers ran\n" and not err, (
        "exit %s\n%s%s" % (p.returncode, out, err))


def check_ward(site):
    """Started on ward; then another ward, twice; then none."""
    site.clear()
    site.must("loader", 0, False)
    first = begin(site, site.late)
    site.must("loader", 1, False)
    second = begin(site, site.late)
    finish(first)
    site.must("loader", 0, False)
    third, fourth = begin(site, site.late), begin(site, site.late)
    site.must("uninstall")
    for p in (second, third, fourth):
        finish(p)


def check_musl(site, shape):
    """Started on stock musl, then ward has its place; started on ward, then musl is back."""
    site.clear()
    site.stock(shape)
    stock = [begin(site, site.late_musl) for _ in range(2)]
    site.must("loader", 0, True)
    finish(stock[0])
    ward = [begin(site, site.late_musl) for _ in range(2)]
    site.must("loader", 1, True)
    finish(ward[0])
    site.must("uninstall")
    finish(ward[1])
    finish(stock[1])


def tests(suite, site):
    """Run the tests of this file."""
    suite.check("running", "on ward", check_ward, site)
    for shape in ("debian", "alpine"):
        suite.check("running", "in musl's place, as " + shape, check_musl, site, shape)
