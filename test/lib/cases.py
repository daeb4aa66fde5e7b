"""Integration cases: one text file each, made of a preamble and of files.

The preamble says what the case proves, how its programs are built and how they are run; each
`-- NAME --` line begins a file. See test/integ/README for the words of the preamble.
"""

import os
import re
import shlex

import straceorder
import wardtest
from wardtest import BuildError, Skip

SECTION = re.compile(r"-- (\S+) --\Z")
VARIABLE = re.compile(r"\$(DIR|PROG|LOADER|ARCH)\b")
HEADERS = os.path.join(os.path.dirname(wardtest.LIBDIR), "integ", "include")


class Run:
    """One `run` line: how the program is started and what must come of it."""

    def __init__(self, words):
        self.keys, self.env, self.opts = {}, {}, []
        if "--" in words:
            at = words.index("--")
            words, self.args = words[:at], words[at + 1:]
        else:
            self.args = []
        for w in words:
            key, _, value = w.partition("=")
            if key.startswith("env:"):
                self.env[key[4:]] = value
            elif key == "opt":
                self.opts.append(value)
            else:
                self.keys[key] = value
        known = {"prog", "mode", "out", "err", "timeout", "cwd", "name", "strace", "engine", "exit",
                 "argv0", "bare", "exit.stock", "exit.direct", "exit.stock.direct"}
        for k in self.keys:
            if k not in known:
                raise ValueError("run: no such key: %s" % k)


class Case:
    """A case file, parsed. group and name come from its path: <group>/<name>.case."""

    def __init__(self, path):
        self.path = path
        self.group = os.path.basename(os.path.dirname(path))
        self.name = os.path.basename(path)[:-len(".case")]
        self.builds, self.runs, self.links, self.copies, self.dirs = [], [], [], [], []
        self.has = []
        self.only, self.native, self.arches, self.manual = None, None, None, False
        self.files = {}
        with open(path, encoding="utf-8") as h:
            self._parse(h.read().splitlines(keepends=True))
        if not self.runs and not self.manual:
            self.runs.append(Run([]))

    def _parse(self, lines):
        section = None
        for n, line in enumerate(lines, 1):
            m = SECTION.match(line.rstrip("\n"))
            if m:
                section = m.group(1)
                self.files[section] = ""
            elif section is not None:
                self.files[section] += line
            else:
                try:
                    self._preamble_line(line)
                except ValueError as e:
                    raise SystemExit("%s:%d: %s" % (self.path, n, e)) from e

    def _preamble_line(self, line):
        word, _, reason = line.strip().partition(" ")
        if word in ("ward-only", "native"):
            if not reason:
                raise ValueError("%s wants its reason" % word)
            if word == "native":
                self.native = reason
            else:
                self.only = reason
            return
        words = shlex.split(line, comments=True)
        if words:
            self._directive(words[0], words[1:])

    def _directive(self, word, rest):
        if word == "build":
            self.builds.append(rest)
        elif word == "run":
            self.runs.append(Run(rest))
        elif word == "link":
            self.links.append(rest)
        elif word == "copy":
            self.copies.append(rest)
        elif word == "dir":
            self.dirs += rest
        elif word == "has":
            self.has.append(rest)
        elif word == "arch":
            self.arches = rest
        elif word == "manual":
            self.manual = True
        else:
            raise ValueError("no such word: %s" % word)

    def uses_dlopen(self):
        """True when a source names dlopen: then a file may legally be opened again."""
        return any("dlopen" in t for n, t in self.files.items() if n.endswith(".c"))


