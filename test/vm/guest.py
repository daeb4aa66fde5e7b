"""A virtual machine: its initramfs, its start under QEMU, and running commands in it.

Nothing is shared with the host but one serial line: the guest's process 1 (src/init.c) takes
commands from it and answers with their output.
"""

import os
import selectors
import stat
import subprocess
import threading
import time

import wardtest

HERE = os.path.dirname(os.path.abspath(__file__))
BOOT_S, ANSWER_S = 120, 60
BOOT_TRIES = 3
LSM = "landlock,lockdown,yama,apparmor,bpf,ipe,ima,evm"
RESTRICT = "bits=0x100"                    # SECBIT_EXEC_RESTRICT_FILE
NOBODY = ["/bin/with", "uid=65534", "--"]  # what follows is run by an ordinary user
FIRMWARE = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd"]
ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t"})


def clip(r, most=2500):
    """A Result as text that is not too long to read."""
    text = str(r)
    return text if len(text) <= most else text[:most] + "... (%d characters more)" % (
        len(text) - most)


def need(true, what, r):
    """Raise unless true."""
    if not true:
        raise AssertionError("expected %s\n%s" % (what, clip(r)))


class Machine:
    """How QEMU makes a computer of one architecture."""

    def __init__(self, qemu, debian, append, words):
        self.qemu, self.debian = qemu, debian
        self.append, self.words = append, words  # for the kernel, for QEMU


MACHINES = {
    "x86_64": Machine("qemu-system-x86_64", "amd64",
                      # a busy host lets the timer come late, which a real machine's would not
                      "console=ttyS0 tsc=reliable no_timer_check",
                      ["-accel", "tcg", "-M", "q35", "-cpu", "max"]),
    "aarch64": Machine("qemu-system-aarch64", "arm64", "console=ttyAMA0",
                       ["-accel", "tcg,thread=multi", "-M", "virt,gic-version=3",
                        "-cpu", "cortex-a57"]),
}


def firmware():
    """QEMU's words for UEFI whose database of keys holds the test key of package ovmf."""
    out = []
    for unit, (path, mode) in enumerate(zip(FIRMWARE, ("readonly=on", "snapshot=on"))):
        if not os.path.exists(path):
            raise wardtest.Skip("%s is not there (package ovmf)" % path)
        out += ["-drive", "if=pflash,format=raw,unit=%d,%s,file=%s" % (unit, mode, path)]
    return out


