"""Programs that unpack libraries: every shape on stock musl, on ward, and on a ward that enforces.

What doc/unpacking.md says of the shapes is tested here: the messages, and the settings that help.
"""

import os
import re
import tempfile

import wardtest

RECIPES = ("unpack",)

# shape: what an enforcing ward says of it, None: it loads. {f} is the file.
SHAPES = {
    "0600": r"{f}: refused: no execute permission \(mode 0600\); chmod a\+x {f} ",
    "0644": r"{f}: refused: no execute permission \(mode 0644\); chmod a\+x {f} ",
    "0700": None,
    "open": r"{f}: refused: open for writing by some process ",
    "deleted": r"{f}: refused: not a file on disk \(memfd or deleted\) ",
    "memfd": r"{f}: refused: (not a file on disk \(memfd or deleted\)|open for writing) ",
    "sealed": None,
}
LOADED = "loaded: hello from the library unpacked\n"
FD = r"/proc/self/fd/\d+"


def cases(out):
    """None: what must come out differs from stock musl."""
    return []


class Unpack:
    """Starts the program."""

    def __init__(self, run):
        self.run = run
        self.root = run.corpus.out("unpack")
        self.program = os.path.join(self.root, "bin", "unpack")
        self.library = os.path.join(self.root, "lib", "libgreet.so")

    def start(self, which, shape, before="", conf="", env=None):
        """Unpack in a namespace of its own; before: commands there, conf: its /etc/ward.conf."""
        if self.run.starter.no_namespace:
            raise wardtest.Skip(self.run.starter.no_namespace)
        where = os.path.join(self.run.build.work, "run", "unpacking")
        os.makedirs(where, exist_ok=True)
        where = tempfile.mkdtemp(dir=where)
        if conf:
            before += ("\nmount -t tmpfs -o mode=755 none /etc\n"
                       "printf %s \"$CONF\" >/etc/ward.conf\n")
        words = ["sh", "-euc", before + '\nexec "$@"', "sh", self.program, shape, self.library,
                 where]
        env = wardtest.base_env(CONF=conf, DIR=where, **(env or {}))
        try:
            return wardtest.run(self.run.starter.namespace(which) + words, env=env)
        finally:
            os.rmdir(where)

    def loads(self, which, shape, **more):
        """It must load."""
        r = self.start(which, shape, **more)
        assert (r.rc, r.out, r.err) == (0, LOADED, ""), "to load\n%s" % r

    def refused(self, which, shape, pattern, **more):
        """It must be refused, with this message."""
        r = self.start(which, shape, **more)
        file = FD if shape in ("deleted", "memfd", "sealed") else r"/\S+/unpacked\.so"
        want = r"dlopen: Error loading shared library %s\(needed by dlopen in %s\)\n" % (
            pattern.replace("{f}", file), re.escape(self.program))
        assert r.rc == 1 and re.fullmatch(want, r.out) and not r.err, "to be refused: %s\n%s" % (
            want, r)


def shape(u, name):
    """Stock musl and a ward that does not enforce load it; one that enforces does what it must."""
    u.loads("stock", name)
    u.loads("ward", name)
    if u.run.no_enforcing:
        raise wardtest.Skip(u.run.no_enforcing)
    if SHAPES[name]:
        u.refused("enforce", name, SHAPES[name])
    else:
        u.loads("enforce", name)


def noexec(u):
    """A temporary directory on a noexec mount: the kernel lets nobody map code from there."""
    mount = 'mount -t tmpfs -o mode=700,noexec none "$DIR"'
    for which in ("stock", "ward", "enforce"):
        if which == "enforce" and u.run.no_enforcing:
            raise wardtest.Skip(u.run.no_enforcing)
        r = u.start(which, "0700", before=mount)
        assert r.rc == 1 and "loaded" not in r.out, "not to load on %s\n%s" % (which, r)
    assert re.search(r"refused: file system \S+ is mounted noexec", r.out), "the mount\n%s" % r


def section(u):
    """ward.conf enforces, and lets this one program be."""
    if u.run.no_enforcing:
        raise wardtest.Skip(u.run.no_enforcing)
    for name, message in SHAPES.items():
        if message:
            u.refused("ward", name, message, conf="enforce\n")
            u.loads("ward", name, conf="enforce\n[%s]\ncheck=audit\n" % u.program)


def floor(u):
    """On a build with that floor the section does not help."""
    if u.run.no_enforcing:
        raise wardtest.Skip(u.run.no_enforcing)
    r = u.start("enforce", "0600", conf="enforce\n[%s]\ncheck=audit\n" % u.program)
    assert r.rc == 1 and "refused: no execute permission (mode 0600)" in r.out, "refused\n%s" % r


def checks(run):
    """Shapes and settings."""
    u = Unpack(run)
    return [(name, lambda n=name: shape(u, n)) for name in SHAPES] + [
        ("noexec", lambda: noexec(u)), ("section", lambda: section(u)),
        ("floor", lambda: floor(u))]
