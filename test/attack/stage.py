"""Where hostile situations are built: a private mount namespace with both loaders side by side.

The suite moves itself into a mount namespace of its own and binds a directory of the build
directory over /mnt. So every path is short and the same on all machines, every user can reach
it, mounts may come and go, and /etc/ward.conf of the machine is out of sight. Each test program
exists twice, once for each loader, the same file but for the name in PT_INTERP.
"""

import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import threading

import straceorder
import wardtest

ROOT = "/mnt"
MARK = "WARD_TEST_STAGE"
RESTRICT = "bits=0x100"          # SECBIT_EXEC_RESTRICT_FILE
NOBODY = 65534
HERE = os.path.dirname(os.path.abspath(__file__))
PT_INTERP = 3


def enter():
    """Come back in a private mount namespace; as an ordinary user in a user namespace too."""
    if os.environ.get(MARK):
        return
    unshare = wardtest.have("unshare")
    if unshare is None:
        raise SystemExit("unshare (package util-linux) is missing")
    words = ["-m"] if os.geteuid() == 0 else ["-U", "-r", "-m"]
    os.environ[MARK] = "root" if os.geteuid() == 0 else "user"
    os.execv(unshare, [unshare, *words, "--propagation", "private", sys.executable, "-B"]
             + sys.argv)


def real_root():
    """True when the caller was root before enter()."""
    return os.environ.get(MARK) == "root"


def mount(*words):
    """mount(8), which must succeed."""
    subprocess.run(["mount", *words], check=True)


def set_interp(prog, out, interp):
    """Copy prog with another, not longer, name in PT_INTERP; all else is byte for byte."""
    with open(prog, "rb") as h:
        image = bytearray(h.read())
    phoff, = struct.unpack_from("<Q", image, 32)
    phnum, = struct.unpack_from("<H", image, 56)
    for at in range(phoff, phoff + 56 * phnum, 56):
        kind, = struct.unpack_from("<I", image, at)
        if kind != PT_INTERP:
            continue
        off, = struct.unpack_from("<Q", image, at + 8)
        size, = struct.unpack_from("<Q", image, at + 32)
        name = interp.encode() + b"\0"
        if len(name) > size:
            raise wardtest.BuildError("%s: PT_INTERP has no room for %s" % (prog, interp))
        image[off:off + size] = name.ljust(size, b"\0")
        struct.pack_into("<QQ", image, at + 32, len(name), len(name))
        break
    else:
        raise wardtest.BuildError("%s has no PT_INTERP" % prog)
    write_file(out, image, 0o755)


