"""Every kind of object in every role: ward's verdict is the kernel's own.

The verdict that is expected is not written down here: it is what the kernel answers to a small
static program about the same file, in the same state of the process, plus the two rules of ward's
own: a file without a name is refused when restricted, unless it is a sealed memfd; and nothing is
believed when the control call is not answered as only the kernel answers it.
"""

import errno
import fcntl
import os
import re
import subprocess

import floor
from stage import RESTRICT, ROOT, mount
import wardtest
from world import World

WHOLE = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "src", "kcheck.c")


class Thing:
    """One object to be loaded: where it is, the descriptors that keep it, the state of the process
    that wants it (ops), and why it is refused."""

    def __init__(self, path, why="", fds=(), loadable=True, sealed=False, ops=()):
        self.path, self.why, self.fds, self.ops = path, why, tuple(fds), list(ops)
        self.loadable = loadable  # by a loader that does not ask
        self.sealed = sealed
        self.check = self.nlink = self.control = None

    def close(self):
        """Let go of it."""
        for fd in self.fds:
            os.close(fd)

    def refused(self):
        """Must it be refused when enforcing?"""
        return (self.faked() or self.check != 0 or (self.nlink == 0 and not self.sealed))

    def faked(self):
        """Is what answers not the kernel? Then no program starts at all when enforcing."""
        return self.control != errno.ENOTDIR


def plain(x, src):
    return Thing(x.copy(src, "thing"))


def mode_0644(x, src):
    return Thing(x.copy(src, "thing", 0o644), "no execute permission (mode 0644)")


def mode_0000(x, src):
    return Thing(x.copy(src, "thing", 0o000), "no execute permission (mode 0000)")


def noexec(x, src):
    d = x.mount("noexec", "mode=755,noexec")
    return Thing(x.copy(src, "noexec/thing"), "file system %s is mounted noexec" % d,
                 loadable=False)


def tmpfs(x, src):
    x.mount("tmpfs")
    return Thing(x.copy(src, "tmpfs/thing"))


def overlay(x, src, mode=0o755):
    base = x.mount("base")
    for d in ("lower", "upper", "scratch", "merged"):
        os.mkdir(os.path.join(base, d))
    x.copy(src, "base/lower/thing", mode)
    options = "lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/scratch".format(base)
    mount("-t", "overlay", "-o", options, "ward-test", base + "/merged")
    return Thing(base + "/merged/thing", "no execute permission (mode 0644)" if mode & 1 == 0
                 else "")


def overlay_0644(x, src):
    return overlay(x, src, 0o644)


def memfd(x, src, seals=0, flags=0):
    fd = os.memfd_create("thing", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | flags)
    with open(src, "rb") as h:
        os.write(fd, h.read())
    if seals:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return Thing("/proc/self/fd/%d" % fd, "not a file on disk (memfd or deleted)", [fd],
                 sealed=seals == WHOLE)


def memfd_sealed(x, src):
    return memfd(x, src, WHOLE)


def memfd_half(x, src):
    return memfd(x, src, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)


def memfd_noexec(x, src):
    mfd_noexec_seal = 8
    t = memfd(x, src, flags=mfd_noexec_seal)
    t.why = ""
    return t


def unlinked(x, src):
    path = x.copy(src, "thing")
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    os.unlink(path)
    return Thing("/proc/self/fd/%d" % fd, "not a file on disk (memfd or deleted)", [fd])


def o_tmpfile(x, src):
    w = os.open(x.dir, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o755)
    with open(src, "rb") as h:
        os.write(w, h.read())
    os.fchmod(w, 0o755)
    fd = os.open("/proc/self/fd/%d" % w, os.O_RDONLY | os.O_CLOEXEC)
    os.close(w)
    return Thing("/proc/self/fd/%d" % fd, "not a file on disk (memfd or deleted)", [fd])


def fifo(x, src):
    path = os.path.join(x.dir, "thing")
    os.mkfifo(path, 0o755)
    return Thing(path, "not a regular file", loadable=False)


def directory(x, src):
    return Thing(x.mkdir("thing"), "not a regular file", loadable=False)


def busy(x, src):
    path = x.copy(src, "thing")
    return Thing(path, "open for writing by some process",
                 [os.open(path, os.O_WRONLY | os.O_CLOEXEC)])


