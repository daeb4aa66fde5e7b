"""A: what the caller hands over: environment, arguments, auxiliary vector."""

import os
import re
import resource
import struct

from rows import row
import stage
from stage import NOBODY, ROOT
import wardtest

AS_NOBODY = "uid=%d" % NOBODY
REPO = os.path.dirname(os.path.dirname(stage.HERE))
EVIL_DIR = ROOT + "/lib/evil"
EVIL_LIB = EVIL_DIR + "/libwho.so"

# What other loaders and C libraries call theirs (row A22).
FOREIGN_NAMES = """
LD_AOUT_LIBRARY_PATH LD_AOUT_PRELOAD LD_ASSUME_KERNEL LD_AUDIT LD_BIND_NOT LD_CONFIG LD_CONFIG_32
LD_CONFIG_64 LD_DEBUG LD_DEBUG_OUTPUT LD_DUMP LD_DYNAMIC_WEAK LD_ELF_HINTS_PATH LD_FLAGS
LD_HINTS_PATH LD_HWCAP_MASK LD_LIBMAP LD_LIBMAP_DISABLE LD_LIBRARY_PATH_32 LD_LIBRARY_PATH_64
LD_LIBRARY_PATH_FDS LD_LIBRARY_PATH_RPATH LD_LOADFLTR LD_NOAUDIT LD_NOAUXFLTR LD_NODIRECT
LD_ORIGIN_PATH LD_PRELOAD_32 LD_PRELOAD_64 LD_PRELOAD_FDS LD_PREFER_MAP_32BIT_EXEC LD_PROFILE
LD_PROFILE_OUTPUT LD_ROOT LD_RUN_PATH LD_SHOW_AUXV LD_STATIC_TLS_EXTRA LD_TRACE_LOADED_OBJECTS
LD_TRACE_PRELINKING LD_UNLOAD LD_USE_LOAD_BIAS LD_UTRACE LD_VERBOSE LD_WARN LD_WARDROBE
DYLD_FALLBACK_LIBRARY_PATH DYLD_FRAMEWORK_PATH DYLD_INSERT_LIBRARIES DYLD_LIBRARY_PATH
DYLD_PRINT_TO_FILE DYLD_ROOT_PATH DYLD_SHARED_CACHE_DIR GCONV_PATH GLIBC_TUNABLES LDR_PRELOAD
LDR_LIBRARY_PATH LIBPATH SHLIB_PATH LOCPATH MALLOC_CONF MALLOC_TRACE _RLD_LIST _RLD_ROOT
""".split()


def loader_env(x):
    """The two variables that bring evil in."""
    x.evil()
    return {"LD_PRELOAD": EVIL_LIB, "LD_LIBRARY_PATH": EVIL_DIR}


def control(x, env):
    """The same program without privilege must honour the variables, else the row shows nothing."""
    for name, value in env.items():
        r = x.run(x.host(), "call=who", env={name: value})
        x.expect("ctor evil" in r.out and "who: evil" in r.out,
                 "%s to be honoured without privilege" % name, r)


@row("A01")
def preload_into_setuid(x):
    """LD_PRELOAD and LD_LIBRARY_PATH into a setuid program."""
    env = loader_env(x)
    control(x, env)
    prog = x.setuid(x.host(), "suid")
    for name, value in env.items():
        r = x.run(prog, "secure", "call=who", ops=[AS_NOBODY], env={name: value})
        x.expect("secure 1" in r.out and "who: good" in r.out, "the program to run secure", r)
        x.saw(name, "evil" in r.out, r, stock=False)


@row("A02")
def no_memory_for_the_path(x):
    """A path too large for RLIMIT_DATA must not keep the variable alive for children."""
    env = loader_env(x)
    control(x, env)
    prog = x.setuid(x.host(), "suid")
    path = EVIL_DIR + ":" + "/" + "x" * 120000
    for limit in (0, 262144):
        r = x.run(prog, "call=who", "passon=" + x.host(),
                  ops=[AS_NOBODY, "limit=data:%d" % limit], env={"LD_LIBRARY_PATH": path})
        x.expect(r.rc in (0, 127), "a clean end", r)
        x.saw("RLIMIT_DATA %d" % limit, "evil" in r.out, r, stock=True)


@row("A03")
def kept_for_children(x):
    """Variables that survive a setuid program into what it executes as root."""
    env = loader_env(x)
    prog = x.setuid(x.host(), "suid")
    for name, value in env.items():
        r = x.run(prog, "call=who", "passon=" + x.host(), ops=[AS_NOBODY], env={name: value})
        x.expect(r.rc == 0 and "who: good" in r.out, "the setuid program itself to be safe", r)
        x.saw(name, "evil" in r.out, r, stock=True)
    r = x.run(prog, "env", ops=[AS_NOBODY, "env=LD_PRELOAD=/1", "env=A=1", "env=LD_PRELOAD=/2",
                                "env=LD_WARD=check=off", "env=LD_PRELOAD=/3", "env=LDX=2"])
    x.saw("all copies", "env LD_" in r.out, r, stock=True)
    x.expect("env A=1\n" in r.out and "env LDX=2\n" in r.out, "other variables to stay", r)


@row("A05")
def entry_without_equals(x):
    """Entries without '=' must not stop the scan for the entries that matter."""
    env = loader_env(x)
    prog = x.setuid(x.host(), "suid")
    odd = ["env=", "env==", "env=LD_PRELOAD", "env=LD_", "env=LD_LIBRARY_PATH"]
    real = ["env=%s=%s" % kv for kv in env.items()]
    for name, ops in (("before", odd + real), ("after", real + odd), ("around", odd + real + odd)):
        r = x.run(prog, "call=who", ops=[AS_NOBODY, *ops])
        x.expect(r.rc == 0 and "who: good" in r.out, "the program to run", r)
        x.saw("odd entries %s" % name, "evil" in r.out, r, stock=False)
        r = x.run(prog, "env", ops=[AS_NOBODY, *ops])
        x.saw("scrubbed with odd entries %s" % name, "env LD_PRELOAD=" in r.out
              or "env LD_LIBRARY_PATH=" in r.out, r, stock=True)
    r = x.run(x.host(), "call=who", ops=odd + real)
    x.expect("who: evil" in r.out, "odd entries not to hide the real ones without privilege", r)


