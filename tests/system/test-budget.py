# SPDX-License-Identifier: Apache-2.0
"""
A link that may cost so much a day: when that is spent normal messages wait on disk, urgent ones pass, and a larger
budget releases what waits. Days that end are in test-link-budget.c, whose clock can be moved.
"""

import json

import ctl
import harness
from client import LINK, MANAGER, PATIENCE, ROOT, DBusError, link_path
from ctl import Ctl
from harness import OWN, POINTS, cloud_link, post

BUDGET = 20_000
AHEAD = 4_000  # how much a crash may make of it
SERVICE = f"{OWN}/thing/service/measurepoint/set"


class BudgetTest(harness.SystemTest):
    CLOUD = "enos-dtls"

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        self.daemon = self.start_daemon(self.bus, self.config("20 kB/day"))
        self.daemon.wait_state("plant", "online")
        self.client = self.new_client(self.bus)

    def config(self, budget):
        link = cloud_link("plant", self.CLOUD, self.simulator.endpoints[self.CLOUD], budget=budget)
        return "links:\n" + link

    def publish(self, number, priority="normal"):
        options = {"priority": priority}
        arguments = (POINTS, post(number), options)
        return self.client.call(link_path("plant"), LINK + ".PublishWith", "ssa{ss}", *arguments)[0]

    def outcome(self, ticket, timeout=PATIENCE):
        return self.client.wait_ticket(ticket, timeout)[0]

    def used(self):
        return self.daemon.get("plant", "BudgetUsed")

    def spend(self):
        """Returns the ticket of a message that waits."""
        for number in range(1000):
            ticket = self.publish(number)
            while self.state(ticket) != "delivered":
                if "is spent" in self.daemon.get("plant", "StateReason"):
                    return self.publish("waits")
        raise AssertionError("nothing is spent")

    def state(self, ticket):
        return self.client.call(ROOT, MANAGER + ".Ticket", "t", ticket)[0]

    def test_spent(self):
        waits = self.spend()
        reason = self.daemon.get("plant", "StateReason")
        self.assertIn("the budget of 20 kB/day is spent: only urgent messages are sent", reason)
        self.assertRegex(reason, r" until \d{4}-\d\d-\d\d 00:00$")
        self.assertEqual(self.daemon.get("plant", "State"), "online")
        self.assertEqual(self.daemon.get("plant", "Budget"), BUDGET)
        carried = self.daemon.get("plant", "WireSent") + self.daemon.get("plant", "WireReceived")
        self.assertEqual(self.used(), carried)
        # It stops with the message that passes the bound: that and its answer are less than 1 kB.
        self.assertLess(carried, BUDGET + 1000)
        self.assertEqual(self.outcome(self.publish("u1", "urgent")), "delivered")
        self.assertEqual(self.state(waits), "stored")
        with self.assert_refused("BudgetSpent", "publish instead"):
            self.client.call(link_path("plant"), LINK + ".Request", "ssu", POINTS, post("r"), 5)
        with self.assert_refused("BudgetSpent", "20 kB/day"):
            self.client.call(link_path("plant"), LINK + ".Reauthenticate")
        self.assertEqual(self.daemon.log.count("more than four fifths"), 1)
        self.assertEqual(self.daemon.log.count("plant: the budget of 20 kB/day is spent"), 1)

    def test_larger_budget(self):
        waits = self.spend()
        used = self.used()
        self.daemon.configure(self.config("1 MB/day"))
        self.client.call(ROOT, MANAGER + ".Reload")
        self.assertEqual(self.outcome(waits), "delivered")
        self.assertEqual(self.daemon.get("plant", "Budget"), 1_000_000)
        self.assertGreater(self.used(), used)
        self.assertEqual(self.daemon.get("plant", "StateReason"), "")
        self.daemon.configure(self.config(None))
        self.client.call(ROOT, MANAGER + ".Reload")
        self.daemon.wait_property("plant", "Budget", 0)
        self.assertEqual(self.used(), 0)

    def test_crash(self):
        """Nothing that was used is forgotten, and no login is made for what may not be sent."""
        waits = self.spend()
        before = self.used()
        logins = len(self.simulator.record("login"))
        self.daemon.kill()
        self.daemon.start()
        reason = self.daemon.wait_property("plant", "StateReason", lambda text: "no login is made" in text)
        self.assertIn("the budget of 20 kB/day is spent", reason)
        self.assertGreaterEqual(self.used(), before)
        self.assertLessEqual(self.used(), before + AHEAD)
        self.assertEqual(self.daemon.get("plant", "State"), "backoff")
        self.assertEqual(len(self.simulator.record("login")), logins)
        self.assertEqual(self.outcome(self.publish("u1", "urgent")), "delivered")
        self.assertEqual(len(self.simulator.record("login")), logins + 1)
        self.assertEqual(self.state(waits), "stored")

    def test_commands_are_answered(self):
        """One that comes in the reply to something urgent: its answer is a message, and goes."""
        self.spend()
        options = {"answer": "yes"}
        self.client.call(link_path("plant"), LINK + ".SubscribeWith", "sa{ss}", "#", options)
        command = {"id": "c1", "version": "1.0", "params": {"temperature": 30.5}}
        self.simulator.ctl("command", f"{SERVICE}={json.dumps(command)}")
        self.assertEqual(self.outcome(self.publish("u1", "urgent")), "delivered")
        message = self.client.wait_signal("Message")[0]
        arguments = (message, "", '{"temperature":30.5}')
        [ticket] = self.client.call(link_path("plant"), LINK + ".Answer", "tss", *arguments)
        self.assertEqual(self.outcome(ticket), "delivered")

    def test_doctor(self):
        """Says what it is that holds messages up."""
        self.spend()
        done = Ctl(self.bus.address).start("--json", "doctor", "plant")
        out, _ = done.communicate(timeout=120)
        self.assertEqual(done.returncode, ctl.FINDING)
        [link] = json.loads(out)["links"]
        self.assertEqual(link["finding"], "budget-spent")
        self.assertIn("the budget of 20 kB/day is spent", link["sentence"])

    def test_metrics(self):
        self.assertEqual(self.client.metric("skybus_link_budget_bytes", link="plant"), BUDGET)
        used = self.client.metric("skybus_link_budget_used_bytes", link="plant")
        self.assertEqual(used, self.used())

    def test_what_is_no_budget(self):
        for wrong in ("5 MB", "5 MB/year", "5 kB/day", "a lot"):
            self.daemon.configure(self.config(wrong))
            with self.assertRaises(DBusError) as caught:
                self.client.call(ROOT, MANAGER + ".Reload")
            self.assertIn("budget", caught.exception.text)
            self.assertRegex(caught.exception.text, r"skybus\.yaml:\d+:\d+: ")


if __name__ == "__main__":
    harness.main()
