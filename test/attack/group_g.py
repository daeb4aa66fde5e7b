"""G: memory calls that turn against the image after start."""

import re

import image
from rows import row
from stage import RESTRICT, real_root
import wardtest

PLACES = [("main", "header"), ("main", "text"), ("main", "relro"), ("lib", "header"),
          ("lib", "text"), ("lib", "relro"), ("loader", "header"), ("loader", "text"),
          ("loader", "relro")]
VDSO = ("vdso", "all")


def remap(x, calls, places, stock=True, lib=None, ops=()):
    """Make each call against each place; EPERM stops it."""
    lib = lib or x.evil()
    triples = [(c, *p) for c in calls for p in places]
    r = x.run(x.prog("remap", "remap.c", inputs=[x.stage.source("where.h")]), lib,
              *[w for t in triples for w in t], ops=ops)
    x.expect(r.rc == 0 and "remap done" in r.out, "the program to survive", r)
    for t in triples:
        m = re.search(r"^%s: (.*)$" % " ".join(t), r.out, re.M)
        got = m.group(1) if m else "nothing"
        x.saw(" ".join(t), got != "EPERM", "%s\n%s" % (got, r), stock)


def effect(x, *names):
    """What the attacker gains: who() answers `owned`, or his data is gone."""
    for name in names:
        r = x.run(x.prog("remap", "remap.c", inputs=[x.stage.source("where.h")]), x.evil(),
                  "effect", name)
        x.expect("effect %s: " % name in r.out, "an answer", r)
        x.saw("effect of " + name, ": owned" in r.out, r, stock=True)
        if x.hardened:
            x.expect("refused\nwho: evil\n" in r.out, "the call refused and nothing changed", r)


@row("G01")
def writable_again(x):
    """mprotect of read-only parts."""
    remap(x, ["mprotect-w"], PLACES)
    remap(x, ["mprotect-wx"], [p for p in PLACES if p[1] == "text"] + [VDSO])
    effect(x, "patch-table", "patch-code")


@row("G02")
def unmapped(x):
    """munmap, and what a lookup finds when the symbols are replaced (House of Muney)."""
    remap(x, ["munmap"], PLACES + [VDSO])
    effect(x, "muney")


@row("G03")
def mapped_over(x):
    """mmap(MAP_FIXED) and all forms of mremap."""
    remap(x, ["mmap-fixed", "mremap-onto"], PLACES)
    remap(x, ["mremap-away"], PLACES + [VDSO])
    effect(x, "cover-table")


@row("G04")
def dropped(x):
    """MADV_DONTNEED: relocated pages must not fall back to what the file says."""
    remap(x, ["dontneed"], [p for p in PLACES if p[1] == "relro"])
    effect(x, "forget")


@row("G10")
def hole_inside(x):
    """Pages between the segments of one image belong to nobody else."""
    lib = x.stage.lib("holes.so", tag="evil", flags=[
        "-Wl,-z,max-page-size=0x10000", "-Wl,-z,separate-code"])
    loads = image.Image(lib)
    spans = [(loads.pget(p, "vaddr"), loads.pget(p, "memsz")) for p in loads.phdrs(image.PT_LOAD)]
    gaps = [b[0] // 4096 - (sum(a) + 4095) // 4096 for a, b in zip(spans, spans[1:])]
    x.expect(max(gaps) > 0, "a library with a hole", spans)
    remap(x, ["mprotect-wx", "mmap-fixed", "munmap", "mremap-onto"], [("lib", "hole")], lib=lib)


def uffd(x, lib, how, ops=()):
    """Refill a page through userfaultfd; returns the run."""
    if not real_root():
        raise wardtest.Skip("needs root: userfaultfd")
    r = x.run(x.prog("uffd", "uffd.c", inputs=[x.stage.source("where.h")]), lib, how, ops=ops)
    if "uffd unavailable" in r.out:
        raise wardtest.Skip("no userfaultfd here")
    x.expect(r.rc == 0 and "who: " in r.out, "the program to survive", r)
    return r


@row("G14")
def code_on_tmpfs_refilled(x):
    """Code of a library on tmpfs is dropped and refilled through userfaultfd."""
    x.mount("tmpfs")
    lib = x.copy(x.evil(), "tmpfs/libevil.so")
    r = uffd(x, lib, "code", [RESTRICT])
    x.saw("restricted", "who: owned" in r.out, r, stock=True)
    x.expect(not x.hardened or "who: evil" in r.out, "the code to be its own", r)
    r = uffd(x, lib, "code")
    x.expect("who: " in r.out, "an answer", r)


@row("G15")
def untouched_page_filled(x):
    """A read-only anonymous page that nobody touched is filled through userfaultfd."""
    lib = image.Image(x.stage.lib("blank.so", src="blank.c", flags=["-Wl,-z,norelro"]))
    rw, = [p for p in lib.phdrs(image.PT_LOAD) if lib.pget(p, "flags") == 6][-1:]
    stack, = lib.phdrs(image.PT_GNU_STACK)
    start, end = lib.pget(rw, "vaddr"), lib.pget(rw, "vaddr") + lib.pget(rw, "memsz")
    lib.pset(stack, type=image.PT_GNU_RELRO, flags=4, offset=lib.pget(rw, "offset"), vaddr=start,
             paddr=start, filesz=lib.pget(rw, "filesz"), memsz=(end + 4095) // 4096 * 4096 - start,
             align=1)
    r = uffd(x, x.write("blank.so", bytes(lib.data)), "blank")
    x.saw("RELRO of zeroes", "who: owned" in r.out, r, stock=True)
    x.expect(not x.hardened or "who: \n" in r.out, "the page to stay zero", r)
