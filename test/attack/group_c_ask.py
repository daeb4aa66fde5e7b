"""C: who answers the question, and when: busy files, filters, old kernels, threads."""

import os
import re

from group_c import MODE, refused
from rows import row
from stage import RESTRICT, ROOT
import wardtest

FAKED = "something answers the kernel's check in the kernel's place"
CANNOT = "cannot enforce: this kernel has no AT_EXECVE_CHECK (Linux 6.14)"
ENFORCE = ["--policy", "check=enforce missing=refuse"]
# What a filter can be made to answer; 0 is success.
ERRNOS = {"0": 0, "EPERM": 1, "ENOENT": 2, "EINTR": 4, "EIO": 5, "EBADF": 9, "EAGAIN": 11,
          "ENOMEM": 12, "EACCES": 13, "EFAULT": 14, "ENOTDIR": 20, "EINVAL": 22, "ETXTBSY": 26,
          "ENOSYS": 38, "ELOOP": 40}


def filtered(x, filters, *cmd, ops=(), **more):
    """Run a command below seccomp filters."""
    return x.run(x.stage.static("filter", "filter.c"), *filters, "--", *cmd, ops=ops, **more)


@row("C08")
def busy(x):
    """Whoever holds a library open for writing must neither hang us nor send us elsewhere."""
    d = x.mkdir("first")
    lib = x.copy(x.evil(), "first/libwho.so")
    prog = x.prog("busy." + x.target.name, "host.c", "-Wl,--no-as-needed", x.good(),
                  "-Wl,-rpath,%s:%s/lib/good" % (d, ROOT))
    fd = os.open(lib, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for how, r in (("DT_NEEDED", x.run(prog, "call=who", ops=[RESTRICT], timeout=5)),
                       ("dlopen", x.run(x.loner(), "open=" + lib, ops=[RESTRICT], timeout=5))):
            x.saw(how + ", hangs", r.rc is None or r.seconds > 2, r, stock=False)
            x.saw(how + ", goes elsewhere", "who: good" in r.out, r, stock=False)
            refused(x, r, "open for writing by some process", start=how == "DT_NEEDED")
            x.expect(x.hardened or "ctor evil" in r.out, "stock musl not to ask", r)
    finally:
        os.close(fd)
    r = x.run(prog, "call=who", ops=[RESTRICT])
    x.expect("who: evil" in r.out, "the library to load when it is closed", r)


@row("C09")
def filter_answers(x):
    """Whatever a filter answers, a file that may not be executed is refused when enforcing."""
    lib = x.copy(x.evil(), "libevil.so", 0o644)
    cmd = [x.loner(), "open=" + lib]
    for name, n in ERRNOS.items():
        # All calls, or only those that ask about a real descriptor: the probe at start is asked
        # about none and finds a kernel that has the check.
        for form, spec in (("always", "ret=execveat:%d" % n),
                           ("after the probe", "fd=execveat:%d:3" % n)):
            r = filtered(x, [spec], *cmd, ops=[RESTRICT])
            x.saw("%s %s" % (name, form), "ctor evil" in r.out, r, stock=True)
            if x.hardened:
                whole = r.rc == 127 and r.out == "" and CANNOT in r.err
                one = r.rc == 0 and "refused" in r.out and "host done" in r.out
                x.expect(whole or one, "the start or the dlopen refused", r)
                x.expect(one or form == "always", "the start to be possible", r)
    if x.hardened:
        prog = x.copy(x.loner(), "prog", 0o644)
        for n in ERRNOS.values():
            r = filtered(x, ["ret=execveat:%d" % n], x.target.loader, *ENFORCE, prog)
            x.saw("policy, errno %d" % n, "host" in r.out or r.rc != 127, r, stock=True)


@row("C10")
def old_kernel(x):
    """A kernel without the flag says EINVAL: found at start, answered by the policy."""
    lib = x.copy(x.evil(), "libevil.so", 0o644)
    old = ["ret=execveat:22"]
    r = filtered(x, old, x.host(), "call=who", "open=" + lib, ops=[RESTRICT])
    x.saw("securebit", "ctor evil" in r.out, r, stock=True)
    if not x.hardened:
        return
    x.expect(r.rc == 127 and r.out == "" and CANNOT + "; securebits demand it\n" in r.err,
             "exit 127 with the reason", r)
    prog = x.copy(x.host(), "prog", 0o644)
    r = filtered(x, old, x.target.loader, *ENFORCE, prog, "call=who")
    x.saw("missing=refuse", "who:" in r.out, r, stock=True)
    x.expect(r.rc == 127 and CANNOT + "; missing=report would run without\n" in r.err,
             "exit 127 with the reason", r)
    words = "check=enforce missing=report report=denials"
    r = filtered(x, old, x.target.loader, "--policy", words, x.host(), "call=who")
    x.expect(r.rc == 0 and "who: good" in r.out and "ward: running without the kernel's check" in
             r.err, "missing=report to run and to say so", r)
    r = filtered(x, old, x.host(), "call=who", "open=" + lib)
    x.expect(r.rc == 0 and "ctor evil" in r.out and r.err == "",
             "nothing refused where nothing is enforced", r)


@row("C16")
def asked_once(x):
    """Securebits are read in each dlopen and thread, and what was seen once holds for all."""
    lib = x.copy(x.evil(), "libevil.so", 0o644)
    late = x.prog("late", "late.c", "-pthread")
    mine, its = "open=" + lib, "other=" + lib
    cases = [
        ("set after the start", [], ["bits=0x100", mine], ["open"], False),
        ("in another thread, before", [], ["bits=0x100", its], ["other"], True),
        ("in another thread, after", [], ["bits=0x100", mine, its], ["open", "other"], False),
        ("cleared again", [], ["bits=0x100", mine, "bits=0", mine], ["open"], False),
        ("reset by a user namespace", [], ["bits=0xf00", mine, "userns", "show", mine],
         ["open"], False),
        ("the same, set before the start", ["bits=0xf00"], ["userns", "show", mine], ["open"],
         False),
    ]
    for name, ops, words, who, limit in cases:
        for filters in ([], ["ret=mseal:1"]):  # also where there are no seals
            r = filtered(x, filters, late, *words, ops=ops)
            x.saw("%s %s" % (name, filters), "ctor evil" in r.out, r, stock=True, limit=limit)
            x.expect("late done" in r.out, "the program to reach its end", r)
            x.expect("userns" not in words or "userns: 0\n" in r.out, "a user namespace", r)
            if x.hardened and not limit:
                for w in who:
                    tried = re.findall(r"^%s .*$" % w, r.out, re.M)
                    x.expect(tried and all(MODE in t for t in tried), "each refused: " + MODE, r)


def path_pointer(x, cmd, ops):
    """Where the path of ward's last check lies, in a process without randomised addresses."""
    strace = wardtest.have("strace")
    if strace is None:
        raise wardtest.Skip("strace is not installed")
    log = x.write("pointers", b"")
    r = x.run(strace, "-f", "-qq", "-o", log, "-e", "trace=execveat", "-e", "raw=execveat",
              "-E", "X=1", *cmd, ops=ops)
    with open(log, encoding="utf-8") as h:
        found = re.findall(r"execveat\(0x3, (0x[0-9a-f]+)", h.read())
    x.expect(len(found) >= 2, "strace to see control and check", r)
    return found[-1] if found else "0x1"


@row("C20")
def faked(x):
    """A filter that says yes for the kernel: the control, of which no filter knows, unmasks it."""
    lib = x.copy(x.evil(), "libevil.so", 0o644)
    prog = x.copy(x.loner(), "prog", 0o644)
    cmd = [x.loner(), "open=" + lib]
    fakes = {"all": "ret=execveat:0", "descriptor 3": "fd=execveat:0:3"}
    for name, fake in fakes.items():
        r = filtered(x, [fake], *cmd, ops=[RESTRICT])
        x.saw("securebit, " + name, "ctor evil" in r.out, r, stock=True)
        refused(x, r, FAKED, start=False)
        if x.hardened:  # missing=report does not help: a kernel that is not asked is not missing
            r = filtered(x, [fake], x.target.loader, "--policy", "check=enforce", prog)
            x.saw("check=enforce, " + name, "host" in r.out, r, stock=True)
            refused(x, r, FAKED)
        r = filtered(x, [fake, "ret=prctl:0"], *cmd, ops=[RESTRICT])
        x.saw("securebits faked as well, " + name, "ctor evil" in r.out, r, stock=True, limit=True)
    fixed = [RESTRICT, "persona=0x40000"]  # ADDR_NO_RANDOMIZE: the caller knows all addresses
    at = path_pointer(x, cmd, fixed) if x.hardened else "0x1"
    for form in ("at", "not"):
        spec = "%s=execveat:0:%s" % (form, at)
        r = x.run(x.stage.static("filter", "filter.c"), spec, "--", *cmd, ops=fixed,
                  env={"X": "1"})
        x.saw("by address, " + form, "ctor evil" in r.out, r, stock=True)
        refused(x, r, FAKED if form == "at" else MODE, start=False)
