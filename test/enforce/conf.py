"""Policy: /etc/ward.conf and its sections, the note of a program, the order of sources, refusals.

What holds is read off a program that needs one library of mode 0644: with check=off it runs and
nothing is said, with check=audit it runs and a line is said (the file asks for reports), with
check=enforce it does not run. Each start gets an /etc of its own in a mount namespace of its own.
"""

import os
import re
import stat

from matrix import problem
import smaps
from stage import NOBODY, RESTRICT, ROOT, mount, real_root
import wardtest

OFF, AUDIT, ENFORCE = "off", "audit", "enforce"
LEVELS = [OFF, AUDIT, ENFORCE]
INTERACTIVE = "bits=0x400"
UNUSABLE = "ward: /etc/ward.conf cannot be used: %s; policy is \"enforce\"\n"
TIMEOUT = 10


def need(true, what, r):
    """Raise unless true."""
    if not true:
        raise AssertionError(problem(what, r)[:2500])


def etc(x, name, text, mode=0o644, uid=None):
    """A directory to stand in place of /etc, with this ward.conf; the operation that puts it there."""
    data = text if isinstance(text, bytes) else text.encode()
    path = x.write("etc.%s/ward.conf" % name, data, mode)
    if uid is not None:
        if not real_root():
            raise wardtest.Skip("needs root: a file of another user")
        os.chown(path, uid, uid)
    return "bind=%s:/etc" % os.path.dirname(path)


def probe(x, *flags):
    """The program by which the level is read, in the directory of this test (so that it has names)."""
    x.copy(x.evil(), "lib/libwho.so", 0o644)
    tag = re.sub(r"[^a-z0-9]", "", (x.name + "".join(flags)).lower())
    prog = x.prog("conf." + tag, "host.c", "-Wl,--no-as-needed", x.good(),
                  "-Wl,-rpath,%s/lib" % x.dir, *flags)
    return x.copy(prog, "prog." + tag)


def level(r):
    """Which check holds, by how the probe ended."""
    if r.rc == 127 and "no execute permission (mode 0644)" in r.err and r.out == "":
        return ENFORCE
    need(r.rc == 0 and "ctor evil" in r.out, "the probe to run, or to be refused for its library", r)
    return AUDIT if "ward: audit: would refuse" in r.err else OFF


def expect(r, want):
    """The probe shows this level."""
    got = level(r)
    need(got == want, "check=%s to hold, got %s" % (want, got), r)


# -- the file --

def broken_variants():
    """name: (bytes, mode, owner, message); all want check=off and are not to get it."""
    off = b"report=denials\ncheck=off\n"
    line = "ward: /etc/ward.conf:%d: %s, line ignored\n"
    return {
        "group-writable": (off, 0o664, None, UNUSABLE % "writable by group or others"),
        "world-writable": (off, 0o646, None, UNUSABLE % "writable by group or others"),
        "another owner": (off, 0o644, NOBODY,
                          UNUSABLE % "owned neither by root nor by the loader's owner"),
        "64 KiB and a byte": (off.ljust(65537, b"\n"), 0o644, None,
                              UNUSABLE % "larger than 64 KiB"),
        "NUL": (b"check=off\0\n", 0o644, None, line % (1, "control byte 0x0")),
        "CR": (b"check=off\r\nseal=off\r\n", 0o644, None, line % (2, "control byte 0xd")),
        "byte-order mark": (b"\xef\xbb\xbfcheck=off\n", 0o644, None,
                            line % (1, r'unknown word "\xef\xbb\xbfcheck=off"'.replace(
                                "word", "key").replace("=off", ""))),
        "unknown key": (b"\nchek=off\n", 0o644, None, line % (2, 'unknown key "chek"')),
        "unknown value": (b"check=none\n", 0o644, None,
                          line % (1, 'unknown value "none" of check')),
        "unknown preset": (b"lax\n", 0o644, None, line % (1, 'unknown word "lax"')),
        "trailing garbage": (b"check=off ]\n", 0o644, None, line % (1, 'unknown word "]"')),
        "one wrong word spoils the line": (b"check=off seal=of\n", 0o644, None,
                                           line % (1, 'unknown value "of" of seal')),
        "relative preload": (b"preload=evil.so check=off\n", 0o644, None, line % (
            1, 'preload= wants absolute paths separated by colons, not "evil.so"')),
        "random bytes": (bytes((i * 167 + 13) % 256 for i in range(4096)), 0o644, None,
                         "ward: /etc/ward.conf:"),
        "broken header": (b"[/bin/sh\ncheck=off\n", 0o644, None,
                          "ward: /etc/ward.conf:1: section header without ] at its end, "
                          "all lines up to the next header ignored\n"),
    }


