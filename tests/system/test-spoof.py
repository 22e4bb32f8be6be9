# SPDX-License-Identifier: Apache-2.0
"""
Datagrams that the cloud has not sent: from elsewhere, with what an attacker beside the path has to guess, and
what was sent before, once more. Whatever they say, nothing of it counts; and in the end of each test the
true one does, so that it was the forgery that made the difference.
"""

import os
import random
import selectors
import socket
import struct
import sys
import threading
import time

import harness
from client import LINK, link_path
from harness import POINTS, cloud_link, eventually, post

sys.path.append(os.path.join(harness.SOURCE_ROOT, "tests", "sim"))
import coapwire  # noqa: E402
from coapwire import ACK, CON, NON, RST  # noqa: E402

BUFFER = 65536
GUESSES = 2000
SESSIONS = 64

# Longer than anything that is accepted takes to show.
A_WHILE = 0.5


class Interceptor:
    """
    Between one link and a door, on a thread of its own: it can hold back what comes down, and knows all that
    has passed. It sends to the link from the address of its cloud, as whoever forges that does.
    """

    def __init__(self, door):
        self.door = door
        self.up, self.down, self.held = [], [], []
        self.holding = False
        self.link = None
        self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.near.bind(("127.0.0.1", 0))
        self.endpoint = self.near.getsockname()
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.connect(door)
        self.senders = []
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.near, selectors.EVENT_READ, self.on_up)
        self.selector.register(self.far, selectors.EVENT_READ, self.on_down)
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
        self.near.close()
        self.far.close()

    def on_up(self):
        data, sender = self.near.recvfrom(BUFFER)
        if sender != self.link:
            self.renew(sender)
        self.up.append(data)
        self.far.send(data)

    def renew(self, sender):
        """A session more of the link, which is one more to the door."""
        self.link = sender
        self.senders.append(sender)
        self.selector.unregister(self.far)
        self.far.close()
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.connect(self.door)
        self.selector.register(self.far, selectors.EVENT_READ, self.on_down)

    def on_down(self):
        data = self.far.recv(BUFFER)
        if self.holding:
            self.held.append(data)
        else:
            self.down.append(data)
            self.send(data)

    def send(self, data):
        self.near.sendto(data, self.link)

    def release(self):
        self.holding = False
        for data in self.held:
            self.send(data)


class SpoofTest(harness.SystemTest):
    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        self.client = self.new_client(self.bus)

    def start(self, cloud, **settings):
        self.between = Interceptor(self.simulator.endpoints[cloud])
        self.addCleanup(self.between.close)
        self.start_link(cloud_link("plant", cloud, self.between.endpoint, **settings))

    def start_link(self, config):
        self.daemon = self.start_daemon(self.bus, "links:\n" + config)
        self.daemon.wait_state("plant", "online")

    def publish_held(self):
        """Publishes; returns the ticket, and what the cloud has answered, which has not come yet."""
        self.between.holding = True
        ticket = self.client.publish("plant", POINTS, post(1))
        [answer] = eventually(lambda: self.between.held[:1], "the cloud's answer")
        return ticket, answer

    def assert_in_flight(self):
        time.sleep(A_WHILE)
        self.assertEqual(self.daemon.get("plant", "State"), "online")
        self.assertEqual(self.daemon.get("plant", "InFlight"), 1)
        self.assertEqual(self.daemon.get("plant", "Delivered"), self.delivered)

    def assert_delivered(self, ticket):
        self.assertEqual(self.client.wait_ticket(ticket)[0], "delivered")


