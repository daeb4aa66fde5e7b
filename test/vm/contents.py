"""What is in the guest: both loaders, test programs for each, helpers and tools of the host."""

import os
import re

import guest
import stage
import wardtest

HERE = os.path.dirname(os.path.abspath(__file__))
ATTACK = os.path.join(os.path.dirname(HERE), "attack", "src")
GOOD, EVIL, MID, MODE = ("/t/good/libwho.so", "/t/evil/libwho.so", "/t/mid/libmid.so",
                         "/t/mode/libwho.so")
KEY = "/usr/share/ovmf/PkKek-1-snakeoil"
FLAGS = ["-O1", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fno-builtin",
         "-Wno-unused-command-line-argument"]


class Image:
    """Compiles what the guest needs and writes its initramfs.

    capsh, deny, ipe: why the tools that these groups need are not in it, or None.
    """

    policy = "/t/ward.p7b"  # the signed policy in the guest

    def __init__(self, build):
        self.build = build
        self.loaders = {"ward": "/lib/ld-ward-%s.so.1" % build.arch,
                        "stock": "/lib/ld-musl-%s.so.1" % build.arch}
        self.files = guest.Initramfs()
        self._host_libs = set()
        self.capsh = self.deny = self.ipe = None
        self._own()
        self._programs()
        self._tools()

    def _compile(self, name, src, *flags, inputs=()):
        out = os.path.join(self.build.work, "obj", name)
        return self.build.compile(out, FLAGS + [src, *flags], [src, *inputs])

    def _static(self, name, src):
        self.files.add(name, self._compile(name, os.path.join(HERE, "src", src), "-static"))

    def _own(self):
        """Loaders and process 1."""
        for name in ("init", "bin/with"):
            self._static(name, "init.c")
        self.files.add(self.loaders["ward"][1:], self.build.loader)
        self.files.add(self.loaders["stock"][1:], self.build.stock_loader)

    def _lib(self, path, tag, *flags, inputs=()):
        """A library at this path of the guest; tag is what its who() returns."""
        lib = self._compile(path[1:], os.path.join(ATTACK, "tag.c"), "-shared", "-fPIC",
                            '-DTAG="%s"' % tag, "-Wl,-Bsymbolic",
                            "-Wl,-soname," + os.path.basename(path), *flags, inputs=inputs)
        self.files.add(path[1:], lib)
        return lib

    def _prog(self, name, src, *flags, inputs=()):
        """A program for both loaders, at /t/ward/NAME and /t/stock/NAME."""
        obj = self._compile("prog/" + name, src, "-rdynamic", *flags, inputs=inputs)
        for target, interp in self.loaders.items():
            out = "%s.%s" % (obj, target)
            stage.set_interp(obj, out, interp)
            self.files.add("t/%s/%s" % (target, name), out)

    def _programs(self):
        host = os.path.join(ATTACK, "host.c")
        lone = ["-Wl,--no-as-needed"]
        good = self._lib(GOOD, "good")
        evil = self._lib(EVIL, "evil")
        mid = self._lib(MID, "mid", *lone, evil, "-Wl,-rpath,/t/evil", inputs=[evil])
        self.files.add(MODE[1:], evil, 0o644)
        self._prog("loner", host)
        for name, lib, where in (("good", good, GOOD), ("evil", evil, EVIL), ("mid", mid, MID),
                                 ("mode", evil, MODE)):
            self._prog(name, host, *lone, lib, "-Wl,-rpath," + os.path.dirname(where),
                       inputs=[lib])
        self._prog("both", host, *lone, good, "-Wl,-rpath,/t/evil:/t/good", inputs=[good])
        self._prog("outside", host, *lone, good, "-Wl,-rpath,/out", inputs=[good])
        self.files.add("t/data.so", self._compile(
            "t/data.so", os.path.join(HERE, "src", "data.c"), "-shared", "-fPIC", "-nostdlib"))
        self._prog("wipe", os.path.join(HERE, "src", "wipe.c"))

    def _tools(self):
        if self.build.arch != os.uname().machine:
            self.capsh = self.deny = self.ipe = "tools of the host are for %s" % os.uname().machine
            return
        self.capsh = self._from_host("capsh") or self._from_host("unshare")
        try:
            self._deny()
        except wardtest.Skip as e:
            self.deny = str(e)
        self.ipe = self._sign()

    def _from_host(self, name):
        """A program of the host with its libraries; returns why not, or None."""
        path = wardtest.have(name) or wardtest.have("../sbin/" + name)
        if path is None:
            return "%s is not installed" % name
        path = os.path.realpath(path)
        r = wardtest.run(["ldd", path])
        libs = re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", r.out, re.M)
        if r.rc != 0 or not libs:
            return "ldd does not know %s" % path
        self.files.add("bin/" + name, path)
        for lib in libs:
            if lib not in self._host_libs:
                self._host_libs.add(lib)
                self.files.add(lib[1:], os.path.realpath(lib))
        return None

    def _deny(self):
        """The security module and what loads it; Skip where they cannot be made."""
        src = os.path.join(HERE, "src")
        work = os.path.join(self.build.work, "obj")
        tool, module = os.path.join(work, "deny"), os.path.join(work, "deny.bpf.o")
        triplet = wardtest.run(["gcc", "-print-multiarch"]).out.strip()
        if not os.path.exists("/usr/include/bpf/bpf_helpers.h"):
            raise wardtest.Skip("libbpf's headers are not installed (package libbpf-dev)")
        for argv in (
                ["clang", "-target", "bpf", "-O2", "-g", "-Wall", "-Werror",
                 "-I/usr/include/" + triplet, "-c", src + "/deny.bpf.c", "-o", module],
                ["gcc", "-O2", "-Wall", "-Wextra", "-static", src + "/deny.c", "-o", tool,
                 "-lbpf", "-lelf", "-lz"]):
            r = wardtest.run(argv, timeout=120)
            if r.rc != 0:
                raise wardtest.BuildError(str(r))
        self.files.add("bin/deny", tool)
        self.files.add("t/deny.bpf.o", module, 0o644)

    def _sign(self):
        """A policy for IPE, signed with the key that the firmware's database holds."""
        openssl, out = wardtest.have("openssl"), os.path.join(self.build.work, "obj", "ward.p7b")
        if openssl is None or not os.path.exists(KEY + ".key"):
            return "openssl or %s.key is not there (packages openssl, ovmf)" % KEY
        r = wardtest.run([openssl, "smime", "-sign", "-in", os.path.join(HERE, "src", "ward.pol"),
                          "-signer", KEY + ".pem", "-inkey", KEY + ".key", "-passin",
                          "pass:snakeoil", "-binary", "-outform", "der", "-noattr", "-nodetach",
                          "-nosmimecap", "-out", out])
        if r.rc != 0:
            raise wardtest.BuildError(str(r))
        self.files.add(self.policy[1:], out, 0o644)
        return None

    def write(self):
        """The finished archive's path."""
        path = os.path.join(self.build.work, "initramfs")
        self.files.write(path)
        return path
