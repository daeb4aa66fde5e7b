"""A security module in BPF refuses one file, known by its inode: ward refuses exactly that one.

The module (src/deny.bpf.c) sits in the hook bprm_creds_for_exec and counts what it was asked;
src/deny.c attaches it for as long as a command runs.
"""

import re

from contents import EVIL, GOOD, MID
from guest import NOBODY, RESTRICT, clip, need
import wardtest

EPERM, EACCES, ENOKEY = 1, 13, 126
SECURITY = "refused by a security module (%s); see the kernel's audit log"
TEXTS = {EPERM: SECURITY % "EPERM", EACCES: SECURITY % "EACCES",
         ENOKEY: "refused by the kernel: Required key not available"}
# Whatever else a module might say: no errno may be taken for anything but a refusal.
ODD = {"ENOENT": 2, "EINTR": 4, "EBADF": 9, "EAGAIN": 11, "ENOMEM": 12, "EFAULT": 14,
       "ENOTDIR": 20, "EINVAL": 22, "ETXTBSY": 26, "ENOSYS": 38, "ELOOP": 40}
LONER = "/t/ward/loner"


def deny(g, path, error, *cmd, ops=(RESTRICT,), what="check", when=()):
    """Run cmd while the module refuses path; counts of the module are added to the Result."""
    r = g.run("/bin/deny", "/t/deny.bpf.o", path, error, what, *when, "--", *cmd, ops=ops)
    found = re.search(r"^deny (.*)\n", r.out, re.M)
    if found is None or r.rc == 124:
        raise AssertionError("expected the module to be attached\n%s" % clip(r))
    r.seen = {k: int(v) for k, v in (w.split("=") for w in found.group(1).split())}
    r.out = r.out.replace(found.group(0), "")
    return r


def counted(r, **want):
    """What the hooks must have seen; a check of our file opens it once, nothing goes further."""
    want = {"exec": 0, "open": want["check"], "later": 0, **want}
    need(r.seen == want, "the hooks to see %s, got %s" % (want, r.seen), r)


class Role:
    """A way in which the file comes into a process."""

    def __init__(self, cmd, others, requester, path=EVIL, goes_on=False, ops=(RESTRICT,)):
        self.cmd = cmd              # for ward; the same for stock musl with `ward` replaced
        self.others = others        # how many other files ward asks about when ours is refused
        self.requester = requester
        self.path = path
        self.goes_on = goes_on      # the program runs and sees an error of dlopen
        self.ops = ops


def roles(image):
    """All of them by name."""
    loader = image.loaders["ward"]
    return {
        "DT_NEEDED": Role(["/t/ward/evil", "call=who"], 0, "/t/ward/evil"),
        "transitive": Role(["/t/ward/mid", "call=who"], 1, MID),
        "dlopen": Role([LONER, "open=" + EVIL, "open=" + GOOD], 1, "dlopen in " + LONER,
                       goes_on=True),
        "dependency of dlopen": Role([LONER, "open=" + MID, "open=" + GOOD], 2, MID,
                                     goes_on=True),
        "direct run": Role([loader, LONER], 0, None, path=LONER),
        "direct run, DT_NEEDED": Role([loader, "/t/ward/evil", "call=who"], 1, "/t/ward/evil"),
        "direct run, policy": Role([loader, "--policy=check=enforce", "/t/ward/evil", "call=who"], 1,
                                   "/t/ward/evil", ops=()),
    }


def refused(g, role, error):
    """Refused with the module's errno, one clear line, nothing of the file ran."""
    r = deny(g, role.path, error, *role.cmd, ops=role.ops)
    text = r.out if role.goes_on else r.err
    lines = [w for w in text.splitlines() if "Error loading shared library" in w]
    need(len(lines) == 1 and TEXTS[error] in lines[0] and role.path in lines[0],
         "one line with %r" % TEXTS[error], r)
    need(role.requester is None or lines[0].endswith("(needed by %s)" % role.requester),
         "who needed it: %s" % role.requester, r)
    need("ctor evil" not in r.out, "nothing of it to run", r)
    if role.goes_on:
        need(r.rc == 0 and "open %s: ok" % GOOD in r.out and "host done" in r.out,
             "another library to load and the program to go on", r)
    else:
        need(r.rc == 127 and r.out == "" and r.err.count("\n") == 1, "exit 127 and one line", r)
    counted(r, check=1, other=role.others)


