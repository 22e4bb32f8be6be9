# SPDX-License-Identifier: Apache-2.0
"""Public protocols, spoken by plugins of the tests, with servers that others have written."""

import json
import os
import random
import signal
import subprocess
import time

import harness
from client import LINK, PATIENCE, link_path, run_stranger
from harness import eventually, free_ports

NODE = os.environ["NODE"]
FOREIGN_PLUGINS = os.environ["FOREIGN_PLUGINS"]
CLOUD = os.path.join(harness.SOURCE_ROOT, "tests/foreign/cloud.js")

NAME = "foreign"
LARGE = 20000


def large(seed):
    """Text that is the same nowhere, so that a block in the wrong place shows."""
    return "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=LARGE))


class NodeServer(harness.Process):
    """cloud.js; what it says goes to a file."""

    def __init__(self, folder, port):
        super().__init__(folder, "cloud")
        self.port = port
        self.said_path = os.path.join(folder, "cloud.jsonl")
        self.start()

    def start(self):
        before = len(self.said("listening"))
        with open(self.said_path, "ab") as out:
            self.spawn(NODE, CLOUD, str(self.port), stdin=subprocess.PIPE, stdout=out)
        eventually(lambda: len(self.said("listening")) > before, "the server listens")

    def said(self, event):
        if not os.path.exists(self.said_path):
            return []
        with open(self.said_path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file.read().split("\n")[:-1]]
        return [line for line in lines if line["event"] == event]

    def command(self, text):
        self.process.stdin.write(text.encode().hex().encode() + b"\n")
        self.process.stdin.flush()

    def end(self, number=signal.SIGTERM):
        if self.process:
            self.process.stdin.close()
        return super().end(number)


class ShelfServer(harness.Process):
    """libcoap's coap-server, on which new resources can be put."""

    def __init__(self, folder, port):
        super().__init__(folder, "shelf")
        self.port = port
        self.start()

    def start(self):
        self.spawn("coap-server-gnutls", "-A", "127.0.0.1", "-p", str(self.port), "-d", "20")
        eventually(lambda: self.get(".well-known/core"), "coap-server answers")

    def client(self, method, path, *more):
        url = f"coap://127.0.0.1:{self.port}/{path}"
        done = run_stranger("coap-client-gnutls", "-m", method, "-B", "5", *more, url)
        return done.stdout

    def get(self, path):
        return self.client("get", path)

    def put(self, path, text):
        file = os.path.join(os.path.dirname(self.log_path), "put")
        with open(file, "w", encoding="utf-8") as out:
            out.write(text)
        self.client("put", path, "-f", file)


class ForeignTest(harness.SystemTest):
    SETTINGS = {}

    def setUp(self):
        self.server = self.start_server(free_ports(2))
        self.addCleanup(lambda: self.server.end())
        self.bus = self.start_bus()
        endpoint = ("127.0.0.1", self.server.port)
        config = "links:\n" + harness.link_at(NAME, endpoint, plugin=self.PLUGIN, **self.SETTINGS)
        self.daemon = self.start_daemon(self.bus, config, FOREIGN_PLUGINS)
        self.client = self.daemon.client
        self.client.call(link_path(NAME), LINK + ".Subscribe", "s", "#")
        self.daemon.wait_state(NAME, "online")

    def publish(self, topic, text):
        return self.client.publish(NAME, topic, text)

    def assert_delivered(self, ticket):
        self.assertEqual(self.client.wait_ticket(ticket)[0], "delivered")

    def wait_command(self, text, timeout=PATIENCE):
        """Other commands may come before: what is observed is a state."""

        def is_it(body):
            return body[1] == self.TOPIC and bytes(body[2]).decode() == text

        self.client.wait_signal("Message", is_it, timeout)

    def no_command(self):
        return not self.client.take_signals("Message")


