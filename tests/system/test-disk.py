# SPDX-License-Identifier: Apache-2.0
"""
The disk under the daemon is slow, full, read-only or broken: nothing but the disk is affected, what
cannot be kept is refused with a sentence, and all is well again by itself.
"""

import os
import sys
import time
import unittest

import harness
from client import ERROR, LINK, PROPERTIES, DBusError, link_path
from harness import POINTS, post

sys.path.append(os.path.join(harness.SOURCE_ROOT, "tests", "torture"))
from disk import ForgettingDisk, why_not  # noqa: E402  (its folder is known only now)

PLANT = link_path("plant")
OTHER = link_path("other")
DELIVERED = ("delivered", "2.04", "")

STALL_MS = 5000

WHY_NOT = why_not()


@unittest.skipIf(WHY_NOT, WHY_NOT)
class DiskTest(harness.SystemTest):
    """Two links, so that one may have an empty queue; the state directory is on the bad disk."""

    CLOUDS = {"plant": "enos-v2", "other": "enos-v1"}
    STORE = ""

    def setUp(self):
        self.disk = ForgettingDisk(f"{self.folder}/state")
        self.addCleanup(self.disk.end)
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        links = [
            harness.enos_link(link, self.simulator.endpoints[cloud])
            for link, cloud in self.CLOUDS.items()
        ]
        self.daemon = self.start_daemon(self.bus, self.STORE + "links:\n" + "".join(links))
        for link in self.CLOUDS:
            self.daemon.wait_state(link, "online")
        self.client = self.new_client(self.bus)
        # What the logins leave in the store is on disk with this.
        self.assert_goes(0)

    def send_publish(self, number, path=PLANT, **options):
        """Returns the serial of the call."""
        arguments = (POINTS, post(number), options)
        return self.client.send(path, LINK + ".PublishWith", "ssa{ss}", *arguments)

    def publish(self, number, **options):
        return self.client.reply(self.send_publish(number, **options))[0]

    def assert_goes(self, number, **options):
        self.assertEqual(self.client.wait_ticket(self.publish(number, **options)), DELIVERED)

    def assert_memory_goes(self, number):
        self.assert_goes(number, durability="memory")

    def refused(self, number):
        """The error of a publish that must fail."""
        try:
            ticket = self.publish(number)
        except DBusError as error:
            return error
        self.fail(f"message {number} was taken, as {ticket}")

    def assert_refused_sentence(self, error, *words):
        self.assertIn(error.name, (ERROR + "Failed", ERROR + "QueueFull"))
        self.assertGreater(len(error.text.split()), 5, error.text)
        for word in words:
            self.assertIn(word, error.text.lower())
        self.assertNotIn("sql", error.text.lower())
        print(f"    {error}")

    def assert_said(self, words):
        """Once, however often it was met."""
        [line] = [line for line in self.daemon.log.splitlines() if "the store in " in line]
        self.assertIn(f"{self.daemon.state_dir} {words}", line)

    def recover(self, number):
        """It need not be told that the disk is well again."""

        def goes():
            try:
                return self.publish(number)
            except DBusError:
                return None

        self.assertEqual(self.client.wait_ticket(harness.eventually(goes, "a publish")), DELIVERED)

    def assert_all_is_kept(self, taken):
        """Of what was taken nothing is lost, nor is anything there that was not; also after a kill."""
        came = sorted(map(int, self.simulator.ids("enos-v2")))
        self.assertEqual(came, sorted(taken))
        self.daemon.kill()
        self.daemon.start()
        self.daemon.wait_state("plant", "online")
        self.assertEqual(self.daemon.get("plant", "Queued"), 0)


