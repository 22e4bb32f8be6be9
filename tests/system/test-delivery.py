# SPDX-License-Identifier: Apache-2.0
"""
What a publisher can ask for, and every end that a message can have: priorities, time-to-live, replacing,
durability; cancelled tickets, dead letters, full queues; and the account of all that was not delivered.
"""

import os
import time

import harness
from client import LINK, MANAGER, ROOT, DBusError, dbus_send, link_path
from harness import POINTS, post

DELIVERED = ("delivered", "2.04", "")
PLANT = link_path("plant")


class DeliveryTest(harness.SystemTest):
    """One link at EnOS over plain CoAP, second generation."""

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        self.client = self.new_client(self.bus)

    def start_link(self, store="", **settings):
        link = harness.enos_link("plant", self.simulator.endpoints["enos-v2"], **settings)
        return self.start_daemon(self.bus, f"{store}links:\n{link}")

    def start_at_rest(self, store="", **settings):
        """A link that stays down until Connect."""
        daemon = self.start_link(store, enabled="no", **settings)
        daemon.wait_state("plant", "disabled")
        return daemon

    def connect(self):
        self.client.call(PLANT, LINK + ".Connect")

    def publish(self, number, **options):
        arguments = (POINTS, post(number), {k.replace("_", "-"): v for k, v in options.items()})
        return self.client.call(PLANT, LINK + ".PublishWith", "ssa{ss}", *arguments)[0]

    def manager(self, method, signature="", *args):
        return self.client.call(ROOT, f"{MANAGER}.{method}", signature, *args)

    def ticket(self, ticket):
        return self.manager("Ticket", "t", ticket)

    def losses(self):
        """What ended otherwise than delivered, by link, user and cause."""
        return {
            (link, user, outcome, cause): n
            for link, user, outcome, cause, n in self.manager("ListLosses")[0]
        }

    def assert_losses(self, **causes):
        """All of them are this user's, of the link plant; causes are given with their outcome."""
        expected = {
            ("plant", os.getuid(), outcome, cause.replace("_", "-")): n
            for cause, (outcome, n) in causes.items()
        }
        self.assertEqual(self.losses(), expected)

    def wait_losses(self, **causes):
        """The same where some were in memory: the end of these is told, and counted on disk then."""
        count = sum(n for _, n in causes.values())
        harness.eventually(lambda: sum(self.losses().values()) >= count, f"{count} losses")
        self.assert_losses(**causes)


