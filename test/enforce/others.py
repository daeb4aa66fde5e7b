"""What else decides: deafness under restriction, faked answers, other authorities, seals."""

import errno
import os
import re
import stat
import threading

from group_g import uffd
from matrix import problem
import smaps
from stage import NOBODY, RESTRICT, ROOT, mount, real_root
import wardtest

ENOSYS, EPERM, EACCES = 38, 1, 13
EVIL_DIR = ROOT + "/lib/evil"
EVIL_LIB = EVIL_DIR + "/libwho.so"
VARIABLES = {"LD_PRELOAD": EVIL_LIB, "LD_LIBRARY_PATH": EVIL_DIR}


def need(true, what, r):
    """Raise unless true."""
    if not true:
        raise AssertionError(problem(what, r)[:2500])


# -- deaf --

def deaf(x):
    """(title, test): LD_* are honoured without restriction and ignored with it."""
    x.evil()
    states = {
        "unrestricted": ([], False),
        "RESTRICT_FILE": ([RESTRICT], True),
        "RESTRICT_FILE and locked": (["bits=0x300"], True),
        "DENY_INTERACTIVE": (["bits=0x400"], True),
        "another securebit": (["bits=0x10"], False),
    }
    for name, value in VARIABLES.items():
        for state, (ops, ignored) in states.items():
            for how in ("exec", "direct"):
                yield ("%s, %s, %s" % (name, state, how),
                       lambda n=name, v=value, o=ops, i=ignored, h=how: one_deaf(x, n, v, o, i, h))
    for name, value in VARIABLES.items():
        yield ("%s, setuid" % name, lambda n=name, v=value: secure_deaf(x, n, v))
        yield ("%s, policy" % name, lambda n=name, v=value: policy_deaf(x, n, v))
    yield "report", lambda: deaf_report(x)
    for option, value in (("--preload", EVIL_LIB), ("--library-path", EVIL_DIR)):
        yield option, lambda o=option, v=value: options(x, o, v)


def one_deaf(x, name, value, ops, ignored, how):
    """One variable in one state."""
    run = x.run if how == "exec" else x.direct
    r = run(x.host(), "call=who", "env", ops=ops, env={name: value})
    need(r.rc == 0 and "who: " + ("good" if ignored else "evil") in r.out and r.err == "",
         "the variable %s and nothing on stderr" % ("ignored" if ignored else "honoured"), r)
    need("env %s=" % name in r.out, "the variable itself to stay in the environment", r)


def secure_deaf(x, name, value):
    """A setuid program: ignored, and gone for its children."""
    prog = x.setuid(x.host(), "suid." + name)
    r = x.run(prog, "secure", "call=who", "env", "auxv", ops=["uid=%d" % NOBODY],
              env={name: value, "LD_OTHER": "1", "KEPT": "yes"})
    need(r.rc == 0 and "secure 1" in r.out and "who: good" in r.out, "the variable ignored", r)
    need("env LD_" not in r.out and "env KEPT=yes" in r.out, "the variable gone, others kept", r)
    need("auxv page %d random 1" % os.sysconf("SC_PAGESIZE") in r.out,
         "the C library to find the auxiliary vector behind the shortened environment", r)


def policy_deaf(x, name, value):
    """check=enforce restricts as well."""
    r = x.direct("--policy", "check=enforce", x.host(), "call=who", env={name: value})
    need(r.rc == 0 and "who: good" in r.out, "the variable ignored", r)
    r = x.run(x.host(), "call=who", env={name: value, "LD_WARD": "check=enforce"})
    need(r.rc == 0 and "who: good" in r.out, "LD_WARD=check=enforce to restrict", r)


def deaf_report(x):
    """What was ignored is said in one line when asked."""
    r = x.direct("--policy", "report=denials", x.host(), "call=who", ops=["bits=0x300"],
                 env=VARIABLES)
    need(r.rc == 0 and "who: good" in r.out, "the program to run", r)
    for name in VARIABLES:
        line = "ward: %s ignored: restricted by securebits 0x300\n" % name
        need(r.err.count(line) == 1, "the line %r" % line, r)


def options(x, option, value):
    """The same by command line: honoured, or an error that names the alternative."""
    r = x.direct(option, value, x.host(), "call=who")
    need(r.rc == 0 and "who: evil" in r.out, "the option honoured", r)
    r = x.direct(option, value, x.host(), "call=who", ops=[RESTRICT])
    need(r.rc in (2, 127) and r.out == "" and option in r.err, "an error that names it", r)
    need("while restricted; use " in r.err, "an error that names the alternative", r)


# -- secure --

def secure(x):
    """(title, test) of secure starts."""
    yield "direct run while secure", lambda: direct_secure(x)
    yield "a 0644 library for a setuid program", lambda: secure_library(x)
    yield "no_new_privs takes the privilege", lambda: no_privilege(x)