def noexec_bind(x, src):
    x.copy(src, "under/thing")
    d = x.mkdir("noexec")
    mount("--bind", os.path.join(x.dir, "under"), d)
    mount("-o", "remount,bind,noexec", d)
    return Thing(d + "/thing", "file system %s is mounted noexec" % d, loadable=False)


def nosuid(x, src):
    x.mount("tmpfs", "mode=755,nosuid")
    return Thing(x.copy(src, "tmpfs/thing"))


def landlocked(x, src):
    allowed = [ROOT + d for d in ("/ward", "/lib", "/bin")]
    return Thing(x.copy(src, "thing"), "refused by a security module (EACCES)",
                 ops=["landlock=" + d for d in allowed])


def filtered(x, src, err):
    return Thing(x.copy(src, "thing"), "cannot enforce", ops=["execveat=%d" % err])


def filter_enosys(x, src):
    return filtered(x, src, errno.ENOSYS)


def filter_eperm(x, src):
    return filtered(x, src, errno.EPERM)


def filter_0(x, src):
    return filtered(x, src, 0)


def magic_link(x, src, mode=0o755):
    fd = os.open(x.copy(src, "thing", mode), os.O_RDONLY | os.O_CLOEXEC)
    return Thing("/proc/self/fd/%d" % fd, "" if mode & 1 else "no execute permission (mode 0644)",
                 [fd])


def magic_link_0644(x, src):
    return magic_link(x, src, 0o644)


OBJECTS = {
    "0755": plain, "0644": mode_0644, "0000": mode_0000, "noexec mount": noexec, "tmpfs": tmpfs,
    "overlay": overlay, "overlay 0644": overlay_0644, "memfd": memfd,
    "sealed memfd": memfd_sealed, "half-sealed memfd": memfd_half,
    "memfd noexec-seal": memfd_noexec, "unlinked": unlinked, "O_TMPFILE": o_tmpfile, "FIFO": fifo,
    "directory": directory, "busy": busy, "noexec bind": noexec_bind, "nosuid": nosuid,
    "Landlock": landlocked, "filter ENOSYS": filter_enosys, "filter EPERM": filter_eperm,
    "filter 0": filter_0, "magic link": magic_link, "magic link 0644": magic_link_0644,
}


# The modes in which the order of system calls is looked at too.
ORDERED = ("securebit", "conf", "floor")


class Mode:
    """How enforcement is switched on: operations before the start, words of a direct run, world."""

    def __init__(self, ops=(), words=None, world=None, enforcing=True):
        self.ops, self.words, self.enforcing = list(ops), words, enforcing
        self.direct = words is not None
        self.world_name, self.world = world, None


def make_modes(stg):
    """{name: Mode}; on an enforcing build all of them enforce."""
    loose = stg.build.enforcing
    modes = {
        "audit": Mode(enforcing=loose),
        "audit, direct": Mode(words=[], enforcing=loose),
        "securebit": Mode([RESTRICT]),
        "securebit, direct": Mode([RESTRICT], []),
        "locked securebits": Mode(["bits=0xf00"]),
        "policy": Mode(words=["--policy", "check=enforce missing=refuse"]),
        "conf": Mode(world="conf"),
        "conf, direct": Mode(words=[], world="conf"),
        "floor": Mode(world="floor"),
        "floor, direct": Mode(words=[], world="floor"),
    }
    worlds = {"floor": World(stg, "floor", loader=floor.loader(stg.build))}
    with open(stg.build.loader, "rb") as h:
        if b"/etc/ward.conf" in h.read():
            worlds["conf"] = World(stg, "conf", conf="check=enforce missing=refuse\n")
    for m in modes.values():
        m.world = worlds.get(m.world_name)
    return modes