@row("A12")
def megabytes(x):
    """Megabytes of path must not be copied to the stack of a secure program."""
    x.evil()
    prog = x.setuid(x.host(), "suid")
    big = ["bigenv=LD_LIBRARY_PATH:127"] * 8 + ["bigenv=LD_PRELOAD:127"] * 7
    big += ["env=LD_LIBRARY_PATH=" + EVIL_DIR, "env=LD_PRELOAD=" + EVIL_LIB]
    r = x.run(prog, "secure", "call=who", ops=[AS_NOBODY, *big])
    ran = r.rc == 0 and "secure 1" in r.out and "who: good" in r.out
    x.saw("setuid", not ran or "evil" in r.out, r, stock=False)
    r = x.run(x.host(), "call=who", ops=big[:8], timeout=20)
    x.expect(r.rc == 0 and "who: good" in r.out, "the same length to do no harm unprivileged", r)


def traced(x, env):
    """Run the program under strace with these variables, which strace itself does not see."""
    return x.trace(x.host(), "call=who", ops=["env=%s=%s" % kv for kv in env.items()])


@row("A22")
def foreign_variables(x):
    """Variables of other loaders have no effect: no file they name is opened, nothing changes."""
    x.evil()
    bait = x.mkdir("bait")
    x.copy(EVIL_LIB, "bait/libwho.so")
    x.write("bait/config", b"libwho.so %s\n" % EVIL_LIB.encode(), 0o644)
    plain = x.run(x.host(), "call=who")
    x.expect(plain.rc == 0 and "who: good" in plain.out, "the program to run", plain)
    for what in ("", "/libwho.so", "/config"):
        r, trace = traced(x, {n: bait + what for n in FOREIGN_NAMES})
        touched = [o.path for o in trace.objects if o.path.startswith(bait)]
        x.expect(any(o.path.endswith("good/libwho.so") for o in trace.objects),
                 "strace to see the library opened", r)
        x.saw("all set to bait%s" % what, bool(touched) or r.out != plain.out
              or r.err != plain.err, "%s\nopened: %s" % (r, touched), stock=False)
    r, trace = traced(x, {"LD_LIBRARY_PATH": bait})
    x.expect("who: evil" in r.out, "the bait to work with the variable that counts", r)


@row("A25")
def auxv_incomplete(x):
    """A start without one of the five entries that say who runs must count as secure."""
    env = loader_env(x)
    kinds = {"AT_UID": 11, "AT_EUID": 12, "AT_GID": 13, "AT_EGID": 14, "AT_SECURE": 23}
    r = x.run(x.host(), "call=who", ops=["drop=99"], env=env)
    x.expect("who: evil" in r.out, "the variables to be honoured with a whole vector", r)
    for name, number in kinds.items():
        r = x.run(x.host(), "call=who", ops=["drop=%d" % number], env=env)
        x.expect(r.rc in (0, 127), "a clean end", r)
        x.saw("without %s" % name, "evil" in r.out, r, stock=name == "AT_SECURE")
    r = x.run(x.host(), "call=who", ops=["drop=%d" % n for n in kinds.values()], env=env)
    x.saw("without all five", "evil" in r.out, r, stock=False)


@row("A26")
def secure_without_uid_change(x):
    """File capabilities: AT_SECURE is set although no id differs."""
    env = loader_env(x)
    prog = x.setuid(x.host(), "cap", 0o755)
    net_bind = 1 << 10
    try:
        os.setxattr(prog, "security.capability", struct.pack(
            "<5I", 0x02000001, net_bind, 0, 0, 0))
    except OSError as e:
        raise wardtest.Skip("no file capabilities here: %s" % e) from e
    for name, value in env.items():
        r = x.run(prog, "secure", "call=who", ops=[AS_NOBODY], env={name: value})
        x.expect("secure 1" in r.out and "who: good" in r.out, "the program to run secure", r)
        x.saw("file capability, " + name, "evil" in r.out, r, stock=False)
    prog = x.setuid(x.host(), "sgid", 0o2755)
    r = x.run(prog, "secure", "call=who", ops=[AS_NOBODY], env=env)
    x.expect("secure 1" in r.out, "the program to run secure", r)
    x.saw("setgid", "evil" in r.out, r, stock=False)


@row("A27")
def no_arguments(x):
    """argc 0: not even argv[0]; the environment follows at once."""
    env = {"FIRST": "1", "LD_PRELOAD": EVIL_LIB}
    x.evil()
    r = x.run(x.host(), "x", ops=["argc0"], env=env)
    x.expect(r.rc == 127 or (r.rc == 0 and "host argc 0" in r.out), "a clean end", r)
    x.saw("as interpreter", r.rc not in (0, 127), r, stock=False)
    r = x.direct("x", ops=["argc0"], env=env)
    x.saw("direct run", r.rc is None or r.rc < 0 or "host" in r.out, r, stock=True)
    if x.hardened:
        x.expect(r.rc in (1, 127) and r.err != "", "usage or exit 127", r)


def names_in(x, prog, names, **more):
    """Which of these variables the program sees when all of them are set."""
    r = x.run(prog, "env", env=dict.fromkeys(names, "1"), **more)
    seen = [n for n in names if "env %s=" % n in r.out]
    x.expect(r.rc == 0 and "host done" in r.out, "the program to run", r)
    return r, seen