class ForgedTest(SpoofTest):
    """Plain CoAP: the right answer, in all ways that are wrong."""

    def setUp(self):
        super().setUp()
        self.start("enos-v2")
        self.delivered = self.daemon.get("plant", "Delivered")
        self.ticket, data = self.publish_held()
        self.answer = coapwire.Reply(data)

    def forge(self, kind=ACK, mid=None, token=None):
        answer = self.answer
        return coapwire.encode(
            kind,
            answer.byte,
            answer.mid if mid is None else mid,
            answer.token if token is None else token,
            answer.options,
            answer.payload,
        )

    def finish(self):
        """
        None of that has counted; the truth does. In a message of its own: libcoap takes but one
        acknowledgement of a message, be it a wrong one.
        """
        self.assert_in_flight()
        self.between.send(self.forge(NON, self.answer.mid ^ 0x5555))
        self.assert_delivered(self.ticket)

    def test_other_senders(self):
        port = self.between.endpoint[1]
        for endpoint in ("127.0.0.1", 0), ("127.0.0.2", port), ("127.0.0.2", 0):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind(endpoint)
                for kind in ACK, CON, NON:
                    stranger.sendto(self.forge(kind), self.between.link)
                stranger.sendto(coapwire.encode(RST, 0, self.answer.mid, b""), self.between.link)
        self.finish()

    def test_wrong_tokens(self):
        right = self.answer.token
        self.assertEqual(len(right), 4)
        number = int.from_bytes(right, "big")
        near = [(number ^ 1 << bit).to_bytes(4, "big") for bit in range(32)]
        for token in *near, b"", right[:3], right + b"\0", b"\0" + right, right[::-1]:
            if token != right:
                for kind in ACK, CON, NON:
                    self.between.send(self.forge(kind, token=token))
        self.finish()

    def test_wrong_message_ids(self):
        """Those that tell that it never came, or that nobody knows us any more."""
        for bit in range(16):
            self.between.send(coapwire.encode(RST, 0, self.answer.mid ^ 1 << bit, b""))
        self.finish()

    def test_guesses(self):
        """As many as one burst holds; also those of a library that counts from 1."""
        for number in range(GUESSES):
            token = random.randbytes(4)
            if token != self.answer.token:
                mid = random.randrange(1 << 16)
                self.between.send(self.forge(random.choice((CON, NON)), mid, token))
            if number % 100 == 0:
                small = number // 100 + 1
                self.between.send(self.forge(NON, small, bytes([small])))
                self.between.send(self.forge(NON, small, small.to_bytes(4, "big")))
                time.sleep(0.01)
        self.finish()

    def test_answered_before(self):
        """What was true is not true twice."""
        self.between.release()
        self.assert_delivered(self.ticket)
        self.delivered = self.daemon.get("plant", "Delivered")
        self.between.held.clear()
        earlier = self.answer
        self.ticket, data = self.publish_held()
        for kind in ACK, CON, NON:
            for mid in earlier.mid, coapwire.Reply(data).mid:
                self.between.send(self.forge(kind, mid))
        self.answer = coapwire.Reply(data)
        self.finish()


class RecordsTest(SpoofTest):
    """DTLS: records once more, and records that nobody has encrypted."""

    def setUp(self):
        super().setUp()
        self.start("enos-dtls")
        self.delivered = self.daemon.get("plant", "Delivered")

    def assert_undisturbed(self):
        """Still the same session, and what is in flight there is answered."""
        self.assert_in_flight()
        self.assertEqual(len(self.between.senders), 1)
        self.between.release()
        self.assert_delivered(self.ticket)
        self.assertEqual(len(self.simulator.record("login", "enos-dtls")), 1)

    def test_replayed(self):
        for number in range(5):
            self.assert_delivered(self.client.publish("plant", POINTS, post(number)))
        self.delivered = self.daemon.get("plant", "Delivered")
        earlier = list(self.between.down)
        self.ticket, _ = self.publish_held()
        sent, counted = len(self.between.up), self.daemon.get("plant", "BytesReceived")
        for data in earlier + earlier[::-1] + self.between.up[:sent]:
            self.between.send(data)
        self.assert_in_flight()
        self.assertEqual(self.daemon.get("plant", "BytesReceived"), counted)
        self.assert_undisturbed()

    def test_made_up(self):
        self.ticket, answer = self.publish_held()
        contents = (
            (20, b"\x01"),  # ChangeCipherSpec
            (21, b"\x01\x00"),  # a warning: close_notify
            (21, b"\x02\x28"),  # the end: handshake_failure
            (22, b"\0\0\0\0" + b"\0\x09" + b"\0" * 6),  # HelloRequest
            (23, coapwire.encode(NON, coapwire.code("2.04"), 1, b"\x01")),
        )
        for number, (kind, content) in enumerate(contents):
            for epoch in 0, 1, 2:
                head = struct.pack("!BHHHI", kind, 0xFEFD, epoch, 0, 0xFFFF0000 + number)
                self.between.send(head + struct.pack("!H", len(content)) + content)
        for i in range(len(answer)):
            self.between.send(answer[:i] + bytes([answer[i] ^ 1]) + answer[i + 1 :])
        self.assert_undisturbed()


