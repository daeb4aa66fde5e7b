"""Make wheels around an extension module: wheel.py MODULE ARCH DIRECTORY

Of the package ward_native: 1.0 for musl 1.2, 1.1 for a musl that does not exist yet, 2.0 for
glibc. pip takes 1.0 on musl only when it sees which C library and which version it runs on. Of
ward_plain: 1.0 for musl, its library without an x bit, as many wheels have it.
"""

import os
import sys
import zipfile

WHEELS = [("ward_native", "1.0", "musllinux_1_2", 0o755),
          ("ward_native", "1.1", "musllinux_1_9", 0o755),
          ("ward_native", "2.0", "manylinux_2_17", 0o755),
          ("ward_plain", "1.0", "musllinux_1_2", 0o644)]


def wheel(directory, library, arch, name, version, platform, mode):
    """Write one."""
    tag = "cp311-cp311-%s_%s" % (platform, arch)
    info = "%s-%s.dist-info/" % (name, version)
    files = [
        (name + "/__init__.py", b"from ._native import where\nversion = '%s'\n" % version.encode(),
         0o644),
        (name + "/_native.so", library, mode),
        (info + "METADATA", b"Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (
            name.encode(), version.encode()), 0o644),
        (info + "WHEEL", b"Wheel-Version: 1.0\nGenerator: ward\nRoot-Is-Purelib: false\nTag: %s\n" %
         tag.encode(), 0o644)]
    record = "".join("%s,,\n" % f[0] for f in files) + info + "RECORD,,\n"
    files.append((info + "RECORD", record.encode(), 0o644))
    path = os.path.join(directory, "%s-%s-%s.whl" % (name, version, tag))
    with zipfile.ZipFile(path, "w") as z:
        for path, data, bits in files:
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100000 | bits) << 16
            z.writestr(entry, data)


def main(argv):
    """Command line."""
    with open(argv[0], "rb") as h:
        library = h.read()
    for w in WHEELS:
        wheel(argv[2], library, argv[1], *w)


main(sys.argv[1:])
