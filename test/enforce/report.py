"""What operators read: report lines, their way to stderr and socket, --diagnose, --list=verbose."""

import importlib.machinery
import importlib.util
import os
import re
import socket
import subprocess
import threading
import time

from matrix import problem
from stage import NOBODY, RESTRICT, ROOT
import wardtest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COLLECTOR = os.path.join(TOP, "doc", "examples", "ward-collect")
FIELDS = ["needed-by", "reason", "mode", "securebits", "pid"]
MOST = 64  # lines of one process


def collector():
    """The example as a module: its parser is what the tests read lines with."""
    loader = importlib.machinery.SourceFileLoader("ward_collect", COLLECTOR)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


COLLECT = collector()


def need(true, what, r):
    """Raise unless true."""
    if not true:
        raise AssertionError(problem(what, r)[:2500])


def lines(text, event=None):
    """The parsed lines of a text; every line that claims to be one must parse."""
    found = []
    for line in text.splitlines():
        if not line.startswith("ward: audit: "):
            continue
        one = COLLECT.parse(line)
        need(one is not None, "a line that parses", line)
        order = [k for k in one if k not in ("event", "subject", "lost")]
        need(order == FIELDS, "the fields %s" % FIELDS, line)
        if event is None or one["event"] == event:
            found.append(one)
    return found


def report_of(x, prog, *words, level="all", ops=(), env=None, more=""):
    """(result, parsed lines) of a start with a level of reports."""
    r = x.run(prog, *words, ops=ops, env=dict(env or {}, LD_WARD="report=%s %s" % (level, more)))
    return r, lines(r.err)


# -- lines on stderr --

def report(x):
    """(title, test): what is said before main."""
    yield "levels", lambda: levels(x)
    yield "audit and enforcing say the same", lambda: same_facts(x)
    yield "every object loaded", lambda: loaded(x)
    yield "an executable stack asked for", lambda: execstack(x)
    yield "what would be ignored", lambda: would_ignore(x)
    yield "a relative DT_NEEDED", lambda: relative(x)
    yield "relative and foreign options of a direct run", lambda: options(x)
    yield "64 lines, then one more", lambda: suppressed(x)
    yield "last words without descriptors", lambda: no_descriptors(x)
    yield "nothing after main", lambda: after_main(x)
    yield "nothing when secure", lambda: secure(x)
    yield "blanks and backslashes in names", lambda: odd_names(x)


def needs_bad(x, name="libwho.so", mode=0o644):
    """(program, library): one that needs a library of that mode."""
    lib = x.copy(x.good(), name, mode)
    return x.prog("needs.report", "host.c", "-Wl,--no-as-needed", x.good(),
                  "-Wl,-rpath," + x.dir), lib


def levels(x):
    """quiet says nothing, denials what is denied, all the rest too."""
    prog, lib = needs_bad(x)
    for level, want in (("quiet", set()), ("denials", {"would refuse"}),
                        ("all", {"would refuse", "loaded"})):
        r, got = report_of(x, prog, level=level)
        need(r.rc == 0 and {f["event"] for f in got} == want, "events %s" % want, r)
        need(len(r.err.splitlines()) == len(got), "nothing else on stderr", r)
    need([f["subject"] for f in got if f["event"] == "would refuse"] == [lib], "the library", r)


def same_facts(x):
    """Path, requester, reason and mode are the same words in both modes; securebits are real."""
    prog, lib = needs_bad(x)
    want = {"subject": lib, "needed-by": prog, "reason": "mode", "mode": "0644"}
    for event, ops, more, bits in (
            ("would refuse", [], "", "0x0"), ("refused", [], "check=enforce", "0x0"),
            ("would refuse", ["bits=0x20"], "", "0x20")):
        r, got = report_of(x, prog, level="denials", ops=ops, more=more)
        need(len(got) == 1 and got[0]["event"] == event, "one line, " + event, r)
        need({k: got[0][k] for k in want} == want and got[0]["securebits"] == bits, str(want), r)
        need((r.rc == 127) == (event == "refused"), "a refusal to stop the start", r)
    r = x.direct("--policy", "report=denials", prog, ops=["bits=0x300"])
    got = lines(r.err)
    need(len(got) == 1 and got[0]["event"] == "refused" and got[0]["securebits"] == "0x300"
         and {k: got[0][k] for k in want} == want, "refused by securebits 0x300", r)
    need("Error loading shared library libwho.so: refused: no execute permission" in r.err,
         "the sentence too", r)


