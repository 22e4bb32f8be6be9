# SPDX-License-Identifier: Apache-2.0
"""
A place to measure in: a bus, a simulator and perhaps a daemon, all its own, and what has come to the
simulator. Whatever is published is looked for there; a message that is missing ends the bench.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import harness
from ways import KNOWN, LINK, ONCE_DTLS, CARD_KEY, ICCID, PEER_ICCID, payload

SIZE_BYTES = 256
# Longer than a handshake that is tried again, since a daemon that is killed may come back from a port that it had
# before, and the simulator says nothing to that (sim/endpoint.c): one slow start is no failure of the bench.
PATIENCE_S = 60
MARK = "@" * 8  # LOAD_MARK in load.h: the number of the message goes there
NUMBER = re.compile(r'id\\":\\"1*?(\d{8})\\"')


class Missing(RuntimeError):
    """What has ended as delivered is not with the cloud, or the other way round."""


def numbered(size=SIZE_BYTES):
    """The payload of so many bytes, in each message with its number in the last digits of the id."""
    text = payload(size)
    return re.sub(r'("id":"1*)1{8}"', rf'\1{MARK}"', text)


def cpu_s(process):
    """User and system time so far, of all threads, also of those that have ended."""
    return time.clock_gettime(~process.pid << 3 | 2)  # CPUCLOCK_SCHED, clock_getcpuclockid(3)


def memory_kb(process):
    """RSS; PSS; and what of the latter belongs to no file, and so depends on no other process."""
    with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as rows:
        values = dict(row.split()[:2] for row in rows if row.endswith("kB\n"))
    return tuple(int(values[name]) for name in ("Rss:", "Pss:", "Pss_Anon:"))


def written_bytes(process):
    """What was written to the disk so far, proc(5)."""
    with open(f"/proc/{process.pid}/io", encoding="ascii") as rows:
        return int(dict(row.split() for row in rows)["write_bytes:"])


class Record:
    """What has come to the simulator since it was looked at last."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.at = 0

    def lines(self):
        """Those that are whole."""
        with open(self.simulator.record_path, "rb") as file:
            file.seek(self.at)
            text = file.read()
        end = text.rfind(b"\n") + 1
        self.at += end
        return text[:end].decode().splitlines()

    def events(self, event):
        return [found for line in self.lines() if (found := json.loads(line))["event"] == event]

    def numbers(self):
        """Those of the messages that have come; the payloads have them, see numbered()."""
        found = []
        for line in self.lines():
            if '"event":"message"' in line:
                number = NUMBER.search(line)
                found.append(int(number.group(1)) if number else None)
        return found

    def check(self, first, n, what):
        """Exactly these messages have come, each once or more often; what came before is forgotten."""
        found = self.numbers()
        missing = set(range(first, first + n)) - set(found)
        if missing:
            raise Missing(
                f"{what}: {n} messages are said to be delivered, and {len(missing)} of them are not in "
                f"the simulator's record, such as number {min(missing)}"
            )
        if strange := [number for number in found if number is None or not first <= number < first + n]:
            raise Missing(f"{what}: the simulator has {len(strange)} messages that nobody published")
        return len(found) - n


class Place:
    """
    For one way into a cloud. Sockets and logs are in a folder of their own, and what the daemon keeps on
    the disk is below bench.folder, which is on a real one.
    """

    def __init__(self, bench, way, *options):
        self.bench = bench
        self.way = way
        self.options = options  # of the simulator
        self.stack = contextlib.ExitStack()
        self.next = 0

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = tempfile.mkdtemp(prefix="skybus-bench-")
            stack.callback(shutil.rmtree, self.folder)
            self.disk = tempfile.mkdtemp(prefix="place-", dir=self.bench.folder)
            stack.callback(shutil.rmtree, self.disk)
            self.bus = harness.PrivateBus(self.folder)
            stack.callback(self.bus.end)
            self.simulator = harness.Simulator(self.folder, *KNOWN, *self.options)
            stack.callback(self.simulator.end)
            self.record = Record(self.simulator)
            if self.way is ONCE_DTLS:
                self.use_card()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, error, *_):
        if error and issubclass(error, Exception):
            harness.show_logs(self.folder, "bench")
        self.stack.close()

    def use_card(self):
        """The SIM cards have the key that is written down in ONCE_DTLS."""
        for card in ICCID, PEER_ICCID:
            self.simulator.ctl("rotate", "1nce", card, CARD_KEY)

    # ---- the daemon ----

    def new_daemon(self, config=None, **places):
        config = config or self.way.config(self.simulator, **places)
        daemon = harness.Daemon(self.folder, self.bus, config)
        self.stack.callback(daemon.client.close)
        self.stack.callback(daemon.end)
        daemon.state_dir = os.path.join(self.disk, "state")
        os.makedirs(daemon.state_dir, mode=0o700, exist_ok=True)
        return daemon

    def start(self, daemon, *front, links=(LINK,), timeout=PATIENCE_S):
        """Starts it, perhaps under another program, with the log as it is shipped; until it is online."""
        daemon.spawn(*front, *daemon.command("--address", self.bus.address))
        for link in links:
            daemon.wait_state(link, "online", timeout=timeout)

    def start_echo(self, name):
        """A service that answers at once, until the place is left."""
        echo = harness.Process(self.folder, "echo")
        echo.spawn(self.bench.program("echo"), self.bus.address, name, stdout=subprocess.PIPE)
        self.stack.callback(echo.end)
        if not echo.process.stdout.readline():
            raise RuntimeError(f"the echo service does not start: {echo.log}")

    # ---- load ----

    def take_numbers(self, n):
        first, self.next = self.next, self.next + n
        return first

    def call(self, mode, n, in_flight, places=None, service=harness.NAME, size=SIZE_BYTES):
        """Calls over the bus: how many a second, and the median and p99 of what each took, µs."""
        places = places or [(harness.link_path(LINK), self.way.topic)]
        first = self.take_numbers(n) if service == harness.NAME else 0
        arguments = (self.bus.address, service, mode, first, n, in_flight, numbered(size))
        return [float(word) for word in self.bench.run("bus", *arguments, *sum(places, ()))]

    def publish(self, n, in_flight=64, places=None, size=SIZE_BYTES):
        """n messages by the bus until the cloud has all, which is checked: how many a second."""
        rate, *_ = self.call("settled", n, in_flight, places, size=size)
        self.record.check(self.next - n, n, "by the bus")
        return rate

    def stream(self, n, size=SIZE_BYTES):
        """The same by a stream."""
        path, first = harness.link_path(LINK), self.take_numbers(n)
        arguments = (self.bus.address, path, self.way.topic, numbered(size), first, n)
        rate = float(self.bench.run("stream", *arguments)[0])
        self.record.check(first, n, "by a stream")
        return rate

    def bare(self, n, window, size=SIZE_BYTES):
        """A bare client: messages a second, CPU µs of each, the answer's code, median and p99 in µs."""
        psk = (self.way.psk[0], self.way.psk[1].hex()) if self.way.psk else ()
        arguments = (self.way.url(self.simulator), numbered(size), n, window, *psk)
        rate, cpu, code, p50, p99 = self.bench.run("coap-loop", *arguments)
        self.record.lines()
        return float(rate), float(cpu), code, float(p50), float(p99)
