"""What an enforcing build does where the kernel's check is missing: it starts nothing.

A seccomp filter takes the check away, or answers in the kernel's place; valgrind 3.19 knows neither
check nor seal; QEMU 10 knows the check, not the seal, and its predecessors neither.
"""

import os

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
# The check on no descriptor at all, the seal of nothing.
PROBE = """
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
	return syscall(SYS_execveat, -1, "", 0, 0, 0x11000) != -1 || errno != EBADF ||
		syscall(462, 0, 0, 0) != 0;
}
"""
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAUNCH = os.path.join(TOP, "test/attack/src/launch.c")
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


def emulated(build, path, *options):
    """An emulator, or the like: what it lacks is refused, and one that lacks nothing runs it."""
    prog, _ = program(build)
    complete = lacks_nothing(build, path, options)
    for argv in ([prog], [build.loader, prog]):
        r = wardtest.run([path, *options, *argv], timeout=120)
        if complete:
            assert r.rc == 0 and r.out == "hello\n", "expected it to run\n%s" % r
        else:
            refused(r)


def lacks_nothing(build, path, options):
    """Does a static program there find the check and the seal?"""
    src = os.path.join(build.work, "probe.c")
    with open(src, "w", encoding="ascii") as h:
        h.write(PROBE)
    probe = build.compile(os.path.join(build.work, "probe"), ["-static", "-w", src], [src])
    assert wardtest.run([probe]).rc == 0, "expected check and seal to be found without emulator"
    return wardtest.run([path, *options, probe], timeout=60).rc == 0


def valgrind(build):
    """valgrind, where it is installed."""
    path = wardtest.have("valgrind")
    if path is None:
        raise wardtest.Skip("valgrind is not installed")
    emulated(build, path, "-q", "--tool=none")


def qemu(build):
    """User-mode QEMU: the one that the cross suite has fetched, or an installed one."""
    fetched = os.path.join(build.cache, "qemu/usr/bin/qemu-" + build.arch)
    path = fetched if os.path.exists(fetched) else wardtest.have("qemu-" + build.arch)
    if path is None:
        raise wardtest.Skip("no qemu-%s: neither fetched by make check-cross nor installed"
                            % build.arch)
    emulated(build, path)


def tests(build):
    """(title, test)."""
    for name, err in ERRORS.items():
        for direct in (0, 1):
            yield ("execveat gives %s, %s" % (name, ("exec", "direct")[direct]),
                   lambda e=err, d=direct: filtered(build, e, d))
    yield "valgrind", lambda: valgrind(build)
    yield "QEMU", lambda: qemu(build)
