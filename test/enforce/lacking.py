"""What the environment lacks: no check, no seals; and names that are magic links.

Filters stand in for kernels that know neither call, as sandboxes do in earnest.
"""

import os

from group_c import MODE
from group_c_ask import filtered
from others import need
from stage import RESTRICT
import wardtest

NO_CHECK = "ret=execveat:22"  # EINVAL: Linux before 6.14
NO_SEAL = "ret=mseal:38"      # ENOSYS: Linux before 6.10
CANNOT_CHECK = "ward: cannot enforce: this kernel has no AT_EXECVE_CHECK (Linux 6.14); "
CANNOT_SEAL = "ward: cannot seal: this kernel has no mseal (Linux 6.10); "
HINT = "missing=report would run without\n"
LESS_CHECK = "ward: running without the kernel's check: AT_EXECVE_CHECK (Linux 6.14) is missing\n"
LESS_SEAL = "ward: running without seals: mseal (Linux 6.10) is missing\n"

# filters, operations, words of --policy: what is said; the start fails when it is a "cannot"
STARTS = [
    ([NO_CHECK], [], "", ""),
    ([NO_CHECK], [], "report=denials", ""),
    ([NO_CHECK], [], "missing=refuse", ""),  # nothing is enforced
    ([NO_CHECK], [], "check=enforce", ""),
    ([NO_CHECK], [], "check=enforce report=denials", LESS_CHECK),
    ([NO_CHECK], [], "check=enforce missing=refuse", CANNOT_CHECK + HINT),
    ([NO_CHECK], [RESTRICT], "", CANNOT_CHECK + "securebits demand it\n"),
    ([NO_CHECK], [RESTRICT], "missing=refuse", CANNOT_CHECK + "securebits demand it\n"),
    (["ret=execveat:38"], [], "check=enforce missing=refuse", CANNOT_CHECK + HINT),
    (["ret=execveat:1"], [], "check=enforce missing=refuse", CANNOT_CHECK + HINT),
    ([NO_SEAL], [], "", ""),
    ([NO_SEAL], [], "report=denials", LESS_SEAL),
    ([NO_SEAL], [], "check=enforce", ""),
    ([NO_SEAL], [], "missing=refuse", CANNOT_SEAL + HINT),
    ([NO_SEAL], [], "check=enforce missing=refuse", CANNOT_SEAL + HINT),
    (["ret=mseal:1"], [], "enforce", CANNOT_SEAL + HINT),
    ([NO_SEAL], [RESTRICT], "", ""),  # a securebit is about the check
]


def missing(x):
    """(title, test): what the key missing does."""
    for filters, ops, words, said in STARTS:
        title = "%s %s %r" % (" ".join(filters), " ".join(ops), words)
        yield title, lambda f=filters, o=ops, w=words, s=said: start(x, f, o, w, s)
    yield "mseal fails after the probe", lambda: broken_seal(x)
    yield "refused files without seals", lambda: no_seals(x)
    yield "valgrind", lambda: valgrind(x)


def start(x, filters, ops, words, said):
    """One start; each lack is told once and decides once."""
    front = ["--policy", words] if words else []
    r = filtered(x, filters, x.target.loader, *front, x.host(), "call=who", ops=ops)
    lines = "".join(w for w in r.err.splitlines(True) if "audit:" not in w)
    need(lines == said, "%r on stderr" % said, r)
    if "cannot" in said:
        need(r.rc == 127 and r.out == "", "exit 127 and nothing run", r)
    else:
        need(r.rc == 0 and "who: good" in r.out, "the program to run", r)


def broken_seal(x):
    """A probe that succeeds promises seals: the first that fails ends the start."""
    r = filtered(x, ["not=mseal:1:0"], x.host(), "call=who")
    need(r.rc == 127 and r.out == "" and "cannot seal memory: Operation not permitted" in r.err,
         "exit 127 with the reason", r)


def no_seals(x):
    """Refusals do not depend on seals."""
    lib = x.copy(x.evil(), "noseal.so", 0o644)
    r = filtered(x, [NO_SEAL], x.loner(), "open=" + lib, ops=[RESTRICT])
    need(r.rc == 0 and "ctor evil" not in r.out and MODE in r.out, "a refusal", r)


def valgrind(x):
    """An emulator that would execute what it is to check answers EFAULT: no check there."""
    tool = wardtest.have("valgrind")
    if tool is None:
        raise wardtest.Skip("valgrind is not installed")
    cmd = [tool, "-q", "--tool=none", x.host(), "call=who"]
    env = {"PATH": "/usr/bin:/bin"}
    r = x.run(*cmd, env=env, timeout=60)
    need(r.rc == 0 and "who: good" in r.out, "the program to run", r)
    r = x.run(*cmd, env=env, ops=[RESTRICT], timeout=60)
    need(r.rc == 127 and r.out == "" and "refused: the kernel's check is not available" in r.err,
         "exit 127 with the reason", r)


def links(x):
    """(title, test): a path below /proc/self/fd is judged by the file behind it, as execve does."""
    d = x.mount("noexec", "mode=755,noexec")
    cases = [("0755", x.copy(x.evil(), "plain.so"), None),
             ("0644", x.copy(x.evil(), "mode.so", 0o644), MODE),
             ("noexec", x.copy(x.evil(), "noexec/lib.so"), "file system %s is mounted noexec" % d)]
    for name, path, why in cases:
        for form in ("/proc/self/fd/%d", "/dev/fd/%d", "/proc/thread-self/fd/%d"):
            for role in ("dlopen", "direct run"):
                yield ("%s by %s, %s" % (name, form, role),
                       lambda p=path, w=why, f=form, r=role: link(x, p, w, f, r))


def link(x, path, why, form, role):
    """One file by a magic link; O_PATH is how one holds what one may not read."""
    prog = path + ".prog"
    if role == "direct run" and not os.path.exists(prog):
        x.copy(x.host(), os.path.relpath(prog, x.dir), os.stat(path).st_mode & 0o777)
    fd = os.open(prog if role == "direct run" else path, os.O_PATH | os.O_CLOEXEC)
    try:
        name = form % fd
        if role == "direct run":
            r = x.direct(name, "call=who", ops=[RESTRICT], pass_fds=[fd])
            ran = "who: good" in r.out
        else:
            r = x.run(x.loner(), "open=" + name, ops=[RESTRICT], pass_fds=[fd])
            ran = "ctor evil" in r.out
    finally:
        os.close(fd)
    need(ran == (why is None), "a refusal" if why else "it to run", r)
    need(why is None or why in r.out + r.err, why, r)


GROUPS = {"missing": missing, "links": links}
