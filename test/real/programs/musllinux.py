"""What pip finds out about the C library below it, by its own code: musllinux.py PIP_WHEEL"""

import sys

sys.path.insert(0, sys.argv[1])
from pip._vendor.packaging import _musllinux, tags  # noqa: E402

version = _musllinux._get_musl_version(sys.executable)
print(version)
print(" ".join(tags.platform_tags()))
print("glibc" if any("manylinux" in str(t) for t in tags.sys_tags()) else "no glibc")
