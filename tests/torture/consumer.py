# SPDX-License-Identifier: Apache-2.0
"""
A program that gets what others publish from an inbox, over kills of the daemon, and acknowledges each; and
notes what it got, and what came again when it should not.
"""

import contextlib
import json
import signal
import time

import world
from client import ERROR, LINK, NAME, Client, DBusError, link_path
from jeepney import HeaderFields
from publisher import EXPECTED, GONE, REST

INBOX = "consumer"
PATH = link_path(world.ONCE)
OWNER_CHANGED = f"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{NAME}'"

# What was acknowledged just before a kill; and what the daemon before this one has sent.
FINE = (*GONE, *EXPECTED, ERROR + "NoSuchMessage")


class Consumer:
    """Runs in a process of its own until stop is set; sets has_inbox when its inbox is on disk."""

    def __init__(self, bus, has_inbox, stop):
        self.client = Client(bus)
        self.has_inbox = has_inbox
        self.stop = stop
        self.pending = {}  # by serial: the number in the inbox that is acknowledged; None subscribes
        self.received = {}  # by number in the inbox
        self.acknowledged = set()
        self.unexpected = []
        self.client.match(OWNER_CHANGED)

    def send(self, member, signature, *arguments):
        return self.client.send(PATH, f"{LINK}.{member}", signature, *arguments)

    def subscribe(self):
        arguments = (INBOX, world.ANNOUNCED, {"origin": "local"})
        self.pending[self.send("SubscribeDurableWith", "ssa{ss}", *arguments)] = None

    def take_message(self, number, payload):
        message = world.number_of(payload.decode(errors="replace"))
        if self.received.setdefault(number, message) != message:
            self.unexpected.append(f"{number} was message {self.received[number]}, then {message}")
        if number in self.acknowledged:
            self.unexpected.append(f"message {message} came after its acknowledgement was answered")
        self.pending[self.send("Acknowledge", "t", number)] = number

    def take_signal(self, message):
        member = message.header.fields[HeaderFields.member]
        if member == "Message":
            self.take_message(message.body[0], message.body[2])
        elif member == "NameOwnerChanged" and message.body[2]:
            self.subscribe()

    def take_reply(self, serial):
        number = self.pending.pop(serial)
        try:
            self.client.reply(serial)
        except DBusError as error:
            if error.name not in FINE:
                self.unexpected.append(str(error))
            return
        if number is None:
            self.has_inbox.set()
        else:
            self.acknowledged.add(number)

    def run(self):
        self.subscribe()
        while not self.stop.is_set():
            # One thing at a time, since their order counts.
            with contextlib.suppress(TimeoutError):
                self.client.receive(time.monotonic() + REST)
            while self.client.signals:
                self.take_signal(self.client.signals.popleft())
            for serial in list(self.client.replies):
                self.take_reply(serial)


def run(bus, has_inbox, stop, notes_path):
    """What the process does; its notes are the lines of a file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    consumer = Consumer(bus, has_inbox, stop)
    consumer.run()
    consumer.client.close()
    with open(notes_path, "w", encoding="utf-8") as file:
        notes = {"received": list(consumer.received.values()), "wrong": consumer.unexpected[:10]}
        json.dump(notes, file)
