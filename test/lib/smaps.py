"""Reading /proc/PID/smaps: what is sealed, what is anonymous, what is populated.

The promise that is checked: every page of every object (program, libraries, loader, vdso, vvar)
that is not writable carries `sl` in VmFlags, spans have no holes, and what the loader wrote and
sealed is anonymous memory that was populated.
"""

import re

HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) (\S+) (\d+) *(.*)")


class Vma:
    """One line of maps with its smaps fields; sizes in bytes."""

    def __init__(self, m):
        self.start, self.end = int(m.group(1), 16), int(m.group(2), 16)
        self.perm, self.offset, self.inode = m.group(3), int(m.group(4), 16), int(m.group(6))
        self.name = m.group(7)
        self.flags = frozenset()
        self.sizes = {}

    @property
    def sealed(self):
        return "sl" in self.flags

    @property
    def writable(self):
        return "w" in self.perm

    @property
    def executable(self):
        return "x" in self.perm

    @property
    def anonymous(self):
        """No file behind it."""
        return self.inode == 0

    @property
    def populated(self):
        """Every page is there, and is the process's own."""
        size = self.end - self.start
        return self.sizes.get("Rss", 0) == size and self.sizes.get("Anonymous", 0) == size

    def __str__(self):
        return "%x-%x %s %s %s" % (self.start, self.end, self.perm, self.name or "(anonymous)",
                                   "sealed" if self.sealed else "NOT SEALED")


def parse(text):
    """The text of a smaps file as a list of Vma."""
    out = []
    for line in text.splitlines():
        m = HEAD.match(line)
        if m:
            out.append(Vma(m))
        elif line.startswith("VmFlags:"):
            out[-1].flags = frozenset(line.split()[1:])
        elif line.endswith(" kB"):
            key, value = line[:-3].split(":")
            out[-1].sizes[key] = int(value) * 1024
    return out


def read(pid):
    """The Vmas of a running process."""
    with open("/proc/%s/smaps" % pid, encoding="utf-8", errors="surrogateescape") as h:
        return parse(h.read())


def spans(vmas):
    """{file name: (first address, last address)} of all files mapped."""
    out = {}
    for v in vmas:
        if v.inode:
            lo, hi = out.get(v.name, (v.start, v.end))
            out[v.name] = (min(lo, v.start), max(hi, v.end))
    return out


def unsealed(vmas):
    """Every mapping that must carry `sl` and does not.

    Not writable and part of an object, of a kernel page given to all (vdso, vvar) or readable
    anonymous memory. Left out: writable memory, PROT_NONE outside of objects (guard pages of the
    allocator and of thread stacks), and the vsyscall page, which belongs to no process.
    """
    inside = spans(vmas)
    bad = []
    for v in vmas:
        if v.writable or v.sealed or v.name == "[vsyscall]":
            continue
        of_object = any(lo <= v.start < hi for lo, hi in inside.values())
        if of_object or v.name.startswith("[v") or "r" in v.perm:
            bad.append(v)
    return bad


def holes(vmas):
    """Gaps between the mappings of one object, as (name, start, end)."""
    out = []
    for name, (lo, hi) in spans(vmas).items():
        at = lo
        for v in vmas:
            if v.end <= lo or v.start >= hi:
                continue
            if v.start > at:
                out.append((name, at, v.start))
            at = v.end
    return out


def sealed_file_writes(vmas):
    """Sealed, not writable and of a file, yet with own pages: MADV_DONTNEED reverts these."""
    return [v for v in vmas if v.sealed and not v.writable and v.inode
            and v.sizes.get("Anonymous", 0)]


def unpopulated(vmas):
    """Sealed readable anonymous memory with a page missing: userfaultfd could fill it."""
    return [v for v in vmas if v.sealed and not v.writable and "r" in v.perm and v.anonymous
            and not v.name.startswith("[v") and not v.populated]


def check(vmas):
    """All of the above as a list of complaints, empty when the process is as promised."""
    out = ["not sealed: %s" % v for v in unsealed(vmas)]
    out += ["hole in %s: %x-%x" % h for h in holes(vmas)]
    out += ["written and sealed, but of a file: %s" % v for v in sealed_file_writes(vmas)]
    out += ["sealed but not populated: %s" % v for v in unpopulated(vmas)]
    out += ["writable and executable: %s" % v for v in vmas if v.writable and v.executable]
    return out