@row("A04")
def duplicate_variables(x):
    """Every copy of a variable must go, not the first one only."""
    env = loader_env(x)
    prog = x.setuid(x.host(), "suid")
    for name, value in env.items():
        word = "env=%s=%s" % (name, value)
        r = x.run(x.host(), "call=who", ops=[word] * 2)
        x.expect("who: evil" in r.out, "two copies to work without privilege", r)
        for kind, ops in (("side by side", [word] * 3), ("apart", [word, "env=A=1", word]),
                          ("harmless first", ["env=%s=" % name, word])):
            r = x.run(prog, "call=who", ops=[AS_NOBODY, *ops])
            x.expect(r.rc == 0 and "secure" not in r.err, "the setuid program to run", r)
            x.saw("%s, %s" % (name, kind), "who: good" not in r.out, r, stock=False)
            r = x.run(prog, "call=who", "passon=" + x.host(), ops=[AS_NOBODY, *ops])
            x.saw("%s, %s, for a child" % (name, kind), "evil" in r.out, r,
                  stock=kind != "harmless first")


@row("A06")
def tunables_overflow(x):
    """A tunable string that a parser would rewrite in place into too small a copy."""
    evil = "glibc.malloc.mxfast=" * 2 + "A" * 4000
    prog = x.setuid(x.host(), "suid")
    for n in (1, 200):
        ops = ["env=GLIBC_TUNABLES=" + evil] * n + ["env=B=" + "x" * 4000] * 4
        for name, program, uid in (("setuid", prog, [AS_NOBODY]), ("plain", x.host(), [])):
            r = x.run(program, "call=who", ops=uid + ops)
            x.saw("%s, %d copies" % (name, n), r.rc != 0 or "who: good" not in r.out, r,
                  stock=False)
        r = x.run(prog, "env", ops=[AS_NOBODY, *ops])
        x.saw("left for a child, %d copies" % n, "env GLIBC_TUNABLES" in r.out, r, stock=True)


@row("A07")
def tunables_for_privileged_code(x):
    """What tunes a C library must not reach the children of a setuid program either."""
    names = """GLIBC_TUNABLES MALLOC_CONF MALLOC_CHECK_ MALLOC_ARENA_MAX MALLOC_TOP_PAD_
        MALLOC_TRACE MALLOC_PERTURB_ MALLOC_MMAP_THRESHOLD_ JE_MALLOC_CONF SCUDO_OPTIONS MIMALLOC_SHOW_STATS
        LIBC_DEBUG_MALLOC_OPTIONS LIBC_HOOKS_ENABLE GCONV_PATH GETCONF_DIR HOSTALIASES LOCALDOMAIN
        LOCPATH MUSL_LOCPATH NIS_PATH NLSPATH RESOLV_HOST_CONF RES_OPTIONS TMPDIR TZDIR
        LD_BIND_NOW LD_WARD LD_AUDIT LD_ DYLD_INSERT_LIBRARIES""".split()
    harmless = ["PATH", "TZ", "LANG", "TMPDIRS", "LDX", "XLD_PRELOAD", "MALLOCX", "GCONV_PATHS"]
    r, seen = names_in(x, x.host(), names + harmless)
    x.expect(seen == names + harmless, "all variables in an ordinary program", r)
    r, seen = names_in(x, x.setuid(x.host(), "suid"), names + harmless, ops=[AS_NOBODY])
    x.saw("variables left", bool(set(seen) & set(names)), r, stock=True)
    x.expect(set(harmless) <= set(seen), "other variables to stay", r)


@row("A08")
def origin_in_the_environment(x):
    """$ORIGIN in a variable, with a hard link to a setuid file in the attacker's directory."""
    x.evil()
    prog = x.setuid(x.host(), "suid")
    mine = os.path.join(os.path.dirname(prog), "mine")
    os.makedirs(mine, exist_ok=True)
    os.chmod(mine, 0o777)
    with open(EVIL_LIB, "rb") as h:
        stage.write_file(mine + "/libwho.so", h.read(), 0o755)
    link = mine + "/suid"
    if not os.path.exists(link):
        os.link(prog, link)
    r = x.run(x.host(), "call=who", env={"LD_PRELOAD": mine + "/libwho.so"})
    x.expect("ctor evil" in r.out, "the library to work where it is named", r)
    for var in ("LD_AUDIT", "LD_PRELOAD", "LD_LIBRARY_PATH"):
        for value in ("$ORIGIN", "${ORIGIN}", "$ORIGIN/libwho.so", "$ORIGIN/../mine/libwho.so"):
            for name, program, uid in (("linked setuid", link, [AS_NOBODY]), ("plain", None, [])):
                if program is None:
                    program = x.copy(x.host(), "host")
                    x.copy(EVIL_LIB, "libwho.so")
                r = x.run(program, "call=who", ops=uid, env={var: value})
                x.saw("%s=%s, %s" % (var, value, name), "evil" in r.out or r.rc != 0, r,
                      stock=False)


def trusted_dir(x):
    """A library that stands in a system directory and writes where a variable says; launch ops."""
    lib = x.stage.lib("trusted/libpcprof.so", src="pcprof.c")
    os.chmod(lib, 0o755)
    return ["bind=%s/lib/trusted:/usr/local/lib" % ROOT]