class OptionsTest(DeliveryTest):
    def test_by_dbus_send(self):
        self.start_link()
        options = "dict:string:string:ttl,1h,priority,urgent,durability,disk,replace,no"
        arguments = (f"string:{POINTS}", f"string:{post(1)}", options)
        [ticket] = dbus_send(self.bus, PLANT, LINK + ".PublishWith", *arguments)
        self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)
        arguments = (f"string:{POINTS}", "array:byte:" + ",".join(map(str, post(2).encode())))
        arguments += ("dict:string:string:content-format,50",)
        [ticket] = dbus_send(self.bus, PLANT, LINK + ".PublishBytesWith", *arguments)
        self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)
        self.assertEqual(self.simulator.ids(), ["1", "2"])

    def test_bad_options(self):
        self.start_link()
        for options, words in (
            ({"priority": "high"}, ("priority", "high", "bulk", "normal", "urgent")),
            ({"ttl": "soon"}, ("ttl", "soon")),
            ({"ttl": "0"}, ("ttl",)),
            ({"durability": "ram"}, ("durability", "ram", "disk", "memory")),
            ({"replace": "maybe"}, ("replace", "maybe", "yes", "no")),
            ({"content-format": "json"}, ("content-format", "json")),
            ({"content-format": "65536"}, ("content-format", "65536")),
            ({"prio": "urgent"}, ("prio", "priority", "ttl", "replace", "durability")),
        ):
            with self.subTest(options), self.assert_refused("InvalidOption", *words):
                arguments = (POINTS, post(1), options)
                self.client.call(PLANT, LINK + ".PublishWith", "ssa{ss}", *arguments)
        self.assertEqual(self.losses(), {})

    def test_priority_and_order(self):
        self.start_at_rest(ordered="yes")
        tickets = [
            self.publish(number, priority=priority)
            for number, priority in enumerate(("bulk", "normal", "urgent") * 30)
        ]
        self.connect()
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)
        expected = [*range(2, 90, 3), *range(1, 90, 3), *range(0, 90, 3)]
        self.assertEqual(self.simulator.ids(), [str(number) for number in expected])

    def test_priority_over_a_restart(self):
        daemon = self.start_at_rest(ordered="yes")
        for number, priority in enumerate(("bulk", "normal", "urgent")):
            self.publish(number, priority=priority)
        daemon.kill()
        daemon.start()
        self.connect()
        daemon.wait_property("plant", "Delivered", 3)
        self.assertEqual(self.simulator.ids(), ["2", "1", "0"])

    def test_ttl(self):
        daemon = self.start_at_rest()
        short = self.publish(1, ttl="1")
        long = self.publish(2, ttl="1h")
        memory = self.publish(3, ttl="1", durability="memory")
        ended = dict([self.client.wait_signal("Settled")[:2] for _ in range(2)])
        self.assertEqual(ended, {short: "expired", memory: "expired"})
        for ticket in short, memory:
            outcome, code, reason = self.ticket(ticket)
            self.assertEqual((outcome, code), ("expired", ""))
            self.assertIn("1 s", reason)
        self.assertEqual(self.ticket(long)[0], "stored")
        self.assertEqual(daemon.get("plant", "Expired"), 2)
        self.assertEqual(daemon.get("plant", "Queued"), 1)
        self.wait_losses(ttl=("expired", 2))
        self.connect()
        self.assertEqual(self.client.wait_ticket(long), DELIVERED)
        self.assertEqual(self.simulator.ids(), ["2"])

    def test_ttl_runs_on_while_the_daemon_is_away(self):
        daemon = self.start_at_rest()
        # More than are held in memory, so that the last are found on disk.
        tickets = [self.publish(number, ttl="2") for number in range(200)]
        daemon.kill()
        time.sleep(2.1)  # the kernel's clock is what is tested
        daemon.start()
        self.connect()
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket)[0], "expired")
        self.assertEqual(self.simulator.ids(), [])
        self.assertEqual(daemon.get("plant", "Queued"), 0)
        self.assert_losses(ttl=("expired", 200))

    def test_replace(self):
        daemon = self.start_at_rest()
        for durability in "disk", "memory":
            with self.subTest(durability):
                other = self.publish(0, durability=durability)
                old = [self.publish(n, replace="yes", durability=durability) for n in range(1, 9)]
                new = self.publish(9, replace="yes", durability=durability)
                for before, after in zip(old, [*old[1:], new]):
                    outcome, _, reason = self.client.wait_ticket(before)
                    self.assertEqual(outcome, "cancelled")
                    self.assertIn(str(after), reason)
                self.assertEqual(self.ticket(other)[0], "stored")
                self.assertEqual(self.ticket(new)[0], "stored")
        self.assertEqual(daemon.get("plant", "Queued"), 4)
        self.assertEqual(daemon.get("plant", "Cancelled"), 16)
        self.wait_losses(replaced=("cancelled", 16))
        self.connect()
        daemon.wait_property("plant", "Delivered", 4)
        self.assertEqual(sorted(self.simulator.ids()), ["0", "0", "9", "9"])

    def test_memory(self):
        daemon = self.start_link()
        self.assertEqual(self.client.wait_ticket(self.publish(1, durability="memory")), DELIVERED)
        self.client.call(PLANT, LINK + ".Disconnect")
        lost = [self.publish(number, durability="memory") for number in range(2, 5)]
        kept = self.publish(5)
        self.assertEqual(len({*lost, kept}), 4)
        self.assertEqual(daemon.end(), 0)
        ends = [self.client.wait_signal("Settled", lambda body: body[0] in lost) for _ in lost]
        told = {ticket: outcome for ticket, outcome, *_ in ends}
        self.assertEqual(told, {ticket: "cancelled" for ticket in lost})
        daemon.start()
        self.assertEqual(self.client.wait_ticket(kept), DELIVERED)
        with self.assert_refused("NoSuchTicket"):
            self.ticket(lost[0])
        self.assert_losses(held_in_memory=("cancelled", 3))
        self.assertGreater(self.publish(6), max(*lost, kept))

    def test_memory_is_bounded(self):
        self.start_at_rest(memory_messages=3)
        for number in range(3):
            self.publish(number, durability="memory")
        with self.assert_refused("QueueFull", "memory_messages", "3"):
            self.publish(3, durability="memory")
        self.publish(4)