def write_file(path, data, mode=0o644):
    """Put a new file in place, never through an old inode that somebody may have open.

    Another process does the writing: a descriptor of ours could be inherited by a child that
    another thread starts at this moment, and the file would be busy for as long as that lives.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    subprocess.run(["cp", "/dev/stdin", path + ".new"], input=bytes(data), check=True)
    os.chmod(path + ".new", mode)
    os.replace(path + ".new", path)


def clip(got, most=2000):
    """What is printed of an outcome."""
    text = str(got)
    return text if len(text) <= most else text[:most] + "... (%d characters more)" % (
        len(text) - most)


class Target:
    """One of the two loaders: `ward`, which must stop an attack, or `stock`, which shows it."""

    def __init__(self, name):
        self.name = name
        self.hardened = name == "ward"
        self.loader = "%s/%s/ld.so" % (ROOT, name)

    def path(self, prog):
        """Where the variant of a program for this loader is."""
        return "%s/%s/bin/%s" % (ROOT, self.name, prog)


class Stage:
    """Compiles programs and libraries into the stage and keeps one directory for each test."""

    def __init__(self, build):
        self.build = build
        self.targets = (Target("stock"), Target("ward"))
        self._lock = threading.Lock()
        home = os.path.join(build.work, "stage")
        os.makedirs(home, exist_ok=True)
        mount("--bind", home, ROOT)
        os.chmod(ROOT, 0o755)
        if os.path.exists("/etc/ward.conf"):
            write_file(ROOT + "/empty", b"")  # no regular file would mean "enforce"
            mount("--bind", ROOT + "/empty", "/etc/ward.conf")
        for t, loader in zip(self.targets, (build.stock_loader, build.loader)):
            with open(loader, "rb") as h:
                write_file(t.loader, h.read(), 0o755)
        shutil.rmtree(ROOT + "/row", ignore_errors=True)
        self._mount_suid()
        self.launch = self.static("launch", "launch.c")

    @staticmethod
    def _mount_suid():
        """Setuid files live where nobody outside this namespace ever sees them."""
        os.makedirs(ROOT + "/suid", exist_ok=True)
        mount("-t", "tmpfs", "-o", "mode=755", "ward-test", ROOT + "/suid")

    def source(self, name):
        """A C source of the attack suite, or of another one by its absolute path."""
        return name if os.path.isabs(name) else os.path.join(HERE, "src", name)

    def static(self, name, src, flags=()):
        """A static helper, which needs no loader."""
        out = "%s/bin/%s" % (ROOT, name)
        return self._compile(out, src, ["-static", *flags])

    def _compile(self, out, src, flags, inputs=()):
        src = self.source(src)
        args = ["-O1", "-g", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fno-builtin",
                "-Wno-unused-command-line-argument"]
        self.build.compile(out, args + [src] + list(flags), [src, *inputs])
        os.chmod(out, 0o755)
        return out

    def lib(self, name, src="tag.c", tag=None, flags=(), inputs=()):
        """A shared library at ROOT/lib/name; tag is what its who() returns."""
        out = "%s/lib/%s" % (ROOT, name)
        words = ["-shared", "-fPIC"]
        if tag is not None:
            words += ['-DTAG="%s"' % tag, "-Wl,-Bsymbolic"]
        if not any("-soname" in f for f in flags):
            words.append("-Wl,-soname,%s" % os.path.basename(name))
        return self._compile(out, src, words + list(flags), inputs)

    def prog(self, name, src, flags=(), inputs=()):
        """A dynamic program, made once and staged for both loaders; returns its name."""
        obj = self._compile("%s/obj/%s" % (ROOT, name), src, ["-rdynamic", *flags], inputs)
        with self._lock:
            for t in self.targets:
                out = t.path(name)
                if not os.path.exists(out) or os.stat(out).st_mtime_ns < os.stat(obj).st_mtime_ns:
                    set_interp(obj, out, t.loader)
        return name

    @staticmethod
    def remove(path):
        """Take a file away that is there."""
        os.unlink(path)

    def scratch(self, test, target):
        """An empty directory for one test on one loader."""
        d = "%s/row/%s/%s" % (ROOT, test, target.name)
        os.makedirs(d, exist_ok=True)
        return d


class Trial:
    """One test on one loader: helpers to act, and what was seen."""

    def __init__(self, stage, target, name):
        self.stage, self.target, self.name = stage, target, name
        self.hardened = target.hardened
        self.dir = stage.scratch(name, target)
        self.seen = []       # (variant, fell, limit)
        self.failures = []

    # -- acting --

    def prog(self, name, src, *flags, inputs=()):
        """The path of a program for this loader."""
        return self.target.path(self.stage.prog(name, src, flags, inputs))

    def host(self):
        """The general program, linked with the library libwho.so of tag `good`."""
        self.good()
        return self.prog("host", "host.c", "-Wl,--no-as-needed", ROOT + "/lib/good/libwho.so",
                         "-Wl,-rpath," + ROOT + "/lib/good")

    def loner(self):
        """The same program without any library."""
        return self.prog("loner", "host.c")

    def good(self):
        """The library everybody wants."""
        return self.stage.lib("good/libwho.so", tag="good")

    def evil(self):
        """The library of the same name that nobody wants."""
        return self.stage.lib("evil/libwho.so", tag="evil")

    def copy(self, src, name, mode=0o755):
        """A copy of a file in the directory of this test."""
        with open(src, "rb") as h:
            return self.write(name, h.read(), mode)

    def write(self, name, data, mode=0o755):
        """A new file in the directory of this test."""
        out = os.path.join(self.dir, name)
        write_file(out, data, mode)
        return out

    def mkdir(self, name):
        """A directory below that of this test."""
        d = os.path.join(self.dir, name)
        os.makedirs(d, exist_ok=True)
        return d

    def mount(self, name, options="mode=755"):
        """A tmpfs below the directory of this test."""
        d = self.mkdir(name)
        mount("-t", "tmpfs", "-o", options, "ward-test", d)
        return d

    def setuid(self, src, name, mode=0o4755):
        """A setuid-root copy; skips where that is impossible."""
        if not real_root():
            raise wardtest.Skip("needs root: a setuid file")
        out = "%s/suid/%s/%s/%s" % (ROOT, self.name, self.target.name, name)
        with open(src, "rb") as h:
            write_file(out, h.read(), mode)
        if stat.S_IMODE(os.stat(out).st_mode) != mode or os.stat(out).st_uid:
            raise AssertionError("expected %s to be setuid root" % out)
        return out

    def run(self, *cmd, ops=(), env=None, timeout=10, world=None, **popen):
        """Run a command, behind launch when there are ops; env has nothing but what is given."""
        argv = [self.stage.launch, *ops, "--", *cmd] if ops else list(cmd)
        argv = (world.prefix() if world else []) + argv
        return wardtest.run(argv, env={} if env is None else env, timeout=timeout, **popen)

    def trace(self, *cmd, ops=(), enforcing=False, **more):
        """Run a command under strace, behind launch; the trace begins with the command."""
        strace = wardtest.have("strace")
        if strace is None:
            raise wardtest.Skip("strace is not installed")
        with tempfile.NamedTemporaryFile("r", errors="surrogateescape") as log:
            r = self.run(strace, "-f", "-qq", "-s", "256", "-o", log.name, "-e",
                         "trace=" + straceorder.CALLS, self.stage.launch, *ops, "--", *cmd, **more)
            lines = log.read().splitlines()
        start = [i for i, w in enumerate(lines) if ' execve("%s"' % cmd[0] in w]
        if not start:
            raise AssertionError("expected strace to see execve of %s\n%s" % (cmd[0], r))
        return r, straceorder.Trace("\n".join(lines[start[0]:]), enforcing=enforcing)

    def calls(self, *cmd, ops=(), which="all", inject=()):
        """Run a command under strace, behind launch: its result, and the lines of its own calls.

        inject: expressions of strace's -e inject=, counted from the start of launch.
        """
        strace = wardtest.have("strace")
        if strace is None:
            raise wardtest.Skip("strace is not installed")
        more = [w for i in inject for w in ("-e", "inject=" + i)]
        with tempfile.NamedTemporaryFile("r", errors="surrogateescape") as log:
            r = self.run(strace, "-f", "-qq", "-s", "300", "-o", log.name, "-e", "trace=" + which,
                         *more, self.stage.launch, *ops, "--", *cmd)
            lines = [w.split(" ", 1)[1].lstrip() for w in log.read().splitlines()]
        start = [i for i, w in enumerate(lines) if w.startswith('execve("%s"' % cmd[0])]
        if which == "all" and not start:
            raise AssertionError("expected strace to see execve of %s\n%s" % (cmd[0], r))
        return r, lines[start[0] + 1:] if start else lines

    def private(self, script, *cmd, **more):
        """Run a command in a mount namespace of its own, after a shell script with mounts."""
        shell = ["unshare", "-m", "--propagation", "private", "/bin/sh", "-euc",
                 script + '\nexec "$@"', "sh"]
        ops, env = more.pop("ops", ()), more.pop("env", {})
        ops = [*ops, *("env=%s=%s" % kv for kv in env.items())]
        return self.run(*shell, self.stage.launch, *ops, "--", *cmd,
                        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")}, **more)

    def direct(self, *words, **more):
        """Run the loader itself with these words."""
        return self.run(self.target.loader, *words, **more)

    # -- recording --

    def saw(self, variant, fell, got, stock, limit=False):
        """Record whether the attack succeeded.

        stock: must it succeed on stock musl? limit: on ward too, because no loader can stop it?
        """
        must_fall = limit if self.hardened else stock
        self.seen.append((variant, fell, limit))
        if fell != must_fall:
            words = ("the attack to be stopped", "the attack to succeed (positive control)")
            self.failures.append("%s: expected %s\n%s" % (variant, words[must_fall], clip(got)))

    def expect(self, true, what, got):
        """Record anything else that must hold."""
        if not true:
            self.failures.append("expected %s\n%s" % (what, clip(got)))