def direct_secure(x):
    """A setuid loader reads no option and runs nothing."""
    loader = x.setuid(x.target.loader, "ld.so")
    for words in ([x.host(), "call=who"], ["--preload", EVIL_LIB, x.host()], ["--help"], []):
        r = x.run(loader, *words, ops=["uid=%d" % NOBODY])
        need(r.rc == 127 and r.out == "" and r.err != "", "exit 127 with a message", r)
        need("sage" not in r.err, "no option to be read", r)


def secure_library(x):
    """Secure alone does not enforce; secure with the securebit does, with a short text."""
    lib = x.copy(x.good(), "libwho.so", 0o644)
    prog = x.prog("needs.secure", "host.c", "-Wl,--no-as-needed", x.good(), "-Wl,-rpath," + x.dir)
    suid = x.setuid(prog, "suid.lib")
    r = x.run(suid, "call=who", ops=["uid=%d" % NOBODY])
    need(r.rc == 0 and "who: good" in r.out, "the library loaded: nothing is enforced", r)
    r = x.run(suid, "call=who", ops=[RESTRICT, "uid=%d" % NOBODY])
    need(r.rc == 127 and r.out == "" and 0 < r.err.count("\n") <= 1, "refused with one line", r)
    need(lib not in r.err and x.dir not in r.err, "a secure program to give nothing away", r)


def no_privilege(x):
    """With no_new_privs the setuid bit counts for nothing: the variable is honoured again."""
    prog = x.setuid(x.host(), "suid.nnp")
    r = x.run(prog, "secure", "call=who", ops=["uid=%d" % NOBODY, "landlock=/"], env=VARIABLES)
    need(r.rc == 0 and "secure 0" in r.out and "who: evil" in r.out, "an ordinary start", r)


# -- answers that are not the kernel's --

def faked(x):
    """(title, test): a filter answers execveat."""
    for err, name in ((ENOSYS, "ENOSYS"), (EPERM, "EPERM"), (0, "0")):
        yield "audit, execveat gives " + name, lambda e=err: fake_audit(x, e)
        yield "securebit, execveat gives " + name, lambda e=err: fake_securebit(x, e)
        yield "refuse, execveat gives " + name, lambda e=err: fake_policy(x, e)
    yield "direct run of a 0644 program, 0", lambda: fake_program(x)


def fake_audit(x, err):
    """Nothing is enforced, so nothing is refused."""
    lib = x.copy(x.evil(), "audit%d.so" % err, 0o644)
    r = x.run(x.host(), "call=who", "open=" + lib, ops=["execveat=%d" % err])
    need(r.rc == 0 and "who: good" in r.out and lib + ": ok" in r.out, "all loaded", r)


def fake_securebit(x, err):
    """With the securebit a missing or faked check refuses all, the good library too."""
    r = x.run(x.host(), "call=who", ops=[RESTRICT, "execveat=%d" % err])
    need(r.rc == 127 and r.out == "" and r.err.count("\n") == 1, "exit 127, one line", r)
    if err:
        need("cannot enforce: " in r.err and "AT_EXECVE_CHECK" in r.err, "the reason", r)
    else:
        need("answers the kernel's check" in r.err or "cannot enforce" in r.err, "the reason", r)
    r = x.run(x.loner(), "open=" + x.evil(), ops=[RESTRICT, "execveat=%d" % err])
    need("ctor evil" not in r.out, "nothing loaded", r)
    need(r.rc == 127 or "Error loading" in r.out, "an error", r)


def fake_policy(x, err):
    """The same by policy, where missing=refuse."""
    r = x.direct("--policy", "check=enforce missing=refuse", x.host(), "call=who",
                 ops=["execveat=%d" % err])
    need(r.rc == 127 and r.out == "" and r.err != "", "exit 127 with a message", r)


def fake_program(x):
    """The file that is not executable is not executed, whatever the filter says."""
    prog = x.copy(x.loner(), "prog", 0o644)
    r = x.direct(prog, ops=[RESTRICT, "execveat=0"])
    need(r.rc == 127 and "host" not in r.out, "exit 127", r)


# -- other authorities --

def authorities(x):
    """(title, test): Landlock, and what a mode bit means to whom."""
    yield "Landlock, dlopen", lambda: landlock(x)
    yield "Landlock, program", lambda: landlock_program(x)
    yield "mode 0744 for another user", lambda: owner_only(x)
    yield "the descriptor's mount counts, not the name's", lambda: bound(x)
    yield "a busy library that is closed in time", lambda: busy_for_a_while(x)


