# SPDX-License-Identifier: Apache-2.0
"""
What every cloud owes to the programs of a box, whatever its rules: a message arrives or is refused with
a sentence, none is lost when the login ends or the cloud is gone, and a restart costs no login that is
not needed.
"""

import harness
from client import LINK, link_path

DELIVERED = "delivered"
NAME = "plant"


class CloudTest(harness.SystemTest):
    """One link at one cloud. A test of a cloud derives from this and from Contract."""

    CLOUD = None  # its name in the record and on the control socket
    LOGIN = "login"  # the record's event of a login that a restart may cost nothing of
    RESTART_LOGINS = 0  # how many of them a restart costs all the same
    DOOR = None  # by which the link comes in; the cloud's name unless set
    TOPIC = None

    def config(self):
        """The link's configuration, NAME in it."""
        raise NotImplementedError

    def payload(self, number):
        return harness.post(number)

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator("--impairable")
        self.daemon = self.start_daemon(self.bus, "links:\n" + self.config())
        self.daemon.wait_state(NAME, "online")
        self.client = self.new_client(self.bus)

    def reconfigure(self, config):
        """Starts the daemon anew, without what it remembers of the cloud's side of things gone."""
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.configure("links:\n" + config)
        self.daemon.start()

    def publish(self, number, topic=None):
        return self.client.publish(NAME, topic or self.TOPIC, self.payload(number))

    def assert_delivered(self, *tickets, timeout=harness.PATIENCE):
        for ticket in tickets:
            outcome = self.client.wait_ticket(ticket, timeout)
            self.assertEqual(outcome[0], DELIVERED, outcome)

    def payloads(self):
        return [line["payload"] for line in self.simulator.record("message", self.CLOUD)]

    def count(self, event):
        return len(self.simulator.record(event, self.CLOUD))

    def subscribe_to_answer(self, topic_filter="#"):
        options = {"answer": "yes"}
        method = LINK + ".SubscribeWith"
        return self.client.call(link_path(NAME), method, "sa{ss}", topic_filter, options)[0]

    def answer(self, message, code, text):
        return self.client.call(link_path(NAME), LINK + ".Answer", "tss", message, code, text)[0]


class Contract:
    """The tests that each cloud passes."""

    def test_publish(self):
        self.assert_delivered(*[self.publish(number) for number in range(5)])
        self.assertEqual(self.payloads(), [self.payload(number) for number in range(5)])

    def test_later(self):
        self.simulator.ctl("answer", self.CLOUD, "5.03", 1)
        tickets = [self.publish(number) for number in range(3)]
        self.assert_delivered(*tickets)
        self.assertEqual(self.payloads(), [self.payload(number) for number in range(3)])

    def test_refused(self):
        self.simulator.ctl("answer", self.CLOUD, "4.00", 1)
        outcome, code, reason = self.client.wait_ticket(self.publish(1))
        self.assertEqual((outcome, code), ("rejected", "4.00"))
        self.assertGreater(len(reason.split()), 3)
        # One refused message holds nobody up.
        self.assert_delivered(self.publish(2))

    def test_login_is_over(self):
        """The cloud knows the login no more: another one, and the message that met it arrives."""
        self.assert_delivered(self.publish(0))
        before = self.count("login")
        self.simulator.ctl("expire", self.CLOUD)
        self.assert_delivered(*[self.publish(number) for number in range(1, 4)])
        self.assertEqual(self.payloads(), [self.payload(number) for number in range(4)])
        self.assertEqual(self.count("login"), before + 1)

    def test_cloud_away(self):
        """Stopped, published to, and started again with its memory: all arrives, in order."""
        self.simulator.ctl("stop", self.CLOUD)
        tickets = [self.publish(number) for number in range(20)]
        self.simulator.ctl("start", self.CLOUD)
        self.assert_delivered(*tickets, timeout=90)
        self.assertEqual(list(dict.fromkeys(self.payloads())), [self.payload(n) for n in range(20)])

    def test_bad_network(self):
        """Datagrams get lost, come twice and out of order: each message arrives, and once."""
        # With much more loss a request may well get no answer at all, and is sent again for that.
        bad = ("drop=5", "duplicate=20", "reorder=20", "delay=5", "jitter=10")
        self.simulator.ctl("impair", self.DOOR or self.CLOUD, *bad)
        self.assert_delivered(*[self.publish(number) for number in range(15)], timeout=120)
        self.assertEqual(sorted(self.payloads()), sorted(self.payload(n) for n in range(15)))

    def test_restart(self):
        self.assert_delivered(self.publish(1))
        before = self.count(self.LOGIN)
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start()
        self.daemon.wait_state(NAME, "online")
        self.assert_delivered(self.publish(2))
        self.assertEqual(self.payloads(), [self.payload(1), self.payload(2)])
        self.assertEqual(self.count(self.LOGIN), before + self.RESTART_LOGINS)