def loaded(x):
    """One line for each object, with its verdict: the list is that of dl_iterate_phdr."""
    for words in ([], ["direct"]):
        if words:
            r = x.direct("--policy", "report=all", x.host(), "objects")
            got = lines(r.err)
        else:
            r, got = report_of(x, x.host(), "objects")
        told = sorted(f["subject"] for f in got if f["event"] == "loaded")
        real = sorted(re.findall(r"^object (/\S+)$", r.out, re.M))
        need(told and told == [o for o in real if not o.endswith("/ld.so")], "%s" % real, r)
        reasons = {f["subject"]: (f["reason"], f["mode"]) for f in got}
        main = ("ok", "0755") if words else ("kernel", "-")
        need(reasons[x.host()] == main and reasons[ROOT + "/lib/good/libwho.so"] == ("ok", "0755"),
             "verdict and mode of each", r)


def execstack(x):
    """Asked for, not granted, noted."""
    lib = x.stage.lib("execstack.so", tag="stack", flags=["-Wl,-z,execstack"])
    r, got = report_of(x, x.loner(), "call=who", env={"LD_PRELOAD": lib})
    noted = [f for f in got if f["event"] == "noted"]
    need(len(noted) == 1 and noted[0]["subject"] == lib and noted[0]["reason"] == "execstack",
         "one line", r)
    r, got = report_of(x, x.loner(), level="denials", env={"LD_PRELOAD": lib})
    need(not [f for f in got if f["event"] == "noted"], "it at report=all only", r)


def would_ignore(x):
    """Variables that work now and will not when enforcing."""
    env = {"LD_PRELOAD": x.evil(), "LD_LIBRARY_PATH": ROOT + "/lib/evil"}
    r, got = report_of(x, x.host(), "call=who", level="denials", env=env)
    need("who: evil" in r.out, "the variables honoured", r)
    need(sorted((f["event"], f["subject"], f["reason"]) for f in got) == sorted(
        ("would ignore", n, "restricted") for n in env), "a line for each", r)
    r, got = report_of(x, x.host(), "call=who", level="denials", env=env, more="check=enforce")
    need("who: good" in r.out and not got, "the variables ignored", r)
    for name in env:
        need("ward: %s ignored: restricted by policy\n" % name in r.err, "a sentence", r)


def relative(x):
    """A name with a slash that is not absolute works now and is refused when enforcing."""
    lib = x.stage.lib("relative/libwho.so", tag="relative", flags=["-Wl,-soname,sub/libwho.so"])
    prog = x.prog("needs.relative", "host.c", "-Wl,--no-as-needed", lib)
    x.copy(lib, "sub/libwho.so")
    r = x.run(prog, "call=who", env={"LD_WARD": "report=denials"}, cwd=x.dir)
    got = lines(r.err)
    need(r.rc == 0 and "who: relative" in r.out, "the program to run", r)
    need([(f["event"], f["subject"], f["needed-by"], f["reason"]) for f in got] == [
        ("would refuse", "sub/libwho.so", prog, "relative")], "one line", r)
    r = x.run(prog, "call=who", env={"LD_WARD": "report=denials check=enforce"}, cwd=x.dir)
    got = lines(r.err)
    need(r.rc == 127 and [(f["event"], f["subject"]) for f in got] == [
        ("refused", "sub/libwho.so")], "the same, refused", r)


def options(x):
    """--preload and --library-path are errors when restricted: audit says so."""
    for option, value in (("--preload", x.evil()), ("--library-path", ROOT + "/lib/evil")):
        r = x.direct("--policy", "report=denials", option, value, x.host(), "call=who")
        need("who: evil" in r.out and [(f["event"], f["subject"]) for f in lines(r.err)] == [
            ("would refuse", option)], "one line", r)


def many(x, count):
    """That many libraries of mode 0644."""
    return [x.copy(x.good(), "many/lib%03d.so" % i, 0o644) for i in range(count)]


def suppressed(x):
    """The 65th line is the last and says so."""
    libs = many(x, MOST + 6)
    for count, want in ((MOST - 1, MOST), (MOST, MOST + 1), (MOST + 6, MOST + 1)):
        r, got = report_of(x, x.loner(), level="denials",
                           env={"LD_PRELOAD": ":".join(libs[:count])})
        need(r.rc == 0 and len(got) == want, "%d lines, got %d" % (want, len(got)), r)
        last = got[-1]["event"] == "suppressed"
        need(last == (count >= MOST) and not [f for f in got[:-1] if f["event"] == "suppressed"],
             "the last to say when lines are suppressed", r)


def no_descriptors(x):
    """RLIMIT_NOFILE 0 makes poll(2) fail: the message is written all the same, to any stderr."""
    cmd = [x.stage.launch, "limit=nofile:0", "--", x.host()]
    want = "Error loading shared library libwho.so: cannot open: Too many open files"
    r = wardtest.run(cmd, env={})
    need(r.rc == 127 and want in r.err, "the message in a pipe", r)
    ear, mouth = socket.socketpair()
    main, terminal = os.openpty()
    log = os.path.join(x.dir, "stderr")
    os.set_blocking(main, False)
    ear.setblocking(False)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        for name, fd, heard in (
                ("a socket", mouth.fileno(), lambda: ear.recv(4096)),
                ("a terminal", terminal, lambda: os.read(main, 4096)),
                ("a file", file, lambda: read(log))):
            done = subprocess.run(cmd, env={}, stdin=subprocess.DEVNULL, stderr=fd, timeout=10,
                                  stdout=subprocess.DEVNULL, check=False)
            got = heard()
            need(done.returncode == 127 and want in got.decode(), "the message in " + name, got)
    finally:
        for fd in (main, terminal, file):
            os.close(fd)
        ear.close()
        mouth.close()


