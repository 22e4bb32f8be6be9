# SPDX-License-Identifier: Apache-2.0
"""The access rules, with programs of other users on a bus that lets everybody in."""

import grp
import os
import pwd
import unittest

import fake_systemd
import harness
from client import ERROR, LINK, MANAGER, NAME, ROOT
from client import DBusError, dbus_send, link_path, run_stranger
from harness import OWN, POINTS, eventually, post

# They are on every Debian, and neither is in a group of the other.
USER, OTHER = "nobody", "daemon"

PLANT = link_path("plant")

LETS_EVERYBODY_IN = f"""<busconfig>
  <policy context="default">
    <allow own="{NAME}"/>
    <allow send_destination="{NAME}"/>
  </policy>
  {fake_systemd.POLICY}
</busconfig>
"""


@unittest.skipUnless(os.geteuid() == 0, "only root can try what other users may: run this as root")
class AccessTest(harness.SystemTest):
    def setUp(self):
        os.chmod(self.folder, 0o755)
        policy = os.path.join(self.folder, "policy.conf")
        with open(policy, "w", encoding="utf-8") as file:
            file.write(LETS_EVERYBODY_IN)
        self.bus = self.start_bus(policy)

    def start(self, *rules, more=""):
        """Without rules there is no section, and the built-in ones hold."""
        self.simulator = self.start_simulator()
        link = harness.enos_link("plant", self.simulator.endpoints["enos-v2"])
        section = "access:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules) if rules else ""
        self.daemon = self.start_daemon(self.bus, section + more + "links:\n" + link)
        self.daemon.wait_state("plant", "online")

    def call(self, user, path, method, *arguments):
        return dbus_send(self.bus, path, method, *arguments, user=user)

    def publish(self, user, topic=POINTS):
        arguments = (f"string:{topic}", f"string:{post(1)}")
        return self.call(user, PLANT, LINK + ".Publish", *arguments)[0]

    def subscribe(self, user, topic_filter):
        return self.call(user, PLANT, LINK + ".Subscribe", f"string:{topic_filter}")[0]

    def cancel(self, user, ticket):
        self.call(user, ROOT, MANAGER + ".CancelTicket", f"uint64:{ticket}")

    def assert_delivered(self, ticket):
        self.assertEqual(self.daemon.client.wait_ticket(ticket)[0], "delivered")

    def denied(self, *words):
        return self.assert_refused("NotPermitted", *words)

    def test_without_rules(self):
        self.start()
        uid = pwd.getpwnam(USER).pw_uid
        with self.denied(f"user {uid} may not publish", POINTS, "link plant", "group skybus"):
            self.publish(USER)
        with self.denied("may not subscribe"):
            self.subscribe(USER, "#")
        with self.denied("may not call Disconnect"):
            self.call(USER, PLANT, LINK + ".Disconnect")
        self.assert_delivered(self.publish(None))
        self.assertEqual(len(self.simulator.record("message")), 1)

    def test_publish(self):
        self.start(f"user: {USER}, links: [plant], publish: ['/sys/+/+/thing/measurepoint/#']")
        self.assert_delivered(self.publish(USER))
        rule = f"\"publish: ['{OWN}/thing/event/x/post']\""
        with self.denied("add a rule to the section access", "\"links: [plant]\"", rule):
            self.publish(USER, f"{OWN}/thing/event/x/post")
        for request in ("PublishBytes", "array:byte:1"), ("Request", "string:x", "uint32:1"):
            with self.denied("may not publish \"elsewhere\""):
                self.call(USER, PLANT, f"{LINK}.{request[0]}", "string:elsewhere", *request[1:])
        with self.denied(f"user {pwd.getpwnam(OTHER).pw_uid} may not publish"):
            self.publish(OTHER)
        with self.denied("may not subscribe"):
            self.subscribe(USER, POINTS)
        self.assertEqual(len(self.simulator.record("message")), 1)

    def test_another_link(self):
        self.start(f"user: {USER}, links: [office], publish: ['#']")
        with self.denied("may not publish", "\"links: [plant]\""):
            self.publish(USER)

    def test_subscribe(self):
        self.start(f"user: {USER}, links: ['*'], subscribe: ['/sys/+/+/service/#']")
        self.assertGreater(self.subscribe(USER, f"{OWN}/service/+"), 0)
        self.assertGreater(self.subscribe(USER, "/sys/+/+/service/#"), 0)
        for wider in "#", "/sys/#", "/sys/+/+/+", f"{OWN}/thing/#":
            with self.denied(f'may not subscribe to "{wider}"'):
                self.subscribe(USER, wider)
        with self.denied("may not publish"):
            self.publish(USER)

    def test_group(self):
        group = grp.getgrgid(pwd.getpwnam(USER).pw_gid).gr_name
        self.start(f"group: {group}, links: [plant], publish: ['#']")
        self.assert_delivered(self.publish(USER))
        with self.denied("may not publish"):
            self.publish(OTHER)

    def start_systemd(self, unit="app.service", uid=None):
        uid = pwd.getpwnam(USER).pw_uid if uid is None else uid
        systemd = fake_systemd.Systemd(self.bus, unit, uid)
        self.addCleanup(systemd.end)
        return systemd

    def test_unit(self):
        systemd = self.start_systemd()
        self.start("unit: app.service, links: [plant], publish: ['#']")
        self.assert_delivered(self.publish(USER))
        self.assertEqual(len(systemd.pids), 1)
        systemd.unit = "other.service"
        with self.denied("(unit other.service) may not publish"):
            self.publish(USER)
        systemd.unit = None
        with self.denied("may not publish"):
            self.publish(USER)
        # The unit is another's, or its programs choose their user by themselves.
        systemd.unit = "app.service"
        with self.denied(f"user {pwd.getpwnam(OTHER).pw_uid} may not publish"):
            self.publish(OTHER)
        systemd.uid = fake_systemd.NO_USER
        with self.denied(f"user {pwd.getpwnam(USER).pw_uid} may not publish"):
            self.publish(USER)
        self.assertEqual(len(self.simulator.record("message")), 1)

    def test_unit_without_systemd(self):
        self.start("unit: app.service, links: [plant], publish: ['#']")
        for _ in range(2):
            with self.denied("may not publish"):
                self.publish(USER)
        trouble = "rules of the section access that have unit: match nobody"
        self.assertEqual(self.daemon.log.count(trouble), 1)
        self.start_systemd()
        self.assert_delivered(self.publish(USER))
        self.assertIn("systemd says again which units callers belong to", self.daemon.log)

    def test_unit_with_a_reload(self):
        """Who is known already is asked for when a rule depends on its unit."""
        systemd = self.start_systemd()
        self.start(f"user: {USER}, links: [plant], publish: ['#']")
        client = self.client_of(USER)
        self.assert_delivered(client.publish("plant", POINTS, post(1)))
        self.assertEqual(systemd.pids, [])
        self.reload("unit: app.service, links: [plant], publish: ['#']")
        self.assert_delivered(client.publish("plant", POINTS, post(2)))
        self.assertEqual(systemd.pids, [os.getpid()])
        self.reload("unit: other.service, links: [plant], publish: ['#']")
        with self.denied("(unit app.service) may not publish"):
            client.publish("plant", POINTS, post(3))

    def test_administer(self):
        self.start(f"user: {USER}, administer: yes")
        self.call(USER, PLANT, LINK + ".Disconnect")
        self.daemon.wait_state("plant", "disabled")
        with self.denied("may not publish"):
            self.publish(USER)
        everywhere = ("string:", "uint64:0")
        self.assertEqual(self.call(USER, ROOT, MANAGER + ".ListDeadLetters", *everywhere), [[]])
        with self.denied("may not call ListDeadLetters", "administer: yes"):
            self.call(OTHER, ROOT, MANAGER + ".ListDeadLetters", *everywhere)
        for method in "DeadLetter", "Requeue", "Discard":
            with self.denied(f"may not call {method}"):
                self.call(OTHER, ROOT, f"{MANAGER}.{method}", "uint64:1")
        with self.denied("may not call Connect"):
            self.call(OTHER, PLANT, LINK + ".Connect")
        self.assertEqual(self.daemon.get("plant", "State"), "disabled")

    def test_tickets_of_others(self):
        rule = "links: [plant], publish: ['#']"
        self.start(f"user: {USER}, {rule}", f"user: {OTHER}, {rule}")
        self.daemon.client.call(PLANT, LINK + ".Disconnect")
        first, second = self.publish(USER), self.publish(USER)
        with self.denied(f"ticket {first} is another user's", "administer: yes"):
            self.cancel(OTHER, first)
        self.cancel(USER, first)
        self.assertEqual(self.daemon.client.wait_ticket(first)[0], "cancelled")
        self.cancel(None, second)
        self.assertEqual(self.daemon.client.wait_ticket(second)[0], "cancelled")
        # Whoever is let in may ask what became of a ticket.
        answer = self.call(OTHER, ROOT, MANAGER + ".Ticket", f"uint64:{first}")
        self.assertEqual(answer[0], "cancelled")

    def publish_and_hang_up(self, number):
        command = ("dbus-send", f"--bus={self.bus.address}", "--type=method_call")
        command += (f"--dest={NAME}", PLANT, LINK + ".Publish")
        command += (f"string:{POINTS}", f"string:{post(number)}")
        self.assertEqual(run_stranger(*command, user=USER).returncode, 0)

    def test_who_hangs_up(self):
        """
        Whether the bus still knows who it was, is chance. By a rule for the user and one for the
        unidentified both are let in.
        """
        rule = "links: [plant], publish: ['#']"
        self.start(f"user: {USER}, {rule}", f"unidentified: yes, {rule}")
        self.publish_and_hang_up(1)
        eventually(lambda: len(self.simulator.record("message")) == 1, "the message")

    def test_who_hangs_up_is_denied(self):
        self.start(f"user: {OTHER}, links: [plant], publish: ['#']")
        for number in range(5):
            self.publish_and_hang_up(number)
        # Calls are dealt with in their order, so this one is the last.
        self.assert_delivered(self.publish(OTHER))
        self.assertEqual(len(self.simulator.record("message")), 1)

    def test_rate(self):
        self.start(f"user: {USER}, links: [plant], publish: ['#']",
                   more="callers:\n  messages_per_second: 1\n")
        client = self.daemon.client
        arguments = ("ss", POINTS, post(1))
        serials = [client.send(PLANT, LINK + ".Publish", *arguments) for _ in range(20)]
        errors = []
        for serial in serials:
            try:
                client.reply(serial)
            except DBusError as error:
                errors.append(error)
        self.assertTrue(errors)
        for error in errors:
            self.assertEqual(error.name, ERROR + "QueueFull")
            self.assertIn("user 0 sends is more than messages_per_second, which is 1", error.text)
            self.assertIn("again in", error.text)
        # Another user has a rate of its own.
        self.assert_delivered(self.publish(USER))

    def test_subscriptions(self):
        self.start(more="callers:\n  subscriptions: 2\n")
        client = self.new_client(self.bus)
        for _ in range(2):
            client.call(PLANT, LINK + ".Subscribe", "s", "#")
        with self.assert_refused("QueueFull", "2 subscriptions", "raise subscriptions"):
            client.call(PLANT, LINK + ".Subscribe", "s", "#")

    def client_of(self, user):
        """A program of that user, which stays on the bus."""
        os.seteuid(pwd.getpwnam(user).pw_uid)
        try:
            return self.new_client(self.bus)
        finally:
            os.seteuid(0)

    def reload(self, *rules):
        section = "access:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules)
        link = harness.enos_link("plant", self.simulator.endpoints["enos-v2"])
        self.daemon.configure(section + "links:\n" + link)
        self.daemon.client.call(ROOT, MANAGER + ".Reload")

    def test_what_is_granted_no_more_ends(self):
        self.start(f"user: {USER}, links: [plant], subscribe: ['#']")
        client = self.client_of(USER)
        ids = [client.call(PLANT, LINK + ".Subscribe", "s", name)[0] for name in ("a/b", "c")]
        ids += client.call(PLANT, LINK + ".SubscribeDurable", "ss", "box", "c")
        self.reload(f"user: {USER}, links: [plant], subscribe: ['a/#']")
        ended = sorted(client.wait_signal("SubscriptionEnded")[0] for _ in range(2))
        self.assertEqual(ended, sorted(ids[1:]))
        with self.denied("may not subscribe to \"c\""):
            client.call(PLANT, LINK + ".SubscribeDurable", "ss", "box", "c")
        # What is still granted goes on.
        client.call(PLANT, LINK + ".Unsubscribe", "u", ids[0])
        # The inbox is there still, and only its owner and an administrator see it.
        inboxes = client.call(ROOT, MANAGER + ".ListInboxes")[0]
        self.assertEqual([inbox[2] for inbox in inboxes], ["box"])
        self.assertEqual(self.daemon.client.call(ROOT, MANAGER + ".ListInboxes")[0], inboxes)
        self.assertEqual(self.client_of(OTHER).call(ROOT, MANAGER + ".ListInboxes")[0], [])

    def test_unknown_user(self):
        """The daemon does not run with other rules than it was told."""
        rule = "access:\n  - {user: no-such-user-here, administer: yes}\n"
        daemon = self.new_daemon(self.bus, rule)
        done = run_stranger(*daemon.command("--address", self.bus.address))
        self.assertEqual(done.returncode, os.EX_CONFIG)
        self.assertIn('skybus.yaml:2:12: this box has no user "no-such-user-here"', done.stderr)


if __name__ == "__main__":
    harness.main()
