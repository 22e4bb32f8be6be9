# SPDX-License-Identifier: Apache-2.0
"""The bus policy that is installed, on a bus like a system bus: who may call and own the name."""

import concurrent.futures
import grp
import os
import pwd
import unittest

import harness
from client import LINK, MANAGER, NAME, PROPERTIES, ROOT
from client import DBusError, dbus_send, link_path, run_stranger
from harness import POINTS, SOURCE_ROOT, post

POLICY = os.path.join(SOURCE_ROOT, f"dbus/{NAME}.conf")
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
STRANGER = "nobody"


@unittest.skipUnless(os.geteuid() == 0, "only root can try what other users may: run this as root")
class PolicyTest(harness.SystemTest):
    def setUp(self):
        os.chmod(self.folder, 0o755)

    def start(self, policy, access=""):
        self.bus = self.start_bus(policy)
        self.simulator = self.start_simulator()
        link = harness.enos_link("plant", self.simulator.endpoints["enos-v2"])
        self.daemon = self.start_daemon(self.bus, access + "links:\n" + link)
        self.daemon.wait_state("plant", "online")

    def policy_for(self, group):
        """The policy with another group in the place of skybus, which this machine may not have."""
        with open(POLICY, encoding="utf-8") as file:
            policy = file.read()
        self.assertIn('group="skybus"', policy)
        path = os.path.join(self.folder, "policy.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(policy.replace('group="skybus"', f'group="{group}"'))
        return path

    def assert_denied(self, path, method, *arguments):
        with self.assertRaises(DBusError) as caught:
            dbus_send(self.bus, path, method, *arguments, user=STRANGER)
        self.assertEqual(caught.exception.name, DENIED, caught.exception.text)

    def publish(self, user=None):
        arguments = (f"string:{POINTS}", f"string:{post(1)}")
        return dbus_send(self.bus, link_path("plant"), LINK + ".Publish", *arguments, user=user)

    def test_root_may(self):
        self.start(POLICY)
        [ticket] = self.publish()
        answer = dbus_send(self.bus, ROOT, MANAGER + ".WaitTicket", f"uint64:{ticket}", "uint32:9")
        self.assertEqual(answer, ["delivered", "2.04", ""])

    def test_a_stranger_may_not(self):
        self.start(POLICY)
        plant = link_path("plant")
        self.assert_denied(plant, LINK + ".Publish", f"string:{POINTS}", f"string:{post(1)}")
        self.assert_denied(plant, LINK + ".Disconnect")
        self.assert_denied(ROOT, MANAGER + ".Ticket", "uint64:1")
        self.assert_denied(plant, PROPERTIES + ".GetAll", f"string:{LINK}")
        self.assert_denied(ROOT, "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
        self.assert_denied(ROOT, "org.freedesktop.DBus.Introspectable.Introspect")
        self.assertEqual(self.simulator.record("message"), [])
        self.assertEqual(self.daemon.get("plant", "State"), "online")

    def test_a_member_of_the_group_may(self):
        group = grp.getgrgid(pwd.getpwnam(STRANGER).pw_gid).gr_name
        rule = f"access:\n  - {{group: {group}, links: [plant], publish: ['#']}}\n"
        self.start(self.policy_for(group), rule)
        [ticket] = self.publish(user=STRANGER)
        client = self.new_client(self.bus)
        self.assertEqual(client.wait_ticket(ticket)[0], "delivered")

    def test_the_daemon_may_ask_who_reads(self):
        self.start(POLICY)
        client = self.new_client(self.bus)
        path = link_path("plant")
        client.call(path, LINK + ".SubscribeWith", "sa{ss}", "#", {"origin": "local"})
        options = {"durability": "memory"}
        for number in range(200):
            client.call(path, LINK + ".PublishWith", "ssa{ss}", POINTS, post(number), options)
            client.wait_signal("Message")
        self.assertTrue(client.pongs)
        self.assertNotIn("does not let us ask", self.daemon.log)

    def heard(self):
        """What a listening stranger hears of a link that goes down."""
        rule = f"type='signal',path='{link_path('plant')}'"
        listen = ("timeout", "1.5", "dbus-monitor", "--address", self.bus.address, rule)
        with concurrent.futures.ThreadPoolExecutor() as threads:
            listening = threads.submit(run_stranger, *listen, user=STRANGER)
            while not listening.done():
                dbus_send(self.bus, link_path("plant"), LINK + ".Disconnect")
                dbus_send(self.bus, link_path("plant"), LINK + ".Connect")
            return listening.result().stdout

    def test_a_stranger_hears_nothing(self):
        self.start(POLICY)
        self.assertNotIn("PropertiesChanged", self.heard())

    def test_a_member_of_the_group_hears(self):
        group = grp.getgrgid(pwd.getpwnam(STRANGER).pw_gid).gr_name
        self.start(self.policy_for(group))
        self.assertIn("PropertiesChanged", self.heard())

    def test_the_name(self):
        self.start(POLICY)
        [owner] = self.daemon.client.call_driver("GetNameOwner", "s", NAME)
        [pid] = self.daemon.client.call_driver("GetConnectionUnixProcessID", "s", owner)
        self.assertEqual(pid, self.daemon.process.pid)

        request = ("dbus-send", f"--bus={self.bus.address}", "--print-reply")
        request += ("--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.RequestName")
        done = run_stranger(*request, f"string:{NAME}", "uint32:0", user=STRANGER)
        self.assertIn(DENIED, done.stderr)

        # A second daemon says what to do.
        self.daemon.state_dir = os.path.join(self.folder, "another")
        os.mkdir(self.daemon.state_dir, 0o700)
        command = self.daemon.command("--address", self.bus.address)
        done = run_stranger(*command)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"another process has the name {NAME}", done.stderr)

    def test_no_policy_for_the_name(self):
        """Without the policy file a system bus gives nobody the name."""
        path = os.path.join(self.folder, "empty.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("<busconfig/>\n")
        bus = self.start_bus(path)
        daemon = self.new_daemon(bus, "")
        done = run_stranger(*daemon.command("--address", bus.address))
        self.assertNotEqual(done.returncode, 0)
        sentence = f"does not let this user have the name {NAME}: install the policy"
        self.assertIn(sentence, done.stderr)


if __name__ == "__main__":
    harness.main()
