"""ctypes and libffi: calls, callbacks, variables of a library, errors of the loader, threads."""

import ctypes
import threading
import zlib


def callbacks():
    """qsort of the C library with a comparison written in Python."""
    libc = ctypes.CDLL(None)
    compare_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int),
                                    ctypes.POINTER(ctypes.c_int))
    numbers = (ctypes.c_int * 6)(5, 3, 9, 1, 7, 2)
    libc.qsort(numbers, len(numbers), ctypes.sizeof(ctypes.c_int),
               compare_type(lambda a, b: a[0] - b[0]))
    print(list(numbers))


def calls():
    """Integers, doubles and strings in and out."""
    libc = ctypes.CDLL("libc.so")
    libc.atof.restype = ctypes.c_double
    libc.strchr.restype = ctypes.c_char_p
    print(libc.abs(-7), libc.atof(b"2.5"), libc.strchr(b"ward", ord("r")))
    libc.getenv.restype = ctypes.c_char_p
    print(libc.getenv(b"LC_ALL"), ctypes.c_char_p.in_dll(ctypes.pythonapi, "Py_Version") is None)


def errors():
    """A library and a symbol that are not there."""
    try:
        ctypes.CDLL("libnothing-here.so.7")
    except OSError as e:
        print(str(e)[:33])
    try:
        ctypes.CDLL(None).no_such_symbol_anywhere
    except AttributeError:
        print("no symbol")


def threads():
    """Threads that each compress and compare."""
    results = [0] * 8

    def work(i):
        data = bytes([i]) * 100000
        results[i] = len(zlib.decompress(zlib.compress(data)))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(results))]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    print(sum(results))


callbacks()
calls()
errors()
threads()
print("done")