def broken(x):
    """(title, test): a broken file is never laxer than none, and stops no program by itself."""
    for name, (data, mode, uid, text) in broken_variants().items():
        yield name, lambda n=name, d=data, m=mode, u=uid, t=text: one_broken(x, n, d, m, u, t)
    for name in ("FIFO", "directory", "socket", "device", "dangling link", "endless link"):
        yield name, lambda n=name: odd_file(x, n)
    yield "no descriptors", lambda: no_descriptors(x)
    yield "not readable", lambda: not_readable(x)
    yield "no such file", lambda: no_file(x)
    yield "owner of the loader", lambda: owner_of_loader(x)


def never_laxer(x, ops, text):
    """A program that is fine runs; one that is not is seen or refused; the message is there."""
    for run in (x.run, x.direct):
        r = run(x.loner(), ops=ops, timeout=TIMEOUT)
        need(r.rc == 0 and "host done" in r.out and text in r.err, "the program and %r" % text, r)
        r = run(probe(x), ops=ops, env={"LD_WARD": "report=denials"}, timeout=TIMEOUT)
        need(level(r) in (AUDIT, ENFORCE), "at least check=audit", r)
        need((level(r) == ENFORCE) == ("policy is \"enforce\"" in text), "the level as told", r)


def one_broken(x, name, data, mode, uid, text):
    """One of the variants."""
    never_laxer(x, [etc(x, re.sub("[^a-z0-9]", "", name.lower()), data, mode, uid)], text)


def odd_file(x, name):
    """What is no regular file, in place of the file; nothing blocks."""
    d = x.mkdir("etc." + name.replace(" ", ""))
    path = d + "/ward.conf"
    why = "not a regular file"
    if name == "FIFO":
        os.mkfifo(path, 0o644)
    elif name == "directory":
        os.mkdir(path)
    elif name == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o644)
        why = "No such device or address"
    elif name == "device":
        with open(path, "wb"):
            pass
        mount("--bind", "/dev/null", path)
    elif name == "dangling link":
        os.symlink("/nonexistent", path)
    else:
        os.symlink("ward.conf", path)
        why = "Too many levels of symbolic links"
    ops = ["bind=%s:/etc" % d]
    if name == "dangling link":
        expect(x.run(probe(x), ops=ops, env={"LD_WARD": "report=denials"}), AUDIT)
        return
    never_laxer(x, ops, UNUSABLE % why)


def no_descriptors(x):
    """A caller who leaves no descriptor for the file gets no laxer policy, with or without it."""
    off = etc(x, "off", "check=off report=denials\n")
    r = x.run(x.loner(), ops=[off, "limit=nofile:0"])
    need(r.rc == 0 and UNUSABLE % "Too many open files" in r.err, "the message", r)
    # One descriptor is enough for the file and for procfs; the walk to a directory needs two.
    prog = probe(x)
    section = etc(x, "section", "report=denials\n[%s]\ncheck=enforce\n" % prog)
    expect(x.run(prog, ops=[section, "limit=nofile:5"]), ENFORCE)
    expect(x.run(prog, ops=[off, "limit=nofile:4"]), OFF)


