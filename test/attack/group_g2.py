"""G: the calls that seals do not stop, or not everywhere; and seals that cannot be had."""

import os
import re

from group_c_ask import filtered
from group_c_race import between
from rows import row
from stage import RESTRICT

GUARD, DONTFORK, FREE, REMOVE, WIPEONFORK = 102, 10, 8, 9, 18
MERGEABLE, PAGEOUT, COLD, POPULATE_READ = 12, 21, 20, 22
RELRO = [("main", "relro"), ("lib", "relro"), ("loader", "relro")]
TEXT = [("main", "text"), ("lib", "text"), ("loader", "text")]


def calls(x, table, words=(), flags=()):
    """Each (call, place, stock, limit): on ward anything but EPERM or EINVAL is a success."""
    lib = x.evil()
    prog = x.prog("remap" + "".join(flags), "remap.c", *flags,
                  inputs=[x.stage.source("where.h")])
    front = [x.target.loader, "--policy", " ".join(words)] if words and x.hardened else []
    r = x.run(*front, prog, lib, *[w for call, place, _, _ in table for w in (call, *place)])
    x.expect(r.rc == 0 and "remap done" in r.out, "the program to survive", r)
    for call, place, stock, limit in table:
        name = "%s %s %s" % (call, *place)
        m = re.search(r"^%s: (.*)$" % name, r.out, re.M)
        got = m.group(1) if m else "nothing"
        x.saw(" ".join([name, *words]), got not in ("EPERM", "errno 22", "errno 13"),
              "%s\n%s" % (got, r), stock, limit)


@row("G05")
def guarded(x):
    """MADV_GUARD_INSTALL: relocated pages refuse it; on code it ends the process, no more."""
    call = "madvise-%d" % GUARD
    calls(x, [(call, p, True, False) for p in RELRO] + [(call, ("lib", "text"), True, True)])


@row("G06")
def other_advice(x):
    """Other ways to lose or change pages; MADV_DONTFORK takes code away from children only."""
    relro = [("pkey-mprotect", p, True, False) for p in RELRO + TEXT]
    for n in (DONTFORK, WIPEONFORK, FREE):
        # of file-backed pages the kernel refuses the last two by itself: stock musl's RELRO
        relro += [("madvise-%d" % n, p, n == DONTFORK, False) for p in RELRO]
    calls(x, relro + [("madvise-%d" % REMOVE, p, False, False) for p in RELRO + TEXT] +
          [("madvise-%d" % DONTFORK, ("lib", "text"), True, True)])


def poke(x, how, *front):
    """Write into code past the page tables; returns the run."""
    return x.run(*front, x.prog("pokemem", "pokemem.c", inputs=[x.stage.source("where.h")]),
                 x.evil(), how)


@row("G07")
def past_protection(x):
    """/proc/self/mem and ptrace write to private pages; to shared ones the kernel refuses."""
    for how in ("proc", "ptrace"):
        r = poke(x, how)
        x.saw(how, "who: owned" in r.out, r, stock=True, limit=True)
        if x.hardened:
            r = poke(x, how, x.target.loader, "--policy", "text=shared")
            x.saw(how + ", text=shared", "who: owned" in r.out, r, stock=True)
            x.expect("write: errno 5 " in r.out.replace("\n", " ") and "who: evil" in r.out,
                     "EIO and nothing changed", r)


@row("G09")
def truncated_later(x):
    """The file is cut: code is gone, relocated data is not."""
    lib = x.copy(x.good(), "libwho.so")
    cut = [("close:1", "run=/usr/bin/truncate -s 0 " + lib)]
    r = between(x, lib, cut, x.loner(), "open=" + lib, "lastcall=who", ops=[RESTRICT])
    x.saw("code", r.rc == -7, r, stock=True, limit=True)


@row("G11")
def before_constructors(x):
    """Everything of a group is sealed before its first constructor, which may be anybody's."""
    lib = x.stage.lib("inctor.so", src="inctor.c")
    r = x.run(x.loner(), "open=" + lib)
    x.saw("dlopen", "ctor mprotect: ok" in r.out, r, stock=True)
    prog = x.prog("inctor." + x.target.name, "host.c", "-Wl,--no-as-needed", lib,
                  "-Wl,-rpath," + os.path.dirname(lib))
    r = x.run(prog)
    x.saw("start", "ctor mprotect: ok" in r.out, r, stock=True)
    x.expect("ctor mprotect" in r.out and "host done" in r.out, "the constructor to run", r)


@row("G12")
def failure_ignored(x):
    """A protection or seal that fails after it was found to work ends the start; so does none."""
    for n in (1, 12, 38):  # EPERM, ENOMEM, ENOSYS, which musl ignores
        r = filtered(x, ["ret=mprotect:%d" % n], x.host(), "call=who")
        x.saw("mprotect, errno %d" % n, "host" in r.out, r, stock=n == 38)
        r = filtered(x, ["not=mseal:%d:0" % n], x.host(), "call=who")
        x.saw("mseal, errno %d" % n, "host" in r.out, r, stock=True)
        x.expect(not x.hardened or "cannot seal memory" in r.err, "the reason", r)
        front = [x.target.loader, "--policy", "missing=refuse"] if x.hardened else []
        r = filtered(x, ["ret=mseal:%d" % n], *front, x.host(), "call=who")
        x.saw("no mseal, errno %d" % n, "host" in r.out, r, stock=True)
        x.expect(not x.hardened or "ward: cannot seal: " in r.err, "the reason", r)


@row("G13")
def not_sealable(x):
    """Stack and program data belong to the program: it may protect and unmap them."""
    calls(x, [("mprotect-w", ("main", "own"), True, True),
              ("munmap", ("main", "own"), True, True)])


@row("G16")
def data_executable(x):
    """Program data can be made executable, unless the policy seals it or the kernel forbids it."""
    table = [("mprotect-x", (who, "own"), True, True) for who in ("main", "lib")]
    calls(x, table)
    if x.hardened:
        table = [(c, p, True, False) for c, p, _, _ in table]
        calls(x, table, ["seal=all"])
        calls(x, table, ["lockdown=wx"])


@row("G17")
def odd_forms(x):
    """The less known forms of the same calls."""
    table = [("mremap-dontunmap", p, True, False) for p in RELRO + TEXT]
    table += [("process-madvise", p, True, False) for p in RELRO]
    table += [("map-vdso", ("vdso", "all"), True, False)]
    calls(x, table)


@row("G18")
def side_channels(x):
    """Advice that changes no content: merging and paging out can be observed, no more."""
    calls(x, [("madvise-%d" % n, p, True, True) for n in (PAGEOUT, COLD, POPULATE_READ)
              for p in RELRO])


@row("G19")
def squatted(x):
    """Another thread maps something where the next piece of a library belongs."""
    lib = x.copy(x.good(), "libwho.so")
    words = [x.loner(), "open=" + lib, "lastcall=who"]
    # Stock musl reserves the whole range first and maps over whatever is there: its later pieces
    # replace what the other thread has put into the reservation. Nothing of his is there to lose.
    for event in ("map:1", "map:2") if x.hardened else ("map:2",):
        r = between(x, lib, [(event, "squat")], *words)
        if x.hardened:
            x.expect("between: squat ok" in r.err, "a page in the way", r)
        x.saw(event, "who: good" not in r.out or r.rc != 0, r, stock=False)