def read(path):
    """The bytes of a file."""
    with open(path, "rb") as h:
        return h.read()


def after_main(x):
    """Without a socket a dlopen says nothing, whatever it finds."""
    lib = x.copy(x.evil(), "after.so", 0o644)
    r, got = report_of(x, x.loner(), "open=" + lib)
    need("ctor evil" in r.out and [f["event"] for f in got] == ["loaded"], "no line", r)


def secure(x):
    """A setuid program says nothing of a report, and its sentence when it is refused."""
    prog, _ = needs_bad(x)
    suid = x.setuid(prog, "suid.report")
    r = x.run(suid, ops=["uid=%d" % NOBODY], env={"LD_WARD": "report=all"})
    need(r.rc == 0 and r.err == "", "silence", r)
    r = x.run(suid, ops=[RESTRICT, "uid=%d" % NOBODY], env={"LD_WARD": "report=all"})
    need(r.rc == 127 and not lines(r.err) and r.err.count("\n") == 1, "one sentence", r)


def odd_names(x):
    """A name stays one word, and the word tells the name."""
    name = "a b\\x20c=d -.so"
    path = x.copy(x.evil(), name, 0o644)
    r = x.direct("--policy", "report=denials", path)
    got = lines(r.err)
    need(len(got) >= 1 and COLLECT.plain(got[0]["subject"]) == os.fsencode(path),
         "a word that stands for %r" % path, r)


# -- the socket --

def sockets(x):
    """(title, test): one datagram a line, at any time, never in anybody's way."""
    for title, test in (
            ("lines arrive, stderr is silent", arrive), ("dlopen reports too", at_run_time),
            ("once each", once), ("a full queue", full), ("no such socket", missing),
            ("not a datagram socket", wrong_kind), ("secure: all of the line", secure_socket),
            ("a start that fails", failed_start), ("no descriptor is kept", no_descriptor),
            ("a changed file", changed), ("what is ignored", ignored_socket),
            ("the collector", collects)):
        yield title, lambda t=test: (need_conf(), t(x))


def need_conf():
    """report-to= stands in the system file only."""
    if not os.path.exists(os.path.join(TOP, "src", "conf.c")):
        raise wardtest.Skip("this loader reads no /etc/ward.conf")


