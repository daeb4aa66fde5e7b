"""B: where a library is looked for."""

import os
import threading

from rows import row
from stage import NOBODY, RESTRICT, ROOT, real_root
import wardtest


@row("B01")
def empty_entries(x):
    """Empty entries of a search path must not mean the current directory."""
    x.evil()
    evil = ROOT + "/lib/evil"
    r = x.run(x.host(), "call=who", env={"LD_LIBRARY_PATH": evil})
    x.expect("who: evil" in r.out, "a whole entry to be honoured", r)
    for path in ("", ":", "::", "/nonexistent:", ":/nonexistent", "/nonexistent::/nonexistent",
                 "\n", "/nonexistent\n"):
        r = x.run(x.host(), "call=who", env={"LD_LIBRARY_PATH": path}, cwd=evil)
        x.expect(r.rc == 0 and "who: " in r.out, "the program to run", r)
        x.saw("LD_LIBRARY_PATH=%r" % path, "evil" in r.out, r, stock=False)
    for path in (":" + ROOT + "/lib/good", ROOT + "/lib/none::" + ROOT + "/lib/good"):
        prog = rpath_host(x, "emptyrp%d" % len(path), path)
        r = x.run(prog, "call=who", cwd=evil)
        x.expect(r.rc == 0 and "who: " in r.out, "the program to run", r)
        x.saw("RPATH=%r" % path, "evil" in r.out, r, stock=False)


def rpath_host(x, name, path):
    """The general program with another search path."""
    return x.prog(name, "host.c", "-Wl,--no-as-needed", x.good(), "-Wl,-rpath," + path)


@row("B02")
def relative_entries(x):
    """When restricted, no entry may depend on the current directory."""
    x.evil()
    where = ROOT + "/lib"
    for path in ("evil", "./evil", "../lib/evil"):
        prog = rpath_host(x, "relrp%d" % len(path), path + ":" + ROOT + "/lib/good")
        r = x.run(prog, "call=who", ops=[RESTRICT], cwd=where)
        x.expect(r.rc == 0 and "who: " in r.out, "the program to run", r)
        x.saw("RPATH=%s" % path, "evil" in r.out, r, stock=True)
        r = x.run(x.host(), "call=who", env={"LD_LIBRARY_PATH": path}, ops=[RESTRICT], cwd=where)
        x.expect(r.rc == 0 and "who: " in r.out, "the program to run", r)
        x.saw("LD_LIBRARY_PATH=%s" % path, "evil" in r.out, r, stock=True)
    r = x.run(rpath_host(x, "relrp4", "evil:" + ROOT + "/lib/good"), "call=who", cwd=where)
    x.expect("who: evil" in r.out, "relative entries to work as ever when not restricted", r)


AS_NOBODY = "uid=%d" % NOBODY


def ends_well(x, r):
    """The program ran and used one of the libraries."""
    x.expect(r.rc == 0 and "who: " in r.out, "the program to run", r)


def starts_secure(x, r):
    """The setuid program ran with another entry; stock musl has no entry left with $ORIGIN in one."""
    if x.hardened:
        x.expect(r.rc == 0 and "secure 1" in r.out and "who: " in r.out, "a secure start", r)
    else:
        x.expect(r.rc == 127 and "libwho.so: No such file" in r.err, "no library found", r)


@row("B03")
def expansion_to_nothing(x):
    """A setuid program's $ORIGIN is dropped; it never becomes the current directory."""
    lib = x.evil()
    prog = rpath_host(x, "nothingrp", "$ORIGIN/../x:$ORIGIN:" + ROOT + "/lib/good")
    x.copy(lib, "p/libwho.so")
    r = x.run(x.copy(prog, "p/prog"), "call=who")
    x.expect("who: evil" in r.out, "$ORIGIN to be searched without privilege", r)
    suid = x.setuid(prog, "p/prog")
    for place in ("p/libwho.so", "x/libwho.so"):
        x.setuid(lib, place, 0o755)
    here = x.mkdir("here")
    for place in ("libwho.so", "x/libwho.so", "$ORIGIN/libwho.so", "../x/libwho.so"):
        x.copy(lib, "here/" + place)
    for cwd in (here, here + "/x", os.path.dirname(suid)):
        r = x.run(suid, "secure", "call=who", ops=[AS_NOBODY], cwd=cwd)
        starts_secure(x, r)
        x.saw("in " + cwd, "evil" in r.out, r, stock=False)


