"""Lightning CSS, prebuilt: a Rust program with libgcc_s and symbol versions."""

import os

from cases import Case

RECIPES = ("lightning",)

CSS = ".a { color: rgb(255, 0, 0); & .b { margin: 0px 0px 0px 0px } }\n@media (width >= 600px) {}\n"


def write(where):
    """A style sheet, and one that is wrong."""
    for name, text in (("t.css", CSS), ("wrong.css", ".a { color }\n@media\n")):
        with open(os.path.join(where, name), "w", encoding="ascii") as h:
            h.write(text)


def cases(out):
    """The command."""
    command = os.path.join(out("lightning"), "fixed", "lightning", "lightningcss")
    more = {"system": True, "setup": write}
    return [
        Case("lightning", "minify", [command, "--minify", "t.css"], r"^\.a\{color:red", **more),
        Case("lightning", "targets", [command, "--targets", "chrome 80", "t.css"], r"\.a \.b",
             **more),
        Case("lightning", "wrong", [command, "wrong.css"], r"^$", status=-6,
             clean=((r"'main' \(\d+\)", "'main' (N)"),), **more),
    ]