class EndsTest(DeliveryTest):
    def test_cancel(self):
        daemon = self.start_at_rest()
        # More than are held in memory: the last are on disk alone.
        tickets = [self.publish(number) for number in range(200)]
        cancelled = [tickets[0], tickets[100], tickets[199], self.publish(200, durability="memory")]
        for ticket in cancelled:
            dbus_send(self.bus, ROOT, MANAGER + ".CancelTicket", f"uint64:{ticket}")
            self.assertEqual(self.ticket(ticket)[0], "cancelled")
        with self.assert_refused("TooLate", str(tickets[0]), "cancelled"):
            self.manager("CancelTicket", "t", tickets[0])
        with self.assert_refused("NoSuchTicket", "987654321"):
            self.manager("CancelTicket", "t", 987654321)
        self.assertEqual(daemon.get("plant", "Queued"), 197)
        self.wait_losses(cancelled=("cancelled", 4))
        self.connect()
        daemon.wait_property("plant", "Delivered", 197)
        expected = {str(number) for number in range(200)} - {"0", "100", "199"}
        self.assertEqual(set(self.simulator.ids()), expected)
        self.assertEqual(len(self.simulator.ids()), 197)
        with self.assert_refused("TooLate", "delivered"):
            self.manager("CancelTicket", "t", tickets[1])

    def test_dead_letters(self):
        daemon = self.start_link()
        daemon.wait_state("plant", "online")
        self.simulator.ctl("answer", "enos-v2", "4.00", 3)
        before = time.time()
        tickets = [self.publish(number) for number in range(3)]
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket)[0], "rejected")
        daemon.kill()
        daemon.start()

        [letters] = dbus_send(self.bus, ROOT, MANAGER + ".ListDeadLetters", "string:", "uint64:0")
        self.assertEqual([letter[0] for letter in letters], tickets)
        _, link, topic, size, taken, code, reason = letters[1]
        self.assertEqual((link, topic, size, code), ("plant", POINTS, len(post(1)), "4.00"))
        self.assertAlmostEqual(taken / 1e6, before, delta=60)
        self.assertEqual(len(self.manager("ListDeadLetters", "st", "plant", tickets[0])[0]), 2)
        self.assertEqual(self.manager("ListDeadLetters", "st", "other", 0)[0], [])
        letter = self.manager("DeadLetter", "t", tickets[1])
        self.assertEqual(letter[:2] + letter[4:], ("plant", POINTS, "4.00", reason))
        self.assertEqual(bytes(letter[2]).decode(), post(1))

        [again] = self.manager("Requeue", "t", tickets[1])
        self.assertGreater(again, max(tickets))
        self.assertEqual(self.client.wait_ticket(again), DELIVERED)
        self.assertEqual(self.simulator.ids(), ["1"])
        outcome, code, reason = self.ticket(tickets[1])
        self.assertEqual((outcome, code), ("rejected", "4.00"))
        self.assertIn(str(again), reason)

        self.manager("Discard", "t", tickets[0])
        left = self.manager("ListDeadLetters", "st", "", 0)[0]
        self.assertEqual([letter[0] for letter in left], [tickets[2]])
        for method in "Requeue", "Discard", "DeadLetter":
            for ticket in tickets[0], tickets[1], again, 987654321:
                with self.assert_refused("NoSuchTicket", str(ticket)):
                    self.manager(method, "t", ticket)
        self.assert_losses(refused_by_cloud=("rejected", 3))

    def test_full_drops_the_oldest(self):
        daemon = self.start_at_rest(queue_messages=4, when_full="drop_oldest")
        bulk = [self.publish(number, priority="bulk") for number in range(2)]
        normal = [self.publish(number) for number in range(2, 4)]
        self.publish(4)
        outcome, _, reason = self.client.wait_ticket(bulk[0])
        self.assertEqual(outcome, "expired")
        self.assertIn("full", reason)
        self.publish(5, priority="urgent")
        self.assertEqual(self.client.wait_ticket(bulk[1])[0], "expired")
        with self.assert_refused("QueueFull"):
            self.publish(6, priority="bulk")
        self.publish(7)
        self.assertEqual(self.client.wait_ticket(normal[0])[0], "expired")
        self.assertEqual(daemon.get("plant", "Expired"), 3)
        self.assert_losses(evicted=("expired", 3))
        self.connect()
        daemon.wait_property("plant", "Delivered", 4)
        self.assertEqual(self.simulator.ids()[0], "5")
        self.assertEqual(sorted(self.simulator.ids()), ["3", "4", "5", "7"])

    def test_a_user_has_a_bound(self):
        self.start_at_rest("callers:\n  stored_messages: 3\n")
        tickets = [self.publish(number) for number in range(3)]
        with self.assert_refused("QueueFull", "stored_messages", str(os.getuid())):
            self.publish(3)
        with self.assert_refused("QueueFull", "stored_messages"):
            self.publish(3, durability="memory")
        self.manager("CancelTicket", "t", tickets[0])
        self.publish(4)

    def test_a_bound_counts_what_is_left_of_the_last_run(self):
        daemon = self.start_at_rest("callers:\n  stored_bytes: 1024\n")
        sent = 0
        while True:
            try:
                self.publish(sent)
            except DBusError as error:
                self.assertIn("stored_bytes", error.text)
                break
            sent += 1
        self.assertEqual(sent, 1024 // (len(POINTS) + len(post(0))))
        daemon.kill()
        daemon.start()
        with self.assert_refused("QueueFull", "stored_bytes"):
            self.publish(sent)

    def test_every_loss_is_accounted_for(self):
        """A bit of everything: what was taken is what was delivered and what the account says."""
        daemon = self.start_at_rest(queue_messages=20, when_full="drop_oldest")
        taken = [self.publish(number) for number in range(25)]
        taken += [self.publish(number, ttl="1") for number in range(25, 28)]
        taken += [self.publish(number, replace="yes") for number in range(28, 31)]
        self.manager("CancelTicket", "t", taken[20])
        daemon.wait_property("plant", "Expired", lambda n: n >= 3)
        for ticket in taken[25:28]:
            self.client.wait_ticket(ticket)
        daemon.kill()
        daemon.start()
        self.simulator.ctl("answer", "enos-v2", "4.00", 2, "/sys")  # not the login
        self.connect()
        ends = [self.client.wait_ticket(ticket) for ticket in taken]
        delivered = sum(outcome == "delivered" for outcome, *_ in ends)
        self.assertEqual(delivered, len(self.simulator.ids()))
        self.assertEqual(sum(self.losses().values()), len(taken) - delivered)
        by_outcome = {}
        for (_, _, outcome, _), n in self.losses().items():
            by_outcome[outcome] = by_outcome.get(outcome, 0) + n
        for outcome, n in by_outcome.items():
            self.assertEqual(n, sum(end[0] == outcome for end in ends), outcome)
        for outcome, _, reason in ends:
            self.assertEqual(bool(reason), outcome != "delivered")


class BackoffKeptTest(DeliveryTest):
    def test_over_a_kill(self):
        self.assertEqual(self.simulator.end(), 0)
        daemon = self.start_link()
        # Three failures: after these the wait may be long, and is at least a second.
        for _ in range(3):
            daemon.wait_state("plant", "backoff")
            self.connect()
        daemon.wait_state("plant", "backoff")
        self.publish(1)  # the disk does in order what it is given, so it knows of the failure now
        daemon.kill()
        daemon.start()
        self.assertEqual(daemon.get("plant", "State"), "backoff")
        self.assertIn("nothing listens", daemon.get("plant", "StateReason"))
        self.assertIn("next attempt", daemon.get("plant", "StateReason"))
        self.simulator.start()
        self.connect()
        daemon.wait_state("plant", "online")

    def test_not_after_a_good_login(self):
        daemon = self.start_link()
        daemon.wait_state("plant", "online")
        daemon.kill()
        daemon.start()
        daemon.wait_state("plant", "online")


if __name__ == "__main__":
    harness.main()
