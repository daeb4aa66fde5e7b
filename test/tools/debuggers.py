"""gdb and lldb: live, from the start, core files; programs started both ways."""

import os
import re
import resource
import signal
import tempfile

import cases
import smaps
import wardtest
from aid import Skip, has, lacks, run, test, tool
from process import Process

# What gdb does not find by itself: it takes the loader for the program of a direct run.
GDB_AID = os.path.join(os.path.dirname(os.path.dirname(wardtest.LIBDIR)), "doc/examples/ward.gdb")
LIBRARIES = ["libone.so", "liblate.so"]


def gdb(args, commands, **more):
    """Run gdb in batch mode, without anybody's start-up files."""
    argv = [tool("gdb"), "-nx", "-batch", "-iex", "set auto-load off",
            "-iex", "set debuginfod enabled off", "-iex", "set confirm off",
            "-iex", "set breakpoint pending on", "-iex", "set width 0"]
    for c in commands:
        argv += ["-ex", c]
    r = run(argv + args, timeout=90, **more)
    return r.out + r.err


def listed(text):
    """{file name: first address of its text} out of gdb's `info sharedlibrary`."""
    out = {}
    for line in text.splitlines():
        m = re.match(r"(0x[0-9a-f]+)\s+0x[0-9a-f]+\s+\S+(?: \(\*\))?\s+(/.*)", line)
        if m:
            out[os.path.basename(m.group(2))] = int(m.group(1), 16)
    return out


def expect_libraries(text, vmas=None, names=()):
    """gdb's list holds every name, at an address where that file is mapped executable."""
    got = listed(text)
    for name in names or LIBRARIES:
        assert name in got, "expected %s in gdb's list, got %s\n%s" % (name, sorted(got), text)
        if vmas is None:
            continue
        text_of = [v for v in vmas if os.path.basename(v.name) == name and v.executable]
        assert any(v.start <= got[name] < v.end for v in text_of), \
            "gdb has %s at %#x, where its text is not: %s" % (
                name, got[name], ", ".join(map(str, text_of)))


@test("gdb")
def attach(ctx):
    """A live process: libraries of the start and of dlopen, names, relocated constants, threads."""
    built = ctx.built("debuggee")
    for engine in ctx.both:
        with Process(engine, built) as p:
            text = gdb(["-p", str(p.pid)], ["info sharedlibrary", "print one_data", "print counter",
                                            "print one_words", "info symbol late", "info threads"])
            expect_libraries(text, smaps.read(p.pid))
        has(text, r"\$1 = 1\b", r"\$2 = 4\b", r"\$3 = \{0x\w+ \"alpha\", 0x\w+ \"beta\"\}",
            r"late in section \.text of", r"\* 1 .*LWP", r"  2 .*LWP")


@test("gdb")
def attach_direct(ctx):
    """A direct run: gdb takes the loader, which /proc/PID/exe is, for the program. It lists the
    libraries; ward-program of doc/examples/ward.gdb adds the program. Stock shows nothing."""
    built = ctx.built("debuggee")
    with Process(ctx.ward, built, direct=True) as p:
        text = gdb(["-p", str(p.pid)], ["info sharedlibrary", "source " + GDB_AID, "ward-program",
                                        "print counter", "print sleeper"])
        expect_libraries(text, smaps.read(p.pid))
    has(text, r"\$1 = 4\b", r"\$2 = \{void \*\(void \*\)\} 0x\w+ <sleeper>")
    with Process(ctx.stock, built, direct=True) as p:
        text = gdb(["-p", str(p.pid)], ["info sharedlibrary"])
    assert not listed(text), "stock musl shows libraries by now: say so\n" + text


BREAKS = ["break one", "break late", "run", "bt", "up", "info locals", "continue", "bt",
          "print x", "finish", "continue"]