def not_readable(x):
    """A file that an ordinary user cannot read is not no file."""
    if not real_root():
        raise wardtest.Skip("needs root: an ordinary user beside root")
    r = x.run(x.loner(), ops=[etc(x, "secret", "check=off\n", 0o600), "uid=%d" % NOBODY])
    need(r.rc == 0 and UNUSABLE % "Permission denied" in r.err, "the message", r)


def no_file(x):
    """ENOENT and ENOTDIR are no file: the build's default, and nothing is said."""
    empty = x.mkdir("etc.empty")
    for op in ("bind=%s:/etc" % empty,):
        r = x.run(x.loner(), ops=[op])
        need(r.rc == 0 and r.err == "", "a quiet start", r)
        expect(x.run(probe(x), ops=[op], env={"LD_WARD": "report=denials"}), AUDIT)


def owner_of_loader(x):
    """The owner of the loader's own file may own the file too (a user namespace without root)."""
    op = etc(x, "owned", "check=off report=denials\n", 0o644, NOBODY)
    loader = x.copy(x.target.loader, "own/ld.so")
    os.chown(loader, NOBODY, NOBODY)
    expect(x.run(loader, probe(x), ops=[op]), OFF)
    r = x.direct(x.loner(), ops=[op])
    need("cannot be used: owned neither" in r.err, "the owner refused for another loader", r)


# -- sections --

def ways(x, prog):
    """How one program can be started: name: (operations, words)."""
    base = os.path.basename(prog)
    os.makedirs(x.dir + "/sub", exist_ok=True)
    for name, make in (("link", os.symlink), ("hard", os.link)):
        if not os.path.lexists("%s/%s" % (x.dir, name)):
            make(prog, "%s/%s" % (x.dir, name))
    other = x.copy(x.loner(), "other")
    return {
        "path": ([], [prog]),
        "symbolic link": ([], [x.dir + "/link"]),
        "hard link": ([], [x.dir + "/hard"]),
        "dots": ([], ["%s/sub/../%s" % (x.dir, base)]),
        "/proc/self/root": ([], ["/proc/self/root" + prog]),
        "bind mount": (["bind=%s:%s" % (prog, other)], [other]),
        "descriptor": (["fexec"], [prog]),
        "direct run": ([], [x.target.loader, prog]),
        "direct run of a link": ([], [x.target.loader, "--argv0", "/bin/sh", x.dir + "/link"]),
        "direct run by descriptor": (["fexec"], [x.target.loader, prog]),
    }


def sections(x):
    """(title, test): a section counts for the file it names, by whatever name that is started."""
    prog = probe(x)
    for name, (ops, words) in ways(x, prog).items():
        for value, want in (("off", OFF), ("enforce", ENFORCE)):
            yield ("check=%s, %s" % (value, name),
                   lambda o=ops, w=words, v=value, l=want: one_section(x, prog, o, w, v, l))
    yield "another file of that name", lambda: other_file(x, prog)
    yield "a section by its link", lambda: by_link(x, prog)
    for name in ("hidden", "forged", "other procfs"):
        yield "/proc " + name, lambda n=name: without_proc(x, prog, n)
    yield "nothing named, procfs not asked", lambda: price(x, prog)
    yield "secure", lambda: secure_section(x)
    yield "preload", lambda: preload(x)
    yield "static-tls", lambda: static_tls(x)


def one_section(x, prog, ops, words, value, want):
    """One way to start, one section."""
    op = etc(x, "sec-" + value, "report=denials\n[/bin/nobody]\ncheck=audit\n[%s] # this one\n"
             "check=%s\n[%s]\ncheck=audit\n" % (prog, value, x.loner()))
    expect(x.run(*words, ops=[op, *ops]), want)


