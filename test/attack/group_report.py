"""D: what the loader says: to terminals and logs, to callers of setuid programs, and where to."""

import errno
import fcntl
import os
import re
import struct
import subprocess

import image
from rows import row
from stage import NOBODY, RESTRICT, ROOT

AS_NOBODY = ["uid=%d" % NOBODY]
# An escape sequence, a line of its own, a bell, the C1 form of ESC [.
HOSTILE = "\033[31m\nFAKE: all is well\n\a\x9b1m"


def forged(text):
    """Did a byte reach the reader that he may obey, or a line that nobody wrote?"""
    return any(not 0x20 <= ord(c) < 0x7f for c in text if c not in "\n\t") or "\nFAKE" in text


def hostile_library(x):
    """A library whose name, everywhere, is hostile; returns its path."""
    name = "lib" + HOSTILE.replace("/", "") + ".so"
    return x.stage.lib("hostile/" + name, tag="hostile", flags=["-Wl,-soname," + name])


@row("D07")
def escapes(x):
    """Names with terminal escapes and line ends in every text that a loader writes."""
    lib = hostile_library(x)
    name = os.path.basename(lib)
    needs = x.prog("needs.hostile", "host.c", "-Wl,--no-as-needed", lib)
    r = x.run(needs)
    x.expect(r.rc in (1, 127) and "FAKE" in r.err, "an error that names the library", r)
    x.saw("DT_NEEDED that is missing", forged(r.err), r, stock=True)
    r = x.run(x.loner(), "open=" + ROOT + "/none/" + name)
    x.expect("FAKE" in r.out.split("open ")[-1], "dlerror() to name the library", r)
    said = r.out.rsplit(": Error", maxsplit=1)[-1]
    x.saw("dlerror() of a missing library", forged(said), r, stock=True)
    r = x.direct(ROOT + "/none/" + name)
    x.expect(r.rc in (1, 127) and "FAKE" in r.err, "an error that names the program", r)
    x.saw("program that is missing", forged(r.err), r, stock=True)
    prog = x.prog("unnamed", "unnamed.c", "-Wl,-z,undefs", "-DNAME=" + c_string(HOSTILE))
    r = x.run(prog)
    x.expect(r.rc in (1, 127) and "FAKE" in r.err, "an error that names the symbol", r)
    x.saw("symbol that is missing", forged(r.err), r, stock=True)
    r = x.direct("--list", needs, env={"LD_LIBRARY_PATH": os.path.dirname(lib)})
    x.expect(r.rc == 0 and "FAKE" in r.out, "a list that names the library", r)
    x.saw("--list", forged(r.out), r, stock=True)
    if x.hardened:
        reports(x, needs, lib)


def c_string(text):
    """As a C literal."""
    return '"%s"' % "".join("\\%03o" % b for b in os.fsencode(text))


def reports(x, needs, lib):
    """What only ward has: lines of a report, and the answers of its options."""
    os.chmod(lib, 0o644)
    env = {"LD_LIBRARY_PATH": os.path.dirname(lib), "LD_WARD": "report=all"}
    r = x.run(needs, env=env)
    x.expect("would refuse" in r.err and "FAKE" in r.err, "a line about the library", r)
    x.saw("report line", forged(r.err), r, stock=False)
    for w in r.err.splitlines():
        x.expect(re.fullmatch(r"ward: audit: (would )?\w+ \S+ needed-by=\S+ reason=\S+ mode=\S+ "
                              r"securebits=\S+ pid=\d+", w), "a line that splits at blanks", w)
    for words in (["--list=verbose"], ["--explain", HOSTILE], ["--diagnose"]):
        r = x.direct(*words, needs, env=dict(env, LD_LIBRARY_PATH=os.path.dirname(lib) + HOSTILE))
        x.expect(r.out != "", "an answer", r)
        x.saw(words[0], forged(r.out + r.err), r, stock=False)
    for path in ("/" + "y" * 4000, "y" * 4000):
        r = x.direct(path)
        x.expect(r.rc == 127 and 256 < len(r.err) < 600, "a name cut to 256 bytes", r)


@row("D08")
def told_to_callers(x):
    """A setuid program that cannot start must not tell its caller why, nor repeat his words."""
    needs = x.prog("needs.secret.%s" % x.target.name, "unnamed.c", "-DNAME=" + c_string("who"),
                   x.good(), "-Wl,-rpath,%s/hidden" % x.dir)
    os.chmod(x.mkdir("hidden"), 0o700)
    prog = os.path.join(x.mkdir("mine"), "SECRET")
    os.symlink(x.setuid(needs, "suid"), prog)
    lib = x.copy(x.good(), "hidden/libwho.so")
    r = x.run(prog, ops=AS_NOBODY)
    x.expect(r.rc == 0 and r.out == "ctor good\nunnamed\n", "the program to run with its library", r)
    nothing = x.stage.lib("nothing/libwho.so", tag="nothing", flags=["-Dwho=other"])
    states = {
        "absent": lambda: os.unlink(lib),
        "garbage": lambda: x.write("hidden/libwho.so", b"root:secret:1\n"),
        "short": lambda: x.write("hidden/libwho.so", b"\x7fELF"),
        "without the symbol": lambda: x.copy(nothing, "hidden/libwho.so"),
        "a directory": lambda: (os.unlink(lib), os.mkdir(lib)),
    }
    said = {}
    for name, make in states.items():
        make()
        r = x.run(prog, ops=AS_NOBODY)
        x.expect(r.rc == 127 and r.out == "", "a failed start", r)
        said[name] = r.err
        x.saw(name + ", caller's words", "SECRET" in r.err, r, stock=True)
        if x.hardened:
            x.expect(not re.search(r"0x[0-9a-f]{4}|/mnt|libwho|such|directory|ELF", r.err)
                     and r.err.count("\n") == 1, "one line without name, errno or address", r)
    x.saw("tells one failure from another", len(set(said.values())) > 1, said, stock=True)
    os.rmdir(lib)
    x.copy(x.good(), "hidden/libwho.so", 0o644)
    if x.hardened:
        for env in ({}, {"LD_WARD": "report=all"}):
            r = x.run(prog, ops=[RESTRICT, *AS_NOBODY], env=env)
            x.expect(r.rc == 127 and r.out == "", "refused under the securebit", r)
            x.saw("refused, %s" % env, r.err != said["absent"], r, stock=False)