def expect_breaks(text):
    """What BREAKS must have shown: frames of program and libraries, and a normal end."""
    has(text, r"^Breakpoint 1, one \(x=1\)", r"^#0  one \(x=1\)", r"^#1  0x\w+ in main \(argc=1",
        r"^h = 0x", r"^Breakpoint 2, late \(x=2\)", r"^#1  0x\w+ in main \(", r"^\$1 = 2$",
        r"^Value returned is \$2 = 4", r"exited normally")


@test("gdb")
def breakpoints(ctx):
    """Breakpoints in a DT_NEEDED library and in one that dlopen brings, backtraces through them."""
    built = ctx.built("debuggee")
    for engine in ctx.both:
        expect_breaks(gdb([engine.program(built.path("main"))], BREAKS))


@test("gdb")
def breakpoints_direct(ctx):
    """The same in a direct run."""
    main = ctx.built("debuggee").path("main")
    text = gdb(["--args", ctx.ward.loader, main],
               ["source " + GDB_AID, "tbreak _dl_debug_state", "run", "ward-program"]
               + ["continue" if c == "run" else c for c in BREAKS])
    expect_breaks(text.replace("Breakpoint 2, one", "Breakpoint 1, one")
                  .replace("Breakpoint 3, late", "Breakpoint 2, late"))


@test("gdb")
def step_and_watch(ctx):
    """Stepping from the program into a library; a hardware watchpoint on the program's data."""
    main = ctx.built("debuggee").path("main")
    for engine in ctx.both:
        text = gdb([engine.program(main)],
                   ["break main.c:30", "run", "step", "watch counter", "continue", "continue"])
        has(text, r"^Breakpoint 1, main", r"^one \(x=1\) at", r"^Hardware watchpoint 2: counter",
            r"^Old value = 0\nNew value = 4", r"exited normally")


@test("gdb")
def catch_load(ctx):
    """gdb stops when a library has come, at the start and at a dlopen, and knows it then."""
    main = ctx.built("debuggee").path("main")
    for engine in ctx.both:
        text = gdb([engine.program(main)], ["catch load libone", "catch load liblate", "run",
                                            "info symbol one", "continue", "info symbol late"])
        has(text, r"Inferior loaded .*libone\.so", r"^one in section \.text of",
            r"Inferior loaded .*liblate\.so", r"^late in section \.text of")


@test("gdb")
def thread_local(ctx):
    """`print one_tls` needs a libthread_db, which musl has not; dlsym gives a thread's own copy."""
    main = ctx.built("debuggee").path("main")
    dlsym = "print *(int *)((void *(*)(void *, const char *))dlsym)(0, \"one_tls\")"
    for engine in ctx.both:
        text = gdb([engine.program(main)],
                   ["break late", "run wait", "print one_tls", "set scheduler-locking on", dlsym])
        has(text, r"Cannot find thread-local (storage|variables)")
        has(text, r"^\$\d+ = 6$")


def has_frames(engine):
    """The C library was compiled with frames for debuggers (mk/musl.mk: by clang)."""
    text = run([tool("readelf"), "--debug-dump=frames", engine.loader], timeout=60).out
    at = next((x for x in symbols(engine.loader) if x[1] == "nanosleep"), None)
    return bool(at) and "pc=%016x.." % at[0] in text


def symbols(path):
    """(address, name) of every function of a file."""
    text = run([tool("nm"), path]).out
    return [(int(a, 16), n) for a, _, n in
            (x.split() for x in text.splitlines() if len(x.split()) == 3)]


@test("gdb")
def through_libc(ctx):
    """A live process whose threads all wait inside the C library: backtraces up to main and to the
    thread's own function, by frames that are in the file and never loaded."""
    built = ctx.built("debuggee")
    for engine in ctx.both:
        if not has_frames(engine):
            raise Skip("the C library has no .debug_frame: it was not compiled by clang")
        with Process(engine, built) as p:
            text = gdb(["-p", str(p.pid)], ["thread apply all -ascending bt"])
        has(text, r"^Thread 1 ", r"^#\d+ +0x\w+ in read \(\)", r"^#\d+ +0x\w+ in main \(argc=2",
            r"^Thread 2 ", r"^#\d+ +0x\w+ in sleep \(\)", r"^#\d+ +0x\w+ in sleeper \(p=0x0\)")