@row("B04")
def odd_tokens(x):
    """Only $ORIGIN and ${ORIGIN}, whole, are words; an entry with any other '$' is dropped."""
    lib = x.evil()
    where = x.mkdir("p")
    plain = x.copy(rpath_host(x, "tokenok", "${ORIGIN}/lib:" + ROOT + "/lib/good"), "p/ok")
    x.copy(lib, "p/lib/libwho.so")
    r = x.run(plain, "call=who")
    x.expect("who: evil" in r.out, "${ORIGIN} to be a word", r)
    # What stock musl makes of the entry, so that the library lies there.
    odd = {"$ORIGINx/lib": where + "x/lib", "$ORIGIN$ORIGIN/lib": where + where + "/lib",
           "/$ORIGIN/lib": None, "$FOO/lib": None, "${LIB": None, "$": None, "${ORIGIN/lib": None,
           "$ORIGINAL/lib": where + "AL/lib", "$LIB/lib": None, "./$ORIGIN/lib": None}
    here = x.mkdir("here")
    for number, (entry, place) in enumerate(odd.items()):
        prog = rpath_host(x, "token%d" % number, entry + ":" + ROOT + "/lib/good")
        copy = x.copy(prog, "p/token%d" % number)
        for d in (entry, entry.lstrip("/")):
            x.copy(lib, "here/" + d + "/libwho.so")
        if place:
            x.copy(lib, place + "/libwho.so")
        suid = x.setuid(prog, "p/token%d" % number) if real_root() else None
        expanded = entry in ("/$ORIGIN/lib", "./$ORIGIN/lib")
        for title, p, ops in (("exec", copy, []), ("setuid", suid, [AS_NOBODY])):
            if p is None:
                continue
            r = x.run(p, "call=who", ops=ops, cwd=here)
            if x.hardened:
                x.expect(r.rc == 0 and "who: " in r.out, "the other entries to be searched", r)
            x.saw("%s, %s" % (entry, title), "evil" in r.out, r,
                  stock=title == "exec" and (place is not None or entry == "/$ORIGIN/lib"))
            x.expect(r.rc == 0 or not x.hardened or expanded, "a start", r)


def by_descriptor(x, how, path, *words):
    """Words that run a file by its descriptor."""
    return [x.stage.static("byfd", "byfd.c"), how, path, *words]


@row("B05")
def origin_of_the_caller(x):
    """The caller's choice of a name for the program must not choose its libraries."""
    lib = x.evil()
    prog = rpath_host(x, "chosenrp", "$ORIGIN/lib:" + ROOT + "/lib/good")
    x.copy(lib, "p/lib/libwho.so")
    r = x.run(x.copy(prog, "p/prog"), "call=who")
    x.expect("who: evil" in r.out, "$ORIGIN/lib to be searched without privilege", r)
    if real_root():
        suid = x.setuid(prog, "orig/prog")
        x.setuid(lib, "mine/lib/libwho.so", 0o755)
        link = os.path.join(os.path.dirname(os.path.dirname(suid)), "mine", "prog")
        if not os.path.exists(link):
            os.link(suid, link)
        words = ["secure", "call=who"]
        for title, cmd in (("hard link", [link, *words]),
                           ("fexecve", by_descriptor(x, "fexecve", link, *words)),
                           ("/proc/self/fd", by_descriptor(x, "proc", link, *words))):
            r = x.run(*cmd, ops=[AS_NOBODY])
            starts_secure(x, r)
            x.saw(title, "evil" in r.out, r, stock=False)
    gone = x.copy(prog, "gone/prog")
    x.copy(lib, "gone/lib/libwho.so")
    r = x.run(*by_descriptor(x, "deleted", gone, "call=who"), ops=[RESTRICT])
    ends_well(x, r)
    x.saw("a deleted program's directory", "evil" in r.out, r, stock=True)
    real = x.copy(prog, "real/prog")
    script = "mount -t tmpfs ward-test /proc; mkdir /proc/self; ln -s %s/p/prog /proc/self/exe" % (
        x.dir)
    r = x.private(script, real, "call=who", ops=[RESTRICT])
    ends_well(x, r)
    x.saw("a directory in place of /proc", "evil" in r.out, r, stock=True)
    r = x.run(os.path.join(x.dir, "p/prog"), "call=who", ops=[RESTRICT])
    x.expect("who: evil" in r.out, "$ORIGIN to work while restricted", r)


