"""Program starts while ward is installed and uninstalled: none fails.

Two programs that differ in PT_INTERP: musl's name, which leads to stock musl and to ward in turn, and
ward's own, whose file is replaced again and again. Only the loader's part of the installation is
repeated; the self-tests run each time.
"""

import os
import re

from site_ import Background

STARTS = 10000
ROUNDS = 100


def rounds_at_musl(site):
    """Install in musl's place and uninstall; half of the rounds stock musl is a link, half a file."""
    for i in range(ROUNDS):
        if i == ROUNDS // 2:
            site.stock("alpine")
        site.must("loader", i % 2)
        site.must("uninstall")


def rounds_at_ward(site):
    """Two loaders, one over the other."""
    for i in range(ROUNDS):
        site.must("loader", i % 2, False)


def hammer(site, program, rounds, word):
    """Start and install at the same time."""
    stop = os.path.join(site.build.work, "stop")
    if os.path.exists(stop):
        os.unlink(stop)
    with Background() as back:
        for _ in range(2):
            back.start([site.starter, str(STARTS // 2), stop, word, program])
        rounds(site)
        with open(stop, "w", encoding="ascii"):
            pass
        results = back.results(60)
    total = 0
    for rc, out, err in results:
        m = re.fullmatch(r"(\d+) starts, (\d+) failures, \d+ stock, \d+ ward\n", out)
        assert rc == 0 and m and m[2] == "0", "expected no failure: exit %s\n%s%s" % (rc, out, err)
        total += int(m[1])
        print("install  %-12s %s" % ("starts", out.strip()), flush=True)
    assert total >= STARTS, "only %d starts" % total


def check_musl_name(site):
    """10,000 starts by musl's name during 100 installs and uninstalls."""
    site.clear()
    site.stock("debian")
    hammer(site, site.at_musl, rounds_at_musl, "both")


def check_ward_name(site):
    """10,000 starts by ward's name while the loader is replaced 100 times."""
    site.clear()
    site.must("loader", 1, False)
    hammer(site, site.at_ward, rounds_at_ward, "ward")


def check_control(site):
    """The starter sees what an installation that removes and copies would do."""
    site.clear()
    site.must("loader", 0, False)
    stop = os.path.join(site.build.work, "stop-control")
    if os.path.exists(stop):
        os.unlink(stop)
    with Background() as back:
        back.start([site.starter, "1", stop, "ward", site.at_ward])
        for i in range(30):
            os.unlink(site.ward)
            with open(site.variants[i % 2], "rb") as src, open(site.ward, "wb") as dst:
                os.fchmod(dst.fileno(), 0o755)
                dst.write(src.read())
        with open(stop, "w", encoding="ascii"):
            pass
        (rc, out, _), = back.results(30)
    assert rc == 1 and not re.search(r" 0 failures", out), "expected failures\n%s" % out


def tests(suite, site):
    """Run the tests of this file."""
    suite.check("starts", "musl's name", check_musl_name, site)
    suite.check("starts", "ward's name", check_ward_name, site)
    suite.check("starts", "control", check_control, site)
