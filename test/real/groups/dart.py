"""Dart Sass, prebuilt: the Dart VM maps an ELF snapshot of its own beside the loader."""

import os

from cases import Case, refused_as_shipped

RECIPES = ("dart",)

SCSS = """
@use "sass:math";
$base: 12px;
@mixin box($n) { width: $base * $n; height: math.div($base, 3); }
.a { @include box(2); .b & { color: mix(#f00, #00f, 25%); } }
@each $n in one, two { .#{$n} { order: str-length($n); } }
"""


def write(where):
    """The style sheet, and one that is wrong."""
    for name, text in (("t.scss", SCSS), ("wrong.scss", ".a { color: $nothing; }\n")):
        with open(os.path.join(where, name), "w", encoding="ascii") as h:
            h.write(text)


def cases(out):
    """Two style sheets, one of them wrong; isolates are threads."""
    src = os.path.join(out("dart"), "fixed", "sass", "dart-sass", "src")
    dart, snapshot = os.path.join(src, "dart"), os.path.join(src, "sass.snapshot")
    more = {"system": True, "setup": write}
    return [
        Case("dart", "version", [dart, snapshot, "--version"], r"^1\.105\.0", system=True),
        Case("dart", "compile", [dart, snapshot, "t.scss"], r"width: 24px;\n  height: 4px;",
             **more),
        Case("dart", "compressed", [dart, snapshot, "--style=compressed", "--embed-source-map",
                                    "t.scss"], r"^\.a\{width:24px;height:4px\}", **more),
        Case("dart", "wrong", [dart, snapshot, "wrong.scss"], r"^$", status=65, **more),
    ]


def checks(run):
    """The program that Dart opens as a library is shipped with mode 0644."""
    src = os.path.join(run.corpus.out("dart"), "shipped", "sass", "dart-sass", "src")
    snapshot = os.path.join(src, "sass.snapshot")
    case = Case("dart", "shipped", [os.path.join(src, "dart"), snapshot, "--version"], r"^1\.105\.0",
                system=True)
    return [("shipped", lambda: refused_as_shipped(run, case, snapshot))]