def allowed(g, role):
    """The same command loads it when the module only counts, and when there is none."""
    loads = "host done" if role.path == LONER else "ctor evil"
    r = deny(g, role.path, 0, *role.cmd, ops=role.ops)
    need(r.rc == 0 and loads in r.out and "Error" not in r.out, "all loaded", r)
    need(r.seen["check"] == 1 and r.seen["open"] == 1, "one check, got %s" % r.seen, r)
    r = g.run(*role.cmd, ops=role.ops)
    need(r.rc == 0 and loads in r.out and "Error" not in r.out, "all loaded", r)


def stock(g, image, role):
    """Positive control: stock musl maps what the module refuses to execute."""
    cmd = [w.replace("/t/ward/", "/t/stock/").replace(image.loaders["ward"], image.loaders["stock"])
           for w in role.cmd if not w.startswith("--policy")]
    path = role.path.replace("/t/ward/", "/t/stock/")
    r = deny(g, path, EPERM, *cmd, ops=role.ops)
    loads = "host done" if role.path == LONER else "ctor evil"
    need(r.rc == 0 and loads in r.out, "stock musl to load it", r)
    counted(r, check=0, other=0)


def tests(g, image):
    """(title, test) of this group."""
    if image.deny:
        raise wardtest.Skip(image.deny)
    for name, role in roles(image).items():
        for error, word in ((EPERM, "EPERM"), (EACCES, "EACCES"), (ENOKEY, "ENOKEY")):
            yield "%s, %s" % (name, word), lambda r=role, e=error: refused(g, r, e)
        yield name + ", module only counts or is gone", lambda r=role: allowed(g, r)
        yield name + ", control: stock musl", lambda r=role: stock(g, image, r)
    for word, error in ODD.items():
        yield "a search ends with " + word, lambda e=error: search_ends(g, e)
    yield "audit", lambda: audit(g)
    yield "preload of ward.conf", lambda: preload(g, image)
    yield "names of the inode", lambda: names(g)
    yield "execve and direct run agree", lambda: same_as_execve(g, image)
    yield "each opening is asked about", lambda: each_opening(g)
    yield "attached and detached while the program runs", lambda: while_running(g)
    yield "an ordinary user", lambda: ordinary(g)
    yield "a setuid program", lambda: setuid(g)


def search_ends(g, error):
    """No errno lets the search go on to the next directory; stock musl takes what comes first."""
    r = deny(g, EVIL, error, "/t/ward/both", "call=who")
    need(r.rc == 127 and r.out == "" and "refused" in r.err and r.err.count("\n") == 1,
         "one refusal and nothing run", r)
    # A busy file is asked about again for a few milliseconds.
    need(r.seen["check"] == 1 or error == ODD["ETXTBSY"], "one check, got %s" % r.seen, r)
    need(r.seen["check"] >= 1 and r.seen["other"] == 0, "no other file asked about", r)
    r = g.run("/t/ward/both", "call=who", ops=[RESTRICT])
    need("who: evil" in r.out, "the first directory's library without the module", r)


def audit(g):
    """Nothing enforced: the module is asked, its answer reported and not applied."""
    ops = ["env=LD_WARD=report=denials"]
    r = deny(g, EVIL, EPERM, "/t/ward/evil", "call=who", ops=ops)
    need(r.rc == 0 and "who: evil" in r.out, "the library loaded", r)
    line = r"ward: audit: would refuse %s needed-by=/t/ward/evil reason=lsm " % re.escape(EVIL)
    need(len(re.findall("^" + line, r.err, re.M)) == 1, "one line %r" % line, r)
    counted(r, check=1, other=0)
    r = deny(g, EVIL, 0, "/t/ward/evil", "call=who", ops=ops)
    need(r.rc == 0 and "would refuse" not in r.err, "nothing to report", r)


def preload(g, image):
    """A library that the administrator preloads is asked about like all else."""
    if "--check-conf" not in g.run(image.loaders["ward"], "--help").out:
        raise wardtest.Skip("this build reads no /etc/ward.conf")
    g.do("write=/etc/ward.conf:preload=%s\n" % EVIL)
    try:
        r = g.run("/t/ward/good", "call=who", ops=[RESTRICT])
        need(r.rc == 0 and "ctor evil" in r.out, "the library preloaded", r)
        r = deny(g, EVIL, EPERM, "/t/ward/good", "call=who")
        need("ctor evil" not in r.out and TEXTS[EPERM] in r.err and EVIL in r.err, "a refusal", r)
        need(r.seen["check"] == 1, "one check, got %s" % r.seen, r)
    finally:
        g.do("rm=/etc/ward.conf")


