"""The kernel's check as ward asks for it: what may not be executed is not loaded when enforcing."""

from contents import EVIL, GOOD, MODE
from guest import RESTRICT, need

LONER = "/t/ward/loner"


def tests(g, image):
    """(title, test) of this group."""
    loader = image.loaders["ward"]
    yield "DT_NEEDED, mode 0644", lambda: needed(g)
    yield "dlopen, mode 0644", lambda: opened(g, MODE, "no execute permission (mode 0644)", True)
    yield "dlopen, noexec mount", lambda: noexec(g)
    yield "dlopen, busy", lambda: busy(g)
    yield "direct run, mode 0644", lambda: direct(g, loader)
    yield "by policy", lambda: policy(g, loader)
    yield "restricted is deaf", lambda: deaf(g)
    yield "the newer kernel keeps bits over a user namespace", lambda: namespace(g)


def opened(g, path, why, stock):
    """Refused when enforcing, loaded when not; stock: what stock musl does with it."""
    r = g.run(LONER, "open=" + path, "open=" + GOOD, ops=[RESTRICT])
    need(r.rc == 0 and "ctor evil" not in r.out and why in r.out, why, r)
    need("open %s: ok" % GOOD in r.out, "another library to load", r)
    for prog in (LONER, "/t/stock/loner"):
        r = g.run(prog, "open=" + path, ops=[] if prog == LONER else [RESTRICT])
        need(("ctor evil" in r.out) == stock, "%sloaded by %s" % ("" if stock else "not ", prog), r)


def needed(g):
    """A library of the program."""
    r = g.run("/t/ward/mode", "call=who", ops=[RESTRICT])
    text = ("refused: no execute permission (mode 0644); chmod a+x %s (needed by /t/ward/mode)"
            % MODE)
    need(r.rc == 127 and r.out == "" and text in r.err, text, r)
    for prog, ops in (("/t/ward/mode", []), ("/t/stock/mode", [RESTRICT])):
        r = g.run(prog, "call=who", ops=ops)
        need(r.rc == 0 and "who: evil" in r.out, "loaded by %s" % prog, r)


def noexec(g):
    """Here the kernel refuses the mapping too; the message is ward's all the same."""
    g.do("mkdir=/tmp/noexec", "tmpfs=noexec:/tmp/noexec", "copy=%s:/tmp/noexec/a.so" % EVIL)
    opened(g, "/tmp/noexec/a.so", "file system /tmp/noexec is mounted noexec", False)
    g.do("umount=/tmp/noexec")


def busy(g):
    """A file that somebody has open for writing, here the program itself."""
    g.do("copy=%s:/tmp/busy.so" % EVIL)
    for prog, ops, loads in ((LONER, [RESTRICT], False), (LONER, [], True),
                             ("/t/stock/loner", [RESTRICT], True)):
        r = g.run(prog, "open=/tmp/busy.so", ops=[*ops, "hold=/tmp/busy.so"])
        need(("ctor evil" in r.out) == loads, "%sloaded by %s" % ("" if loads else "not ", prog), r)
        need(loads or "open for writing by some process" in r.out, "the reason", r)
    r = g.run(LONER, "open=/tmp/busy.so", ops=[RESTRICT])
    need("ctor evil" in r.out, "loaded when nobody writes any more", r)


def direct(g, loader):
    """The program of a direct run."""
    g.do("copy=%s:/tmp/prog" % LONER, "chmod=644:/tmp/prog")
    r = g.run(loader, "/tmp/prog", ops=[RESTRICT])
    need(r.rc == 127 and r.out == "" and "(mode 0644)" in r.err, "a refusal", r)
    r = g.run("/tmp/prog")
    need(r.rc == 126 and "errno 13" in r.err, "execve to refuse it too", r)
    g.do("chmod=755:/tmp/prog")
    r = g.run(loader, "/tmp/prog", ops=[RESTRICT])
    need(r.rc == 0 and "host done" in r.out, "the program to run", r)


def policy(g, loader):
    """The same without securebits."""
    for prog, rc in (("/t/ward/mode", 127), ("/t/ward/evil", 0)):
        r = g.run(loader, "--policy=enforce", prog, "call=who")
        need(r.rc == rc and ("who: evil" in r.out) == (rc == 0), "exit status %d" % rc, r)


def deaf(g):
    """LD_PRELOAD."""
    for ops, who in (([RESTRICT], "good"), ([], "evil")):
        r = g.run("/t/ward/good", "call=who", ops=[*ops, "env=LD_PRELOAD=" + EVIL])
        need(r.rc == 0 and "who: %s\n" % who in r.out, "who: " + who, r)


def namespace(g):
    """Locked bits and unlocked ones."""
    for bits in ("0xf00", "0x100"):
        r = g.run("/t/ward/mode", "call=who", ops=["bits=" + bits, "newuser"])
        need(r.rc == 127 and "(mode 0644)" in r.err, "a refusal", r)
    r = g.run("/t/ward/mode", "call=who", ops=["bits=0xf00", "newuser", "bits=0x200"])
    need(r.rc == 125 and "errno 1 " in r.err, "the kernel to keep locked bits", r)
