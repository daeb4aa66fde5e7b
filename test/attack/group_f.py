"""F: what loading itself does to the process."""

import re

import image
from group_c import refused
from rows import row
from stage import RESTRICT, ROOT

READ_IMPLIES_EXEC = 0x400000
WRITABLE_CODE = re.compile(r"^\S+ rwx.*$", re.M)


def stack_is_code(r):
    """Did the process end up with an executable stack, by its map or by trying?"""
    return "stack code: ran" in r.out or bool(re.search(r"^\S+ ..x. .*\[stack\]$", r.out, re.M))


def stack_trial(x, lib, name):
    """Load a library that asks for an executable stack, by dlopen and as DT_NEEDED."""
    r = x.run(x.loner(), "open=" + lib, "lastcall=who", "stack", "maps")
    x.expect("who: evil" in r.out and "stack code:" in r.out, "the library to be loaded", r)
    x.saw(name + ", dlopen", stack_is_code(r), r, stock=False)
    r = x.run(x.loner(), "stack", "maps", env={"LD_PRELOAD": lib})
    x.expect("ctor evil" in r.out and "stack code:" in r.out, "the library to be loaded", r)
    x.saw(name + ", at start", stack_is_code(r), r, stock=False)


@row("F01")
def library_asks_for_code_on_stack(x):
    """PT_GNU_STACK RWX in a library must not make any stack executable."""
    lib = x.stage.lib("execstack.so", tag="evil", flags=["-Wl,-z,execstack"])
    img = image.Image(lib)
    x.expect(img.pget(img.phdrs(image.PT_GNU_STACK)[0], "flags") == 7, "an RWX header", lib)
    stack_trial(x, lib, "RWX")


@row("F02")
def library_without_stack_header(x):
    """No PT_GNU_STACK means no executable stack either."""
    img = image.Image(x.evil())
    for at in img.phdrs(image.PT_GNU_STACK):
        img.pset(at, type=image.PT_NULL)
    x.expect(not img.phdrs(image.PT_GNU_STACK), "no header", "one is left")
    stack_trial(x, x.write("nostack.so", bytes(img.data)), "absent")


@row("F03")
def text_relocation(x):
    """DT_TEXTREL: code that is writable while, and after, it is relocated."""
    lib = x.stage.lib("textrel.so", src="textrel.c", flags=["-Wl,-z,notext"])
    r = x.run(x.loner(), "open=" + lib, "lastcall=who", "maps")
    x.saw("dlopen", "who: relocated" in r.out or bool(WRITABLE_CODE.search(r.out)), r, stock=True)
    if x.hardened:
        x.expect("open %s: Error" % lib in r.out and "(needed by dlopen in " in r.out,
                 "an error that names all", r)
        x.expect(lib not in r.out.split("Error", 1)[1].split("\n", 1)[1], "nothing mapped", r)
    r = x.run(x.loner(), "maps", env={"LD_PRELOAD": lib})
    x.saw("LD_PRELOAD", bool(WRITABLE_CODE.search(r.out)), r, stock=True)
    x.expect(not x.hardened or r.rc == 127, "exit 127", r)


@row("F04")
def constructor_before_all_are_verified(x):
    """No constructor may run when a later object of the same group is refused or broken."""
    first = x.stage.lib("libfirst.so", tag="evil")
    x.copy(first, "libfirst.so")
    broken = image.Image(x.good()).set(machine=3, phentsize=8)
    made = x.stage.lib("libsecond.so", tag="good")
    group = x.stage.lib("group.%s.so" % x.target.name, tag="good", flags=[
        "-Wl,--no-as-needed", first, made, "-Wl,-rpath," + x.dir])
    prog = x.prog("group." + x.target.name, "host.c", "-Wl,--no-as-needed", first, made,
                  "-Wl,-rpath," + x.dir)
    second = {"malformed": (bytes(broken.data), 0o755), "missing": None,
              "mode 0644": (image.Image(made).data, 0o644)}
    x.write("libsecond.so", image.Image(made).data)
    r = x.run(prog, "open=" + group)
    x.expect(r.out.count("ctor ") == 3 and ": ok" in r.out, "the whole group to load", r)
    for name, what in second.items():
        if what is None:
            x.stage.remove(x.dir + "/libsecond.so")
        else:
            x.write("libsecond.so", *what)
        ops = [RESTRICT] if name == "mode 0644" else []
        stock = name == "mode 0644"  # which stock musl does not ask for
        r = x.run(prog, ops=ops)
        x.saw(name + ", start", "ctor " in r.out, r, stock)
        r2 = x.run(x.loner(), "open=" + group, ops=ops)
        x.saw(name + ", dlopen", "ctor " in r2.out, r2, stock)
        if x.hardened:
            x.expect(r.rc == 127, "exit 127", r)
            x.expect("Error loading shared library" in r2.out and "host done" in r2.out,
                     "an error from dlopen", r2)
        if name == "mode 0644":
            refused(x, r, "mode 0644")


