"""What the sources may include, and what the compiled core may ask for."""

import glob
import os
import re

from elffile import Elf, SHT_SYMTAB, STB_LOCAL, STT_FILE, STT_SECTION, X86_FEATURE_1
import wardtest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FREESTANDING = {"stddef.h", "stdint.h", "limits.h"}
# The files of src/ that make system calls through os.h; all others are pure.
KERNEL_FACE = {"arena.c", "os_linux.c", "registry.c", "verdict.c"}
MEMORY = {"memcpy", "memset", "memmove", "memcmp"}
# How the core gets memory: from an arena that its caller hands in.
ARENA = {"ld_alloc", "ld_alloc_n", "ld_alloc_str"}
# What -fstack-protector-strong adds to any file.
COMPILER = {"__stack_chk_fail", "__stack_chk_guard"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def includes(path):
    """(is it <...>, name) of each #include."""
    with open(path, encoding="utf-8") as h:
        return [(m[0] == "<", m[1]) for m in INCLUDE.findall(h.read())]


def files(*patterns):
    """Paths below the top, sorted; an empty answer would make a test that cannot fail."""
    found = sorted(f for p in patterns for f in glob.glob(os.path.join(TOP, p)))
    assert found, "no file matches %s" % (patterns,)
    return found


def knows_musl(path):
    """ldso/musl.c, ldso/musl.h and the replacements of musl's own files."""
    rel = os.path.relpath(path, TOP)
    return rel in ("ldso/musl.c", "ldso/musl.h") or rel.startswith("ldso/replace/")


def check_system_headers(pattern):
    """Only the three freestanding headers in <>."""
    bad = ["%s includes <%s>" % (os.path.relpath(f, TOP), name)
           for f in files(pattern) if not knows_musl(f)
           for angle, name in includes(f) if angle and name not in FREESTANDING]
    assert not bad, "expected only %s in <>, got:\n%s" % (sorted(FREESTANDING), "\n".join(bad))


def check_own_headers(pattern, roots):
    """Names in quotes are files of the directories allowed."""
    bad = []
    for f in files(pattern):
        for angle, name in includes(f):
            here = [r for r in roots if os.path.exists(os.path.join(TOP, r, name))]
            if not angle and not here and name != "ld_config.h" and not knows_musl(f):
                bad.append("%s includes \"%s\"" % (os.path.relpath(f, TOP), name))
    assert not bad, "expected headers of %s, got:\n%s" % (roots, "\n".join(bad))


def check_no_cycle():
    """The headers of src/, ldso/ and arch/ form no cycle."""
    paths = {os.path.basename(f): f for f in files("src/*.h", "src/*.def", "ldso/*.h")}
    edges = {n: [i for a, i in includes(f) if not a and i in paths] for n, f in paths.items()}
    state = {}

    def visit(name, trail):
        assert state.get(name) != 1, "headers include each other: %s" % " -> ".join(trail + [name])
        if name not in state:
            state[name] = 1
            for i in edges[name]:
                visit(i, trail + [name])
            state[name] = 2

    for name in edges:
        visit(name, [])


def check_kernel_face():
    """Exactly the files of KERNEL_FACE include os.h."""
    got = {os.path.basename(f) for f in files("src/*.c") if (False, "os.h") in includes(f)}
    assert got == KERNEL_FACE, "expected os.h in %s, got it in %s" % (
        sorted(KERNEL_FACE), sorted(got))


def check_headers_alone(build, config):
    """Each header compiles by itself, without libc in reach."""
    argv = config["CC"].split() + config["CFLAGS_FREE"].split() + [
        "-std=c11", "-ffreestanding", "-Wall", "-Werror", "-fsyntax-only", "-iquote", TOP]
    for d in (os.path.join(TOP, "src"), os.path.join(TOP, "ldso"),
              os.path.join(TOP, "arch", build.arch), os.path.join(build.path, "gen")):
        argv += ["-iquote", d]
    bad = []
    for header in files("src/*.h", "ldso/*.h"):
        if not knows_musl(header):
            name = os.path.relpath(header, TOP)
            unit = os.path.join(build.work, name.replace("/", "-") + ".c")
            with open(unit, "w", encoding="ascii") as h:
                h.write('#include "%s"\n' % name)
            r = wardtest.run(argv + [unit])
            if r.rc != 0 or r.err:
                bad.append("%s: %s" % (name, r.err))
    assert not bad, "expected silence, got\n%s" % "\n".join(bad)


def partial_link(build, config, name, objects):
    """Names that `objects`, linked with each other, still ask for."""
    out = os.path.join(build.work, name + ".o")
    r = wardtest.run(config["CC"].split() + ["-nostdlib", "-r", "-o", out] + objects)
    assert r.rc == 0, r
    return {s.name for s in Elf(out).symbols(SHT_SYMTAB)
            if not s.defined and s.bind != STB_LOCAL and s.type not in (STT_FILE, STT_SECTION)}


def core_objects(build):
    """The objects of src/*.c without the kernel face."""
    return [os.path.join(build.path, "obj/src", os.path.basename(f)[:-2] + ".o")
            for f in files("src/*.c") if os.path.basename(f) not in KERNEL_FACE]


def check_core_imports(build, config):
    """The pure core asks for the four memory functions and its caller's arena, nothing else."""
    got = partial_link(build, config, "core", core_objects(build)) - COMPILER - ARENA
    assert got <= MEMORY, "expected nothing but %s, got also %s" % (
        sorted(MEMORY), sorted(got - MEMORY))


def check_src_imports(build, config):
    """All of src/ is complete in itself but for the memory functions."""
    objects = [os.path.join(build.path, "obj/src", os.path.basename(f)[:-2] + ".o")
               for f in files("src/*.c")]
    got = partial_link(build, config, "src", objects) - COMPILER
    assert got <= MEMORY, "expected nothing but %s, got also %s" % (
        sorted(MEMORY), sorted(got - MEMORY))


def check_core_data(build):
    """The pure core has no writable data."""
    bad = []
    for path in core_objects(build):
        for name, kind, flags, _, _, size, *_ in Elf(path).sections:
            relro = name.startswith(".data.rel.ro")
            if flags & 3 == 3 and size and not relro and kind in (1, 8):
                bad.append("%s: section %s, %d bytes" % (os.path.basename(path), name, size))
    assert not bad, "expected no writable data, got:\n%s" % "\n".join(bad)


def check_marks(build):
    """Each of our objects from C is marked for the processor's control-flow checks."""
    bad = []
    for path in build.objects:
        got = Elf(path).feature_1()
        if got & 3 != 3 and os.path.exists(source_of(build, path, ".c")):
            bad.append("%s: %#x" % (os.path.relpath(path, build.path), got))
    assert not bad, "expected both bits of property %#x, got:\n%s" % (
        X86_FEATURE_1, "\n".join(bad))


def source_of(build, obj, suffix):
    """The source an object was made of."""
    rel = os.path.relpath(obj, os.path.join(build.path, "obj"))
    return os.path.join(TOP, rel[:-2] + suffix)


def check_ssp(build, no_ssp):
    """Files that run before the thread pointer is set do not use the canary; the rest may."""
    users = set()
    for path in build.objects:
        names = {s.name for s in Elf(path).symbols(SHT_SYMTAB) if not s.defined}
        if names & COMPILER:
            users.add(os.path.relpath(source_of(build, path, ".c"), TOP))
    assert users, "no object uses the stack protector at all"
    assert not users & set(no_ssp), "expected no canary in %s" % sorted(users & set(no_ssp))


def tests(suite, build, config):
    """Run the tests of this file."""
    suite.check("include", "system headers in src", check_system_headers, "src/*.[ch]")
    suite.check("include", "system headers in ldso", check_system_headers, "ldso/*.[ch]")
    suite.check("include", "system headers in arch", check_system_headers, "arch/*/*.h")
    arch = "arch/" + build.arch
    suite.check("include", "src includes only src", check_own_headers, "src/*.[ch]", ["src", arch])
    suite.check("include", "arch includes only src", check_own_headers, "arch/*/*.h",
                ["src", arch])
    suite.check("include", "ldso includes src, ldso", check_own_headers, "ldso/*.[ch]",
                ["src", "ldso", arch, "include"])
    suite.check("include", "no cycle", check_no_cycle)
    suite.check("include", "kernel face", check_kernel_face)
    suite.check("include", "each header compiles alone", check_headers_alone, build, config)
    suite.check("core", "imports of the pure core", check_core_imports, build, config)
    suite.check("core", "imports of src", check_src_imports, build, config)
    suite.check("core", "no writable data", check_core_data, build)
    suite.check("core", "marks", check_marks, build)
    suite.check("core", "stack protector", check_ssp, build, config["LD_NO_SSP"].split())
