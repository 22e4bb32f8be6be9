# SPDX-License-Identifier: Apache-2.0
"""Many apps subscribe and one of them stops reading: what it costs itself, and that it costs nobody else."""

import concurrent.futures
import os
import re
import select
import signal
import subprocess
import sys
import time

import harness
from client import ERROR, LINK, NAME, PATIENCE, DBusError, link_path
from harness import POINTS, SOURCE_ROOT
from jeepney import DBusAddress, HeaderFields, MessageFlag, new_method_call

# A sanitizer keeps what was freed, unless it is told not to.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"

PLANT = link_path("plant")
# At the link a message replaces the one before, so any number of them may be published.
OPTIONS = {"durability": "memory", "replace": "yes"}
# Published before the answers are waited for.
BATCH = 50
# Of the payload: what one message takes beside what is said of it.
PADDING = "x" * 900
# Many more than may wait for all.
FLOOD = 20000
# By which the daemon and the bus may grow while they hold what is for the one that is stopped.
MEGABYTES_MAX = (32, 2)


def is_ready(stream, deadline):
    return bool(select.select([stream], [], [], max(deadline - time.monotonic(), 0))[0])


class Subscriber(harness.Process):
    """subscriber.py in a process, which can be stopped."""

    def __init__(self, folder, bus):
        super().__init__(folder, "subscriber")
        script = os.path.join(SOURCE_ROOT, "tests/system/subscriber.py")
        self.spawn(sys.executable, script, bus.address, "plant", stdout=subprocess.PIPE)
        self.rest = b""
        self.lines = []
        self.wait_line("ready")

    def wait_line(self, beginning):
        """Takes lines in until one begins like this, and returns it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            while self.lines:
                line = self.lines.pop(0)
                if line.startswith(beginning):
                    return line
            if not is_ready(self.process.stdout, deadline):
                raise TimeoutError(f"no line {beginning!r} of the subscriber")
            self.read_lines()

    def read_lines(self):
        chunk = os.read(self.process.stdout.fileno(), 1 << 16)
        if not chunk:
            raise RuntimeError(f"the subscriber has ended: {self.log}")
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        self.lines += [line.decode() for line in lines]

    def wait_messages(self, n):
        """Numbers that the payloads of the next n messages begin with."""
        return [int(self.wait_line("message ").split()[2]) for _ in range(n)]

    def read_until_ended(self):
        """Numbers as above, and the sentence."""
        numbers = []
        while not (line := self.wait_line("")).startswith("ended "):
            numbers.append(int(line.split()[2]))
        return numbers, line.split(" ", 2)[2]

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self, number=signal.SIGKILL):
        return super().end(number)


def megabytes(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) / 1024


class SubscribersTest(harness.SystemTest):
    def setUp(self):
        self.bus = self.start_bus()
        endpoint = ("127.0.0.1", harness.free_ports(1))
        link = harness.enos_link("plant", endpoint, enabled="no")
        self.daemon = self.start_daemon(self.bus, "links:\n" + link)
        self.publisher = self.new_client(self.bus)
        self.published = 0
        self.subscriber = Subscriber(self.folder, self.bus)
        self.addCleanup(self.subscriber.end)

    def publish(self, n):
        """Publishes the next n messages, whose payloads begin with 0, 1, 2 and so on."""
        serials = []
        for _ in range(n):
            text = f"{self.published} {PADDING}"
            arguments = ("ssa{ss}", POINTS, text, OPTIONS)
            serials.append(self.publisher.send(PLANT, LINK + ".PublishWith", *arguments))
            self.published += 1
        for serial in serials:
            self.publisher.reply(serial)
        self.publisher.signals.clear()

    def new_subscribers(self, n):
        clients = [self.new_client(self.bus) for _ in range(n)]
        for client in clients:
            client.call(PLANT, LINK + ".SubscribeWith", "sa{ss}", "#", {"origin": "local"})
        return clients

    def publish_to(self, clients):
        """Publishes some messages; each of the clients gets each of them, in order."""
        expected = list(range(self.published, self.published + BATCH))
        self.publish(BATCH)
        for client in clients:
            bodies = [client.wait_signal("Message") for _ in expected]
            self.assertEqual([int(body[2].split()[0]) for body in bodies], expected)

    def test_one_of_twenty_stops(self):
        others = self.new_subscribers(19)
        self.publish_to(others)
        self.assertEqual(self.subscriber.wait_messages(BATCH), list(range(BATCH)))
        before = [megabytes(process) for process in (self.daemon.process, self.bus.process)]

        self.subscriber.stop()
        deadline = time.monotonic() + 3 * PATIENCE
        while "does not read what it is sent" not in self.daemon.log:
            self.assertLess(time.monotonic(), deadline)
            self.publish_to(others)
        until = self.published
        for _ in range(10):
            self.publish_to(others)
        after = [megabytes(process) for process in (self.daemon.process, self.bus.process)]
        for new, old, most in zip(after, before, MEGABYTES_MAX):
            self.assertLess(new - old, most)

        self.subscriber.go_on()
        numbers, reason = self.subscriber.read_until_ended()
        self.assertEqual(numbers, list(range(BATCH, BATCH + len(numbers))))
        self.assertLess(len(numbers), 200)
        lost = int(re.search(r"(\d+) signals were not sent", reason).group(1))
        # Its queue holds 1 MB; where publishing is fast it holds more, since nobody is late so soon.
        self.assertGreater(lost, 800)
        got = BATCH + len(numbers) + lost
        self.assertTrue(until - BATCH < got <= until, (got, until))
        self.assertEqual(self.daemon.log.count("does not read what it is sent"), 1)

    def read_until(self, client, last, numbers):
        """In a thread: the numbers of the messages that a client gets, up to the last."""
        while not numbers or numbers[-1] != last:
            message = client.next_signal()
            member = message.header.fields[HeaderFields.member]
            if member == "Message":
                numbers.append(int(message.body[2].split()[0]))
            elif member == "SubscriptionEnded":
                raise RuntimeError(message.body[1])

    def flood(self, n):
        """Publishes messages with the numbers 0, 1, 2 and so on, and reads nothing of what comes back."""
        publisher = self.new_client(self.bus)
        address = DBusAddress(PLANT, NAME, LINK)
        for number in range(n):
            arguments = (POINTS, str(number), OPTIONS)
            message = new_method_call(address, "PublishWith", "ssa{ss}", arguments)
            message.header.flags |= MessageFlag.no_reply_expected
            publisher.connection.send(message)

    def publish_the_last(self, number):
        """Again and again while the door is shut."""

        def is_accepted():
            arguments = ("ssa{ss}", POINTS, str(number), OPTIONS)
            try:
                return self.publisher.call(PLANT, LINK + ".PublishWith", *arguments)
            except DBusError as error:
                self.assertEqual(error.name, ERROR + "QueueFull")
                self.assertIn("do not keep up", error.text)
                return None

        harness.eventually(is_accepted, "room for the last message", timeout=3 * PATIENCE)

    def test_one_that_publishes_faster_than_others_read(self):
        others = self.new_subscribers(3)
        lists = [[] for _ in others]
        with concurrent.futures.ThreadPoolExecutor() as threads:
            readers = [
                threads.submit(self.read_until, client, FLOOD, numbers)
                for client, numbers in zip(others, lists)
            ]
            self.flood(FLOOD)
            self.publish_the_last(FLOOD)
            for reader in readers:
                reader.result()
        # What was accepted came to everybody.
        self.assertEqual(lists[0], sorted(set(lists[0])))
        self.assertTrue(all(numbers == lists[0] for numbers in lists))

    def test_one_that_stops_for_a_moment(self):
        others = self.new_subscribers(1)
        self.subscriber.stop()
        for _ in range(10):
            self.publish_to(others)
        self.subscriber.go_on()
        self.assertEqual(self.subscriber.wait_messages(self.published), list(range(self.published)))
        self.publish(BATCH)
        self.assertEqual(len(self.subscriber.wait_messages(BATCH)), BATCH)

    def test_one_that_ends_while_it_is_stopped(self):
        others = self.new_subscribers(2)
        self.subscriber.stop()
        for _ in range(10):
            self.publish_to(others)
        self.subscriber.end()
        for _ in range(10):
            self.publish_to(others)
        self.assertNotIn("does not read", self.daemon.log)


if __name__ == "__main__":
    harness.main()