class Built:
    """A case unpacked and compiled below the build directory."""

    def __init__(self, build, case):
        self.build, self.case = build, case
        self.dir = os.path.join(build.work, case.group, case.name)
        os.makedirs(self.dir, exist_ok=True)
        for d in case.dirs:
            os.makedirs(os.path.join(self.dir, d), exist_ok=True)
        for name, text in case.files.items():
            self._write(name, text)
        for dst, target in case.links:
            self._link(dst, target)
        for words in case.builds:
            self._compile(words)
        for dst, src in case.copies:
            self._copy(dst, src)
        for words in case.has:
            self._assert_has(words[0], words[1:])

    def path(self, name):
        """A file of the case."""
        return os.path.join(self.dir, name)

    def expand(self, text, prog="", loader="", escape=str):
        """Replace $DIR, $PROG, $LOADER, $ARCH; $ORIGIN and others stay for the loader."""
        values = {"DIR": self.dir, "PROG": prog, "LOADER": loader, "ARCH": self.build.arch}
        return VARIABLE.sub(lambda m: escape(values[m.group(1)]), text)

    def expand_expected(self, text, prog, loader):
        """The same for an expected output; inside a `~ RE` line a value stands for itself."""
        return "".join(self.expand(line, prog, loader, re.escape if line.startswith("~ ") else str)
                       for line in text.splitlines(keepends=True))

    def _write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as h:
                if h.read() == text:
                    return
        with open(path, "w", encoding="utf-8") as h:
            h.write(text)

    def _link(self, dst, target):
        path = self.path(dst)
        if not os.path.islink(path):
            os.symlink(self.expand(target), path)

    def _copy(self, dst, src):
        path, tmp = self.path(dst), self.path(dst + ".new")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(self.path(src), "rb") as h:
            image = h.read()
        with open(tmp, "wb") as h:
            h.write(image)
        os.chmod(tmp, 0o755)
        os.replace(tmp, path)

    def _assert_has(self, name, words):
        """The linker made what the case is about: words of readelf's output (x86_64's names)."""
        if self.build.arch != "x86_64":
            return
        r = wardtest.run(["readelf", "-WdrlV", "--dyn-syms", self.path(name)])
        for w in words:
            absent = w.startswith("!")
            if (w.lstrip("!") in r.out) == absent:
                raise BuildError("%s/%s: readelf %s %s: the case would prove nothing" % (
                    self.case.name, name, "shows" if absent else "does not show", w.lstrip("!")))

    def _compile(self, words):
        out, words = words[0], [self.expand(w) for w in words[1:]]
        cc, plain, args = None, False, []
        inputs = [os.path.join(HEADERS, h) for h in sorted(os.listdir(HEADERS))]
        for w in words:
            if w.startswith("cc="):
                cc = w[3:]
            elif w == "plain":
                plain = True
            elif not w.startswith("-") and os.path.exists(self.path(w)):
                args.append(self.path(w))
                inputs.append(self.path(w))
            else:
                args.append(w)
        if cc and wardtest.have(cc) is None:
            raise Skip("%s is not installed" % cc)
        head = ["-O1", "-gdwarf-4", "-Wall", "-Wextra", "-Wno-unused-parameter", "-I", HEADERS]
        if self.build.arch == "aarch64":  # the compiler's helpers want a name of glibc's
            head.append("-mno-outline-atomics")
        base = os.path.basename(out)
        if ".so" in base:
            head += ["-shared", "-fPIC", "-fsemantic-interposition"]
            if not plain:
                head += ["-Wl,-soname," + base, "-Wl,-rpath-link," + self.dir]
        elif out.endswith(".o"):
            head += ["-c", "-fPIC", "-fsemantic-interposition"]
        elif not plain:
            head += ["-pthread", "-Wl,-rpath,%s,-rpath-link,%s" % (self.dir, self.dir)]
        self.build.compile(self.path(out), head + args, inputs, cc)


