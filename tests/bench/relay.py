# SPDX-License-Identifier: Apache-2.0
"""A relay in front of a door, which counts what passes."""

import collections
import contextlib
import dataclasses
import selectors
import socket
import threading
import time

BUFFER = 65536

# What comes is handed on so much later: only then it shows who waits for whom.
DELAY_S = 0.02


@dataclasses.dataclass
class Count:
    """
    What has passed, seen from the daemon: up is to the cloud. What comes down ends a round trip.
    """

    round_trips: int = 0
    up: int = 0
    up_bytes: int = 0
    down: int = 0
    down_bytes: int = 0
    waiting: bool = False  # up was the last

    def went_up(self, data):
        self.up += 1
        self.up_bytes += len(data)
        self.waiting = True

    def came_down(self, data):
        self.down += 1
        self.down_bytes += len(data)
        self.round_trips += self.waiting
        self.waiting = False


class Relay:
    """Runs on a thread of its own until it is closed. Its endpoint stands for the door's."""

    kind = None

    def __init__(self, door):
        self.door = door
        self.count = Count()
        self.last = time.monotonic()
        self.due = collections.deque()  # (when, function)
        self.stack = contextlib.ExitStack()
        self.selector = self.stack.enter_context(selectors.DefaultSelector())
        self.socket = self.keep(socket.socket(socket.AF_INET, self.kind))
        self.socket.bind(("127.0.0.1", 0))
        self.endpoint = self.socket.getsockname()
        self.running = True
        self.begin()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def begin(self):
        raise NotImplementedError

    def keep(self, made):
        """A socket that is closed with the relay."""
        return self.stack.enter_context(made)

    def watch(self, source, on_ready):
        self.selector.register(source, selectors.EVENT_READ, on_ready)

    def later(self, function):
        self.due.append((time.monotonic() + DELAY_S, function))

    def serve(self):
        while self.running:
            for key, _ in self.selector.select(DELAY_S / 20):
                key.data()
                self.last = time.monotonic()
            while self.due and self.due[0][0] <= time.monotonic():
                self.due.popleft()[1]()
                self.last = time.monotonic()

    def close(self):
        self.running = False
        self.thread.join()
        self.stack.close()

    def went_up(self, data):
        self.count.went_up(data)

    def came_down(self, data):
        self.count.came_down(data)

    def settle(self, quiet_s):
        """Waits until nothing has passed for a while."""
        while (left := self.last + quiet_s - time.monotonic()) > 0:
            time.sleep(left)

    def take(self):
        """What has passed since it was taken last."""
        count, self.count = self.count, Count()
        return count


class UdpRelay(Relay):
    """Each sender has a socket of its own towards the door, as behind a NAT."""

    kind = socket.SOCK_DGRAM

    def begin(self):
        self.doors = {}
        self.watch(self.socket, self.on_up)

    def on_up(self):
        data, sender = self.socket.recvfrom(BUFFER)
        self.went_up(data)
        door = self.door_of(sender)
        self.later(lambda: door.send(data))

    def door_of(self, sender):
        if sender not in self.doors:
            door = self.doors[sender] = self.keep(socket.socket(socket.AF_INET, self.kind))
            door.connect(self.door)
            self.watch(door, lambda: self.on_down(door, sender))
        return self.doors[sender]

    def on_down(self, door, sender):
        data = door.recv(BUFFER)
        self.later(lambda: self.deliver(data, sender))

    def deliver(self, data, sender):
        self.came_down(data)
        self.socket.sendto(data, sender)


class TcpRelay(Relay):
    """To open a connection is a round trip without bytes."""

    kind = socket.SOCK_STREAM

    def begin(self):
        self.socket.listen()
        self.watch(self.socket, self.on_connection)

    def on_connection(self):
        near = self.keep(self.socket.accept()[0])
        far = self.keep(socket.create_connection(self.door))
        self.count.round_trips += 1
        self.watch(near, lambda: self.on_up(near, far))
        self.watch(far, lambda: self.on_down(far, near))

    def on_up(self, near, far):
        if data := self.read(near, far):
            self.went_up(data)
            self.later(lambda: far.sendall(data))

    def on_down(self, far, near):
        if data := self.read(far, near):
            self.later(lambda: self.deliver(data, near))

    def deliver(self, data, near):
        self.came_down(data)
        near.sendall(data)

    def read(self, source, target):
        """Nothing at its end, of which the other side is told too."""
        data = source.recv(BUFFER)
        if not data:
            self.selector.unregister(source)
            self.later(lambda: self.shut(target))
        return data

    @staticmethod
    def shut(target):
        with contextlib.suppress(OSError):  # it may be gone as well
            target.shutdown(socket.SHUT_WR)
