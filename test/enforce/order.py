"""The order of the sources of policy, the note of a program, and starts that policy forbids."""

import os
import re

from conf import (AUDIT, ENFORCE, INTERACTIVE, OFF, UNUSABLE, etc, expect, need, probe)
import smaps
from stage import RESTRICT, ROOT, write_file
import wardtest

NOTE_SOURCE = """
__asm__(".section .note.ward,\\"a\\",%%note\\n.balign 4\\n.long 5,%d,%d\\n.asciz \\"ward\\"\\n"
	".balign 4\\n.ascii \\"%s\\"\\n.balign 4\\n.previous");
"""


def note_object(x, name, words, kind=1):
    """A source file that adds a note with any words at all."""
    path = "%s/src/%s.c" % (x.dir, name)
    text = words.replace("\a", "\\\\007")
    write_file(path, (NOTE_SOURCE % (len(words), kind, text)).encode())
    return path


# -- order --

def order(x):
    """(title, test): what each source may do to what the others said."""
    rows = [
        # system file, note, --policy, LD_WARD, operations, what holds
        ("report=denials", None, None, None, [], AUDIT),
        ("report=denials check=off", None, None, None, [], OFF),
        ("report=denials check=off", None, "check=audit", None, [], AUDIT),
        ("report=denials check=off", None, None, "check=enforce", [], ENFORCE),
        ("report=denials check=off", "check=audit", None, None, [], AUDIT),
        ("report=denials check=off", "check=enforce", None, None, [], ENFORCE),
        ("report=denials check=off", None, None, None, [RESTRICT], ENFORCE),
        ("report=denials", "check=off", None, None, [], AUDIT),
        ("report=denials", None, "check=off", "check=off", [], AUDIT),
        ("enforce", "check=audit", "check=off", "check=off", [], ENFORCE),
        ("watch", "check=audit", "check=enforce", "check=off", [], ENFORCE),
        (None, "report=denials check=enforce", None, None, [], ENFORCE),
        (None, "check=enforce", None, "check=off", [], ENFORCE),
        (None, None, "report=denials", None, [INTERACTIVE], AUDIT),
        (None, "report=denials", "report=quiet", None, [INTERACTIVE], AUDIT),
        ("report=denials", None, "report=quiet", None, [], OFF),
    ]
    for row in rows:
        title = "file %s, note %s, --policy %s, LD_WARD %s%s" % (*row[:4], " restricted" * bool(row[4]))
        yield title, lambda w=row: one_order(x, *w)


def one_order(x, text, note, command, env, ops, want):
    """One row, by exec when the command line says nothing, and as a direct run."""
    prog = probe(x, *(["--ward=" + note] if note else []))
    if text is not None:
        ops = [*ops, etc(x, "order" + re.sub("[^a-z]", "", text), text + "\n")]
    env = {"LD_WARD": env} if env else None
    if command is None:
        expect(x.run(prog, ops=ops, env=env), want)
    words = [] if command is None else ["--policy", command]
    expect(x.direct(*words, prog, ops=ops, env=env), want)


# -- the note --

def notes(x):
    """(title, test) about .note.ward."""
    yield "relaxes seal and vdso", lambda: relaxes(x)
    yield "relaxes text", lambda: relaxes_text(x)
    yield "tightens", lambda: tightens(x)
    yield "one check in a direct run", lambda: one_check(x)
    yield "a filter that fakes the check", lambda: faked(x)
    yield "direct=deny", lambda: denies(x)
    yield "wrong words", lambda: wrong_words(x)
    yield "of a library", lambda: of_library(x)
    yield "of another type", lambda: of_type(x)
    yield "ward-cc's words are the loader's", lambda: same_words(x)


def sealed(r, *names):
    """Which of these mappings are sealed, by the program's smaps."""
    vmas = smaps.parse(r.out)
    found = {n: [v.sealed for v in vmas if n in v.name and not v.writable] for n in names}
    need(all(found.values()), "mappings of %s" % (names,), r)
    return {n for n, v in found.items() if all(v)}


