"""strace, ltrace, perf, uprobes, bpftrace, stack printers, lsof; rr."""

import os
import re
import tempfile

import wardtest
from aid import Skip, has, last_line, ok, run, test, tool
from process import Process


@test("strace")
def follows(ctx):
    """strace -f: threads and calls, both ways. (The order of a start's calls is what test/integ
    asserts for each of its programs.)"""
    built = ctx.built("heap")
    main = built.path("race")
    for argv in ([main], [ctx.ward.loader, main]):
        r = run([tool("strace"), "-f", "-e", "trace=clone,clone3,exit,execveat"] + argv)
        assert r.rc == 0 and r.out == "ok\n", "expected exit 0 and ok\n%s" % r
        assert len(re.findall(r"(?m)^\[pid +\d+\] exit\(0\)", r.err)) == 2, \
            "expected two threads to end\n%s" % r


@test("strace")
def stacks(ctx):
    """strace -k: the function of the C library that made the call. It unwinds by .eh_frame alone,
    which neither ward nor musl has for the C library, so what lies above it is missing."""
    built = ctx.built("debuggee")
    for engine in ctx.both:
        r = run([tool("strace"), "-k", "-e", "trace=tkill",
                          engine.program(built.path("main")), "signal"])
        if "-k" in r.err and "not" in r.err and "support" in r.err:
            raise Skip(last_line(r.err))
        ok(r)
        has(r.err, r"^tkill\(", r"\(raise\+0x\w+\)")


@test("ltrace")
def library_calls(ctx):
    """ltrace: calls of the program into its libraries and the C library, with arguments."""
    main = ctx.built("debuggee").path("main")
    for engine in ctx.both:
        r = run([tool("ltrace"), engine.program(main)])
        text = r.out + r.err
        if "ok" not in r.out:
            raise AssertionError("expected the program to run\n%s" % r)
        has(text, r"dlopen\(\"liblate\.so\", 2", r"one\(1[,)].*= 2", r"exited \(status 0\)")


def perf(words, **more):
    """Run perf; what the kernel does not give becomes a Skip."""
    r = run([tool("perf")] + words, timeout=120, **more)
    if r.rc and re.search(r"not supported|Permission denied|Operation not permitted|No permission|"
                          r"not found for kernel", r.err):
        raise Skip("perf %s: %s" % (words[0], last_line(r.err)))
    assert r.rc == 0, "expected perf to work\n%s" % r
    return r


def profile(built, engine, direct, options):
    """The report of perf about the program `hot`, as text."""
    with tempfile.TemporaryDirectory(dir=built.dir) as d:
        data = os.path.join(d, "perf.data")
        argv = [engine.loader] * direct + [engine.program(built.path("main"))]
        perf(["record", "-q", "-e", "cpu-clock", "-F", "999", "-o", data, *options, "--"] + argv)
        return perf(["report", "-i", data, "--stdio", "-G", "--percent-limit", "1"]).out


@test("perf")
def symbols(ctx):
    """perf record and report: functions of program, library and C library by name, both ways."""
    built = ctx.built("hot")
    for engine, direct in ((ctx.ward, False), (ctx.ward, True), (ctx.stock, False)):
        text = profile(built, engine, direct, [])
        dso = r"(ld-ward-x86_64\.so\.1|libc\.so|ld-ward-\S+)"
        for pattern in (r"% +\S+ +main(\.stock)? +\[\.\] own\b", r"libspin\.so +\[\.\] (inner|spin)\b",
                        dso + r" +\[\.\] (__qsort_r|sift|trinkle|cycle|memcpy|rand)\b"):
            has(text, pattern)


@test("perf")
def call_graph(ctx):
    """Call graphs reach from the library to main, by frame pointers and by DWARF. What the C library
    calls back, qsort's comparison here, is known with the one function that called it: perf too
    unwinds by .eh_frame alone."""
    built = ctx.built("hot")
    for engine in ctx.both:
        for how in ("fp", "dwarf,4096"):
            text = profile(built, engine, False, ["--call-graph", how])
            has(text, r"(libc_start_main_stage2|_start)$\n *main$\n *spin$\n *inner$|main$\n *\|.*\n"
                      r"(.*\n)*? *(\||--|-)+.*spin")
        has(text, r"(sift|trinkle|__qsort_r)$\n.*compare$")


