"""The linked loader: what it exports, how it is mapped, whose definitions it holds."""

import filecmp
import os
import shutil

from elffile import (
    Elf, DF_1_NOW, DF_BIND_NOW, DF_TEXTREL, DT_GNU_HASH, DT_HASH, DT_NEEDED, DT_RELR, DT_RPATH,
    DT_RUNPATH, DT_SONAME, DT_TEXTREL, ET_DYN, NT_GNU_BUILD_ID, PF_R, PF_W, PF_X, PT_GNU_RELRO,
    PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_TLS, SHT_DYNSYM, SHT_SYMTAB, STT_OBJECT)
from sources import TOP
import wardtest

PAGE = 4096
# Names that stock musl exports only because its loader looks them up itself.
STOCK_ONLY = {"_dlstart", "__dls2", "__dls2b", "__dls3"}
# Relocation types of the loader itself: RELATIVE, GLOB_DAT, JUMP_SLOT, and the plain word.
SELF_RELOCATIONS = {"x86_64": {8, 6, 7, 1}, "aarch64": {1027, 1025, 1026, 257}}


def check_mapping(elf):
    """No segment both writable and executable, the stack neither, code on pages of its own."""
    for s in elf.of_type(PT_LOAD):
        assert not (s.flags & PF_W and s.flags & PF_X), "segment at %#x is W and X" % s.va
    stack = elf.of_type(PT_GNU_STACK)
    assert len(stack) == 1 and not stack[0].flags & PF_X, "expected one PT_GNU_STACK without X"
    code = [s for s in elf.of_type(PT_LOAD) if s.flags & PF_X]
    assert len(code) == 1, "expected one executable segment, got %d" % len(code)
    for s in elf.of_type(PT_LOAD):
        if s is not code[0]:
            apart = (s.off // PAGE > (code[0].off + code[0].filesz - 1) // PAGE
                     or (s.off + s.filesz - 1) // PAGE < code[0].off // PAGE)
            assert apart, "the segment at %#x shares a file page with code" % s.va


def check_image(elf):
    """Three segments; the writable one has no file bytes, its content is copied to the constants."""
    loads = elf.of_type(PT_LOAD)
    assert [s.flags for s in loads] == [PF_R, PF_R | PF_X, PF_R | PF_W], "expected R, RX, RW"
    data = loads[2]
    assert not data.filesz, "the kernel would map %#x bytes of the file writable" % data.filesz
    at = {s.name: s.value for s in elf.symbols(SHT_SYMTAB) if s.defined}
    copied = b""
    for part in ("relro", "data"):
        lo, hi = (data.off + at["ld_%s_%s" % (part, end)] - data.va for end in ("from", "to"))
        copied += elf.data[lo:hi] + bytes(-(hi - lo) % 8)
    start = elf.offset(at["ld_image"])
    assert any(copied), "nothing but zeros"
    assert elf.data[start:start + len(copied)] == copied, "ld_image is another thing than the sections"
    area = data.off + at["ld_start_area"] - data.va
    assert not any(elf.data[area:data.off + at["ld_relro_from"] - data.va]), "the start area holds something"


def check_image_tool(build, config):
    """tools/loader-image goes both ways, and touches nothing that is not a loader."""
    copy, tool = os.path.join(build.work, "image"), os.path.join(TOP, "tools/loader-image")
    env = wardtest.base_env(NM=config["NM"], READELF=config["READELF"])
    shutil.copy(build.loader, copy)
    r = wardtest.run([tool, "file", copy], env=env)
    elf = Elf(copy)
    at = {s.name: s.value for s in elf.symbols(SHT_SYMTAB) if s.defined}
    data = elf.of_type(PT_LOAD)[2]
    assert r.rc == 0 and data.filesz == at["ld_data_to"] - data.va, "expected all bytes\n%s" % r
    with open(copy, "r+b") as h:    # what it copies is what is there now
        h.seek(data.off + at["ld_data_from"] - data.va)
        h.write(b"\xa5")
    r = wardtest.run([tool, "anonymous", copy], env=env)
    assert r.rc == 0 and not r.err, "expected success\n%s" % r
    check_image(Elf(copy))
    stock = os.path.join(build.path, "stock/lib/libc.so")
    shutil.copy(stock, copy)
    for how in ("file", "anonymous"):
        r = wardtest.run([tool, how, copy], env=env)
        assert r.rc == 1 and "is not a loader of ward's" in r.err, "expected an error\n%s" % r
        check_same(copy, stock)


MAPS = r"""
#include <stdio.h>
#include <string.h>
int main(void)
{
	char line[512], where[64] = "", now[64];
	FILE *f = fopen("/proc/self/smaps", "r");

	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%63s", now) == 1 && strchr(now, '-'))
			snprintf(where, sizeof where, "%.4s", strchr(line, ' ') + 1);
		if (!strncmp(line, "VmFlags", 7))
			printf("%s %d\n", where, strstr(line, " sl") != NULL);
	}
	return 0;
}
"""


def check_stripped(build, config):
    """What strip leaves of a loader has the same mappings, with the same protection and seals."""
    source = os.path.join(build.work, "maps.c")
    with open(source, "w", encoding="ascii") as h:
        h.write(MAPS)
    prog = build.compile(os.path.join(build.work, "maps"), [source], [source])
    said = []
    for how in ("plain", "--strip-debug", "--strip-all"):
        copy = os.path.join(build.work, "stripped")
        shutil.copy(build.loader, copy)
        os.chmod(copy, 0o755)
        if how != "plain":
            r = wardtest.run([config["STRIP"], how, copy])
            assert r.rc == 0, r
        r = wardtest.run([copy, prog])
        assert r.rc == 0, "%s: expected the program to run\n%s" % (how, r)
        said.append(r.out)
    assert said[0] and said[1:] == said[:1] * 2, "plain:\n%s\n--strip-debug:\n%s\n--strip-all:\n%s" % tuple(said)


def check_dynamic(elf):
    """Bound at once, no text relocation, no name and no dependency of its own."""
    dyn = elf.dynamic()
    flags, flags_1 = elf.flags()
    assert elf.type == ET_DYN, "e_type is %d" % elf.type
    assert flags & DF_BIND_NOW and flags_1 & DF_1_NOW, "not BIND_NOW: %#x %#x" % (flags, flags_1)
    assert DT_TEXTREL not in dyn and not flags & DF_TEXTREL, "text relocations"
    for tag in (DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH):
        assert tag not in dyn, "unexpected dynamic tag %d" % tag
    for tag in (DT_HASH, DT_GNU_HASH):
        assert tag in dyn, "dynamic tag %#x is missing" % tag
    assert not elf.of_type(PT_INTERP) and not elf.of_type(PT_TLS), "PT_INTERP or PT_TLS"


def check_relro(elf, arch):
    """Every relocated slot but data proper lies in RELRO, all slots of imported functions do."""
    relro = elf.of_type(PT_GNU_RELRO)
    assert len(relro) == 1, "expected one PT_GNU_RELRO, got %d" % len(relro)
    lo, hi = relro[0].va, relro[0].va + relro[0].memsz
    relative = 8 if arch == "x86_64" else 1027
    kinds = set()
    for off, kind, _ in elf.relocations():
        kinds.add(kind)
        inside = lo <= off < hi
        assert inside or kind == relative, "slot %#x of type %d lies outside RELRO" % (off, kind)
    assert kinds <= SELF_RELOCATIONS[arch], "relocation types %s" % sorted(kinds)
    assert kinds or DT_RELR in elf.dynamic(), "no relocations at all"


def check_build_id(elf):
    """One SHA-1 build-id."""
    got = [len(d) for n, k, d in elf.notes() if n == b"GNU\0" and k == NT_GNU_BUILD_ID]
    assert got == [20], "expected one build-id of 20 bytes, got %s" % got


def check_entry(elf):
    """The entry is ward's own."""
    table = {s.name: s for s in elf.symbols(SHT_SYMTAB) if s.defined}
    assert elf.entry == table["ld_entry"].value, "entry %#x" % elf.entry


def public(elf):
    """{name: (type, size of an object)} of what can be linked against; COPY needs the sizes."""
    return {s.name: (s.type, s.size if s.type == STT_OBJECT else None)
            for s in elf.symbols(SHT_DYNSYM) if s.defined}


def check_symbols(ours, stock):
    """The public names are stock musl's, no more and no fewer."""
    mine, theirs = public(ours), public(stock)
    assert len(theirs) > 1000, "stock exports only %d names" % len(theirs)
    lost = sorted(set(theirs) - set(mine) - STOCK_ONLY)
    extra = sorted(set(mine) - set(theirs))
    other = ["%s: %s, stock %s" % (n, mine[n], theirs[n])
             for n in sorted(set(mine) & set(theirs)) if mine[n] != theirs[n]]
    assert not (lost or extra or other), "missing: %s; extra: %s; different: %s" % (
        lost, extra, other)


def check_undefined(elf):
    """Nothing is left to be found elsewhere."""
    got = sorted(s.name for s in elf.symbols(SHT_DYNSYM) if not s.defined)
    assert not got, "undefined: %s" % got


def check_same(a, b):
    """Two files are identical."""
    assert filecmp.cmp(a, b, shallow=False), "%s and %s differ" % (a, b)


def link_contract(build, config, objects):
    """Run tools/link-contract over a link of `objects`."""
    return wardtest.run([os.path.join(TOP, "tools/link-contract"), build.path, config["NM"]]
                        + objects, timeout=60)


def check_link(build, config):
    """The link as it is: nothing missing, both lists as expected."""
    r = link_contract(build, config, build.objects)
    assert r.rc == 0 and not r.out and not r.err, "expected silence\n%s" % r


def check_link_notices(build, config):
    """Without one of our objects the link contract names all that went missing with it."""
    found = definers(build)
    assert len(found) > 1, "only %s define required names" % list(found)
    for path, names in sorted(found.items()):
        r = link_contract(build, config, [o for o in build.objects if o != path])
        said = [n for n in names if "link-contract: %s must be defined" % n in r.err]
        assert r.rc == 1 and said == names, "without %s: expected exit 1 and %s named\n%s" % (
            os.path.relpath(path, build.path), names, r)
    link_contract(build, config, build.objects)     # leave the lists of the real link behind


def required():
    """The names of required.txt."""
    with open(os.path.join(TOP, "test/contract/required.txt"), encoding="ascii") as h:
        return [n for n in (line.split("#")[0].strip() for line in h) if n]


def definers(build):
    """{object: names of required.txt that it defines}."""
    want = set(required())
    found = {}
    for path in build.objects:
        names = sorted(want & {s.name for s in Elf(path).symbols(SHT_SYMTAB)
                               if s.defined and s.bind})
        if names:
            found[path] = names
    return found


def tests(suite, build, config):
    """Run the tests of this file."""
    elf, stock = Elf(build.loader), Elf(os.path.join(build.path, "stock/lib/libc.so"))
    suite.check("loader", "segments", check_mapping, elf)
    suite.check("loader", "image", check_image, elf)
    suite.check("loader", "image tool", check_image_tool, build, config)
    suite.check("loader", "stripped", check_stripped, build, config)
    suite.check("loader", "dynamic table", check_dynamic, elf)
    suite.check("loader", "RELRO", check_relro, elf, build.arch)
    suite.check("loader", "build-id", check_build_id, elf)
    suite.check("loader", "entry", check_entry, elf)
    suite.check("loader", "public names", check_symbols, elf, stock)
    suite.check("loader", "nothing undefined", check_undefined, elf)
    suite.check("loader", "libc.so is the loader", check_same, build.loader,
                os.path.join(build.path, "lib/libc.so"))
    for name in ("libc.a", "crt1.o", "Scrt1.o", "rcrt1.o"):
        suite.check("loader", name + " is stock", check_same, os.path.join(build.path, "lib", name),
                    os.path.join(build.path, "stock/lib", name))
    suite.check("link", "names", check_link, build, config)
    suite.check("link", "notices each loss", check_link_notices, build, config)
