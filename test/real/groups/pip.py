"""pip on a CPython for musl: what it finds out by running the loader, and which wheels it takes."""

import os
import re

import wardtest

from cases import Case, REAL

RECIPES = ("python", "pip")

ANSWER = "1.0 native code of a wheel\n"
# Installs, quietly, and imports: the words are python, pip, the directory of wheels, the package.
SCRIPT = """
"$1" "$2" install -q --no-index --no-cache-dir --find-links "$3" --target site "$4"
exec "$1" -c "import sys; sys.path.insert(0, 'site'); import $4 as n; print(n.version, n.where())"
"""


def words(out, package):
    """A command that installs a package and imports it."""
    root = out("pip")
    return ["sh", "-euc", SCRIPT, "sh", os.path.join(root, "bin", "python3.11"),
            os.path.join(root, "pip.whl", "pip"), os.path.join(root, "wheels"), package]


def environment(out):
    """Of every command here."""
    return {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "PYTHONHOME": out("python"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COLOR": "1",
            "PIP_ROOT_USER_ACTION": "ignore"}


def cases(out):
    """The version of musl, the tags that follow from it, an installation, an import."""
    root = out("pip")
    python, pip = os.path.join(root, "bin", "python3.11"), os.path.join(root, "pip.whl")
    install = [python, os.path.join(pip, "pip"), "install", "--no-index", "--no-cache-dir",
               "--find-links", os.path.join(root, "wheels"), "--target", "site", "ward_native"]
    more = {"env": environment(out), "system": True, "seconds": 120}
    return [
        Case("pip", "musllinux", [python, os.path.join(REAL, "programs", "musllinux.py"), pip],
             r"^_MuslVersion\(major=1, minor=2\)\nmusllinux_1_2_\w+ musllinux_1_1_\w+ .*\n"
             r"no glibc\n$", **more),
        Case("pip", "install", install, r"(?m)^Successfully installed ward[-_]native-1\.0$", **more),
        Case("pip", "import", words(out, "ward_native"), "^%s$" % ANSWER, ways=("interp",), **more),
    ]


def plain(run):
    """A wheel whose library nobody may execute: installs everywhere; enforced it is not loaded."""
    if run.starter.no_system:
        raise wardtest.Skip(run.starter.no_system)
    case = Case("pip", "plain", words(run.corpus.out, "ward_plain"), "", ways=("interp",),
                env=environment(run.corpus.out), system=True, seconds=120)
    for which in ("stock", "ward"):
        r = run.start(case, "interp", which)
        assert (r.rc, r.out) == (0, ANSWER), "to be imported on %s\n%s" % (which, r)
    if run.no_enforcing:
        raise wardtest.Skip(run.no_enforcing)
    r = run.start(case, "interp", "enforce")
    assert r.rc == 1 and re.search(
        r"ImportError: Error loading shared library (\S+/site/ward_plain/_native\.so): refused: "
        r"no execute permission \(mode 0644\); chmod a\+x \1 ", r.err), "to be refused\n%s" % r
    assert r.err.count("refused") == 1, "nothing else to be refused\n%s" % r


def checks(run):
    """What differs from stock musl when enforced."""
    return [("plain", lambda: plain(run))]
