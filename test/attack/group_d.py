"""D: resources that run out, descriptors that are closed, what lies next to what."""

import os
import re
import subprocess

from rows import row
import stage
from stage import NOBODY, ROOT
import wardtest

AS_NOBODY = "uid=%d" % NOBODY
NO_RANDOM = 0x40000              # ADDR_NO_RANDOMIZE
CLOSED = ["close=0", "close=1", "close=2"]
PAGE = 4096


@row("D01")
def no_descriptor_for_the_right_directory(x):
    """An open that fails for want of resources must not send the search on to a worse directory."""
    evil = os.path.dirname(x.evil())
    good = os.path.dirname(x.good())
    prog = x.prog("dirless", "host.c", "-Wl,--no-as-needed", x.good())
    path = ["env=LD_LIBRARY_PATH=%s:%s" % (good, evil)]
    r = x.run(prog, "call=who", ops=path)
    x.expect("who: good" in r.out, "the first directory to count", r)
    which = "open,openat"
    for name in ("EMFILE", "ENFILE", "ENOMEM", "EINTR", "EIO"):
        # what is opened first: on ward nothing comes before the library, on stock nothing does
        nth = 1 + first_open(x, prog, path)
        r, lines = x.calls(prog, "call=who", ops=path, which=which,
                           inject=["%s:error=%s:when=%d" % (which, name, nth)])
        x.expect(any("INJECTED" in w and good in w for w in lines), "the fault to hit", lines)
        x.saw(name, "evil" in r.out, r, stock=False)
        x.expect(r.rc == 127 and r.err, "exit 127 and a message", r)
    r = x.run(prog, "call=who", ops=["limit=nofile:3", *path])
    x.saw("RLIMIT_NOFILE=3", r.rc != 127 or "evil" in r.out, r, stock=False)


def first_open(x, prog, ops):
    """How many files are opened before the program's library."""
    _, lines = x.calls(prog, ops=ops, which="open,openat")
    opens = [w for w in lines if w.startswith("open")]
    return next(i for i, w in enumerate(opens) if "libwho.so" in w)


# what a dlopen asks of the kernel, and how it may fail: (number, errno)
FAULTS = {"mmap": (9, 12), "mprotect": (10, 12), "open": (2, 24), "openat": (257, 24),
          "fstat": (5, 5), "statx": (332, 5), "read": (0, 5), "pread64": (17, 5),
          "mseal": (462, 12), "madvise": (28, 12)}


@row("D02")
def every_step_fails_once(x):
    """A dlopen that fails, wherever it fails, leaves no trace, and the next one succeeds."""
    x.good()
    lib = x.stage.lib("tree.so", src="tree.c", inputs=[x.good()], flags=[
        "-Wl,--no-as-needed", x.good(), "-Wl,-rpath,%s/lib/good" % ROOT])
    prog = x.prog("faults", "faults.c")
    hits = 0
    for name, (number, error) in FAULTS.items():
        r = x.run(prog, "call", lib, "tree", str(number), str(error), timeout=60)
        hits += faults(x, "the n-th %s" % name, r)
    x.expect(hits >= 14, "at least 14 failures provoked", hits)
    for what in ("as", "data"):
        r = x.run(prog, what, lib, "tree", timeout=60)
        x.expect(faults(x, "RLIMIT_" + what.upper(), r) > 5, "the limit to bite", r)


def faults(x, name, r):
    """Read the result of faults.c; returns the number of failures that it provoked."""
    m = re.search(r"^faults: (\d+) failed cleanly, (\d+) loaded, (\d+) left traces, "
                  r"(\d+) stuck, (\d+) wrong$", r.out, re.M)
    x.expect(m, "a result", r)
    if not m:
        return 0
    clean, _, traces, stuck, wrong = map(int, m.groups())
    if not x.hardened and name.startswith("RLIMIT"):
        traces -= 1     # its loader uses malloc, which takes memory of its own once
    x.saw(name, traces > 0 or bool(stuck or wrong), r, stock=False)
    return clean


def opens_of(lines):
    """(path, descriptor) of each open that succeeded."""
    found = []
    for w in lines:
        m = re.match(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]*)".* = (\d+)$', w)
        if m:
            found.append((m.group(1), int(m.group(2))))
    return found


