# SPDX-License-Identifier: Apache-2.0
"""A program that publishes as fast as it can, over kills of the daemon, and notes its tickets."""

import contextlib
import json
import random
import signal
import time

import world
from client import ERROR, LINK, MANAGER, PATIENCE, ROOT, Client, DBusError, link_path

# Calls under way at once.
DEPTH = 16

# Ids of different publishers are so far apart.
IDS = 10_000_000

# How many in a thousand go to a link that is not up.
TO_RESTING = 30

# How long it waits, in seconds, before it looks again whether the daemon is back.
REST = 0.005

# Kinds, and how many in a thousand there are of each; the others are plain. Little is refused by
# the cloud, because each of such is a dead letter.
KINDS = {
    "urgent": 100,
    "bulk": 100,
    "formatted": 50,
    "long-lived": 50,
    "short-lived": 5,
    "replacing": 60,
    "memory": 50,
    "recalled": 20,
    "refused": 2,
    "teed": 80,
    "announced": 80,
}

OPTIONS = {
    "urgent": {"priority": "urgent"},
    "bulk": {"priority": "bulk"},
    "formatted": {"content-format": "50"},
    "long-lived": {"ttl": "1h"},
    "short-lived": {"ttl": "1"},
    "replacing": {"replace": "yes"},
    "memory": {"durability": "memory"},
    "recalled": {"priority": "bulk"},
}

# What a call is answered with when the daemon dies of it, or is dead.
GONE = (
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.ServiceUnknown",
)

# When the disk goes first, the daemon may say so before it is killed; and what is to be called back
# may have gone.
EXPECTED = (ERROR + "Failed", ERROR + "TooLate")


def method_of(link, kind):
    """The method that publishes, its signature, and its last arguments."""
    if kind == "teed":
        return ROOT, MANAGER + ".Publish", "ss", ()
    if kind in OPTIONS:
        return link_path(link), LINK + ".PublishWith", "ssa{ss}", (OPTIONS[kind],)
    return link_path(link), LINK + ".Publish", "ss", ()


class Publisher:
    """Runs in a process of its own until stop is set; round_number is shared with the driver."""

    def __init__(self, bus, links, number, seed, round_number, has_inbox, stop):
        self.client = Client(bus)
        self.world = links
        self.random = random.Random(seed)
        self.round_number = round_number
        self.has_inbox = has_inbox
        self.stop = stop
        self.next_id = number * IDS
        self.pending = {}  # by serial
        self.notes = []  # ticket, id, kind, link, round
        self.called = 0
        self.is_alone = False  # the daemon is gone
        self.unexpected = []

    def pick_kind(self):
        place = self.random.randrange(1000)
        for kind, share in KINDS.items():
            place -= share
            if place < 0:
                return kind if kind != "announced" or self.has_inbox.is_set() else "plain"
        return "plain"

    def publish(self):
        kind = self.pick_kind()
        up = self.world.up(self.round_number.value)
        resting = self.random.randrange(1000) < TO_RESTING
        link = self.random.choice(self.world.links if resting else up)
        topic = self.world.topics[link]
        if kind == "refused":
            link, topic = self.random.choice(world.ALIYUN), world.REFUSED
        if kind == "announced":
            link, topic = world.ONCE, world.ANNOUNCED
        links = (link,)
        if kind == "teed":
            links, topic = world.TEE, world.TEED
        path, method, signature, last = method_of(link, kind)
        arguments = (topic, world.payload(self.next_id, link), *last)
        serial = self.client.send(path, method, signature, *arguments)
        self.pending[serial] = (self.next_id, kind, links)
        self.next_id += 1
        self.called += len(links)

    def recall(self, ticket):
        """Whether it is in time shows in the ticket's outcome."""
        serial = self.client.send(ROOT, MANAGER + ".CancelTicket", "t", ticket)
        self.pending[serial] = None

    def take(self, serial):
        """What has been answered."""
        note = self.pending.pop(serial)
        try:
            answer = self.client.reply(serial)
        except DBusError as error:
            self.is_alone = error.name in GONE
            if not self.is_alone and error.name not in EXPECTED:
                self.unexpected.append(str(error))
            return
        self.is_alone = False
        if note:
            self.take_tickets(answer, *note)

    def take_tickets(self, answer, number, kind, links):
        tickets = answer[0] if kind == "teed" else answer
        for ticket, link in zip(tickets, links, strict=True):
            message = world.copy_for(number, world.cloud_of(link))
            self.notes.append((ticket, message, kind, link, self.round_number.value))
            if kind == "recalled":
                self.recall(ticket)

    def receive(self):
        with contextlib.suppress(TimeoutError):
            self.client.receive(time.monotonic() + REST)
        self.client.signals.clear()
        for serial in list(self.client.replies):
            self.take(serial)

    def settle(self):
        """Waits until all calls are answered; the bus answers those that the daemon cannot."""
        deadline = time.monotonic() + PATIENCE
        while self.pending and time.monotonic() < deadline:
            self.receive()
        if self.pending:
            self.unexpected.append(f"{len(self.pending)} calls got no answer")
            self.pending.clear()

    def run(self):
        while not self.stop.is_set():
            while len(self.pending) < (1 if self.is_alone else DEPTH):
                self.publish()
            self.receive()
            if self.is_alone:
                self.settle()
                time.sleep(REST)
        self.settle()


def run(bus, links, number, seed, round_number, has_inbox, stop, notes_path):
    """What the process does; its notes are the lines of a file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    publisher = Publisher(bus, links, number, seed, round_number, has_inbox, stop)
    publisher.run()
    publisher.client.close()
    with open(notes_path, "w", encoding="utf-8") as file:
        for note in publisher.notes:
            file.write(json.dumps(note) + "\n")
        file.write(json.dumps({"called": publisher.called, "wrong": publisher.unexpected[:10]}))