class Initramfs:
    """A newc archive in memory, made of directories, files and the console's device node."""

    def __init__(self):
        self._out = bytearray()
        self._dirs = set()
        self._ino = 0
        for d in ("proc", "sys", "dev", "etc", "tmp"):
            self.mkdir(d)
        self._node("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))

    def _node(self, name, mode, data=b"", device=(0, 0)):
        self._ino += 1
        raw = os.fsencode(name) + b"\0"
        fields = (self._ino, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0)
        self._out += b"070701" + b"".join(b"%08x" % f for f in fields) + raw
        self._out += bytes(-len(self._out) % 4)
        self._out += data
        self._out += bytes(-len(self._out) % 4)

    def mkdir(self, name, mode=0o755):
        """A directory and those above it."""
        if not name or name in self._dirs:
            return
        self.mkdir(os.path.dirname(name))
        self._dirs.add(name)
        self._node(name, stat.S_IFDIR | mode)

    def put(self, name, data, mode=0o755):
        """A file with this content."""
        self.mkdir(os.path.dirname(name))
        self._node(name, stat.S_IFREG | mode, data)

    def add(self, name, source, mode=0o755):
        """A copy of a file of the host."""
        with open(source, "rb") as h:
            self.put(name, h.read(), mode)

    def write(self, path):
        """Put the archive into a file."""
        self._node("TRAILER!!!", 0)
        with open(path, "wb") as h:
            h.write(self._out)


_FETCHING = threading.Lock()


def kernel(build, suite_name, meta):
    """The path of a Debian kernel; Skip where it cannot be had."""
    machine = MACHINES[build.arch]
    where = os.path.join(build.cache, "vm", "%s-%s" % (suite_name, machine.debian))
    with _FETCHING:  # two guests may want the same one
        r = wardtest.run([os.path.join(HERE, "fetch-kernel"), suite_name, machine.debian, meta,
                          where], timeout=600)
    if r.rc != 0:
        raise wardtest.Skip("no kernel: %s" % r.err.strip().replace("\n", "; "))
    return r.out.strip()


def unescape(text):
    """The bytes behind a piece of output, as text."""
    return text.encode().decode("unicode_escape").encode("latin-1").decode(
        "utf-8", "surrogateescape")


class Guest:
    """A running machine. Use it with `with`; an answer that does not come ends the machine."""

    def __init__(self, arch, kernel_path, initrd, name, uefi=False):
        machine = MACHINES[arch]
        qemu = wardtest.have(machine.qemu)
        if qemu is None:
            raise wardtest.Skip("%s is not installed" % machine.qemu)
        words = machine.words + (firmware() if uefi else [])
        self.name = name
        append = "%s loglevel=1 panic=-1 lsm=%s" % (machine.append, LSM)
        self._words = [qemu, *words, "-smp", "1", "-m", "512", "-nographic", "-no-reboot",
                       "-nodefaults", "-serial", "stdio", "-kernel", kernel_path, "-initrd", initrd,
                       "-append", append]
        self._start()

    def _start(self):
        self._log, self._rest = [], b""
        self._started = time.monotonic()
        self._process = subprocess.Popen(self._words, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._process.stdout, selectors.EVENT_READ)

    def _boot(self):
        deadline = time.monotonic() + BOOT_S
        try:
            while self._line(deadline) != "@ready":
                pass
        except AssertionError:
            self._kill()
            raise

    def __enter__(self):
        # Emulated kernels on a busy host were seen to die while they patch themselves, long before
        # any program of ours runs: said, and tried again.
        for again in range(BOOT_TRIES - 1, -1, -1):
            try:
                self._boot()
                break
            except AssertionError as e:
                if not again:
                    raise
                print("vm: the %s guest did not boot, once more\n%s" % (self.name, e), flush=True)
                self._start()
        self.boot_s = time.monotonic() - self._started
        return self

    def __exit__(self, kind, *_):
        if kind is not None or self._process.poll() is not None:
            self._kill()
            return
        self._send("poweroff")
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._kill()
            raise AssertionError("expected the %s guest to power off\n%s" % (
                self.name, self._tail())) from None
        self._close()

    def _kill(self):
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self):
        self._ready.close()
        self._process.stdin.close()
        self._process.stdout.close()

    def _tail(self):
        return "\n".join(self._log[-20:])

    def _send(self, line):
        self._process.stdin.write(line.encode("utf-8", "surrogateescape") + b"\n")
        self._process.stdin.flush()

    def _line(self, deadline):
        """The next line of the guest."""
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            data = b""
            if left > 0 and self._ready.select(left):
                data = os.read(self._process.stdout.fileno(), 65536)
            if not data:
                raise AssertionError("expected the %s guest to answer; its last lines:\n%s" % (
                    self.name, self._tail()))
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        text = line.decode("utf-8", "surrogateescape").rstrip("\r")
        self._log.append(text)
        return text

    def run(self, *cmd, ops=()):
        """Run a command in the guest behind operations of src/init.c; returns a Result."""
        if self._process.returncode is not None:
            raise AssertionError("the %s guest is gone" % self.name)
        start = time.monotonic()
        words = [*ops, "--", *cmd]
        self._send("\t".join(str(w).translate(ESCAPES) for w in words))
        parts, deadline = {"@out": [], "@err": []}, time.monotonic() + ANSWER_S
        while True:
            try:
                kind, _, text = self._line(deadline).partition(" ")
            except AssertionError:
                self._process.kill()
                self._process.wait()
                raise
            if kind == "@end":
                break
            if kind in parts:
                parts[kind].append(text)
        rc = None if text == "timeout" else int(text)
        out, err = ("".join(map(unescape, parts[k])) for k in ("@out", "@err"))
        return wardtest.Result(words, rc, out, err, time.monotonic() - start)

    def version(self):
        """What the kernel calls itself."""
        r = self.run("/t/ward/loner", "cat=/proc/version")
        need(r.rc == 0 and "Linux version" in r.out, "the kernel's version", r)
        return " ".join(r.out.split("Linux version ")[1].split()[:1])

    def do(self, *ops):
        """Operations only, which must succeed."""
        r = self.run(ops=ops)
        if r.rc != 0:
            raise AssertionError("expected %s in the guest\n%s" % (" ".join(ops), clip(r)))
