"""The order of system calls that ward promises for every object, read from strace's output.

For each object: one openat, fstat, the check on that descriptor (at times preceded by the
control), preads, mmaps of that same descriptor, fstat again, close. Hence nothing is read or
mapped before the verdict, and nothing is mapped that was not checked. When enforcing, a failed
check means that nothing is mapped. Parsed with threads, forks and execs told apart.
"""

import os
import re
import tempfile

import wardtest

CALLS = ("openat,open,openat2,fstat,newfstatat,statx,execveat,execve,pread64,preadv,read,mmap,"
         "munmap,close,dup,dup2,dup3,fcntl,clone,clone3,fork,vfork")
CHECK_FLAG = 0x10000

# One letter for each step on a descriptor: S fstat, K control, C check passed, X check failed,
# R read, M mmap. What may follow the openat of an object:
# MAPPED: vetted, validated, mapped. LOOKED_AT: no regular file, refused, known, or malformed.
MAPPED = re.compile(r"S(K?X)*K?[CX]R+M[MR]*S\Z")
LOOKED_AT = re.compile(r"S((K?X)*K?[CX](R+S?)?)?\Z")

LINE = re.compile(r"(\d+) +(.*)")
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
CALL = re.compile(r"(\w+)\((.*)\) += (0x[0-9a-f]+|-?\d+|\?)(?: (E\w+))?")
FIRST_FD = re.compile(r"(\d+)[,)]?")


class Object:
    """One descriptor from its openat to its close."""

    def __init__(self, path, flags):
        self.path, self.flags = path, flags
        self.steps = ""
        self.errno = None

    def is_object(self):
        """True when the loader asked about this descriptor or something mapped it."""
        return bool(set(self.steps) & set("CXKM"))

    def __str__(self):
        return "%s [%s]" % (self.path, self.steps)


class Table:
    """The descriptors of one process, and where its image has mapped which path first.

    foreign: another program was executed since the start, which is no business of ward's.
    """

    def __init__(self, fds=None, mapped=None, execs=0):
        self.fds, self.mapped, self.execs = dict(fds or {}), dict(mapped or {}), execs

    @property
    def foreign(self):
        return self.execs > 1

    def copy(self):
        return Table(self.fds, self.mapped, self.execs)


