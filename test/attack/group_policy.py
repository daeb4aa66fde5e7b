"""A32-A34, C18: the policy itself: who may say what, and what a caller can do about it.

The file and the sections get an /etc of their own. A library of mode 0644 shows which check holds:
with check=off it runs and nothing is said.
"""

import os
import re
import subprocess
import sys

from rows import row
from stage import NOBODY, RESTRICT, ROOT, real_root, write_file
import wardtest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AS_NOBODY = "uid=%d" % NOBODY
REPORT = {"LD_WARD": "report=denials"}


def etc(x, name, text, mode=0o644, uid=0):
    """An /etc with this ward.conf; the operation that puts it in place."""
    path = x.write("etc.%s/ward.conf" % name, text if isinstance(text, bytes) else text.encode(),
                   mode)
    if uid:
        os.chown(path, uid, uid)
    return "bind=%s:/etc" % os.path.dirname(path)


def probe(x, *flags):
    """A program with a library that must not be executed; a file of this test, with its own inode."""
    x.copy(x.evil(), "lib/libwho.so", 0o644)
    name = "policy.%s.%d" % (x.name.lower(), len(flags))
    return x.copy(x.prog(name, "host.c", "-Wl,--no-as-needed", x.good(), "-Wl,-rpath,%s/lib" % x.dir,
                         *(flags if x.hardened else ())), "prog%d" % len(flags))


def ran(r):
    """The library's code ran."""
    return "ctor evil" in r.out


def unseen(r):
    """It ran and nobody was told."""
    return ran(r) and "would refuse" not in r.err


