"""Lightning CSS, prebuilt: a Rust program with libgcc_s and symbol versions."""

import os
import re

import wardtest
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


def backtrace(run):
    """The unwinder of libgcc_s walks the stack of a panic, as far on ward as on stock musl."""
    if run.starter.no_system:
        raise wardtest.Skip(run.starter.no_system)
    command = os.path.join(run.corpus.out("lightning"), "fixed", "lightning", "lightningcss")
    case = Case("lightning", "backtrace", [command, "wrong.css"], "", system=True, setup=write,
                env={"RUST_BACKTRACE": "full"})
    frame = re.compile(r"(?m)^ +\d+: +0x[0-9a-f]+ - ")
    found = {which: len(frame.findall(run.start(case, "interp", which).err))
             for which in ["stock", "ward"] + ["enforce"] * (not run.no_enforcing)}
    assert found["stock"] > 9 and len(set(found.values())) == 1, "frames: %s" % found


def checks(run):
    """What is no Case."""
    return [("backtrace", lambda: backtrace(run))]