class StallTest(DiskTest):
    def get_state(self):
        """How long the answer to Properties.Get takes, in seconds."""
        begun = time.monotonic()
        state = self.client.call(PLANT, PROPERTIES + ".Get", "ss", LINK, "State")[0][1]
        self.assertEqual(state, "online")
        return time.monotonic() - begun

    def test_nothing_else_waits(self):
        """
        During the stall: links are online, properties answer, messages in memory are delivered, and so
        are requests. What is to be on disk is answered when it is there.
        """
        self.disk.order("stall", STALL_MS)
        ends = time.monotonic() + STALL_MS / 1000
        waiting = [self.send_publish(number) for number in range(1, 11)]
        number, delays = 100, []
        # What waited for the disk would come back once, when the stall is over.
        while time.monotonic() < ends - 0.5:
            self.assert_memory_goes(number)
            arguments = ("ssu", POINTS, post(number + 1), 5)
            self.assertEqual(self.client.call(PLANT, LINK + ".Request", *arguments)[0], "2.04")
            number += 2
            delays += [self.get_state() for _ in range(10)]
            self.assertFalse(set(waiting) & set(self.client.replies), "the disk does not stall")
        self.assertGreater(number, 110)
        print(f"    {len(delays)} answers, the slowest after {max(delays) * 1000:.1f} ms")

        tickets = [self.client.reply(serial)[0] for serial in waiting]
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)
        self.assertEqual(self.daemon.get("plant", "State"), "online")
        self.assertEqual(self.daemon.get("other", "State"), "online")
        for link, cloud in self.CLOUDS.items():
            self.assertEqual(len(self.simulator.record("login", cloud)), 1, link)
        self.assert_all_is_kept([0, *range(1, 11), *range(100, number)])

    def test_what_is_in_flight_ends(self):
        """Delivered during the stall; that is on disk, and told, only behind it."""
        self.client.call(PLANT, LINK + ".Disconnect")
        tickets = [self.publish(number) for number in range(1, 21)]
        self.disk.order("stall", 2000)
        self.client.call(PLANT, LINK + ".Connect")
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)
        self.assert_all_is_kept(range(21))


class FullTest(DiskTest):
    def fill(self):
        """Publishes to a disk that has little room left until that is gone; returns what was taken."""
        self.client.call(PLANT, LINK + ".Disconnect")
        self.disk.order("full", self.disk.status()["bytes"] + 65536)
        taken = [0]
        for number in range(1, 2000):
            try:
                self.publish(number)
            except DBusError as error:
                self.assert_refused_sentence(error, "full")
                return taken
            taken.append(number)
        self.fail("the disk never gets full")

    def test_full_and_room_again(self):
        taken = self.fill()
        self.assertGreater(len(taken), 10)
        # A link that is up is not affected.
        ticket = self.client.reply(self.send_publish(5000, OTHER, durability="memory"))[0]
        self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)
        self.assertEqual(self.daemon.get("other", "State"), "online")
        for number in range(5001, 5011):
            self.assert_refused_sentence(self.refused(number), "full")
        self.assert_said("is full: ")

        self.disk.order("room")
        self.client.call(PLANT, LINK + ".Connect")
        self.daemon.wait_property("plant", "Queued", 0)
        self.recover(5002)
        self.assert_all_is_kept([*taken, 5002])

    def test_the_queue_drains_on_a_full_disk(self):
        """Nobody need make room: what the cloud takes makes room by itself."""
        taken = self.fill()
        self.client.call(PLANT, LINK + ".Connect")
        harness.eventually(
            lambda: set(map(int, self.simulator.ids("enos-v2"))) >= set(taken), "all to arrive"
        )
        self.daemon.check_running()
        self.disk.order("room")
        self.daemon.wait_property("plant", "Queued", 0)
        self.recover(5001)
        self.assert_all_is_kept([*taken, 5001])


class ReadOnlyTest(DiskTest):
    def test_read_only_and_back(self):
        self.disk.order("readonly", "on")
        for number in range(1, 4):
            self.assert_refused_sentence(self.refused(number), "read-only")
            self.assert_memory_goes(100 + number)
        self.assertEqual(self.daemon.get("plant", "State"), "online")
        self.assert_said("fails: Read-only file system")
        self.disk.order("readonly", "off")
        self.recover(10)
        self.assert_all_is_kept([0, 101, 102, 103, 10])


class BrokenSyncTest(DiskTest):
    STORE = "store:\n  sync: full\n"

    def test_a_sync_fails(self):
        """What could not be synced is refused, and stays refused; the next one is taken."""
        self.disk.order("fail-sync", 1)
        self.assert_refused_sentence(self.refused(1))
        self.assert_memory_goes(2)
        self.recover(3)
        self.assert_all_is_kept([0, 2, 3])


if __name__ == "__main__":
    harness.main()
