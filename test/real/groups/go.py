"""A library in Go, whose runtime starts in a constructor of the library."""

import os

from cases import Case

RECIPES = ("go",)
EXPECT = (r"^args: 4 %s \S*/libfromgo.so one two from value\nenv: value\nenv: \(none\)\nsum 9900\n"
          r"fault: recovered: .*nil pointer dereference\nthreads 19624\ncollected 200\nfile -1\n$")


def cases(out):
    """Linked to the program, and opened by it.

    Go reads argc and argv, which stock musl does not pass; and its thread-local word is of the
    initial-exec model, for which stock musl has no room once the program runs.
    """
    root = out("go")
    library = os.path.join(root, "lib", "libfromgo.so")

    def case(name, falls):
        program = os.path.join(root, "bin", name)
        return Case("go", name, [program, library, "one", "two"], EXPECT % program,
                    env={"GO_TEST": "value"}, falls=falls)

    return [case("linked", (-11, r"")),
            case("opens", (3, r"initial-exec TLS resolves to dynamic definition"))]
