"""Children of every kind: subprocess, fork with threads alive, multiprocessing by spawn."""

import multiprocessing
import os
import subprocess
import sys
import threading


def square(n):
    """What a spawned worker does."""
    return n * n


def main():
    """Each way of making a process gives back its answer."""
    out = subprocess.run([sys.executable, "-c", "import zlib, _json; print(zlib.crc32(b'ward'))"],
                         capture_output=True, text=True, check=True).stdout
    print("subprocess", out.strip())
    stop = threading.Event()
    waiter = threading.Thread(target=stop.wait)
    waiter.start()
    pid = os.fork()
    if pid == 0:
        import _sqlite3  # loads a library in the child of a threaded process
        os._exit(9 if _sqlite3.__file__ else 1)
    print("fork", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    stop.set()
    waiter.join()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print("spawn", pool.map(square, range(5)))
    print("done")


if __name__ == "__main__":
    main()
