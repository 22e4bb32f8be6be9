# SPDX-License-Identifier: Apache-2.0
"""Plugins that are older and newer than the daemon: each of them logs in, publishes, and brings commands."""

import os
import shutil
import unittest

import harness
from client import LINK, link_path, run_stranger
from harness import eventually, free_ports

ABI_PLUGINS = os.environ["SKYBUS_ABI_PLUGINS"]
NAME = "plant"


class OldServer(harness.Process):
    """libcoap's coap-server, on which new resources can be put."""

    def __init__(self, folder, port):
        super().__init__(folder, "server")
        self.port = port
        self.spawn("coap-server-gnutls", "-A", "127.0.0.1", "-p", str(port), "-d", "20")
        eventually(lambda: self.ask("get", ".well-known/core"), "coap-server answers")

    def ask(self, method, path, *more, port=None):
        url = f"coap://127.0.0.1:{port or self.port}/{path}"
        return run_stranger("coap-client-gnutls", "-m", method, "-B", "5", *more, url).stdout.strip()


@unittest.skipUnless(shutil.which("coap-server-gnutls"), "needs coap-server-gnutls")
class AbiTest:
    def setUp(self):
        port = free_ports(4)
        self.server = OldServer(self.folder, port)
        self.addCleanup(self.server.end)
        self.server.ask("put", "command", "-e", "begin")
        self.listen = port + 2
        settings = {"plugin": self.PLUGIN, "listen": self.listen, "secret": "s3cret"}
        settings |= {"url": f"https://127.0.0.1:{port + 3}/nobody"}
        config = "links:\n" + harness.link_at(NAME, ("127.0.0.1", port), **settings)
        self.daemon = self.start_daemon(self.start_bus(), config, ABI_PLUGINS)
        self.client = self.daemon.client
        self.client.call(link_path(NAME), LINK + ".Subscribe", "s", "#")
        self.daemon.wait_state(NAME, "online")

    def wait_command(self, topic, text):
        self.client.wait_signal("Message", lambda b: (b[1], bytes(b[2]).decode()) == (topic, text))

    def test_it_logs_in_publishes_and_brings_commands(self):
        ticket = self.client.publish(NAME, "shelf/one", "21.5")
        self.wait_command("stored", "21.5")
        self.assertEqual(self.client.wait_ticket(ticket)[0], "delivered")
        self.assertEqual(self.server.ask("get", "shelf/one"), "21.5")
        self.server.ask("put", "command", "-e", "open")
        self.wait_command("observed", "open")
        self.assertEqual(self.server.ask("post", "a/b", "-e", "asked", port=self.listen), "/a/b")
        self.wait_command("served", "asked")
        with self.assert_refused("TooLarge", "put something in"):
            self.client.publish(NAME, "shelf/one", "")
        self.assertEqual(self.daemon.get(NAME, "Device"), "early-1")

    def test_an_app_answers(self):
        client = self.new_client(self.daemon.bus)
        options = {"answer": "yes"}
        client.call(link_path(NAME), LINK + ".SubscribeWith", "sa{ss}", "served", options)
        url = f"coap://127.0.0.1:{self.listen}/a"
        command = ("coap-client-gnutls", "-m", "post", "-B", "10", "-e", "asked", url)
        asker = harness.start_stranger(*command)
        message = client.wait_signal("Message")[0]
        client.call(link_path(NAME), LINK + ".Answer", "tss", message, "", "yes")
        self.assertEqual(asker.communicate(timeout=harness.PATIENCE)[0].strip(), "yes")

    def test_it_logs_in_anew(self):
        self.client.call(link_path(NAME), LINK + ".Reauthenticate")
        eventually(lambda: self.daemon.log.count("a plugin of 0.1.0 logs in") == 2, "another login")
        self.daemon.wait_state(NAME, "online")
        self.server.ask("put", "command", "-e", "again")
        self.wait_command("observed", "again")
        self.assertEqual(self.daemon.end(), 0)


class EarlyTest(AbiTest, harness.SystemTest):
    PLUGIN = "early"


class LaterTest(AbiTest, harness.SystemTest):
    PLUGIN = "later"

    def test_it_asks_before_it_uses_what_is_not_there(self):
        self.assertIn("this daemon is older, and will do", self.daemon.log)


if __name__ == "__main__":
    harness.main()
