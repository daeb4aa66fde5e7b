"""How a command is started on ward or on stock musl: as PT_INTERP, in a mount namespace of its own,
or by running the loader with the program as its argument.
"""

import os
import subprocess

import floor

HERE = os.path.dirname(os.path.abspath(__file__))


class Starter:
    """Makes the words of a command for a loader and a way of starting.

    lib: what is laid over /lib for programs that were built elsewhere. Loaders: "stock", "ward"
    and "enforce", the same ward built with --policy=enforce --floor=enforce.
    """

    def __init__(self, build, interp, lib="", emulator=""):
        self.build, self.interp, self.lib = build, interp, lib
        self.emulator = [emulator] if emulator else []
        self.stock_dir = os.path.dirname(build.stock_loader)
        self.no_namespace = self._why_not("no private mount namespace here", False)
        self.no_system = self.no_namespace or self._why_not("no overlay over /lib here", True)
        self._enforce = None

    def _why_not(self, what, system):
        """None when a command can be started so, else the reason."""
        if system and not self.lib:
            return "nothing to lay over /lib"
        p = subprocess.run(self.namespace("stock", system) + ["true"], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, check=False)
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

    def namespace(self, which, system=False, loader=None):
        """The words before a command: the loader lies at PT_INTERP; for ward stock is nowhere.

        system: it also lies where programs built for musl look, and their libraries in /lib.
        loader: this file instead.
        """
        hide = "" if which == "stock" else self.stock_dir
        lib = ["--lib=" + self.lib] if system else []
        return [os.path.join(HERE, "in-namespace")] + lib + [
            loader or self.loader(which), self.interp, hide]

    def argv(self, which, way, words, children=False, system=False):
        """A command on a loader, as "interp" or "direct"; children need PT_INTERP too."""
        words = list(words)
        if way == "direct":
            words.insert(0, self.loader(which))
        words = self.emulator + words
        if way == "interp" or children or system:
            words = self.namespace(which, system) + words
        return words
