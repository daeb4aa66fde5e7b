"""Import every extension module that CPython's build installed, each by its file's name."""

import importlib
import os
import sys
import sysconfig


def main():
    """One line a module; the reason when it cannot be imported."""
    where = sysconfig.get_path("platstdlib") + "/lib-dynload"
    names = sorted({f.split(".")[0] for f in os.listdir(where) if f.endswith(".so")})
    good = 0
    for name in names:
        try:
            module = importlib.import_module(name)
        except ImportError as e:
            print("%s: %s" % (name, e))
            continue
        good += 1
        print(name, os.path.basename(module.__file__), len(dir(module)))
    print("%d modules, %d imported" % (len(names), good))
    sys.stdout.flush()


main()
