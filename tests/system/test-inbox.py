# SPDX-License-Identifier: Apache-2.0
"""
Inboxes: what the cloud sends, and what apps publish, waits on disk for an app that is away, until
it acknowledges each. And what the cloud is told when no app answers.
"""

import json
import os
import subprocess
import sys
import unittest

import harness
from client import LINK, MANAGER, ROOT, link_path
from cloud import NAME, CloudTest
from harness import OWN, POINTS

sys.path.append(os.path.join(harness.SOURCE_ROOT, "tests", "torture"))
from disk import ForgettingDisk, why_not  # noqa: E402  (its folder is known only now)

WHY_NOT = why_not()
STALL_MS = 60000

PLANT = link_path(NAME)
SET = f"{OWN}/thing/service/measurepoint/set"


class InboxTest(CloudTest):
    """A link at EnOS, where commands come in replies."""

    CLOUD = "enos-v2"
    TOPIC = POINTS
    INBOXES = ""
    SETTINGS = {}

    def config(self):
        endpoint = self.simulator.endpoints[self.CLOUD]
        inboxes = f"inboxes:\n{self.INBOXES}" if self.INBOXES else ""
        return harness.enos_link(NAME, endpoint, **self.SETTINGS) + inboxes

    def command(self, number):
        """The cloud tells one in the reply to a message, which has ended when this returns."""
        self.simulator.ctl("command", f"{SET}={json.dumps({'id': str(number)})}")
        self.assert_delivered(self.publish(number))

    def subscribe(self, client, name="app", topic_filter="#", **options):
        arguments = (name, topic_filter, options)
        return client.call(PLANT, LINK + ".SubscribeDurableWith", "ssa{ss}", *arguments)[0]

    def acknowledge(self, client, message):
        client.call(PLANT, LINK + ".Acknowledge", "t", message)

    def next_message(self, client):
        """Its number, its text, and whether it was sent before."""
        number, _, payload, properties = client.wait_signal("Message")
        self.assertIn("inbox", properties)
        return number, payload.decode(), properties["redelivered"][1]

    def next_command(self, client):
        message, text, redelivered = self.next_message(client)
        return message, int(json.loads(text)["id"]), redelivered

    def inboxes(self):
        """Name: messages that wait, messages that were lost, whether an app has it."""
        rows = self.client.call(ROOT, MANAGER + ".ListInboxes")[0]
        for link, owner, _, topic_filter, _, _, _, _ in rows:
            self.assertEqual((link, owner, topic_filter), (NAME, os.getuid(), "#"))
        return {row[2]: (row[4], row[6], bool(row[7])) for row in rows}

    def losses(self):
        return self.client.call(ROOT, MANAGER + ".ListLosses")[0]

    def leave(self, app):
        app.close()
        harness.eventually(lambda: not self.inboxes()["app"][2], "the app to be gone")

    def restart(self):
        self.daemon.kill()
        self.daemon.start()
        self.daemon.wait_state(NAME, "online")