class Ear:
    """A datagram socket and what arrives there."""

    def __init__(self, x, name="ear", kind=socket.SOCK_DGRAM):
        self.path = os.path.join(x.dir, name)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.sock = socket.socket(socket.AF_UNIX, kind)
        self.sock.bind(self.path)
        os.chmod(self.path, 0o666)
        self.sock.setblocking(False)

    def hear(self):
        """(texts, parsed lines) of all that waits; one datagram is one line."""
        texts = []
        while True:
            try:
                texts.append(self.sock.recv(65536).decode("ascii"))
            except BlockingIOError:
                break
        for t in texts:
            need(t.count("\n") == 1 and t.endswith("\n"), "one line a datagram", t)
        return texts, lines("".join(texts))

    def fill(self):
        """Take all the room there is; returns how many datagrams that took."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.setblocking(False)
        count = 0
        try:
            while True:
                s.sendto(b"x\n", self.path)
                count += 1
        except BlockingIOError:
            return count
        finally:
            s.close()


def with_conf(x, text, *cmd, ops=(), env=None, tool=()):
    """Run a command where /etc holds nothing but ward.conf: in a mount namespace of its own."""
    conf = x.write("conf", text.encode(), 0o644)
    script = 'mount -t tmpfs -o mode=755 t /etc && cp "$0" /etc/ward.conf && exec "$@"'
    return x.run(wardtest.have("unshare"), "-m", "/bin/sh", "-c", script, conf, *tool,
                 x.stage.launch, *["env=%s=%s" % kv for kv in (env or {}).items()], *ops, "--",
                 *cmd, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


def conf_of(ear, level="denials", more=""):
    """A system file that sends reports to the socket."""
    return "report=%s\nreport-to=%s\n%s\n" % (level, getattr(ear, "path", ear), more)


def arrive(x):
    """Before main: to the socket instead of stderr."""
    ear, (prog, lib) = Ear(x), needs_bad(x)
    r = with_conf(x, conf_of(ear), prog)
    _, got = ear.hear()
    need(r.rc == 0 and r.err == "", "silence on stderr", r)
    need([(f["event"], f["subject"], f["needed-by"], f["reason"], f["mode"]) for f in got] == [
        ("would refuse", lib, prog, "mode", "0644")], "one line", "%s %s" % (r, got))


def at_run_time(x):
    """After main, and when descriptor 2 is something else by then."""
    ear, lib = Ear(x), x.copy(x.evil(), "runtime.so", 0o644)
    db = os.path.join(x.dir, "database")
    prog = x.prog("reuse", os.path.join(TOP, "test", "attack", "src", "reuse.c"))
    for more, event in (("", "would refuse"), ("check=enforce", "refused")):
        r = with_conf(x, conf_of(ear, more=more), prog, db, lib, "relative/none.so")
        _, got = ear.hear()
        need(r.rc == 0 and "reuse done" in r.out, "the program to run", r)
        need([(f["event"], f["subject"], f["needed-by"]) for f in got] == [
            (event, lib, prog),
            (event, "relative/none.so", prog)], "two lines", "%s %s" % (r, got))
        with open(db, "rb") as h:
            need(h.read() == b"precious\n", "the database untouched", r)


def once(x):
    """What was said is not said again."""
    ear, lib = Ear(x), x.copy(x.evil(), "once.so", 0o644)
    r = with_conf(x, conf_of(ear), x.loner(), *["open=" + lib] * 100)
    _, got = ear.hear()
    need(r.rc == 0 and len(got) == 1, "one line, got %d" % len(got), r)


def full(x):
    """Nobody reads: nothing waits; the next line that finds room says how many did not."""
    ear = Ear(x)
    libs = [x.copy(x.evil(), "full%d.so" % i, 0o644) for i in range(4)]
    queued = ear.fill()
    start = time.monotonic()
    gate = os.path.join(x.dir, "gate")
    if not os.path.exists(gate):
        os.mkfifo(gate)
    words = ["open=" + w for w in libs[:3]] + ["cat=" + gate, "open=" + libs[3]]
    # the program reads the FIFO between its third and its fourth library
    p = subprocess.Popen(["sh", "-c", 'sleep 2; exec cat /dev/null >"$0"', gate])
    drained = []
    t = threading.Timer(1.0, lambda: drained.extend(ear_raw(ear)))
    t.start()
    r = with_conf(x, conf_of(ear), x.loner(), *words)
    t.join()
    p.wait()
    _, got = ear.hear()
    need(r.rc == 0 and r.out.count(": ok\n") == 4, "all loaded", r)
    need(time.monotonic() - start < 8, "no waiting for room", r)
    need(len(drained) == queued, "the queue to hold what filled it, %d" % queued, drained[-3:])
    need([(f["subject"], f.get("lost")) for f in got] == [(libs[3], "3")],
         "one line with lost=3", "%s %s" % (r, got))


def ear_raw(ear):
    """All datagrams that wait, as they are."""
    found = []
    while True:
        try:
            found.append(ear.sock.recv(65536))
        except BlockingIOError:
            return found


def missing(x):
    """The collector is down, or never was there."""
    prog, _ = needs_bad(x)
    stale = Ear(x, "stale")
    stale.sock.close()
    for path in (x.dir + "/none", x.dir + "/none/deeper", stale.path, x.dir,
                 x.write("file", b"", 0o666), "/" + "l" * 106):
        r = with_conf(x, conf_of(path), prog, "open=" + x.evil())
        need(r.rc == 0 and r.err == "" and "ctor evil" in r.out, "an undisturbed start", r)


def wrong_kind(x):
    """A stream socket, listening, does not hold anybody up."""
    prog, _ = needs_bad(x)
    ear = Ear(x, "stream", socket.SOCK_STREAM)
    ear.sock.listen(1)
    r = with_conf(x, conf_of(ear), prog)
    need(r.rc == 0 and r.err == "", "an undisturbed start", r)


def secure_socket(x):
    """The socket is the operator's: a setuid program tells it all, and its caller nothing."""
    ear, (prog, lib) = Ear(x), needs_bad(x)
    suid = x.setuid(prog, "suid.socket")
    for ops, event, rc in (([], "would refuse", 0), ([RESTRICT], "refused", 127)):
        r = with_conf(x, conf_of(ear), suid, ops=[*ops, "uid=%d" % NOBODY])
        _, got = ear.hear()
        need(r.rc == rc and lib not in r.err and x.dir not in r.err, "nothing to the caller", r)
        found = [f for f in got if f["event"] == event]
        need(len(found) == 1 and found[0]["subject"] == lib and found[0]["needed-by"] == suid,
             "the line", "%s %s" % (r, got))


def failed_start(x):
    """A start that fails for another reason is told to the socket, the sentence to the caller."""
    ear = Ear(x)
    lib = x.stage.lib("gone/libgone.so", tag="gone")
    prog = x.prog("needs.gone", "host.c", "-Wl,--no-as-needed", lib)
    r = with_conf(x, conf_of(ear), prog)
    _, got = ear.hear()
    need(r.rc == 127 and "Error loading shared library libgone.so" in r.err, "the sentence", r)
    need([(f["event"], f["subject"], f["needed-by"], f["reason"]) for f in got] == [
        ("failed", "libgone.so", prog, "not-found")], "the line", "%s %s" % (r, got))


