"""In musl's place and back: what had musl's name before has it again, whatever was run in between."""

import os
import shutil

from site_ import LINE, copy, same, snapshot
import wardtest

SHAPES = ("none", "debian", "alpine", "elsewhere")
# I: install as-musl=yes, i: without, both with the other loader each time; U: uninstall
SEQUENCES = ("IU", "IIU", "iIU", "IiU", "IIIUU", "IUIU", "IUiUIIU")


def begin(site, shape, merged=False):
    """A fresh place with musl in one of its shapes; a snapshot of it."""
    site.clear()
    if merged:
        os.rmdir(site.lib)
        os.makedirs(site.root + "/usr/lib")
        os.symlink("usr/lib", site.lib)
    if shape != "none":
        site.stock(shape)
    if shape == "alpine":
        os.chmod(site.musl, 0o751)
    return snapshot(site.root)


def run_sequence(site, shape, sequence, merged=False):
    """After every step musl's name leads where it must; in the end all is as it was."""
    before = begin(site, shape, merged)
    as_musl = False
    for n, step in enumerate(sequence):
        if step == "U":
            site.must("uninstall")
            as_musl = False
            same(before, snapshot(site.root), "after %s" % sequence[:n + 1])
        else:
            site.must("loader", n % 2, step == "I")
            as_musl = as_musl or step == "I"
            site.runs(site.at_ward, "ward")
        if as_musl:
            site.runs(site.at_musl, "ward")
            assert os.readlink(site.musl) == os.path.basename(site.ward)
        elif shape != "none":
            site.runs(site.at_musl, "stock")
        else:
            assert not os.path.lexists(site.musl), "%s was made" % site.musl


def check_sequences(site, shape):
    """All sequences from one shape."""
    for sequence in SEQUENCES:
        run_sequence(site, shape, sequence)


def check_merged(site):
    """/lib as a link to usr/lib: the link stays, the files lie behind it."""
    for shape in SHAPES:
        run_sequence(site, shape, "IIU", merged=True)
    begin(site, "debian", merged=True)
    site.must("loader", 0, True)
    assert os.readlink(site.lib) == "usr/lib"
    assert os.path.exists(site.root + "/usr/lib/" + os.path.basename(site.ward))


def check_upgraded(site):
    """musl's package brings a new musl meanwhile: it is what uninstall goes back to, or leaves."""
    for again in (True, False):
        begin(site, "debian")
        site.must("loader", 0)
        site.stock("alpine")
        os.chmod(site.musl, 0o711)
        newer = os.lstat(site.musl)
        if again:
            site.must("loader", 1)
            site.runs(site.at_musl, "ward")
        site.must("uninstall")
        now = os.lstat(site.musl)
        assert (now.st_ino, now.st_mode) == (newer.st_ino, newer.st_mode), "not the newer musl"
        site.runs(site.at_musl, "stock")


def check_copy_of_ward(site):
    """A copy of ward under musl's name is not kept as .old: that stays stock musl."""
    begin(site, "alpine")
    stock = os.lstat(site.musl).st_ino
    site.must("loader", 0)
    os.unlink(site.musl)
    copy(site.variants[0], site.musl)
    site.must("loader", 1)
    assert os.path.islink(site.musl), "still the copy"
    assert os.lstat(site.musl + ".old").st_ino == stock, "%s.old is not stock musl" % site.musl
    site.must("uninstall")
    assert os.lstat(site.musl).st_ino == stock


def refused(site, action, text, *args, **how):
    """The tool must refuse with a text, and change nothing."""
    before = snapshot(site.root)
    r = site.tool(action, *args, **how)
    assert r.rc == 1 and text in r.err, "expected a refusal with %r\n%s" % (text, r)
    same(before, snapshot(site.root), "refused")


def check_in_the_way(site):
    """A lone .old, a directory under one of the names, a wrong word: refused, nothing is changed."""
    begin(site, "alpine")
    os.rename(site.musl, site.musl + ".old")
    refused(site, "loader", "move one of them first")
    begin(site, "none")
    os.mkdir(site.musl)
    refused(site, "loader", "is a directory")
    begin(site, "debian")
    os.mkdir(site.ward)
    refused(site, "loader", "directory")
    begin(site, "debian")
    refused(site, "loader", "yes or no", env={"AS_MUSL": "true"})


def check_old(site):
    """.old is the loader before this one; the same loader again does not displace it; mv goes back."""
    begin(site, "debian")
    for variant in (0, 1, 1):
        site.must("loader", variant)
    with open(site.ward + ".old", "rb") as h:
        assert b"variant 0" in h.read(), ".old is not the loader before this one"
    os.rename(site.ward + ".old", site.ward)
    site.runs(site.at_musl, "ward")
    with open(site.ward, "rb") as h:
        assert b"variant 0" in h.read()


def check_rescue(site):
    """Stock musl under its .old name still runs programs by hand, if ward should not."""
    for shape in ("debian", "alpine"):
        begin(site, shape)
        site.must("loader", 0)
        r = wardtest.run([site.musl + ".old", site.at_musl])
        assert r.rc == 0 and r.out == LINE["stock"], r


def check_make(site):
    """The same by make: install as-musl=yes, a compiler for it, uninstall."""
    before = begin(site, "debian")
    r = site.make("install", "as-musl=yes")
    assert r.rc == 0 and not r.out and not r.err, "expected silence\n%s" % r
    site.runs(site.at_musl, "ward")
    out = os.path.join(site.build.work, "compiled")
    src = os.path.join(os.path.dirname(__file__), "src/named.c")
    r = wardtest.run([site.prefix + "/bin/ward-cc", src, "-o", out], timeout=60)
    assert r.rc == 0 and not r.err, r
    site.runs(out, "ward")
    r = site.make("uninstall")
    assert r.rc == 0 and not r.err, r
    same(before, snapshot(site.root), "make uninstall")
    shutil.rmtree(site.root)


def tests(suite, site):
    """Run the tests of this file."""
    for shape in SHAPES:
        suite.check("musl", "sequences from " + shape, check_sequences, site, shape)
    suite.check("musl", "/lib is a link", check_merged, site)
    suite.check("musl", "musl upgraded meanwhile", check_upgraded, site)
    suite.check("musl", "copy of ward", check_copy_of_ward, site)
    suite.check("musl", "in the way", check_in_the_way, site)
    suite.check("musl", "the one before", check_old, site)
    suite.check("musl", "rescue", check_rescue, site)
    suite.check("musl", "make", check_make, site)