STRIPPED = ("--strip-debug", "--strip-all")


@test("gdb")
def stripped_loader(ctx):
    """Started by PT_INTERP a loader without any symbol table will do; a direct run needs its
    .symtab: after a full strip gdb shows no library."""
    built, shown = ctx.built("debuggee"), {}
    for how in STRIPPED:
        loader = built.path("ld%s.so" % how)
        r = run([tool("strip"), how, "-o", loader, ctx.ward.loader])
        assert r.rc == 0, "expected a stripped loader\n%s" % r
        prog = ctx.build.compile(built.path("main" + how), [
            "-O0", "-gdwarf-4", "-pthread", "-I", cases.HEADERS, built.path("main.c"),
            built.path("libone.so"), "-Wl,-rpath,%s,--dynamic-linker,%s" % (built.dir, loader)],
            [built.path("main.c"), built.path("libone.so")])
        for direct in (False, True):
            with Process(ctx.ward, built, direct=direct, name=os.path.basename(prog),
                         loader=loader) as p:
                shown[how, direct] = listed(gdb(["-p", str(p.pid)], ["info sharedlibrary"]))
    for key, names in shown.items():
        want = key != ("--strip-all", True)
        assert ("libone.so" in names and "liblate.so" in names) == want, \
            "%s, direct=%s: expected libraries: %s, got %s" % (*key, want, sorted(names))


@test("gdb")
def signal_frame(ctx):
    """A backtrace from a signal handler passes the frame that the kernel made."""
    main = ctx.built("debuggee").path("main")
    for engine in ctx.both:
        text = gdb([engine.program(main)],
                   ["handle SIGUSR1 nostop noprint", "break handler", "run signal", "bt"])
        has(text, r"^#0  handler \(s=10\)", r"^#1  <signal handler called>", r"^#2  0x\w+ in ")


@test("gdb")
def constructor_crash(ctx):
    """A crash in a constructor of the start, live: frames and the constants of the library."""
    built = ctx.built("ctor")
    for engine in ctx.both:
        text = gdb([engine.program(built.path("main"))], ["run", "bt", "print table"])
        has(text, r"received signal SIGSEGV", r"^#0  0x\w+ in begin \(\)",
            r"\$1 = \{0x\w+ \"first\", 0x\w+ \"second\"\}")


@test("gdb")
def text_shared(ctx):
    """With text=shared the kernel lets nobody write into text: breakpoints of software in libraries
    are never hit, and gdb does not say so; those of hardware are."""
    built = ctx.built("debuggee")
    text = gdb([built.path("shared")], ["break one", "run"])
    lacks(text, r"^Breakpoint 1, one")
    has(text, r"exited normally")
    text = gdb([built.path("shared")], ["break main", "run", "hbreak one", "continue", "bt",
                                        "delete", "continue"])
    has(text, r"^Breakpoint 2, one \(x=1\)", r"^#1  0x\w+ in main \(", r"exited normally")


def expect_core(text):
    """What a core file must show."""
    expect_libraries(text)
    has(text, r"\$1 = 1\b", r"\$2 = \{0x\w+ \"alpha\", 0x\w+ \"beta\"\}", r"\* 1 .*LWP", r"  2 .*LWP")


IN_CORE = ["info sharedlibrary", "print one_data", "print one_words", "info threads"]


@test("core")
def gcore(ctx):
    """A core file that gdb wrote: libraries, data, sealed relocated constants, threads."""
    built = ctx.built("debuggee")
    for engine, direct in ((ctx.ward, False), (ctx.stock, False), (ctx.ward, True)):
        core = built.path("core.%s%s" % (engine.name, ".direct" * direct))
        with Process(engine, built, direct=direct) as p:
            text = gdb(["-p", str(p.pid)], ["generate-core-file %s" % core])
        assert os.path.exists(core), "gdb wrote no core file:\n" + text
        try:
            expect_core(gdb([engine.loader if direct else p.prog, core], IN_CORE))
        finally:
            os.unlink(core)


