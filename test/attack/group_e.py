"""E: files that are not what they seem. An error, never a signal, a hang or a constructor."""

import image
from rows import row
from stage import ROOT


def loads(x, name, data, stock):
    """Offer the library `data` to dlopen and as DT_NEEDED."""
    path = x.write("slot/libwho.so", bytes(data))
    needs = x.prog("slot.%s.%s" % (x.name, x.target.name), "host.c", "-Wl,--no-as-needed",
                   x.good(), "-Wl,-rpath,%s/slot:%s/lib/good" % (x.dir, ROOT))
    r = x.run(x.loner(), "open=" + path, "lastcall=who", timeout=3)
    x.saw(name + ", dlopen", r.rc != 0 or ": ok" in r.out or "ctor " in r.out, r, stock)
    if x.hardened:
        x.expect("open %s: Error loading shared library %s: " % (path, path) in r.out
                 and "(needed by dlopen in " in r.out, "an error that names all", r)
    r = x.run(needs, "call=who", timeout=3)
    x.saw(name + ", DT_NEEDED", r.rc not in (1, 127) or "ctor " in r.out, r, stock)
    if x.hardened:
        x.expect(r.rc == 127 and r.err.count("\n") == 1
                 and r.err.startswith("Error loading shared library ") and "libwho.so: " in r.err
                 and "(needed by %s)" % needs in r.err, "exit 127 with one line", r)


def runs(x, name, data, stock):
    """Offer the program `data` to a direct run."""
    path = x.write("prog", bytes(data))
    r = x.direct(path, timeout=3)
    x.saw(name + ", program", r.rc not in (1, 127) or "host" in r.out, r, stock)
    if x.hardened:
        x.expect(r.rc == 127 and r.err.count("\n") == 1 and path in r.err,
                 "exit 127 with one line", r)


def each(x, changes, stock, stock_main=None):
    """Apply each change to a library and to a program and offer both."""
    lib, prog = x.evil(), x.loner()
    control = x.run(x.loner(), "open=" + lib, "lastcall=who")
    x.expect("who: evil" in control.out, "the unchanged library to load", control)
    control = x.direct(prog)
    x.expect("host done" in control.out, "the unchanged program to run", control)
    for name, fields in changes.items():
        loads(x, name, image.Image(lib).set(**fields).data, stock)
        runs(x, name, image.Image(prog).set(**fields).data,
             stock if stock_main is None else stock_main)


@row("E03")
def too_short(x):
    """Files that end before the headers do."""
    lib, prog = image.Image(x.evil()).data, image.Image(x.loner()).data
    for size in (0, 1, 16, 63, 64, 70, 119):
        loads(x, "%d bytes" % size, lib[:size], stock=False)
        runs(x, "%d bytes" % size, prog[:size], stock=False)


@row("E04")
def bad_magic(x):
    """Not the four letters of ELF."""
    lib, prog = image.Image(x.evil()), image.Image(x.loner())
    for magic in (b"XXXX", b"\x7fELE", b"\0\0\0\0"):
        for img in (lib, prog):
            img.data[:4] = magic
        loads(x, repr(magic), lib.data, stock=True)
        runs(x, repr(magic), prog.data, stock=True)


@row("E05")
def wrong_class_or_order(x):
    """32-bit, big-endian, or of an unknown version."""
    each(x, {
        "ELFCLASS32": {"class": 1}, "ELFCLASSNONE": {"class": 0}, "ELFDATA2MSB": {"data": 2},
        "EI_VERSION 0": {"ident_version": 0}, "EI_VERSION 2": {"ident_version": 2},
        "e_version 0": {"version": 0}, "e_version 2": {"version": 2},
    }, stock=True)


@row("E06")
def wrong_machine(x):
    """Code of another machine."""
    each(x, {"386": {"machine": 3}, "AArch64": {"machine": 183}, "none": {"machine": 0}},
         stock=True)


@row("E07")
def wrong_entry_size(x):
    """Program headers of another size."""
    each(x, {"%d" % n: {"phentsize": n} for n in (0, 8, 55, 57, 65535)}, stock=False)


@row("E08")
def headers_elsewhere(x):
    """Program headers outside of the file, or too many."""
    each(x, {"offset -256": {"phoff": -256}, "offset 2^40": {"phoff": 1 << 40},
             "offset 2^63": {"phoff": 1 << 63}, "65535 headers": {"phnum": 65535},
             "no header": {"phnum": 0}}, stock=False)
