"""The C++ runtime: exceptions, threads and the standard library across loaded objects."""

import os
import shutil

from cases import Case

RECIPES = ("cxx-programs",)
LIBRARIES = 100


def cases(out):
    """Our own programs, each with tests of its own; the libraries they open lie beside them."""
    root = out("cxx-programs")
    lib = os.path.join(root, "lib")
    two = [os.path.join(lib, "library-%s.so" % n) for n in "ab"]
    opened = os.path.join(lib, "opened.so")
    copies = ["./library-%d.so" % n for n in range(LIBRARIES)]

    def copy(where):
        for c in copies:
            shutil.copy(two[0], os.path.join(where, c))

    def case(program, test, expect, args=(), **more):
        return Case("cxx", test, [os.path.join(root, "bin", program), test] + list(args), expect,
                    **more)

    return [
        case("exceptions", "basic", r"constructor caught 11\n(?s:.*)program: Failure a 7\n"
             r"(?s:.*)b: LooseError 9\n3\n(?s:.*)program: rethrows\na: Failure a 7\n1\n", two),
        case("exceptions", "threads", r"(20900\n){8}from thread 3: a 7\n(?s:.*)b within outer\n",
             two),
        case("exceptions", "types", r"(?m)^32 32 32 32 32\n5Loose 1$", two),
        case("exceptions", "backtrace", r"(libframes.so frames_call\n){4}"
             r"(?s:.*)library-a.so library_catch\n", two),
        case("exceptions", "signals", r"(b: Failure from a signal frame 11\n1\n){3}", two),
        case("exceptions", "uncaught", r"", two, status=-6),
        # What a constructor throws finds no way through dlopen, which is C.
        case("exceptions", "escapes", r"^terminate\n$", [os.path.join(lib, "escapes.so")],
             status=9),
        case("exceptions", "many", r"(?m)^100 libraries: 1320$", copies, setup=copy),
        case("threads", "locals", r"(?s)older thread\nopened.first: constructed\n.*"
             r"needed.first: destroyed, count 2\nopened.second: destroyed, count 2\n"
             r".*atexit\n.*program: static destructor\n", [opened]),
        case("threads", "posix", r"(program: constructed\nlate: destroyed\n"
             r"program: destroyed, count 50\n){2}"),
        case("threads", "once", r"^once 1\nsingleton\n5\n"),
        case("threads", "once-throws", r"^once 1\n", status=-6),
        case("threads", "waits", r"50005000\nthrough a future\n(?s:.*)thread 3\n600\n0\n"),
        case("stdlib", "streams", r"(?m)123'456'789 1'234'567.25\n(?s:.*)^10true$",
             stdin="input line"),
        case("stdlib", "numbers", r"0.3333333333333333 1\n1e-310 1\n(?s:.*)ann at example\n"),
        case("stdlib", "files", r"(?m)^copy/uno 5008$(?s:.*)No such file or directory"),
    ]