@row("C18")
def switched_off(x):
    """No word of the caller's, in the environment, the arguments or a file, switches the check off."""
    prog = probe(x)
    home = x.mkdir("home")
    write_file(home + "/.ward.conf", b"check=off\n")
    write_file(home + "/ward.conf", b"check=off\n")
    names = ["LD_WARD", "WARD", "WARD_POLICY", "LD_CHECK", "LD_POLICY", "LD_WARD_CONF", "WARD_CONF"]
    words = ["check=off", "off", "none", "check=audit,missing=report,report=quiet"]
    base = {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_CONFIG_DIRS": home}
    on = [] if not x.hardened else [etc(x, "on", "enforce\n")]
    for state, ops in (("securebit", [RESTRICT]), ("system file", on)):
        for w in words:
            r = x.run(prog, ops=ops, env={**base, **{n: w for n in names}}, cwd=home)
            x.saw("%s, environment %s" % (state, w), ran(r), r, stock=True)
        for w in (words if x.hardened else ()):
            r = x.direct("--policy", w, prog, ops=ops, env=base, cwd=home)
            x.saw("%s, --policy %s" % (state, w), ran(r), r, stock=True)
    # Where nothing is enforced, what is seen by the operator stays seen.
    r = x.run(prog, ops=["bits=0x400"] + ([etc(x, "watch", "watch\n")] if x.hardened else []),
              env={"LD_WARD": "report=quiet check=off"})
    x.saw("reports switched off while restricted", unseen(r), r, stock=True)


def in_own_namespace(x, ops, *cmd):
    """As an ordinary user in a user and mount namespace of his own, as its root."""
    return x.run(wardtest.have("unshare"), "-Urm", x.stage.launch, *ops, "--", *cmd,
                 ops=[AS_NOBODY])


def securebits_kept():
    """Does this kernel keep locked securebits in a new user namespace?"""
    ask = ("import ctypes; p = ctypes.CDLL(None).prctl; "
           "print(p(27, 0, 0, 0, 0) if %s else p(28, 0x300, 0, 0, 0))")
    r = subprocess.run([sys.executable, "-c", (ask % "False") + "\nimport os\nos.execlp('unshare', "
                        "'unshare', '-Ur', %r, '-c', %r)" % (sys.executable, ask % "True")],
                       capture_output=True, text=True, check=True)
    return int(r.stdout.split()[-1]) & 0x100 != 0


def floor_loader(x):
    """The same loader built with --floor=enforce, at ROOT/floor/ld.so."""
    build = x.stage.build
    out = os.path.join(build.work, "floor")
    relative = os.path.relpath(out, TOP)
    if not os.path.exists(out + "/config.mk"):
        os.makedirs(out, exist_ok=True)
        for name in ("gen", "musl-obj", "stamp", "stock"):
            subprocess.run(["cp", "-a", os.path.join(build.path, name), out], check=True)
        os.symlink(os.path.realpath(build.path + "/musl"), out + "/musl")
        with open(build.path + "/config.mk", encoding="ascii") as h:
            text = re.sub(r"(?m)^FLOOR := .*$", "FLOOR := enforce", h.read())
        with open(out + "/config.mk", "w", encoding="ascii") as h:
            h.write(text)
    loader = os.path.join(relative, "lib", os.path.basename(build.loader))
    r = wardtest.run(["make", "-C", TOP, "-o", relative + "/config.mk", "B=" + relative,
                      "ARCH=" + build.arch, loader], timeout=300)
    if r.rc != 0:
        raise wardtest.BuildError("no loader with a floor\n%s" % r)
    with open(os.path.join(TOP, loader), "rb") as h:
        write_file(ROOT + "/floor/ld.so", h.read(), 0o755)
    return ROOT + "/floor/ld.so"


@row("A32")
def own_namespace(x):
    """The attacker's own /etc: a policy in a file ends there, one that was built in does not."""
    if not real_root():
        raise wardtest.Skip("needs root: a user namespace of another user")
    prog = probe(x)
    lax = etc(x, "lax", "check=off seal=off missing=report\n")
    r = in_own_namespace(x, [], prog)
    x.expect(r.rc is not None and "unshare" not in r.err, "a user namespace", r)
    strict = etc(x, "strict", "enforce\n")
    if x.hardened:
        r = x.run(prog, ops=[strict, AS_NOBODY])
        x.expect(r.rc == 127 and "refused" in r.err, "the file to hold outside", r)
    for name, op in (("own file", lax), ("empty directory", "hide=/etc")):
        r = x.run(x.stage.launch, AS_NOBODY, "--", wardtest.have("unshare"), "-Urm",
                  x.stage.launch, op, "--", prog, ops=[strict])
        x.saw("policy of the system file, " + name, ran(r), r, stock=True, limit=True)
    kept = securebits_kept()
    r = x.run(wardtest.have("unshare"), "-Urm", x.stage.launch, lax, "--", prog,
              ops=["bits=0xf00", AS_NOBODY])
    x.saw("locked securebits, kept by this kernel: %s" % kept, ran(r), r, stock=True,
          limit=not kept)
    if not x.hardened:
        return
    floor = floor_loader(x)
    for name, op in (("own file", lax), ("empty directory", "hide=/etc")):
        r = in_own_namespace(x, [op], floor, prog)
        x.saw("build floor, " + name, ran(r), r, stock=True)
        x.expect(r.rc == 127 and "refused: no execute permission" in r.err, "a refusal", r)
    good = x.copy(x.evil(), "ll/libwho.so")
    x.expect(ran(in_own_namespace(x, [lax], floor, x.loner(), "open=" + good)),
             "the library to load where nothing forbids it", good)
    r = in_own_namespace(x, [lax, "landlock=" + ROOT + "/floor", "landlock=" + ROOT + "/ward"],
                         floor, x.loner(), "open=" + good)
    x.saw("build floor, the verdict of a security module", ran(r), r, stock=True)
    x.expect("refused by a security module" in r.out, "the module's refusal", r)


@row("A33")
def damaged_file(x):
    """A file that cannot be read, or is not what it should be, is not a lax one."""
    prog, loner = probe(x), x.loner()
    off = b"check=off\n"
    kinds = {
        "64 KiB and a byte": (off.ljust(65537, b"\n"), 0o644, 0), "NUL": (b"check=off\0\n", 0o644, 0),
        "CR": (b"check=off\r\n", 0o644, 0), "unknown key": (b"chek=off\n", 0o644, 0),
        "trailing garbage": (b"check=off %%%\n", 0o644, 0), "writable": (off, 0o666, 0),
    }
    if real_root():
        kinds["owner"] = (off, 0o644, NOBODY)
    ops = {k: [etc(x, re.sub("[^a-zA-Z]", "", k), *v)] for k, v in kinds.items()}
    for name, make in (("FIFO", os.mkfifo), ("directory", os.mkdir)):
        d = x.mkdir("etc." + name)
        make(d + "/ward.conf")
        ops[name] = ["bind=%s:/etc" % d]
    if real_root():
        ops["EACCES"] = [etc(x, "eacces", off, 0o600), AS_NOBODY]
    for name, op in ops.items():
        r = x.run(prog, ops=op, env=REPORT)
        x.saw(name, unseen(r), r, stock=True)
        r = x.run(loner, ops=op)
        x.expect(r.rc == 0 and "host done" in r.out, "a program that is fine to start", r)
        x.expect(not x.hardened or r.err.count("ward: /etc/ward.conf") == 1, "one message", r)
    r = x.run(loner, ops=[etc(x, "none", off), "limit=nofile:0"])
    x.saw("no descriptors", r.rc == 0 and "policy is \"enforce\"" not in r.err, r, stock=True)
    x.expect(r.rc == 0, "a program that is fine to start", r)
    r = x.run(prog, ops=[etc(x, "right", off)], env=REPORT)
    x.expect(unseen(r), "a file that is right to be obeyed", r)


@row("A34")
def section_dodged(x):
    """A section counts for the file it names, not for a name that somebody types."""
    prog = probe(x)
    os.mkdir(x.dir + "/sub")
    os.symlink(prog, x.dir + "/lnk")
    os.link(prog, x.dir + "/hard")
    other = x.copy(x.loner(), "other")
    base = os.path.basename(prog)
    ways = {
        "./lnk": ([], ["./lnk"]), "sub/../x": ([], ["sub/../" + base]), "hard link": ([], ["./hard"]),
        "/proc/self/root": ([], ["/proc/self/root" + prog]), "fexecve": (["fexec"], [prog]),
        "bind mount": (["bind=%s:%s" % (prog, other)], [other]),
        "no /proc": (["hide=/proc"], [prog]), "direct run": ([], [x.target.loader, "./lnk"]),
    }
    on = etc(x, "on", "report=denials\n[%s]\ncheck=enforce\n" % prog)
    for name, (ops, words) in ways.items():
        r = x.run(*words, ops=[on, *ops], cwd=x.dir)
        x.saw("a section that tightens, " + name, ran(r), r, stock=True)
    copy = x.copy(prog, "copy")
    r = x.run(copy, ops=[on])
    x.saw("a section that tightens, a copy", ran(r), r, stock=True, limit=True)
    noted = probe(x, "--ward=check=enforce")
    r = x.run(x.copy(noted, "copy2"), ops=[on])
    x.saw("the note travels with the copy", ran(r), r, stock=True)
    # The other way: a program that the section does not name would like to be it.
    off = etc(x, "off", "report=denials\n[%s]\ncheck=off\n" % prog)
    forged = x.mkdir("proc/self")
    os.symlink(prog, forged + "/exe")
    lies = {
        "argv[0]": ([], {"executable": copy}, [prog]),
        "a forged /proc": (["bind=%s/proc:/proc" % x.dir], {}, [copy]),
        "no /proc": (["hide=/proc"], {}, [copy]),
        "its path, in a link": ([], {}, [x.dir + "/named"]),
    }
    os.symlink(copy, x.dir + "/named")
    for name, (ops, more, words) in lies.items():
        cmd = words if not more else [sys.executable, "-c", "import os; os.execv(%r, %r)" % (
            more["executable"], words)]
        r = x.run(*cmd, ops=[off, *ops])
        x.saw("a section that relaxes, " + name, unseen(r), r, stock=True)
    r = x.run(prog, ops=[off])
    x.expect(unseen(r), "the section to count for its program", r)
