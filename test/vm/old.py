"""Kernels that lack the check (before 6.14) or also the seals (before 6.10).

What is missing is found at start and answered by policy: programs run as ever, and whoever asked
for enforcement gets either that or a clear refusal.
"""

import re

from contents import EVIL, MODE
from guest import RESTRICT, need

MISSING = "AT_EXECVE_CHECK (Linux 6.14)"


def tests(g, image):
    """(title, test) of both groups."""
    loader = image.loaders["ward"]
    yield "programs run", lambda: runs(g)
    yield "the kernel knows no such securebits", lambda: no_bits(g)
    yield "missing=refuse", lambda: refuse(g, loader)
    yield "missing=report", lambda: report(g, loader)
    yield "enforcing is deaf all the same", lambda: deaf(g)
    yield "noexec mount", lambda: noexec(g)
    yield "dlopen goes on working", lambda: opens(g)


def runs(g):
    """As on any kernel, without a word."""
    for prog in ("/t/ward/good", "/t/ward/mid", "/t/ward/mode"):
        r = g.run(prog, "call=who")
        need(r.rc == 0 and "host done" in r.out and r.err == "", "%s to run" % prog, r)


def no_bits(g):
    """So nothing can be enforced by them, and nobody is told that it is."""
    r = g.run("/t/ward/mode", ops=[RESTRICT])
    need(r.rc == 125 and "errno 1 " in r.err, "prctl to fail", r)


def refuse(g, loader):
    """Nothing starts, and one line says why."""
    for prog in ("/t/ward/evil", "/t/ward/mode"):
        r = g.run(loader, "--policy=enforce", prog, "call=who")
        need(r.rc == 127 and r.out == "" and r.err.count("\n") == 1, "exit 127 and one line", r)
        need("cannot enforce: " in r.err and MISSING in r.err, "the reason", r)


def report(g, loader):
    """All runs; what could not be checked is said on request."""
    r = g.run(loader, "--policy=check=enforce", "/t/ward/mode", "call=who")
    need(r.rc == 0 and "who: evil" in r.out and r.err == "", "the program to run", r)
    r = g.run(loader, "--policy=check=enforce report=denials", "/t/ward/mode", "call=who")
    need(r.rc == 0 and "who: evil" in r.out and MISSING in r.err, "a report", r)
    line = r"^ward: audit: would refuse %s needed-by=/t/ward/mode reason=missing " % MODE
    need(re.search(line, r.err, re.M), "%r" % line, r)


def deaf(g):
    """Restriction needs no check."""
    for policy, who in (("check=enforce", "good"), ("check=audit", "evil")):
        r = g.run("/t/ward/good", "call=who",
                  ops=["env=LD_WARD=" + policy, "env=LD_PRELOAD=" + EVIL])
        need(r.rc == 0 and "who: %s\n" % who in r.out, "who: " + who, r)


def noexec(g):
    """The kernel itself refuses to map from there: an error, and the program goes on."""
    g.do("mkdir=/tmp/noexec", "tmpfs=noexec:/tmp/noexec", "copy=%s:/tmp/noexec/a.so" % EVIL)
    r = g.run("/t/ward/loner", "open=/tmp/noexec/a.so")
    need(r.rc == 0 and "Error loading shared library /tmp/noexec/a.so" in r.out, "an error", r)
    need("ctor evil" not in r.out and "host done" in r.out, "the program to go on", r)
    g.do("umount=/tmp/noexec")


def opens(g):
    """dlopen, also of a file that the check would refuse."""
    r = g.run("/t/ward/loner", "open=" + MODE, "lastcall=who")
    need(r.rc == 0 and "who: evil" in r.out, "the library loaded", r)
