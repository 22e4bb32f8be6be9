# SPDX-License-Identifier: Apache-2.0
"""
A journal for one daemon: a socket at the path of the real one, in a mount namespace of the daemon's own, behind
which a thread reads systemd's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).
"""

import array
import os
import re
import socket
import struct
import subprocess
import threading

import harness

# What a datagram may have; what is larger comes as a file.
DATAGRAM_MAX = 1 << 20

RUN = "/run/systemd/journal"

# A name space of one's own takes root, or the right to be root in it; the user stays who it is.
UNSHARE = ("unshare", "--mount", "--propagation", "private")
if os.geteuid() != 0:
    UNSHARE += ("--user", "--map-current-user", "--keep-caps")

# As $0 the folder with the socket, or nothing; then the command.
SCRIPT = f'mount -t tmpfs tmpfs /run && {{ [ ! "$0" ] || {{ mkdir -p {RUN} && mount --bind "$0" {RUN}; }}; }}'


def inside(folder):
    """The beginning of a command line that has a journal at the folder, or none."""
    return (*UNSHARE, "sh", "-c", f'{SCRIPT} && exec "$@"', folder or "")


def why_not():
    """Why there can be no journal on this machine; None if there can."""
    # $@ begins with the second word behind the script.
    done = subprocess.run((*inside(""), "true"), capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no mount namespace: {done.stderr.strip()}"


def parse(data):
    """The fields of one entry, names to bytes; each must be there once."""
    fields = {}
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (size,) = struct.unpack_from("<Q", rest)
            value, rest = rest[8 : 8 + size], rest[8 + size :]
            if rest[:1] != b"\n":
                raise ValueError(f"no line end behind {name}")
            rest = rest[1:]
        name = name.decode("ascii")
        if not re.fullmatch("[A-Z][A-Z0-9_]*", name) or name in fields:
            raise ValueError(f"field {name}: {data[:200]}")
        fields[name] = value
        data = rest
    return fields


class Entry(dict):
    """The fields of an entry, as text."""

    def __init__(self, fields):
        super().__init__({name: value.decode(errors="replace") for name, value in fields.items()})
        self.raw = fields

    @property
    def level(self):
        return int(self["PRIORITY"])

    @property
    def event(self):
        return self.get("SKYBUS_EVENT")


class Journal:
    """The socket, and all that has come."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "journal")
        os.mkdir(self.folder, 0o755)
        self.path = os.path.join(self.folder, "socket")
        self.lock = threading.Lock()
        self.entries = []
        self.files = 0  # how many came as a file
        self.broken = None
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            while datagram := self.receive():
                entry = Entry(parse(datagram))
                with self.lock:
                    self.entries.append(entry)
        except (OSError, ValueError) as error:
            self.broken = error

    def receive(self):
        """The next entry's bytes; none when it is to end."""
        ints = array.array("i")
        space = socket.CMSG_SPACE(ints.itemsize)
        data, ancillary, _, _ = self.socket.recvmsg(DATAGRAM_MAX, space)
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                ints.frombytes(content[: ints.itemsize])
        if not ints:
            return data
        self.files += 1
        with open(ints[0], "rb") as file:
            file.seek(0)
            return file.read()

    def close(self):
        """Ends it as when journald has died: the socket is there, and nobody behind it."""
        if not self.socket:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.path)
        self.thread.join()
        self.socket.close()
        self.socket = None

    def all(self):
        if self.broken:
            raise self.broken
        with self.lock:
            return list(self.entries)

    def find(self, event=None, **fields):
        """The entries of an event, with these fields."""
        return [
            entry
            for entry in self.all()
            if event in (None, entry.event)
            and all(entry.get(f"SKYBUS_{name.upper()}") == value for name, value in fields.items())
        ]

    def wait(self, event, **fields):
        """The first such entry."""
        found = harness.eventually(lambda: self.find(event, **fields), f"{event} {fields}")
        return found[0]


class JournalTest(harness.SystemTest):
    """A test whose daemon is connected to a journal."""

    def setUp(self):
        reason = why_not()
        if reason:
            self.skipTest(reason)
        self.journal = Journal(self.folder)
        self.addCleanup(self.journal.close)

    def inside(self, folder):
        """
        The beginning of a daemon's command line. Its stderr is a file, which JOURNAL_STREAM names as it
        would name systemd's stream.
        """
        log = os.path.join(self.folder, "daemon.log")
        with open(log, "ab") as file:
            status = os.fstat(file.fileno())
        stream = f"JOURNAL_STREAM={status.st_dev}:{status.st_ino}"
        return (*inside(folder), "env", stream)

    def new_logging_daemon(self, bus, config, plugin_dir=harness.PLUGIN_DIR):
        return self.new_daemon(bus, config, plugin_dir, self.inside(self.journal.folder))

    def start_logging_daemon(self, bus, config):
        daemon = self.new_logging_daemon(bus, config)
        daemon.start()
        return daemon

    def show_logs(self):
        super().show_logs()
        for entry in self.journal.entries[-harness.LINES_SHOWN :]:
            print(entry.level, entry["MESSAGE"], file=harness.sys.stderr)
