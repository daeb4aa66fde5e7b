"""How a command is started on ward or on stock musl: as PT_INTERP, in a mount namespace of its own,
or by running the loader with the program as its argument.
"""

import os
import subprocess

import floor

HERE = os.path.dirname(os.path.abspath(__file__))


def binfmt(emulator, example):
    """A rule of binfmt_misc: programs of the architecture of a file are given to an emulator, which
    is opened now (F) and told argv[0] (P).
    """
    with open(example, "rb") as h:
        magic = h.read(20)
    # Any OS ABI and its version, ET_EXEC or ET_DYN.
    mask = b"\xff" * 7 + b"\0" * 2 + b"\xff" * 7 + b"\xfe\xff" + b"\xff" * 2
    magic, mask = ("".join("\\x%02x" % b for b in x) for x in (magic, mask))
    return ":corpus:M::%s:%s:%s:PF" % (magic, mask, emulator)


# A user other than root, who owns what root owns outside.
USER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]


class Starter:
    """Makes the words of a command for a loader and a way of starting.

    lib: what is laid over /lib for programs that were built elsewhere. emulator: of programs of
    another architecture; what they start themselves, a binfmt_misc of the namespace gives to it.
    Loaders: "stock", "ward" and "enforce", the same ward built with --policy=enforce
    --floor=enforce.
    """

    def __init__(self, build, interp, lib="", emulator=""):
        self.build, self.interp, self.lib = build, interp, lib
        self.emulator = [emulator] if emulator else []
        self.binfmt = binfmt(emulator, build.stock_loader) if emulator else ""
        self.stock_dir = os.path.dirname(build.stock_loader)
        self.no_namespace = self._why_not("no private mount namespace here")
        self.no_system = self.no_namespace or self._why_not("no overlay over /lib here", True)
        self.no_children = self.no_namespace or self._why_not("no binfmt_misc of its own here",
                                                              children=True)
        self.no_user = self.no_namespace or self._why_not("no user namespace here", words=USER)
        self._enforce = None

    def _why_not(self, what, system=False, children=False, words=()):
        """None when a command can be started so, else the reason."""
        if system and not self.lib:
            return "nothing to lay over /lib"
        p = subprocess.run(
            self.namespace("stock", system, children=children) + [*words, "true"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return "%s: %s" % (what, p.stderr.strip()) if p.returncode else None

    def build_enforcing(self):
        """Make the enforcing loader; why it cannot be used here, or None."""
        self._enforce = os.path.realpath(floor.loader(self.build))
        p = subprocess.run([self._enforce, self.build.stock_loader], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, check=False)
        return p.stderr.strip() if "cannot enforce" in p.stderr else None

    def loader(self, which):
        """The file of "ward", "enforce" or "stock"."""
        if which == "enforce":
            return self._enforce
        name = self.build.loader if which == "ward" else self.build.stock_loader
        return os.path.realpath(name)

    def namespace(self, which, system=False, loader=None, children=False):
        """The words before a command: the loader lies at PT_INTERP; for ward stock is nowhere.

        system: it also lies where programs built for musl look, and their libraries in /lib.
        loader: this file instead. children: the command starts programs of the corpus.
        """
        hide = "" if which == "stock" else self.stock_dir
        options = ["--lib=" + self.lib] if system else []
        options += ["--binfmt=" + self.binfmt] if children and self.binfmt else []
        return [os.path.join(HERE, "in-namespace")] + options + [
            loader or self.loader(which), self.interp, hide]

    def argv(self, which, way, words, children=False, system=False, user=False):
        """A command on a loader, as "interp" or "direct"; children need PT_INTERP too. user: not as
        root, in a namespace.
        """
        words = list(words)
        if way == "direct":
            words.insert(0, self.loader(which))
        words = (USER if user else []) + self.emulator + words
        if way == "interp" or children or system or user:
            words = self.namespace(which, system, children=children) + words
        return words