@row("B06")
def separator_in_origin(x):
    """A directory whose name holds a separator must not become two entries of the path."""
    lib = x.evil()
    evil = x.mkdir("evil")
    built = rpath_host(x, "originrp", "$ORIGIN/lib:" + ROOT + "/lib/good")
    plain = x.mkdir("plain")
    x.copy(lib, "plain/lib/libwho.so")
    r = x.run(x.copy(built, "plain/prog"), "call=who")
    x.expect("who: evil" in r.out, "$ORIGIN/lib to be searched in %s" % plain, r)
    x.copy(lib, "evil/x/lib/libwho.so")
    for name, odd in (("colon", "a:" + evil), ("newline", "a\n" + evil)):
        # Expanded first and split afterwards, $ORIGIN/lib has the entry <evil>/x/lib.
        prog = x.copy(built, os.path.join(odd, "x", "prog"))
        for how, r in (("exec", x.run(prog, "call=who")),
                       ("direct", x.direct(prog, "call=who"))):
            x.expect(r.rc in (0, 127), "a clean end", r)
            x.saw("%s, %s" % (name, how), "evil" in r.out, r, stock=True)


@row("B07")
def newline(x):
    """A newline separates entries in the system's path file only."""
    x.evil()
    evil = ROOT + "/lib/evil"
    for path in ("/nonexistent\n" + evil, evil + "\n", "\n" + evil):
        r = x.run(x.host(), "call=who", env={"LD_LIBRARY_PATH": path})
        ends_well(x, r)
        x.saw("LD_LIBRARY_PATH=%r" % path, "evil" in r.out, r, stock=True)
    path = "/nonexistent\n%s:%s/lib/good" % (evil, ROOT)
    r = x.run(rpath_host(x, "newlinerp", path), "call=who")
    ends_well(x, r)
    x.saw("RPATH=%r" % path, "evil" in r.out, r, stock=True)


def places(x):
    """(title, directory) where others may put a library, or exchange the directory."""
    def there(name, mode=0o755, uid=0, gid=0, below=""):
        d = os.path.dirname(x.copy(x.evil(), os.path.join(name, below, "libwho.so")))
        top = os.path.join(x.dir, name)
        os.chown(top, uid, gid)
        os.chmod(top, mode)
        return d

    yield "writable by all", there("all", 0o777)
    yield "writable by all, sticky", there("sticky", 0o1777)
    yield "writable by a group", there("group", 0o775, gid=50)
    yield "owned by another user", there("other", uid=1234)
    yield "below one that is writable", there("above", 0o777, below="a/b")
    yield "below one of another user", there("above_other", uid=1234, below="a/b")
    d = there("sticky_other", 0o1777, below="theirs")
    os.chown(d, 1234, 1234)
    yield "another user's in a sticky one", d
    link = os.path.join(x.mkdir("tmp"), "link")
    os.chmod(os.path.dirname(link), 0o1777)
    make_link(ROOT + "/lib/evil", link, 1234)
    yield "another user's link", link
    make_link(x.dir + "/all", os.path.join(x.dir, "into"), 0)
    yield "a link to one that is writable", x.dir + "/into/../all/../into"


def make_link(target, link, uid):
    """A symbolic link of some user's."""
    if not os.path.islink(link):
        os.symlink(target, link)
    os.lchown(link, uid, uid)


@row("B08")
def writable_directories(x):
    """When restricted, nothing is searched that others may write to, at any level."""
    if not real_root():
        raise wardtest.Skip("needs root: directories of other users")
    names = {}
    for title, d in places(x):
        prog = rpath_host(x, "writable.%s.%d" % (x.target.name, len(names)),
                          d + ":" + ROOT + "/lib/good")
        names[title] = prog
        r = x.run(prog, "call=who", ops=[RESTRICT])
        ends_well(x, r)
        x.saw(title, "evil" in r.out, r, stock=True)
        r = x.run(prog, "call=who")
        x.expect("who: evil" in r.out, title + ": no change without restriction", r)
    kept_when_restricted(x)
    mine = os.path.dirname(x.copy(x.evil(), "mine/libwho.so"))
    os.chown(mine, NOBODY, NOBODY)
    prog = rpath_host(x, "mine." + x.target.name, mine + ":" + ROOT + "/lib/good")
    r = x.run(prog, "call=who", ops=[RESTRICT, AS_NOBODY])
    x.expect("who: evil" in r.out, "a user's own directory to be searched when restricted", r)
    for title, built in (("of the caller", prog), *names.items()):
        suid = x.setuid(built, os.path.basename(built))
        r = x.run(suid, "secure", "call=who", ops=[AS_NOBODY])
        ends_well(x, r)
        x.expect("secure 1" in r.out, "the program to run secure", r)
        x.saw("setuid, " + title, "evil" in r.out, r, stock=True)


