"""Migration: the commands of README's "From watching to enforcing", taken from its text and executed.

A tree of 200 libraries, five of them with wrong modes (one with a blank
in its name) and five on a noexec mount, loaded by dlopen and
as DT_NEEDED. Everything happens in a mount namespace of its own, with an /etc, a /run and a /var/log
of its own.
"""

import os
import re

import wardtest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
SECTION = "From watching to enforcing"
LIBS, NOEXEC, WRONG = 200, 5, 5
BLOCKS = ("watch", "look", "list", "repair", "look again", "enforce")


def blocks():
    """The indented blocks of README's section, by what they are for."""
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as h:
        text = h.read().split("\n## %s\n" % SECTION, 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"(?:^    .*\n)+", text, re.M)
    if len(found) != len(BLOCKS):
        raise AssertionError("expected %d blocks of commands in README, got %d" % (len(BLOCKS), len(found)))
    return dict(zip(BLOCKS, found))


SCRIPT = """
mount --bind "$DIR/etc" /etc
mount -t tmpfs -o mode=755 ward-test /run
mount --bind "$DIR/log" /var/log
mount -t tmpfs -o mode=755,noexec ward-test "$DIR/tree/plugins"
cp "$DIR"/plugins/* "$DIR/tree/plugins/"
cd "$DIR/cwd"
use() { "$APP" >"$DIR/$1.app" 2>&1 || echo "exit $?" >>"$DIR/$1.app"
	"$MANY" "$DIR"/tree/lib/*.so "$DIR"/tree/plugins/*.so >"$DIR/$1.many" 2>&1 || :
	sleep 0.5; }
trap 'kill $! 2>/dev/null || :' EXIT
%(watch)s
n=0; until [ -S /run/ward/reports ] || [ $n -gt 100 ]; do sleep 0.1; n=$((n + 1)); done
use watched
LD_WARD=check=enforce use tried
: >/var/log/ward.log
use watched
{ %(look)s } >"$DIR/list"
%(list)s
cp /var/log/ward.mode /var/log/ward.noexec "$DIR"
%(repair)s
use repaired
{ %(look again)s } >"$DIR/left"
%(enforce)s
use enforced
cat /var/log/ward.log >"$DIR/reports"
chmod 644 "$DIR/tree/lib/part000.so"
use spoiled
"""


def tree(x):
    """200 libraries, two programs; the paths that enforcing must refuse."""
    part = x.stage.lib("part/libpart.so", tag="part")
    needed = [x.stage.lib("part/libneed%d.so" % i, tag="need%d" % i) for i in range(2)]
    lib, plugins = x.mkdir("tree/lib"), x.mkdir("tree/plugins")
    wrong = set()
    for i in range(LIBS - NOEXEC - len(needed)):
        bad = i % 40 == 7 and len(wrong) < WRONG - 1
        name = "tree/lib/a part%03d.so" if i == 7 else "tree/lib/part%03d.so"
        path = x.copy(part, name % i, 0o644 if bad else 0o755)
        if bad:
            wrong.add(path)
    wrong.add(x.copy(needed[0], "tree/lib/libneed0.so", 0o640))
    x.copy(needed[1], "tree/lib/libneed1.so")
    for i in range(NOEXEC):
        x.copy(part, "plugins/plug%d.so" % i)
    app = x.prog("migrated", os.path.join(HERE, "src", "many.c"), "-Wl,--no-as-needed", *needed,
                 "-Wl,-rpath," + lib)
    return wrong, {os.path.join(plugins, "plug%d.so" % i) for i in range(NOEXEC)}, app


def surroundings(x):
    """What the commands name: a checkout with a build, /etc and /var/log."""
    x.mkdir("etc")
    x.mkdir("log")
    x.mkdir("cwd/build/%s/lib" % "x86_64")
    x.mkdir("cwd/doc")
    for target, name in ((x.target.loader, "build/x86_64/lib/ld-ward-x86_64.so.1"),
                         (os.path.join(TOP, "doc", "examples"), "doc/examples")):
        os.symlink(target, os.path.join(x.dir, "cwd", name))


