"""Builds of a second checkout: elsewhere, with the other compiler, with other options."""

import os
import shutil

from elffile import Elf
from loader import check_same
from sources import TOP
import wardtest

HELLO = '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n'


def directory(build):
    """The build directory's name below the top: build/ARCH, or what configure --dir said."""
    return os.path.relpath(build.path, TOP)


def copy_tree(build, to, top=TOP):
    """A second checkout with musl's objects as they are, to be built at another path."""
    shutil.rmtree(to, ignore_errors=True)
    os.makedirs(os.path.join(to, directory(build)))
    for name in ("configure", "Makefile", "VERSION", "mk", "src", "ldso", "arch", "include",
                 "tools", "doc", "test/contract"):
        src, dst = os.path.join(top, name), os.path.join(to, name)
        if os.path.isdir(src):
            shutil.copytree(src, dst)
        elif os.path.exists(src):
            shutil.copy2(src, dst)
    for name in ("config.mk", "musl-obj", "stock", "stamp", "gen"):
        src, dst = os.path.join(build.path, name), os.path.join(to, directory(build), name)
        if os.path.isdir(src):
            shutil.copytree(src, dst, symlinks=True)
        else:
            shutil.copy2(src, dst)
    os.unlink(os.path.join(to, directory(build), "stamp/sysroot"))     # not copied
    os.symlink(os.path.realpath(os.path.join(build.path, "musl")),
               os.path.join(to, directory(build), "musl"))
    os.symlink(os.path.join(TOP, "build/src"), os.path.join(to, "build/src"))


def check_reproducible(build):
    """Built at two paths of different length, the loader is the same to the bit."""
    loaders = []
    for name in ("one", "another-directory-with-a-longer-name"):
        to = os.path.join(build.work, name)
        copy_tree(build, to, TOP if not loaders else os.path.join(build.work, "one"))
        make(build, to)
        loaders.append(loader_of(build, to))
        with open(loaders[-1], "rb") as h:
            assert os.fsencode(to) not in h.read(), "the loader holds the path it was built at"
    check_same(*loaders)


def make(build, top, *words):
    """Run make in a checkout; nothing but the lines it always prints may come."""
    r = wardtest.run(["make", "-j2", "ARCH=" + build.arch, "B=" + directory(build), *words],
                     cwd=top, timeout=600)
    lines = [x for x in r.out.splitlines() if x.split()[:1] not in (["CC"], ["AS"], ["LINK"])]
    assert r.rc == 0 and not r.err and not lines, "expected exit 0 and no remark\n%s" % r


def configure(build, top, *words):
    """Run configure in a checkout, for the same musl and build directory."""
    return wardtest.run(["./configure", "--dir=" + directory(build),
                         "--musl-version=" + build.config["MUSL_VERSION"], *words], cwd=top,
                        timeout=60)


def loader_of(build, top):
    """The loader that a checkout built."""
    return os.path.join(top, directory(build), "lib", os.path.basename(build.loader))


def check_other_compiler(build, config):
    """gcc where clang was used and the other way round: no warning, and the loader runs."""
    other = {"clang": config["CROSS"] + "gcc", "gcc": "clang"}[config["CC_FAMILY"]]
    if config["CROSS"] and other == "clang":
        other = "clang --target=%s-linux-gnu" % build.arch
    if not wardtest.have(other.split()[0]):
        raise wardtest.Skip("no %s here" % other)
    to = os.path.join(build.work, "other-compiler")
    copy_tree(build, to)
    r = configure(build, to, "--arch=" + build.arch, "--cc=" + other)
    assert r.rc == 0, r
    make(build, to, "MUSL_CC=" + config["CC"])
    with open(os.path.join(to, directory(build), "gen/link.map"), encoding="utf-8") as h:
        assert "ld_born" in h.read(), "no link map"
    if build.arch == os.uname().machine:
        hello(build, loader_of(build, to))