def relaxes(x):
    """Less is sealed when the program says so, unless somebody restricts."""
    prog = x.prog("note.lax", "host.c", "--ward=seal=off vdso=keep")
    plain = x.loner()
    names = [os.path.basename(prog), "[vdso]"]
    r = x.run(plain, "cat=/proc/self/smaps")
    need(len(sealed(r, os.path.basename(plain), "[vdso]")) == 2, "all sealed without a note", r)
    for run in (x.run, x.direct):
        r = run(prog, "cat=/proc/self/smaps")
        need(r.rc == 0 and not sealed(r, *names), "nothing sealed", r)
        for ops, env in (([RESTRICT], None), ([INTERACTIVE], None),
                         ([etc(x, "enf", "enforce\n")], None), ([], {"LD_WARD": "seal=code"})):
            r = run(prog, "cat=/proc/self/smaps", ops=ops, env=env)
            got = sealed(r, *names)
            need(names[0] in got and (ops == [] or names[1] in got), "sealed all the same", r)


def relaxes_text(x):
    """text=shared of the file, text=private of the program, and a restriction."""
    op = etc(x, "text", "text=shared\n")
    prog = x.prog("note.text", "host.c", "-Wl,--no-as-needed", x.good(),
                  "-Wl,-rpath," + ROOT + "/lib/good", "--ward=text=private")
    for path, ops, want in ((x.host(), [op], "s"), (prog, [op], "p"), (prog, [op, RESTRICT], "s")):
        r = x.run(path, "maps", ops=ops)
        lib = [w.split()[1] for w in r.out.splitlines() if w.endswith("good/libwho.so")]
        need([p for p in lib if p.startswith("r-x")] == ["r-x" + want], "r-x%s code" % want, r)


def tightens(x):
    """The program's own wish: enforced, and its caller's variables are not used."""
    prog = x.prog("note.enf", "host.c", "-Wl,--no-as-needed", x.good(),
                  "-Wl,-rpath," + ROOT + "/lib/good", "--ward=check=enforce")
    bad = x.copy(x.evil(), "bad.so", 0o644)
    for run in (x.run, x.direct):
        r = run(prog, "call=who", "open=" + bad, env={"LD_PRELOAD": x.evil()})
        need(r.rc == 0 and "who: good" in r.out, "LD_PRELOAD ignored", r)
        need("refused: no execute permission" in r.out, "dlopen to enforce", r)
    r = x.direct(x.copy(prog, "prog0644", 0o644))
    need(r.rc == 127 and "refused: no execute permission (mode 0644)" in r.err and r.out == "",
         "the program itself refused, now that its note is known", r)
    need(r.err.count("\n") == 1, "one line", r)


def one_check(x):
    """The note is read behind the check; enforcing adds the control, not a second check."""
    prog = x.prog("note.enf", "host.c", "-Wl,--no-as-needed", x.good(),
                  "-Wl,-rpath," + ROOT + "/lib/good", "--ward=check=enforce")
    r, trace = x.trace(x.target.loader, prog)
    steps = [o.steps for o in trace.objects if o.path == prog]
    need(r.rc == 0 and len(steps) == 1, "the program opened once", r)
    need(re.match(r"SCR+K?R*M", steps[0]) and steps[0].count("C") == 1
         and steps[0].count("K") == 1, "one check, one control, then maps, got %s" % steps, r)


def faked(x):
    """A filter that says yes to everything is no kernel, also when the note begins to enforce."""
    prog = x.copy(x.prog("note.loner", "host.c", "--ward=check=enforce missing=refuse"),
                  "faked", 0o644)
    r = x.direct(prog, ops=["execveat=0"])
    need(r.rc == 127 and "host" not in r.out and "in the kernel's place" in r.err, "no start", r)


def denies(x):
    """A program that does not want to be run by hand; static ones too."""
    text = "ward: direct runs are denied by policy\n"
    for prog in (x.prog("note.deny", "host.c", "--ward=direct=deny"), ):
        need(x.run(prog).rc == 0, "the program to run by itself", prog)
        r = x.direct(prog)
        need(r.rc == 127 and r.err == text and r.out == "", text, r)
    static = x.stage.static("note.static", "host.c", ["--ward=direct=deny"])
    need(x.run(static).rc == 0, "the static program to run by itself", static)
    r = x.direct(static)
    need(r.rc == 127 and r.err == text and r.out == "", text, r)


