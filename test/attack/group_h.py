"""H: one write to what the loader keeps."""

import re

from rows import row
import smaps
from stage import ROOT


def where(x):
    """What the sources with where.h depend on."""
    return [x.stage.source("where.h")]


def asking(x, name, *flags):
    """A library that calls who() of the good one through its table of addresses."""
    return x.stage.lib(name, src="ask.c", flags=["-fplt", "-Wl,--no-as-needed", x.good(),
                                                 "-Wl,-rpath," + ROOT + "/lib/good", *flags])


@row("H01")
def lazy_resolver(x):
    """No resolver to call with a forged argument: nothing is bound at the first call."""
    lib = asking(x, "asklazy.so", "-Wl,-z,lazy")
    r = x.run(x.prog("got", "got.c", inputs=where(x)), lib, "resolver")
    x.expect("ask: good" in r.out, "the call to work", r)
    x.saw("lazy object", "resolver: 0 0\n" not in r.out, r, stock=False)


@row("H02")
def slot_overwritten(x):
    """The slot of a function: sealed with the rest of RELRO, so that no write reaches it."""
    kinds = {
        "full RELRO": (["-Wl,-z,relro,-z,now"], False, False),
        # Slot and program data share pages that the program may write: nothing a loader could
        # protect. ward-cc links with -z now by default.
        "partial RELRO": (["-Wl,-z,relro,-z,lazy"], True, True),
        "no RELRO": (["-Wl,-z,norelro,-z,lazy"], True, True),
    }
    for name, (flags, stock, limit) in kinds.items():
        lib = asking(x, "ask%d.so" % len(name), *flags)
        r = x.run(x.prog("got", "got.c", inputs=where(x)), lib, "write")
        x.expect("ask: " in r.out, "an answer", r)
        x.saw(name, "ask: owned" in r.out, r, stock, limit)


def forge(x, how, stock=True):
    """Forge the published list and look for the effect."""
    r = x.run(x.prog("forge", "forge.c", inputs=where(x)), x.evil(), how)
    x.expect(r.rc == 0 or not x.hardened, "a clean end", r)
    fell = "owned" in r.out or "moved" in r.out or "forged 1" in r.out or "name forged" in r.out
    x.saw(how, fell, r, stock)
    return r


@row("H03")
def through_debug_pointer(x):
    """DT_DEBUG leads to r_debug leads to link_map: nothing there is believed."""
    r = forge(x, "exit-dynamic")
    x.expect(not x.hardened or ("who: evil" in r.out and "forge done" in r.out
                                and "no r_debug" not in r.out), "the program to go on", r)


@row("H04")
def base_moved(x):
    """l_addr, reached by dlinfo: neither exit nor dlsym nor dladdr uses it."""
    r = forge(x, "exit-base")
    x.expect(not x.hardened or "who: evil" in r.out, "the program to go on", r)
    forge(x, "lookup")
    forge(x, "name")


@row("H05")
def function_pointers(x):
    """No writable word of the loader holds code that a call of <dlfcn.h> reaches."""
    r = x.run(x.prog("words", "words.c", inputs=where(x)), x.evil(), x.good(), timeout=60)
    m = re.search(r"(\d+) words, (\d+) calls", r.out)
    x.expect(m is not None and r.rc == 0, "a count", r)
    x.saw("all writable words", m is not None and int(m.group(2)) > 0, r, stock=True)


@row("H12")
def object_appended(x):
    """A forged object behind the last: the list in use cannot be written or made longer."""
    r = forge(x, "append")
    x.expect(re.search(r"\d+ objects, forged \d", r.out) is not None, "a count", r)
    if x.hardened:
        registry(x)


def registry(x):
    """The spare memory behind the log is PROT_NONE, the log itself read-only and sealed."""
    r = x.run(x.loner(), "open=" + x.evil(), "cat=/proc/self/smaps")
    vmas = smaps.parse(r.out)
    spare = [(a, b) for a, b in zip(vmas, vmas[1:])
             if a.end == b.start and a.sealed and a.perm == "r--p" and a.anonymous
             and b.perm == "---p" and b.anonymous and b.end - b.start >= 1 << 16]
    x.expect(len(spare) >= 1, "a sealed log with spare memory behind it", r)
