"""Privilege and namespaces: what changes who a process is must not change what ward refuses.

Programs with privilege (setuid, setgid, file capabilities) and what takes it away; user and mount
namespaces, by unshare(1) and bubblewrap; securebits set by capsh(1). On kernels before 7.x a new
user namespace takes the securebits away, also locked ones: those tests show the limit, and what
holds in spite of it.
"""

import os
import struct

from matrix import problem
from stage import NOBODY, RESTRICT, ROOT, mount, real_root, write_file
import wardtest

EVIL_DIR = ROOT + "/lib/evil"
EVIL_LIB = EVIL_DIR + "/libwho.so"
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "src", "nest.c")


def need(true, what, r):
    """Raise unless true."""
    if not true:
        raise AssertionError(problem(what, r)[:2500])


def nobody():
    """The operations that make a run one of an ordinary user."""
    if not real_root():
        raise wardtest.Skip("needs root: to be another user")
    return ["uid=%d" % NOBODY]


def tool(name, package):
    """The path of a tool; Skip without it."""
    path = wardtest.have(name) or wardtest.have("../sbin/" + name)
    if path is None:
        raise wardtest.Skip("%s is not installed (package %s)" % (name, package))
    return path


def capsh(bits, *cmd):
    """The words that run a command under securebits set by capsh."""
    return [tool("capsh", "libcap2-bin"), "--secbits=%#x" % bits, "--shell=" + cmd[0], "--",
            *cmd[1:]]


def unshare(*words):
    """The words that run what follows in new namespaces."""
    return [tool("unshare", "util-linux"), *words]


def preloaded(x, *cmd):
    """The words that set LD_PRELOAD last of all, so that no tool in front sees it."""
    return [x.stage.launch, "env=LD_PRELOAD=" + EVIL_LIB, "--", *cmd]


def weak(x):
    """A program whose library has mode 0644."""
    lib = x.copy(x.good(), "weak/libwho.so", 0o644)
    return x.prog("needs.weak", "host.c", "-Wl,--no-as-needed", x.good(),
                  "-Wl,-rpath," + os.path.dirname(lib))


def bits_in(x, *before):
    """What the kernel says the securebits are behind these words."""
    r = x.run(*before, x.stage.static("nest", SOURCE), "bits")
    need(r.rc == 0 and r.out.startswith("bits "), "the securebits", r)
    return int(r.out.split()[1], 0)


def is_deaf(r):
    """LD_PRELOAD was ignored."""
    need(r.rc == 0 and "who: good" in r.out and "ctor evil" not in r.out, "LD_PRELOAD ignored", r)


def is_honoured(r):
    """LD_PRELOAD was not ignored."""
    need(r.rc == 0 and "who: evil" in r.out, "LD_PRELOAD honoured", r)


def is_refused(r):
    """The library of mode 0644 was refused."""
    need(r.rc == 127 and r.out == "" and "no execute permission (mode 0644)" in r.err,
         "the library of mode 0644 refused", r)


def runs(r):
    """The program ran with its library."""
    need(r.rc == 0 and "who: good" in r.out and "host done" in r.out, "the program to run", r)


# -- privilege --

def privilege(x):
    """(title, test): every way to be secure, and what takes the privilege away."""
    for name, make in PRIVILEGED.items():
        yield name, lambda m=make: secure_start(x, m)
        yield name + ", RESTRICT_FILE", lambda m=make: secure_restricted(x, m)
    for name, make in PRIVILEGED.items():
        yield name + ", nosuid mount", lambda m=make: nosuid(x, m)
        yield name + ", unmapped in a user namespace", lambda m=make: unmapped(x, m)
    yield "root runs a setuid-root program", lambda: root_setuid(x)


def setuid_root(path):
    """Runs as root."""
    os.chmod(path, 0o4755)


def setuid_other(path):
    """Runs as a user who is neither root nor the caller."""
    os.chown(path, 12345, 0)
    os.chmod(path, 0o4755)


def setgid_other(path):
    """Runs with another group only."""
    os.chown(path, 0, 12345)
    os.chmod(path, 0o2755)


