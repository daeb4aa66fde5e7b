"""Tests that want more than one start and one comparison: debuggers, valgrind, /proc.

Each is a function (engine, cases): cases are the parsed case files by "group/name", of which a
test builds what it needs. A function marked ward_only is left out on stock musl.
"""

import os
import re
import resource
import signal
import struct
import subprocess
import tempfile

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
        text_of = [v for v in vmas if os.path.basename(v.name) == name and v.executable]
        assert any(v.start <= got[name] < v.end for v in text_of), \
            "gdb has %s at %#x, where its text is not: %s" % (
                name, got[name], ", ".join(map(str, text_of)))


@test("tools")
def gdb_live(engine, by_name):
    """gdb attached to a live process lists start libraries and dlopened ones, and finds names."""
    built = cases.Built(engine.build, by_name["tools/debuggee"])
    with Process(engine, built) as p:
        text = gdb(["-p", str(p.pid)], ["info sharedlibrary", "print one_data", "info symbol late"])
        expect_libraries(text, ["libone.so", "liblate.so"], smaps.read(p.pid))
    assert re.search(r"\$1 = 1\b", text), "expected one_data to be 1:\n" + text
    assert "late in section .text of" in text, "expected the symbol late:\n" + text


@test("tools", ward_only=True)
def gdb_live_direct(engine, by_name):
    """The same for a direct run. The kernel's record of the process describes the loader, so gdb
    asks the loader's file for the name _r_debug. (Stock musl has none: gdb shows nothing there.)"""
    built = cases.Built(engine.build, by_name["tools/debuggee"])
    with Process(engine, built, direct=True) as p:
        text = gdb(["-p", str(p.pid)], ["info sharedlibrary"])
        expect_libraries(text, ["libone.so", "liblate.so"], smaps.read(p.pid))


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
def gdb_core_of_crash(engine, by_name):
    """A core file that the kernel wrote at a crash lists the libraries."""
    built = cases.Built(engine.build, by_name["tools/debuggee"])
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as h:
        pattern = h.read().strip()
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if "/" in pattern or "%" in pattern.replace("%p", "") or pattern.startswith("|"):
        raise Skip("core_pattern %r does not write into the working directory" % pattern)
    if hard != resource.RLIM_INFINITY and hard < 1 << 24:
        raise Skip("RLIMIT_CORE's hard limit is %d" % hard)
    with tempfile.TemporaryDirectory(dir=built.dir) as d:
        argv = ["/bin/sh", "-c", "ulimit -c unlimited; exec \"$@\"", "sh",
                engine.program(built.path("main")), "crash", "now"]
        r = wardtest.run(argv, cwd=d, env=wardtest.base_env(LD_LIBRARY_PATH=built.dir))
        assert r.rc == -signal.SIGABRT, "expected SIGABRT\n%s" % r
        cores = os.listdir(d)
        assert len(cores) == 1, "expected one core file, got %s" % cores
        text = gdb([argv[4], os.path.join(d, cores[0])], ["info sharedlibrary"])
    expect_libraries(text, ["libone.so", "liblate.so"])


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
    r = wardtest.run([tool("valgrind"), "-q", engine.program(built.path("main"))],
                     cwd=built.dir, timeout=120)
    assert r.rc == 0 and r.out == "ok\n", "expected exit 0 and ok\n%s" % r
    # It remarks on the null argv of the check, which the kernel allows and ward passes on purpose.
    said = [x for x in re.findall(r"(?m)^==\d+== (Invalid .*|.*initialised.*|.*points to.*)", r.err)
            if x != "Syscall param execveat(argv) points to unaddressable byte(s)"]
    assert not said, "expected no complaint but that of execveat's argv\n%s" % r


@test("reloc")
def rare_kinds(engine, by_name):
    """NONE, and the 32-bit PC-relative kind, which no linker emits here: written into a library."""
    built = cases.Built(engine.build, by_name["reloc/patched"])
    with open(built.path("libp.so"), "rb") as h:
        image = bytearray(h.read())
    kinds = {0x7001: 0, 0x7002: 2}  # addend that marks the entry -> R_X86_64_NONE, R_X86_64_PC32
    for off in range(0, len(image) - 24, 8):
        where, info, addend = struct.unpack_from("<QQq", image, off)
        if addend in kinds and info & 0xffffffff == 1 and where < len(image) * 4:
            struct.pack_into("<QQq", image, off, where, info & ~0xffffffff | kinds.pop(addend), 0)
    assert not kinds, "the library has no relocation with addend %s" % list(kinds)
    with open(built.path("patched/libp.so"), "wb") as h:
        h.write(image)
    os.chmod(built.path("patched/libp.so"), 0o755)
    env = wardtest.base_env(LD_LIBRARY_PATH=built.path("patched"))
    for argv in ([engine.program(built.path("main"))],
                 [engine.loader, engine.program(built.path("main"))]):
        r = wardtest.run(argv, cwd=built.dir, env=env)
        assert r.rc == 0 and r.out == "ok\n", "expected exit 0 and ok\n%s" % r


@test("order")
def wide(engine, by_name):
    """A program with 120 libraries in a chain that also all need the first: order and sums."""
    built = cases.Built(engine.build, by_name["order/wide"])
    count = 120
    link = "-Wl,-rpath-link," + built.dir
    for n in range(count):
        inputs = [built.path("lib.c")]
        inputs += [built.path("w%d.so" % k) for k in ([n - 1, 0] if n > 1 else [0] if n else [])]
        engine.build.compile(
            built.path("w%d.so" % n), ["-shared", "-fPIC", "-Wl,-soname,w%d.so" % n, link,
                                       "-DN=%d" % n, "-DP=%d" % (n - 1)] + inputs, inputs)
    inputs = [built.path("main.c"), built.path("w%d.so" % (count - 1))]
    main = engine.build.compile(
        built.path("main"), ["-DLAST=%d" % (count - 1), "-Wl,-rpath," + built.dir, link] + inputs,
        inputs)
    want = "".join("+%d\n" % n for n in range(count)) + "sum %d\n" % sum(range(count))
    for argv in ([engine.program(main)], [engine.loader, engine.program(main)]):
        r = wardtest.run(argv, cwd=built.dir)
        assert r.rc == 0 and r.out == want, "expected exit 0 and constructors in order\n%s" % r


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
