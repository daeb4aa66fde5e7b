"""BusyBox's own testsuite, with its result on stock musl as the baseline."""

import os
import re
import shutil

# Needs a network, a terminal or loop devices: the result is not the loader's. Or starts thousands
# of processes for a verdict or two: the checksum applets and bc.
LEFT_OUT = frozenset(["wget", "mdev", "mount", "bc", "md5sum", "sha1sum", "sha256sum", "sha3sum",
                      "sha512sum"])
LEAST = 700
# Under an emulator every start of a program costs a tenth of a second: without --long these, which
# have many tests for their time.
QUICK = frozenset(["busybox", "cat", "comm", "cp", "cut", "diff", "dirname", "echo", "find", "hostid",
                   "ln", "mv", "paste", "patch", "printf", "realpath"])
QUICK_LEAST = 190


def applets(suite):
    """The applets that have tests."""
    names = {f[:-len(".tests")] for f in os.listdir(suite) if f.endswith(".tests")}
    names |= {d for d in os.listdir(suite) if os.path.isdir(os.path.join(suite, d))}
    return sorted(names - LEFT_OUT)


def copy(source, where):
    """The testsuite writes where it lies: give it a copy."""
    shutil.rmtree(where, ignore_errors=True)
    shutil.copytree(source, where, symlinks=True)
    link = os.path.join(where, "busybox")
    target = os.path.realpath(os.path.join(source, "busybox"))
    os.remove(link)
    os.symlink(target, link)


def parse(text):
    """{name of a test: verdict}; a name that comes twice is numbered."""
    found = {}
    for line in text.splitlines():
        m = re.match(r"(PASS|FAIL|SKIPPED|UNTESTED): (.*)$", line)
        if m:
            name = m.group(2)
            n = 2
            while name in found:
                name, n = "%s #%d" % (m.group(2), n), n + 1
            found[name] = m.group(1)
    return found


def differences(base, other):
    """Names whose verdict is not the same, with both."""
    return ["%s: stock %s, ward %s" % (n, base.get(n, "absent"), other.get(n, "absent"))
            for n in sorted(set(base) | set(other)) if base.get(n) != other.get(n)]
