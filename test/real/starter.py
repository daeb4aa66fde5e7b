"""How a command is started on ward or on stock musl: as PT_INTERP, in a mount namespace of its own,
or by running the loader with the program as its argument.
"""

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


class Starter:
    """Makes the words of a command for a loader and a way of starting."""

    def __init__(self, build, interp):
        self.build, self.interp = build, interp
        self.stock_dir = os.path.dirname(build.stock_loader)
        self.no_namespace = self._why_no_namespace()

    def _why_no_namespace(self):
        """None when mount namespaces can be had, else the reason."""
        p = subprocess.run(self.namespace("stock") + ["true"], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, check=False)
        if p.returncode == 0:
            return None
        return "no private mount namespace here: %s" % p.stderr.strip()

    def loader(self, which):
        """The file of "ward" or "stock"."""
        name = self.build.loader if which == "ward" else self.build.stock_loader
        return os.path.realpath(name)

    def namespace(self, which):
        """The words before a command: the loader lies at PT_INTERP; for ward stock is nowhere."""
        hide = self.stock_dir if which == "ward" else ""
        return [os.path.join(HERE, "in-namespace"), self.loader(which), self.interp, hide]

    def argv(self, which, way, words, children=False):
        """A command on "ward" or "stock", as "interp" or "direct"; children need PT_INTERP too."""
        words = list(words)
        if way == "direct":
            words.insert(0, self.loader(which))
        if way == "interp" or children:
            words = self.namespace(which) + words
        return words