class Trace:
    """All objects of a run in the order of their openat, and every breach of the order."""

    def __init__(self, text, enforcing=False, reopen=True):
        self.enforcing, self.reopen = enforcing, reopen
        self.objects, self.breaches = [], []
        self._tables, self._parents, self._pending = {}, {}, {}
        calls = list(self._calls(text))
        for pid, name, args, ret, _ in calls:
            if name in ("clone", "clone3", "fork", "vfork") and ret > 0:
                self._parents[ret] = (pid, "CLONE_FILES" in args)
        for call in calls:
            self._step(*call)
        for o in self.objects:
            self._judge(o)

    def mapped(self):
        """The paths that were mapped, in order."""
        return [o.path for o in self.objects if "M" in o.steps]

    def _calls(self, text):
        """Yield (pid, name, args, return value, errno) for each call, in order of completion."""
        for line in text.splitlines():
            m = LINE.match(line)
            if not m:
                continue
            pid, rest = int(m.group(1)), m.group(2)
            if rest.endswith("<unfinished ...>"):
                head = rest[:-len("<unfinished ...>")].rstrip()
                if head.startswith("close("):  # the number is free for others from here on
                    yield from self._one(pid, head.rstrip(")") + ") = 0")
                else:
                    self._pending[pid] = head
                continue
            r = RESUMED.match(rest)
            if r:
                if r.group(1) == "close" or pid not in self._pending:
                    continue
                rest = self._pending.pop(pid) + r.group(2)
            yield from self._one(pid, rest)

    def _one(self, pid, rest):
        m = CALL.match(rest)
        if m and m.group(3) != "?":
            yield pid, m.group(1), m.group(2), int(m.group(3), 0), m.group(4)

    def _table(self, pid):
        if pid not in self._tables:
            parent, shared = self._parents.get(pid, (None, False))
            if parent is None:
                self._tables[pid] = Table()
            else:
                t = self._table(parent)
                self._tables[pid] = t if shared else t.copy()
        return self._tables[pid]

    def _step(self, pid, name, args, ret, errno):
        table = self._table(pid)
        if name in ("clone", "clone3", "fork", "vfork") and ret > 0:
            self._table(ret)  # what the child has is what the parent has now, not when it is heard of
        if table.foreign:
            return
        if name in ("openat", "open", "openat2"):
            if ret >= 0:
                self._open(table, name, args, ret)
        elif name in ("fstat", "newfstatat", "statx"):
            if name == "fstat" or '""' in args:
                self._mark(table, args, "S")
        elif name == "execveat":
            self._execveat(pid, table, args, ret, errno)
        elif name == "execve":
            if ret == 0:
                self._exec(pid, table)
        elif name in ("pread64", "preadv", "read"):
            self._mark(table, args, "R")
        elif name == "mmap":
            fd = args.split(", ")[4]
            if fd != "-1":
                self._map(table, int(fd), args, ret)
        elif name == "munmap":
            start, length = (int(a, 0) for a in args.split(", "))
            table.mapped = {p: a for p, a in table.mapped.items()
                            if not start <= a < start + length}
        elif name == "close":
            m = FIRST_FD.match(args)
            if m:
                table.fds.pop(int(m.group(1)), None)
        elif name in ("dup", "dup2", "dup3") or (name == "fcntl" and "F_DUPFD" in args):
            old = table.fds.get(int(FIRST_FD.match(args).group(1)))
            if ret >= 0 and old is not None:
                table.fds[ret] = old

    def _open(self, table, name, args, ret):
        words = args.split('"')
        path = words[1] if len(words) > 1 else "?"
        o = Object(path, args.rsplit('"', 1)[-1])
        if name != "openat":
            o.flags += " " + name
        table.fds[ret] = o
        self.objects.append(o)

    def _mark(self, table, args, step):
        m = FIRST_FD.match(args)
        o = table.fds.get(int(m.group(1))) if m else None
        if o is not None:
            o.steps += step

    def _execveat(self, pid, table, args, ret, errno):
        flags = args.rsplit(", ", 1)[-1]
        check = "AT_EXECVE_CHECK" in flags or any(
            w.startswith("0x") and int(w.split()[0], 16) & CHECK_FLAG for w in flags.split("|"))
        if not check:
            if ret == 0:
                self._exec(pid, table)
            return
        m = FIRST_FD.match(args)
        o = table.fds.get(int(m.group(1))) if m else None
        if o is None:
            return
        if '""' not in args:
            o.steps += "K"
            if errno != "ENOTDIR":
                self.breaches.append("%s: control answered %s" % (o, errno or ret))
        else:
            if "NULL, NULL" not in args:
                self.breaches.append("%s: check with arguments: %s" % (o, args))
            o.steps += "C" if ret == 0 else "X"
            o.errno = errno

    def _map(self, table, fd, args, ret):
        o = table.fds.get(fd)
        if o is None:
            self.breaches.append("mmap of descriptor %d that nobody opened: %s" % (fd, args))
            return
        if ret < 0:
            return
        if "M" not in o.steps:
            if o.path in table.mapped:
                self.breaches.append("%s is mapped from a second openat" % o.path)
            table.mapped[o.path] = ret
        o.steps += "M"

    def _exec(self, pid, table):
        self._tables[pid] = Table(execs=table.execs + 1)

    def _judge(self, o):
        if not o.is_object():
            return
        if not (MAPPED if "M" in o.steps else LOOKED_AT).match(o.steps):
            self.breaches.append("%s: order of calls is wrong (S fstat, K control, C check, "
                                 "X failed check, R read, M mmap)" % o)
        if "O_CLOEXEC" not in o.flags:
            self.breaches.append("%s: opened without O_CLOEXEC: %s" % (o.path, o.flags))
        if self.enforcing and "M" in o.steps and "C" not in o.steps:
            self.breaches.append("%s: mapped although the check failed (%s)" % (o, o.errno))
        if not self.reopen:
            same = [x for x in self.objects if x.path == o.path and x.is_object()]
            if len(same) > 1 and same[0] is o:
                self.breaches.append("%s is opened %d times" % (o.path, len(same)))


def run(argv, env=None, cwd=None, timeout=60, enforcing=False, reopen=True, stdin=None):
    """Run argv under strace; return (Result, Trace). reopen False: no path may be opened twice."""
    strace = wardtest.have("strace")
    if strace is None:
        raise wardtest.Skip("strace is not installed")
    fd, log = tempfile.mkstemp(prefix="order.")
    os.close(fd)
    try:
        prefix = [strace, "-f", "-qq", "-s", "256", "--seccomp-bpf", "-o", log, "-e",
                  "trace=" + CALLS]
        # The variables are for the tracee: strace is a program of another loader.
        for name, value in (env or {}).items():
            prefix += ["-E", "%s=%s" % (name, value)]
        r = wardtest.run(prefix + list(argv), cwd=cwd, timeout=timeout, stdin=stdin)
        with open(log, encoding="utf-8", errors="surrogateescape") as h:
            text = h.read()
    finally:
        os.unlink(log)
    return r, Trace(text, enforcing=enforcing, reopen=reopen)