@row("A09")
def library_of_a_trusted_directory(x):
    """A library from the system's own directory, whose constructor is not made for privilege."""
    ops = trusted_dir(x)
    prog = x.setuid(x.host(), "suid")
    out = os.path.join(os.path.dirname(prog), "written")
    r = x.run(x.host(), ops=ops, env={"LD_PRELOAD": "libpcprof.so", "PCPROFILE_OUTPUT": out})
    x.expect(os.path.exists(out), "it to be loaded without privilege", r)
    for var in ("LD_AUDIT", "LD_PRELOAD"):
        for value in ("libpcprof.so", "/usr/local/lib/libpcprof.so"):
            if os.path.exists(out):
                os.unlink(out)
            r = x.run(prog, "secure", ops=ops + [AS_NOBODY],
                      env={var: value, "PCPROFILE_OUTPUT": out})
            x.expect("secure 1" in r.out, "the program to run secure", r)
            x.saw("%s=%s" % (var, value), os.path.exists(out), r, stock=False)


@row("A11")
def name_without_slash(x):
    """A slashless LD_PRELOAD, found by the system's search, in a setuid program."""
    ops = trusted_dir(x)
    prog = x.setuid(x.host(), "suid")
    r = x.run(x.host(), "objects", ops=ops, env={"LD_PRELOAD": "libpcprof.so"})
    x.expect("object /usr/local/lib/libpcprof.so" in r.out, "the search to find it", r)
    for value in ("libpcprof.so", "libnothere.so:libpcprof.so", "libpcprof.so libpcprof.so"):
        r = x.run(prog, "objects", ops=ops + [AS_NOBODY], env={"LD_PRELOAD": value})
        x.expect(r.rc == 0 and "libwho.so" in r.out, "the program to run", r)
        x.saw("LD_PRELOAD=" + value, "pcprof" in r.out, r, stock=False)


@row("A13")
def hwcap_subdirectories(x):
    """LD_HWCAP_MASK times the number of directories: nothing is counted, no subdirectory tried."""
    x.evil()
    path = ":".join("/nonexistent/%d" % i for i in range(3000)) + ":" + EVIL_DIR
    for mask in ("0xffffffffffffffff", "4294967295", "-1", "99999999999999999999"):
        r, trace = traced(x, {"LD_HWCAP_MASK": mask, "LD_LIBRARY_PATH": path})
        tried = [o.path for o in trace.objects if o.path.endswith("/libwho.so")]
        x.expect("who: evil" in r.out and len(tried) > 0, "the path to be searched to its end", r)
        x.saw("mask " + mask, any(p != EVIL_LIB and not re.fullmatch(
            r"/nonexistent/\d+/libwho\.so", p) for p in tried), tried, stock=False)


@row("A15")
def processor_choice(x):
    """No variable says what the processor can do."""
    prog = x.setuid(x.host(), "suid")
    env = {"LD_HWCAP_MASK": "0", "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-SSE4_2",
           "LD_PLATFORM": "i386", "OPENSSL_ia32cap": "0"}
    plain = x.run(x.host(), "hwcap")
    x.expect(re.search(r"^hwcap 0x[0-9a-f]*[1-9a-f]", plain.out, re.M), "what there is", plain)
    for name, program, uid in (("setuid", prog, [AS_NOBODY]), ("plain", x.host(), [])):
        r = x.run(program, "hwcap", ops=uid, env=env)
        x.saw(name, r.out != plain.out, r, stock=False)


@row("A16")
def mapping_hints(x):
    """No variable moves what is mapped to where 32 bits reach, or to where it was before."""
    prog = x.setuid(x.host(), "suid")
    env = {"LD_PREFER_MAP_32BIT_EXEC": "1", "LD_USE_LOAD_BIAS": "0", "LD_TRACE_PRELINKING": "1",
           "GLIBC_TUNABLES": "glibc.cpu.prefer_map_32bit_exec=1"}
    for name, program, uid in (("setuid", prog, [AS_NOBODY]), ("plain", x.host(), [])):
        places = set()
        for _ in range(3):
            r = x.run(program, "maps", ops=uid, env=env)
            at = re.search(r"^([0-9a-f]+)-\S+ r-xp .*libwho\.so$", r.out, re.M)
            x.expect(at, "the library in the map", r)
            places.add(int(at.group(1), 16) if at else 0)
        x.saw(name, min(places) < 1 << 32 or len(places) < 3, sorted(map(hex, places)),
              stock=False)


@row("A17")
def guard_value(x):
    """The stack guard is random, in dynamic and in static programs, whatever variables say."""
    env = {"LD_POINTER_GUARD": "0", "GLIBC_TUNABLES": "glibc.rtld.pointer_guard=0"}
    static = x.stage.static("dlstatic", "dlstatic.c", ["-fstack-protector-all"])
    kinds = (("dynamic", x.host(), ["canary"], []), ("static", static, [], []),
             ("setuid dynamic", x.setuid(x.host(), "suid"), ["canary"], [AS_NOBODY]),
             ("setuid static", x.setuid(static, "suids"), [], [AS_NOBODY]))
    for name, program, words, uid in kinds:
        seen = set()
        for _ in range(3):
            r = x.run(program, *words, ops=uid, env=env)
            got = re.search(r"^canary (\S+)$", r.out, re.M)
            x.expect(got, "a guard value", r)
            seen.add(int(got.group(1), 0) if got else 0)
        x.saw(name, 0 in seen or len(seen) < 3, sorted(map(hex, seen)), stock=False)


@row("A18")
def long_values(x):
    """128 KiB in each variable and each option: no buffer takes them unmeasured."""
    word = "/" + "x" * 131000
    ok = x.run(x.host(), "call=who", env={"A": word})
    x.expect("who: good" in ok.out, "such an environment to be possible", ok)
    names = ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_WARD", "LD_AUDIT", "LD_DEBUG", "LD_ORIGIN_PATH",
             "DYLD_SHARED_CACHE_DIR", "LANG", "MUSL_LOCPATH"]
    for name in names:
        for kind, value in (("path", word), ("name", word[1:]), ("list", ":".join(["x"] * 60000))):
            r = x.run(x.host(), "call=who", env={name: value})
            x.saw("%s, %s" % (name, kind), r.rc not in (0, 127) or len(r.err) > 2000, r,
                  stock=False)
    for option in ("--preload", "--library-path", "--argv0"):
        r = x.direct(option, word, x.host(), "call=who")
        x.saw(option, r.rc not in (0, 127) or len(r.err) > 2000, r, stock=False)


