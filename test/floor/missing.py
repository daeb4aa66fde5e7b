"""What an enforcing build does where the kernel's check is missing: it starts nothing.

A seccomp filter takes the check away, or answers in the kernel's place; valgrind 3.19 does not
know it; so does QEMU before version 10.
"""

import os
import subprocess

import wardtest

HELLO = """
#include <stdio.h>
const char *text(void);
#ifdef LIB
const char *text(void) { return "hello"; }
#else
int main(void) { return puts(text()) < 0; }
#endif
"""
LAUNCH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                      "attack/src/launch.c")
ERRORS = {"ENOSYS": 38, "EPERM": 1, "EINVAL": 22, "EACCES": 13, "0": 0}
REASONS = ("cannot enforce: this kernel has no AT_EXECVE_CHECK", "cannot seal: this kernel has no mseal",
           "the kernel's check is not available", "something answers the kernel's check")


def program(build):
    """A program that needs a library, and the static helper that installs a filter."""
    src = os.path.join(build.work, "hello.c")
    with open(src, "w", encoding="ascii") as h:
        h.write(HELLO)
    lib = build.compile(os.path.join(build.work, "libhello.so"),
                        ["-shared", "-fPIC", "-DLIB", src, "-Wl,-soname,libhello.so"], [src])
    prog = build.compile(os.path.join(build.work, "hello"),
                         [src, lib, "-Wl,-rpath," + build.work], [src, lib])
    launch = build.compile(os.path.join(build.work, "launch"), ["-static", "-w", LAUNCH], [LAUNCH])
    return prog, launch


def refused(r):
    """Exit 127, nothing run, and one line that says why."""
    said = [w for w in r.err.splitlines() if w.startswith(("ward:", "Error"))
            and " ignored" not in w  # valgrind sets variables of the loader
            and not w.startswith("ward: audit: ")]
    assert r.rc == 127 and r.out == "" and len(said) == 1 and any(w in said[0] for w in REASONS), \
        "expected exit 127 and one line that says what is missing\n%s" % r


def filtered(build, err, direct):
    """A filter answers execveat."""
    prog, launch = program(build)
    argv = [build.loader] * direct + [prog]
    r = wardtest.run([launch, "--", *argv])
    assert r.rc == 0 and r.out == "hello\n", "expected it to run without the filter\n%s" % r
    refused(wardtest.run([launch, "execveat=%d" % err, "--", *argv]))


def emulated(build, tool, *options):
    """An emulator, or the like, without the check."""
    path = wardtest.have(tool)
    if path is None:
        raise wardtest.Skip("%s is not installed" % tool)
    prog, _ = program(build)
    for argv in ([prog], [build.loader, prog]):
        r = wardtest.run([path, *options, *argv], timeout=120)
        if r.rc == 0 and knows_check(path, options, build):
            assert r.out == "hello\n", r
        else:
            refused(r)


def knows_check(path, options, build):
    """Does a static program that asks for the check get an answer of the kernel's there?"""
    src = os.path.join(build.work, "probe.c")
    with open(src, "w", encoding="ascii") as h:
        h.write("#include <errno.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n"
                "int main(void)\n{\n\tsyscall(SYS_execveat, -1, \"\", 0, 0, 0x11000);\n"
                "\treturn errno != EBADF;\n}\n")
    probe = build.compile(os.path.join(build.work, "probe"), ["-static", "-w", src], [src])
    return subprocess.run([path, *options, probe], check=False).returncode == 0


def tests(build):
    """(title, test)."""
    for name, err in ERRORS.items():
        for direct in (0, 1):
            yield ("execveat gives %s, %s" % (name, ("exec", "direct")[direct]),
                   lambda e=err, d=direct: filtered(build, e, d))
    yield "valgrind", lambda: emulated(build, "valgrind", "-q", "--tool=none")
    yield "QEMU", lambda: emulated(build, "qemu-" + build.arch)