class Cell:
    """One object in all roles and modes."""

    def __init__(self, x, name, modes):
        self.x, self.name, self.modes = x, name, modes
        tag = re.sub("[^a-z0-9]", "", name.lower())
        slot = x.mkdir("slot")
        self.slot = slot + "/libwho.so"
        rpath = "-Wl,-rpath," + slot
        # The object is always reached by this one name, a symbolic link to what is tried.
        self.needs = x.prog("needs." + tag, "host.c", "-Wl,--no-as-needed", x.good(), rpath)
        self.mid = x.stage.lib("mid/%s.so" % tag, tag="mid",
                               flags=["-Wl,--no-as-needed", x.good(), rpath])
        self.needs_mid = x.prog("needsmid." + tag, "host.c", "-Wl,--no-as-needed", self.mid,
                                "-Wl,-rpath," + ROOT + "/lib/mid")
        self.kcheck = x.stage.static("kcheck", SOURCE)

    def start(self, mode, thing, *cmd, **more):
        """One start in this mode and in the state that goes with the object."""
        return self.x.run(*cmd, ops=mode.ops + thing.ops, world=mode.world, pass_fds=thing.fds,
                          **more)

    def ask_kernel(self, mode, thing):
        """The kernel's verdict by the check, in the state that ward will be in."""
        for _ in range(50):
            r = self.start(mode, thing, self.kcheck, thing.path)
            if self.name == "busy" or not r.out.startswith("check %d " % errno.ETXTBSY):
                break  # a child of another thread may hold what we wrote for a moment
        m = re.match(r"check (\d+) nlink (\d+) control (\d+)\n", r.out)
        if r.rc != 0 or m is None:
            raise AssertionError("expected the kernel to answer\n%s" % r)
        thing.check, thing.nlink, thing.control = (int(w) for w in m.groups())

    def make(self, src):
        """A fresh object of this kind behind the slot."""
        path = os.path.join(self.x.dir, "thing")
        if os.path.isdir(path):
            os.rmdir(path)
        elif os.path.lexists(path):
            os.unlink(path)
        thing = OBJECTS[self.name](self.x, src)
        if os.path.lexists(self.slot):
            os.unlink(self.slot)
        os.symlink(thing.path, self.slot)
        return thing

    def unmake(self, thing):
        """Let go of the object and of the mounts it needed."""
        thing.close()
        for name in ("base/merged", "base", "noexec", "tmpfs"):
            path = os.path.join(self.x.dir, name)
            if os.path.ismount(path):
                wardtest.run(["umount", path])


def commands(cell, mode):
    """role: (command, requester or None when a missing start is not the point)."""
    x = cell.x
    run = (lambda *c: [x.target.loader, *mode.words, *c]) if mode.direct else (
        lambda *c: list(c))
    loner = x.loner()
    seen = ["fds", "maps", "open=" + cell.slot, "fds", "maps"]
    by_mid = ["fds", "maps", "open=" + cell.mid, "fds", "maps"]
    return {
        "DT_NEEDED": (run(cell.needs, "call=who"), cell.needs),
        "transitive": (run(cell.needs_mid, "call=who"), cell.mid),
        "LD_PRELOAD": (run(loner, "maps"), None),
        "dlopen": (run(loner, *seen), "dlopen in " + loner),
        "dependency of dlopen": (run(loner, *by_mid), cell.mid),
    }


def problem(what, r):
    """A complaint with the run that gave rise to it."""
    return "expected %s\n%s" % (what, r)


def sentences(r):
    """What people read on stderr: all but the lines for collectors."""
    return [w for w in r.err.splitlines() if not w.startswith("ward: audit: ")]


def check_start(cell, thing, r, requester, refused):
    """The object is needed at start."""
    if not refused:
        return [] if r.rc == 0 and "ctor evil" in r.out else [problem("the object loaded", r)]
    return check_line(cell, thing, r, r.err, requester) + (
        [] if r.rc == 127 and len(sentences(r)) == 1 and r.out == "" else
        [problem("exit 127, one line, nothing run", r)])


def check_line(cell, thing, r, text, requester):
    """One line names object, requester and reason."""
    lines = [w for w in text.splitlines() if w.startswith(("Error loading", "open "))]
    good = (len(lines) == 1 and thing.why in lines[0] and "libwho.so: refused" in lines[0]
            and lines[0].endswith("(needed by %s)" % requester))
    return [] if good else [problem("one line naming %s, %r and %r" % (
        "libwho.so", requester, thing.why), r)]


