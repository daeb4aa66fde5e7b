"""ward-cc: what it links, what the usual flags turn off, what it keeps out of reach."""

import os
import shutil

from elffile import (
    Elf, DF_1_NOW, DF_1_PIE, DT_RELR, ET_DYN, ET_EXEC, ET_REL, PF_X, PT_DYNAMIC, PT_GNU_EH_FRAME,
    PT_GNU_RELRO, PT_INTERP, PT_LOAD)
import wardtest

HELLO = r"""
#include <stdio.h>
static int *volatile p;
int main(int argc, char **argv) { p = &argc; return printf("hello %d\n", *p) != 8; }
"""
LIB = "#include <string.h>\nint lib_three(char *s) { return strlen(s); }\n"
USER = "int lib_three(char *);\nint main(void) { return lib_three(\"abc\") - 3; }\n"
HEADERS = r"""
#include <linux/limits.h>
#include <asm/types.h>
#include <stddef.h>
#include <stdatomic.h>
#include <unistd.h>
#ifdef __GLIBC__
#error "a header of glibc"
#endif
int x = PATH_MAX;
"""


class Wrapper:
    """ward-cc with one of the two compilers, and a directory for what it makes."""

    def __init__(self, build, family, path=None):
        self.build, self.family, self.path = build, family, path or build.cc
        self.dir = os.path.join(build.work, "cc-" + family)
        os.makedirs(self.dir, exist_ok=True)
        for name, text in (("hello.c", HELLO), ("lib.c", LIB), ("user.c", USER),
                           ("headers.c", HEADERS)):
            with open(os.path.join(self.dir, name), "w", encoding="ascii") as h:
                h.write(text)

    def run(self, *words, env=None):
        """Run it and return what came."""
        return wardtest.run([self.path, "--ward-compiler=" + self.family, *words], cwd=self.dir,
                            env=env, timeout=60)

    def make(self, out, *words):
        """Run it with -o `out`; the result read as ELF. Nothing may be said."""
        path = os.path.join(self.dir, out)
        if os.path.exists(path):
            os.unlink(path)
        r = self.run(*words, "-o", out)
        assert r.rc == 0 and not r.err, r
        return Elf(path)

    def execute(self, out, want="hello 1\n"):
        """Run a program that was made, where this machine can."""
        if self.build.arch == os.uname().machine:
            r = wardtest.run([os.path.join(self.dir, out)], cwd=self.dir)
            assert r.rc == 0 and r.out == want and not r.err, r


def separate(elf):
    """Whether code shares no page of the file with anything else."""
    loads = elf.of_type(PT_LOAD)
    code = [s for s in loads if s.flags & PF_X]
    return len(code) == 1 and all(
        s is code[0] or s.off >= code[0].off + code[0].filesz
        or s.off + s.filesz <= code[0].off for s in loads) and code[0].off % 4096 == 0 and any(
        s.off < code[0].off for s in loads)


def check_default(cc):
    """A PIE, bound at once, with RELRO, separate code and .eh_frame_hdr, for this ward."""
    elf = cc.make("hello", "hello.c")
    assert elf.interp == cc.build.loader, "PT_INTERP is %s, expected %s" % (
        elf.interp, cc.build.loader)
    assert elf.type == ET_DYN and elf.flags()[1] & (DF_1_PIE | DF_1_NOW) == DF_1_PIE | DF_1_NOW
    assert elf.of_type(PT_GNU_RELRO) and elf.of_type(PT_GNU_EH_FRAME) and separate(elf)
    assert elf.needed() == ["libc.so"], elf.needed()
    assert DT_RELR not in elf.dynamic()
    cc.execute("hello")


def check_off(cc):
    """Each default can be turned off by the usual flag."""
    elf = cc.make("no-pie", "-no-pie", "hello.c")
    assert elf.type == ET_EXEC and elf.interp, "e_type %d" % elf.type
    cc.execute("no-pie")
    elf = cc.make("lazy", "hello.c", "-Wl,-z,lazy")
    assert not elf.flags()[1] & DF_1_NOW and not elf.flags()[0] & 8, "still BIND_NOW"
    elf = cc.make("norelro", "-Wl,-z,norelro", "hello.c")
    assert not elf.of_type(PT_GNU_RELRO), "still RELRO"
    elf = cc.make("noseparate", "-Wl,-z,noseparate-code", "hello.c")
    assert not separate(elf), "still separate code"
    cc.execute("noseparate")
    elf = cc.make("interp", "hello.c", "-Wl,--dynamic-linker=/some/where/else")
    assert elf.interp == "/some/where/else", elf.interp


def check_static(cc):
    """-static and -static-pie make programs without interpreter that run."""
    elf = cc.make("static", "-static", "hello.c")
    assert elf.type == ET_EXEC and not elf.interp and not elf.of_type(PT_DYNAMIC)
    cc.execute("static")
    elf = cc.make("static-pie", "-static-pie", "hello.c")
    assert elf.type == ET_DYN and not elf.of_type(PT_INTERP) and elf.of_type(PT_DYNAMIC)
    cc.execute("static-pie")


def check_shared(cc):
    """A library has neither interpreter nor start code; a program finds it."""
    elf = cc.make("libthree.so", "-shared", "-fPIC", "lib.c")
    assert elf.type == ET_DYN and not elf.interp and elf.needed() == ["libc.so"], elf.needed()
    elf = cc.make("user", "user.c", "-L.", "-lthree", "-Wl,-rpath,$ORIGIN")
    assert elf.needed() == ["libthree.so", "libc.so"], elf.needed()
    cc.execute("user", "")


