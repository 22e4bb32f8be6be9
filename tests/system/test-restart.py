# SPDX-License-Identifier: Apache-2.0
"""What outlives what: the daemon killed, the bus gone, the cloud gone or with its memory lost."""

import json
import os
import pathlib
import signal
import time

import harness
from client import LINK, MANAGER, PATIENCE, ROOT, DBusError, link_path
from harness import OWN, POINTS, post

CLOUDS = {"first": "enos-v1", "second": "enos-v2"}  # by their links
DELIVERED = ("delivered", "2.04", "")
WINDOW = 8  # the most messages in flight, the default
MANY = 1000


def first_of_each(items):
    return list(dict.fromkeys(items))


class RestartTest(harness.SystemTest):
    """Two links, one for each generation of EnOS."""

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        links = [
            harness.enos_link(link, self.simulator.endpoints[cloud])
            for link, cloud in CLOUDS.items()
        ]
        self.daemon = self.start_daemon(self.bus, "links:\n" + "".join(links))
        self.wait_online()
        self.client = self.new_client(self.bus)

    def wait_online(self):
        for link in CLOUDS:
            self.daemon.wait_state(link, "online")

    def publish(self, link, numbers, **points):
        """Publishes without waiting in between; returns the tickets when all are on disk."""
        path = link_path(link)
        serials = [
            self.client.send(path, LINK + ".Publish", "ss", POINTS, post(number, **points))
            for number in numbers
        ]
        return [self.client.reply(serial)[0] for serial in serials]

    def assert_delivered(self, tickets):
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)

    def ids(self, link):
        return [int(number) for number in self.simulator.ids(CLOUDS[link])]

    def ids_by_session(self, link):
        """For each session that had messages, their ids."""
        sessions = {}
        for line in self.simulator.record("message", CLOUDS[link]):
            ids = sessions.setdefault(line["session"], [])
            ids.append(int(json.loads(line["payload"])["id"]))
        return sessions.values()

    def logins(self, link):
        return len(self.simulator.record("login", CLOUDS[link]))


class KillTest(RestartTest):
    def test_while_the_cloud_is_down(self):
        self.assertEqual(self.simulator.end(), 0)
        tickets = {link: self.publish(link, range(30)) for link in CLOUDS}
        everything = tickets["first"] + tickets["second"]
        self.assertEqual(everything, sorted(set(everything)))
        self.daemon.kill()

        self.daemon.start()
        for ticket in everything:
            outcome = self.client.call(ROOT, MANAGER + ".Ticket", "t", ticket)[0]
            self.assertIn(outcome, ("stored", "in-flight"))
        self.daemon.kill()

        self.simulator.start()
        self.daemon.start()
        for link in CLOUDS:
            self.assert_delivered(tickets[link])
            self.assertEqual(self.ids(link), list(range(30)))
            self.assertEqual(self.daemon.get(link, "Queued"), 0)
            [ticket] = self.publish(link, [30])
            self.assertGreater(ticket, max(everything))

    def kill_in_the_middle_of_delivery(self, link):
        self.client.call(link_path(link), LINK + ".Disconnect")
        tickets = self.publish(link, range(MANY))
        self.client.call(link_path(link), LINK + ".Connect")
        harness.eventually(lambda: self.ids(link), "a message at the cloud")
        self.daemon.kill()
        self.daemon.start()
        self.assert_delivered(tickets)

        before, after = self.ids_by_session(link)
        self.assertLess(len(before), MANY, "killed too late to show anything")
        self.assertEqual(before, list(range(len(before))))
        # Only what had not ended on disk is sent again: the last ones, in their order.
        self.assertLessEqual(after[0], len(before))
        self.assertEqual(after, list(range(after[0], MANY)))

    # Each takes three logins, and EnOS allows no more in two minutes.

    def test_in_the_middle_of_delivery_first(self):
        self.kill_in_the_middle_of_delivery("first")

    def test_in_the_middle_of_delivery_second(self):
        self.kill_in_the_middle_of_delivery("second")

    def test_tickets_are_never_used_again(self):
        last = 0
        for number in range(3):
            [ticket] = self.publish("second", [number])
            self.assertGreater(ticket, last)
            self.assert_delivered([ticket])
            last = ticket
            self.daemon.kill()
            self.daemon.start()

    def test_a_ticket_is_a_promise(self):
        """Killed as soon as the ticket is there."""
        self.assertEqual(self.simulator.end(), 0)
        tickets = []
        for number in range(5):
            tickets += self.publish("second", [number])
            self.daemon.kill()
            self.daemon.start()
        self.simulator.start()
        self.client.call(link_path("second"), LINK + ".Connect")
        self.assert_delivered(tickets)
        self.assertEqual(self.ids("second"), list(range(5)))