WRITES = re.compile(r"^open(at|at2)?\(.*(O_WRONLY|O_RDWR|O_CREAT)|^(mkdir|symlink|link|rename|"
                    r"truncate|unlink)", re.M)


@row("A20")
def descriptors(x):
    """The loader makes no file; its descriptors are close-on-exec, and closed for constructors."""
    bait = x.mkdir("bait")
    fds = x.stage.lib("fds.so", src="fds.c")
    env = {n: bait + "/out" for n in ("DYLD_PRINT_TO_FILE", "LD_DEBUG_OUTPUT", "LD_PROFILE_OUTPUT",
                                      "MALLOC_TRACE")}
    env["LD_PRELOAD"] = fds
    ops = ["env=%s=%s" % kv for kv in env.items()]
    for how, cmd in (("as interpreter", [x.host()]), ("direct run", [x.target.loader, x.host()])):
        r, lines = x.calls(*cmd, "open=" + fds, ops=ops)
        opens = [w for w in lines if w.startswith("open") and "= -1" not in w
                 and "/proc/self/fd" not in w]
        x.expect(any("libwho.so" in w for w in opens) and "ctor fd 0" in r.out,
                 "to see opens and the constructor", r)
        x.saw(how + ", a file is made", bool(WRITES.search("\n".join(lines)))
              or bool(os.listdir(bait)), lines, stock=False)
        x.saw(how + ", kept over exec", any("O_CLOEXEC" not in w for w in opens), opens,
              stock=how == "direct run")
        x.saw(how + ", open for constructors", bool(re.search(r"^ctor fd \d+ .*\.so", r.out,
                                                              re.M)), r, stock=False)


@row("A21")
def output_variables(x):
    """Nothing is written or traced where a variable says, not even for its own user."""
    bait = x.mkdir("bait")
    target = x.write("bait/libwho.so.profile", b"precious", 0o666)
    env = {"LD_DEBUG": "all", "LD_DEBUG_OUTPUT": bait + "/out", "LD_PROFILE": "libwho.so",
           "LD_PROFILE_OUTPUT": bait, "LD_SHOW_AUXV": "1", "LD_TRACE_LOADED_OBJECTS": "1",
           "LD_VERBOSE": "1", "LD_WARN": "1", "MALLOC_TRACE": bait + "/mtrace"}
    os.chmod(bait, 0o777)
    prog = x.setuid(x.host(), "suid")
    plain = x.run(x.host(), "call=who")
    for name, program, uid in (("setuid", prog, [AS_NOBODY]), ("plain", x.host(), [])):
        r = x.run(program, "call=who", ops=uid, env=env)
        with open(target, "rb") as h:
            kept = h.read() == b"precious"
        x.expect("who: good" in plain.out, "the program to run", plain)
        x.saw(name, r.out != plain.out or r.err != plain.err or not kept
              or os.listdir(bait) != ["libwho.so.profile"], r, stock=False)


def catalogue(pairs):
    """A message catalogue (.mo) in GNU's format."""
    pairs = sorted(pairs.items())
    count = len(pairs)
    at = 28 + 16 * count
    tables, strings = [b"", b""], b""
    for side in (0, 1):
        for pair in pairs:
            word = pair[side].encode()
            tables[side] += struct.pack("<2I", len(word), at + len(strings))
            strings += word + b"\0"
    head = struct.pack("<7I", 0x950412de, 0, count, 28, 28 + 8 * count, 0, 0)
    return head + tables[0] + tables[1] + strings


@row("A23")
def foreign_catalogue(x):
    """The loader's text is constant English: no catalogue, no format, comes from a variable."""
    evil = "EVIL %n%n%s"
    words = dict.fromkeys(("No such file or directory", "Error loading shared library %s: %m",
                           "Error loading shared library %s: %m (needed by %s)",
                           "Symbol not found: %s"), evil)
    x.write("catalogues/xx", catalogue(words), 0o644)
    env = {"MUSL_LOCPATH": x.dir + "/catalogues", "LANG": "xx", "LC_ALL": "xx", "LANGUAGE": "xx",
           "NLSPATH": x.dir + "/catalogues/%L", "LOCPATH": x.dir + "/catalogues"}
    r = x.run(x.host(), "locale", "passon=/nonexistent", env=env)
    x.expect("EVIL %n" in r.out, "the catalogue to work for the C library's own text", r)
    r = x.run(x.host(), "locale", "open=/nonexistent/x.so", "lastcall=nobody", env=env)
    x.saw("dlerror", "EVIL" in r.out or r.rc != 0, r, stock=True)
    prog = x.prog("needy", "host.c", "-Wl,--no-as-needed", x.stage.lib("libgone.so", tag="gone"),
                  "-L" + ROOT + "/lib")
    for value in ("xx", "../../tmp/x", x.dir + "/catalogues/xx", "%s%n"):
        r, lines = x.calls(prog, ops=["env=%s=%s" % kv for kv in {**env, "LANG": value}.items()])
        x.expect(r.rc == 127 and "libgone.so" in r.err, "the message that it is missing", r)
        x.saw("at start, LANG=" + value, "EVIL" in r.err
              or any("catalogues" in w for w in lines), r, stock=False)


