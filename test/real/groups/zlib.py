"""zlib and its own two programs."""

import os
import shutil

from cases import Case, REAL

RECIPES = ("zlib",)


def cases(out):
    """zlib's own two programs."""
    root = out("zlib")
    data = os.path.join(REAL, "cases.py")
    pack = [os.path.join(root, "bin", "minigzip")]
    with open(data, encoding="ascii") as h:
        text = h.read()
    return [
        Case("zlib", "example", [os.path.join(root, "bin", "example")], r"inflate\(\): hello"),
        Case("zlib", "minigzip", pack + ["f"], r"^$", setup=lambda d: shutil.copy(
            data, os.path.join(d, "f")), timed=False),  # there is no second time
        Case("zlib", "minigzip-pipe", pack, r"^\x1f", stdin=text, timed=True),
    ]
