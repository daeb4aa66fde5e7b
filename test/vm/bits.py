"""Securebits set by capsh(1): what they do to ward, and that this kernel keeps them.

Up to Linux 6.18 a new user namespace takes them away, also locked ones (test/enforce shows that);
on the kernel of this guest they stay.
"""

import re

from contents import EVIL, MODE
from guest import NOBODY, need
import wardtest

# Set last of all: the tools of the host would try to load it, too.
PRELOAD = ["/bin/with", "env=LD_PRELOAD=" + EVIL, "--"]
NEWUSER = ["/bin/unshare", "-U", "-r"]


def capsh(g, bits, *cmd):
    """Run a command under securebits that capsh sets."""
    return g.run("/bin/capsh", "--secbits=%#x" % bits, "--shell=" + cmd[0], "--", *cmd[1:])


def tests(g, image):
    """(title, test) of this group."""
    if image.capsh:
        raise wardtest.Skip(image.capsh)
    for bits in (0x100, 0x300, 0x400, 0xc00, 0xf00):
        yield "capsh --secbits=%#x" % bits, lambda b=bits: plain(g, b)
        yield "%#x, over a user namespace" % bits, lambda b=bits: namespace(g, b)
    yield "control: without bits", lambda: without(g)
    yield "control: stock musl", lambda: stock(g)
    yield "locked bits cannot be cleared in a user namespace", lambda: locked(g)
    yield "limit: unlocked bits can be cleared", lambda: unlocked(g)
    yield "two namespaces deep, as another user", lambda: deep(g)
    yield "over a setuid program", lambda: setuid(g)
    yield "ward in a user namespace without mapped ids", lambda: unmapped(g)


def is_deaf(r):
    """LD_PRELOAD was ignored."""
    need(r.rc == 0 and "who: good" in r.out and "ctor evil" not in r.out, "LD_PRELOAD ignored", r)


def is_honoured(r):
    """LD_PRELOAD was not ignored."""
    need(r.rc == 0 and "who: evil" in r.out, "LD_PRELOAD honoured", r)


def is_refused(r):
    """A library of mode 0644 was refused."""
    text = "refused: no execute permission (mode 0644); chmod a+x %s" % MODE
    need(r.rc == 127 and r.out == "" and text in r.err, "%r" % text, r)


def under(g, bits, *before):
    """What bits must do, whatever stands between capsh and the program."""
    r = capsh(g, bits, *before, *PRELOAD, "/t/ward/good", "call=who")
    is_deaf(r)
    r = capsh(g, bits, *before, "/t/ward/mode", "call=who")
    if bits & 0x100:
        is_refused(r)
    else:
        need(r.rc == 0 and "who: evil" in r.out, "the library loaded: nothing is enforced", r)


def plain(g, bits):
    """The bits themselves."""
    under(g, bits)


def namespace(g, bits):
    """The bits after unshare(CLONE_NEWUSER)."""
    r = capsh(g, bits, *NEWUSER, "/bin/capsh", "--print")
    need(r.rc == 0 and re.search(r"Securebits: \S*/%#x/" % bits, r.out), "the bits kept", r)
    under(g, bits, *NEWUSER)


def without(g):
    """The tests above would notice ward without restriction."""
    is_honoured(g.run(*PRELOAD, "/t/ward/good", "call=who"))
    is_honoured(g.run(*NEWUSER, *PRELOAD, "/t/ward/good", "call=who"))
    r = g.run("/t/ward/mode", "call=who")
    need(r.rc == 0 and "who: evil" in r.out, "the library loaded", r)


def stock(g):
    """Stock musl knows nothing of the bits."""
    is_honoured(capsh(g, 0xf00, *PRELOAD, "/t/stock/good", "call=who"))
    r = capsh(g, 0xf00, "/t/stock/mode", "call=who")
    need(r.rc == 0 and "who: evil" in r.out, "the library loaded", r)


def locked(g):
    """Root of the new namespace may not clear them."""
    r = capsh(g, 0x300, *NEWUSER, "/bin/capsh", "--secbits=0", "--shell=/t/ward/good", "--",
              "call=who")
    need(r.rc != 0 and "failed to set securebits" in r.err and r.out == "", "capsh to fail", r)


def unlocked(g):
    """That is what the lock is for."""
    r = capsh(g, 0x100, "/bin/capsh", "--secbits=0", "--shell=" + PRELOAD[0], "--", *PRELOAD[1:],
              "/t/ward/good", "call=who")
    is_honoured(r)


def deep(g):
    """A namespace within a namespace, entered by an ordinary user."""
    under(g, 0x300, *NOBODY, *NEWUSER, *NEWUSER)


def setuid(g):
    """execve of a setuid program keeps the bits."""
    g.do("copy=/t/ward/mode:/tmp/bits.suid", "chmod=4755:/tmp/bits.suid")
    for bits, rc in ((0x300, 127), (0xc00, 0)):
        r = capsh(g, bits, *NOBODY, *PRELOAD, "/tmp/bits.suid", "secure", "call=who")
        need(r.rc == rc and MODE not in r.err, "exit status %d and no path" % rc, r)
        need(rc or "secure 1" in r.out and "ctor evil" in r.out, "the program to run", r)


def unmapped(g):
    """Root's files belong to 65534 there; ward and its refusals are the same."""
    r = g.run("/t/ward/good", "call=who", ops=["newuser"])
    need(r.rc == 0 and "who: good" in r.out, "the program to run", r)
    is_refused(g.run("/t/ward/mode", "call=who", ops=["bits=0xf00", "newuser"]))
