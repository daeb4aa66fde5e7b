"""Seals: every call that takes a page away or makes it writable is refused, and smaps says so."""

from contents import EVIL
from guest import need
import smaps

CALLS = ("mprotect", "munmap", "mmap", "mremap", "dontneed")
PLACES = ("relro", "text", "loader", "vdso")
# What the kernel allows also on sealed file mappings: they fall back to the file's content.
LIMITS = {("dontneed", "text"), ("dontneed", "loader")}
WIPE, LONER = "/t/%s/wipe", "/t/ward/loner"


def tests(g, image, mseal=True):
    """(title, test) of this group; mseal: does this kernel have it?"""
    for call in CALLS:
        yield call, lambda c=call: calls(g, c, mseal)
    yield "direct run", lambda: calls(g, "mprotect", mseal, image.loaders["ward"])
    for name, cmd in starts(image).items():
        yield "maps: " + name, lambda c=cmd: maps(g, c, mseal)
    yield "control: stock musl seals nothing", lambda: control(g)


def starts(image):
    """Programs that end with their own smaps."""
    see = "cat=/proc/self/smaps"
    loader = image.loaders["ward"]
    return {
        "program": ["/t/ward/good", see],
        "after dlopen": [LONER, "open=" + EVIL, see],
        "direct run": [loader, "/t/ward/mid", see],
        "seal=all": [loader, "--policy=seal=all", "/t/ward/mid", see],
    }


def calls(g, call, mseal, *before):
    """One call on each place: succeeds on stock musl, not on ward."""
    r = g.run(WIPE % "stock", EVIL, call)
    for place in PLACES:
        need("%s %s: ok\n" % (call, place) in r.out, "%s of %s on stock musl" % (call, place), r)
    r = g.run(*before, WIPE % "ward", EVIL, call)
    for place in PLACES:
        if (call, place) == ("dontneed", "vdso"):
            continue  # kernels differ, and there is nothing to fall back to
        want = "EPERM" if mseal and (call, place) not in LIMITS else "ok"
        line = "%s %s: %s\n" % (call, place, want)
        need(r.rc == 0 and line in r.out, repr(line), r)


def maps(g, cmd, mseal):
    """Every mapping of the process is as promised."""
    r = g.run(*cmd)
    need(r.rc == 0 and "VmFlags" in r.out, "the program's smaps", r)
    vmas = smaps.parse(r.out)
    bad = smaps.check(vmas)
    if not mseal:
        need(not any(v.sealed for v in vmas), "nothing sealed", r)
        bad = [b for b in bad if not b.startswith("not sealed: ")]
    if bad:
        raise AssertionError("expected every part as promised, got\n" + "\n".join(bad))


def control(g):
    """The flag that the tests look for is absent there."""
    r = g.run("/t/stock/good", "cat=/proc/self/smaps")
    need(r.rc == 0 and not any(v.sealed for v in smaps.parse(r.out)), "no sealed mapping", r)