@row("D03")
def standard_descriptors_closed(x):
    """Descriptors 0 to 2 closed: no file may become one of them in a privileged program."""
    x.good()
    prog = x.setuid(x.host(), "suid")
    for name, closed in (("all", CLOSED), ("stdin", CLOSED[:1]), ("stdout", CLOSED[1:2]),
                         ("stderr", CLOSED[2:]), ("out and err", CLOSED[1:])):
        _, lines = x.calls(prog, "call=who", ops=[AS_NOBODY, *closed])
        opens = opens_of(lines)
        x.expect(any("libwho.so" in p for p, _ in opens), "the library to be opened", lines)
        x.saw(name, any(fd < 3 and p != "/dev/null" for p, fd in opens), opens, stock=True)
        if x.hardened:
            null = [fd for p, fd in opens if p == "/dev/null"]
            x.expect(null == [int(w[-1]) for w in closed], "/dev/null in each, in order", opens)
            x.expect(opens[:len(null)] == [("/dev/null", fd) for fd in null],
                     "them to be filled before anything else is opened", opens)
    # an ordinary program: what it has closed stays closed, and no library is left in its place
    fds = x.stage.lib("fds.so", src="fds.c")
    r = x.run(x.host(), ops=["env=LD_PRELOAD=" + fds, "close=0", "close=2"])
    x.expect("ctor fd 1 " in r.out, "the constructor to run", r)
    x.saw("ordinary program, for constructors", "ctor fd 0" in r.out or "ctor fd 2" in r.out, r,
          stock=False)


@row("D04")
def few_descriptors(x):
    """A small RLIMIT_NOFILE must not keep the descriptors from being looked at one by one."""
    x.good()
    prog, bare = x.setuid(x.host(), "suid"), x.setuid(x.loner(), "bare")
    for limit in (0, 1, 2, 8):
        ops = ["limit=nofile:%d" % limit, AS_NOBODY]
        for closed in ([], CLOSED, CLOSED[2:]):
            for name, program in (("with a library", prog), ("without", bare)):
                r, lines = x.calls(program, ops=ops + closed)
                ran = any("host argc" in w for w in lines)
                x.expect(ran or limit < 8, "the program to run", r)
                x.saw("RLIMIT_NOFILE=%d, %s, %s" % (limit, " ".join(closed), name),
                      ran and bool(closed) and limit < 3, "%s\n%s" % (lines[-20:], r), stock=False)
                if x.hardened and closed and limit < 3:
                    x.expect(r.rc == 127, "exit 127 when they cannot be filled", r)
    not_null(x, prog)


def not_null(x, prog):
    """Something else stands at /dev/null."""
    dev = x.mkdir("dev")
    x.write("dev/null", b"", 0o666)
    r, lines = x.calls(prog, "call=who", ops=["bind=%s:/dev" % dev, AS_NOBODY, *CLOSED[2:]])
    ran = any('write(1, "who: good' in w or "who: good" in w for w in lines)
    x.expect(not x.hardened or r.rc == 127, "exit 127", r)
    x.saw("an ordinary file at /dev/null", ran, r, stock=True)


FRAME = re.compile(r"\bsub +\$0x([0-9a-f]+),%rsp")
DYNAMIC = re.compile(r"\bsub +%r\w+,%rsp|\bmov +%r(?!bp)\w+,%rsp")
# what stock's dynlink.c consists of, as far as it is exported or can be found by name
STOCK_LOADER = ("dlopen", "__dls3", "__dls2b", "__dls2")


def frames(path, only=None):
    """{function: (largest step of the stack pointer, has it one of unknown size)}."""
    r = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], check=True,
                       capture_output=True, text=True)
    found, name = {}, None
    for line in r.stdout.splitlines():
        m = re.match(r"[0-9a-f]+ <(.*)>:$", line)
        if m:
            name = m.group(1)
        if name is None or (only and name not in only):
            continue
        step, dynamic = found.get(name, (0, False))
        m = FRAME.search(line)
        found[name] = (max(step, int(m.group(1), 16) if m else 0),
                       dynamic or bool(DYNAMIC.search(line)))
    return found


@row("D05")
def stack_clash(x):
    """No frame of the loader can step over a guard page, however long its input is."""
    if wardtest.have("objdump") is None:
        raise wardtest.Skip("objdump is not installed")
    if x.hardened:
        objects = [os.path.join(d, f) for d, _, names in os.walk(x.stage.build.path + "/obj")
                   for f in names if f.endswith(".o")]
        x.expect(len(objects) > 40, "the loader's objects", objects)
        found = {f: v for o in objects for f, v in frames(o).items()}
        x.expect("prepare" in found and "dlopen" in found, "its functions", sorted(found))
    else:
        found = frames(x.target.loader, STOCK_LOADER)
        x.expect("dlopen" in found, "stock musl's functions", sorted(found))
    large = {f: v for f, v in found.items() if v[0] > PAGE}
    dynamic = {f: v for f, v in found.items() if v[1] and f != "ld_start"}  # which leaves for good
    x.saw("a step larger than a page", bool(large), large, stock=False)
    x.saw("frames of unknown size", bool(dynamic), dynamic, stock=not x.hardened)
    small_stack(x)


