"""C: files that may not be executed, and ways around the question."""

import fcntl
import os

from group_b import swapping
from rows import row
from stage import RESTRICT, ROOT

MODE = "no execute permission (mode 0644)"
NOEXEC = "is mounted noexec"
NO_FILE = "not a file on disk"


def refused(x, r, why, start=True):
    """On ward: one line with the reason; exit 127 at start, or an error from dlopen."""
    if not x.hardened:
        return
    text = r.err if start else r.out
    lines = [w for w in text.splitlines() if "refused" in w]
    x.expect(len(lines) == 1 and why in lines[0], "one line with %r" % why, r)
    if start:
        x.expect(r.rc == 127 and r.err.count("\n") == 1, "exit 127 and nothing else", r)
    else:
        x.expect(r.rc == 0 and "host done" in r.out, "the program to go on", r)


@row("C01")
def direct_run_on_noexec(x):
    """The loader as a command must not run a program that the kernel refuses to execute."""
    d = x.mount("noexec", "mode=755,noexec")
    prog = x.copy(x.host(), "noexec/prog")
    r = x.run("/bin/sh", "-c", prog)
    x.expect(r.rc == 126, "the kernel to refuse it", r)
    r = x.direct(prog, "call=who", ops=[RESTRICT])
    x.saw("restricted", "who:" in r.out or r.rc in (0, None), r, stock=False)
    refused(x, r, "refused: file system %s %s" % (d, NOEXEC))
    r = x.direct(prog, "call=who")
    x.saw("not restricted", "who:" in r.out or r.rc in (0, None), r, stock=False)


@row("C02")
def code_free_object(x):
    """A library without code needs no executable mapping; its relocations act all the same."""
    lib = x.stage.lib("codefree.so", src="codefree.c", flags=["-nostartfiles", "-nodefaultlibs"])
    x.mount("noexec", "mode=755,noexec")
    r = x.run(x.loner(), "open=" + lib)
    if "hook ran" not in r.out and not x.hardened:
        x.expect(False, "the library to act when it may", r)
    for name, why in (("noexec/codefree.so", NOEXEC), ("mode.so", MODE)):
        path = x.copy(lib, name, 0o755 if "noexec" in name else 0o644)
        r = x.run(x.loner(), "open=" + path, "maps", ops=[RESTRICT])
        x.saw(name, "hook ran" in r.out or path + ": ok" in r.out, r, stock=True)
        refused(x, r, why, start=False)
        x.expect(not x.hardened or r.out.count(path + "\n") == 0, "nothing of it mapped", r)


@row("C03")
def not_executable(x):
    """Mode 0644, as program of a direct run and as library in every place."""
    prog = x.copy(x.host(), "prog", 0o644)
    r = x.direct(prog, "call=who", ops=[RESTRICT])
    x.saw("program", "who:" in r.out, r, stock=True)
    refused(x, r, MODE)
    lib = x.copy(x.evil(), "libwho.so", 0o644)
    r = x.run(x.loner(), "open=" + lib, ops=[RESTRICT])
    x.saw("dlopen", "ctor evil" in r.out, r, stock=True)
    refused(x, r, "%s; chmod a+x %s" % (MODE, lib), start=False)
    needs = x.prog("needs0644." + x.target.name, "host.c", "-Wl,--no-as-needed", x.good(),
                   "-Wl,-rpath,%s:%s/lib/good" % (x.dir, ROOT))
    r = x.run(needs, "call=who", ops=[RESTRICT])
    x.saw("DT_NEEDED", "ctor evil" in r.out, r, stock=True)
    refused(x, r, "%s; chmod a+x %s (needed by %s)" % (MODE, lib, needs))
    x.expect("good" not in r.out or not x.hardened, "no way on to the next directory", r)
    if x.hardened:
        r = x.direct("--policy", "check=enforce", prog, "call=who")
        x.saw("program, check=enforce", "who:" in r.out, r, stock=True)
        refused(x, r, MODE)


@row("C04")
def preload_around_allow_list(x):
    """An allowed program must not be a way to run a library that is not."""
    lib = x.copy(x.evil(), "libevil.so", 0o644)
    r = x.run(x.host(), "call=who", env={"LD_PRELOAD": lib})
    x.expect("ctor evil" in r.out, "LD_PRELOAD to be honoured when not restricted", r)
    r = x.run(x.host(), "call=who", ops=[RESTRICT], env={"LD_PRELOAD": lib})
    x.saw("LD_PRELOAD", "evil" in r.out, r, stock=True)
    x.expect(not x.hardened or (r.rc == 0 and "who: good" in r.out), "the program to run", r)
    r = x.direct(x.host(), "call=who", ops=[RESTRICT], env={"LD_PRELOAD": lib})
    x.saw("LD_PRELOAD, direct run", "evil" in r.out, r, stock=True)
    for option in (["--preload", lib], ["--preload=" + lib]):
        r = x.direct(*option, x.host(), "call=who", ops=[RESTRICT])
        x.saw(option[0], "evil" in r.out, r, stock=True)
        x.expect(not x.hardened or (r.rc in (2, 127) and "while restricted; use " in r.err),
                 "an error that names the alternative", r)
    x.copy(lib, "path/libwho.so", 0o644)
    for option in (["--library-path", x.dir + "/path"], ["--library-path=" + x.dir + "/path"]):
        r = x.direct(*option, x.host(), "call=who", ops=[RESTRICT])
        x.saw(option[0], "evil" in r.out, r, stock=True)
        x.expect(not x.hardened or (r.rc in (2, 127) and "restricted" in r.err),
                 "an error that says why", r)
    r = x.run(x.host(), "open=" + lib, ops=[RESTRICT])
    x.saw("dlopen", "ctor evil" in r.out, r, stock=True)
    refused(x, r, MODE, start=False)


