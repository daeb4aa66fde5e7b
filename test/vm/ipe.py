"""Integrity Policy Enforcement: a signed policy lets only files of the initramfs be executed.

The kernel takes the policy because the firmware vouches for who signed it: the machine boots with
OVMF and the key pair that package ovmf publishes for tests. IPE also refuses to map such files
executable, so stock musl is stopped there; what it does map is a library without code.
"""

import re

from contents import EVIL, GOOD
from guest import NOBODY, RESTRICT, need
import wardtest

FS = "/sys/kernel/security/ipe"
OUT = "/out/libwho.so"
LONER = "/t/ward/loner"
WHY = "refused by a security module (EACCES)"


def tests(g, image):
    """(title, test) of this group."""
    if image.ipe:
        raise wardtest.Skip(image.ipe)
    loader = image.loaders["ward"]
    begin(g, image)
    yield "the policy is active", lambda: active(g)
    yield "DT_NEEDED", lambda: needed(g)
    yield "dlopen", lambda: opened(g, OUT, [RESTRICT], WHY)
    yield "dlopen, by policy", lambda: opened(g, OUT, ["env=LD_WARD=check=enforce"], WHY)
    yield "dlopen, nothing enforced: the mapping is refused", lambda: opened(
        g, OUT, [], "cannot map: Permission denied")
    yield "direct run", lambda: direct(g, loader)
    yield "ordinary user", lambda: ordinary(g)
    yield "report", lambda: report(g)
    yield "a library without code", lambda: data(g)
    yield "everything of the initramfs runs", lambda: allowed(g, loader)
    yield "permissive", lambda: permissive(g, loader)


def begin(g, image):
    """Files of another file system, made before there is a policy."""
    g.do("mkdir=/out", "tmpfs=:/out", "copy=%s:%s" % (EVIL, OUT), "copy=%s:/out/prog" % LONER,
         "copy=/t/data.so:/out/data.so")
    r = g.run("/t/ward/outside", "call=who", ops=[RESTRICT])
    need(r.rc == 0 and "who: evil" in r.out, "the library loaded before there is a policy", r)
    g.do("copy=%s:%s/new_policy" % (image.policy, FS), "write=%s/policies/ward/active:1" % FS)


def active(g):
    """It is, and the kernel enforces it."""
    r = g.run(LONER, "cat=%s/policies/ward/active" % FS, "cat=%s/enforce" % FS)
    need(r.rc == 0 and r.out.count("1") >= 2 and "op=" not in r.out, "active and enforced", r)
    r = g.run("/out/prog")
    need(r.rc == 126 and "errno 13" in r.err, "execve refused", r)


def needed(g):
    """A library of the program; stock musl cannot map it."""
    r = g.run("/t/ward/outside", "call=who", ops=[RESTRICT])
    need(r.rc == 127 and r.out == "" and WHY in r.err and r.err.count("\n") == 1, WHY, r)
    need(r.err.endswith("found as %s (needed by /t/ward/outside)\n" % OUT), "file and requester", r)
    r = g.run("/t/stock/outside", "call=who")
    need(r.rc == 127 and "Permission denied" in r.err, "stock musl to be refused the mapping", r)


def opened(g, path, ops, why):
    """dlopen; another library loads, and the program goes on."""
    r = g.run(LONER, "open=" + path, "open=" + GOOD, ops=ops)
    need(r.rc == 0 and why in r.out and "ctor evil" not in r.out, why, r)
    need("open %s: ok" % GOOD in r.out and "host done" in r.out, "the program to go on", r)


def direct(g, loader):
    """The program of a direct run."""
    for words in ([], ["--policy=enforce"]):
        r = g.run(loader, *words, "/out/prog", ops=[] if words else [RESTRICT])
        need(r.rc == 127 and r.out == "" and WHY in r.err, WHY, r)


def ordinary(g):
    """The same for everybody."""
    r = g.run(*NOBODY, "/t/ward/outside", "call=who", ops=[RESTRICT])
    need(r.rc == 127 and r.out == "" and WHY in r.err, WHY, r)


def report(g):
    """Audit knows before the mapping fails."""
    r = g.run("/t/ward/outside", ops=["env=LD_WARD=report=denials"])
    line = r"^ward: audit: would refuse %s needed-by=/t/ward/outside reason=lsm " % OUT
    need(r.rc == 127 and len(re.findall(line, r.err, re.M)) == 1, "one line %r" % line, r)


def data(g):
    """No executable mapping, so only the check stands between: ward asks for every object."""
    opened(g, "/out/data.so", [RESTRICT], WHY)
    r = g.run("/t/stock/loner", "open=/out/data.so", ops=[RESTRICT])
    need("open /out/data.so: ok" in r.out, "stock musl to map it (positive control)", r)


def allowed(g, loader):
    """ward itself needs nothing that such a policy forbids."""
    for cmd in (["/t/ward/good", "call=who"], ["/t/ward/mid", "call=who"],
                [loader, "/t/ward/good", "open=" + EVIL, "call=who"]):
        r = g.run(*cmd, ops=[RESTRICT])
        need(r.rc == 0 and "host done" in r.out and r.err == "", "the program to run", r)


def permissive(g, loader):
    """With enforcement off in the kernel all is as before; on again, it is refused again."""
    for enforce, loads in (("0", True), ("1", False)):
        g.do("write=%s/enforce:%s" % (FS, enforce))
        for cmd in (["/t/ward/outside", "call=who"], [loader, "/out/prog"],
                    [LONER, "open=" + OUT]):
            r = g.run(*cmd, ops=[RESTRICT])
            did = r.rc == 0 and "Error" not in r.out
            need(did == loads, "it to be %s" % ("loaded" if loads else "refused"), r)