def wrong_words(x):
    """The first is reported, all are skipped, the right ones count."""
    src = note_object(x, "wrong", "chek=off vdso=keep \a")
    prog = x.prog("note.wrong", "host.c", src, inputs=[src])
    for run in (x.run, x.direct):
        r = run(prog, "cat=/proc/self/smaps")
        want = "ward: .note.ward: wrong policy word \"chek=off\" ignored\n"
        need(r.rc == 0 and r.err == want, "%r, got %r" % (want, r.err), r)
        need(not sealed(r, "[vdso]"), "the right word to count", r)


def of_library(x):
    """Only the main program's note counts."""
    src = note_object(x, "lib", "check=enforce seal=off")
    lib = x.stage.lib("noted.so", tag="noted", flags=[src], inputs=[src])
    r = x.run(x.loner(), "open=" + lib, "open=" + x.copy(x.evil(), "x.so", 0o644),
              "cat=/proc/self/smaps")
    need(r.out.count(": ok\n") == 2 and sealed(r, "noted.so"), "no effect", r)


def of_type(x):
    """Notes of other types and owners are not for us."""
    src = note_object(x, "type", "vdso=keep", kind=2)
    r = x.run(x.prog("note.type", "host.c", src, inputs=[src]), "cat=/proc/self/smaps")
    need(r.rc == 0 and sealed(r, "[vdso]") and r.err == "", "no effect", r)


def same_words(x):
    """What ward-cc takes for right, --policy does, and the other way round."""
    words = ["watch", "enforce", "strict", "lax", "check", "check=", "=off", "lockdown=exec", "preload=/a"]
    for key, values in (("check", "off audit enforce"), ("missing", "report refuse"),
                        ("direct", "allow deny"), ("seal", "off code all"), ("vdso", "keep seal"),
                        ("text", "private shared"), ("lockdown", "none wx exec"),
                        ("report", "quiet denials all")):
        words += ["%s=%s" % (key, v) for v in values.split() + ["on", values]]
    for w in words:
        cc = wardtest.run([x.stage.build.cc, "--ward=" + w, "-c", "-x", "c", "/dev/null", "-o",
                           "/dev/null"])
        ld = x.direct("--policy", w, x.loner())
        need((cc.rc == 2) == (ld.rc == 2) and "wrong policy word" in cc.err + ld.err or
             (cc.rc == 0 and ld.rc in (0, 127) and "wrong policy" not in ld.err),
             "ward-cc and the loader to agree on %r" % w, "%s\n%s" % (cc, ld))


# -- starts that policy forbids --

def refusals(x):
    """(title, test): what cannot be had is not taken for granted."""
    for source in ("file", "section", "note", "command"):
        yield "lockdown=exec, " + source, lambda s=source: lockdown_exec(x, s)
    yield "lockdown=wx", lambda: lockdown_wx(x)
    yield "direct=deny of the file", lambda: deny_conf(x)
    yield "missing check", lambda: missing(x)
    yield "wrong word on the command line", lambda: wrong_command(x)
    yield "--check-conf", lambda: check_conf(x)


def lockdown_exec(x, source):
    """lockdown=exec and the preset that asks for it do not exist yet: nothing starts without."""
    text = "ward: lockdown=exec is not available in this version; lockdown=wx is\n"
    for words in ("lockdown=exec", "strict"):
        prog, ops = x.loner(), []
        if source == "note":
            prog = x.prog("note." + words.replace("=", ""), "host.c", "--ward=" + words)
        elif source != "command":
            head = "[%s]\n" % prog if source == "section" else ""
            ops = [etc(x, source + words[0], head + words + "\n")]
        runs = [x.direct("--policy", words, prog)] if source == "command" else [
            x.run(prog, ops=ops), x.direct(prog, ops=ops)]
        for r in runs:
            need(r.rc == 127 and r.out == "" and r.err == text, "%r" % text, r)


