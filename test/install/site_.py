"""A place to install into: a build of its own, whose loader lives below the build directory.

The build is configured with SYSLIBDIR and PREFIX below its test directory, takes the C library from
the build under test and costs seconds. Nothing of the machine's own /lib is touched.
"""

import os
import shlex
import shutil
import stat
import subprocess
import threading

import wardtest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
LINE = {"stock": "hello from stock\n", "ward": "hello from ward\n"}


class Site:
    """The build, the directories, and what tests do with them."""

    def __init__(self, build):
        self.build, self.arch = build, build.arch
        self.root = os.path.join(build.work, "site")
        self.lib, self.prefix = self.root + "/lib", self.root + "/ward"
        self.ward = os.path.join(self.lib, "ld-ward-%s.so.1" % self.arch)
        self.musl = os.path.join(self.lib, "ld-musl-%s.so.1" % self.arch)
        base = os.path.relpath(build.path, TOP)
        self.dir = base + "/install"
        words = [w for w in shlex.split(build.config["CONFIGURE_ARGS"]) if w.split("=")[0] not in (
            "--musl", "--musl-version", "--dir", "--musl-build", "--syslibdir", "--prefix")]
        self._step(["./configure", *words, "--arch=" + self.arch, "--dir=" + self.dir,
                    "--musl-build=" + base, "--syslibdir=" + self.lib, "--prefix=" + self.prefix])
        self._step(self.words("-j2", "all"))
        # What a killed run leaves in TMPDIR stays there: here, and until the next run of the suite.
        self.tmp = os.path.join(build.work, "tmp")
        shutil.rmtree(self.tmp, ignore_errors=True)
        os.makedirs(self.tmp)
        os.chmod(self.tmp, 0o1777)
        self.variants = [self._variant(i) for i in range(2)]
        self.programs = os.path.join(build.work, "programs")
        os.makedirs(self.programs, exist_ok=True)
        self.at_ward = self._program("named", "at-ward", self.ward)
        self.at_musl = self._program("named", "at-musl", self.musl)
        self.late = self._program("late", "late", self.ward)
        self.late_musl = self._program("late", "late-musl", self.musl)
        self.starter = self._program("starter", "starter", None)
        self.plugin = os.path.join(TOP, self.dir, "selftest/plugin.so")

    def _step(self, argv):
        r = wardtest.run(argv, cwd=TOP, timeout=600)
        if r.rc != 0:
            raise wardtest.BuildError("a build with SYSLIBDIR=%s failed\n%s" % (self.lib, r))

    def _program(self, source, name, interp):
        src = os.path.join(HERE, "src", source + ".c")
        how = ["-Wl,-dynamic-linker," + interp] if interp else ["-static"]
        return self.build.compile(os.path.join(self.programs, name),
                                  ["-O1", "-Wall", src, "-pthread", *how], [src])

    def _variant(self, number):
        """The loader with a section more: another file, so that installing it is a change."""
        out = os.path.join(self.build.work, "loader-%d" % number)
        text = out + ".text"
        with open(text, "w", encoding="ascii") as h:
            h.write("variant %d\n" % number)
        image = os.path.join(TOP, "tools/loader-image")
        shutil.copy(os.path.join(TOP, self.dir, "lib", os.path.basename(self.ward)), out)
        self._step([image, "file", out])
        self._step([self.build.config["OBJCOPY"], "--add-section", ".variant=" + text, out])
        self._step([image, "anonymous", out])
        return out

    def words(self, *more):
        """make for this build."""
        return ["make", "-s", "ARCH=" + self.arch, "B=" + self.dir, *more]

    def make(self, *more, **how):
        """Run make; the result."""
        return wardtest.run(self.words(*more), cwd=TOP, timeout=120, **how)

    def env(self, variant=0, as_musl=True, **more):
        """What mk/install.mk hands to the tool."""
        c = self.build.config
        env = wardtest.base_env(
            BUILD=os.path.join(TOP, self.dir), ARCH=self.arch, LOADER=self.variants[variant],
            SYSLIBDIR=self.lib, PREFIX=self.prefix, BINDIR=self.prefix + "/bin",
            MANDIR=self.prefix + "/share/man", STRIP=c["STRIP"], CC=c["CC"], CROSS=c["CROSS"],
            FAMILY=c["CC_FAMILY"], AS_MUSL="yes" if as_musl else "no", TMPDIR=self.tmp)
        env.update(more)
        return env

    def tool(self, action, *args, env=None, **how):
        """Run tools/install-ward with the settings of env()."""
        return wardtest.run([os.path.join(TOP, "tools/install-ward"), action],
                            env=self.env(*args, **(env or {})), timeout=60, **how)

    def must(self, action, *args, **how):
        """The same, and it must succeed in silence about all but the self-test."""
        r = self.tool(action, *args, **how)
        assert r.rc == 0 and not r.err, "expected success\n%s" % r
        return r

    def clear(self):
        """Nothing is installed, nothing was there before."""
        shutil.rmtree(self.root, ignore_errors=True)
        os.makedirs(self.lib)

    def stock(self, shape):
        """Have musl at its name: as Debian has it, a link; as Alpine, the file itself."""
        new = self.musl + ".made"
        if shape == "debian":
            os.makedirs(self.lib + "/%s-linux-musl" % self.arch, exist_ok=True)
            target = "%s-linux-musl/libc.so" % self.arch
            copy(self.build.stock_loader, os.path.join(self.lib, target))
            os.symlink(target, new)
        elif shape == "alpine":
            copy(self.build.stock_loader, new)
        elif shape == "elsewhere":
            copy(self.build.stock_loader, self.root + "/libc.so")
            os.symlink(self.root + "/libc.so", new)
        else:
            raise ValueError(shape)
        os.replace(new, self.musl)

    def runs(self, program, want):
        """A program must say what it runs on."""
        r = wardtest.run([program])
        assert r.rc == 0 and r.out == LINE[want] and not r.err, "expected %r\n%s" % (LINE[want], r)


