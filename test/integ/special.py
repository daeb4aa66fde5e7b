"""Tests that want more than one start and one comparison: files patched, /proc read.

Each is a function (engine, cases): cases are the parsed case files by "group/name", of which a
test builds what it needs. A function marked ward_only is left out on stock musl.
"""

import os
import struct

import cases
import process
import smaps
import wardtest

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
    built = cases.Built(engine.build, by_name["seal/debuggee"])
    with process.Process(engine, built, direct=direct) as p:
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