class AwayTest(InboxTest):
    def test_app_that_comes_back(self):
        app = self.new_client(self.bus)
        self.subscribe(app)
        self.leave(app)
        self.command(1)
        self.command(2)
        self.assertEqual(self.inboxes(), {"app": (2, 0, False)})

        app = self.new_client(self.bus)
        self.subscribe(app)
        first, *rest = self.next_command(app)
        self.assertEqual(rest, [1, False])
        second, *rest = self.next_command(app)
        self.assertEqual(rest, [2, False])
        self.acknowledge(app, first)
        with self.assert_refused("NoSuchMessage", str(first)):
            self.acknowledge(app, first)
        self.leave(app)

        app = self.new_client(self.bus)
        self.subscribe(app)
        self.assertEqual(self.next_command(app), (second, 2, True))
        self.acknowledge(app, second)
        self.assertEqual(self.inboxes(), {"app": (0, 0, True)})
        self.assertEqual(self.losses(), [])

    def test_daemon_that_is_killed(self):
        """What waits is there again, and no number comes twice."""
        app = self.new_client(self.bus)
        self.subscribe(app)
        self.command(1)
        self.command(2)
        first, number, redelivered = self.next_command(app)
        self.assertEqual((number, redelivered), (1, False))
        self.acknowledge(app, first)
        self.restart()
        self.assertEqual(self.inboxes(), {"app": (1, 0, False)})
        self.subscribe(app)
        app.signals.clear()
        second, number, redelivered = self.next_command(app)
        self.assertEqual((number, redelivered), (2, True))
        self.acknowledge(app, second)
        self.restart()
        self.assertEqual(self.inboxes(), {"app": (0, 0, False)})
        self.subscribe(app)
        self.command(3)
        third, number, redelivered = self.next_command(app)
        self.assertEqual((number, redelivered), (3, False))
        self.assertGreater(third, second)

    def test_two_inboxes(self):
        apps = {name: self.new_client(self.bus) for name in ("one", "two")}
        for name, app in apps.items():
            self.subscribe(app, name)
        self.command(1)
        messages = {name: self.next_command(app) for name, app in apps.items()}
        self.assertEqual(messages["one"], messages["two"])
        self.acknowledge(apps["one"], messages["one"][0])
        self.assertEqual(self.inboxes(), {"one": (0, 0, True), "two": (1, 0, True)})
        with self.assert_refused("NoSuchMessage"):
            self.acknowledge(apps["one"], messages["one"][0])
        self.acknowledge(apps["two"], messages["two"][0])

    def test_taken_over_and_left(self):
        app, other = self.new_client(self.bus), self.new_client(self.bus)
        subscription = self.subscribe(app)
        self.command(1)
        message = self.next_command(app)[0]
        taken = self.subscribe(other)
        ended, reason = app.wait_signal("SubscriptionEnded")
        self.assertEqual(ended, subscription)
        self.assertIn("SubscribeDurable", reason)
        self.assertEqual(self.next_command(other), (message, 1, True))
        with self.assert_refused("NoSuchMessage", "SubscribeDurable"):
            self.acknowledge(app, message)
        other.call(PLANT, LINK + ".Unsubscribe", "u", taken)
        self.assertEqual(self.inboxes(), {"app": (1, 0, False)})

    def test_forgotten(self):
        app = self.new_client(self.bus)
        self.subscribe(app)
        self.command(1)
        self.client.call(PLANT, LINK + ".ForgetDurable", "s", "app")
        self.assertIn("ForgetDurable", app.wait_signal("SubscriptionEnded")[1])
        self.assertEqual(self.inboxes(), {})
        loss = (NAME, os.getuid(), "cancelled", "inbox-forgotten", 1)
        self.assertEqual(self.losses(), [loss])
        with self.assert_refused("NoSuchSubscription", "ListInboxes"):
            self.client.call(PLANT, LINK + ".ForgetDurable", "s", "app")

    def test_what_apps_publish(self):
        """It is in the inbox when its publisher has the ticket."""
        app = self.new_client(self.bus)
        self.subscribe(app, origin="local")
        app.close()
        tickets = [self.publish(number) for number in range(20)]
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.inboxes(), {"app": (len(tickets), 0, False)})
        app = self.new_client(self.bus)
        self.subscribe(app, origin="local")
        for number in range(len(tickets)):
            message, text, _ = self.next_message(app)
            self.assertEqual(text, self.payload(number))
            self.acknowledge(app, message)

    def test_name_that_is_none(self):
        with self.assert_refused("InvalidOption", "A-Z a-z 0-9"):
            self.subscribe(self.client, "a b")

    def test_answered_by_an_app_that_was_away(self):
        app = self.new_client(self.bus)
        self.subscribe(app, answer="yes")
        self.leave(app)
        self.command(1)
        self.subscribe(self.client, answer="yes")
        message, _, _, properties = self.client.wait_signal("Message")
        self.assertIn("answer-by", properties)
        self.assert_delivered(self.answer(message, "", ""))
        reply = self.simulator.record("message", self.CLOUD)[-1]
        self.assertEqual(reply["topic"], f"{SET}_reply")


class RedeliveryTest(InboxTest):
    INBOXES = "  ack_timeout: 1s\n"

    def test_not_acknowledged_in_time(self):
        self.subscribe(self.client)
        self.command(1)
        message, number, redelivered = self.next_command(self.client)
        self.assertEqual((number, redelivered), (1, False))
        for _ in range(2):
            self.assertEqual(self.next_command(self.client), (message, 1, True))
        self.acknowledge(self.client, message)


class BoundTest(InboxTest):
    INBOXES = "  messages: 2\n"

    def test_full(self):
        app = self.new_client(self.bus)
        self.subscribe(app)
        self.leave(app)
        for number in range(1, 5):
            self.command(number)
        self.assertEqual(self.inboxes()["app"][:2], (2, 2))
        loss = (NAME, os.getuid(), "expired", "inbox-full", 2)
        harness.eventually(lambda: self.losses() == [loss], "the losses to be counted")
        self.subscribe(self.client)
        for number in 1, 2:
            message, *rest = self.next_command(self.client)
            self.assertEqual(rest, [number, False])
            self.acknowledge(self.client, message)
        self.command(5)
        self.assertEqual(self.next_command(self.client)[1], 5)


