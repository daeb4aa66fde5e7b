"""Worlds: mount namespaces below the stage's, in which one thing is different.

The same start, byte for byte, can so be made with another loader under the same name, or with a
system file /etc/ward.conf. What is mounted in the stage appears in every world; what is mounted in
a world stays there.
"""

import os
import subprocess

from stage import ROOT, mount, write_file
import wardtest

# $1 the new loader or nothing, $2 the content of /etc/ward.conf or nothing, $3 an empty directory
# for what overlayfs writes, the rest: the names that shall be the new loader's
SCRIPT = """
set -eu
loader=$1 conf=$2 etc=$3
shift 3
for place; do
	[ -z "$loader" ] || mount --bind "$loader" "$place"
done
if [ -n "$conf" ]; then
	mount -t tmpfs -o mode=755 ward-test "$etc"
	mkdir "$etc/upper" "$etc/work"
	cp "$conf" "$etc/upper/ward.conf"
	chmod 644 "$etc/upper/ward.conf"
	mount -t overlay -o "lowerdir=/etc,upperdir=$etc/upper,workdir=$etc/work" ward-test /etc
fi
echo ready
exec cat
"""


class World:
    """One namespace; its process lives until close().

    loader: the file that takes the place of the loader under test, in the stage and in the build
    directory. conf: the text of /etc/ward.conf.
    """

    def __init__(self, stage, name, loader="", conf=None):
        self.name, self.home = name, "%s/world/%s" % (ROOT, name)
        os.makedirs(self.home + "/etc", exist_ok=True)
        file = ""
        if conf is not None:
            file = self.home + "/ward.conf"
            write_file(file, conf.encode())
        mount("--make-shared", ROOT)
        self._inside = stage.static("inside", "inside.c")
        self._holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "slave", "sh", "-c", SCRIPT, "world", loader,
             file, self.home + "/etc", stage.targets[1].loader, stage.build.loader],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._holder.stdout.readline() != "ready\n":
            raise wardtest.BuildError("cannot make the world %s" % name)

    def prefix(self):
        """The words in front of a command that starts it here."""
        return [self._inside, "/proc/%d/ns/mnt" % self._holder.pid]

    def close(self):
        """Let it end; what runs in it goes on."""
        self._holder.communicate()
