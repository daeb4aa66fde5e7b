"""Programs that the compiler instruments: sanitizers, coverage, profiles. Debian's runtimes are
built for glibc: what works with them, what does not, and that it is the same on stock musl."""

import os
import re
import signal

import cases
import wardtest
from aid import Skip, has, lacks, ok, run, test, tool

GLUE = os.path.join(os.path.dirname(os.path.dirname(wardtest.LIBDIR)),
                    "doc/examples/sanitizer-glue.c")


def make(ctx, name, cc, *flags, source="ub.c", case="sanitize", glue=False, libs=()):
    """A program of a case, compiled with cc and flags; glue: with the names of glibc."""
    tool(cc)
    built = ctx.built(case)
    inputs = [built.path(source), *libs]
    if glue:
        inputs.append(ctx.build.compile(
            built.path("libsanitizer-glue.so"),
            ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
             "-Wl,-soname,libsanitizer-glue.so", GLUE], [GLUE], "clang"))
    words = ["-O1", "-gdwarf-4", "-pthread", "-I", cases.HEADERS, *flags, *inputs, "-Wl,-rpath," + built.dir]
    return ctx.build.compile(built.path(name), words, inputs, cc)


def no_link(ctx, name, cc, *flags, words, **more):
    """It does not link, for want of these names."""
    try:
        make(ctx, name, cc, *flags, **more)
    except wardtest.BuildError as e:
        has(str(e), words)
        return
    raise AssertionError("%s links by now: try whether it works, and say so" % " ".join(flags))


@test("ubsan")
def trapping(ctx):
    """Undefined behaviour ends the program with SIGILL; no runtime is needed. gcc and clang."""
    for cc, flags in (("gcc", ["-fsanitize-undefined-trap-on-error"]),
                      ("clang", ["-fsanitize-trap=undefined"])):
        prog = make(ctx, "trap." + cc, cc, "-fsanitize=undefined", *flags)
        for engine in ctx.both:
            r = run([engine.program(prog)])
            assert r.rc == -signal.SIGILL, "expected SIGILL\n%s" % r
            ok(run([engine.program(prog), "x"]), "clean\n")


@test("ubsan")
def minimal_runtime(ctx):
    """clang's minimal runtime is linked statically and says what happened in one line."""
    prog = make(ctx, "minimal", "clang", "-fsanitize=undefined", "-fsanitize-minimal-runtime")
    for engine in ctx.both:
        r = run([engine.program(prog)])
        has(r.err, r"ubsan: add-overflow")
        has(r.err, r"ubsan: shift-out-of-bounds")
        r = run([engine.program(prog), "x"])
        ok(r, "clean\n")
        assert not r.err, "expected silence\n%s" % r


@test("ubsan")
def full_runtime(ctx):
    """clang's runtime wants two names of glibc; with these given it reports file and line."""
    no_link(ctx, "full.bare", "clang", "-fsanitize=undefined",
            words=r"reference to `(dlvsym|_dl_find_object)")
    prog = make(ctx, "full", "clang", "-fsanitize=undefined", glue=True)
    for engine in ctx.both:
        r = run([engine.program(prog)])
        has(r.err, r"ub\.c:8:\d+: runtime error: signed integer overflow: 2147483647 \+ 1")
        has(r.err, r"ub\.c:9:\d+: runtime error: shift exponent 33")
        r = run([engine.program(prog), "x"])
        ok(r, "clean\n")
        assert not r.err, "expected silence\n%s" % r


@test("ubsan")
def gcc_runtime(ctx):
    """gcc's libubsan is a shared library of glibc: ward-cc links nothing of the host's."""
    no_link(ctx, "libubsan", "gcc", "-fsanitize=undefined", words=r"__ubsan_handle_")


@test("asan")
def shadow(ctx):
    """What AddressSanitizer, ThreadSanitizer and MemorySanitizer reserve at fixed addresses is
    free on ward: nothing of the loader lies there, in 10 starts each way."""
    prog = ctx.built("sanitize").path("maps")
    if "Permission" in run([ctx.stock.program(prog)]).err:
        raise Skip("this machine does not allow such reservations")
    for engine in ctx.both:
        for _ in range(10):
            ok(run([engine.program(prog)]))
        r = run([engine.program(prog), "own"])
        assert r.rc == 1 and "own text: " in r.err, \
            "expected the control, a range in use, to be refused\n%s" % r
    for _ in range(10):
        ok(run([ctx.ward.loader, prog]))


@test("asan")
def bare(ctx):
    """Without glibc's names Debian's runtimes do not link; gcc's are shared libraries of glibc."""
    no_link(ctx, "address.gcc", "gcc", "-fsanitize=address", words=r"reference to `__asan_")
    no_link(ctx, "thread.gcc", "gcc", "-fsanitize=thread", words=r"reference to `__tsan_")
    for what in ("address", "leak", "thread", "memory"):
        no_link(ctx, what + ".bare", "clang", "-fsanitize=" + what,
                words=r"reference to `(dlvsym|_dl_find_object)")


