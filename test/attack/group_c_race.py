"""C: what changes between the verdict and the mapping, and after it."""

import os
import re
import subprocess
import sys

import image
from rows import row
from stage import RESTRICT, ROOT, mount

CHANGED = "file changed while it was being loaded"


def between(x, path, events, *cmd, **more):
    """Run cmd; at each event, given with its action, the loader stands still meanwhile."""
    words = [w for e in events for w in e]
    return x.run(x.stage.static("between", "between.c"), path, *words, "--", *cmd,
                 timeout=20, **more)


def over(src, dst, *flags):
    """The action that writes src into dst, the same inode."""
    return "run=/bin/cp %s %s %s" % (" ".join(flags), src, dst)


def stopped(x, r):
    """On ward the change is seen, said, and nothing of the file has run."""
    if x.hardened:
        x.expect(CHANGED in r.out + r.err and "between: never" not in r.err, CHANGED, r)


def overlay(x, name="o"):
    """A fresh overlay below the directory of this test, with the good library in the lower one.

    Returns the library's name below and in the merged directory.
    """
    base = x.mount(name)
    for d in ("lower", "upper", "scratch", "merged"):
        os.mkdir(os.path.join(base, d))
    x.copy(x.good(), name + "/lower/libwho.so")
    mount("-t", "overlay", "-o", "lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/scratch".format(
        base), "ward-test", base + "/merged")
    return base + "/lower/libwho.so", base + "/merged/libwho.so"


@row("C07")
def written_after_check(x):
    """A file may be written to as soon as the kernel has answered."""
    good, evil = x.good(), x.evil()
    lib = x.copy(good, "libwho.so")
    os.utime(evil, ns=(10**18, 10**18))
    words = [x.loner(), "open=" + lib, "lastcall=who"]

    def run(events, name, limit, ops=(RESTRICT,), cmd=None):
        x.copy(good, "libwho.so")
        os.utime(lib, ns=(10**18, 10**18))
        r = between(x, lib, events, *(cmd or words), ops=ops)
        x.saw(name, "ctor evil" in r.out or "who: evil" in r.out, r, stock=True, limit=limit)
        return r

    stopped(x, run([("map:1", over(evil, lib))], "between check and mapping", False))
    # He who may write may also set the time of the last change.
    run([("map:1", over(evil, lib, "--preserve=timestamps"))], "with the old time", True)
    run([("close:1", over(evil, lib))], "after the mapping", True)
    if x.hardened:
        shared = [x.target.loader, "--policy", "text=shared", *words]
        run([("close:1", over(evil, lib))], "after the mapping, text=shared", True, cmd=shared)


@row("C17")
def page_cache(x):
    """The pages of a file change below everybody: no loader sees it."""
    for text in ["private"] + ["shared"] * x.hardened:
        below, path = overlay(x, text)
        front = [x.target.loader, "--policy", "text=" + text] if x.hardened else []
        fd = os.open(below, os.O_RDWR | os.O_CLOEXEC)  # open for writing, which nobody can know
        try:
            write = "run=/bin/dd if=%s of=%s conv=notrunc status=none" % (x.evil(), below)
            r = between(x, path, [("close:1", write)], *front, x.loner(), "open=" + path,
                        "lastcall=who", ops=[RESTRICT])
        finally:
            os.close(fd)
        x.expect("open %s: ok" % path in r.out, "the library to load", r)
        x.saw("text=" + text, "who: evil" in r.out, r, stock=True, limit=True)


def forged_headers(x):
    """The good library with other headers: its constants are executable, as they say."""
    lib = image.Image(x.good())
    first = lib.phdrs(image.PT_LOAD)[0]
    x.expect(lib.pget(first, "flags") == 4, "the first segment to be read-only", first)
    lib.pset(first, flags=5)
    return x.write("forged.so", bytes(lib.data))