def check_dlopen(cell, thing, r, requester, refused):
    """The object is loaded by dlopen; a refusal leaves no trace in the process."""
    if r.rc != 0 or "host done" not in r.out:
        return [problem("the program to go on", r)]
    if not refused:
        return [] if "ctor evil" in r.out and ": ok\n" in r.out else [
            problem("the object loaded", r)]
    text = "\n".join(w for w in r.out.splitlines() if w.startswith("open "))
    out = check_line(cell, thing, r, text, requester)
    before, after = r.out.split(text, 1)
    for what, pattern in (("descriptors", r"^fd .*$"), ("mappings", r"^[0-9a-f]+-[0-9a-f]+ .*$")):
        was, now = (re.findall(pattern, t, re.M) for t in (before, after))
        files = [w for w in now if w.split()[-1] not in "\n".join(was)]
        if (what == "descriptors" and was != now) or (what == "mappings" and files):
            out.append(problem("the same %s before and after, got %s" % (what, files or now), r))
    return out


def check_nothing(role, r):
    """Nothing is loaded where the check is missing or not the kernel's, and one line says so."""
    text = r.err + r.out
    why = [w for w in ("cannot enforce: ", "something answers the kernel's check") if w in text]
    ok = "ctor" not in r.out and "who:" not in r.out
    if role == "LD_PRELOAD" and not why:  # ignored, and the program itself needs nothing vetted
        return [] if ok and r.rc == 0 else [problem("LD_PRELOAD ignored", r)]
    started = "dlopen" in role and r.rc == 0
    ok = ok and len(why) == 1 and (started or (r.rc == 127 and r.out == ""))
    return [] if ok else [problem("nothing loaded and the reason", r)]


def check_role(cell, mode, role, thing):
    """All complaints about one cell of the matrix."""
    cell.ask_kernel(mode, thing)
    refused = thing.refused() if mode.enforcing else not thing.loadable
    cmd, requester = commands(cell, mode)[role]
    env = {"LD_PRELOAD": cell.slot} if role == "LD_PRELOAD" else {}
    r = cell.start(mode, thing, *cmd, env=env)
    if mode.enforcing and thing.faked():
        return check_nothing(role, r)
    if role == "LD_PRELOAD":
        return check_preload(cell, mode, thing, r, refused)
    check = check_dlopen if "dlopen" in role else check_start
    if refused and not mode.enforcing:
        # The kernel cannot map it, or it is no file: an error, whatever its reason.
        failed = r.rc == 127 if check is check_start else "Error loading" in r.out
        return [] if failed and "libwho.so" in r.err + r.out else [problem("an error", r)]
    return check(cell, thing, r, requester, refused)


def check_preload(cell, mode, thing, r, refused):
    """LD_PRELOAD: ignored when enforcing, else loaded or an error."""
    if mode.enforcing:
        ok = r.rc == 0 and "ctor evil" not in r.out and "host done" in r.out
        return [] if ok else [problem("LD_PRELOAD ignored", r)]
    if refused:
        return [] if r.rc == 127 and cell.slot in r.err else [problem("exit 127", r)]
    return check_start(cell, thing, r, "LD_PRELOAD", False)


def check_option(cell, mode, thing):
    """--preload: loaded, or an error that names the alternative."""
    x = cell.x
    cell.ask_kernel(mode, thing)
    r = cell.start(mode, thing, x.target.loader, *mode.words, "--preload", cell.slot, x.loner())
    if mode.enforcing and thing.faked() and r.rc != 2:
        return check_nothing("--preload", r)
    if mode.enforcing:
        ok = r.rc in (2, 127) and "while restricted; use " in r.err and r.out == ""
        return [] if ok else [problem("an error that names the alternative", r)]
    if thing.loadable:
        return check_start(cell, thing, r, "--preload", False)
    return [] if r.rc == 127 and cell.slot in r.err else [problem("exit 127", r)]