def copy(src, dst, mode=0o755):
    """A copy of a program's file, made by another process: nobody inherits a descriptor to it."""
    subprocess.run(["install", "-m", "%o" % mode, src, dst], check=True)


def snapshot(top, inodes=True):
    """Everything below a directory: {path: type, mode, owner, link target, content's identity}."""
    found = {}
    for root, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(root, name)
            s = os.lstat(path)
            kind = stat.S_IFMT(s.st_mode)
            row = [oct(s.st_mode), s.st_uid, s.st_gid]
            if kind == stat.S_IFLNK:
                row.append(os.readlink(path))
            if kind == stat.S_IFREG:
                row.append(s.st_size)
            if inodes and kind != stat.S_IFDIR:
                row += [s.st_ino, s.st_mtime_ns]
            found[os.path.relpath(path, top)] = tuple(row)
    return found


def same(before, after, what):
    """Two snapshots must be equal; says what is not."""
    wrong = ["%s: %s -> %s" % (p, before.get(p, "(not there)"), after.get(p, "(gone)"))
             for p in sorted(set(before) | set(after)) if before.get(p) != after.get(p)]
    assert not wrong, "%s: expected everything as before\n%s" % (what, "\n".join(wrong[:12]))


class Background:
    """Programs that run while something else is done; leaving the block ends them."""

    def __init__(self):
        self.running = []

    def start(self, argv, **how):
        """Start one."""
        p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
        out = {}
        t = threading.Thread(target=lambda: out.update(zip("oe", p.communicate())), daemon=True)
        t.start()
        self.running.append((p, t, out))

    def results(self, timeout):
        """Wait for all: [(exit status, stdout, stderr)]."""
        for _, t, _ in self.running:
            t.join(timeout)
        return [(p.poll(), out.get("o", ""), out.get("e", "")) for p, _, out in self.running]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for p, t, _ in self.running:
            if p.poll() is None:
                p.kill()
            t.join(10)