@row("D10")
def no_assert(x):
    """Tables that are nonsense make dlopen fail; the process lives on."""
    lib = x.evil()
    data = image.Image(lib)
    places = relocations(data)
    x.expect(len(places) > 2, "a library with relocations", places)
    for name, info in {"type 255": 255, "type 0xffff": 0xffff,
                       "symbol 2^31": (1 << 63) | 6, "symbol 0xffffff": (0xffffff << 32) | 6}.items():
        for at in (places[0], places[-1]):
            bad = bytearray(data.data)
            struct.pack_into("<Q", bad, at + 8, info)
            path = x.write("bad.so", bytes(bad))
            r = x.run(x.host(), "open=" + path, "call=who", "open=" + x.stage.lib(
                "second.so", tag="second"), timeout=5)
            alive = r.rc == 0 and "who: good" in r.out and "ctor second" in r.out
            must = not x.hardened and name.startswith("symbol")
            x.saw("%s at %#x" % (name, at), not alive, r, stock=must)
            if x.hardened:
                x.expect("ctor evil" not in r.out and "open %s: Error " % path in r.out,
                         "an error", r)
                x.expect("nconsistency" not in r.out + r.err, "no assertion", r)


def relocations(img):
    """File offsets of the entries of the table of relocations with addends (segments at p = v)."""
    at = img.phdrs(2)[0]
    off, size = img.pget(at, "offset"), img.pget(at, "filesz")
    dyn = dict(struct.iter_unpack("<QQ", bytes(img.data[off:off + size - size % 16])))
    rela, length = dyn[7], dyn[8]
    for load in img.phdrs(image.PT_LOAD):
        va = img.pget(load, "vaddr")
        if va <= rela < va + img.pget(load, "filesz"):
            first = rela - va + img.pget(load, "offset")
            return list(range(first, first + length, 24))
    raise AssertionError("expected the relocations in a segment, got %#x" % rela)


class End:
    """What descriptor 2 is made of."""

    @staticmethod
    def full():
        """A pipe without room, and its reader, who does not read."""
        r, w = os.pipe()
        os.set_blocking(w, False)
        for size in (65536, 4096, 1):
            try:
                while True:
                    os.write(w, b"x" * size)
            except BlockingIOError as e:
                assert e.errno == errno.EAGAIN
        os.set_blocking(w, True)
        return w, r

    @staticmethod
    def closed():
        """A pipe without a reader."""
        r, w = os.pipe()
        os.close(r)
        return w, None


def ends_by_itself(cmd, fd, env=None):
    """(exit status or None when it hung, stdout) with descriptor 2 being fd."""
    with subprocess.Popen(cmd, env=env or {}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=fd, text=True) as p:
        try:
            out, _ = p.communicate(timeout=5)
            return p.returncode, out
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()
            return None, ""


@row("D11")
def channel(x):
    """The channel of messages: blocked, closed, or the program's database by now."""
    reused(x)
    missing = x.prog("needs.none", "host.c", "-Wl,--no-as-needed",
                     x.stage.lib("gone/libgone.so", tag="gone"))
    for name, make in (("full pipe", End.full), ("closed pipe", End.closed)):
        fd, other = make()
        rc, out = ends_by_itself([missing], fd)
        x.saw(name + ", last words", rc not in (1, 127), (rc, out), stock=True)
        if x.hardened:
            lib = x.copy(x.good(), "libwho.so", 0o644)
            needs = x.prog("needs.channel", "host.c", "-Wl,--no-as-needed", x.good(),
                           "-Wl,-rpath," + os.path.dirname(lib))
            rc, out = ends_by_itself([needs, "call=who"], fd, {"LD_WARD": "report=all"})
            x.saw(name + ", report", rc != 0 or "who: good" not in out, (rc, out), stock=False)
            rc, out = ends_by_itself([x.target.loader, x.dir + "/none"], fd)
            x.saw(name + ", direct run", rc != 127, (rc, out), stock=False)
        x.expect(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK == 0,
                 "the descriptor's flags as they were", fd)
        for end in (fd, other):
            if end is not None:
                os.close(end)


def reused(x):
    """Descriptor 2 is a database when a library is refused, odd or malformed."""
    db = os.path.join(x.dir, "database")
    prog = x.prog("reuse", "reuse.c")
    libs = [x.copy(x.evil(), "mode.so", 0o644), x.evil(), x.write("bad.so", b"\x7fELF"),
            x.dir + "/none.so", "relative/none.so"]
    for ops in ([], [RESTRICT]):
        for env in ({}, {"LD_WARD": "report=all"}, {"LD_WARD": "check=enforce report=all"}):
            r = x.run(prog, db, *libs, ops=ops, env=env)
            x.expect(r.rc == 0 and "reuse done" in r.out and len(re.findall("^open ", r.out, re.M)) == len(libs),
                     "the program to run", r)
            with open(db, "rb") as h:
                got = h.read()
            x.saw("database as descriptor 2, %s %s" % (ops, env), got != b"precious\n",
                  "%r\n%s" % (got, r), stock=False)
