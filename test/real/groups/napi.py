"""Native modules of npm packages, loaded by a C program that exports Node-API."""

import os
import shutil
import tempfile
import wardtest

from cases import Case, REAL

RECIPES = ("napi",)

# The two of the corpus that are not linked with -z now, and a function of each.
LAZY = {"lmdb": "napi_register_module_v1", "msgpackr": "napi_register_module_v1"}
# What a call returns, for the modules of the list that have one.
ANSWERS = {"ast-grep": r"number \d", "crc32": r"number 907060870\n",
           "rollup": r"buffer of [1-9]\d+\n", "xxhash": r"number 4211111929\n"}
# libvips, a library of sharp's, wants a libstdc++ of GCC 13 or later, pprof wants V8;
# utf-8-validate is a function itself.
UNRESOLVED = (r"^dlopen: Error relocating \S+: \S+: symbol not found\n$", 1)
OTHERWISE = {"vips": UNRESOLVED, "sharp": UNRESOLVED, "pprof": UNRESOLVED,
             "utf-8-validate": (r"^0 exports\n$", 0)}
# It carries the real library compressed and unpacks it: the check "unpacks" below.
UNPACKS = {"swc": "it unpacks a library of mode 0600"}


def modules(listed="napi.list"):
    """A list: [(name, file below the tree, words of a call)]."""
    found = []
    with open(os.path.join(REAL, "recipes", listed), encoding="ascii") as h:
        for line in h:
            words = line.split()
            if words and words[0] != "#":
                name, _, path = words[:3]
                where = {"sharp": "node_modules/@img/sharp-linuxmusl-x64",
                         "vips": "node_modules/@img/sharp-libvips-linuxmusl-x64"}.get(name, name)
                found.append((name, os.path.join(where, path), words[3:]))
    return found


def foreign(out, arch):
    """The modules that are listed for another architecture."""
    return cases(out, "napi-%s.list" % arch)


def cases(out, listed="napi.list"):
    """Each module registers itself and lists its exports; lazy and immediate binding."""
    root = out("napi")
    napi, lazy = (os.path.join(root, "bin", p) for p in ("napi", "lazy"))
    found = []
    for name, path, call in modules(listed):
        expect, status = OTHERWISE.get(name, (r"^[1-9]\d* exports\n", 0))
        if call:
            expect = r"^opened\n$" if call == ["-"] else ANSWERS[name]
        found.append(Case("napi", name, [napi, os.path.join(root, "fixed", path), *call], expect,
                          status=status, system=True, free=UNPACKS.get(name, ""),
                          timed=True))
        if name in LAZY:
            file = os.path.join(root, "fixed", path)
            found += [
                Case("napi", name + "-lazy", [lazy, "lazy", file, LAZY[name], "nothing"],
                     r"^opened\n%s: found\nnothing: Symbol not found" % LAZY[name], system=True),
                Case("napi", name + "-now", [lazy, "now", file], status=1, system=True,
                     expect=r"^dlopen: Error relocating \S+: napi_\w+: symbol not found"),
            ]
    return found


def mode(path):
    """The permission bits of a file."""
    return os.stat(path).st_mode & 0o777


def start(run, which, path):
    """Load a module, as npm made its mode."""
    case = Case("napi", "shipped", [os.path.join(run.corpus.out("napi"), "bin", "napi"), path], "",
                system=True)
    return run.start(case, "interp", which)


def refused_as_shipped(run, path):
    """True when an enforcing ward refuses a module for its mode, with the chmod to make; else it
    does as stock musl does.
    """
    stock, ward = start(run, "stock", path), start(run, "enforce", path)
    if (stock.rc, stock.out, stock.err) == (ward.rc, ward.out, ward.err):
        return False
    want = ("dlopen: Error loading shared library {f}: refused: no execute permission (mode 0644); "
            "chmod a+x {f} (needed by dlopen in {p})\n").format(f=path, p=ward.argv[-2])
    assert (ward.rc, ward.out, ward.err) == (1, want, ""), "refused with %r\n%s\n%s" % (
        want, stock, ward)
    return True


def shipped(run):
    """As shipped, exactly the modules of mode 0644 are refused."""
    if run.starter.no_system or run.no_enforcing:
        raise wardtest.Skip(run.starter.no_system or run.no_enforcing)
    root = os.path.join(run.corpus.out("napi"), "shipped")
    paths = {name: os.path.join(root, path) for name, path, _ in modules()}
    modes = {name: mode(path) for name, path in paths.items()}
    assert set(modes.values()) <= {0o644, 0o755}, modes
    want = {name for name in paths if modes[name] == 0o644}
    got = {name for name, path in paths.items() if refused_as_shipped(run, path)}
    assert got == want, "refused %s, of mode 0644 are %s" % (sorted(got - want), sorted(want - got))
    print("real: %d of %d npm packages ship their library with mode 0644: refused until chmod a+x"
          % (len(want), len(paths)), flush=True)


def unpacks(run):
    """swc's module unpacks the real one into a cache, with mode 0600; it keeps the mode when
    somebody sets an x bit there.
    """
    if run.starter.no_system or run.no_enforcing:
        raise wardtest.Skip(run.starter.no_system or run.no_enforcing)
    cache = tempfile.mkdtemp(dir=run.build.work)
    root = run.corpus.out("napi")
    module = next(path for name, path, _ in modules() if name == "swc")
    case = Case("napi", "unpacks", [os.path.join(root, "bin", "napi"),
                                    os.path.join(root, "fixed", module)], "", system=True,
                env={"SWC_NATIVE_BINDING_CACHE": cache})
    stock = run.start(case, "interp", "stock")
    assert stock.rc == 0, str(stock)
    found = [os.path.join(d, f) for d, _, files in os.walk(cache) for f in files
             if f.endswith(".node")]
    assert len(found) == 1 and mode(found[0]) == 0o600, found
    r = run.start(case, "interp", "enforce")
    assert r.rc == 1 and "no execute permission (mode 0600); chmod a+x " + found[0] in r.out, str(r)
    os.chmod(found[0], 0o700)
    r = run.start(case, "interp", "enforce")
    assert (r.rc, r.out, r.err) == (0, stock.out, stock.err), str(r)
    shutil.rmtree(cache)


def checks(run):
    """What differs from stock musl when enforced, which no emulator does."""
    if run.foreign:
        return []
    return [("shipped", lambda: shipped(run)), ("unpacks", lambda: unpacks(run))]
