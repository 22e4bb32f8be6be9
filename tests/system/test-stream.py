# SPDX-License-Identifier: Apache-2.0
"""Streams, by the example of their page: volume past the bus, in both directions."""

import collections
import json
import os
import select
import signal
import subprocess
import sys
import textwrap
import time

import harness
from client import LINK, link_path
from harness import OWN, POINTS, post
from stream import EXAMPLE, example

SET = f"{OWN}/thing/service/measurepoint/set"
COMMAND = {"id": "c17", "version": "1.0", "params": {"temperature": 30.5}}


class StreamTest(harness.SystemTest):
    """One link at EnOS over plain CoAP, second generation."""

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        link = harness.enos_link("plant", self.simulator.endpoints["enos-v2"])
        self.daemon = self.start_daemon(self.bus, "links:\n" + link)
        self.daemon.wait_state("plant", "online")

    def open(self, topic_filter="", **options):
        stream = example.open_stream("plant", topic_filter, options, self.bus.address)
        self.addCleanup(stream.close)
        hello = self.receive(stream)
        self.assertEqual(hello[:5], (example.HELLO, 1, 512, 65536, 131072))
        self.assertEqual(hello[-1], "plant")
        return stream

    def receive(self, stream):
        """The next frame; None at the end."""
        poll = select.poll()
        poll.register(stream, select.POLLIN)
        self.assertTrue(poll.poll(harness.PATIENCE * 1000), "no frame has come")
        frame = stream.recv(131072)
        return example.parse(frame) if frame else None

    def receive_all(self, stream):
        """Until the end."""
        frames = []
        while frame := self.receive(stream):
            frames.append(frame)
        return frames