class DirectoryTest(ForeignTest):
    """
    Large messages are not for this server: it puts the blocks of a request together by their token, and
    libcoap gives each block a token of its own, as RFC 9175 section 4.2 advises.
    """

    PLUGIN = "directory"
    TOPIC = "commands"
    SETTINGS = {"device": "dev-1", "lifetime": "2s"}

    def start_server(self, port):
        return NodeServer(self.folder, port)

    def messages(self):
        found = [(m["path"], bytes.fromhex(m["payload"]).decode()) for m in self.server.said("message")]
        return dict(found)

    def test_messages_arrive(self):
        texts = {"t/small": "21.5", "t/other": large(1)[:1000]}
        for ticket in [self.publish(topic, text) for topic, text in texts.items()]:
            self.assert_delivered(ticket)
        self.assertEqual(self.messages(), {f"/up/dev-1/{t}": text for t, text in texts.items()})
        self.assertEqual([r["query"] for r in self.server.said("registered")], ["ep=dev-1"])

    def test_commands_arrive_whole(self):
        for text in "open", large(3), "close":
            self.server.command(text)
            self.wait_command(text)
        # While messages are in flight, too, and none is taken for the other.
        tickets = [self.publish(f"t/{i}", large(i)[:1000]) for i in range(20)]
        self.server.command("amid")
        self.wait_command("amid")
        for ticket in tickets:
            self.assert_delivered(ticket)
        self.assertEqual(self.messages()["/up/dev-1/t/19"], large(19)[:1000])

    def test_the_registration_is_renewed(self):
        eventually(lambda: len(self.server.said("renewed")) >= 2, "two keepalives")
        self.assertTrue(all(r["known"] for r in self.server.said("renewed")))
        self.assertEqual(len(self.server.said("observed")), 1)

    def test_a_server_that_forgot_is_told_anew(self):
        self.server.command("before")
        self.wait_command("before")
        self.server.end(signal.SIGKILL)
        self.server.start()
        # The keepalive is refused, which makes a new login, and that observes.
        eventually(lambda: len(self.server.said("observed")) == 2, "it is observed anew")
        self.server.command("after")
        self.wait_command("after")
        self.assert_delivered(self.publish("t/after", "yes"))

    def test_the_server_is_told_of_the_end(self):
        self.client.call(link_path(NAME), LINK + ".Disconnect")
        eventually(lambda: self.server.said("stopped"), "Observe 1")
        self.server.command("nobody hears")
        self.client.call(link_path(NAME), LINK + ".Connect")
        self.wait_command("nobody hears")

    def test_the_daemon_restarts(self):
        self.server.command("known")
        self.wait_command("known")
        self.assertEqual(self.daemon.end(), 0)
        eventually(lambda: self.server.said("stopped"), "Observe 1")
        self.daemon.start()
        self.client.call(link_path(NAME), LINK + ".Subscribe", "s", "#")
        self.daemon.wait_state(NAME, "online")
        self.server.command("new")
        self.wait_command("new")


class ShelfTest(ForeignTest):
    PLUGIN = "shelf"
    TOPIC = "command"
    SETTINGS = {"watch": "command", "renew": "3s"}

    def start_server(self, port):
        server = ShelfServer(self.folder, port)
        server.put("command", "first")
        return server

    def test_messages_are_put(self):
        for topic, text in ("small", "21.5"), ("large", large(1)):
            self.assert_delivered(self.publish(topic, text))
            self.assertEqual(self.server.get(topic).strip(), text)

    def test_what_somebody_puts_is_a_command(self):
        for text in "open", large(2), large(3), "close":
            self.server.put("command", text)
            self.wait_command(text)
        # Nobody changes it, and it is observed anew all the time.
        time.sleep(4)
        self.assertTrue(self.no_command())

    def test_the_newest_of_many_comes(self):
        for seed in range(6):
            self.server.put("command", large(seed))
        self.wait_command(large(5))

    def test_a_server_that_forgot_is_asked_anew(self):
        self.server.end(signal.SIGKILL)
        self.server.start()
        self.server.put("command", "after")
        began = time.monotonic()
        self.wait_command("after")
        # The time of what is observed is over after three seconds; then each second until it is there.
        self.assertLess(time.monotonic() - began, 3 + 5)
        self.server.put("command", "again")
        self.wait_command("again")

    def test_a_server_that_is_away_amid_messages(self):
        self.server.end(signal.SIGKILL)
        ticket = self.publish("small", "while away")
        time.sleep(1)
        self.server.start()
        self.server.put("command", "after")
        self.wait_command("after", 2 * PATIENCE)
        self.assertEqual(self.client.wait_ticket(ticket, 2 * PATIENCE)[0], "delivered")
        self.assertEqual(self.server.get("small").strip(), "while away")


if __name__ == "__main__":
    harness.main()