class DownlinkTest(SpoofTest):
    """1NCE calls the box: requests by others, and once more."""

    def setUp(self):
        super().setUp()
        self.port = harness.free_ports(1)
        self.start_link(self.config("127.0.0.1/32"))
        self.client.call(link_path("plant"), LINK + ".Subscribe", "s", "#")

    def config(self, networks):
        rows = {"plugin": "1nce", "security": "plain", "downlink_port": self.port}
        endpoint = self.simulator.endpoints["1nce"]
        return harness.link_at("plant", endpoint, **rows, downlink_from=networks)

    def request(self, path, token=b"tokn", mid=7):
        options = [(coapwire.URI_PATH, path.encode())]
        return coapwire.encode(CON, coapwire.POST, mid, token, options, b"open")

    def caller(self, address="127.0.0.1"):
        caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(caller.close)
        caller.bind((address, 0))
        caller.connect(("127.0.0.1", self.port))
        caller.settimeout(harness.PATIENCE)
        return caller

    def took(self):
        """What was delivered, in its order, up to what is sent now."""
        self.caller().send(self.request("last"))
        topics = []
        while topics[-1:] != ["/last"]:
            topics.append(self.client.wait_signal("Message")[1])
        return topics[:-1]

    def test_replayed(self):
        caller = self.caller()
        caller.send(self.request("valve"))
        self.assertEqual(coapwire.Reply(caller.recv(BUFFER)).code, "2.04")
        for _ in range(20):
            caller.send(self.request("valve"))
            self.assertEqual(coapwire.Reply(caller.recv(BUFFER)).code, "2.04")
        # The same in other messages: their senders would choose another token.
        for mid in range(100, 120):
            caller.send(self.request("valve", mid=mid))
            self.assertEqual(coapwire.Reply(caller.recv(BUFFER)).code, "2.04")
        self.assertEqual(self.took(), ["/valve"])

    def test_strangers(self):
        stranger = self.caller("127.0.0.2")
        stranger.settimeout(A_WHILE)
        for data in self.request("valve"), b"\x40\0\0\x01", b"no CoAP":
            stranger.send(data)
            with self.assertRaises(TimeoutError):
                stranger.recv(BUFFER)
        self.assertEqual(self.took(), [])


class UnpredictableTest(SpoofTest):
    """What whoever has seen some sessions knows of the next: nothing."""

    def assert_fair(self, values, bits):
        """Each bit is set about as often as not; five sigma, so that chance alone hardly ever fails it."""
        for bit in range(bits):
            times = sum(value >> bit & 1 for value in values)
            self.assertAlmostEqual(times, len(values) / 2, delta=2.5 * len(values) ** 0.5)

    def test_sessions(self):
        self.between = Interceptor(self.simulator.endpoints["1nce"])
        self.addCleanup(self.between.close)
        rows = {"plugin": "1nce", "security": "plain"}
        self.start_link(harness.link_at("plant", self.between.endpoint, **rows))
        mids, tokens = [], []
        for number in range(SESSIONS):
            sent = len(self.between.up)
            self.assert_delivered(self.client.publish("plant", "t", post(number)))
            first = coapwire.Reply(self.between.up[sent])
            mids.append(first.mid)
            tokens.append(int.from_bytes(first.token, "big"))
            for method, state in (".Disconnect", "disabled"), (".Connect", "online"):
                self.client.call(link_path("plant"), LINK + method)
                self.daemon.wait_state("plant", state)
        # The kernel may choose the same port twice in a row, which is one sender less.
        ports = [port for _, port in self.between.senders]
        print(f"    of {SESSIONS}: {len(set(mids))} message ids, {len(set(tokens))} tokens, "
              f"{len(set(ports))} ports from {min(ports)} to {max(ports)}")
        self.assertEqual(len(set(tokens)), SESSIONS)
        self.assertGreater(len(set(mids)), SESSIONS - 4)
        self.assertGreater(len(set(ports)), SESSIONS - 8)
        self.assert_fair(mids, 16)
        self.assert_fair(tokens, 32)


if __name__ == "__main__":
    harness.main()