def memfd_of(path, seals=0):
    """A memfd with the content of a file."""
    fd = os.memfd_create("evil", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(path, "rb") as h:
        os.write(fd, h.read())
    os.fchmod(fd, 0o755)
    if seals:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


@row("C05")
def no_file_on_disk(x):
    """A memfd or deleted file can change after the check and leaves nothing to look at."""
    whole = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    evil = x.evil()
    plain, sealed = memfd_of(evil), memfd_of(evil, whole)
    partly = memfd_of(evil, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    gone = x.copy(evil, "gone.so")
    deleted = os.open(gone, os.O_RDONLY | os.O_CLOEXEC)
    os.unlink(gone)
    fds = (plain, sealed, partly, deleted)
    try:
        for name, fd in (("memfd", plain), ("half-sealed memfd", partly), ("deleted", deleted)):
            for form in ("/proc/self/fd/%d", "/dev/fd/%d"):
                path = form % fd
                r = x.run(x.loner(), "open=" + path, ops=[RESTRICT], pass_fds=fds)
                x.saw("%s, dlopen %s" % (name, form), "ctor evil" in r.out, r, stock=True)
                refused(x, r, NO_FILE, start=False)
            r = x.run(x.loner(), ops=[RESTRICT], env={"LD_PRELOAD": path}, pass_fds=fds)
            x.saw(name + ", LD_PRELOAD", "ctor evil" in r.out, r, stock=True)
        r = x.run(x.loner(), "open=/proc/self/fd/%d" % sealed, ops=[RESTRICT], pass_fds=fds)
        x.expect("ctor evil" in r.out, "a sealed memfd to be accepted", r)
        prog = memfd_of(x.loner())
        fds += (prog,)
        r = x.direct("/proc/self/fd/%d" % prog, ops=[RESTRICT], pass_fds=fds)
        x.saw("program", "host done" in r.out, r, stock=True)
        refused(x, r, NO_FILE)
    finally:
        for fd in fds:
            os.close(fd)


@row("C06")
def check_and_open_by_name(x):
    """The file that is checked is the file that is mapped, whatever happens to its name."""
    good = x.copy(x.good(), "good.so")
    bad = x.copy(x.evil(), "bad.so", 0o644)
    link = os.path.join(x.mkdir("link"), "libwho.so")
    os.symlink(good, link)
    cmd = [x.loner(), "open=" + link]
    r, trace = x.trace(*cmd, ops=[RESTRICT], enforcing=True)
    own = [o for o in trace.objects if o.path == link]
    x.expect("ctor good" in r.out and len(own) == 1, "the library to load, opened once", r)
    x.saw("same descriptor", not own or "C" not in own[0].steps, "%s\n%s" % (r, own), stock=True)
    if x.hardened:
        x.expect(not trace.breaches, "the order of calls to hold", "\n".join(trace.breaches))
    with swapping(link, good, bad):
        runs = [x.run(*cmd, ops=[RESTRICT]) for _ in range(100)]
    took = sum("ctor evil" in r.out for r in runs)
    x.saw("swapped name", took > 0, [r.out for r in runs if "evil" in r.out][:1], stock=True)
    x.expect(any("ctor good" in r.out for r in runs), "the good file to load at times", runs[0])
    if x.hardened:
        x.expect(any("refused" in r.out for r in runs), "the bad file to be met at times", runs[0])
        odd = [r for r in runs if ("ctor good" in r.out) == ("refused" in r.out)]
        x.expect(not odd, "each run to load or to refuse", odd[:1])


@row("C11")
def not_a_regular_file(x):
    """A FIFO, device or directory in a search directory must neither hang nor be skipped."""
    x.good()
    makers = {
        "fifo": (os.mkfifo, True),
        "directory": (os.mkdir, False),
        "zero": (lambda p: os.symlink("/dev/zero", p), False),
        "null": (lambda p: os.symlink("/dev/null", p), False),
        "tty": (lambda p: os.symlink("/dev/tty", p), False),
    }
    for name, (make, hangs) in makers.items():
        d = x.mkdir(name)
        path = os.path.join(d, "libwho.so")
        make(path)
        prog = x.prog("%s.%s" % (name, x.target.name), "host.c", "-Wl,--no-as-needed",
                      ROOT + "/lib/good/libwho.so", "-Wl,-rpath,%s:%s/lib/good" % (d, ROOT))
        for how, r in (("DT_NEEDED", x.run(prog, "call=who", timeout=2)),
                       ("dlopen", x.run(x.loner(), "open=" + path, timeout=2))):
            fell = r.rc is None or r.rc < 0 or ": ok" in r.out or "ctor " in r.out
            x.saw("%s, %s" % (name, how), fell, r, stock=hangs)
            if x.hardened:
                x.expect(path in r.err + r.out, "the file to be named", r)


@row("C19")
def ordinary_file_on_tmpfs(x):
    """No attack: seals are only asked for where there is no file, so tmpfs is no obstacle."""
    x.mount("tmpfs")
    lib = x.copy(x.evil(), "tmpfs/libevil.so")
    prog = x.copy(x.host(), "tmpfs/prog")
    for ops in ([], [RESTRICT]):
        r = x.run(x.loner(), "open=" + lib, ops=ops)
        x.saw("dlopen %s" % ops, "ctor evil" not in r.out or r.rc != 0, r, stock=False)
        r = x.direct(prog, "call=who", ops=ops)
        x.saw("direct run %s" % ops, "who: good" not in r.out or r.rc != 0, r, stock=False)
