"""The enforcing build beside the one under test: `./configure --policy=enforce --floor=enforce`.

It lies in the directory `floor` of the build directory and takes the C library's objects from
there, so it costs seconds; when nothing changed, it costs what make needs to see that.
"""

import fcntl
import os
import shlex

import wardtest

TOP = os.path.dirname(os.path.dirname(wardtest.LIBDIR))


def run(argv):
    """A step of the build, which must succeed."""
    r = wardtest.run(argv, cwd=TOP, timeout=600)
    if r.rc != 0:
        raise wardtest.BuildError("cannot build an enforcing ward\n%s" % r)


def directory(build):
    """The build directory of an enforcing ward: up to date, made if need be."""
    if build.enforcing:
        return build.path
    base = os.path.relpath(build.path, TOP)
    out = os.path.join(base, "floor")
    # The same compiler and options but for the policy; --musl-build stands for what gave the C
    # library.
    words = [w for w in shlex.split(build.config["CONFIGURE_ARGS"])
             if w.split("=")[0] not in ("--musl", "--musl-version", "--dir", "--policy", "--floor",
                                        "--musl-build")]
    words += ["--arch=" + build.arch, "--policy=enforce", "--floor=enforce", "--dir=" + out,
              "--musl-build=" + base]
    with open(os.path.join(build.path, ".floor.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run(["./configure", *words])
        run(["make", "-j2", "ARCH=" + build.arch, "B=" + out, "all"])
    return os.path.join(TOP, out)


def loader(build):
    """The enforcing loader's file."""
    return os.path.join(directory(build), "lib", os.path.basename(build.loader))
