"""Bun, prebuilt: native modules, workers, foreign functions, children, compiled programs."""

import os
import re
import shutil

import wardtest

from cases import Case, REAL, refused_as_shipped
from groups import napi

RECIPES = ("bun", "napi", "sqlite")

FFI = """
import { dlopen, FFIType } from "bun:ffi";
const { symbols } = dlopen(process.argv[2], {
  sqlite3_libversion_number: { args: [], returns: FFIType.i32 },
  sqlite3_strglob: { args: [FFIType.cstring, FFIType.cstring], returns: FFIType.i32 } });
const text = (s) => Buffer.from(s + "\\0");
console.log(symbols.sqlite3_libversion_number() > 3000000,
  symbols.sqlite3_strglob(text("wa*"), text("ward")),
  symbols.sqlite3_strglob(text("wa*"), text("musl")));
"""
CHILDREN = """
const p = Bun.spawnSync([process.execPath, "-e", "console.log(process.argv0.length > 0, 6 * 7)"]);
console.log(p.exitCode, p.stdout.toString().trim(), p.stderr.toString());
const f = require("node:child_process").fork(process.argv[2]);
f.on("message", (m) => { console.log("child says", m); f.send("bye"); });
f.on("exit", (code) => console.log("child ends", code));
"""
CHILD = "process.send([1, 2]); process.on('message', () => process.exit(7));"
SQL = """
import { Database } from "bun:sqlite";
const db = new Database("t.db");
db.run("create table t(a, b)");
for (let i = 0; i < 100; i++) db.run("insert into t values (?, ?)", [i, "row " + i]);
console.log(db.query("select count(*) n, sum(a) s, max(b) m from t").get());
console.log(await Bun.password.verify("x", await Bun.password.hash("x", { algorithm: "bcrypt" })));
console.log(Bun.hash("ward"), new Bun.CryptoHasher("sha256").update("ward").digest("hex"));
"""
# What a system with musl has in place of /usr/bin/ldd and getconf, and the command there.
LDD = """
printf '#!/bin/sh\\nexec /lib/ld-musl-x86_64.so.1 --list "$@"\\n' >ldd
printf '#!/bin/sh\\necho "sh: getconf: not found" >&2; exit 127\\n' >getconf
chmod 755 ldd getconf
mount --bind ldd /usr/bin/ldd
mount --bind getconf "$(command -v getconf)"
exec "$@"
"""
COMPILED = """
const crc32 = require("./crc32.node");
console.log("compiled", crc32.crc32("hello"));
"""
# The same, its module beside it and not in it.
BESIDE = """
const { dirname, join } = require("node:path");
const crc32 = require(join(dirname(process.execPath), "crc32.node"));
console.log("compiled", crc32.crc32("hello"));
"""


def text(name, content):
    """A setup that writes a file."""
    def setup(where):
        with open(os.path.join(where, name), "w", encoding="utf-8") as h:
            h.write(content)
    return setup


def several(**files):
    """A setup that writes files; an underscore in a name is the dot of its suffix."""
    def setup(where):
        for name, content in files.items():
            text(name.replace("_", "."), content)(where)
    return setup


def environment():
    """Of every command here."""
    return {"BUN_RUNTIME_TRANSPILER_CACHE_PATH": "0", "DO_NOT_TRACK": "1", "NO_COLOR": "1",
            "BUN_ENABLE_CRASH_REPORTING": "0"}


def cases(out):
    """Scripts that load code in every way Bun has."""
    bun = os.path.join(out("bun"), "fixed", "bun", "bin", "bun")
    tree = os.path.join(out("napi"), "fixed")
    programs = os.path.join(REAL, "programs")
    files = [os.path.join(tree, path) for name, path, _ in napi.modules()
             if name not in ("swc", "vips")]
    swc = next(path for name, path, _ in napi.modules() if name == "swc")
    detect = os.path.join(out("bun"), "fixed", "node_modules", "detect-libc")
    more = {"system": True, "env": environment(), "seconds": 120}
    return [
        Case("bun", "version", [bun, "--version"], r"^1\.4\.5\n$", **more),
        Case("bun", "modules", [bun, os.path.join(programs, "modules.cjs"), *files],
             r"(?m)^crc32\.\S+: 2 exports: crc32 crc32c$", **more),
        Case("bun", "native", [bun, os.path.join(programs, "native.cjs"), tree],
             r"(?s)^crc32 907060870\n.*worker 4049319055\npromise true false\n.*done\n$", **more),
        Case("bun", "swc", [bun, os.path.join(programs, "swc.cjs"), os.path.join(tree, swc)],
             r"^var a = 1 \+ 2;\nexport default a;\n", free=napi.UNPACKS["swc"], **more),
        Case("bun", "ffi", [bun, "t.mjs", os.path.join(out("sqlite"), "lib", "libsqlite3.so.0")],
             r"^true 0 1\n$", setup=text("t.mjs", FFI), **more),
        Case("bun", "sqlite", [bun, "t.mjs"], r"n: 100,\n  s: 4950,", setup=text("t.mjs", SQL),
             **more),
        # A direct run is a run of the loader for /proc/self/exe, which Bun takes for itself.
        Case("bun", "children", [bun, "t.cjs", "./child.cjs"],
             r"^0 true 42 \n(?s:.*)child says \[ 1, 2 \]\nchild ends 7\n",
             setup=several(t_cjs=CHILDREN, child_cjs=CHILD), ways=("interp",), **more),
        Case("bun", "libc", ["sh", "-euc", LDD, "sh", bun, os.path.join(programs, "libc.cjs"),
                             detect],
             r"^family musl version 1\.2\.\d\nnot glibc true\n"
             r"musl libc \(x86_64\) \| Version 1\.2\.\d\npromises musl 1\.2\.\d\n$",
             ways=("interp",), **more),
    ]