def names(g):
    """Another name of the inode is the same file, a copy is not."""
    g.do("mkdir=/tmp/names", "mkdir=/tmp/names/bound", "copy=%s:/tmp/names/copy.so" % EVIL,
         "link=%s:/t/evil/link.so" % EVIL, "symlink=%s:/tmp/names/symlink.so" % EVIL,
         "bind=/t/evil:/tmp/names/bound")
    for path in ("/t/evil/link.so", "/tmp/names/symlink.so", "/tmp/names/bound/libwho.so"):
        r = deny(g, EVIL, EPERM, LONER, "open=" + path)
        need("ctor evil" not in r.out and TEXTS[EPERM] in r.out, "a refusal of " + path, r)
    r = deny(g, EVIL, EPERM, LONER, "open=/tmp/names/copy.so")
    need(r.rc == 0 and "ctor evil" in r.out, "the copy loaded", r)
    counted(r, check=0, other=1)
    g.do("rm=/t/evil/link.so", "umount=/tmp/names/bound")


def same_as_execve(g, image):
    """When the module refuses execution as such, execve and ward say the same errno."""
    for error, word in ((EPERM, "EPERM"), (EACCES, "EACCES")):
        r = deny(g, LONER, error, LONER, what="exec")
        need(r.rc == 126 and "execve %s: errno %d\n" % (LONER, error) in r.out, "execve refused", r)
        r = deny(g, LONER, error, image.loaders["ward"], LONER, what="exec")
        need(r.rc == 127 and word in r.err, "the direct run refused with " + word, r)
        counted(r, check=1, other=0)
    r = deny(g, LONER, EPERM, LONER)
    need(r.rc == 0 and "host done" in r.out, "execve allowed when only the check is refused", r)
    need(r.seen["exec"] == 1 and r.seen["check"] == 0, "no check, got %s" % r.seen, r)


def each_opening(g):
    """A file that is opened again is asked about again; what needs no opening is not."""
    r = deny(g, EVIL, 0, LONER, *["open=" + EVIL] * 3)
    need(r.rc == 0 and r.out.count(": ok\n") == 3 and r.out.count("ctor evil") == 1,
         "one library, opened three times", r)
    counted(r, check=3, other=0)


def while_running(g):
    """One process: loads, is refused while the module is attached, loads again."""
    g.do("fifo=/tmp/attach", "fifo=/tmp/detach", "copy=%s:/tmp/first.so" % EVIL)
    r = deny(g, EVIL, EPERM, LONER, "open=/tmp/first.so", "cat=/tmp/attach", "open=" + EVIL,
             "open=" + GOOD, "cat=/tmp/detach", "open=" + EVIL, "lastcall=who",
             when=["-a", "/tmp/attach", "-d", "/tmp/detach"])
    answers = re.findall(r"^open (\S+): (.*)$", r.out, re.M)
    need([a for a, _ in answers] == ["/tmp/first.so", EVIL, GOOD, EVIL], "four answers", r)
    need([b == "ok" for _, b in answers] == [True, False, True, True], "only one refused", r)
    need(TEXTS[EPERM] in answers[1][1] and "who: evil" in r.out, "the reason", r)
    counted(r, check=1, other=1)


def ordinary(g):
    """The same for a user without privileges, whose process the module does not belong to."""
    r = deny(g, EVIL, EPERM, *NOBODY, "/t/ward/evil", "call=who")
    need(r.rc == 127 and TEXTS[EPERM] in r.err and r.out == "", "a refusal", r)
    r = deny(g, EVIL, 0, *NOBODY, "/t/ward/evil", "call=who")
    need(r.rc == 0 and "who: evil" in r.out, "the library loaded when nothing is refused", r)


def setuid(g):
    """A setuid program gives nothing away."""
    g.do("copy=/t/ward/evil:/tmp/suid", "chmod=4755:/tmp/suid")
    r = deny(g, EVIL, EPERM, *NOBODY, "/tmp/suid", "secure", "call=who")
    need(r.rc == 127 and r.out == "" and 0 < r.err.count("\n") <= 1, "refused with one line", r)
    need(EVIL not in r.err and "security module" not in r.err, "no detail", r)
    r = deny(g, EVIL, 0, *NOBODY, "/tmp/suid", "secure", "call=who")
    need(r.rc == 0 and "secure 1" in r.out and "who: evil" in r.out, "the program to run", r)