def other_file(x, prog):
    """A copy is another program, whatever argv[0] says and however often it is renamed."""
    copy = x.copy(prog, "copy")
    op = etc(x, "copy", "report=denials\n[%s]\ncheck=off\n" % prog)
    expect(x.run(copy, ops=[op]), AUDIT)
    expect(x.run(x.target.loader, "--argv0", prog, copy, ops=[op]), AUDIT)
    expect(x.run("/usr/bin/env", "--argv0=" + prog, copy, ops=[op])
           if env_has_argv0() else x.run(copy, ops=[op]), AUDIT)
    # The name in the section leads to the copy: then the copy is meant, and the old file is not.
    expect(x.run(prog, ops=["bind=%s:%s" % (copy, prog), op]), OFF)
    expect(x.run(x.dir + "/hard", ops=["bind=%s:%s" % (copy, prog), op]), AUDIT)


def env_has_argv0():
    """Newer coreutils only."""
    return wardtest.run(["env", "--argv0=x", "true"]).rc == 0


def by_link(x, prog):
    """The path of a section may be a link: what it leads to counts."""
    op = etc(x, "bylink", "report=denials\n[%s/link]\ncheck=off\n[/proc/self/exe]\nvdso=keep\n"
             % x.dir)
    expect(x.run(prog, ops=[op]), OFF)


def without_proc(x, prog, how):
    """Who runs is not known: a section that relaxes does not count, one that tightens does."""
    if how == "hidden":
        ops = ["hide=/proc"]
    elif how == "forged":
        d = x.mkdir("proc/self")
        if not os.path.lexists(d + "/exe"):
            os.symlink(prog, d + "/exe")
        ops = ["bind=%s/proc:/proc" % x.dir]
    else:  # a procfs, but not at its root: there is no "self" in it
        ops = ["bind=/proc/sys:/proc"]
    off = etc(x, "p-off", "report=denials\n[%s]\ncheck=off\n" % prog)
    expect(x.run(prog, ops=[off, *ops]), AUDIT)
    expect(x.run(x.target.loader, prog, ops=[off, *ops]), OFF)
    on = etc(x, "p-on", "report=denials\n[%s]\ncheck=enforce\n" % prog)
    expect(x.run(prog, ops=[on, *ops]), ENFORCE)
    r = x.run(x.loner(), ops=[on, *ops])
    need(r.rc == 0, "a program that is fine to run all the same", r)


def price(x, prog):
    """Without a section procfs is not asked; without a file there is one openat."""
    strace = wardtest.have("strace")
    if strace is None:
        raise wardtest.Skip("strace is not installed")
    for text, asked in (("report=denials\n", 0), ("[/bin/a]\nwatch\n[/bin/b]\nwatch\n", 1)):
        log = x.dir + "/strace.log"
        r = x.run(strace, "-f", "-qq", "-o", log, "-e", "trace=openat", x.stage.launch,
                  etc(x, "price%d" % asked, text), "--", prog)
        with open(log, encoding="utf-8", errors="replace") as h:
            seen = h.read()
        need(seen.count('"/proc/self"') == asked, "procfs opened %d times\n%s" % (asked, seen), r)
        need(seen.count('"/etc/ward.conf"') == 1, "the file opened once\n%s" % seen, r)


def secure_section(x):
    """The file is root's word for setuid programs too; what is wrong in it is not quoted to callers."""
    prog = x.setuid(x.loner(), "suid.conf")
    op = etc(x, "secure", "chek=off\n[%s]\nseal=off vdso=keep\n" % prog)
    r = x.run(prog, "secure", "cat=/proc/self/smaps", ops=[op, "uid=%d" % NOBODY])
    need(r.rc == 0 and "secure 1" in r.out, "the program to run secure", r)
    need(r.err == "ward: /etc/ward.conf:1: wrong line ignored\n", "a line that quotes nothing", r)
    need(not any(v.sealed for v in smaps.parse(r.out)), "nothing sealed, as the section says", r)