def kept_when_restricted(x):
    """Directories that look odd and are nobody's but root's, and those of the program's owner."""
    lib = x.evil()
    x.copy(lib, "tmp2/mine/libwho.so")
    os.chmod(os.path.join(x.dir, "tmp2"), 0o1777)
    x.copy(lib, "rootgroup/libwho.so")
    os.chmod(os.path.join(x.dir, "rootgroup"), 0o775)
    make_link("tmp2/../rootgroup/.", os.path.join(x.dir, "round"), 0)
    for d in ("tmp2/mine", "rootgroup", "round", "tmp2/../round/./"):
        prog = rpath_host(x, "kept.%s.%d" % (x.target.name, len(d)), os.path.join(x.dir, d))
        r = x.run(prog, "call=who", ops=[RESTRICT])
        x.expect("who: evil" in r.out, d + " to be searched", r)
    prog = x.copy(rpath_host(x, "deployed", "$ORIGIN/../lib"), "app/bin/prog")
    x.copy(lib, "app/lib/libwho.so")
    for d in ("app", "app/bin", "app/lib", "app/bin/prog"):
        os.chown(os.path.join(x.dir, d), 1234, 1234)
    r = x.run(prog, "call=who", ops=[RESTRICT, AS_NOBODY])
    x.expect("who: evil" in r.out, "a tree that belongs to the program's owner to work", r)


@row("B09")
def relative_names(x):
    """When restricted, a name with a slash must be absolute."""
    x.evil()
    x.copy(ROOT + "/lib/evil/libwho.so", "here/sub/libwho.so")
    here = os.path.join(x.dir, "here")
    for name in ("./sub/libwho.so", "sub/libwho.so"):
        lib = x.stage.lib("rel%d/libwho.so" % len(name), tag="good",
                          flags=["-Wl,-soname," + name])
        prog = x.prog("relneeded%d" % len(name), "host.c", "-Wl,--no-as-needed", lib)
        r = x.run(prog, "call=who", cwd=here)
        x.expect("who: evil" in r.out, "a relative DT_NEEDED to work without restriction", r)
        r = x.run(prog, "call=who", ops=[RESTRICT], cwd=here)
        x.saw("DT_NEEDED " + name, "evil" in r.out, r, stock=True)
        if x.hardened:
            x.expect(r.rc == 127 and "relative path while restricted" in r.err, "the reason", r)
        if real_root():
            r = x.run(x.setuid(prog, "needed%d" % len(name)), "call=who", ops=[AS_NOBODY],
                      cwd=here)
            x.saw("setuid, DT_NEEDED " + name, "evil" in r.out, r, stock=True)
        r = x.run(x.loner(), "open=" + name, ops=[RESTRICT], cwd=here)
        x.saw("dlopen " + name, "ctor evil" in r.out, r, stock=True)
    lib = x.stage.lib("abs/libwho.so", tag="good", flags=[
        "-Wl,-soname," + ROOT + "/lib/evil/libwho.so"])
    prog = x.prog("absneeded", "host.c", "-Wl,--no-as-needed", lib)
    r = x.run(prog, "call=who", ops=[RESTRICT])
    x.expect("who: evil" in r.out, "an absolute DT_NEEDED to work when restricted", r)


def elsewhere(x, *words, **more):
    """Run the program whose surroundings change."""
    return x.run(x.prog("elsewhere", "elsewhere.c"), *words, **more)


@row("B10")
def other_root(x):
    """A dlopen after chroot loads what lies there: a limit, as long as the kernel allows it."""
    for mode in (0o755, 0o644):
        x.copy(x.evil(), "root%o/lib/who.so" % mode, mode)
    x.copy(x.good(), "lib/who.so")
    for ops in ([], [RESTRICT]):
        r = elsewhere(x, "chroot=" + x.dir + "/root755", "open=/lib/who.so", ops=ops)
        x.expect(r.rc == 0 and "elsewhere done" in r.out, "the program to run", r)
        x.saw("chroot, %s" % ops, "who: evil" in r.out, r, stock=True, limit=True)
    r = elsewhere(x, "chroot=" + x.dir + "/root644", "open=/lib/who.so", ops=[RESTRICT])
    x.expect("elsewhere done" in r.out, "the program to run", r)
    x.saw("chroot, a file that fails the check", "who: evil" in r.out, r, stock=True)