def cores_go_here():
    """Skip where the kernel does not write core files into the working directory."""
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as h:
        pattern = h.read().strip()
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if "/" in pattern or "%" in pattern.replace("%p", "") or pattern.startswith("|"):
        raise Skip("core_pattern %r does not write into the working directory" % pattern)
    if hard != resource.RLIM_INFINITY and hard < 1 << 24:
        raise Skip("RLIMIT_CORE's hard limit is %d" % hard)


def crash(ctx, argv, commands, signo, exe=None):
    """What gdb says about the core file of a crash."""
    cores_go_here()
    with tempfile.TemporaryDirectory(dir=ctx.build.work) as d:
        argv = ["/bin/sh", "-c", "ulimit -c unlimited; exec \"$@\"", "sh"] + argv
        r = run(argv, cwd=d)
        assert r.rc == -signo, "expected signal %d\n%s" % (signo, r)
        cores = os.listdir(d)
        assert len(cores) == 1, "expected one core file, got %s" % cores
        return gdb([exe or argv[4], os.path.join(d, cores[0])], commands)


@test("core")
def of_a_crash(ctx):
    """The same of a core file that the kernel wrote at abort()."""
    main = ctx.built("debuggee").path("main")
    for engine in ctx.both:
        expect_core(crash(ctx, [engine.program(main), "crash"], IN_CORE, signal.SIGABRT))


@test("core")
def of_a_direct_run(ctx):
    """And of a direct run: the loader is the program to gdb."""
    main = ctx.built("debuggee").path("main")
    expect_core(crash(ctx, [ctx.ward.loader, main, "crash"], IN_CORE, signal.SIGABRT))


@test("core")
def of_a_constructor(ctx):
    """A core file of a crash before main."""
    main = ctx.built("ctor").path("main")
    for engine in ctx.both:
        text = crash(ctx, [engine.program(main)], ["bt", "info sharedlibrary", "print table"],
                     signal.SIGSEGV)
        has(text, r"^#0  0x\w+ in begin \(\)")
        expect_libraries(text, names=["libctor.so"])
        has(text, r"\$1 = \{0x\w+ \"first\", 0x\w+ \"second\"\}")


def lldb(args, commands):
    """Run lldb in batch mode."""
    argv = [tool("lldb", "lldb-14"), "-b", "--no-lldbinit"]
    for c in commands:
        argv += ["-o", c]
    r = run(argv + args, timeout=90)
    text = r.out + r.err
    if "personality set failed" in text or "unable to locate lldb-server" in text:
        raise Skip("lldb: " + next(x for x in text.splitlines() if "failed" in x or "unable" in x))
    return text


@test("lldb")
def lldb_breakpoints(ctx):
    """Breakpoints in libraries of the start and of dlopen, a backtrace through the C library."""
    main = ctx.built("debuggee").path("main")
    for engine in ctx.both:
        text = lldb([engine.program(main)], [
            "breakpoint set -n late", "breakpoint set -n one", "run", "bt", "continue", "bt",
            "frame variable", "image list", "continue"])
        has(text, r"libone\.so`one\(x=1\)", r"main`main\(argc=1|`main\(argc=1", r"liblate\.so`late\(x=2\)",
            r"\(int\) x = 2", r"libone\.so", r"exited with status = 0")


@test("lldb")
def lldb_attach(ctx):
    """A live process: both threads' frames up to main, from inside the C library."""
    built = ctx.built("debuggee")
    for engine in ctx.both:
        with Process(engine, built) as p:
            text = lldb(["-p", str(p.pid)], ["bt all", "image list"])
        has(text, r"`read ", r"`main\(argc=2", r"`sleep", r"`sleeper\(p=", r"libone\.so", r"liblate\.so")
