# SPDX-License-Identifier: Apache-2.0
"""The configuration read again, and a login asked for, while links run."""

import json
import signal

import harness
from client import LINK, MANAGER, NAME, ROOT, DBusError, link_path
from harness import POINTS, post

CLOUDS = {"first": "enos-v1", "second": "enos-v2"}  # by their links
DELIVERED = ("delivered", "2.04", "")
SET = f"{harness.OWN}/thing/service/measurepoint/set"
COMMAND = {"id": "1", "version": "1.0", "params": {"temp": 20.0}}


class ReloadTest(harness.SystemTest):
    """Two links, one for each generation of EnOS."""

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        self.daemon = self.start_daemon(self.bus, self.config("first", "second"))
        for link in CLOUDS:
            self.daemon.wait_state(link, "online")
        self.client = self.new_client(self.bus)

    def config(self, *links, **settings):
        """The links of these names; the settings are for the last of them."""
        text = "links:\n"
        for link in links:
            more = settings if link == links[-1] else {}
            text += harness.enos_link(link, self.simulator.endpoints[CLOUDS[link]], **more)
        return text

    def reload(self, config=None):
        if config is not None:
            self.daemon.configure(config)
        self.client.call(ROOT, MANAGER + ".Reload")

    def links(self):
        return self.client.get(ROOT, MANAGER, "Links")

    def logins(self, link):
        return len(self.simulator.record("login", CLOUDS[link]))

    def publish(self, link, number):
        return self.client.publish(link, POINTS, post(number))

    def assert_delivered(self, *tickets):
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket), DELIVERED)

    def sessions(self, link):
        return {line["session"] for line in self.simulator.record("message", CLOUDS[link])}

    def test_nothing_has_changed(self):
        self.assert_delivered(self.publish("first", 1))
        since = self.daemon.get("first", "Since")
        for _ in range(3):
            self.reload()
        self.assert_delivered(self.publish("first", 2))
        self.assertEqual(self.logins("first"), 1)
        self.assertEqual(len(self.sessions("first")), 1)
        self.assertEqual(self.daemon.get("first", "Since"), since)

    def test_one_changes_and_the_other_goes_on(self):
        self.assert_delivered(self.publish("first", 1), self.publish("second", 1))
        self.reload(self.config("first", "second", window=3))
        self.daemon.wait_state("second", "online")
        self.assert_delivered(self.publish("first", 2), self.publish("second", 2))
        self.assertEqual((self.logins("first"), self.logins("second")), (1, 2))
        self.assertEqual(len(self.sessions("first")), 1)
        self.assertEqual(self.links(), [link_path("first"), link_path("second")])

    def test_in_flight(self):
        """What the cloud has not acknowledged is sent again by the changed link."""
        self.simulator.process.send_signal(signal.SIGSTOP)
        try:
            tickets = [self.publish("second", number) for number in range(10)]
            self.daemon.wait_property("second", "InFlight", lambda number: number > 0)
            self.reload(self.config("first", "second", window=3))
            self.assertEqual(self.daemon.get("second", "Queued"), 10)
        finally:
            self.simulator.process.send_signal(signal.SIGCONT)
        self.assert_delivered(*tickets)
        self.assertEqual(set(self.simulator.ids("enos-v2")), {str(n) for n in range(10)})

    def test_links_come_and_go(self):
        self.client.match(f"type='signal',sender='{NAME}',path='{ROOT}'")
        self.client.call(link_path("second"), LINK + ".Subscribe", "s", "#")
        self.client.call(link_path("second"), LINK + ".Disconnect")
        ticket = self.publish("second", 1)

        self.reload(self.config("first"))
        body = self.client.wait_signal("InterfacesRemoved")
        self.assertEqual((body[0], LINK in body[1]), (link_path("second"), True))
        self.assertEqual(self.links(), [link_path("first")])
        self.assertEqual(self.client.call(ROOT, MANAGER + ".Ticket", "t", ticket)[0], "stored")
        self.assertIn("second: 1 messages wait for this link", self.daemon.log)
        with self.assertRaises(DBusError):
            self.publish("second", 2)

        self.simulator.ctl("command", f"{SET}={json.dumps(COMMAND)}")
        self.reload(self.config("second", "first"))
        body = self.client.wait_signal("InterfacesAdded")
        self.assertEqual((body[0], LINK in body[1]), (link_path("second"), True))
        self.assertEqual(self.links(), [link_path("second"), link_path("first")])
        # Who had subscribed still has; the command comes with the cloud's answer.
        self.assertEqual(self.client.wait_signal("Message")[1], SET)
        self.assert_delivered(ticket)
        self.assertEqual(self.logins("first"), 1)

    def test_an_error_changes_nothing(self):
        wrong = self.config("first", window=3) + "  third: {plugin: enos, port: many}\n"
        line = wrong.count("\n")
        with self.assert_refused(
            "InvalidConfiguration",
            f"{self.daemon.config_path}:{line}:31: port \"many\"",
            "nothing has changed",
        ):
            self.reload(wrong)
        self.assertIn(f":{line}:3: host is missing", self.daemon.log)
        self.assertEqual(self.links(), [link_path("first"), link_path("second")])
        for link in CLOUDS:
            self.assert_delivered(self.publish(link, 1))
            self.assertEqual(self.logins(link), 1)
        self.reload(self.config("second"))
        self.assertEqual(self.links(), [link_path("second")])

    def test_a_plugin_that_refuses(self):
        """The table lets it pass, and only the plugin finds it."""
        dtls = harness.link_at(
            "third",
            self.simulator.endpoints["enos-dtls"],
            plugin="enos-dtls",
            product_key=harness.PRODUCT,
            device_key=harness.DEVICE,
        )
        with self.assert_refused("InvalidConfiguration", "link third: ", "a device needs a secret"):
            self.reload(self.config("first") + dtls)
        self.assertEqual(self.links(), [link_path("first"), link_path("second")])

    def test_hangup(self):
        self.daemon.configure(self.config("second"))
        self.daemon.process.send_signal(signal.SIGHUP)
        self.daemon.wait_for(lambda: self.links() == [link_path("second")], "the link to go")
        self.daemon.configure("links: nonsense\n")
        self.daemon.process.send_signal(signal.SIGHUP)
        harness.eventually(
            lambda: "could not be reloaded" in self.daemon.log, "the log to say what is wrong"
        )
        self.assertEqual(self.links(), [link_path("second")])
        self.assert_delivered(self.publish("second", 1))
        self.assertEqual(self.logins("second"), 1)

    def test_reauthenticate(self):
        path = link_path("second")
        self.assert_delivered(self.publish("second", 1))
        self.client.call(path, LINK + ".Reauthenticate")
        harness.eventually(lambda: self.logins("second") == 2, "another login")
        self.daemon.wait_state("second", "online")
        self.assert_delivered(self.publish("second", 2))
        self.client.call(path, LINK + ".Disconnect")
        with self.assert_refused("NotOnline", "call Connect"):
            self.client.call(path, LINK + ".Reauthenticate")


if __name__ == "__main__":
    harness.main()