def read(x, name):
    """A file that the script wrote."""
    with open(os.path.join(x.dir, name), encoding="utf-8") as h:
        return h.read()


def last(x, name):
    """The last line of such a file: constructors print too."""
    return (read(x, name).splitlines() or [""])[-1]


def same(what, expected, got):
    """Raise unless equal."""
    if expected != got:
        raise AssertionError("%s\nexpected %s\ngot %s" % (what, expected, got))


def migrate(x):
    """From watch to enforce by README's own commands."""
    if x.stage.build.enforcing:
        raise wardtest.Skip("this build does not watch, it enforces")
    wrong, noexec, app = tree(x)
    surroundings(x)
    many = x.prog("many", os.path.join(HERE, "src", "many.c"))
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "DIR": x.dir, "APP": app, "MANY": many}
    r = wardtest.run(["unshare", "-m", "--propagation", "private", "/bin/sh", "-euc",
                      SCRIPT % blocks()], env=env, timeout=60)
    if r.rc or r.err:
        raise AssertionError("expected the commands to succeed\n%s" % r)
    listed = [w.split() for w in read(x, "list").splitlines()]
    same("what README's list names", {(w, "mode") for w in wrong} | {(w, "noexec") for w in noexec},
         {(w[0].replace(r"\x20", " "), w[2]) for w in listed})
    same("the list for chmod", sorted(wrong), read(x, "ward.mode").splitlines())
    same("the list for mount", [os.path.join(x.dir, "tree/plugins")],
         read(x, "ward.noexec").splitlines())
    # what was listed is what an enforcing start refuses, no more
    tried = read(x, "tried.many")
    refused = set(re.findall(r"Error loading shared library (.+?): refused", tried))
    same("refused before the repair", (wrong | noexec), refused)
    same("the program that needs one", "exit 127", last(x, "tried.app"))
    for name, lost in (("watched", NOEXEC), ("repaired", 0), ("enforced", 0)):
        # the kernel maps no code from a noexec mount, whatever the loader's policy is
        same(name + ": dlopen", "loaded %d of %d" % (LIBS - lost, LIBS), last(x, name + ".many"))
        same(name + ": DT_NEEDED", "loaded 0 of 0", last(x, name + ".app"))
    same("enforced: a library spoiled later", "loaded %d of %d" % (LIBS - 1, LIBS),
         last(x, "spoiled.many"))
    same("left after the repair", "", read(x, "left"))
    same("reports when enforcing", "", read(x, "reports"))


LOCKED = """
mount --bind "$DIR/etc" /etc
try() { "$@" >"$DIR/out" 2>&1 && echo runs || echo "refused $?"; }
echo 'enforce' >/etc/ward.conf
try "$APP"
try "$LOADER" "$APP"
try "$LOADER" --policy=check=off "$APP"
LD_WARD=check=off try "$APP"
try env - "$APP"
try "$MOVE" /etc/ward.conf /etc/ward.conf.off
try "$APP"
"""


def locked_out(x):
    """What README says of it: nothing relaxes from below, a static program takes the file away."""
    if x.stage.build.enforcing:
        raise wardtest.Skip("a build floor is not a file that can be moved away")
    lib = x.copy(x.stage.lib("part/libpart.so", tag="part"), "locked/libpart.so", 0o644)
    app = x.prog("locked", os.path.join(HERE, "src", "many.c"), "-Wl,--no-as-needed", lib,
                 "-Wl,-rpath," + os.path.dirname(lib))
    x.mkdir("etc")
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "DIR": x.dir, "APP": app,
           "LOADER": x.target.loader,
           "MOVE": x.stage.static("move", os.path.join(HERE, "src", "move.c"))}
    r = wardtest.run(["unshare", "-m", "--propagation", "private", "/bin/sh", "-euc", LOCKED], env=env)
    if r.rc or r.err:
        raise AssertionError("expected the commands to succeed\n%s" % r)
    same("ways in", ["refused 127"] * 5 + ["runs"] * 2, r.out.splitlines())


def tests(x):
    """(title, test)."""
    yield "README's commands, from watch to enforce", lambda: migrate(x)
    yield "locked out, and how to get in again", lambda: locked_out(x)


GROUPS = {"migration": tests}