class Compiled:
    """Programs made by bun build --compile, on stock musl: app has a native module inside, beside
    loads it from its own directory.
    """

    def __init__(self, run):
        self.run = run
        if run.starter.no_system or run.no_enforcing:
            raise wardtest.Skip(run.starter.no_system or run.no_enforcing)
        self.dir = os.path.join(run.build.work, "compiled")
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        out = run.corpus.out
        shutil.copy(os.path.join(out("napi"), "fixed", "crc32", "crc32.linux-x64-musl.node"),
                    os.path.join(self.dir, "crc32.node"))
        bun = os.path.join(out("bun"), "fixed", "bun", "bin", "bun")
        for name, source in (("app", COMPILED), ("beside", BESIDE)):
            text(name + ".cjs", source)(self.dir)
            r = self.command("stock", [bun, "build", "--compile", name + ".cjs", "--outfile", name])
            assert r.rc == 0, str(r)
        self.app, self.beside = (os.path.join(self.dir, n) for n in ("app", "beside"))

    def command(self, which, words, conf=""):
        """Run a command in the directory, with an /etc/ward.conf when conf is its text."""
        script = 'exec "$@"'
        if conf:
            script = ("mount -t tmpfs -o mode=755 none /etc\n"
                      "printf %s \"$CONF\" >/etc/ward.conf\n" + script)
        argv = self.run.starter.namespace(which, True) + ["sh", "-euc", script, "sh"] + words
        env = wardtest.base_env(HOME=self.dir, CONF=conf, **dict(environment(), TMPDIR=self.dir))
        return wardtest.run(argv, env=env, cwd=self.dir, timeout=120)

    def runs(self, which, program, conf=""):
        """A program works."""
        r = self.command(which, [program], conf)
        assert (r.rc, r.out, r.err) == (0, "compiled 907060870\n", ""), "to work on %s\n%s" % (
            which, r)

    def refused(self, which, conf=""):
        """The module that was unpacked is refused, with the chmod nobody can make in time."""
        r = self.command(which, [self.app], conf)
        assert r.rc == 1 and not r.out and re.search(
            r"error: Error loading shared library ({0}/\.bun-\S+\.node): refused: no execute "
            r"permission \(mode 0600\); chmod a\+x \1 ".format(re.escape(self.dir)), r.err), str(r)


def checks(run):
    """What differs from stock musl when enforced."""
    return [("compiled", lambda: compiled(run)), ("shipped", lambda: shipped(run)),
            ("freezes", lambda: freezes(run))]


def compiled(run):
    """The module inside is unpacked with mode 0600: refused when enforced. What helps: the module
    beside the program, or a section of ward.conf.
    """
    c = Compiled(run)
    c.runs("stock", c.app)
    c.runs("ward", c.app)
    c.refused("enforce")
    c.refused("ward", "enforce\n")
    c.runs("enforce", c.beside)
    c.runs("ward", c.app, "enforce\n[%s]\ncheck=audit\n" % c.app)
    shutil.rmtree(c.dir)


def shipped(run):
    """Bun as shipped with a module as shipped: the error of require has the chmod."""
    bun = os.path.join(run.corpus.out("bun"), "shipped", "bun", "bin", "bun")
    file = os.path.join(run.corpus.out("napi"), "shipped", "crc32", "crc32.linux-x64-musl.node")
    case = Case("bun", "shipped", [bun, os.path.join(REAL, "programs", "modules.cjs"), file],
                r"^crc32\.linux-x64-musl\.node: 2 exports: crc32 crc32c\n", system=True,
                env=environment())
    refused_as_shipped(run, case, file)


def freezes(run):
    """Bun makes data of its own read-only: as often as on stock musl, and the kernel lets it.

    With seal=all, which seals that data before, it cannot, and gives up: a limit.
    """
    if run.starter.no_system:
        raise wardtest.Skip(run.starter.no_system)
    strace = wardtest.have("strace")
    if not strace:
        raise wardtest.Skip("strace is not installed")
    bun = os.path.join(run.corpus.out("bun"), "fixed", "bun", "bin", "bun")
    words = [bun, "-e", "console.log('frozen')"]
    frozen = {}
    for which in ("stock", "ward"):
        log = os.path.join(run.build.work, "freezes." + which)
        argv = [strace, "-f", "-qq", "-e", "trace=mprotect", "-o", log]
        r = wardtest.run(argv + run.starter.argv(which, "interp", words, system=True), timeout=120,
                         env=wardtest.base_env(**environment()))
        assert (r.rc, r.out) == (0, "frozen\n"), str(r)
        with open(log, encoding="ascii", errors="replace") as h:
            calls = re.findall(r"mprotect\(0x([0-9a-f]+), (\d+), PROT_READ\) += (.*)", h.read())
        # Its image is not position-independent: below 2 GiB.
        frozen[which] = [c for c in calls if int(c[0], 16) < 1 << 31]
    assert frozen["stock"] and frozen["ward"] == frozen["stock"], frozen
    assert all(c[2] == "0" for c in frozen["ward"]), frozen
    r = wardtest.run(run.starter.argv("ward", "interp", words, system=True), timeout=120,
                     env=wardtest.base_env(LD_WARD="seal=all", **environment()))
    assert r.rc == -6 and "frozen" not in r.out, "the limit to be as doc/limits.md has it\n%s" % r