class Engine:
    """What runs a program: ward or stock musl, at times below an emulator."""

    def __init__(self, build, name="ward", prefix=()):
        self.build, self.name, self.prefix = build, name, list(prefix)
        self.loader = build.loader if name == "ward" else build.stock_loader

    def program(self, path):
        """The program as this engine starts it by PT_INTERP."""
        return path if self.name == "ward" else self.build.stock_copy(path)

    def argv(self, built, run, mode):
        """(argv, program path) of a run."""
        path = built.path(run.keys.get("prog", "main"))
        static = not has_interp(path)
        prog = path if static else self.program(path)
        args = [built.expand(a, prog, self.loader) for a in run.args]
        if mode == "interp":
            return self.prefix + [prog] + args, prog
        opts = [built.expand(o, prog, self.loader) for o in run.opts]
        program = [] if "bare" in run.keys else [prog]
        return self.prefix + [self.loader] + opts + program + args, prog

    def env(self, built, run, prog):
        """The environment of a run."""
        return wardtest.base_env(**{k: built.expand(v, prog, self.loader)
                                    for k, v in run.env.items()})

    def expected(self, built, run, mode, what, prog):
        """The expected stdout or stderr: the most particular file of the case, or the default."""
        base = run.keys.get(what, what)
        for name in ("%s.%s.%s" % (base, self.name, mode), "%s.%s" % (base, self.name),
                     "%s.%s" % (base, mode), base):
            if name in built.case.files:
                return built.expand_expected(built.case.files[name], prog, self.loader)
        if base not in ("out", "err"):
            raise ValueError("%s: no file %s" % (built.case.path, base))
        return "ok\n" if what == "out" and self.exit(run, mode) == 0 else ""

    def exit(self, run, mode):
        """The expected exit status; negative for a signal."""
        k = run.keys
        for name in ("exit.%s.%s" % (self.name, mode), "exit." + self.name, "exit." + mode, "exit"):
            if name in k:
                return int(k[name])
        return 0


def has_interp(path):
    """True when a 64-bit ELF file has a PT_INTERP."""
    with open(path, "rb") as h:
        image = h.read(4096)
    off = int.from_bytes(image[32:40], "little")
    size, num = (int.from_bytes(image[n:n + 2], "little") for n in (54, 56))
    return any(image[off + i * size:off + i * size + 4] == b"\3\0\0\0" for i in range(num))


def difference(want, got):
    """None when got is as wanted, else the first line that differs.

    A wanted line `~ RE` is a regular expression for the whole line; a last line `...` stands for
    any rest.
    """
    w, g = want.splitlines(), got.splitlines()
    if w and w[-1] == "...":
        w.pop()
        g = g[:len(w)]
    for n in range(max(len(w), len(g))):
        a = w[n] if n < len(w) else "(end)"
        b = g[n] if n < len(g) else "(end)"
        same = re.fullmatch(a[2:], b) if a.startswith("~ ") else a == b
        if not same:
            return "line %d: expected %r, got %r" % (n + 1, a, b)
    return None


def check_result(engine, built, run, mode, prog, result):
    """Raise AssertionError unless a run ended as its case says."""
    wrong = []
    if result.rc != engine.exit(run, mode):
        wrong.append("exit: expected %d, got %s" % (engine.exit(run, mode), result.status()))
    for what, got in (("out", result.out), ("err", result.err)):
        d = difference(engine.expected(built, run, mode, what, prog), got)
        if d:
            wrong.append("std%s %s" % (what, d))
    if wrong:
        raise AssertionError("\n".join(wrong + [str(result)]))


def run_case(engine, built, run, mode, traced=False):
    """Run once and compare; traced: below strace, and the order of calls must hold too."""
    argv, prog = engine.argv(built, run, mode)
    env = engine.env(built, run, prog)
    cwd = built.expand(run.keys.get("cwd", "$DIR"))
    timeout = float(run.keys.get("timeout", 20))
    if not traced:
        more = {}
        if "argv0" in run.keys:  # the loader under another name, as execve allows
            more["executable"], argv[0] = argv[0], run.keys["argv0"]
        check_result(engine, built, run, mode, prog,
                     wardtest.run(argv, env=env, cwd=cwd, timeout=timeout, **more))
        return
    result, trace = straceorder.run(argv, env=env, cwd=cwd, timeout=3 * timeout,
                                    reopen=built.case.uses_dlopen())
    check_result(engine, built, run, mode, prog, result)
    if trace.breaches:
        raise AssertionError("\n".join(trace.breaches + [str(result)]))


def load(directory):
    """All cases below a directory, in order of their names."""
    out = []
    for root, dirs, files in os.walk(directory):
        dirs.sort()
        out += [Case(os.path.join(root, f)) for f in sorted(files) if f.endswith(".case")]
    return out


__all__ = ["Case", "Built", "Engine", "run_case", "load", "BuildError", "Skip"]