@test("perf")
def uprobe(ctx):
    """A probe that the kernel plants into a library's sealed text is hit."""
    built = ctx.built("hot")
    script = """
set -e
mountpoint -q /sys/kernel/tracing || mount -t tracefs none /sys/kernel/tracing 2>&1
perf=$1 lib=$2 data=$3 group=$4
shift 4
"$perf" probe -q -x "$lib" "$group:spin=spin" 2>&1
trap '"$perf" probe -q -d "$group:*" 2>&1' EXIT
"$perf" record -q -e "$group:spin" -o "$data" -- "$@" 2>&1
"$perf" script -i "$data" 2>&1
"""
    for engine in ctx.both:
        with tempfile.TemporaryDirectory(dir=built.dir) as d:
            r = run(
                [tool("unshare"), "-m", "sh", "-c", script, "sh", tool("perf"),
                 built.path("libspin.so"), os.path.join(d, "data"), "ward%d" % os.getpid(),
                 engine.program(built.path("main"))], timeout=120)
        if r.rc and re.search(r"(?i)not permitted|denied|unknown filesystem|no such|not supported|"
                              r"does not support|failed to open", r.out + r.err):
            raise Skip("perf probe: " + last_line(r.out + r.err))
        assert r.rc == 0, "expected perf probe to work\n%s" % r
        has(r.out, r"ward\d+:spin: \(\w+\)")


@test("bpftrace")
def bpf_uprobe(ctx):
    """bpftrace: a probe on a library's function, with its argument."""
    built = ctx.built("hot")
    program = "uprobe:%s:spin { printf(\"spin %%d\\n\", arg0); exit(); }" % built.path("libspin.so")
    for engine in ctx.both:
        r = run([tool("bpftrace"), "-e", program, "-c",
                          engine.program(built.path("main"))], timeout=60)
        if "spin 30000000" not in r.out and re.search(
                r"not permitted|requires|root|BTF|denied|No such file", r.err):
            raise Skip("bpftrace: " + last_line(r.err))
        has(r.out, r"^spin 30000000$")


@test("stacks")
def eu_stack(ctx):
    """elfutils: eu-stack of a live process names functions of program and C library; it lists the
    modules by /proc/PID/maps."""
    built = ctx.built("debuggee")
    for engine in ctx.both:
        with Process(engine, built) as p:
            r = run([tool("eu-stack"), "-p", str(p.pid)])
            text = run([tool("eu-unstrip"), "-n", "-p", str(p.pid)]).out
        has(r.out, r"^TID \d+", r"^#0 .*", r"^TID \d+")
        for name in ("libone.so", "liblate.so", os.path.basename(p.prog)):
            has(text, r"/%s " % re.escape(name))


@test("stacks")
def lsof(ctx):
    """lsof: the files that are mapped, and no descriptor of theirs left open."""
    built = ctx.built("debuggee")
    for engine in ctx.both:
        with Process(engine, built) as p:
            r = run([tool("lsof"), "-w", "-p", str(p.pid)])
        for name in ("libone.so", "liblate.so", os.path.basename(os.path.realpath(engine.loader))):
            m = re.findall(r"(?m)^\S+ +\d+ +\S+ +(\S+) +REG .*/%s$" % re.escape(name), r.out)
            assert m == ["mem"], "expected %s to be mapped only, got %s\n%s" % (name, m, r.out)


@test("rr")
def record_replay(ctx):
    """rr records and replays; it moves the vdso, so the program says vdso=keep, seal=off."""
    built = ctx.built("tick")
    with tempfile.TemporaryDirectory(dir=built.dir) as d:
        env = wardtest.base_env(_RR_TRACE_DIR=d, HOME=d)
        end = os.path.join(d, "end")
        with open(end, "w", encoding="ascii"):
            pass
        r = run([tool("rr"), "record", "-n", built.path("noted"), os.path.join(d, "out"), end],
                         env=env, timeout=60)
        if re.search(r"perf counters|perf_event_open|microarch|FATAL.*PerfCounters", r.err):
            raise Skip("rr: " + next(x.split("] ", 1)[-1] for x in r.err.splitlines() if "FATAL" in x))
        assert r.rc == 0, "expected rr to record\n%s" % r
        r = run([tool("rr"), "replay", "-a"], env=env, timeout=60)
        assert r.rc == 0, "expected rr to replay\n%s" % r