def lockdown_wx(x):
    """PR_SET_MDWE holds in the program, by every source, and in a static one that is handed over."""
    for run in (x.run, x.direct):
        need("mdwe 0" in run(x.loner(), "mdwe").out, "nothing without", x.name)
        for ops in ([etc(x, "wx", "lockdown=wx\n")],
                    [etc(x, "wxs", "[%s]\nlockdown=wx\n" % x.loner())]):
            r = run(x.loner(), "mdwe", ops=ops)
            need(r.rc == 0 and "mdwe 1" in r.out, "mdwe 1", r)
        r = run(x.prog("note.wx", "host.c", "--ward=lockdown=wx"), "mdwe")
        need(r.rc == 0 and "mdwe 1" in r.out, "mdwe 1", r)
    static = x.stage.static("host.static", "host.c")
    r = x.direct("--policy", "lockdown=wx", static, "mdwe")
    need(r.rc == 0 and "mdwe 1" in r.out, "mdwe 1 in a static program", r)


def deny_conf(x):
    """direct=deny for all or one; a section may allow one."""
    text = "ward: direct runs are denied by policy\n"
    prog, other = x.loner(), x.host()
    for conf, denied in (("direct=deny\n", [prog, other]),
                         ("[%s]\ndirect=deny\n" % prog, [prog]),
                         ("direct=deny\n[%s]\ndirect=allow\n" % prog, [other])):
        op = etc(x, "deny%d" % len(conf), conf)
        for p in (prog, other):
            r = x.direct(p, ops=[op])
            need((r.rc == 127 and r.err == text) if p in denied else r.rc == 0,
                 "denied: %s" % (p in denied), r)
            need(x.run(p, ops=[op]).rc == 0, "the program by itself", p)


def missing(x):
    """No check in the kernel: missing= decides when the file enforces."""
    for conf, rc in (("enforce\n", 127), ("check=enforce missing=report\n", 0), ("watch\n", 0)):
        r = x.run(x.loner(), ops=[etc(x, "miss" + conf[:7].strip(), conf), "execveat=38"])
        need(r.rc == rc and (rc == 0 or "ward: cannot enforce" in r.err), "exit %d" % rc, r)


def wrong_command(x):
    """Somebody wants protection by a word that means nothing: no start."""
    r = x.direct("--policy", "check=enforce chek=enforce", x.loner())
    need(r.rc == 2 and r.out == "" and r.err == 'ward: --policy: wrong policy word "chek=enforce"\n',
         "exit 2", r)
    r = x.run(x.loner(), env={"LD_WARD": "chek=enforce\nseal=all"})
    need(r.rc == 0 and r.err == 'ward: LD_WARD: wrong policy word "chek=enforce" ignored\n',
         "one line, and the program", r)


def check_conf(x):
    """--check-conf names each problem with its line; a file it likes does what it says."""
    good = x.write("good.conf", b"# fine\nwatch\n[%s]\ncheck=off\n" % x.loner().encode(), 0o644)
    r = x.direct("--check-conf", good)
    need(r.rc == 0 and r.out + r.err == "", "nothing to say", r)
    bad = x.write("bad.conf", b"\nchek=off\nstrict\n[/no/such]\npreload=%s:/no/lib.so\r\n"
                  b"preload=%s:/no/lib.so\n[x]\nmore\n" % ((x.good().encode(),) * 2), 0o664)
    r = x.direct("--check-conf=" + bad)
    want = ["%s: writable by group or others: as the system's file it would mean \"enforce\"",
            "%s:2: unknown key \"chek\", line ignored",
            "%s:3: lockdown=exec is not available in this version: no program would start",
            "%s:4: section for /no/such: No such file or directory",
            "%s:5: control byte 0xd, line ignored",
            "%s:6: preload /no/lib.so: No such file or directory",
            "%s:7: section header wants an absolute path, not \"x\", all lines up to the next "
            "header ignored"]
    need(r.rc == 1 and r.err.splitlines() == [w % bad for w in want], "%s" % want, r)
    for path, rc, text in ((x.dir + "/none", 1, "No such file or directory"),
                           ("/dev/null", 1, "not a regular file"), (x.dir, 1, "not a regular")):
        r = x.direct("--check-conf", path)
        need(r.rc == rc and text in r.err, "exit %d, %r" % (rc, text), r)
    r = x.direct("--check-conf")
    need(r.rc == 2 and r.err == "ward: --check-conf needs a value\n", "exit 2", r)


GROUPS = {"order": order, "note": notes, "refusal": refusals}