def no_descriptor(x):
    """The socket is opened close-on-exec for a line and closed; none is there at main."""
    strace = wardtest.have("strace")
    if strace is None:
        raise wardtest.Skip("strace is not installed")
    ear, lib = Ear(x), x.copy(x.evil(), "fd.so", 0o644)
    log = os.path.join(x.dir, "trace")
    r = with_conf(x, conf_of(ear), x.loner(), "fds", "open=" + lib, "fds",
                  tool=[strace, "-f", "-o", log, "-e", "trace=socket,sendto,close,connect"])
    parts = re.findall(r"(?:^fd .*\n)+", r.out, re.M)
    need(len(parts) == 2 and parts[0] == parts[1] and "socket:" not in parts[0],
         "the same descriptors before and after", r)
    with open(log, encoding="utf-8", errors="replace") as h:
        text = h.read()
    opened = re.findall(r"socket\(AF_UNIX, SOCK_DGRAM\|SOCK_CLOEXEC\|SOCK_NONBLOCK, 0\) = (\d+)\n"
                        r"\d+ +sendto\(\1, .*MSG_DONTWAIT\|MSG_NOSIGNAL, .* = \d+\n"
                        r"\d+ +close\(\1\)", text)
    need(len(opened) == 1 and text.count("socket(") == 1, "socket, sendto, close", text)


def changed(x):
    """A library that is there already and has another size by now."""
    ear = Ear(x)
    lib = x.copy(x.evil(), "changed.so")
    gate = os.path.join(x.dir, "changed.gate")
    if not os.path.exists(gate):
        os.mkfifo(gate)
    p = subprocess.Popen(["sh", "-c", 'exec 3>"$0"; printf x >>"$1"; exec 3>&-', gate, lib])
    r = with_conf(x, conf_of(ear, "all"), x.loner(), "open=" + lib, "cat=" + gate, "open=" + lib)
    p.wait()
    _, got = ear.hear()
    need(r.rc == 0 and r.out.count(": ok\n") == 2, "the same object again", r)
    need([(f["event"], f["subject"], f["reason"]) for f in got if f["event"] == "noted"] == [
        ("noted", lib, "changed")], "one line", "%s %s" % (r, got))


def ignored_socket(x):
    """Lines for what is ignored, with the reason."""
    ear, env = Ear(x), {"LD_PRELOAD": x.evil()}
    for ops, more, event, reason in (
            ([], "", "would ignore", "restricted"), ([], "check=enforce", "ignored", "policy"),
            ([RESTRICT], "", "ignored", "securebits")):
        r = with_conf(x, conf_of(ear, more=more), x.host(), "call=who", ops=ops, env=env)
        _, got = ear.hear()
        need(r.rc == 0 and r.err == "" and [(f["event"], f["subject"], f["reason"]) for f in got]
             == [(event, "LD_PRELOAD", reason)], "one line", "%s %s" % (r, got))


