"""valgrind: memcheck, callgrind, massif, dhat, helgrind, drd."""

import os
import re

import wardtest
from aid import has, lacks, ok, run, test, tool, version

SUPPRESSIONS = os.path.join(os.path.dirname(os.path.dirname(wardtest.LIBDIR)),
                            "doc/examples/ward.supp")
# What valgrind 3.19 needs for stock musl, whose malloc is a weak name; for ward it does not.
MALLOC = "--soname-synonyms=somalloc=NONE"


def valgrind(built, engine, prog, *options, direct=False, musl=True):
    """Run a program of a case below valgrind; musl: with the option that stock musl needs."""
    argv = [tool("valgrind"), *options] + [MALLOC] * (musl and engine.name == "stock")
    argv += [engine.loader] * direct
    return run(argv + [engine.program(built.path(prog))], cwd=built.dir, timeout=120)


def plain(text):
    """valgrind's output without process numbers, and without what 3.19 says of mseal."""
    text = re.sub(r"(?m)^--\d+-- WARNING: unhandled amd64-linux syscall: 462\n(--\d+-- .*\n){4}", "", text)
    return re.sub(r"(?m)^(==|--)\d+\1 ?", "", text)


@test("valgrind")
def nothing(ctx):
    """valgrind runs programs both ways; no library is executed by it in place of being checked."""
    built = ctx.built("debuggee")
    for direct in (False, True):
        r = valgrind(built, ctx.ward, "main", "--tool=none", "-q", direct=direct)
        assert r.rc == 0 and r.out == "ok\n", "expected exit 0 and ok\n%s" % r


@test("valgrind")
def memcheck_clean(ctx):
    """No complaint about a clean program, with the suppressions; all its allocations are seen."""
    built = ctx.built("heap")
    for engine in ctx.both:
        r = valgrind(built, engine, "clean", "--suppressions=" + SUPPRESSIONS,
                     "--leak-check=full", "--show-leak-kinds=all", "--error-exitcode=9")
        assert r.rc == 0 and r.out == "ok\n", "expected exit 0 and ok\n%s" % r
        has(plain(r.err), r"total heap usage: 3 allocs, 3 frees, 301,000 bytes allocated",
            r"All heap blocks were freed", r"ERROR SUMMARY: 0 errors")


@test("valgrind")
def memcheck_remark(ctx):
    """Without the suppressions there is one remark: the check has no argv, which valgrind 3.19
    takes for a mistake (and answers with EFAULT, so that nothing is executed)."""
    built = ctx.built("heap")
    r = valgrind(built, ctx.ward, "clean", "-q")
    ok(r)
    said = re.findall(r"(?m)^==\d+== (Invalid .*|.*initialised.*|.*points to.*)", r.err)
    assert set(said) <= {"Syscall param execveat(argv) points to unaddressable byte(s)"}, \
        "expected no complaint but that of execveat's argv\n%s" % r


FAULTS = [
    r"Invalid write of size 1\n   at 0x\w+: overflow \(faulty\.c:",
    r"is 0 bytes after a block of size 16 alloc'd\n   at .*malloc.*\n   by 0x\w+: grow \(lib\.c:",
    r"uninitialised value\(s\)\n   at 0x\w+: main \(faulty\.c:27\)",
    r"Invalid write of size 1\n   at 0x\w+: use_after \(faulty\.c:",
    r"is 1 bytes inside a block of size 100 free'd",
    r"77 bytes in 1 blocks are definitely lost.*\n   at .*malloc.*\n   by 0x\w+: lose \(lib\.c:",
    r"ERROR SUMMARY: 4 errors from 4 contexts",
]


@test("valgrind")
def memcheck_faulty(ctx):
    """Overflow, undefined value, use after free and leak are found, with the names of functions in
    the program and in a library, as on stock musl."""
    built = ctx.built("heap")
    for engine in ctx.both:
        for direct in (False, True):
            r = valgrind(built, engine, "faulty", "--suppressions=" + SUPPRESSIONS,
                         "--leak-check=full", direct=direct)
            has(plain(r.err), *FAULTS)


@test("valgrind")
def memcheck_options(ctx):
    """ward needs no option for that, and bears the one for musl. On stock musl valgrind 3.19 without it
    takes realloc and leaves malloc, and a clean program crashes; 3.24 sees a weak malloc as well."""
    built = ctx.built("heap")
    r = valgrind(built, ctx.ward, "clean", MALLOC)
    ok(r)
    has(plain(r.err), r"total heap usage: 3 allocs, 3 frees, 301,000 bytes allocated")
    said = version("valgrind")
    m = re.match(r"valgrind-(\d+)\.(\d+)", said)
    assert m, "expected a version, got %r" % said
    if (int(m.group(1)), int(m.group(2))) >= (3, 24):
        return
    r = valgrind(built, ctx.stock, "clean", musl=False)
    lacks(plain(r.err), r"total heap usage: 3 allocs")


@test("valgrind")
def callgrind(ctx):
    """Costs are counted for functions of program, library and C library."""
    built = ctx.built("heap")
    for engine in ctx.both:
        out = built.path("callgrind." + engine.name)
        r = valgrind(built, engine, "clean", "--tool=callgrind", "--callgrind-out-file=" + out)
        assert r.rc == 0 and r.out == "ok\n", "expected exit 0 and ok\n%s" % r
        r = run([tool("callgrind_annotate"), "--threshold=100", out])
        for where in (r":main \[.*/clean", r":grow \[.*/libheap\.so\]",
                      r":(__libc_)?(calloc|realloc|free|memset)\b"):
            has(r.out, where)


@test("valgrind")
def massif_and_dhat(ctx):
    """The heap profilers see allocations and name who made them."""
    built = ctx.built("heap")
    for engine in ctx.both:
        out = built.path("massif." + engine.name)
        r = valgrind(built, engine, "clean", "--tool=massif", "--massif-out-file=" + out)
        assert r.rc == 0 and r.out == "ok\n", "expected exit 0 and ok\n%s" % r
        has(run([tool("ms_print"), out]).out, r"\(200,000B\) 0x\w+: main \(clean\.c:7\)")
        r = valgrind(built, engine, "clean", "--tool=dhat", "--dhat-out-file=/dev/null")
        has(plain(r.err), r"Total: +301,000 bytes in 3 blocks")


@test("valgrind")
def helgrind(ctx):
    """helgrind finds a race. It looks for glibc's thread library, so that it does not know musl's
    locks and reports what they guard as well, on stock musl too."""
    built = ctx.built("heap")
    for engine in ctx.both:
        r = valgrind(built, engine, "race", "--tool=helgrind")
        assert r.rc == 0 and r.out == "ok\n", "expected exit 0 and ok\n%s" % r
        has(plain(r.err), r"Possible data race", r"run \(race\.c:8\)")
        has(plain(r.err), r"run \(race\.c:10\)")


@test("valgrind")
def drd(ctx):
    """drd's own preload asks for functions of glibc: it is not loaded, and nothing is found."""
    built = ctx.built("heap")
    for engine in ctx.both:
        r = valgrind(built, engine, "race", "--tool=drd")
        has(r.err, r"vgpreload_drd\S+: __fprintf_chk: symbol not found")
        lacks(plain(r.err), r"Conflicting (load|store)")