@row("A24")
def static_setuid_program(x):
    """A static setuid program that loads: LD_LIBRARY_PATH must not choose what."""
    static = x.stage.static("dlstatic", "dlstatic.c", ["-fstack-protector-all"])
    env = loader_env(x)
    control(x, env)
    prog = x.setuid(static, "suid")
    for name, program, uid in (("setuid", prog, [AS_NOBODY]), ("plain", static, [])):
        r = x.run(program, "libwho.so", EVIL_LIB, ops=uid, env=env)
        x.expect("secure %d" % bool(uid) in r.out, "the program to run", r)
        x.saw(name, "ctor evil" in r.out or ": ok" in r.out, r, stock=False)


@row("A28")
def six_megabytes(x):
    """Arguments and environment at the kernel's limit: nothing comes back behind the filter."""
    env = loader_env(x)
    real = ["env=%s=%s" % kv for kv in env.items()]
    big = ["bigenv=B%d:127" % i for i in range(44)]
    many = ["env=LD_PRELOAD%d=1" % i for i in range(400)]
    prog = x.setuid(x.host(), "suid")
    limit = ["limit=stack:%d" % (64 << 20)]
    for name, ops in (("last", big + real), ("first", real + big), ("among many", many + real)):
        r = x.run(x.host(), "call=who", ops=limit + ops)
        x.expect("who: evil" in r.out, "the variables to work without privilege", r)
        r = x.run(prog, "call=who", ops=limit + [AS_NOBODY] + ops)
        x.expect(r.rc == 0 and "who: good" in r.out, "the setuid program to run", r)
        x.saw(name, "evil" in r.out, r, stock=False)
        r = x.run(prog, "env", "auxv", ops=limit + [AS_NOBODY] + ops)
        x.saw(name + ", left", bool(re.search(r"^env LD_", r.out, re.M)), r, stock=True)
        x.expect("auxv page 4096 random 1" in r.out, "the vector to be found behind it", r)


@row("A29")
def long_name_in_an_error(x):
    """A program name of 100 KiB in an error message."""
    lib = x.stage.lib("libgone.so", tag="gone")
    prog = x.prog("needy", "host.c", "-Wl,--no-as-needed", lib)
    for name, ops, cmd in (
            ("argv[0]", ["argv0=100"], [prog]),
            ("argv[0] of a descriptor", ["argv0=100"], ["/proc/self/exe/../" + prog]),
            ("--argv0", [], [x.target.loader, "--argv0", "A" * 100000, prog]),
            ("program", [], [x.target.loader, "/" + "A" * 100000]),
            ("option", [], [x.target.loader, "--" + "A" * 100000])):
        r = x.run(*cmd, ops=ops)
        x.expect(r.rc in (1, 2, 126, 127), "a clean end", r)
        x.saw(name, r.rc is None or r.rc < 0, r, stock=False)
        x.expect(not x.hardened or len(r.err) < 1300, "a short message", r)


@row("A30")
def semantic_variables(x):
    """Variables that change what a program means have no effect, and do not reach children."""
    names = ["LD_BIND_NOW", "LD_BIND_NOT", "LD_DYNAMIC_WEAK", "MALLOC_CONF"]
    lib = x.stage.lib("lazy.so", src="ask.c", flags=["-Wl,-z,lazy"])
    prog = x.setuid(x.loner(), "suid")
    for name, program, uid in (("setuid", prog, [AS_NOBODY]), ("plain", x.loner(), [])):
        r = x.run(program, "lazy=" + lib, ops=uid, env=dict.fromkeys(names, "1"))
        x.saw("lazy binding, " + name, "lazy open %s: ok" % lib not in r.out, r, stock=False)
    r = x.run(x.loner(), "open=" + lib)
    x.expect("open %s: Error" % lib in r.out, "the library not to bind at once", r)
    r, seen = names_in(x, prog, names, ops=[AS_NOBODY])
    x.saw("left for children", bool(seen), r, stock=True)


@row("A31")
def preload_that_fails(x):
    """A preload that is there and cannot be had is fatal: it may be what confines the program."""
    lib = x.copy(EVIL_LIB if os.path.exists(EVIL_LIB) else x.evil(), "guard.so")
    secret = x.copy(lib, "secret/guard.so")
    os.chmod(os.path.dirname(secret), 0o700)
    os.chmod(x.dir, 0o755)
    locked = x.copy(lib, "locked.so", 0o000)
    r = x.run(x.host(), "call=who", env={"LD_PRELOAD": lib})
    x.expect("ctor evil" in r.out, "it to work when nothing is wrong", r)
    cases = [("unreadable", locked, [AS_NOBODY]), ("behind a closed directory", secret,
             [AS_NOBODY]), ("a directory", x.mkdir("dir.so"), []), ("a device", "/dev/null", []),
             ("empty", x.write("empty.so", b""), []),
             ("second of two", "%s:%s" % (lib, locked), [AS_NOBODY]),
             ("a loop of links", self_link(x), [])]
    mnt = x.mount("noexec", "mode=755,noexec")
    with open(lib, "rb") as h:
        stage.write_file(mnt + "/guard.so", h.read(), 0o755)
    cases.append(("noexec", mnt + "/guard.so", []))
    for name, value, ops in cases:
        r = x.run(x.host(), ops=ops or ["env=A=1"], env={"LD_PRELOAD": value})
        x.saw(name, "host done" in r.out, r, stock=True)
        x.expect(not x.hardened or (r.rc == 127 and r.err), "exit 127 and a message", r)
    for error in ("EMFILE", "ENFILE", "ENOMEM", "EIO"):
        r = preload_open_fails(x, lib, error)
        x.saw("its open fails with " + error, "host done" in r.out, r, stock=True)
        x.expect(not x.hardened or (r.rc == 127 and r.err), "exit 127 and a message", r)
    r = x.run(x.host(), "call=who", env={"LD_PRELOAD": "/nonexistent/x.so:nosuch.so"})
    x.expect("who: good" in r.out, "one that does not exist to be passed over, as in musl", r)