def small_stack(x):
    """Long input and a short stack: works, or the kernel says no to the exec."""
    env = ["bigenv=LD_LIBRARY_PATH:127"] * 20 + ["bigenv=LD_PRELOAD:127"] * 4
    for size in (32, 64, 128, 256, 1024, 8192):
        for how, cmd in (("", [x.host()]), (", direct run", [x.target.loader, x.host()])):
            for name, ops in (("long environment", env), ("none", ["env=A=1"])):
                r = x.run(*cmd, "call=who", ops=["limit=stack:%d" % (size << 10), *ops])
                # the kernel itself ends an exec whose arguments do not fit (SIGKILL), or refuses
                kernel = r.rc in (126, -9) and not r.out
                x.saw("stack of %d KiB, %s%s" % (size, name, how),
                      not kernel and "ctor good" not in r.out, r, stock=False)


def mappings(text):
    """[(start, end, permissions, name)] of /proc/self/maps."""
    found = []
    for line in text.splitlines():
        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$", line)
        if m:
            found.append((int(m.group(1), 16), int(m.group(2), 16), m.group(3), m.group(4)))
    return found


def neighbours(maps, low, high):
    """What lies directly below and above an image: their permissions, or None."""
    below = [p for a, b, p, _ in maps if b == low]
    above = [p for a, b, p, _ in maps if a == high]
    return (below or [None])[0], (above or [None])[0]


def image(maps, name):
    """Where the mappings of a file begin, and where the writable memory behind them ends."""
    own = [m for m in maps if m[3].endswith(name)]
    if not own:
        raise AssertionError("expected %s in the map\n%s" % (name, maps))
    low, high = min(m[0] for m in own), max(m[1] for m in own)
    for a, b, perm, label in maps:       # its RELRO and .bss are anonymous memory
        if a == high and not label and perm.startswith("r"):
            high = b
    return low, high


@row("D06")
def images_side_by_side(x):
    """A PROT_NONE page on both sides of every image that the loader maps."""
    first, second = (x.stage.lib("lib%s.so" % n, tag=n) for n in ("first", "second"))
    prog = x.prog("pair", "host.c", "-Wl,--no-as-needed", first, second, "-Wl,-rpath,%s/lib" % ROOT)
    more = [x.stage.lib("more%d.so" % i, tag="more") for i in range(3)]
    r = x.run(prog, "map=%d" % PAGE, "open=" + more[0], "map=%d" % (8 * PAGE), "open=" + more[1],
              "open=" + more[2], "maps")
    x.expect(r.rc == 0 and r.out.count(".so: ok") == 3, "the libraries to be loaded", r)
    maps = mappings(r.out)
    bad = []
    for lib in (first, second, *more):
        low, high = image(maps, lib)
        for side, perm in zip(("below", "above"), neighbours(maps, low, high)):
            if perm is None or perm[:3] != "---":
                # sealed constants of the loader do as well as a guard: nobody can write there
                if not (perm and perm[1:3] == "--" and side == "above" and x.hardened):
                    bad.append("%s %s: %s" % (os.path.basename(lib), side, perm))
    x.saw("libraries", bool(bad), "%s\n%s" % (bad, r.out), stock=True)
    kernels = []
    for name in (os.path.basename(prog), "ld.so"):
        low, high = image(maps, "/" + name)
        below, above = neighbours(maps, low, high)
        if "---p" not in (below, above):
            kernels.append("%s: %s %s" % (name, below, above))
    x.saw("what the kernel maps: the program and ward itself", bool(kernels), kernels, stock=True,
          limit=True)


@row("D12")
def heap_behind_the_program(x):
    """Without random addresses the break begins behind the program: no guard may be there."""
    still = ["persona=%#x" % NO_RANDOM]
    x.good()
    pie = x.host()
    fixed = x.prog("fixed", "host.c", "-no-pie", "-Wl,--no-as-needed", x.good(),
                   "-Wl,-rpath,%s/lib/good" % ROOT)
    for name, cmd, ops in (("PIE", [pie], still), ("fixed addresses", [fixed], still),
                           ("PIE, random", [pie], ["env=A=1"]),
                           ("PIE, direct run", [x.target.loader, pie], still),
                           ("fixed addresses, direct run", [x.target.loader, fixed], still)):
        r = x.run(*cmd, "break", "break", "break", "maps", ops=ops)
        x.expect(r.rc == 0 and "host done" in r.out, "the program to run", r)
        x.saw(name, r.out.count("break: grown") != 3, r, stock=False)
        if ops is still and len(cmd) == 1:
            _, high = image(mappings(r.out), "/" + os.path.basename(cmd[0]))
            heap = [m for m in mappings(r.out) if m[3] == "[heap]"]
            x.expect(heap and heap[0][0] - high < 16 * PAGE, "the heap near the program", r)
