"""User-mode QEMU, for programs of another architecture."""

import os

import wardtest

FETCH = os.path.join(os.path.dirname(wardtest.LIBDIR), "cross", "fetch-qemu")


def path(build):
    """The path of qemu-ARCH version 10 or later; Skip where it cannot be had."""
    r = wardtest.run([FETCH, build.arch, os.path.join(build.cache, "qemu")], timeout=600)
    if r.rc != 0:
        raise wardtest.Skip("QEMU 10 cannot be fetched: %s" % r.err.strip().replace("\n", "; "))
    return r.out.strip()
