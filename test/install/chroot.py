"""A Debian system to install packages in: the machine's own, below an overlay that keeps all changes.

What is written there lies in memory and is gone with the suite's mount namespace. dpkg, its database,
the maintainer scripts and the compiler are the real ones; of the database only what matters is kept.
"""

import glob
import os
import re
import shutil
import subprocess

from site_ import TOP, copy
import stage
import wardtest

SUITES = {"1.2.2": "bullseye", "1.2.3": "bookworm", "1.2.5": "trixie", "1.2.6": "sid"}


class Packages:
    """Packages to install: Debian's musl of several versions, and ours."""

    def __init__(self, build):
        self.build, self.made = build, {}

    def musl(self, version, *names):
        """The files of Debian's packages with that musl."""
        dest = os.path.join(self.build.cache, "musl-debs")
        suite = SUITES[version]
        if not os.path.isdir(os.path.join(dest, suite)):
            r = wardtest.run([os.path.join(TOP, "test/install/fetch"), dest, suite], timeout=300)
            if r.rc != 0:
                raise wardtest.Skip("no packages of musl %s: %s" % (
                    version, (r.err.strip().splitlines() or ["?"])[-1]))
        found = []
        for name in names or ("musl",):
            found += glob.glob(os.path.join(dest, suite, name + "_*.deb"))
        if version not in found[0]:
            raise wardtest.Skip("%s has no musl %s any more: %s" % (
                suite, version, os.path.basename(found[0])))
        return found

    def ours(self, *names, version=""):
        """The files of our packages, made by `make deb`."""
        if self.build.config["SYSLIBDIR"] != "/lib":
            raise wardtest.Skip("this build is not configured for /lib")
        if version not in self.made:
            self.made[version] = self.make(os.path.join(self.build.work, "deb" + version), version)
        return [f for n in names for f in self.made[version] if "/%s_" % n in f]

    def make(self, out, version="", umask="022", **env):
        """make deb; the files."""
        shutil.rmtree(out, ignore_errors=True)
        base = os.path.relpath(self.build.path, TOP)
        words = ["make", "-s", "ARCH=" + self.build.arch, "B=" + base, "DEB_DIR=" + out, "deb"]
        env.update(DEB_VERSION=version, SOURCE_DATE_EPOCH="1700000000")
        r = wardtest.run(["sh", "-c", "umask %s; exec \"$@\"" % umask, "sh", *words], cwd=TOP,
                         timeout=300, env=wardtest.base_env(**env))
        files = r.out.split()
        assert r.rc == 0 and not r.err and len(files) == 3, "expected three packages\n%s" % r
        return files


class Root:
    """The system. Commands of `run` are run in it, as root."""

    def __init__(self, build):
        if not stage.real_root():
            raise wardtest.Skip("installing packages in a root of its own needs root")
        if wardtest.have("dpkg") is None:
            raise wardtest.Skip("no dpkg here")
        self.build, self.arch = build, build.arch
        self.top = os.path.join(build.work, "root")
        self.place = self.top + "/ward-test"
        self._mount(self.top)
        self._shorten()
        self.musl = "/lib/ld-musl-%s.so.1" % self.arch
        for name in (self.musl, "/lib/ld-ward-%s.so.1" % self.arch, self.musl + ".old"):
            if os.path.lexists(self.top + name):
                os.unlink(self.top + name)

    def _mount(self, top):
        changes = os.path.join(self.build.work, "changes")
        for d in (top, changes):
            os.makedirs(d, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755,size=2g", "ward-test", changes],
                       check=True)
        for d in ("upper", "work"):
            os.makedirs(os.path.join(changes, d))
        options = "lowerdir=/,upperdir={0}/upper,workdir={0}/work".format(changes)
        r = wardtest.run(["mount", "-t", "overlay", "-o", options, "ward-test", top])
        if r.rc != 0:
            raise wardtest.Skip("no overlay of this system: %s" % r.err.strip())
        for d in ("proc", "dev"):
            subprocess.run(["mount", "--rbind", "/" + d, top + "/" + d], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "ward-test", top + "/tmp"],
                       check=True)
        os.makedirs(self.place)

    def _shorten(self):
        """dpkg knows of itself and of what our packages depend on: it reads less at each call.

        What the machine has of musl and ward goes with it.
        """
        path = self.top + "/var/lib/dpkg/status"
        with open(path, encoding="utf-8") as h:
            known = h.read().split("\n\n")
        kept = [p for p in known if re.match(r"Package: (dpkg|usr-is-merged|libc6)\n", p)]
        with open(path + ".new", "w", encoding="utf-8") as h:
            h.write("".join(p.strip("\n") + "\n\n" for p in kept))
        os.replace(path + ".new", path)
        for name in ("/usr/lib/%s-linux-musl", "/usr/include/%s-linux-musl"):
            shutil.rmtree(self.top + name % self.arch, ignore_errors=True)

    def bring(self, path, mode=0o755):
        """A file of outside; its name inside."""
        copy(path, os.path.join(self.place, os.path.basename(path)), mode)
        return "/ward-test/" + os.path.basename(path)

    def run(self, *words, timeout=120, **how):
        """A command inside."""
        env = wardtest.base_env(PATH="/usr/sbin:/usr/bin:/sbin:/bin", TMPDIR="/tmp",
                                DEBIAN_FRONTEND="noninteractive")
        return wardtest.run(["chroot", self.top, *words], env=env, timeout=timeout, **how)

    def must(self, *words):
        """The same; it must succeed."""
        r = self.run(*words)
        assert r.rc == 0, "expected exit 0\n%s" % r
        return r

    def install(self, *files, force=False):
        """dpkg -i."""
        inside = [self.bring(f, 0o644) for f in files]
        return self.must("dpkg", *(["--force-depends"] if force else []), "-i", *inside)

    def remove(self, *names, how="--remove"):
        """dpkg --remove or --purge."""
        return self.must("dpkg", how, *names)

    def link(self):
        """What musl's name is a link to, or None."""
        path = self.top + self.musl
        return os.readlink(path) if os.path.lexists(path) else None