def capability(path):
    """Runs with CAP_NET_RAW, permitted and effective, as setcap(8) gives it."""
    os.chmod(path, 0o755)
    os.setxattr(path, "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))


PRIVILEGED = {"setuid root": setuid_root, "setuid another user": setuid_other,
              "setgid": setgid_other, "file capability": capability}


def privileged(x, src, make, where=None):
    """A privileged copy of a program."""
    if not real_root():
        raise wardtest.Skip("needs root: a privileged file")
    out = "%s/%s" % (where or "%s/suid/%s" % (ROOT, x.name), make.__name__)
    with open(src, "rb") as h:
        write_file(out, h.read(), 0o755)
    make(out)
    return out


def secure_start(x, make):
    """Variables are ignored, and gone for children."""
    x.evil()
    prog = privileged(x, x.host(), make)
    r = x.run(prog, "secure", "call=who", "env", ops=nobody(),
              env={"LD_PRELOAD": EVIL_LIB, "LD_LIBRARY_PATH": EVIL_DIR, "KEPT": "yes"})
    is_deaf(r)
    need("secure 1" in r.out and "env LD_" not in r.out and "env KEPT=yes" in r.out,
         "a secure start without loader variables", r)


def secure_restricted(x, make):
    """The securebit refuses for it, too, without a path in the message."""
    prog = privileged(x, weak(x), make)
    r = x.run(prog, "secure", "call=who", ops=[RESTRICT, *nobody()])
    need(r.rc == 127 and r.out == "" and r.err.count("\n") <= 1 and x.dir not in r.err,
         "a refusal that gives nothing away", r)
    r = x.run(prog, "secure", "call=who", ops=nobody())
    runs(r)


def nosuid(x, make):
    """On a nosuid mount it is an ordinary program."""
    x.evil()
    where = x.mount("nosuid." + make.__name__, "mode=755,nosuid")
    prog = privileged(x, x.host(), make, where)
    r = x.run(prog, "secure", "call=who", ops=nobody(), env={"LD_PRELOAD": EVIL_LIB})
    is_honoured(r)
    need("secure 0" in r.out, "an ordinary start", r)


def unmapped(x, make):
    """
    In a user namespace whose ids do not include the file's owner it is an ordinary program; but
    capabilities that root of the first namespace gave count in every namespace below it.
    """
    x.evil()
    prog = privileged(x, x.host(), make)
    cmd = unshare("-U", *preloaded(x, prog, "secure", "call=who"))
    r = x.run(*cmd, ops=nobody())
    if make is capability:
        is_deaf(r)
        need("secure 1" in r.out, "a secure start", r)
        return
    is_honoured(r)
    need("secure 0" in r.out, "an ordinary start", r)


def root_setuid(x):
    """Nothing is gained, so the kernel does not call it secure; ward goes by the kernel."""
    x.evil()
    prog = privileged(x, x.host(), setuid_root)
    r = x.run(prog, "secure", "call=who", env={"LD_PRELOAD": EVIL_LIB})
    is_honoured(r)
    need("secure 0" in r.out, "an ordinary start", r)


# -- securebits by a real tool, and user namespaces --

def namespaces(x):
    """(title, test)."""
    x.evil()
    for bits in (0x100, 0x300, 0x400, 0xc00, 0xf00):
        yield "capsh --secbits=%#x" % bits, lambda b=bits: by_capsh(x, b)
    yield "control: stock musl under capsh", lambda: stock_capsh(x)
    yield "unshare -U", lambda: in_userns(x, "-U")
    yield "unshare -U -r -m, ordinary user", lambda: in_userns(
        x, "-U", "-r", "-m", ops=nobody())
    yield "limit: securebits over a user namespace", lambda: bits_lost(x)
    yield "securebits over a user namespace within a process", lambda: sticky(x)
    yield "policy over a user namespace", lambda: policy_holds(x)
    yield "noexec cannot be taken off in a namespace", lambda: noexec_locked(x)
    yield "limit: a copy on a mount of one's own", lambda: own_mount(x)
    yield "bubblewrap", lambda: bubble(x)
    yield "bubblewrap, ordinary user", lambda: bubble(x, ops=nobody())
    yield "bubblewrap, noexec", lambda: bubble_noexec(x)


def by_capsh(x, bits):
    """Bits are bits, whoever sets them."""
    is_deaf(x.run(*capsh(bits, *preloaded(x, x.host(), "call=who"))))
    r = x.run(*capsh(bits, weak(x), "call=who"))
    if bits & 0x100:
        is_refused(r)
    else:
        runs(r)


def stock_capsh(x):
    """Positive control: stock musl is not impressed."""
    weak(x)
    x.host()
    stock = x.stage.targets[0]
    is_honoured(x.run(*capsh(0xf00, *preloaded(x, stock.path("host"), "call=who"))))
    runs(x.run(*capsh(0xf00, stock.path("needs.weak"), "call=who")))


def in_userns(x, *words, ops=()):
    """All works where root's files belong to nobody, and enforcing means the same."""
    inside = unshare(*words)
    lib = x.copy(x.evil(), "opened.so")
    r = x.run(*inside, x.host(), "call=who", "open=" + lib, ops=ops)
    runs(r)
    need("ctor evil" in r.out and r.err == "", "dlopen to work, without a word", r)
    is_honoured(x.run(*inside, *preloaded(x, x.host(), "call=who"), ops=ops))
    restricted = [*inside, x.stage.launch, RESTRICT, "--"]
    is_refused(x.run(*restricted, weak(x), "call=who", ops=ops))
    is_deaf(x.run(*restricted, *preloaded(x, x.host(), "call=who"), ops=ops))
    r = x.run(*inside, x.target.loader, "--policy=enforce", weak(x), "call=who", ops=ops)
    is_refused(r)


def bits_lost(x):
    """ward goes by what the kernel says; before Linux 7.x that is nothing any more."""
    before = capsh(0xf00, *unshare("-U"))
    kept = bits_in(x, *before)
    r = x.run(*before, weak(x), "call=who", ops=nobody())
    need(kept in (0, 0xf00), "all bits kept or none, got %#x" % kept, r)
    if kept:
        is_refused(r)
    else:
        runs(r)  # the limit


def sticky(x):
    """Within one process nothing is forgotten: what was refused stays refused."""
    lib = x.copy(x.evil(), "weak.so", 0o644)
    prog = x.prog("nest", SOURCE)
    r = x.run(prog, "open=" + lib, "newuser", "bits", "open=" + lib, ops=["bits=0xf00"])
    need(r.rc == 0 and "newuser 0\n" in r.out, "a user namespace entered", r)
    need(r.out.count("(mode 0644)") == 2 and "ctor evil" not in r.out, "two refusals", r)
    r = x.run(prog, "newuser", "open=" + lib)
    need("ctor evil" in r.out, "the library loaded when nothing was restricted", r)


def policy_holds(x):
    """What policy enforces does not depend on the securebits."""
    inside = capsh(0xf00, *unshare("-U", "-r"))
    r = x.run(*inside, x.target.loader, "--policy=enforce", weak(x), "call=who", ops=nobody())
    is_refused(r)


def noexec_locked(x):
    """Mount flags that come from outside are locked; so is the refusal."""
    where = x.mount("locked", "mode=755,noexec")
    lib = x.copy(x.evil(), "locked/a.so")
    script = 'mount -o remount,bind,exec "$1"; echo "mount $?"; shift; exec "$@"'
    r = x.run(*unshare("-U", "-r", "-m"), "/bin/sh", "-c", script, "sh", where, x.stage.launch,
              RESTRICT, "--", x.loner(), "open=" + lib, ops=nobody(),
              env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")})
    need("mount 0" not in r.out and "mount " in r.out, "the kernel to refuse to remount", r)
    need("file system %s is mounted noexec" % where in r.out and "ctor evil" not in r.out,
         "a refusal", r)


def own_mount(x):
    """In namespaces of his own the caller decides about modes, so the kernel's check says yes."""
    lib = x.copy(x.evil(), "mine.so", 0o644)
    where = x.mkdir("mine")
    script = ('mount -t tmpfs none "$1" && cp "$2" "$1/a.so" && chmod 755 "$1/a.so" || exit 99; '
              'shift 2; exec "$@"')
    r = x.run(*unshare("-U", "-r", "-m"), "/bin/sh", "-c", script, "sh", where, lib,
              x.stage.launch, "bits=0xf00", "--", x.loner(), "open=" + where + "/a.so",
              ops=nobody(), env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")})
    need(r.rc == 0 and "ctor evil" in r.out, "the copy loaded: it may be executed", r)


def bubble(x, ops=()):
    """A sandbox made by bubblewrap, the root file system read-only."""
    wrap = [tool("bwrap", "bubblewrap"), "--ro-bind", "/", "/", "--proc", "/proc",
            "--dev", "/dev", "--unshare-user", "--unshare-pid"]
    runs(x.run(*wrap, x.host(), "call=who", ops=ops))
    is_honoured(x.run(*wrap, *preloaded(x, x.host(), "call=who"), ops=ops))
    restricted = [*wrap, x.stage.launch, RESTRICT, "--"]
    is_refused(x.run(*restricted, weak(x), "call=who", ops=ops))
    is_deaf(x.run(*restricted, *preloaded(x, x.host(), "call=who"), ops=ops))
    is_refused(x.run(*wrap, x.target.loader, "--policy=enforce", weak(x), "call=who", ops=ops))


def bubble_noexec(x):
    """A noexec mount stays one inside."""
    where = x.mount("bubble", "mode=755,noexec")
    lib = x.copy(x.evil(), "bubble/a.so")
    r = x.run(tool("bwrap", "bubblewrap"), "--ro-bind", "/", "/", "--proc", "/proc", "--dev",
              "/dev", "--unshare-user", x.stage.launch, RESTRICT, "--", x.loner(), "open=" + lib,
              ops=nobody())
    need("file system %s is mounted noexec" % where in r.out and "ctor evil" not in r.out,
         "a refusal", r)


GROUPS = {"privilege": privilege, "namespaces": namespaces}