class PathFile:
    """The system's path file of one loader, on a tmpfs of one process, and a library in a default
    directory, which shows whether the loader fell back to those.
    """

    def __init__(self, x):
        self.x = x
        name = "ld-ward-x86_64.path" if x.hardened else "ld-musl-x86_64.path"
        self.etc = "/etc" if x.hardened else ROOT + "/etc"
        self.file = "%s/%s" % (self.etc, name)
        os.makedirs(ROOT + "/etc", exist_ok=True)
        self.prog = x.prog("pathless", "host.c", "-Wl,--no-as-needed", x.good())
        self.src = x.write("path", b"", 0o644)

    def run(self, make, *words, ops=(), evil=True, prog=None, **more):
        """Start the program when the shell words have made the file, called $f."""
        script = ["f=" + self.file, "mount -t tmpfs -o mode=755 ward-test " + self.etc, make]
        if evil:
            script += ["mount -t tmpfs -o mode=755 ward-test /usr/local/lib",
                       "cp %s/lib/evil/libwho.so /usr/local/lib/" % ROOT]
        return self.x.private("\n".join(script), *(prog or [self.prog]), *words, ops=ops, **more)


@row("B11")
def path_file(x):
    """A path file that is there is either used or refused, and nothing takes its place."""
    x.evil()
    p, evil, good = PathFile(x), ROOT + "/lib/evil", ROOT + "/lib/good"
    for title, text in (("a directory", good), ("several", "/none:\n\n:/none\n" + good + "\n")):
        r = p.run("printf '%s' > $f" % text, "call=who")
        x.expect(r.rc == 0 and "who: good" in r.out, "the path file to work: " + title, r)
    r = p.run(":", "call=who")
    x.expect(r.rc == 0 and "who: evil" in r.out, "default directories without the file", r)
    pad = "a" * 70000
    variants = {
        "writable by all": ("echo %s > $f; chmod 666 $f" % evil, True),
        "writable by its group": ("echo %s > $f; chmod 664 $f; chgrp 50 $f" % evil, True),
        "too large": ("echo %s:/%s > $f" % (evil, pad), True),
        "empty": (": > $f", False),
        "a NUL byte first": ("printf '\\0%s' > $f" % evil, False),
        "a NUL byte": ("printf '/none\\0%s' > $f" % evil, False),
        "a directory": ("mkdir $f", False),
        "a loop of links": ("ln -s $f $f", False),
        "a relative entry": ("echo ../evil > $f", True),
    }
    if x.hardened:  # stock musl would read it all
        variants["4 GiB of nothing"] = ("truncate -s 4G $f", False)
    for title, (make, stock) in variants.items():
        r = p.run(make, "call=who", ops=[RESTRICT], cwd=good)
        x.expect(r.rc in (0, 127), "a clean end", r)
        x.saw(title, "evil" in r.out, r, stock=stock)
    r = p.run("mkfifo $f", "call=who", timeout=2)
    x.saw("a FIFO", r.rc is None or "evil" in r.out, r, stock=True)
    if real_root():
        owned = "echo %s > $f; chown %d $f" % (evil, NOBODY)
        r = p.run(owned, "call=who")
        x.saw("owned by another user", "evil" in r.out, r, stock=True)
        r = p.run("echo %s > $f; chmod 600 $f" % good, "call=who", ops=[AS_NOBODY])
        x.saw("unreadable", "evil" in r.out, r, stock=False)
        if x.hardened:
            x.expect("cannot read the search path file " + p.file in r.err, "the reason", r)
    r = p.run("echo %s > $f" % good, "call=who", ops=["limit=nofile:3"])
    x.saw("no descriptor left", "evil" in r.out, r, stock=False)
    if x.hardened:
        r = p.run("echo %s > $f; chmod 666 $f" % evil, "call=who")
        x.expect(r.rc == 127 and "search path file %s (mode 0666, owner 0) must be a regular file"
                 % p.file in r.err, "the reason", r)
    # Nothing is derived from where the loader, or a copy or link of it, happens to lie.
    link = x.copy(x.target.loader, "pre/lib/ld.so")
    for name in ("ld-musl-x86_64.path", "ld-ward-x86_64.path"):
        x.write("pre/etc/" + name, evil.encode(), 0o644)
    r = p.run(":", "call=who", prog=[link, p.prog], evil=False)
    x.saw("beside another loader", "evil" in r.out, r, stock=True)


@row("B12")
def cache(x):
    """There is no cache of names."""
    no_such_file(x, "/etc/ld.so.cache", "printf 'glibc-ld.so.cache1.1%%4096s' x > $f")