def preload(x):
    """preload= loads for the programs it is meant for, restricted or not, checked like all else."""
    lib = x.evil()
    for ops in ([], [RESTRICT], [INTERACTIVE]):
        op = etc(x, "pre", "preload=%s\n" % lib)
        r = x.run(x.host(), "call=who", ops=[*ops, op])
        need(r.rc == 0 and "who: evil" in r.out, "the preload", r)
        op = etc(x, "presec", "[%s]\npreload=%s\n" % (x.host(), lib))
        for run in (x.run, x.direct):
            r = run(x.host(), "call=who", ops=[*ops, op])
            need("who: evil" in r.out, "the preload for the program named", r)
            need("evil" not in run(x.loner(), ops=[*ops, op]).out, "no preload for another", r)
    r = x.run(x.host(), "call=who", ops=[etc(x, "pre2", "preload=%s\n" % lib)],
              env={"LD_PRELOAD": x.good()})
    need(re.search(r"ctor (evil|good)", r.out).group(1) and "who: evil" in r.out,
         "the file's preload in front of the caller's", r)
    bad = x.copy(lib, "pre0644.so", 0o644)
    r = x.run(x.loner(), ops=[RESTRICT, etc(x, "prebad", "preload=%s\n" % bad)])
    need(r.rc == 127 and "refused: no execute permission" in r.err, "a refusal", r)
    op = etc(x, "premiss", "report=denials preload=/nonexistent.so\n")
    r = x.run(x.loner(), ops=[RESTRICT, op])
    need(r.rc == 127 and "/nonexistent.so" in r.err, "no start without it when restricted", r)
    r = x.run(x.loner(), ops=[op])
    need(r.rc == 0 and "preload /nonexistent.so of the system file does not exist" in r.err,
         "a start, and a line", r)


def static_tls(x):
    """static-tls= makes room for an initial-exec library, and may take it; program by program."""
    lib = x.stage.lib("tls_big.so", src="tls_ie.c", flags=["-DROOM=4096"])
    words = ["open=" + lib, "lastcall=who"]
    noted = x.prog("note.tls", "host.c", "--ward=static-tls=6000")

    def look(prog, text, works, ops=()):
        """One start, both ways."""
        for run in (x.run, x.direct):
            r = run(prog, *words, ops=[*ops, etc(x, "tls", text)])
            need(r.rc == 0 and ("who: initial-exec" in r.out) == works, "the library %s with %r" % (
                "to work" if works else "to find no room", text), r)
            need(works or re.search(r"TLS: 41\d\d bytes wanted, \d+ left; static-tls=", r.out),
                 "the error to say how much it wants", r)
    for ops in ([], [RESTRICT]):
        look(x.loner(), "report=quiet\n", False, ops)
        look(x.loner(), "report=quiet static-tls=6000\n", True, ops)
        look(x.loner(), "report=quiet static-tls=0\n[%s]\nstatic-tls=6000\n" % x.loner(), True, ops)
        look(x.loner(), "report=quiet static-tls=6000\n[%s]\nstatic-tls=100\n" % x.loner(), False, ops)
        look(x.loner(), "report=quiet static-tls=6000\n[%s]\nstatic-tls=0\n" % x.host(), True, ops)
        # the note only raises, also when restricted: what runs watched runs enforced
        look(noted, "report=quiet\n", True, ops)
        look(noted, "report=quiet static-tls=0\n", True, ops)
        look(x.prog("note.less", "host.c", "--ward=static-tls=0"), "static-tls=6000 report=quiet\n",
             True, ops)
    r = x.run(x.loner(), *words, ops=[etc(x, "tlsbad", "static-tls=1048577\n")])
    need("unknown value \"1048577\" of static-tls (bytes, at most 1048576)" in r.err and
         "512 left" in r.out, "a line that is reported and does not count", r)


GROUPS = {"conf": broken, "section": sections}