class DamageTest(RestartTest):
    """Pages of the database are overwritten behind the daemon's back."""

    PAGE = 4096

    def setUp(self):
        super().setUp()
        self.state = pathlib.Path(self.daemon.state_dir)
        self.mark = self.state / "skybus.db.damaged"

    def damage(self):
        with open(self.state / "skybus.db", "r+b") as file:
            pages = file.seek(0, os.SEEK_END) // self.PAGE
            file.seek(10 * self.PAGE)
            file.write(b"\x5a" * self.PAGE * (pages - 10))

    def wait_end(self):
        process = self.daemon.process
        harness.eventually(lambda: process.poll() is not None, "the daemon's end")
        self.assertEqual(self.daemon.end(), 1)

    def test_it_is_mended_by_the_next_start(self):
        self.assertEqual(self.simulator.end(), 0)
        # More than SQLite keeps in memory, and nobody has read it since the start.
        tickets = self.publish("second", range(4000), **{f"point{i}": i for i in range(60)})
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start()
        self.damage()
        self.simulator.start()
        try:
            self.client.call(link_path("second"), LINK + ".Connect")
        except DBusError:
            pass  # It has read the damage by itself, and has gone.
        self.wait_end()
        self.assertTrue(self.mark.exists())
        self.assertIn("skybus.db is damaged: skybusd ends", self.daemon.log)

        self.daemon.start()
        self.assertFalse(self.mark.exists())
        [aside] = self.state.glob("skybus.db.corrupt-*Z")
        self.assertIn(f"it was moved to {aside}", self.daemon.log)
        self.wait_online()
        [ticket] = self.publish("second", [5000])
        self.assertGreater(ticket, max(tickets))
        self.assert_delivered([ticket])

        # And again, with all that is in it now.
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start()
        self.assert_delivered([ticket])

    def test_a_false_alarm_costs_nothing(self):
        self.assertEqual(self.simulator.end(), 0)
        tickets = self.publish("second", range(30))
        self.daemon.kill()
        self.mark.touch()
        self.simulator.start()
        self.daemon.start()
        self.assert_delivered(tickets)
        self.assertFalse(self.mark.exists())
        self.assertFalse(list(self.state.glob("skybus.db.corrupt-*")))
        self.assertIn("it is sound", self.daemon.log)


