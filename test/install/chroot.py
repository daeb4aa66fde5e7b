"""A Debian system to install packages in: the machine's own, below an overlay that keeps all changes.

What is written there lies in memory and is gone with the suite's mount namespace. dpkg, its database,
the maintainer scripts and the compiler are the real ones.
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

    def make(self, out, version="", **env):
        """make deb; the files."""
        shutil.rmtree(out, ignore_errors=True)
        base = os.path.relpath(self.build.path, TOP)
        r = wardtest.run(["make", "-s", "ARCH=" + self.build.arch, "B=" + base, "DEB_DIR=" + out,
                          "deb"], cwd=TOP, timeout=180,
                         env=wardtest.base_env(DEB_VERSION=version,
                                               SOURCE_DATE_EPOCH="1700000000", **env))
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
        r = self.run("dpkg-query", "-W", "-f", "${Package}\n", "musl*", "ward*")
        there = [p for p in r.out.split() if re.match(r"(musl|ward)", p)]
        if there:
            self.must("dpkg", "--purge", "--force-all", *there)
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