def hello(build, loader):
    """A program run by a loader, by hand."""
    src, out = os.path.join(build.work, "other.c"), os.path.join(build.work, "other")
    with open(src, "w", encoding="ascii") as h:
        h.write(HELLO)
    r = wardtest.run([build.cc, src, "-o", out])
    assert r.rc == 0, r
    r = wardtest.run([loader, out])
    assert r.rc == 0 and r.out == "hello\n" and not r.err, r


def check_options(build):
    """configure's words reach the loader's constants; --musl takes a tree without the network."""
    to = os.path.join(build.work, "options")
    copy_tree(build, to)
    musl = os.path.realpath(os.path.join(build.path, "musl"))
    r = configure(build, to, "--arch=" + build.arch, "--musl=" + musl, "--policy=enforce",
                  "--floor=check=enforce missing=refuse", "--syslibdir=/opt/w/lib",
                  "--static-tls-surplus=2048")
    assert r.rc == 0, r
    header = os.path.join(directory(build), "gen/ld_config.h")
    make(build, to, header)
    with open(os.path.join(to, header), encoding="ascii") as h:
        text = h.read()
    with open(os.path.join(musl, "VERSION"), encoding="ascii") as h:
        version = h.read().strip()
    for name, value in (("LD_BUILD_POLICY", "enforce"),
                        ("LD_BUILD_FLOOR", "check=enforce missing=refuse"),
                        ("LD_ARCH", build.arch), ("LD_PREFIX", "/opt/w"),
                        ("LD_SYSLIBDIR", "/opt/w/lib"), ("LD_MUSL_VERSION", version)):
        want = '#define %s "%s"\n' % (name, value)
        assert want in text, "expected %sin\n%s" % (want, text)
    assert "#define LD_BUILD_STATIC_TLS 2048\n" in text, text
    for bad in ("--policy=a$b", "--arch=pdp11", "--musl=/nonexistent", "--prefix=usr", "--what",
                "--static-tls-surplus=1k", "--static-tls-surplus=1048577"):
        r = configure(build, to, bad)
        assert r.rc == 1 and r.err.strip(), "expected %s to be refused\n%s" % (bad, r)


def check_install(build):
    """make install and uninstall: the tree, and a wrapper that links for the installed loader."""
    top = os.path.join(build.work, "install")
    copy_tree(build, top, os.path.join(build.work, "one"))
    make(build, top)
    dest = os.path.join(build.work, "dest")
    shutil.rmtree(dest, ignore_errors=True)
    argv = ["make", "-s", "ARCH=" + build.arch, "B=" + directory(build), "DESTDIR=" + dest,
            "PREFIX=/opt/w", "SYSLIBDIR=/opt/w/lib"]
    r = wardtest.run(argv + ["install"], cwd=top, timeout=120)
    assert r.rc == 0, r
    loader = "ld-ward-%s.so.1" % build.arch
    path = os.path.join(dest, "opt/w/lib", loader)
    assert os.stat(path).st_mode & 0o7777 == 0o755, oct(os.stat(path).st_mode)
    libc = os.path.join(dest, "opt/w/lib/libc.so")
    assert os.readlink(libc) == "/opt/w/lib/" + loader, os.readlink(libc)
    os.unlink(libc)     # points to where it will be
    os.symlink(loader, libc)
    out = os.path.join(dest, "hello")
    src = os.path.join(build.work, "installed.c")
    with open(src, "w", encoding="ascii") as h:
        h.write(HELLO)
    r = wardtest.run([os.path.join(dest, "opt/w/bin/ward-cc"), src, "-o", out])
    assert r.rc == 0 and not r.err, r
    assert Elf(out).interp == "/opt/w/lib/" + loader, Elf(out).interp
    os.unlink(out)
    r = wardtest.run(argv + ["uninstall"], cwd=top, timeout=120)
    left = [os.path.join(d, f) for d, _, names in os.walk(dest) for f in names]
    assert r.rc == 0 and not left, "left behind: %s\n%s" % (left, r)


def tests(suite, build, config):
    """Run the tests of this file."""
    suite.check("build", "reproducible", check_reproducible, build)
    suite.check("build", "other compiler", check_other_compiler, build, config)
    suite.check("build", "options", check_options, build)
    suite.check("build", "install, uninstall", check_install, build)
