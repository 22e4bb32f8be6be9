# SPDX-License-Identifier: Apache-2.0
"""A cloud that is silent, not there, not found or not willing: what is told, and what is kept."""

import re
import signal
import socket
import time

import harness
from client import LINK, MANAGER, PATIENCE, ROOT, dbus_send, link_path
from harness import POINTS, post

DELIVERED = ("delivered", "2.04", "")
NEXT_ATTEMPT = r" \(next attempt in \d+ s\)$"


class BackoffTest(harness.SystemTest):
    def setUp(self):
        self.bus = self.start_bus()
        self.client = self.new_client(self.bus)

    def start_link(self, endpoint, *secret, **settings):
        config = "links:\n" + harness.enos_link("plant", endpoint, *secret, **settings)
        return self.start_daemon(self.bus, config)

    def ask(self, method):
        """By dbus-send, as a person would."""
        dbus_send(self.bus, link_path("plant"), f"{LINK}.{method}")

    def wait_backoff(self, daemon, sentence, timeout=PATIENCE, end=NEXT_ATTEMPT):
        """Waits until the link is down because of this, and says when it tries again."""
        pattern = re.compile("^" + sentence + end)
        reason = daemon.wait_property("plant", "StateReason", pattern.match, timeout)
        self.assertRegex(daemon.get("plant", "LastError"), "^" + sentence + "$")
        self.assertIn(f"plant: {reason}", daemon.log)