class VolumeTest(StreamTest):
    def test_2000_messages(self):
        count = 2000
        frames = [example.publish(n, POINTS, post(n).encode()) for n in range(count)]
        tickets, settled = {}, collections.Counter()
        for kind, *fields in example.exchange(self.open(), frames):
            if kind == example.TICKET:
                tag, ticket = fields
                self.assertNotIn(tag, tickets)
                tickets[tag] = ticket
            else:
                self.assertEqual(kind, example.SETTLED, fields)
                self.assertEqual(fields[1:], ["delivered", "2.04", ""])
                settled[fields[0]] += 1
                if len(settled) == count:
                    break
        # Each once, in the order of publishing, and as the cloud has them.
        self.assertEqual([tickets[n] for n in range(count)], sorted(settled))
        self.assertEqual(set(settled.values()), {1})
        self.assertEqual(sorted(map(int, self.simulator.ids())), list(range(count)))
        self.assertEqual(self.daemon.get("plant", "Delivered"), count)

    def test_the_example_as_it_is(self):
        program = os.path.join(self.folder, "example.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write(EXAMPLE.replace('bus="SYSTEM"', f'bus="{self.bus.address}"'))
        lines = "".join(post(n) + "\n" for n in range(3))
        command = (sys.executable, program, "plant", POINTS)
        done = subprocess.run(
            command, input=lines, capture_output=True, text=True, timeout=harness.PATIENCE
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.count("delivered"), 3)
        self.assertEqual(self.simulator.ids(), ["0", "1", "2"])

    def test_fields_and_refusals(self):
        stream = self.open()
        stream.send(example.publish(1, POINTS, b"not what EnOS takes"))
        stream.send(example.publish(2, "+", post(2).encode()))
        stream.send(example.publish(3, POINTS, b"x" * 65537))
        stream.send(example.publish(4, POINTS, post(4).encode(), ttl=60, priority=2, flags=3))
        seen = {}
        while len(seen) < 4:
            kind, tag, *rest = self.receive(stream)
            if kind in (example.TICKET, example.REFUSED):
                seen[tag] = kind, *rest
        self.assertEqual(seen[2][:2], (example.REFUSED, "InvalidTopic"))
        self.assertIn("wildcard", seen[2][2])
        self.assertEqual(seen[3][:2], (example.REFUSED, "TooLarge"))
        self.assertEqual(seen[4][0], example.TICKET)

    def test_wrong_frame(self):
        stream = self.open()
        stream.send(example.publish(1, POINTS, post(1).encode(), priority=9))
        kind, error, sentence = self.receive(stream)
        self.assertEqual((kind, error), (example.CLOSED, "InvalidFrame"))
        self.assertIn("byte 1 ", sentence)
        self.assertIsNone(self.receive(stream))


class CommandTest(StreamTest):
    def test_command_and_answer(self):
        stream = self.open(f"{OWN}/thing/service/#", answer="yes")
        self.simulator.ctl("command", f"{SET}={json.dumps(COMMAND)}")
        # The cloud tells of it in the reply to whatever comes next.
        stream.send(example.publish(1, POINTS, post(1).encode()))
        frames = {frame[0]: frame[1:] for frame in (self.receive(stream) for _ in range(3))}
        self.assertLessEqual({example.TICKET, example.SETTLED}, set(frames))
        message, origin, _, answer_by, topic, payload = frames[example.MESSAGE]
        self.assertEqual((origin, topic, json.loads(payload)), (0, SET, COMMAND))
        self.assertLess(abs(answer_by / 1e6 - time.time()), 3600)

        stream.send(example.answer(message, "1202", b""))
        kind, answered, ticket, error, _ = self.receive(stream)
        self.assertEqual((kind, answered, error), (example.ANSWERED, message, ""))
        self.assertGreater(ticket, 0)
        self.assertEqual(self.receive(stream)[:3], (example.SETTLED, ticket, "delivered"))
        reply = self.simulator.record("message", "enos-v2")[-1]
        self.assertEqual(reply["topic"], f"{SET}_reply")
        self.assertEqual(json.loads(reply["payload"]), {"id": "c17", "code": 1202, "data": {}})

        stream.send(example.answer(message, "", b"once more"))
        self.assertEqual(self.receive(stream)[3], "NoSuchMessage")

    def test_slow_reader_is_ended_and_told(self):
        """It does not read what apps of this box publish; another stream of the same link does."""
        count = 3000
        slow = self.open("#", origin="local")
        quick = self.open("#", origin="local")
        publisher = self.open()
        frames = [example.publish(n, POINTS, post(n).encode()) for n in range(count)]
        heard = []

        def hear():
            poll = select.poll()
            poll.register(quick, select.POLLIN)
            while poll.poll(0):
                heard.append(self.receive(quick))

        accepted = 0
        for kind, *fields in example.exchange(publisher, frames):
            self.assertIn(kind, (example.TICKET, example.SETTLED), fields)
            hear()
            accepted += kind == example.TICKET
            if accepted == count:
                break
        while len(heard) < count:
            heard.append(self.receive(quick))
        self.assertEqual({frame[0] for frame in heard}, {example.MESSAGE})
        bodies = [json.loads(frame[-1])["id"] for frame in heard]
        self.assertEqual(bodies, [str(n) for n in range(count)])

        *messages, closed = self.receive_all(slow)
        self.assertEqual({frame[0] for frame in messages}, {example.MESSAGE})
        self.assertLess(len(messages), count)
        self.assertEqual(messages, heard[: len(messages)])
        self.assertEqual(closed[:2], (example.CLOSED, "QueueFull"))
        self.assertIn("does not read", closed[2])


class EndTest(StreamTest):
    def test_app_is_killed(self):
        """What it had tickets for arrives, and the daemon goes on."""
        program = os.path.join(self.folder, "app.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write(EXAMPLE.partition("if __name__")[0])
            file.write(
                textwrap.dedent(
                    f"""
                    import itertools
                    payload = '{post(0)}'
                    frames = (
                        publish(n, {POINTS!r}, payload.replace('"0"', f'"{{n}}"').encode())
                        for n in itertools.count()
                    )
                    for frame in exchange(open_stream("plant", bus={self.bus.address!r}), frames):
                        if frame[0] == TICKET:
                            print(frame[1], flush=True)
                    """
                )
            )
        app = harness.start_stranger(sys.executable, program)
        with app.stdout:
            tags = [int(app.stdout.readline()) for _ in range(500)]
            app.send_signal(signal.SIGKILL)
            app.wait()
            tags += [int(line) for line in app.stdout if line.endswith("\n")]
        self.daemon.wait_property("plant", "Queued", 0)
        ids = {int(number) for number in self.simulator.ids()}
        self.assertLessEqual(set(tags), ids)
        self.assertEqual(ids, set(range(len(ids))))
        # Those who come next are served.
        stream = self.open()
        stream.send(example.publish(7, POINTS, post(7).encode()))
        self.assertEqual(self.receive(stream)[:2], (example.TICKET, 7))

    def test_daemon_ends(self):
        stream = self.open("#")
        stream.send(example.publish(7, POINTS, post(7).encode()))
        self.assertEqual(self.receive(stream)[:2], (example.TICKET, 7))
        self.assertEqual(self.daemon.end(), 0)
        frames = self.receive_all(stream)
        self.assertEqual(frames[-1][:2], (example.CLOSED, "Failed"))
        self.assertIn("the daemon ends", frames[-1][2])

    def test_who_published_on_the_bus_is_told_there(self):
        stream = self.open()
        client = self.new_client(self.bus)
        ticket = client.publish("plant", POINTS, post(1))
        self.assertEqual(client.wait_signal("Settled")[:2], (ticket, "delivered"))
        stream.send(example.publish(7, POINTS, post(7).encode()))
        _, _, ticket = self.receive(stream)
        self.assertEqual(self.receive(stream)[:3], (example.SETTLED, ticket, "delivered"))
        self.assertEqual(client.wait_ticket(ticket), ("delivered", "2.04", ""))
        self.assertEqual(client.take_signals("Settled"), [])

    def test_refused_by_the_bus_method(self):
        client = self.new_client(self.bus)
        for arguments, error in (
            (("a/#/b", {}), "InvalidTopic"),
            (("#", {"origin": "mars"}), "InvalidOption"),
            (("", {"answer": "yes"}), "InvalidOption"),
        ):
            with self.subTest(arguments), self.assert_refused(error):
                client.call(link_path("plant"), LINK + ".OpenStream", "sa{ss}", *arguments)


if __name__ == "__main__":
    harness.main()
