# SPDX-License-Identifier: Apache-2.0
"""The units, and what the daemon tells a service manager."""

import os
import re
import signal
import socket
import subprocess
import unittest

import harness
from client import LINK, MANAGER, NAME, ROOT, link_path
from harness import DEVICE, PRODUCT, SECRET, SOURCE_ROOT, Process, cloud_link, eventually, post

UNITS = os.environ["SKYBUS_UNITS"]
POLICY = os.path.join(SOURCE_ROOT, f"dbus/{NAME}.conf")

# systemd's own measure of what a service that was taken over could do, times ten: 0 is nothing.
EXPOSURE_MAX = 12


class UnitTest(unittest.TestCase):
    def assert_closed(self, unit):
        command = ("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}")
        path = os.path.join(UNITS, unit)
        result = subprocess.run((*command, path), capture_output=True, text=True)
        self.assertIn("Overall exposure level", result.stdout, result.stderr)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_the_unit_may_do_little(self):
        self.assert_closed("skybusd.service")

    def test_an_instance_may_do_little(self):
        self.assert_closed("skybusd@.service")


class NotifyTest(harness.SystemTest):
    def setUp(self):
        self.path = os.path.join(self.folder, "notify")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(self.path)
        self.manager.settimeout(harness.PATIENCE)
        self.bus = self.start_bus()

    def start(self, config, **environment):
        words = {"NOTIFY_SOCKET": self.path} | environment
        inside = ("env", *(f"{key}={value}" for key, value in words.items()))
        daemon = self.start_daemon(self.bus, config, inside=inside)
        return daemon

    def next(self):
        return self.manager.recv(4096).decode()

    def test_links_are_told(self):
        simulator = self.start_simulator()
        link = harness.enos_link("plant", simulator.endpoints["enos-v2"])
        daemon = self.start("links:\n" + link)
        self.assertRegex(self.next(), r"\AREADY=1\nSTATUS=0 of 1 links online \| plant")
        while (line := self.next()) != "STATUS=1 of 1 links online":
            self.assertRegex(line, r"\ASTATUS=0 of 1 links online \| plant")
        self.assertEqual(daemon.end(), 0)
        self.assertRegex(self.next(), r"\ASTOPPING=1\nSTATUS=ending")

    def test_a_broken_configuration_at_a_reload(self):
        daemon = self.start("links: {}\n")
        self.assertEqual(self.next(), "READY=1\nSTATUS=no link is configured")
        daemon.configure("nonsense: 1\n")
        daemon.process.send_signal(signal.SIGHUP)
        self.assertRegex(self.next(), r"\ARELOADING=1\nMONOTONIC_USEC=\d+\Z")
        self.assertEqual(self.next(), "READY=1\nSTATUS=no link is configured")

    def test_it_says_that_it_is_alive(self):
        self.start("links: {}\n", WATCHDOG_USEC=400_000)
        self.assertEqual(self.next(), "READY=1\nSTATUS=no link is configured")
        for _ in range(5):
            self.assertEqual(self.next(), "WATCHDOG=1")


class InstanceTest(harness.SystemTest):
    """Two daemons on one bus."""

    def start_instance(self, bus, name, links="links: {}\n"):
        folder = os.path.join(self.folder, name)
        os.makedirs(os.path.join(folder, "state"), mode=0o700)
        config = os.path.join(folder, "skybus.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(links)
        process = Process(folder, "daemon")
        self.addCleanup(process.end)
        process.spawn(
            harness.SKYBUSD,
            f"--instance={name}",
            f"--config={config}",
            f"--state-dir={folder}/state",
            f"--plugin-dir={harness.PLUGIN_DIR}",
            f"--address={bus.address}",
        )
        return process

    def has(self, client, name):
        return client.call_driver("NameHasOwner", "s", name)[0]

    def call(self, name, path, method, *arguments):
        return self.client.call(path, method, *arguments, destination=name)[0]

    def publish(self, name, device, number):
        """Returns the ticket."""
        topic = f"/sys/{PRODUCT}/{device}/thing/measurepoint/post"
        return self.call(name, link_path("plant"), LINK + ".Publish", "ss", topic, post(number))

    def outcome(self, name, ticket):
        return self.call(name, ROOT, MANAGER + ".WaitTicket", "tu", ticket, 10)

    def test_each_has_messages_of_its_own(self):
        """Links of the same name, at the same cloud, with a device each."""
        other = "dev0000002"
        bus = self.start_bus()
        simulator = self.start_simulator(
            *(f"--device={PRODUCT},{device},{SECRET}" for device in (DEVICE, other))
        )
        endpoint = simulator.endpoints["enos-v2"]
        self.client = self.new_client(bus)
        self.start_daemon(bus, "links:\n" + cloud_link("plant", "enos-v2", endpoint))
        link = cloud_link("plant", "enos-v2", endpoint, device_key=other)
        instance = self.start_instance(bus, "depot", "links:\n" + link)
        depot = f"{NAME}.depot"
        eventually(lambda: self.has(self.client, depot), "the instance's name")
        for number, (name, device) in enumerate([(NAME, DEVICE), (depot, other), (depot, other)]):
            ticket = self.publish(name, device, number)
            self.assertEqual(ticket, max(number, 1))
            self.assertEqual(self.outcome(name, ticket), "delivered")
        self.assertEqual(simulator.ids("enos-v2"), ["0", "1", "2"])
        with self.assert_refused("NoSuchTicket"):
            self.outcome(NAME, 2)
        self.assertEqual(instance.end(), 0)
        self.assertEqual(self.publish(NAME, DEVICE, 3), 2)
        self.assertEqual(self.outcome(NAME, 2), "delivered")

    def policy_of(self, name):
        """Made with the command of the guide."""
        with open(os.path.join(SOURCE_ROOT, "docs/operations.md"), encoding="utf-8") as file:
            expression = re.search(r"sed '(s/[^']*)' /usr/share/dbus-1", file.read())[1]
        self.assertIn("depot", expression)
        command = ("sed", expression.replace("depot", name), POLICY)
        path = os.path.join(self.folder, "policy.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(subprocess.check_output(command, text=True))
        return path

    @unittest.skipUnless(os.geteuid() == 0, "only root and skybus may have the name: run as root")
    def test_each_has_a_policy_of_its_own(self):
        bus = self.start_bus(self.policy_of("cellar"))
        self.start_instance(bus, "cellar")
        depot = self.start_instance(bus, "depot")
        client = self.new_client(bus)
        eventually(lambda: self.has(client, f"{NAME}.cellar"), "the instance's name")
        self.assertEqual(depot.process.wait(harness.PATIENCE), os.EX_UNAVAILABLE)
        self.assertIn(f"does not let this user have the name {NAME}.depot", depot.log)
        self.assertIn(f"install the policy {NAME}.depot.conf below dbus-1/system.d", depot.log)


if __name__ == "__main__":
    harness.main()