def collects(x):
    """The example binds the socket, prints each line once, and adds who sent it."""
    path = os.path.join(x.dir, "collected")
    prog, lib = needs_bad(x)
    with subprocess.Popen([COLLECTOR, "--unique", "--count", "2", path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as p:
        deadline = time.monotonic() + 10
        while not (os.path.exists(path) and os.stat(path).st_mode & 0o777 == 0o666):
            need(p.poll() is None and time.monotonic() < deadline, "the socket", path)
            time.sleep(0.02)
        for words in ([prog], [prog], [x.loner(), "open=" + lib]):
            r = with_conf(x, conf_of(path), *words)
            need(r.rc == 0 and r.err == "", "an undisturbed start", r)
        try:
            out, err = p.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
    got = out.splitlines()
    need(p.returncode == 0 and err == "" and len(got) == 2, "two lines and the end", out + err)
    for line, who in zip(got, (prog, x.loner())):
        f = COLLECT.parse(line)
        need(f and f["needed-by"] == who and f["subject"] == lib, "who asked: " + who, line)
        need(f["from-uid"] == str(os.getuid()) and f["from-pid"] == f["pid"], "the sender", line)


# -- the collector on logs --

def logs(x):
    """(title, test): the example on logs."""
    yield "audit and enforcing compare equal", lambda: compare(x)
    yield "what is no line of a report", lambda: not_lines(x)
    yield "paths to act on", lambda: paths(x)


def compare(x):
    """--refusals of a log of audit and of one of enforcing are the same text."""
    prog, lib = needs_bad(x)
    out = {}
    for mode in ("audit", "enforce"):
        r = x.run(prog, env={"LD_WARD": "report=all check=" + mode})
        log = x.write("log." + mode, ("noise\n" + r.err).encode(), 0o644)
        r = wardtest.run([COLLECTOR, "--refusals", "--read", log])
        need(r.rc == 0 and r.err == "", "an answer", r)
        out[mode] = r.out
    need(out["audit"] == out["enforce"] == "%s %s mode 0644\n" % (lib, prog), "the same", out)


def not_lines(x):
    """Lines that only look like one are left out; names that are new are kept."""
    good = ("ward: audit: would refuse /a needed-by=/b reason=mode mode=0644 securebits=0x0 pid=1 "
            "new-name=2")
    bad = ["ward: audit: would refuse /a b needed-by=/b reason=mode mode=- securebits=0x0 pid=1",
           "ward: audit: would refuse /a needed-by=/b", "ward: LD_PRELOAD ignored", "", "x" + good]
    log = x.write("log.odd", "\n".join([*bad, good, ""]).encode(), 0o644)
    r = wardtest.run([COLLECTOR, "--read", log])
    need(r.rc == 0 and r.out == good + "\n", "the one line", r)
    need(COLLECT.parse(good)["new-name"] == "2", "the new name", good)


def paths(x):
    """--paths prints what can be acted on, names what it leaves out, and says so by its status."""
    line = "ward: audit: would refuse %s needed-by=/b reason=%s mode=- securebits=0x0 pid=1\n"
    good = [r"/a\x20b", r"/\x5cx20", r"/\xc3\xa4", r"/a\x20b"]
    odd = ["a/b", r"/a\x0ab", r"/cut\...", "-"]
    log = x.write("log.paths", "".join([line % (w, "mode") for w in good] + [line % ("/c", "busy")]
                                       ).encode(), 0o644)
    r = wardtest.run([COLLECTOR, "--paths", "mode", "--read", log])
    need(r.rc == 0 and r.err == "" and r.out == "/\\x20\n/\u00e4\n/a b\n", "three paths", r)
    log = x.write("log.odd.paths", "".join(line % (w, "mode") for w in [*odd, "/d"]).encode(), 0o644)
    r = wardtest.run([COLLECTOR, "--paths", "mode", "--read", log])
    need(r.rc == 1 and r.out == "/d\n", "one path, status 1", r)
    need(r.err == "".join("ward-collect: left out: %s\n" % w for w in sorted(odd)), "the others", r)


# -- diagnose, list, explain --

KEYS = {"check": ("off", "audit", "enforce"), "missing": ("report", "refuse"),
        "direct": ("allow", "deny"), "seal": ("off", "code", "all"), "vdso": ("keep", "seal"),
        "text": ("private", "shared"), "lockdown": ("none", "wx", "exec"),
        "report": ("quiet", "denials", "all")}
SOURCES = ("build", "floor", "conf", "section", "note", "command", "environment")
VERDICTS = ("ok", "empty", "control", "dollar", "relative", "absent", "unreadable", "type",
            "writable", "owner")


def diagnose(x):
    """(title, test): --diagnose is whole, stable and true."""
    yield "every line", lambda: every_line(x)
    yield "securebits and policy", lambda: state(x)
    yield "search path", lambda: search_path(x)
    yield "the program's note", lambda: note(x)
    yield "a program", lambda: program(x)
    yield "host settings", lambda: host(x)
    yield "a filter that fakes the check", lambda: faked(x)
    yield "--list=verbose", lambda: verbose(x)
    yield "--list is musl's still", lambda: plain_list(x)
    yield "--explain", lambda: explain(x)


def answers(x, *words, ops=(), env=None):
    """The answers as a dictionary; each name once, the version first, the end last."""
    r = x.direct("--diagnose", *words, ops=ops, env=env)
    need(r.rc == 0 and r.err == "", "exit 0 and silence", r)
    pairs = []
    for line in r.out.splitlines():
        m = re.fullmatch(r"([a-z][a-z0-9._-]*)=(\S+)", line)
        need(m is not None, "name=value", line)
        pairs.append(m.groups())
    need(pairs[0] == ("ward-diagnose", "1") and pairs[-1] == ("end", "1"), "both ends", r)
    need(len(dict(pairs)) == len(pairs), "each name once", r)
    return dict(pairs)


def every_line(x):
    """All names, and nothing but what is documented."""
    got = answers(x, x.loner())
    shapes = {
        "ward-diagnose": "1", "end": "1", "version": r"\d+\.\d+\.\d+", "arch": r"\w+",
        "musl": r"[\d.]+", "musl.debian": r"\S+", "build.policy": r"\S+", "build.floor": r"\S+",
        "build.static-tls": r"\d+", "policy.static-tls": r"\d+", "policy.static-tls.from": "build",
        "kernel.release": re.escape(os.uname().release), "support.procfs": "yes",
        "support.check": "yes|no", "support.control": "yes|no|faked|unknown",
        "support.mseal": "yes|no", "support.mdwe": "yes|no", "support.landlock": r"\d+",
        "process.pid": r"\d+", "process.securebits": "0x0", "process.secure": "no",
        "process.restricted": "no", "process.enforcing": "no", "process.no-new-privs": "no",
        "process.seccomp": "none", "policy.preload": "-", "policy.report-to": "stderr",
        "conf.file": "/.*ward.conf", "conf.state": "none|ok|unreadable|type|owner|writable|large",
        "conf.owner": r"-|\d+", "conf.mode": r"-|0[0-7]{3}", "path.file": r"-|/\S+",
        "path.count": r"\d+", "program.path": re.escape(x.loner()), "program.verdict": "ok",
        "program.refused": "no", "program.errno": "0", "program.owner": str(os.getuid()),
        "program.mode": "0755",
    }
    for key, values in KEYS.items():
        shapes["policy." + key] = "|".join(values)
        shapes["policy.%s.from" % key] = "|".join(SOURCES)
    for i in range(int(got["path.count"])):
        shapes.update({"path.%d.dir" % i: r"\S+", "path.%d.owner" % i: r"-|\d+",
                       "path.%d.source" % i: "build|file|environment|library-path",
                       "path.%d.mode" % i: r"-|0?[0-7]{4}",
                       "path.%d.verdict" % i: "|".join(VERDICTS)})
    hosts = {k for k in got if k.startswith("host.")}
    need(set(got) - hosts == set(shapes), "names %s" % sorted(set(got) ^ set(shapes) ^ hosts), got)
    for name, shape in shapes.items():
        need(re.fullmatch(shape, got[name]), "%s to be %s" % (name, shape), got[name])


def state(x):
    """What holds is what is said, and where it comes from."""
    got = answers(x, ops=["bits=0x300"])
    need((got["process.securebits"], got["process.restricted"], got["process.enforcing"]) == (
        "0x300", "yes", "yes"), "restricted and enforcing", got)
    got = answers(x, ops=["bits=0x400"])
    need((got["process.restricted"], got["process.enforcing"]) == ("yes", "no"), "restricted", got)
    r = x.direct("--policy", "seal=all report=all", "--diagnose")
    need("policy.seal=all\n" in r.out and "policy.report=all\n" in r.out, "the policy", r)
    r = x.direct("--policy", "direct=deny lockdown=wx", "--diagnose")
    need(r.rc == 0 and "policy.direct=deny\n" in r.out, "an answer although runs are denied", r)


def note(x):
    """A program's note is part of the policy that is shown, as far as it would count."""
    words = "seal=off text=shared check=enforce"
    got = answers(x, x.prog("noted", "host.c", "--ward=" + words))
    need({k: (got["policy." + k], got["policy.%s.from" % k]) for k in ("seal", "text", "check")} == {
        "seal": ("off", "note"), "text": ("shared", "note"), "check": ("enforce", "note")},
         "all three from the note", got)
    need((got["process.enforcing"], got["program.verdict"]) == ("yes", "ok"), "enforcing", got)
    lax = x.prog("noted.lax", "host.c", "--ward=seal=off vdso=keep")
    for prog, ops, seal in ((lax, [], ("off", "note")), (lax, [RESTRICT], ("code", "build")),
                            (x.loner(), [], ("code", "build"))):
        got = answers(x, prog, ops=ops)
        need((got["policy.seal"], got["policy.seal.from"]) == seal, "seal=%s from %s" % seal, got)
    broken = x.write("noted.broken", b"\x7fELF" + bytes(2000))
    os.chmod(broken, 0o755)
    for path in (broken, x.dir):
        need(answers(x, path)["policy.seal.from"] == "build", "no note of " + path, path)


def search_path(x):
    """Each directory with owner, mode and what is against it: what restriction drops, no more."""
    dirs = {"ok": x.mkdir("path.ok"), "writable": x.mkdir("path.writable"),
            "owner": x.mkdir("path.owner"), "absent": x.dir + "/path.absent",
            "relative": "path.relative", "dollar": x.dir + "/$ORIGIN", "control": x.dir + "/a\tb",
            "type": x.write("path.file", b"")}
    more = {x.mkdir("path.own-group"): "ok", x.mkdir("path.writable/below"): "writable",
            x.mkdir("path.sticky/below"): "ok", x.dir + "/path.sticky": "writable"}
    for name, mode in (("ok", 0o755), ("writable", 0o777), ("owner", 0o755), ("own-group", 0o775),
                       ("writable/below", 0o755), ("sticky", 0o1777), ("sticky/below", 0o755)):
        os.chmod(x.dir + "/path." + name, mode)
    if os.getuid() == 0:
        os.chown(dirs["owner"], NOBODY, NOBODY)
    searched = list(dirs.values()) + list(more)
    got = answers(x, env={"LD_LIBRARY_PATH": ":".join(searched) + "::/"})
    own = [i for i in range(int(got["path.count"])) if got["path.%d.source" % i] == "environment"]
    said = {COLLECT.plain(got["path.%d.dir" % i]).decode(): got["path.%d.verdict" % i] for i in own}
    want = {d: name for name, d in dirs.items()}
    want.update({"-": "empty", "/": "ok"})
    want.update(more)
    if os.getuid():
        want[dirs["owner"]] = "ok"
    need(said == want, str(want), said)
    got = answers(x, ops=[RESTRICT], env={"LD_LIBRARY_PATH": dirs["ok"]})
    need(not [k for k, v in got.items() if k.endswith(".source") and v == "environment"],
         "no variable while restricted", got)


def program(x):
    """The verdict on a program, refused or not, without running it."""
    bad = x.copy(x.loner(), "bad.prog", 0o644)
    for ops, refused in (([], "no"), ([RESTRICT], "yes")):
        got = answers(x, bad, ops=ops)
        need((got["program.verdict"], got["program.refused"], got["program.mode"]) == (
            "mode", refused, "0644"), "mode, refused=" + refused, got)
    got = answers(x, x.dir + "/none")
    need((got["program.verdict"], got["program.errno"], got["program.mode"]) == (
        "absent", "2", "-"), "absent", got)
    got = answers(x)
    need(not [k for k in got if k.startswith("program.")], "no program, no answer", got)


def host(x):
    """Values are those of /proc; state follows from them."""
    got = answers(x)
    names = sorted(k[5:-5] for k in got if k.startswith("host.") and k.endswith(".want"))
    need("vm.memfd_noexec" in names and "proc_mem.force_override" in names, "settings", got)
    for name in names:
        value, state_ = got["host." + name], got["host.%s.state" % name]
        path = "/proc/sys/" + name.replace(".", "/")
        if os.path.exists(path):
            with open(path, encoding="ascii") as h:
                need(value == h.read().split()[0], "the value of " + path, value)
            need(state_ in ("ok", "weak"), "a state", state_)
            if value == got["host.%s.want" % name]:
                need(state_ == "ok", "ok for what is wanted", (name, value, state_))
        elif not name.startswith("proc_mem"):
            need((value, state_) == ("-", "unknown"), "unknown", (name, value, state_))


def faked(x):
    """A filter in front of the check is seen."""
    need(answers(x)["support.control"] == "yes", "the control answered", "")
    got = answers(x, ops=["execveat=0"])
    need(got["support.check"] == "no" and got["support.control"] == "faked" and
         got["process.seccomp"] == "filter", "no check", got)


def verbose(x):
    """Verdict, mode and requester of each object; nothing is executed."""
    prog, lib = needs_bad(x)
    r = x.direct("--list=verbose", prog)
    need(r.rc == 0 and r.err == "" and "ctor" not in r.out, "a list and nothing else", r)
    need(re.search(r"^\t%s \(0x[0-9a-f]+\) verdict=ok mode=0755 needed-by=-$" % re.escape(prog),
                   r.out, re.M), "the program", r)
    need(re.search(r"^\tlibwho.so => %s \(0x[0-9a-f]+\) verdict=mode mode=0644 needed-by=%s$" % (
        re.escape(lib), re.escape(prog)), r.out, re.M), "the library", r)
    r = x.direct("--list=verbose", prog, ops=[RESTRICT])
    need(r.rc == 127 and "(mode 0644)" in r.err and lib not in r.out, "the refusal", r)


def plain_list(x):
    """--list has no words of ours: the same lines as stock musl's but for the addresses."""
    got = []
    for t in x.stage.targets:
        r = wardtest.run([t.loader, "--list", t.path("host")], env={})
        got.append(re.sub(r"0x[0-9a-f]+", "0x", r.out).replace("/%s/" % t.name, "/T/"))
    need(sorted(got[0].splitlines()) == sorted(got[1].splitlines()), "the same list", got)


def explain(x):
    """Who defines a symbol, who asks, in the order of the search."""
    first = x.stage.lib("first/libfirst.so", tag="first")
    r = x.direct("--explain", "who", x.host(), env={"LD_PRELOAD": first})
    found = [w.split(" ", 1)[1] for w in r.out.splitlines()]
    need(r.rc == 0 and r.err == "" and "ctor" not in r.out, "an answer and nothing else", r)
    need(found[:3] == [x.host() + " -", first + " defines used",
                       ROOT + "/lib/good/libwho.so defines"], "the preload to win", r)
    r = x.direct("--explain", "printf", x.host())
    need(r.rc == 0 and "%s asks\n" % x.host() in r.out and "ld.so defines used\n" in r.out,
         "the C library to define it", r)
    r = x.direct("--explain", "no_such_symbol", x.host())
    need(r.rc == 127 and " defines" not in r.out, "nobody", r)


GROUPS = {"report": report, "sockets": sockets, "logs": logs, "diagnose": diagnose}