class UnreachableTest(BackoffTest):
    def test_silence(self):
        """A socket that swallows everything; libcoap alone would wait for 93 s."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as swallow:
            swallow.bind(("127.0.0.1", 0))
            port = swallow.getsockname()[1]
            daemon = self.start_link(("127.0.0.1", port))
            begun = time.monotonic()
            self.wait_backoff(
                daemon,
                f"no answer from 127.0.0.1:{port} for 30 s: wrong address, blocked UDP port, "
                "or no route",
                timeout=60,
            )
            self.assertAlmostEqual(time.monotonic() - begun, 30, delta=3)
            swallow.setblocking(False)
            self.assertTrue(swallow.recv(2048))

    def test_nothing_listens(self):
        port = harness.free_ports(1)
        begun = time.monotonic()
        daemon = self.start_link(("127.0.0.1", port))
        self.wait_backoff(
            daemon,
            f"127.0.0.1 answers that nothing listens on UDP port {port}: wrong port, or the "
            "service is down",
        )
        self.assertLess(time.monotonic() - begun, 5)

    def test_unknown_name(self):
        daemon = self.start_link(("no-such-host.invalid", 5683))
        self.wait_backoff(
            daemon,
            r"the name no-such-host\.invalid does not resolve \(.+\): check the host in the "
            "configuration, and the box's name server",
            timeout=60,
            # On a machine without a network.
            end=f"({NEXT_ATTEMPT}|; waiting for the network \\(no route; )",
        )

    def test_it_comes_up_by_itself(self):
        simulator = self.start_simulator()
        self.assertEqual(simulator.end(), 0)
        daemon = self.start_link(simulator.endpoints["enos-v2"])
        daemon.wait_state("plant", "backoff")
        simulator.start()
        # On a very slow machine the second attempt may be too early; the third is a minute later.
        daemon.wait_state("plant", "online", timeout=90)
        self.assertEqual(daemon.get("plant", "StateReason"), "")
        self.assertIn("nothing listens", daemon.get("plant", "LastError"))


class RefusedTest(BackoffTest):
    SENTENCE = (
        r"EnOS refused the login: check product_key, device_key and device_secret \(4\.01\)"
    )

    def test_wrong_secret(self):
        simulator = self.start_simulator()
        daemon = self.start_link(simulator.endpoints["enos-v1"], "another secret")
        ticket = self.client.publish("plant", POINTS, post(1))
        self.wait_backoff(daemon, self.SENTENCE)
        # The second attempt comes by itself. A third refusal would end it, and a device that EnOS has
        # blocked is refused likewise; so the third waits until a block would be over.
        reason = re.compile(self.SENTENCE + NEXT_ATTEMPT.replace(r"\d+", r"30\d"))
        daemon.wait_property("plant", "StateReason", reason.match)
        self.assertEqual(len(simulator.record("login-refused")), 2)

        self.ask("Connect")
        daemon.wait_state("plant", "failed")
        self.assertRegex(daemon.get("plant", "StateReason"), f"^{self.SENTENCE}$")
        self.assertEqual(len(simulator.record("login-refused")), 3)

        # Another attempt on request; but a fourth login would make EnOS block the device.
        self.ask("Connect")
        blocks = "the login waits: EnOS blocks a device that logs in four times in two minutes"
        self.wait_backoff(daemon, blocks)
        self.assertEqual(len(simulator.record("login-refused")), 3)

        # EnOS does not forget these when the daemon is started anew, and so it keeps the distance.
        self.assertEqual(daemon.end(), 0)
        endpoint = simulator.endpoints["enos-v1"]
        daemon.configure("links:\n" + harness.enos_link("plant", endpoint))
        daemon.start()
        self.ask("Connect")
        self.wait_backoff(daemon, blocks)
        self.assertEqual(simulator.record("login"), [])
        self.assertEqual(daemon.end(), 0)
        daemon.forget_logins("plant")
        daemon.start()
        self.ask("Connect")
        self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)
        self.assertEqual(len(simulator.record("login")), 1)

    def test_unknown_device(self):
        simulator = self.start_simulator()
        endpoint = simulator.endpoints["enos-v2"]
        daemon = self.start_link(endpoint, device_key="unknown")
        self.wait_backoff(daemon, self.SENTENCE)


class AskedTest(BackoffTest):
    def setUp(self):
        super().setUp()
        self.simulator = self.start_simulator()
        self.endpoint = self.simulator.endpoints["enos-v2"]

    def test_disconnect_and_connect(self):
        daemon = self.start_link(self.endpoint)
        daemon.wait_state("plant", "online")
        self.ask("Disconnect")
        self.assertEqual(daemon.get("plant", "State"), "disabled")
        reason = "disconnected by request; Connect starts it again"
        self.assertEqual(daemon.get("plant", "StateReason"), reason)
        self.ask("Disconnect")

        tickets = [self.client.publish("plant", POINTS, post(number)) for number in range(10)]
        self.assertEqual(daemon.wait_property("plant", "Queued", 10), 10)
        size = sum(len(POINTS) + len(post(number)) for number in range(10))
        self.assertEqual(daemon.get("plant", "QueuedBytes"), size)
        self.assertEqual(self.simulator.record("message"), [])

        self.ask("Connect")
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)
        self.assertEqual(self.simulator.ids(), [str(number) for number in range(10)])
        self.assertEqual(daemon.get("plant", "Queued"), 0)
        self.assertEqual(daemon.get("plant", "QueuedBytes"), 0)
        self.assertEqual(len(self.simulator.record("login")), 2)

    def test_a_restart_forgets_disconnect(self):
        daemon = self.start_link(self.endpoint)
        self.ask("Disconnect")
        ticket = self.client.publish("plant", POINTS, post(1))
        self.assertEqual(daemon.end(), 0)
        daemon.start()
        self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)

    def test_not_enabled(self):
        daemon = self.start_link(self.endpoint, enabled="no")
        daemon.wait_state("plant", "disabled")
        self.assertIn("enabled: no", daemon.get("plant", "StateReason"))
        self.ask("Connect")
        daemon.wait_state("plant", "online")

    def test_disconnect_ends_requests(self):
        daemon = self.start_link(self.endpoint)
        daemon.wait_state("plant", "online")
        self.simulator.process.send_signal(signal.SIGSTOP)
        try:
            arguments = ("ssu", POINTS, post(1), 60)
            serial = self.client.send(link_path("plant"), LINK + ".Request", *arguments)
            ticket = self.client.publish("plant", POINTS, post(2))
            self.ask("Disconnect")
            with self.assert_refused("NotOnline", "the link has been disconnected"):
                self.client.reply(serial)
            answer = self.client.call(ROOT, MANAGER + ".Ticket", "t", ticket)
            self.assertEqual(answer, ("stored", "", ""))
        finally:
            self.simulator.process.send_signal(signal.SIGCONT)
        self.ask("Connect")
        self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)

    def test_request_times_out(self):
        daemon = self.start_link(self.endpoint)
        daemon.wait_state("plant", "online")
        self.simulator.process.send_signal(signal.SIGSTOP)
        try:
            with self.assert_refused("Timeout", "whether it has taken the request is unknown"):
                arguments = ("ssu", POINTS, post(1), 1)
                self.client.call(link_path("plant"), LINK + ".Request", *arguments)
        finally:
            self.simulator.process.send_signal(signal.SIGCONT)
        self.assertEqual(daemon.get("plant", "State"), "online")

    def test_queue_full(self):
        daemon = self.start_link(self.endpoint, queue_messages=3)
        daemon.wait_state("plant", "online")
        self.ask("Disconnect")
        tickets = [self.client.publish("plant", POINTS, post(number)) for number in range(3)]
        with self.assert_refused("QueueFull", "3"):
            self.client.publish("plant", POINTS, post(3))
        self.ask("Connect")
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)
        ticket = self.client.publish("plant", POINTS, post(4))
        self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)

    def test_an_outage(self):
        """The network says that nobody listens: seen at once, and nothing is lost or sent twice."""
        daemon = self.start_link(self.endpoint)
        daemon.wait_state("plant", "online")
        self.assertEqual(self.simulator.end(), 0)
        tickets = [self.client.publish("plant", POINTS, post(number)) for number in range(20)]
        daemon.wait_state("plant", "backoff")
        self.assertIn("nothing listens on UDP port", daemon.get("plant", "LastError"))
        self.simulator.start()
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)
        self.assertEqual(self.simulator.ids(), [str(number) for number in range(20)])
        self.assertEqual(len(self.simulator.record("login")), 2)


if __name__ == "__main__":
    harness.main(beside=("UnreachableTest.test_silence",))
