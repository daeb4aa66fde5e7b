"""C: questions that are never asked: other interpreters, listings, second C libraries, devices."""

import fcntl
import os
import re
import select
import struct

from rows import row
from stage import NOBODY, RESTRICT, ROOT, set_interp, write_file
import wardtest


@row("C12")
def other_interpreter(x):
    """The kernel starts whatever PT_INTERP names; a loader that is not started cannot help."""
    interp = x.stage.static("interp", "interp.c",
                            flags=["-static-pie", "-nostdlib", "-nostartfiles", "-fPIE"])
    d = x.mkdir("cwd")
    x.copy(interp, "cwd/ld.so")
    prog = os.path.join(x.dir, "prog")
    set_interp(x.host(), prog, "ld.so")
    r = x.run(prog, "call=who", cwd=d)
    x.saw("relative name", "interpreter owned" in r.out, r, stock=True, limit=True)
    suid = x.setuid(prog, "suid")
    r = x.run(suid, "call=who", cwd=d, ops=["uid=%d" % NOBODY])
    x.saw("relative name, setuid", "interpreter owned" in r.out, r, stock=True, limit=True)
    r = x.direct(prog, "call=who", cwd=d)
    x.expect(r.rc == 0 and "who: good" in r.out, "a direct run not to care about the name", r)


def listed(x, path, ops=()):
    """List what path needs, under strace: (result, names of calls that execute or map code)."""
    strace = wardtest.have("strace")
    if strace is None:
        raise wardtest.Skip("strace is not installed")
    log = x.write("listed", b"")
    calls = "trace=execve,execveat,mmap,mprotect,pkey_mprotect"
    r = x.run(strace, "-f", "-qq", "-o", log, "-e", calls, x.target.loader, "--list", path, ops=ops)
    with open(log, encoding="utf-8", errors="surrogateescape") as h:
        calls = h.read().splitlines()
    first = [i for i, c in enumerate(calls) if "execve(" in c]
    x.expect(first, "strace to see the loader start", r)
    bad = [c for c in calls[first[0] + 1:] if re.search(r" execve\(|PROT_EXEC", c)
           or (" execveat(" in c and "EXECVE_CHECK" not in c and "|0x10000" not in c)]
    return r, bad


@row("C13")
def listing(x):
    """To list what an evil file needs must not run or map anything of it."""
    evil = x.evil()
    ifunc = x.stage.lib("ifunc.so", src="ifunc.c", flags=["-Wl,-z,now"])
    needs = x.prog("listed." + x.target.name, "host.c", "-Wl,--no-as-needed", evil, ifunc,
                   "-Wl,-rpath,%s:%s" % (os.path.dirname(evil), os.path.dirname(ifunc)))
    static = x.copy(x.stage.static("interp", "interp.c", flags=[
        "-static-pie", "-nostdlib", "-nostartfiles", "-fPIE"]), "static")
    plain = x.copy(x.stage.static("launch", "launch.c"), "plain")
    bare = os.path.join(x.dir, "interp")
    with open(static, "rb") as h:  # where PT_INTERP has room for its name
        write_file("%s/%s/it" % (ROOT, x.target.name), h.read(), 0o755)
    set_interp(x.host(), bare, "%s/%s/it" % (ROOT, x.target.name))
    r = x.run(bare)
    x.expect("interpreter owned" in r.out, "the kernel to run the interpreter", r)
    for name, path in (("program", needs), ("library", evil), ("ifunc", ifunc),
                       ("static PIE", static), ("static program", plain),
                       ("evil interpreter", bare)):
        for ops in ([], [RESTRICT]):
            r, bad = listed(x, path, ops)
            # musl maps the code it lists, but calls none of it; it takes no static program.
            maps = name != "static program"
            ran = re.search(r"ctor|resolver ran|owned|usage: launch", r.out + r.err)
            x.saw("%s %s, runs" % (name, ops), ran is not None, r, stock=False)
            x.saw("%s %s, executable" % (name, ops), bool(bad), "%s\n%s" % (r, bad), stock=maps)
    r, _ = listed(x, needs)
    for line in ("libwho.so => " + evil, "ifunc.so => " + ifunc):
        x.expect(line in r.out and r.rc == (0 if x.hardened else 127), line, r)
    if x.hardened:
        r = x.run(x.loner(), "open=" + ifunc)
        x.expect("resolver ran" in r.out, "the resolver to run when the library is loaded", r)


@row("C14")
def second_libc(x):
    """Another C library stands for the one that is there: it is neither mapped nor run."""
    other = x.mkdir("other")
    named = other + "/libodd.so"  # a name that is not reserved, and no DT_SONAME
    stub = x.stage.lib("%s.stub/libodd.so" % x.target.name, tag="stub",
                       flags=["-Wl,-soname," + named])
    prog = x.prog("twolibc." + x.target.name, "host.c", "-Wl,--no-as-needed", stub,
                  inputs=[stub])
    fake = x.stage.lib("libc2.so", src="libc2.c")
    stock, ward = x.stage.targets
    x.copy(stub, "other/libodd.so")
    r = x.run(prog, "maps")
    x.expect("ctor stub" in r.out and named in r.out, "an ordinary library to be loaded there", r)
    for name, src in (("look-alike", fake), ("stock musl", stock.loader), ("ward", ward.loader)):
        x.copy(src, "other/libodd.so")
        for how, r in (("DT_NEEDED", x.run(prog, "maps")), ("dlopen", x.run(
                x.loner(), "open=" + named, "maps"))):
            x.expect(r.rc == 0 and "host done" in r.out, "the program to run", r)
            fell = "second libc ran" in r.out or any(
                named in w for w in r.out.splitlines() if re.match(r"[0-9a-f]+-", w))
            x.saw("%s, %s" % (name, how), fell, r, stock=False)


def fresh_pty():
    """(master, name of the slave), which nobody has opened yet."""
    tiocsptlck, tiocgptn = 0x40045431, 0x80045430
    master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    fcntl.ioctl(master, tiocsptlck, struct.pack("i", 0))
    number, = struct.unpack("i", fcntl.ioctl(master, tiocgptn, bytes(4)))
    return master, "/dev/pts/%d" % number


def hung_up(master):
    """Did somebody open the other end and close it again?"""
    p = select.poll()
    p.register(master, select.POLLIN)
    return any(e & select.POLLHUP for _, e in p.poll(0))


@row("C25")
def device(x):
    """To open a device does something before fstat says what it is: directories are trusted."""
    d = x.mkdir("first")
    prog = x.prog("device." + x.target.name, "host.c", "-Wl,--no-as-needed", x.good(),
                  "-Wl,-rpath,%s:%s/lib/good" % (d, ROOT))
    master, slave = fresh_pty()
    try:
        os.symlink(slave, d + "/libwho.so")
        x.expect(not hung_up(master), "a terminal that nobody has opened", slave)
        r = x.run(prog, "call=who", ops=[RESTRICT])
        x.saw("opened", hung_up(master), r, stock=True, limit=True)
        if x.hardened:
            x.expect(r.rc == 127 and "not a regular file" in r.err and r.out == "",
                     "the device refused, the search ended", r)
    finally:
        os.close(master)
