"""B: where a library is looked for."""

import os
import threading

from rows import row
from stage import RESTRICT, ROOT


@row("B01")
def empty_entries(x):
    """Empty entries of a search path must not mean the current directory."""
    x.evil()
    evil = ROOT + "/lib/evil"
    r = x.run(x.host(), "call=who", env={"LD_LIBRARY_PATH": evil})
    x.expect("who: evil" in r.out, "a whole entry to be honoured", r)
    for path in ("", ":", "::", "/nonexistent:", ":/nonexistent", "/nonexistent::/nonexistent",
                 "\n", "/nonexistent\n"):
        r = x.run(x.host(), "call=who", env={"LD_LIBRARY_PATH": path}, cwd=evil)
        x.expect(r.rc == 0 and "who: " in r.out, "the program to run", r)
        x.saw("LD_LIBRARY_PATH=%r" % path, "evil" in r.out, r, stock=False)
    for path in (":" + ROOT + "/lib/good", ROOT + "/lib/none::" + ROOT + "/lib/good"):
        prog = rpath_host(x, "emptyrp%d" % len(path), path)
        r = x.run(prog, "call=who", cwd=evil)
        x.expect(r.rc == 0 and "who: " in r.out, "the program to run", r)
        x.saw("RPATH=%r" % path, "evil" in r.out, r, stock=False)


def rpath_host(x, name, path):
    """The general program with another search path."""
    return x.prog(name, "host.c", "-Wl,--no-as-needed", x.good(), "-Wl,-rpath," + path)


@row("B02")
def relative_entries(x):
    """When restricted, no entry may depend on the current directory."""
    x.evil()
    where = ROOT + "/lib"
    for path in ("evil", "./evil", "../lib/evil"):
        prog = rpath_host(x, "relrp%d" % len(path), path + ":" + ROOT + "/lib/good")
        r = x.run(prog, "call=who", ops=[RESTRICT], cwd=where)
        x.expect(r.rc == 0 and "who: " in r.out, "the program to run", r)
        x.saw("RPATH=%s" % path, "evil" in r.out, r, stock=True)
        r = x.run(x.host(), "call=who", env={"LD_LIBRARY_PATH": path}, ops=[RESTRICT], cwd=where)
        x.expect(r.rc == 0 and "who: " in r.out, "the program to run", r)
        x.saw("LD_LIBRARY_PATH=%s" % path, "evil" in r.out, r, stock=True)
    r = x.run(rpath_host(x, "relrp4", "evil:" + ROOT + "/lib/good"), "call=who", cwd=where)
    x.expect("who: evil" in r.out, "relative entries to work as ever when not restricted", r)


@row("B06")
def separator_in_origin(x):
    """A directory whose name holds a separator must not become two entries of the path."""
    lib = x.evil()
    evil = x.mkdir("evil")
    built = rpath_host(x, "originrp", "$ORIGIN/lib:" + ROOT + "/lib/good")
    plain = x.mkdir("plain")
    x.copy(lib, "plain/lib/libwho.so")
    r = x.run(x.copy(built, "plain/prog"), "call=who")
    x.expect("who: evil" in r.out, "$ORIGIN/lib to be searched in %s" % plain, r)
    x.copy(lib, "evil/x/lib/libwho.so")
    for name, odd in (("colon", "a:" + evil), ("newline", "a\n" + evil)):
        # Expanded first and split afterwards, $ORIGIN/lib has the entry <evil>/x/lib.
        prog = x.copy(built, os.path.join(odd, "x", "prog"))
        for how, r in (("exec", x.run(prog, "call=who")),
                       ("direct", x.direct(prog, "call=who"))):
            x.expect(r.rc in (0, 127), "a clean end", r)
            x.saw("%s, %s" % (name, how), "evil" in r.out, r, stock=True)


@row("B16")
def swapped_symlink(x):
    """What is opened is what is used, although the name points elsewhere a moment later."""
    good, evil = x.good(), x.evil()
    link = os.path.join(x.mkdir("link"), "libwho.so")
    os.symlink(good, link)
    prog = rpath_host(x, "linkrp." + x.target.name, os.path.dirname(link))
    r, trace = x.trace(prog, "call=who")
    opens = [o for o in trace.objects if o.path == link]
    x.expect("who: good" in r.out, "the library to be found through the link", r)
    x.saw("opened once", len(opens) != 1 or "M" not in opens[0].steps,
          "%s\n%s" % (r, opens), stock=False)
    with swapping(link, good, evil):
        runs = [x.run(prog, "maps", "call=who") for _ in range(60)]
    both = {tag: sum("who: " + tag in r.out for r in runs) for tag in ("good", "evil")}
    x.expect(min(both.values()) > 0, "the swap to be seen in both states", both)
    mixed = [r for r in runs if ("ctor good" in r.out) != ("who: good" in r.out)
             or (good in r.out) != ("who: good" in r.out)
             or (evil in r.out) != ("who: evil" in r.out)]
    x.saw("never a mixture", bool(mixed), mixed[:1], stock=False)


class swapping:
    """While this context lasts, a symbolic link changes its target over and over."""

    def __init__(self, link, one, two):
        self.link, self.targets = link, (one, two)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        count = 0
        while not self.stop.wait(0.0005):
            count += 1
            os.symlink(self.targets[count % 2], self.link + ".new")
            os.replace(self.link + ".new", self.link)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