def landlock(x):
    """A directory where Landlock forbids execution."""
    lib = x.copy(x.evil(), "libevil.so")
    ops = ["landlock=" + d for d in (ROOT + "/ward", ROOT + "/lib", ROOT + "/bin")]
    r = x.run(x.host(), "call=who", "open=" + lib, ops=[RESTRICT, *ops])
    need(r.rc == 0 and "who: good" in r.out and "ctor evil" not in r.out, "a refusal", r)
    need("open %s: Error loading shared library %s: refused by a security module (EACCES)" % (
        lib, lib) in r.out, "the reason", r)
    r = x.run(x.host(), "open=" + lib, ops=ops)
    need("ctor evil" in r.out, "the library loaded when nothing is enforced", r)
    r = x.run(x.host(), "open=" + lib, ops=[RESTRICT, "landlock=" + x.dir, *ops])
    need("ctor evil" in r.out, "the library loaded where execution is allowed", r)


def landlock_program(x):
    """The same for the program of a direct run."""
    prog = x.copy(x.loner(), "prog.ll")
    ops = ["landlock=" + d for d in (ROOT + "/ward", ROOT + "/lib", ROOT + "/bin")]
    r = x.run(prog, ops=ops)
    need(r.rc == 126 and "errno 13" in r.err, "execve to be refused", r)
    r = x.direct(prog, ops=[RESTRICT, *ops])
    need(r.rc == 127 and r.out == "" and "security module (EACCES)" in r.err, "the same", r)


def owner_only(x):
    """Executable for its owner only: root may, others may not."""
    if not real_root():
        raise wardtest.Skip("needs root: a file of another user")
    lib = x.copy(x.evil(), "owner.so", 0o744)
    r = x.run(x.loner(), "open=" + lib, ops=[RESTRICT])
    need("ctor evil" in r.out, "the library loaded for its owner", r)
    r = x.run(x.loner(), "open=" + lib, ops=[RESTRICT, "uid=%d" % NOBODY])
    need("ctor evil" not in r.out and "(mode 0744)" in r.out, "refused for another user", r)


def bound(x):
    """One file by two names, one of them through a noexec bind mount."""
    plain, other = x.mkdir("plain"), x.mkdir("other")
    x.copy(x.evil(), "plain/lib.so")
    mount("--bind", plain, other)
    mount("-o", "remount,bind,noexec", other)
    r = x.run(x.loner(), "open=" + plain + "/lib.so", ops=[RESTRICT])
    need("ctor evil" in r.out, "the library loaded by its plain name", r)
    for ops in ([RESTRICT], []):
        r = x.run(x.loner(), "open=" + other + "/lib.so", ops=ops)
        need("ctor evil" not in r.out and "Error loading" in r.out, "an error", r)
        need(not ops or "file system %s is mounted noexec" % other in r.out, "the reason", r)
    # Each file that is opened is checked, also one that is loaded already.
    r = x.run(x.loner(), "open=" + plain + "/lib.so", "open=" + other + "/lib.so", ops=[RESTRICT])
    need(r.out.count(": ok\n") == 1 and "noexec" in r.out, "the second name refused", r)


def busy_for_a_while(x):
    """ETXTBSY is waited for: the file is busy half of the time, 4 ms each, and starts succeed."""
    lib = x.copy(x.evil(), "busy.so")
    stop, held = threading.Event(), [0]

    def write():
        while not stop.wait(0.004):
            try:
                fd = os.open(lib, os.O_WRONLY | os.O_CLOEXEC)
            except OSError as e:
                if e.errno != errno.ETXTBSY:  # the kernel is checking it at this moment
                    raise
                continue
            held[0] += 1
            stop.wait(0.004)
            os.close(fd)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        results = []
        while len(results) < 40 or (held[0] < 20 and len(results) < 1000):  # starts may be fast
            results.append(x.run(x.loner(), "open=" + lib, ops=[RESTRICT]))
    finally:
        stop.set()
        writer.join()
    failed = [r for r in results if "ctor evil" not in r.out]
    need(held[0] >= 20, "a file that is busy time and again, got %d times" % held[0], results[0])
    need(10 * len(failed) <= len(results), "nearly all of %d to load, got %d" % (
        len(results), len(results) - len(failed)), failed[:1])
    need(all("open for writing by some process" in r.out for r in failed), "the reason", failed)


# -- seals --