@test("asan")
def address(ctx):
    """clang's AddressSanitizer with the names given: an overflow in a library, a use after free and
    a leak are reported with function, file and line; a clean program is left in peace."""
    built = ctx.built("sanitize")
    lib = ctx.build.compile(
        built.path("libchecked.so"), ["-O1", "-gdwarf-4", "-fsanitize=address", "-shared", "-fPIC",
                                   "-Wl,-soname,libchecked.so", built.path("lib.c")],
        [built.path("lib.c")], "clang")
    prog = make(ctx, "address", "clang", "-fsanitize=address", source="heap.c", glue=True, libs=[lib])
    for engine in ctx.both:
        said = {w: run([engine.program(prog), w]) for w in
                ("clean", "overflow", "after", "leak", "stack")}
        ok(said["clean"])
        assert not said["clean"].err, "expected silence\n%s" % said["clean"]
        has(said["overflow"].err, r"heap-buffer-overflow", r"#0 \w+ in poke \S+/lib\.c:4",
            r"#1 \w+ in main \S+/heap\.c:\d+", r"allocated by thread T0")
        has(said["after"].err, r"heap-use-after-free", r"#\d \w+ in main \S+/heap\.c:")
        has(said["stack"].err, r"stack-buffer-overflow", r"#0 \w+ in poke \S+/lib\.c:4")
        has(said["leak"].err, r"LeakSanitizer: detected memory leaks", r"77 byte\(s\)",
            r"#1 \w+ in lose \S+/heap\.c:")


@test("asan")
def leak(ctx):
    """LeakSanitizer alone."""
    prog = make(ctx, "leak", "clang", "-fsanitize=leak", source="heap.c", glue=True,
                libs=[ctx.built("sanitize").path("libplain.so")])
    for engine in ctx.both:
        ok(run([engine.program(prog), "clean"]))
        r = run([engine.program(prog), "leak"])
        has(r.err, r"LeakSanitizer: detected memory leaks", r"77 byte\(s\)", r"in lose \S+/heap\.c:")


@test("asan")
def memory(ctx):
    """MemorySanitizer: a branch on an undefined value."""
    prog = make(ctx, "memory", "clang", "-fsanitize=memory", source="heap.c", glue=True,
                libs=[ctx.built("sanitize").path("libplain.so")])
    for engine in ctx.both:
        ok(run([engine.program(prog), "clean"]))
        r = run([engine.program(prog), "undefined"])
        has(r.err, r"use-of-uninitialized-value", r"#0 \w+ in main \S+/heap\.c:")


@test("asan")
def thread(ctx):
    """ThreadSanitizer: links, and stops at the first thread, whose descriptor is not where glibc
    has it; on stock musl too."""
    prog = make(ctx, "thread", "clang", "-fsanitize=thread", source="race.c", case="heap", glue=True)
    for engine in ctx.both:
        r = run([engine.program(prog)])
        has(r.err, r"ThreadSanitizer: CHECK failed: tsan_platform_linux")
        lacks(r.err, r"data race")


@test("coverage")
def clang_coverage(ctx):
    """clang's coverage: the profile is written at exit and names lines; two names are given."""
    no_link(ctx, "coverage.bare", "clang", "-fprofile-instr-generate", "-fcoverage-mapping",
            words=r"__fprintf_chk|__snprintf_chk")
    prog = make(ctx, "coverage", "clang", "-fprofile-instr-generate", "-fcoverage-mapping", glue=True)
    merge, show = tool("llvm-profdata", "llvm-profdata-14"), tool("llvm-cov", "llvm-cov-14")
    for engine in ctx.both:
        raw = prog + ".%s.profraw" % engine.name
        ok(run([engine.program(prog), "x"],
                        env=wardtest.base_env(LLVM_PROFILE_FILE=raw)), "clean\n")
        r = run([merge, "merge", "-o", prog + ".profdata", raw])
        assert r.rc == 0, "expected a profile\n%s" % r
        r = run([show, "show", prog, "-instr-profile=" + prog + ".profdata"])
        has(r.out, r"\| +1\|.*if \(argc > 1\)", r"\| +0\|.*x \+= argc")


@test("coverage")
def gcc_coverage(ctx):
    """gcc's needs a libgcov, which is the compiler's own and links; it is not searched by ward-cc."""
    no_link(ctx, "gcov.bare", "gcc", "--coverage", words=r"cannot find -lgcov")
    r = run([tool("gcc"), "-print-file-name=libgcov.a"])
    library = r.out.strip()
    if not os.path.isabs(library):
        raise Skip("gcc has no libgcov.a")
    prog = make(ctx, "gcov", "gcc", "--coverage", "-L" + os.path.dirname(library))
    for engine in ctx.both:
        for name in os.listdir(os.path.dirname(prog)):
            if name.endswith(".gcda"):
                os.unlink(os.path.join(os.path.dirname(prog), name))
        ok(run([engine.program(prog), "x"]), "clean\n")
        data = [n for n in os.listdir(os.path.dirname(prog)) if n.endswith(".gcda")]
        assert data, "expected a .gcda file"
        r = run([tool("gcov"), "-t", os.path.join(os.path.dirname(prog), data[0])],
                         cwd=os.path.dirname(prog))
        has(r.out, r"^ +1: +6:.*if \(argc > 1\)", r"^ +#####: +8:")


@test("coverage")
def gprof(ctx):
    """-pg: musl has no mcount."""
    for cc in ("gcc", "clang"):
        no_link(ctx, "gprof." + cc, cc, "-pg", words=r"undefined reference to `_?_?mcount")
