"""A: what the caller hands over: environment, arguments, auxiliary vector."""

import os
import struct

from rows import row
from stage import NOBODY, ROOT
import wardtest

AS_NOBODY = "uid=%d" % NOBODY
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