def preload_open_fails(x, lib, error):
    """The open of the preload fails, and no other: the limit is reached at that moment."""
    which, env = "open,openat", ["env=LD_PRELOAD=" + lib]
    _, lines = x.calls(x.loner(), ops=env, which=which)
    opens = [w for w in lines if w.startswith("open")]
    nth = 1 + next(i for i, w in enumerate(opens) if lib in w)
    r, lines = x.calls(x.loner(), ops=env, which=which,
                       inject=["%s:error=%s:when=%d" % (which, error, nth)])
    x.expect(any("INJECTED" in w and lib in w for w in lines), "the fault to hit", lines)
    return r


def self_link(x):
    """A symbolic link to itself."""
    name = x.dir + "/loop.so"
    if not os.path.islink(name):
        os.symlink("loop.so", name)
    return name


@row("A35")
def direct_run_while_secure(x):
    """The loader run by hand with raised privilege would obey options: it must not start."""
    x.evil()
    loader = x.setuid(x.target.loader, "ld.so")
    words = ["--preload=" + EVIL_LIB, x.host(), "ids", "call=who"]
    r = x.direct(*words)
    x.expect("ctor evil" in r.out, "the option to work without privilege", r)

    def saw(name, r):
        x.saw(name, "ctor evil" in r.out or "host" in r.out, r, stock=True)
        x.expect(not x.hardened or (r.rc == 127 and not r.out), "exit 127, nothing else", r)

    saw("setuid loader", x.run(loader, *words, ops=[AS_NOBODY]))
    saw("setuid loader, library path", x.run(loader, "--library-path", EVIL_DIR, x.host(),
                                             "call=who", ops=[AS_NOBODY]))
    script = x.write("script", b"#!%s --preload=%s\n%s\n" % (loader.encode(), EVIL_LIB.encode(),
                                                           x.host().encode()))
    r = x.run(script, ops=[AS_NOBODY])
    x.saw("script of a setuid loader", "raised privileges" not in r.err, r, stock=True)
    r = x.run(loader, "--help", ops=[AS_NOBODY])
    x.expect(not x.hardened or (r.rc == 127 and not r.out), "no option to be read", r)
    cap = x.setuid(x.target.loader, "ldcap.so", 0o755)
    try:
        os.setxattr(cap, "security.capability", struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0))
    except OSError as e:
        raise wardtest.Skip("no file capabilities here: %s" % e) from e
    saw("loader with a capability", x.run(cap, *words, ops=[AS_NOBODY]))
    binfmt(x, saw)


def binfmt(x, saw):
    """binfmt_misc runs the loader with the credentials of the file it is to interpret."""
    magic = b"WARDTEST"
    prog = x.setuid(x.host(), "magic")
    with open(x.host(), "rb") as h:
        stage.write_file(prog, magic + h.read(), 0o4755)
    named = os.path.join(os.path.dirname(prog), "--preload=" + os.path.basename(EVIL_LIB))
    with open(prog, "rb") as h:
        stage.write_file(named, h.read(), 0o4755)
    register = "binfmt=%s:%s" % (x.target.loader, magic.decode())
    ops = [register, "cd=" + os.path.dirname(prog), AS_NOBODY]
    r = x.run("./" + os.path.basename(prog), ops=ops)
    if r.rc == 124:
        print("attack   note: A35 without binfmt_misc: %s" % r.err.strip())
        return
    # the loader is asked to run a file that it knows nothing of: what matters is whether it tries
    x.expect(not x.hardened or (r.rc == 127 and "raised privileges" in r.err),
             "the file's credentials to count", r)
    r = x.run(os.path.basename(named), ops=ops)
    x.saw("binfmt_misc, the file's name is an option", "raised privileges" not in r.err
          and r.rc != 127, r, stock=True)


@row("A36")
def exec_time_transition(x):
    """A direct run gets none of what execve would give or take: shown, and denied by policy."""
    prog = x.setuid(x.host(), "suid")
    ids = "ids %d 0" % NOBODY
    r = x.run(prog, "ids", ops=[AS_NOBODY])
    x.expect(ids in r.out, "execve to honour the setuid bit", r)
    r = x.direct(prog, "ids", ops=[AS_NOBODY])
    x.expect(ids not in r.out, "a direct run never to gain privilege", r)
    x.saw("setuid program without its privilege", "host done" in r.out, r, stock=True, limit=True)
    hidden = x.setuid(x.host(), "hidden", 0o711)
    r = x.run(hidden, ops=[AS_NOBODY])
    x.expect("host done" in r.out, "execve of a file that cannot be read", r)
    r = x.direct(hidden, ops=[AS_NOBODY])
    x.saw("a file that can be executed but not read", "host" in r.out, r, stock=False)
    if x.hardened:
        r = x.direct("--policy", "direct=deny", prog, "ids", ops=[AS_NOBODY])
        x.saw("direct=deny", r.rc != 127 or "host" in r.out, r, stock=False)
        x.expect("denied by policy" in r.err, "the reason", r)


def ran(r):
    """Did the program do all of its work?"""
    return r.rc == 0 and "who: good" in r.out and "host done" in r.out


def clean(r):
    """It worked, or it ended with a message before anything ran."""
    return ran(r) or (r.rc == 127 and r.err.count("\n") == 1 and "host" not in r.out)


