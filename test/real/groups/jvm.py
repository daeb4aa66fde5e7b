"""The shape of OpenJDK: libraries that need one that was opened by absolute path."""

import os

from cases import Case

RECIPES = ("jvm",)
# What libjvm.so does before it opens libjava.so.
STARTED = r"^stack overflow\nsafepoint\nnull pointer\ncode 42\n"
LOADED = STARTED + (r"libjava.so: JNI_OnLoad 0x10001\nlibzip.so: JNI_OnLoad 0x10001\nzip 40\n"
                    r"%s\nsame libjvm: 1\ncount %d\ndone\n$")
APP = r"libapp.so: JNI_OnLoad 0x10009\napp loaded"


def cases(out):
    """OpenJDK on musl starts anew with LD_LIBRARY_PATH; on ward it need not."""
    java = os.path.join(out("jvm"), "bin", "java")
    refused = (1, r"(?m)^Error loading shared library libjvm.so: No such file or directory "
               r"\(needed by .*/lib/libjava.so\)$")
    # Enforcing, ward does without the variable and says so.
    said = ((r"(?m)^ward: LD_LIBRARY_PATH ignored: .*\n", ""),)
    return [
        Case("jvm", "path", [java, "--path"], LOADED % (APP, 24), ways=("interp",), clean=said),
        Case("jvm", "path-local", [java, "--path", "--local"], LOADED % ("app refused", 23),
             ways=("interp",), clean=said),
        Case("jvm", "global", [java], LOADED % (APP, 24), falls=refused),
        Case("jvm", "local", [java, "--local"], LOADED % ("app refused", 23), falls=refused),
    ]
