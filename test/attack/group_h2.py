"""H: memory of the loader that loses its content."""

import re

from rows import row


def zero(x, lib, how):
    """Run the program that spoils one thing after another; returns the run."""
    r = x.run(x.prog("zero", "zero.c", "-pthread", inputs=[x.stage.source("where.h")]), lib, how,
              timeout=60)
    tried = re.search(r"^(\d+) tried$", r.out, re.M)
    x.expect(r.rc == 0 and tried and int(tried.group(1)) > 0, "something to spoil", r)
    x.expect("status " not in r.out, "each child to do its work", r)
    return r


@row("H13")
def restriction_forgotten(x):
    """No writable word makes the loader forget that a dlopen was restricted."""
    r = zero(x, x.copy(x.evil(), "libevil.so", 0o644), "restricted")
    x.saw("each word", re.search(r"^loaded$", r.out, re.M) is not None, r, stock=True)
    x.expect(not x.hardened or "loaded at once" not in r.out, "the securebit to count", r)


@row("H14")
def pages_dropped(x):
    """MADV_DONTNEED of writable pages: what the loader has there is harmless at its first value."""
    r = zero(x, x.evil(), "loader")
    x.saw("loader", re.search(r"signal .*[0-9a-f]$", r.out, re.M) is not None, r, stock=True)
    x.expect(not x.hardened or r.out.count("ctor evil") > 1, "libraries to load all the same", r)
    # The main thread's control block and the list of threads are the C library's, and writable.
    r = zero(x, x.evil(), "threads")
    x.saw("threads", "signal " in r.out, r, stock=True, limit=True)


@row("H15")
def constructors_again(x):
    """Progress is writable: constructors can be made to run again, but nothing else can."""
    r = zero(x, x.evil(), "replay")
    x.saw("replayed", r.out.count("ctor evil") > 1, r, stock=True, limit=True)