@row("A37")
def resource_limits(x):
    """What a parent can limit: the program runs, or ends with one clear message."""
    lib = x.stage.lib("libmore.so", tag="more")
    words = ["call=who", "open=" + lib]
    r = x.run(x.host(), *words, ops=["mdwe"])
    x.saw("PR_SET_MDWE", not ran(r) or ": ok" not in r.out, r, stock=False)
    r = x.direct(x.host(), *words, ops=["mdwe"])
    x.saw("PR_SET_MDWE, direct run", not ran(r) or ": ok" not in r.out, r, stock=False)
    least = {}
    sizes = [0, 4096] + [1 << k for k in range(13, 29)] + [3 << k for k in range(13, 24)]
    most = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    for what in ("as", "data", "memlock"):
        for size in sizes:
            if what == "memlock" and not 0 <= size <= most & (1 << 62) - 1:
                continue
            for how, cmd in (("", [x.host()]), (", direct run", [x.target.loader, x.host()])):
                r = x.run(*cmd, *words, ops=["limit=%s:%d" % (what, size)])
                ended = r.rc is not None and (r.rc >= 0 or killed_by_kernel(r))
                x.saw("RLIMIT_%s %d%s" % (what.upper(), size, how), not ended, r, stock=False)
                x.expect(not x.hardened or clean(r) or killed_by_kernel(r) or started(r),
                         "success or one message under RLIMIT_%s %d%s" % (what, size, how), r)
                if ran(r):
                    least[what] = min(size, least.get(what, size))
    # what a limit of a service manager is: ward must not need much more than stock musl does
    x.expect(least.get("as", 1 << 40) <= 16 << 20, "16 MiB of address space to be enough", least)
    x.expect(least.get("data", 1 << 40) <= 1 << 20, "1 MiB of data to be enough", least)
    locked(x, words)
    accounted(x)


def locked(x, words):
    """mlockall: what is mapped later is locked too, and counts against RLIMIT_MEMLOCK."""
    for word, uid, limit in (("lockall", [], False), ("lockfuture", [], False),
                             ("lockfuture", [AS_NOBODY], False), ("lockall", [AS_NOBODY], True)):
        r = x.run(x.host(), word, *words, ops=["limit=memlock:%d" % (4 << 20), *uid])
        x.expect("host done" in r.out, "the program to run", r)
        # address space kept for the registry counts for MCL_CURRENT, though no page of it exists
        x.saw("%s %s" % (word, " ".join(uid)), word + ": ok" not in r.out or ": ok\nhost done"
              not in r.out, r, stock=False, limit=limit)


def killed_by_kernel(r):
    """execve itself could not map the program: SIGKILL or SIGSEGV before its first instruction."""
    return r.rc in (-9, -11) and not r.out and not r.err


def started(r):
    """The loader was done, and the program met the limit by itself."""
    return "host argc" in r.out


def accounted(x):
    """Strict overcommit counts what is private and writable, not what is merely reserved."""
    r = x.run(x.host(), "cat=/proc/self/smaps")
    total, size = 0, 0
    for line in r.out.splitlines():
        if line.startswith("Size:"):
            size = int(line.split()[1])
        if line.startswith("VmFlags:") and " ac" in line:
            total += size
    x.expect(total > 0, "accounted memory in smaps", r)
    x.saw("vm.overcommit_memory=2", total > 1024, "%d KiB accounted" % total, stock=False)


KILLED = -31                     # SIGSYS
NUMBERS = {"execveat": 322, "mseal": 462}
# The policy that makes each unnecessary; ward.conf or the build can say so.
LAX = {"execveat": "check=off", "mseal": "seal=off vdso=keep"}


def documented():
    """The calls that doc/seccomp.md names for the authors of filters."""
    with open(os.path.join(REPO, "doc", "seccomp.md"), encoding="ascii") as h:
        return set(re.findall(r"`([a-z0-9_]+)`", h.read()))


def loader_calls(x, *cmd, ops=()):
    """What the loader calls from the end of execve to the program's first line of output."""
    r, lines = x.calls(*cmd, ops=ops)
    first = next((i for i, w in enumerate(lines) if "host argc" in w), 0)
    x.expect(first > 5, "the calls of a start", r)
    used = {m.group(1) for m in (re.match(r"(\w+)\(", w) for w in lines[:first]) if m}
    used = {"mseal" if c == "syscall_0x1ce" else c for c in used}
    return used - {"ioctl", "writev"}  # the program's own, made by its printf


@row("A38")
def killing_filter(x):
    """A filter that kills for a call it does not know: cannot be probed, only avoided."""
    runs = (("as interpreter", [x.host()]), ("direct run", [x.target.loader, x.host()]))
    if x.hardened:
        with open(os.path.join(REPO, "arch", x.stage.build.arch, "ld_sys.h"),
                  encoding="ascii") as h:
            can = {c.lower() for c in re.findall(r"\bLD_NR_([A-Z0-9_]+)", h.read())}
        x.expect(can <= documented(), "every call of ld_sys.h in doc/seccomp.md",
                 sorted(can - documented()))
    for how, cmd in runs:
        used = loader_calls(x, *cmd)
        x.expect(not x.hardened or used <= documented(), "no call that is not documented, " + how,
                 sorted(used - documented()))
        x.expect(set(NUMBERS) <= used or not x.hardened, "both to be used by default", used)
    for name, number in NUMBERS.items():
        conf = x.write("%s/ward.conf" % name, LAX[name].encode() + b"\n", 0o644)
        etc = "bind=%s:/etc" % os.path.dirname(conf)
        for how, cmd in runs:
            r = x.run(*cmd, "call=who", ops=["kill=%d" % number])
            x.saw("%s kills, %s" % (name, how), not ran(r), r, stock=False, limit=True)
            x.expect(not x.hardened or r.rc == KILLED, "SIGSYS", r)
            r = x.run(*cmd, "call=who", "open=" + x.evil(), ops=[etc, "kill=%d" % number])
            x.saw("%s kills, %s, %s" % (name, how, LAX[name]), not ran(r) or ": ok" not in r.out,
                  r, stock=False)
            x.expect(name not in loader_calls(x, *cmd, ops=[etc]), "no %s with %s" % (
                name, LAX[name]), how)