def check_program(cell, mode, thing):
    """A direct run: the same verdict as execve."""
    cell.ask_kernel(mode, thing)
    out = []
    k = cell.start(mode, thing, cell.kcheck, "-x", thing.path)
    executes = not k.out.startswith("execve ")
    if not thing.faked() and executes != (thing.check == 0):
        out.append(problem("the kernel's check (%d) to agree with execve" % thing.check, k))
    refused = thing.refused() if mode.enforcing else not thing.loadable
    r = cell.start(mode, thing, cell.x.target.loader, *mode.words, thing.path)
    if mode.enforcing and thing.faked():
        return out + check_nothing("program", r)
    if not refused:
        return out + ([] if r.rc == 0 and "host done" in r.out else
                      [problem("the program to run", r)])
    ok = r.rc == 127 and r.out == "" and thing.path in r.err and len(sentences(r)) == 1
    if mode.enforcing:
        ok = ok and thing.why in r.err
    return out + ([] if ok else [problem("exit 127, one line with %r" % thing.why, r)])


def check_report(cell, mode, thing):
    """Audit says what enforcing would refuse, no more and no less."""
    x = cell.x
    cell.ask_kernel(mode, thing)
    r = cell.start(mode, thing, cell.needs, "call=who", env={"LD_WARD": "report=denials"})
    told = [w for w in r.err.splitlines() if w.startswith("ward: audit: would refuse ")]
    # What is no file is refused in any mode, and without a check there is none to predict.
    want = thing.refused() and thing.why != "not a regular file" and not mode.enforcing
    if not want or (thing.faked() and thing.check):
        return [] if not told else [problem("no report", r)]
    line = r"ward: audit: would refuse %s needed-by=%s reason=\S+ .*securebits=0x0 pid=\d+$" % (
        re.escape(cell.slot), re.escape(cell.needs))
    return [] if len(told) == 1 and re.match(line, told[0]) else [problem(line, r)]


def check_order(cell, mode, role, thing):
    """By the system calls: nothing of a refused object is mapped, each is opened once."""
    cell.ask_kernel(mode, thing)
    cmd, _ = commands(cell, mode)[role]
    r, trace = cell.x.trace(*cmd, ops=mode.ops + thing.ops, enforcing=True, world=mode.world,
                            pass_fds=thing.fds)
    own = [o for o in trace.objects if o.path == cell.slot]
    out = [problem("the order of calls: " + b, r) for b in trace.breaches
           if not (thing.faked() and "control answered" in b)]
    mapped = [o for o in own if "M" in o.steps]
    # Where the check is faked the search may have ended before it came to this object.
    if (len(own) != 1 and not thing.faked()) or bool(mapped) == thing.refused():
        out.append(problem("one open, mapped only if allowed: %s" % [str(o) for o in own], r))
    return out


def run_object(suite, x, name, modes):
    """All cells of one object, each one test."""
    cell = Cell(x, name, modes)
    direct = [n for n in modes if modes[n].direct]
    roles = list(commands(cell, modes["audit"]))
    jobs = [("%s, %s" % (role, n), lambda t, r=role, m=modes[n]: check_role(cell, m, r, t))
            for n in modes for role in roles]
    jobs += [("--preload, " + n, lambda t, m=modes[n]: check_option(cell, m, t)) for n in direct]
    jobs.append(("report", lambda t: check_report(cell, modes["audit"], t)))
    jobs += [("order, %s, %s" % (role, n),
              lambda t, r=role, m=modes[n]: check_order(cell, m, r, t))
             for n in ORDERED for role in ("DT_NEEDED", "transitive", "dlopen")]
    run_jobs(suite, cell, x.evil(), jobs)
    run_jobs(suite, cell, x.loner(), [
        ("program, " + n, lambda t, m=modes[n]: check_program(cell, m, t)) for n in direct])


def run_jobs(suite, cell, src, jobs):
    """Make the object once and run the tests on it."""
    try:
        thing = cell.make(src)
    except (OSError, subprocess.CalledProcessError) as e:
        for title, _ in jobs:
            suite.skip("matrix", "%s, %s" % (cell.name, title), "cannot make it here: %s" % e)
        return
    for title, job in jobs:
        if "conf" in title and cell.modes["conf"].world is None:
            suite.skip("matrix", "%s, %s" % (cell.name, title), "the loader has no /etc/ward.conf")
        else:
            suite.check("matrix", "%s, %s" % (cell.name, title), lambda: complain(job(thing)))
    cell.unmake(thing)


def complain(problems):
    """Raise what is wrong."""
    if problems:
        raise AssertionError("\n".join(p[:2500] for p in problems))
