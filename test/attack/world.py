"""Worlds: mount namespaces below the stage's, in which one thing is different.

The same start, byte for byte, can so be made with another loader under the same name, or with a
system file /etc/ward.conf. What is mounted in the stage appears in every world; what is mounted in
a world stays there.
"""

import os
import subprocess

from stage import ROOT, mount, write_file
import wardtest

# $1 the new loader or nothing, $2 its place, $3 the content of ward.conf's directory or nothing,
# $4 a scratch directory on a file system that overlayfs can write to
SCRIPT = """
set -eu
[ -z "$1" ] || mount --bind "$1" "$2"
if [ -n "$3" ]; then
	mount -t tmpfs -o mode=755 ward-test "$4"
	mkdir "$4/upper" "$4/work"
	cp "$3" "$4/upper/ward.conf"
	chmod 644 "$4/upper/ward.conf"
	mount -t overlay -o "lowerdir=/etc,upperdir=$4/upper,workdir=$4/work" ward-test /etc
fi
echo ready
exec cat
"""


class World:
    """One namespace; its process lives until close()."""

    def __init__(self, stage, name, loader="", conf=None):
        self.name = name
        home = "%s/world/%s" % (ROOT, name)
        os.makedirs(home + "/etc", exist_ok=True)
        file = ""
        if conf is not None:
            file = home + "/ward.conf"
            write_file(file, conf.encode())
        mount("--make-shared", ROOT)
        self._inside = stage.static("inside", "inside.c")
        self._holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "slave", "sh", "-c", SCRIPT, "world", loader,
             stage.targets[1].loader, file, home + "/etc"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._holder.stdout.readline() != "ready\n":
            raise wardtest.BuildError("cannot make the world %s" % name)

    def prefix(self):
        """The words in front of a command that starts it here."""
        return [self._inside, "/proc/%d/ns/mnt" % self._holder.pid]

    def close(self):
        """Let it end; what runs in it goes on."""
        self._holder.communicate()
