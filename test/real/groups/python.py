"""CPython with every extension module."""

import os

from cases import Case, REAL

RECIPES = ("python",)

# Twenty extension modules, loaded and nothing more.
TWENTY = """
names = ("array binascii cmath fcntl grp math mmap pyexpat resource select spwd syslog termios "
         "unicodedata zlib _bisect _csv _heapq _json _struct").split()
print(len({__import__(n).__file__ for n in names}))
"""


def cases(out):
    """CPython: every extension module, ctypes through libffi, and some of its own tests."""
    root = out("python")
    python = os.path.join(root, "bin", "python3.11")
    programs = os.path.join(REAL, "programs")
    env = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    seconds = (r"\b[0-9.]+ (sec|min)\b", "N sec")
    cases = [
        Case("python", "version", [python, "-V"], r"^Python 3\.11", timed=True),
        Case("python", "start", [python, "-c", "print(6 * 7)"], r"^42\n$", env=env, timed=True),
        Case("python", "twenty", [python, "-c", TWENTY], r"^20\n$", env=env, timed=True),
        Case("python", "modules", [python, os.path.join(programs, "modules.py")],
             r"(?m)^[6-9]\d modules, \d+ imported", env=env, seconds=120),
        Case("python", "ctypes", [python, os.path.join(programs, "foreign.py")], r"(?m)^done$",
             env=env),
        Case("python", "processes", [python, os.path.join(programs, "processes.py")],
             r"(?m)^done$", env=env, children=True),
    ]
    for t in ("test_importlib", "test_imp", "test_threading", "test_zlib", "test_posix",
              "test_ctypes"):
        # libc.so.9, which must not load in test_load_version, is the C library itself on musl.
        # After the threads of subinterpreters CPython crashes now and then, on stock musl too.
        left_out = ["-i", "test_load_version", "-i", "SubinterpThreadingTests"]
        cases.append(Case("python", t, [python, "-m", "test", *left_out, t],
                          r"Tests result: SUCCESS", env=env,
                          children=True, seconds=300, ways=("interp",), stderr=False,
                          clean=(seconds, (r"\d:\d\d:\d\d( load avg: [0-9.]+)?", "0:00:NN"),
                                 (r"(?m)^test_\w+ passed in .*\n", ""),
                                 (r"(?m)^(== |Using random seed|Total duration).*\n", ""))))
    return cases
