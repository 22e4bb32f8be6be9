# SPDX-License-Identifier: Apache-2.0
"""
What a link has carried, as whoever bills it counts. A relay between the link and its cloud counts too, each
datagram with its headers; what the relay loses on the way up has left the box, and counts, and what it loses on
the way down has not arrived.
"""

import random
import selectors
import socket
import threading

import harness
from client import LINK, PATIENCE, link_path
from harness import POINTS, cloud_link, eventually, post

HEADERS = 20 + 8  # IPv4, UDP
GOODBYE_MAX = 100  # an alert in its record
BUFFER = 65536


class CountingRelay:
    """Between one link and a door, on a thread of its own; each sender has a socket, as behind a NAT."""

    def __init__(self, door):
        self.door = door
        self.up = self.down = self.lost = self.repeated = 0
        self.seen = set()
        self.loss = 0.0
        self.random = random.Random(1)
        self.selector = selectors.DefaultSelector()
        self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.near.bind(("127.0.0.1", 0))
        self.endpoint = self.near.getsockname()
        self.selector.register(self.near, selectors.EVENT_READ, self.on_up)
        self.doors = {}
        self.running = True
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while self.running:
            for key, _ in self.selector.select(0.1):
                key.data()

    def close(self):
        self.running = False
        self.thread.join()
        self.selector.close()
        for each in (self.near, *self.doors.values()):
            each.close()

    def loses(self):
        lost = self.random.random() < self.loss
        self.lost += lost
        return lost

    def on_up(self):
        data, sender = self.near.recvfrom(BUFFER)
        self.up += HEADERS + len(data)
        self.note_repeated(sender, data)
        if sender not in self.doors:
            door = self.doors[sender] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            door.connect(self.door)
            self.selector.register(
                door, selectors.EVENT_READ, lambda: self.on_down(door, sender)
            )
        if not self.loses():
            self.doors[sender].send(data)

    def note_repeated(self, sender, data):
        """CoAP: version 1, confirmable, with a number that was there; of DTLS nobody can tell."""
        if data[0] & 0xF0 == 0x40:
            number = (sender, data[2:4])
            self.repeated += number in self.seen
            self.seen.add(number)

    def on_down(self, door, sender):
        data = door.recv(BUFFER)
        if not self.loses():
            self.down += HEADERS + len(data)
            self.near.sendto(data, sender)


class WireTest(harness.SystemTest):
    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        self.client = self.new_client(self.bus)

    def start(self, cloud, **settings):
        self.relay = CountingRelay(self.simulator.endpoints[cloud])
        self.addCleanup(self.relay.close)
        self.config = cloud_link("plant", cloud, self.relay.endpoint, **settings)
        self.daemon = self.start_daemon(self.bus, "links:\n" + self.config)
        self.daemon.wait_state("plant", "online")

    def counted(self):
        return tuple(self.daemon.get("plant", name) for name in ("WireSent", "WireReceived"))

    def assert_exact(self):
        """Both count to the same; what is on its way at this moment is waited for."""
        eventually(
            lambda: self.counted() == (self.relay.up, self.relay.down),
            "the daemon's count to be the relay's",
        )
        self.show()

    def assert_exact_but_for_goodbyes(self, goodbyes):
        """The cloud's own word at the end of a session comes when its socket is closed already."""
        eventually(lambda: self.counted()[0] == self.relay.up, "the count of what went up")
        eventually(
            lambda: 0 <= self.relay.down - self.counted()[1] <= goodbyes * GOODBYE_MAX,
            "the count of what came down",
        )
        self.show()

    def show(self):
        up, down = self.counted()
        print(f"    {self.id()}: {up} of {self.relay.up} bytes up, {down} of {self.relay.down} down")

    def publish(self, numbers, timeout=PATIENCE):
        tickets = [self.client.publish("plant", POINTS, post(number)) for number in numbers]
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket, timeout)[0], "delivered")

    def login_and_messages(self, cloud):
        self.start(cloud)
        self.assert_exact()
        login = self.relay.up
        self.assertGreater(login, 0)
        self.publish(range(20))
        self.assert_exact()
        # CoAP alone is much less.
        self.assertGreater(self.relay.up - login, 20 * HEADERS)
        self.assertGreater(self.relay.up - self.daemon.get("plant", "BytesSent"), 20 * HEADERS)

    def test_plain(self):
        self.login_and_messages("enos-v2")

    def test_dtls(self):
        self.login_and_messages("enos-dtls")
        # A handshake more, and the word that ends a session, which comes after the session has gone.
        self.client.call(link_path("plant"), LINK + ".Disconnect")
        self.daemon.wait_state("plant", "disabled")
        self.client.call(link_path("plant"), LINK + ".Connect")
        self.daemon.wait_state("plant", "online")
        self.publish(range(20, 25))
        self.assert_exact_but_for_goodbyes(1)

    def lossy(self, cloud):
        self.start(cloud)
        self.relay.loss = 0.15
        # With so many in flight some are lost, whichever these are.
        numbers = iter(range(1000))
        while self.relay.lost < 6:
            self.publish([next(numbers) for _ in range(10)], timeout=120)
        self.relay.loss = 0.0
        self.publish([next(numbers)], timeout=120)
        self.assert_exact()
        return self.client.metric("skybus_link_retransmissions_total", link="plant")

    def test_plain_with_loss(self):
        self.assertEqual(self.lossy("enos-v2"), self.relay.repeated)
        self.assertGreater(self.relay.repeated, 0)

    def test_dtls_with_loss(self):
        repeated = self.lossy("enos-dtls")
        self.assertGreater(repeated, 0)
        # All but what a handshake repeats.
        self.assertLessEqual(repeated, self.relay.lost)

    def test_nobody_answers(self):
        """A handshake that the network swallows costs its flights."""
        self.start("enos-dtls")
        self.client.call(link_path("plant"), LINK + ".Disconnect")
        self.daemon.wait_state("plant", "disabled")
        self.assert_exact_but_for_goodbyes(1)
        self.relay.loss = 1.0
        before = self.relay.up
        self.client.call(link_path("plant"), LINK + ".Connect")
        eventually(lambda: self.relay.lost >= 3, "three flights of a handshake")
        self.assert_exact_but_for_goodbyes(1)
        self.assertGreater(self.relay.up, before)

    def test_idle(self):
        """Keepalives, and nothing else."""
        self.start("aliyun", keepalive="30s")
        before = self.relay.up
        eventually(lambda: self.relay.up > before, "a keepalive", timeout=60)
        self.assert_exact()

    def test_another_configuration(self):
        """What it has carried, and counted, is the link's, whatever its settings are by now."""
        self.start("enos-v2")
        self.publish(range(3))
        self.assert_exact()
        since = self.daemon.get("plant", "Since")
        self.daemon.configure("links:\n" + self.config + "    window: 3\n")
        self.client.call("/io/skybus/Gateway1", "io.skybus.Gateway1.Manager.Reload")
        self.daemon.wait_property("plant", "Since", lambda value: value != since)
        self.daemon.wait_state("plant", "online")
        self.publish(range(3, 6))
        self.assert_exact()
        logins = {"link": "plant", "result": "succeeded"}
        self.assertEqual(self.client.metric("skybus_link_logins_total", **logins), 2)


if __name__ == "__main__":
    harness.main(beside=["WireTest.test_idle", "WireTest.test_dtls_with_loss"])