class DroppingTest(InboxTest):
    INBOXES = "  messages: 2\n  when_full: drop_oldest\n"

    def test_full(self):
        app = self.new_client(self.bus)
        self.subscribe(app)
        self.leave(app)
        for number in range(1, 5):
            self.command(number)
        self.assertEqual(self.inboxes(), {"app": (2, 2, False)})
        self.subscribe(self.client)
        self.assertEqual([self.next_command(self.client)[1] for _ in range(2)], [3, 4])


class UnansweredTest(InboxTest):
    SETTINGS = {"unanswered": 404}

    def reply(self):
        topic = f"{SET}_reply"
        replies = [
            line for line in self.simulator.record("message", self.CLOUD) if line["topic"] == topic
        ]
        return replies and json.loads(replies[-1]["payload"])

    def test_nobody_would_answer(self):
        self.client.call(PLANT, LINK + ".Subscribe", "s", "#")
        self.command(17)
        reply = harness.eventually(self.reply, "the reply to a command that nobody answers")
        self.assertEqual(reply, {"id": "17", "code": 404, "data": {}})

    def test_app_answers(self):
        self.subscribe_to_answer()
        self.command(17)
        message = self.client.wait_signal("Message")[0]
        self.assert_delivered(self.answer(message, "", ""))
        self.assertEqual(self.reply(), {"id": "17", "code": 200, "data": {}})


class RequestTest(InboxTest):
    """A cloud that calls the box, and waits for the response."""

    CLOUD = "1nce"
    TOPIC = "plant/temperature"
    INBOXES = "  messages: 2\n"

    def config(self):
        self.downlink = harness.free_ports(1)
        rows = {"plugin": "1nce", "security": "plain", "downlink_port": self.downlink}
        endpoint = self.simulator.endpoints[self.CLOUD]
        link = harness.link_at(NAME, endpoint, **rows, downlink_from="127.0.0.0/8")
        return link + f"inboxes:\n{self.INBOXES}"

    def request_words(self, text):
        return "call", "POST", f"coap://127.0.0.1:{self.downlink}/valve", text

    def request(self, text):
        """The code and the payload of the response."""
        code, _, payload = self.simulator.ctl(*self.request_words(text)).partition(" ")
        return code, payload

    def test_on_disk_before_the_response(self):
        app = self.new_client(self.bus)
        self.subscribe(app)
        self.leave(app)
        self.assertEqual(self.request("open")[0], "2.04")
        self.restart()
        self.subscribe(self.client)
        self.assertEqual(self.next_message(self.client)[1:], ("open", True))

    def test_full(self):
        """The cloud is told, but not if another app has acted on it."""
        app = self.new_client(self.bus)
        self.subscribe(app)
        self.leave(app)
        self.assertEqual([self.request("open")[0] for _ in range(2)], ["2.04", "2.04"])
        code, payload = self.request("shut")
        self.assertEqual(code, "5.03")
        self.assertIn("full", payload)
        other = self.new_client(self.bus)
        other.call(PLANT, LINK + ".Subscribe", "s", "/valve")
        self.assertEqual(self.request("shut")[0], "2.04")
        self.assertEqual(other.wait_signal("Message")[2], b"shut")
        self.assertEqual(self.inboxes()["app"][:2], (2, 2))


@unittest.skipIf(WHY_NOT, WHY_NOT)
class DiskTest(RequestTest):
    """The state directory is on a disk that forgets what was not synced."""

    test_on_disk_before_the_response = None
    test_full = None

    def setUp(self):
        self.disk = ForgettingDisk(f"{self.folder}/state")
        self.addCleanup(self.disk.end)
        super().setUp()
        app = self.new_client(self.bus)
        self.subscribe(app)
        self.leave(app)

    def test_power_cut(self):
        """What the cloud was told is taken is there, and so is that a message was acknowledged."""
        self.assertEqual(self.request("open")[0], "2.04")
        self.disk.order("cut", 1)
        self.restart()
        self.subscribe(self.client)
        message, text, _ = self.next_message(self.client)
        self.assertEqual(text, "open")
        self.acknowledge(self.client, message)
        self.disk.order("cut", 2)
        self.restart()
        self.assertEqual(self.inboxes(), {"app": (0, 0, False)})

    def test_stalled(self):
        """The response waits for the disk."""
        command = (harness.SKYBUS_SIM, "ctl", self.simulator.control_path)
        self.disk.order("stall", STALL_MS)
        self.addCleanup(self.disk.order, "stall", 0)
        caller = harness.start_stranger(*command, *self.request_words("open"))
        harness.eventually(lambda: self.inboxes()["app"][0] == 1, "the request to come in")
        with self.assertRaises(subprocess.TimeoutExpired):
            caller.wait(1)
        self.disk.order("stall", 0)
        output, _ = caller.communicate(timeout=harness.PATIENCE)
        self.assertEqual(output.split()[0], "2.04")


if __name__ == "__main__":
    harness.main()