def seals(x):
    """(title, test): ward beside stock musl, each call on relocated data and on the rest."""
    calls = {
        "mprotect-w": "EPERM", "munmap": "EPERM", "mmap-fixed": "EPERM", "mremap-away": "EPERM",
        "mremap-onto": "EPERM", "dontneed": "EPERM",
    }
    for call, want in calls.items():
        for thing in ("main", "lib", "loader"):
            yield ("%s of relocated data, %s" % (call, thing),
                   lambda c=call, t=thing, w=want: beside(x, c, t, "relro", w))
    for call in ("mprotect-wx", "munmap", "mmap-fixed", "mremap-away"):
        yield call + " of code", lambda c=call: beside(x, c, "lib", "text", "EPERM")
    for call in ("munmap", "mremap-away"):
        yield call + " of the vdso", lambda c=call: beside(x, c, "vdso", "all", "EPERM")
    yield "limit: MADV_DONTNEED of file-backed code", lambda: beside(
        x, "dontneed", "lib", "text", "ok")
    yield "limit: code on tmpfs refilled when not restricted", lambda: refilled(x)
    yield "spans", lambda: spans(x)


def remap(x, target, *words):
    """Run the program that misdirects memory calls, with this loader."""
    x.evil()
    x.prog("remap", "remap.c", inputs=[x.stage.source("where.h")])
    return x.run(target.path("remap"), EVIL_LIB, *words)


def beside(x, call, thing, place, want):
    """The call succeeds on stock musl and gets `want` on ward."""
    stock, ward = x.stage.targets
    for target, expected in ((stock, "ok"), (ward, want)):
        r = remap(x, target, call, thing, place)
        line = "%s %s %s: %s\n" % (call, thing, place, expected)
        need(r.rc == 0 and line in r.out, "on %s %r" % (target.name, line), r)


def refilled(x):
    """Private code on tmpfs can be dropped and filled through userfaultfd; not when restricted."""
    x.mount("tmpfs")
    lib = x.copy(x.evil(), "tmpfs/libevil.so")
    for ops, who in (([], "owned"), ([RESTRICT], "evil")):
        r = uffd(x, lib, "code", ops)
        need("who: %s\n" % who in r.out, "who() to answer " + who, r)


def spans(x):
    """The whole process by its smaps, after a start and a dlopen."""
    r = x.run(x.host(), "open=" + x.stage.lib("second.so", tag="second"), "cat=/proc/self/smaps")
    need(r.rc == 0 and "ctor second" in r.out, "the program to run", r)
    bad = smaps.check(smaps.parse(r.out))
    if bad:
        raise AssertionError("expected every part sealed as promised, got\n" + "\n".join(bad))


# -- the wording --

def messages(x):
    """(title, test): lines that scripts and people rely on."""
    yield "DT_NEEDED, mode", lambda: text_mode(x)
    yield "dlopen, noexec", lambda: text_noexec(x)
    yield "descriptors of a refused dlopen", lambda: same_descriptors(x)


def text_mode(x):
    """The whole line for the commonest refusal."""
    lib = x.copy(x.good(), "libwho.so", 0o644)
    prog = x.prog("needs.text", "host.c", "-Wl,--no-as-needed", x.good(), "-Wl,-rpath," + x.dir)
    r = x.run(prog, ops=[RESTRICT])
    want = ("refused: no execute permission (mode 0644); chmod a+x %s (needed by %s)\n" % (
        lib, prog))
    names = ["Error loading shared library %s: " % name for name in ("libwho.so", lib)]
    need(r.rc == 127 and r.err in [n + want for n in names], "exit 127 and %r" % want, r)
    os.chmod(lib, 0o755)
    r = x.run(prog, "call=who", ops=[RESTRICT])
    need(r.rc == 0 and "who: good" in r.out, "the advice to help", r)
    need(stat.S_IMODE(os.stat(lib).st_mode) == 0o755, "mode 0755", r)


def text_noexec(x):
    """The whole text of dlerror() for a noexec mount."""
    d = x.mount("noexec", "mode=755,noexec")
    lib = x.copy(x.evil(), "noexec/libevil.so")
    r = x.run(x.loner(), "open=" + lib, ops=[RESTRICT])
    want = ("open %s: Error loading shared library %s: refused: file system %s is mounted noexec "
            "(needed by dlopen in %s)\n" % (lib, lib, d, x.loner()))
    need(r.rc == 0 and want in r.out and r.err == "", "%r" % want, r)


def same_descriptors(x):
    """A refused dlopen leaves descriptors and mappings as they were, time after time."""
    lib = x.copy(x.evil(), "fds.so", 0o644)
    r = x.run(x.loner(), "open=" + lib, "fds", "maps", *["open=" + lib] * 50, "fds", "maps",
              ops=[RESTRICT])
    parts = re.split(r"(?:^open .*\n)+", r.out, flags=re.M)
    need(len(parts) == 3, "two lists", r)
    one, two = (re.sub(r"host done\n", "", p) for p in parts[1:])
    need(one == two, "no difference between the lists", "%s\n%s" % (one, two))


GROUPS = {"deaf": deaf, "secure": secure, "faked": faked, "authorities": authorities,
          "seals": seals, "messages": messages}