@row("B13")
def preload_file(x):
    """There is no file of libraries for everybody."""
    no_such_file(x, "/etc/ld.so.preload", "echo %s/lib/evil/libwho.so > $f" % ROOT)


def no_such_file(x, path, make):
    """A file of another loader's is neither opened nor obeyed."""
    x.evil()
    r, trace = x.trace(x.host(), "call=who")
    x.expect(any(o.path.endswith("good/libwho.so") for o in trace.objects),
             "strace to see the library opened", r)
    for prog, ops in ((x.host(), []), (suid_host(x), [AS_NOBODY])):
        if prog is None:
            continue
        r = x.private("f=%s\nmount -t tmpfs -o mode=755 ward-test /etc\n%s\ntest -s $f" % (
            path, make), prog, "call=who", ops=ops)
        ends_well(x, r)
        x.saw("obeyed %s" % ops, "evil" in r.out or r.err != "", r, stock=False)
    tried = [line for line in open_attempts(x, x.host(), "call=who") if path in line]
    x.saw("opened", bool(tried), tried, stock=False)


def suid_host(x):
    """The general program as a setuid one; None where that is impossible."""
    return x.setuid(x.host(), "suid.etc") if real_root() else None


def open_attempts(x, *cmd, ops=(), **more):
    """The lines of strace about every open, successful or not."""
    strace = wardtest.have("strace")
    if strace is None:
        raise wardtest.Skip("strace is not installed")
    log = os.path.join(x.dir, "opens")
    r = x.run(strace, "-f", "-qq", "-o", log, "-e", "trace=execve,open,openat,openat2,access",
              x.stage.launch, *ops, "--", *cmd, **more)
    with open(log, encoding="utf-8", errors="surrogateescape") as h:
        lines = h.read().splitlines()
    x.expect(r.rc == 0 and lines, "opens to be seen", r)
    return lines


@row("B14")
def names_never_checked(x):
    """A short name stands for an object that was checked, or for the C library, which is there."""
    fake = x.stage.lib("fake/libc.evil.so", tag="evil")
    x.copy(fake, "fake/libm.so.6")
    d = os.path.join(x.dir, "fake")
    x.copy(fake, "fake/libc.evil.so")
    for name in ("libc.evil.so", "libm.so.6"):
        opens = open_attempts(x, x.loner(), "open=" + name, ops=["env=LD_LIBRARY_PATH=" + d])
        opened = [line for line in opens if "open" in line.split("(")[0] and name in line]
        x.saw(name + " opened", bool(opened), opened, stock=False)
        r = x.run(x.loner(), "open=" + name, env={"LD_LIBRARY_PATH": d})
        x.expect("open %s: ok" % name in r.out, "the C library's own name", r)
        x.saw(name, "ctor evil" in r.out, r, stock=False)
    # A library that is refused leaves no name behind for those who ask for it later.
    x.copy(x.evil(), "bad/libwho.so", 0o644)
    user = x.stage.lib("user/libuser.so", "tag.c", tag="user", flags=[
        "-Wl,--no-as-needed", x.good(), "-Wl,-rpath," + ROOT + "/lib/good"])
    path = "-Wl,-rpath,%s/bad" % x.dir
    prog = x.prog("shortname." + x.target.name, "host.c", path)
    r = x.run(prog, "open=libwho.so", "open=" + user, "objects", ops=[RESTRICT])
    x.expect("open %s: ok" % user in r.out, "the other library to load", r)
    x.saw("a refused library's name", "object %s/bad" % x.dir in r.out, r, stock=True)
    x.expect(not x.hardened or "object %s/lib/good/libwho.so" % ROOT in r.out,
             "the right one in its place", r)


@row("B15")
def number_again(x):
    """A file that has the inode number of a deleted one is another file."""
    script = x.stage.source("data.ld")
    data = {t: x.stage.lib("data/%s.so" % t, "data.c", tag=t, inputs=[script], flags=[
        "-nostdlib", "-Wl,-T," + script, "-Wl,--build-id=none"]) for t in ("old", "newer")}
    code = {t: x.stage.lib("code/%s.so" % t, tag=t) for t in ("old", "newer")}
    for title, libs in (("without code", data), ("with code", code)):
        lib = x.copy(libs["old"], "lib.so")
        again = ["open=" + lib, "renew=%s:%s" % (libs["newer"], lib), "open=" + lib]
        r = elsewhere(x, *again)
        x.expect(r.rc == 0 and "who: old" in r.out, "the library to load", r)
        x.saw(title, "who: newer" not in r.out, r, stock=False)
        if libs is data and x.hardened and "same number" not in r.out:
            raise wardtest.Skip("this file system does not use a number again at once")
    lib = x.copy(data["old"], "lib.so")
    r = elsewhere(x, "open=" + lib, "open=" + lib, "open=%s/../%s/lib.so" % (
        x.dir, os.path.basename(x.dir)))
    x.expect(r.out.count("who: old") == 3, "one and the same library by any name", r)