@row("F05")
def initial_exec_in_dlopen(x):
    """Static TLS after start: a place that was kept for it, or an error; never a stray offset."""
    lib = x.stage.lib("tls_ie.so", src="tls_ie.c")
    big = x.stage.lib("tls_big.so", src="tls_ie.c", flags=["-DROOM=4096"])
    for name in (lib, big):
        r = x.run(x.loner(), "call=who", env={"LD_PRELOAD": name})
        x.expect("who: initial-exec" in r.out, "the library to work when loaded at start", r)
    r = x.run(x.loner(), "open=" + big, "lastcall=who")
    x.expect(r.rc == 0, "the program to go on", r)
    x.saw("dlopen", ": ok" in r.out or "who: initial-exec" in r.out, r, stock=False)
    if x.hardened:
        x.expect("Error relocating %s: " % big in r.out and "bytes wanted" in r.out,
                 "an error that names it", r)
        r = x.run(x.loner(), "open=" + big, "open=" + lib, "lastcall=who")
        x.expect(r.rc == 0 and "who: initial-exec" in r.out, "the small one to fit", r)


@row("F06")
def gaps_given_to_malloc(x):
    """Memory from malloc must never lie inside an image, next to its data."""
    prog = x.prog("donate", "donate.c", "-Wl,--no-as-needed", x.good(),
                  "-Wl,-rpath," + ROOT + "/lib/good")
    for how, r in (("exec", x.run(prog)), ("direct", x.direct(prog))):
        x.expect(" of the pointers lie in an image of " in r.out, "a count", r)
        x.saw(how, not re.search(r"^0 of the pointers", r.out, re.M), r, stock=True)


@row("F09")
def use_after_dlclose(x):
    """dlclose unloads nothing, so nothing can be used after it."""
    lib = x.evil()
    r = x.run(x.loner(), "open=" + lib, "close", "lastcall=who", "maps", "open=" + lib)
    x.expect("close: 0" in r.out, "dlclose to succeed", r)
    x.saw("dlclose", r.rc != 0 or "who: evil" not in r.out or lib + "\n" not in r.out
          or r.out.count("ctor evil") != 1, r, stock=False)


@row("F10")
def program_with_executable_stack(x):
    """The kernel gave an executable stack because the program asked; it is taken back."""
    prog = x.prog("execstack", "host.c", "-Wl,-z,execstack")
    r = x.run(prog, "stack", "maps")
    x.expect(r.rc == 0 and "stack code:" in r.out, "the program to run", r)
    x.saw("exec", stack_is_code(r), r, stock=True)
    r = x.direct(prog, "stack", "maps")
    x.expect(r.rc == 0 and "stack code:" in r.out, "the program to run", r)
    x.saw("direct", stack_is_code(r), r, stock=False)


@row("F11")
def read_implies_exec(x):
    """The personality that makes every readable mapping executable is cleared first of all."""
    for how, op, stock in (("inherited", "persona", False), ("at entry", "inject", True)):
        r = x.run(x.host(), "persona", "maps", "open=" + x.evil(), "maps",
                  ops=["%s=%#x" % (op, READ_IMPLIES_EXEC)])
        x.expect(r.rc == 0 and "persona" in r.out and "host done" in r.out,
                 "the program to run", r)
        x.saw(how, bool(WRITABLE_CODE.search(r.out)), r, stock)
        if x.hardened:
            x.expect("persona 0\n" in r.out, "the personality to be cleared", r)