class TermTest(RestartTest):
    def assert_ends_quickly(self, seconds=5):
        begun = time.monotonic()
        self.assertEqual(self.daemon.end(), 0)
        self.assertLess(time.monotonic() - begun, seconds)

    def test_idle(self):
        self.assert_ends_quickly()

    def test_with_messages_in_flight(self):
        tickets = self.publish("second", range(300))
        self.assert_ends_quickly()
        self.daemon.start()
        self.assert_delivered(tickets)
        self.assertEqual(first_of_each(self.ids("second")), list(range(300)))

    def test_while_the_cloud_is_silent(self):
        """It gives the cloud five seconds to answer, and ends."""
        self.simulator.process.send_signal(signal.SIGSTOP)
        try:
            tickets = self.publish("second", range(10))
            self.daemon.wait_property("second", "InFlight", lambda number: number > 0)
            self.assert_ends_quickly(10)
        finally:
            self.simulator.process.send_signal(signal.SIGCONT)
        self.daemon.start()
        self.assert_delivered(tickets)

    def test_what_is_under_way_is_not_sent_twice(self):
        self.simulator.process.send_signal(signal.SIGSTOP)
        try:
            tickets = self.publish("second", range(10))
            self.daemon.wait_property("second", "InFlight", lambda number: number > 0)
            self.daemon.process.send_signal(signal.SIGTERM)
            self.daemon.wait_for(lambda: "ending: " in self.daemon.log, "the log to say so")
        finally:
            self.simulator.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.daemon.process.wait(PATIENCE), 0)
        self.daemon.process = None
        self.daemon.start()
        self.assert_delivered(tickets)
        self.assertEqual(self.ids("second"), list(range(10)))

    def test_a_link_that_left_the_configuration(self):
        """What waits for it is not forgotten silently."""
        self.simulator.end()
        self.publish("second", range(3))
        self.daemon.end(signal.SIGKILL)
        self.daemon.configure("")
        self.daemon.start()
        self.assertIn("second: 3 messages wait for this link", self.daemon.log)

    def test_sigint(self):
        self.assertEqual(self.daemon.end(signal.SIGINT), 0)


class BusTest(RestartTest):
    """The bus daemon is killed and started again; links go on meanwhile."""

    SET = f"{OWN}/thing/service/measurepoint/set"
    COMMAND = {"id": "c1", "version": "1.0", "params": {"temperature": 30.5}}

    def lose_bus(self):
        noticed = self.daemon.log.count("closed the connection")
        self.client.close()
        self.daemon.client.close()
        self.bus.end(signal.SIGKILL)
        harness.eventually(
            lambda: self.daemon.log.count("closed the connection") > noticed,
            "the daemon to notice",
        )

    def restore_bus(self):
        """Others connect first, and thus get the names that those had who were here before."""
        self.bus.start()
        self.strangers = [self.new_client(self.bus) for _ in range(20)]
        self.daemon.connect()
        self.client = self.new_client(self.bus)
        harness.eventually(self.daemon.has_name, "the daemon's name on the bus")

    def assert_strangers_heard_no(self, member):
        for stranger in self.strangers:
            stranger.call_driver("GetId")
            self.assertEqual(stranger.take_signals(member), [])

    def test_links_go_on(self):
        self.simulator.process.send_signal(signal.SIGSTOP)
        tickets = self.publish("second", range(30))
        self.lose_bus()
        self.simulator.process.send_signal(signal.SIGCONT)
        harness.eventually(lambda: self.ids("second") == list(range(30)), "the messages")
        self.restore_bus()
        self.assert_delivered(tickets + self.publish("second", [30]) + self.publish("first", [1]))
        self.assertEqual((self.logins("first"), self.logins("second")), (1, 1))

    def test_publish_and_subscribe_again(self):
        for number in range(2):
            self.client.call(link_path("second"), LINK + ".Subscribe", "s", "#")
            self.lose_bus()
            self.restore_bus()
            self.client.call(link_path("second"), LINK + ".Subscribe", "s", "#")
            # The cloud tells of it in the reply to whatever comes next.
            self.simulator.ctl("command", f"{self.SET}={json.dumps(self.COMMAND)}")
            self.assert_delivered(self.publish("second", [number]))
            self.assertEqual(self.client.wait_signal("Message")[1], self.SET)
            self.assert_strangers_heard_no("Message")
        self.assertEqual(self.logins("second"), 1)
        self.assertEqual(self.daemon.log.count("the message bus is back"), 2)

    def subscribe_durably(self):
        self.client.call(link_path("second"), LINK + ".SubscribeDurable", "ss", "app", "#")

    def next_command(self):
        """Its number, and whether it was sent before."""
        message, topic, _, properties = self.client.wait_signal("Message")
        self.assertEqual(topic, self.SET)
        return message, properties["redelivered"][1]

    def test_inboxes_go_on(self):
        self.subscribe_durably()
        self.simulator.ctl("command", f"{self.SET}={json.dumps(self.COMMAND)}")
        self.assert_delivered(self.publish("second", [1]))
        first = self.next_command()
        self.assertFalse(first[1])
        # One that comes while there is no bus, in the reply to a message that has waited for its cloud.
        self.simulator.process.send_signal(signal.SIGSTOP)
        tickets = self.publish("second", [2])
        self.lose_bus()
        self.simulator.process.send_signal(signal.SIGCONT)
        self.simulator.ctl("command", f"{self.SET}={json.dumps(self.COMMAND)}")
        harness.eventually(lambda: self.ids("second") == [1, 2], "the message")
        self.restore_bus()
        self.assert_delivered(tickets + self.publish("second", [3]))
        self.subscribe_durably()
        again, second = self.next_command(), self.next_command()
        self.assertEqual(again, (first[0], True))
        self.assertFalse(second[1])
        for message, _ in (again, second):
            self.client.call(link_path("second"), LINK + ".Acknowledge", "t", message)
        self.assert_strangers_heard_no("Message")

    def test_a_stranger_is_not_told_of_an_end(self):
        publisher = self.client.unique_name
        self.simulator.process.send_signal(signal.SIGSTOP)
        try:
            tickets = self.publish("second", range(5))
            self.lose_bus()
            self.restore_bus()
            self.assertIn(publisher, [stranger.unique_name for stranger in self.strangers])
            for ticket in tickets:
                outcome = self.client.call(ROOT, MANAGER + ".Ticket", "t", ticket)[0]
                self.assertIn(outcome, ("stored", "in-flight"))
        finally:
            self.simulator.process.send_signal(signal.SIGCONT)
        self.assert_delivered(tickets)
        self.assert_strangers_heard_no("Settled")
        [ticket] = self.publish("second", [5])
        self.assertEqual(self.client.wait_signal("Settled")[0], ticket)

    def test_it_can_be_ended_meanwhile(self):
        self.lose_bus()
        self.assertEqual(self.daemon.end(), 0)