@row("B17")
def first_match_made_to_fail(x):
    """A file that is found and cannot be used ends the search; no weaker directory is asked."""
    x.evil()
    first = x.mkdir("first")
    path = first + ":" + ROOT + "/lib/evil"
    prog = rpath_host(x, "downgrade." + x.target.name, path)
    lib = os.path.join(first, "libwho.so")
    x.copy(x.good(), "first/libwho.so")
    r = x.run(prog, "call=who")
    x.expect("who: good" in r.out, "the first directory to be asked first", r)
    with open(x.good(), "rb") as h:
        image = h.read()
    machine = image[:18] + b"\x08" + image[19:]
    for title, data in (("no ELF file", b"#!/bin/sh\n"), ("another machine", machine),
                        ("empty", b""), ("cut short", image[:100])):
        x.write("first/libwho.so", data)
        r = x.run(prog, "call=who")
        x.saw(title, "evil" in r.out, r, stock=False)
    os.unlink(lib)
    r = x.run(prog, "call=who")
    x.expect("who: evil" in r.out, "the search to go on where there is nothing", r)
    os.symlink(lib, lib)
    r = x.run(prog, "call=who")
    x.saw("a loop of links", "evil" in r.out, r, stock=False)
    os.unlink(lib)
    os.mkdir(lib)
    r = x.run(prog, "call=who")
    x.saw("a directory", "evil" in r.out, r, stock=False)
    os.rmdir(lib)
    if not real_root():
        return
    for title, mode, dir_mode in (("unreadable", 0o600, 0o755), ("no way into it", 0o755, 0o700)):
        x.copy(x.good(), "first/libwho.so", mode)
        os.chmod(first, dir_mode)
        for ops in ([AS_NOBODY], [RESTRICT, AS_NOBODY]):
            r = x.run(prog, "call=who", ops=ops)
            x.saw("%s, %s" % (title, ops), "evil" in r.out, r, stock=True)
    os.chmod(first, 0o755)
    x.copy(x.good(), "first/libwho.so", 0o644)
    r = x.run(prog, "call=who", ops=[RESTRICT])
    x.saw("fails the check", "evil" in r.out, r, stock=False)
    x.expect(not x.hardened or (r.rc == 127 and "no execute permission" in r.err), "refused", r)


@row("B18")
def unreachable(x):
    """The current directory's name is not believed where it is the name of something else."""
    x.evil()
    outer = x.stage.lib("outer/libouter.so", "tag.c", tag="outer", flags=[
        "-Wl,--no-as-needed", x.good(), "-Wl,-rpath,$ORIGIN/lib"])
    x.copy(x.evil(), "trap/lib/libwho.so")
    trap, away = os.path.join(x.dir, "trap"), x.mkdir("away")
    # Inside the file system that is taken away lies a directory of the trap's name.
    script = ["mount -t tmpfs -o mode=755 ward-test %s" % away, "mkdir -p %s%s/lib" % (away, trap),
              "cp %s %s%s/" % (outer, away, trap), "cp %s %s%s/lib/" % (x.good(), away, trap),
              "cd %s%s" % (away, trap), "umount -l %s" % away,
              "case $(readlink /proc/self/cwd) in %s) ;; *) exit 97;; esac" % trap]
    r = x.private("\n".join(script), x.loner(), "open=./libouter.so", "objects")
    x.expect(r.rc == 0 and "host done" in r.out, "the program to run", r)
    x.saw("dlopen of a relative path", "ctor evil" in r.out, r, stock=False)
    r = x.run(x.loner(), "open=./libouter.so", "objects", cwd=os.path.dirname(
        x.copy(outer, "plain/libouter.so")))
    x.expect("Error loading" in r.out, "no library without the directory lib", r)
    x.copy(x.good(), "plain/lib/libwho.so")
    r = x.run(x.loner(), "open=./libouter.so", "objects", cwd=os.path.join(x.dir, "plain"))
    x.expect("open ./libouter.so: ok" in r.out and "lib/libwho.so" in r.out,
             "$ORIGIN of a relative name to work as ever", r)