@row("C22")
def copied_up(x):
    """On overlayfs one descriptor can mean two files, one for pread and one for mmap.

    The writer holds the lower file, so nothing is busy. What he copies up is read at once, but
    what is mapped is the file from below: by headers that it does not have.
    """
    forged, evil = forged_headers(x), x.evil()
    slot = os.path.join(x.dir, "slot")  # leads to the overlay of the moment
    path = slot + "/libwho.so"
    needs = x.prog("overlaid." + x.target.name, "host.c", "-Wl,--no-as-needed", x.good(),
                   "-Wl,-rpath," + slot)
    commands = {"dlopen": [x.loner(), "open=" + path, "maps"],
                "DT_NEEDED": [needs, "call=who", "maps"]}
    tries = [("read:1", forged)] + [(e, f) for e in ("read:2", "map:1", "map:2", "stat:2")
                                    for f in (forged, evil)] * x.hardened
    for event, src in tries:
        for how, cmd in commands.items():
            name = "%s.%s.%s" % (how, event.replace(":", ""), os.path.basename(src))
            below, merged = overlay(x, name)
            if os.path.lexists(slot):
                os.unlink(slot)
            os.symlink(os.path.dirname(merged), slot)
            held = os.open(below, os.O_RDWR | os.O_CLOEXEC)
            try:
                r = between(x, path, [(event, over(src, path))], *cmd, ops=[RESTRICT])
            finally:
                os.close(held)
            other = re.search(r"r-xp 00000000 .*libwho\.so$", r.out, re.M)
            x.saw(name, "evil\n" in r.out or other is not None, r, stock=True)
            stopped(x, r)


@row("C23")
def number_reused(x):
    """Another thread makes the descriptor's number mean another file, by mistake or on purpose."""
    good, evil = x.copy(x.good(), "good.so"), x.copy(x.evil(), "evil.so")
    fds = [os.open(p, os.O_RDONLY | os.O_CLOEXEC) for p in (good, evil)]
    swap, back = ("map:1", "dup=%d" % fds[1]), ("stat:2", "dup=%d" % fds[0])
    cmd = [x.loner(), "open=" + good, "lastcall=who"]
    try:
        r = between(x, good, [swap], *cmd, ops=[RESTRICT], pass_fds=fds)
        x.saw("by mistake", "evil\n" in r.out, r, stock=True)
        stopped(x, r)
        # Code in the same process that is hostile needs no loader to do harm: a limit.
        r = between(x, good, [swap, back][:1 + x.hardened], *cmd, ops=[RESTRICT], pass_fds=fds)
        x.saw("on purpose", "evil\n" in r.out, r, stock=True, limit=True)
        x.expect("between: never" not in r.err, "both moments to come", r)
    finally:
        for fd in fds:
            os.close(fd)


# Holds a write lease on a file until its standard input ends; does not give it up when asked.
LESSEE = """
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
sys.stdin.read()
"""


@row("C24")
def leased(x):
    """The holder of a lease makes open wait, 45 s by default; ward does not and stays."""
    d = x.mkdir("first")
    lib = x.copy(x.evil(), "first/libwho.so")
    prog = x.prog("leased." + x.target.name, "host.c", "-Wl,--no-as-needed", x.good(),
                  "-Wl,-rpath,%s:%s/lib/good" % (d, ROOT))
    for how, cmd in (("DT_NEEDED", [prog, "call=who"]), ("dlopen", [x.loner(), "open=" + lib])):
        with subprocess.Popen([sys.executable, "-c", LESSEE, lib], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as holder:
            x.expect(holder.stdout.readline() == "leased\n", "a lease on " + lib, holder)
            r = x.run(*cmd, timeout=3)
            x.saw(how + ", hangs", r.rc is None, r, stock=True)
            x.saw(how + ", goes elsewhere", "who: good" in r.out, r, stock=False)
            if x.hardened:
                x.expect("another process holds a lease on it" in r.out + r.err, "the reason", r)
            holder.stdin.close()
        r = x.run(*cmd)
        x.expect("ctor evil" in r.out, "the library to load without the lease", r)