def check_steps(cc):
    """-c, -S, -E, -r, several steps, standard input, a file of options."""
    assert cc.make("hello.o", "-c", "hello.c").type == ET_REL
    assert cc.make("whole.o", "-r", "hello.o").type == ET_REL
    cc.make("steps", "whole.o")
    cc.execute("steps")
    for flag in ("-S", "-E"):
        r = cc.run(flag, "hello.c", "-o", "-")
        assert r.rc == 0 and "main" in r.out and not r.err, r
    with open(os.path.join(cc.dir, "options"), "w", encoding="ascii") as h:
        h.write("-c hello.c\n")
    assert cc.make("options.o", "@options").type == ET_REL
    r = wardtest.run([cc.path, "--ward-compiler=" + cc.family, "-x", "c", "-", "-o", "stdin"],
                     cwd=cc.dir, stdin=HELLO)
    assert r.rc == 0 and not r.err, r
    cc.execute("stdin")


def check_bare(cc):
    """-nostdlib and -nostartfiles leave out what they say."""
    with open(os.path.join(cc.dir, "bare.c"), "w", encoding="ascii") as h:
        h.write("void _start(void) { for (;;) ; }\n")
    assert not cc.make("bare", "-nostdlib", "bare.c").needed()
    assert cc.make("bare", "-nostartfiles", "bare.c", "-Wl,--no-as-needed").needed() == ["libc.so"]
    r = cc.run("-nostdlib", "hello.c", "-Werror", "-Wl,--no-undefined", "-o", "undefined")
    assert "printf" in r.err, "expected printf to be undefined\n%s" % r


def check_headers(cc):
    """Ours, the compiler's and the kernel's headers; none of the host's C library."""
    assert cc.make("headers.o", "-c", "-Wall", "-Werror", "headers.c").type == ET_REL
    with open(os.path.join(cc.dir, "host.c"), "w", encoding="ascii") as h:
        h.write("#include <gnu/libc-version.h>\n")
    r = cc.run("-c", "host.c", "-o", "host.o")
    assert r.rc != 0 and "libc-version.h" in r.err, "expected no such header\n%s" % r
    empty = os.path.join(cc.dir, "empty")
    os.makedirs(empty, exist_ok=True)
    r = cc.run("-c", "headers.c", "-o", "headers.o",
               env=wardtest.base_env(WARD_KERNEL_HEADERS=empty))
    assert r.rc != 0 and "linux/limits.h" in r.err, "expected no kernel headers\n%s" % r


def check_libraries(cc):
    """The host's libraries are out of reach, also those beside the compiler's own."""
    for name in ("libgcc_s.so", "libatomic.so", "libBrokenLocale.so"):
        r = cc.run("hello.c", "-l:" + name, "-o", "host")
        assert r.rc != 0 and name in r.err, "expected %s not to be found\n%s" % (name, r)


def check_relr(cc):
    """RELR only on request."""
    if cc.build.arch != "x86_64" and cc.family == "gcc":
        r = cc.run("--ward-relr", "hello.c", "-o", "relr")
        if r.rc == 0 and "pack-relative-relocs ignored" in r.err:
            raise wardtest.Skip("this binutils has no RELR for %s" % cc.build.arch)
    elf = cc.make("relr", "--ward-relr", "hello.c")
    assert DT_RELR in elf.dynamic(), "no DT_RELR"
    cc.execute("relr")


def check_questions(cc):
    """Questions are answered, by the wrapper or by the compiler."""
    r = cc.run("-print-multiarch")
    assert r.out == cc.build.arch + "-linux-musl\n", r
    r = cc.run("-print-file-name=libc.so")
    assert r.out == os.path.join(cc.build.path, "lib/libc.so") + "\n", r
    r = cc.run("-dumpmachine")
    assert r.rc == 0 and r.out.startswith(cc.build.arch + "-") and not r.err, r
    r = cc.run("--version")
    assert r.rc == 0 and ("clang" in r.out) == (cc.family == "clang") and not r.err, r
    r = cc.run("-v")
    assert r.rc == 0 and cc.family in r.err and "warning" not in r.err, r
    r = cc.run("-print-prog-name=ld")
    assert r.rc == 0 and r.out.strip().endswith("ld"), r


def check_spaces(cc):
    """A build directory with a blank in its name, reached through a symbolic link."""
    top = os.path.join(cc.dir, "a dir")
    shutil.rmtree(top, ignore_errors=True)
    os.makedirs(os.path.join(top, "bin"))
    shutil.copy2(cc.path, os.path.join(top, "bin/ward-cc"))
    for name in ("lib", "include", "kernel-include"):
        os.symlink(os.path.join(cc.build.path, name), os.path.join(top, name))
    link = os.path.join(cc.dir, "link-to-ward-cc")
    if not os.path.islink(link):
        os.symlink("a dir/bin/ward-cc", link)
    r = wardtest.run([link, "--ward-compiler=" + cc.family, "hello.c", "-o", "blank"], cwd=cc.dir)
    assert r.rc == 0 and not r.err, r
    got = Elf(os.path.join(cc.dir, "blank")).interp
    assert got == os.path.join(top, "lib", os.path.basename(cc.build.loader)), got


def usable(build, family):
    """Why a compiler cannot be used here, or None."""
    r = wardtest.run([build.cc, "--ward-compiler=" + family, "--version"])
    return None if r.rc == 0 else "no %s for %s here" % (family, build.arch)


def tests(suite, build, config):
    """Run the tests of this file."""
    checks = [check_default, check_off, check_static, check_shared, check_steps, check_bare,
              check_headers, check_libraries, check_relr, check_questions, check_spaces]
    for family in ("clang", "gcc"):
        why = usable(build, family)
        cc = Wrapper(build, family)
        for test in checks:
            name = test.__name__[len("check_"):].replace("_", " ") + " with " + family
            if why:
                suite.skip("ward-cc", name, why)
            else:
                suite.check("ward-cc", name, test, cc)