@row("B19")
def forged_soname(x):
    """A loaded object answers to its DT_SONAME: a checked one may, an unchecked one never does."""
    forged = x.stage.lib("forged/any.so", tag="forged", flags=["-Wl,-soname,libwho.so"])
    user = x.stage.lib("user/libuser.so", "tag.c", tag="user", flags=[
        "-Wl,--no-as-needed", x.good(), "-Wl,-rpath," + ROOT + "/lib/good"])
    for mode in (0o755, 0o644):
        lib = x.copy(forged, "forged%o.so" % mode, mode)
        r = x.run(x.loner(), "open=" + lib, "open=" + user, "objects", ops=[RESTRICT])
        good = "object %s/lib/good/libwho.so" % ROOT in r.out
        x.expect("open %s: ok" % user in r.out, "the other library to load", r)
        if mode == 0o755:
            x.expect(good != x.hardened, "ward to let a checked object have its name", r)
        else:
            x.saw("unchecked", "object " + lib in r.out, r, stock=True)
            x.expect(good, "the right library", r)


@row("B16")
def swapped_symlink(x):
    """What is opened is what is used, although the name points elsewhere a moment later."""
    good, evil = x.good(), x.evil()
    link = os.path.join(x.mkdir("link"), "libwho.so")
    os.symlink(good, link)
    prog = rpath_host(x, "linkrp." + x.target.name, os.path.dirname(link))
    r, trace = x.trace(prog, "call=who")
    opens = [o for o in trace.objects if o.path == link]
    x.expect("who: good" in r.out, "the library to be found through the link", r)
    x.saw("opened once", len(opens) != 1 or "M" not in opens[0].steps,
          "%s\n%s" % (r, opens), stock=False)
    with swapping(link, good, evil):
        runs = [x.run(prog, "maps", "call=who") for _ in range(60)]
    both = {tag: sum("who: " + tag in r.out for r in runs) for tag in ("good", "evil")}
    x.expect(min(both.values()) > 0, "the swap to be seen in both states", both)
    mixed = [r for r in runs if ("ctor good" in r.out) != ("who: good" in r.out)
             or (good in r.out) != ("who: good" in r.out)
             or (evil in r.out) != ("who: evil" in r.out)]
    x.saw("never a mixture", bool(mixed), mixed[:1], stock=False)


@row("B20")
def other_namespace(x):
    """The same after a change of the mount namespace: the name means another file then."""
    x.evil()
    x.copy(x.good(), "there/who.so")
    lib = os.path.join(x.dir, "there", "who.so")
    bind = "bind=%s:%s" % (ROOT + "/lib/evil/libwho.so", lib)
    for ops in ([], [RESTRICT]):
        r = elsewhere(x, "open=" + lib, ops=ops)
        x.expect("who: good" in r.out, "the library itself before", r)
        r = elsewhere(x, bind, "open=" + lib, ops=ops)
        x.expect(r.rc == 0 and "elsewhere done" in r.out, "the program to run", r)
        x.saw("bind, %s" % ops, "who: evil" in r.out, r, stock=True, limit=True)


@row("B21")
def origin_moves(x):
    """$ORIGIN of the program is found once, at start."""
    lib = x.evil()
    prog = x.prog("movedrp", "elsewhere.c", "-Wl,-rpath,$ORIGIN/lib")
    x.copy(x.good(), "one/lib/libwho.so")
    x.copy(lib, "two/lib/libwho.so")
    one, two = (os.path.join(x.dir, d, "prog") for d in ("one", "two"))
    for ops in ([], [RESTRICT]):
        x.copy(prog, "one/prog")
        r = x.run(one, "open=libwho.so", ops=ops)
        x.expect("who: good" in r.out, "$ORIGIN/lib to be searched by dlopen", r)
        r = x.run(one, "rename=%s:%s" % (one, two), "open=libwho.so", ops=ops)
        x.expect(r.rc == 0 and "who: " in r.out, "the program to run", r)
        x.saw("renamed, %s" % ops, "who: evil" in r.out, r, stock=True)


class swapping:
    """While this context lasts, a symbolic link changes its target over and over."""

    def __init__(self, link, one, two):
        self.link, self.targets = link, (one, two)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        count = 0
        while not self.stop.wait(0.0005):
            count += 1
            os.symlink(self.targets[count % 2], self.link + ".new")
            os.replace(self.link + ".new", self.link)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
