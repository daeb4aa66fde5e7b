"""Tests that want more than one start and one comparison: debuggers, valgrind, /proc.

Each is a function (engine, cases): cases are the parsed case files by "group/name", of which a
test builds what it needs. A function marked ward_only is left out on stock musl.
"""

import os
import re
import subprocess

import cases
import smaps
import wardtest
from wardtest import Skip

TESTS = []


def test(group, ward_only=False):
    """Mark a function as a test of a group."""
    def mark(function):
        TESTS.append((group, function, ward_only))
        return function
    return mark


def run(suite, engine, all_cases, words):
    """Run all tests of this file that the command line asks for."""
    by_name = {"%s/%s" % (c.group, c.name): c for c in all_cases}
    for group, function, ward_only in TESTS:
        name = function.__name__
        if words and group not in words and "%s/%s" % (group, name) not in words:
            continue
        if engine.name == "stock" and ward_only:
            continue
        suite.check(group, name, function, engine, by_name)


class Process:
    """A program of a case that runs until the block ends; it has printed `ready` by then."""

    def __init__(self, engine, built, direct=False, env=None):
        self.prog = engine.program(built.path("main"))
        argv = [engine.loader, self.prog] if direct else [self.prog]
        self.popen = subprocess.Popen(
            argv + ["wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=built.dir,
            env=env or wardtest.base_env(), text=True)

    def __enter__(self):
        line = self.popen.stdout.readline()
        if line != "ready\n":
            self.popen.kill()
            self.popen.communicate()
            raise AssertionError("%s: expected it to say ready, got %r" % (self.prog, line))
        return self

    def __exit__(self, *exc):
        self.popen.communicate("")

    @property
    def pid(self):
        return self.popen.pid


def tool(name):
    """The path of a tool; the test is skipped where it is not installed."""
    path = wardtest.have(name)
    if path is None:
        raise Skip("%s is not installed" % name)
    return path


def gdb(args, commands):
    """Run gdb in batch mode, without anybody's start-up files."""
    argv = [tool("gdb"), "-nx", "-batch", "-iex", "set auto-load off",
            "-iex", "set debuginfod enabled off"]
    for c in commands:
        argv += ["-ex", c]
    r = wardtest.run(argv + args, timeout=60)
    return r.out + r.err


def listed(text):
    """{file name: first address of its text} out of gdb's `info sharedlibrary`."""
    out = {}
    for line in text.splitlines():
        m = re.match(r"(0x[0-9a-f]+)\s+0x[0-9a-f]+\s+\S+(?: \(\*\))?\s+(/.*)", line)
        if m:
            out[os.path.basename(m.group(2))] = int(m.group(1), 16)
    return out


def expect_libraries(text, names, vmas=None):
    """gdb's list holds every name, at an address where that file is mapped executable."""
    got = listed(text)
    for name in names:
        assert name in got, "expected %s in gdb's list, got %s\n%s" % (name, sorted(got), text)
        if vmas is None:
            continue
        spans = [v for v in vmas if os.path.basename(v.name) == name and v.executable]
        assert any(v.start <= got[name] < v.end for v in spans), \
            "gdb has %s at %#x, where it is not mapped: %s" % (name, got[name], list(map(str, spans)))


@test("tools")
def gdb_live(engine, by_name):
    """gdb attached to a live process lists start libraries and dlopened ones, and finds names."""
    built = cases.Built(engine.build, by_name["tools/debuggee"])
    with Process(engine, built) as p:
        text = gdb(["-p", str(p.pid)], ["info sharedlibrary", "print one_data", "info symbol late"])
        expect_libraries(text, ["libone.so", "liblate.so"], smaps.read(p.pid))
    assert re.search(r"\$1 = 1\b", text), "expected one_data to be 1:\n" + text
    assert "late in section .text of" in text, "expected the symbol late:\n" + text


@test("tools")
def gdb_live_direct(engine, by_name):
    """The same for a direct run, where the kernel started the loader."""
    built = cases.Built(engine.build, by_name["tools/debuggee"])
    with Process(engine, built, direct=True) as p:
        text = gdb(["-p", str(p.pid), built.path("main")], ["info sharedlibrary"])
        names = ["libone.so", "liblate.so"]
        if engine.name == "stock":  # its auxv describes the loader: gdb finds nothing
            raise Skip("stock musl shows debuggers no libraries in a direct run")
        expect_libraries(text, names, smaps.read(p.pid))


@test("tools")
def gdb_core(engine, by_name):
    """A core file lists the libraries."""
    built = cases.Built(engine.build, by_name["tools/debuggee"])
    core = built.path("core.%s" % engine.name)
    with Process(engine, built) as p:
        text = gdb(["-p", str(p.pid)], ["generate-core-file %s" % core])
    assert os.path.exists(core), "gdb wrote no core file:\n" + text
    try:
        text = gdb([p.prog, core], ["info sharedlibrary", "print one_data"])
    finally:
        os.unlink(core)
    expect_libraries(text, ["libone.so", "liblate.so"])
    assert re.search(r"\$1 = 1\b", text), "expected one_data to be 1:\n" + text


@test("tools")
def gdb_breakpoint(engine, by_name):
    """A breakpoint in a library that is not there yet is hit when dlopen has brought it."""
    built = cases.Built(engine.build, by_name["tools/debuggee"])
    text = gdb([engine.program(built.path("main"))],
               ["set breakpoint pending on", "break late", "run", "bt", "print x", "continue"])
    assert re.search(r"Breakpoint 1, (0x\w+ in )?late \(x=2\)", text), \
        "expected a stop in late():\n" + text
    assert re.search(r"#1 .* main \(", text), "expected main below late:\n" + text
    assert "exited normally" in text, "expected a normal end:\n" + text


@test("tools")
def valgrind_none(engine, by_name):
    """valgrind runs the program; no library is executed by it in place of being checked."""
    built = cases.Built(engine.build, by_name["tools/debuggee"])
    for argv in ([engine.program(built.path("main"))],
                 [engine.loader, engine.program(built.path("main"))]):
        r = wardtest.run([tool("valgrind"), "--tool=none", "-q"] + argv, cwd=built.dir, timeout=120)
        assert r.rc == 0 and r.out == "ok\n", "expected exit 0 and ok\n%s" % r


@test("tools")
def valgrind_memcheck(engine, by_name):
    """The same under memcheck, which replaces code at the entries of known functions."""
    built = cases.Built(engine.build, by_name["tools/debuggee"])
    r = wardtest.run([tool("valgrind"), "-q", "--error-exitcode=9", engine.program(
        built.path("main"))], cwd=built.dir, timeout=120)
    assert r.rc == 0 and r.out == "ok\n", "expected exit 0 and ok\n%s" % r


def check_smaps(engine, by_name, direct):
    """A running process seen from outside: smaps.check has no complaint."""
    built = cases.Built(engine.build, by_name["tools/debuggee"])
    with Process(engine, built, direct=direct) as p:
        vmas = smaps.read(p.pid)
    names = {os.path.basename(v.name) for v in vmas if v.inode}
    want = {os.path.basename(p.prog), "libone.so", "liblate.so", os.path.basename(engine.loader)}
    assert names == want, "expected mappings of %s, got %s" % (sorted(want), sorted(names))
    wrong = smaps.check(vmas)
    assert not wrong, "\n".join(wrong)
    libc = [v for v in vmas if os.path.basename(v.name) == os.path.basename(engine.loader)]
    for v in libc:
        assert v.sealed, "the loader's and C library's data: %s" % v


@test("seal", ward_only=True)
def seen_from_outside(engine, by_name):
    """/proc/PID/smaps of a process started by PT_INTERP."""
    check_smaps(engine, by_name, direct=False)


@test("seal", ward_only=True)
def seen_from_outside_direct(engine, by_name):
    """/proc/PID/smaps of a direct run."""
    check_smaps(engine, by_name, direct=True)
