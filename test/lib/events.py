"""What ward reports, collected from its datagram socket, and what two starts have in common.

A line is `ward: audit: EVENT SUBJECT needed-by=WHO reason=WORD ...`; EVENT is `would refuse`,
`would ignore` or `would drop` where restriction is off, `refused`, `ignored` or `dropped` where it
is on. Both forms of a line are one Event here, so that what audit says can be compared with what
enforcing does.
"""

import os
import re
import socket

LINE = re.compile(r"^ward: audit: (would refuse|would ignore|would drop|refused|ignored|dropped) "
                  r"(\S+) needed-by=(\S+) reason=(\S+)")
# Programs make file names of their process number.
NUMBER = re.compile(r"\d{3,}")
KINDS = {"would refuse": "refuse", "refused": "refuse", "would ignore": "ignore",
         "ignored": "ignore", "would drop": "drop", "dropped": "drop"}


class Event:
    """One thing that is, or would be, refused, ignored or dropped."""

    def __init__(self, match):
        self.kind = KINDS[match.group(1)]
        self.subject, self.needed_by, self.reason = match.group(2, 3, 4)
        self.name = NUMBER.sub("N", self.subject)

    def key(self):
        """What must be the same in both. An ignored variable's reason says who restricts."""
        if self.kind == "ignore":
            return self.kind, self.name
        return self.kind, self.name, self.needed_by, self.reason

    def what(self):
        """The same whoever asked: after a first refusal others may be the first to ask."""
        return self.kind, self.name, self.reason

    def __str__(self):
        return "%s %s needed-by=%s reason=%s" % (
            self.kind, self.subject, self.needed_by, self.reason)


def parse(text):
    """The events of some lines. LD_WARD can only ask for more: that it is ignored, which audit
    does not predict, lets nothing through and stops nothing."""
    found = [Event(m) for m in map(LINE.match, text.splitlines()) if m]
    return [e for e in found if e.subject != "LD_WARD"]


class Collector:
    """The socket that report-to= names. The kernel keeps the first ten lines between two reads;
    what is dropped then comes later than what is compared."""

    def __init__(self, path):
        self.path = path
        if os.path.exists(path):
            os.unlink(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.bind(path)
        self._socket.setblocking(False)
        os.chmod(path, 0o666)

    def read(self):
        """The lines that came since the last call."""
        lines = []
        while True:
            try:
                lines.append(self._socket.recv(4096).decode("utf-8", "surrogateescape"))
            except BlockingIOError:
                return "".join(lines)

    def close(self):
        """Nobody listens any longer."""
        self._socket.close()
        os.unlink(self.path)
