"""Where libraries are looked for: audit says beforehand which directories enforcing passes over."""

import os

from others import need
from stage import NOBODY, RESTRICT, ROOT, real_root
import wardtest

REPORT = {"LD_WARD": "report=denials"}


def search(x):
    """(title, test) of search directories."""
    for title in ("writable", "owner", "relative"):
        yield "audit predicts: " + title, lambda t=title: predicted(x, t)
    yield "nothing to say about ordinary directories", lambda: silence(x)
    yield "audit predicts: $ORIGIN of a deleted program", lambda: predicted_origin(x)
    yield "audit predicts: a relative name", lambda: predicted_name(x)
    yield "the message names the directory", lambda: message(x)
    yield "a user namespace without a name for root", lambda: nameless_root(x)
    yield "group-writable system directory", lambda: system_directory(x)


def directory(x, title):
    """A search path entry that restriction drops for this reason; the library is there."""
    d = os.path.dirname(x.copy(x.evil(), "%s/libwho.so" % title))
    if title == "relative":
        return title
    if title == "owner":
        if not real_root():
            raise wardtest.Skip("needs root: a directory of another user")
        os.chown(d, NOBODY, NOBODY)
    else:
        os.chmod(d, 0o777)
    return d


def searching(x, name, path):
    """A program with this search path."""
    return x.prog("search." + name, "host.c", "-Wl,--no-as-needed", x.good(),
                  "-Wl,-rpath," + path)


def predicted(x, title):
    """The same directory: used and announced when auditing, dropped when restricted."""
    d = directory(x, title)
    prog = searching(x, title, d + ":" + ROOT + "/lib/good")
    second = x.stage.lib("second/libsecond.so", tag="second")
    both = x.prog("search.two." + title, "host.c", "-Wl,--no-as-needed", x.good(), second,
                  "-Wl,-rpath,%s:%s/lib/good:%s/lib/second" % (d, ROOT, ROOT))
    for p in (prog, both):
        r = x.run(p, "call=who", env=REPORT, cwd=x.dir)
        need(r.rc == 0 and "who: evil" in r.out, "the directory to be searched", r)
        need(r.err.count("ward: audit: would drop %s " % d) == 1 and "reason=" + title in r.err,
             "one line that predicts", r)
        need("would drop " + ROOT not in r.err.replace("would drop " + d, ""), "no other", r)
        r = x.run(p, "call=who", env=REPORT, ops=[RESTRICT], cwd=x.dir)
        need(r.rc == 0 and "who: good" in r.out, "the directory to be dropped", r)
    r = x.direct("--policy", "report=denials", prog, "call=who", ops=[RESTRICT], cwd=x.dir)
    need("ward: audit: dropped %s " % d in r.err, "a line that says so", r)


def silence(x):
    """No line about directories that stay."""
    prog = searching(x, "plain", "/none:%s/lib/./good" % ROOT)
    r = x.run(prog, "call=who", env=REPORT)
    need(r.rc == 0 and "who: good" in r.out and "drop" not in r.err, "silence", r)
    r = x.run(searching(x, "quiet", directory(x, "writable")), "call=who")
    need(r.rc == 0 and "who: evil" in r.out and r.err == "", "silence without report=", r)


def predicted_origin(x):
    """Where /proc cannot say where the program lies."""
    prog = searching(x, "origin", "$ORIGIN/lib:" + ROOT + "/lib/good")
    for ops, who in (([], "evil"), ([RESTRICT], "good")):
        gone = x.copy(prog, "gone/prog")
        x.copy(x.evil(), "gone/lib/libwho.so")
        deleted = [x.stage.static("byfd", "byfd.c"), "deleted", gone, "call=who"]
        r = x.run(*deleted, ops=ops, env=REPORT)
        need(r.rc == 0 and "who: " + who in r.out, "the library " + who, r)
        need(("would drop $ORIGIN " in r.err) == (not ops), "a line when auditing", r)


def predicted_name(x):
    """A name with a slash that is relative."""
    x.copy(x.evil(), "sub/libwho.so")
    lib = x.stage.lib("relative/libwho.so", tag="good", flags=["-Wl,-soname,./sub/libwho.so"])
    prog = x.prog("search.name", "host.c", "-Wl,--no-as-needed", lib)
    r = x.run(prog, "call=who", env=REPORT, cwd=x.dir)
    need(r.rc == 0 and "who: evil" in r.out, "the name to be used", r)
    need("ward: audit: would refuse ./sub/libwho.so " in r.err and "reason=relative" in r.err,
         "a line that predicts", r)
    r = x.run(prog, "call=who", ops=[RESTRICT], cwd=x.dir)
    need(r.rc == 127 and "relative path while restricted" in r.err, "refused", r)


def message(x):
    """A library that is not found because its directory was passed over."""
    d = directory(x, "writable")
    prog = searching(x, "message", d)
    r = x.run(prog, ops=[RESTRICT])
    want = ("Error loading shared library libwho.so: No such file or directory; not searched while "
            "restricted: %s: others may write to it or to a directory above it (needed by %s)\n"
            % (d, prog))
    need(r.rc == 127 and r.err == want, repr(want), r)
    os.chmod(d, 0o755)
    r = x.run(prog, "call=who", ops=[RESTRICT])
    need(r.rc == 0 and "who: evil" in r.out, "it to be found", r)


def nameless_root(x):
    """Root's directories are nobody's in a user namespace; they are the loader's owner's too."""
    unshare = wardtest.have("unshare")
    if not real_root():
        raise wardtest.Skip("needs root: another user, in whose namespace root has no name")
    prog = searching(x, "userns", ROOT + "/lib/good")
    script = "stat -c '%%u' / %s; exec \"$@\"" % x.target.loader
    r = x.run(unshare, "-U", "-r", "/bin/sh", "-c", script, "sh", x.stage.launch, RESTRICT, "--",
              prog, "call=who", ops=["uid=%d" % NOBODY, "env=PATH=/usr/bin:/bin"])
    if r.rc == 1 and "unshare" in r.err:
        raise wardtest.Skip("ordinary users make no namespaces here: " + r.err.strip()[:100])
    need(r.out.startswith("%d\n%d\n" % (NOBODY, NOBODY)), "root's files to be nobody's", r)
    need(r.rc == 0 and "who: good" in r.out, "the library to be found", r)


def system_directory(x):
    """The default directories are looked at like any other."""
    if not real_root():
        raise wardtest.Skip("needs root: a group that is not root's")
    prog = x.prog("search.system", "host.c", "-Wl,--no-as-needed", x.good())
    for mode, gid, found in ((0o755, 0, True), (0o775, 0, True), (0o775, 50, False)):
        r = x.private("mount -t tmpfs -o mode=%o,gid=%d ward-test /usr/local/lib\n"
                      "cp %s /usr/local/lib/" % (mode, gid, x.good()),
                      prog, "call=who", ops=[RESTRICT])
        need(("who: good" in r.out) == found, "%sfound in a directory of mode %o, group %d" % (
            "" if found else "not ", mode, gid), r)


GROUPS = {"search": search}