class ForgottenSessionTest(RestartTest):
    def test_log_in_again(self):
        for link in CLOUDS:
            self.assert_delivered(self.publish(link, range(5)))
        self.assertEqual(self.simulator.end(), 0)
        self.simulator.start()
        for link in CLOUDS:
            self.assert_delivered(self.publish(link, range(5, 25)))
            self.assertEqual(self.ids(link), list(range(25)))
            refusals = self.simulator.record("refused", CLOUDS[link])
            self.assertEqual({line["code"] for line in refusals}, {"4.01"})
            self.assertLessEqual(len(refusals), WINDOW)
            self.assertEqual(self.logins(link), 2)
            self.assertEqual(self.daemon.get(link, "State"), "online")
            self.assertEqual(self.daemon.get(link, "Rejected"), 0)

    def test_request_is_saved_too(self):
        self.assertEqual(self.simulator.end(), 0)
        self.simulator.start()
        for link in CLOUDS:
            answer = self.client.call(link_path(link), LINK + ".Request", "ssu", POINTS, post(1), 9)
            self.assertEqual(answer[0], "2.04")
            self.assertEqual((self.ids(link), self.logins(link)), ([1], 2))

    def test_no_needless_login(self):
        for link in CLOUDS:
            self.assert_delivered(self.publish(link, range(100)))
            self.assertEqual(self.logins(link), 1)
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start()
        self.wait_online()
        for link in CLOUDS:
            self.assert_delivered(self.publish(link, range(100, 110)))
            self.assertEqual(self.logins(link), 2)
            self.client.call(link_path(link), LINK + ".Connect")  # is online already
            self.assert_delivered(self.publish(link, range(110, 120)))
            self.assertEqual(self.logins(link), 2)
        self.assertEqual(self.simulator.record("login-refused"), [])


if __name__ == "__main__":
    harness.main()
