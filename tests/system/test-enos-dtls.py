# SPDX-License-Identifier: Apache-2.0
"""EnOS over DTLS: a certificate per device and per product, commands, and their answers."""

import json
import os
import resource

import harness
from client import LINK, link_path
from cloud import NAME, CloudTest, Contract
from harness import DEVICE, OWN, POINTS, PRODUCT, PRODUCT_SECRET, SECRET

SET = f"{OWN}/thing/service/measurepoint/set"
COMMAND = {"id": "c17", "version": "1.0", "params": {"temperature": 30.5}}


class EnosDtlsTest(CloudTest):
    CLOUD = "enos-dtls"
    TOPIC = POINTS
    RESTART_LOGINS = 1  # the handshake is the login

    def config(self, **settings):
        rows = {"plugin": "enos-dtls", "product_key": PRODUCT, "device_key": DEVICE}
        rows |= {"device_secret": SECRET} | settings
        return harness.link_at(NAME, self.simulator.endpoints["enos-dtls"], **rows)


class DeviceSecretTest(EnosDtlsTest, Contract):
    def test_identity(self):
        self.assert_delivered(self.publish(1))
        [login] = self.simulator.record("login", self.CLOUD)
        self.assertEqual(login["identity"], f"{PRODUCT},{DEVICE},2,3600")

    def test_command_and_answer(self):
        self.subscribe_to_answer(f"{OWN}/thing/service/#")
        self.simulator.ctl("command", f"{SET}={json.dumps(COMMAND)}")
        # The cloud tells of it in the reply to whatever comes next.
        self.assert_delivered(self.publish(1))
        message, topic, payload, properties = self.client.wait_signal("Message")
        self.assertEqual((topic, json.loads(payload)), (SET, COMMAND))
        self.assertIn("answer-by", properties)
        ticket = self.answer(message, "", '{"temperature":30.5}')
        self.assertGreater(ticket, 0)
        self.assert_delivered(ticket)
        reply = self.simulator.record("message", self.CLOUD)[-1]
        self.assertEqual(reply["topic"], f"{SET}_reply")
        self.assertEqual(
            json.loads(reply["payload"]),
            {"id": "c17", "code": 200, "data": {"temperature": 30.5}},
        )
        with self.assert_refused("NoSuchMessage", str(message)):
            self.answer(message, "", "{}")

    def test_several_commands(self):
        self.subscribe_to_answer()
        for number in range(3):
            self.simulator.ctl("command", f"{SET}={json.dumps(COMMAND | {'id': str(number)})}")
        self.assert_delivered(self.publish(1))
        ids = [json.loads(self.client.wait_signal("Message")[2])["id"] for _ in range(3)]
        self.assertEqual(ids, ["0", "1", "2"])

    def test_wrong_secret(self):
        self.reconfigure(self.config(device_secret="AbCdEfGhIjKlMnOpQrSX"))
        self.daemon.wait_state(NAME, "backoff", "failed")
        reason = self.daemon.get(NAME, "StateReason")
        self.assertIn("device_secret", reason)
        self.assertNotIn("AbCdEf", reason)
        self.assertTrue(self.simulator.record("login-refused", self.CLOUD))

    def test_both_secrets(self):
        self.reconfigure(self.config(product_secret=PRODUCT_SECRET))
        self.daemon.wait_state(NAME, "failed")
        self.assertIn("leave product_secret out", self.daemon.get(NAME, "StateReason"))


class EnvelopeTest(EnosDtlsTest):
    TOPIC = "telemetry"

    def config(self, **settings):
        return super().config(envelope="measurepoint", **settings)

    def test_bare_points(self):
        ticket = self.client.publish(NAME, "telemetry", '{"temp": 21.5}')
        self.assert_delivered(ticket)
        [message] = self.simulator.record("message", self.CLOUD)
        payload = json.loads(message["payload"])
        self.assertEqual(message["topic"], POINTS)
        self.assertEqual(payload["method"], "thing.measurepoint.post")
        self.assertEqual(payload["params"]["measurepoints"], {"temp": 21.5})
        self.assertAlmostEqual(payload["params"]["time"], message["time"], delta=60_000)
        with self.assert_refused("InvalidTopic", "JSON"):
            self.client.publish(NAME, "telemetry", "21.5")


class ProductSecretTest(EnosDtlsTest):
    """The device secret is asked for once, and again only when it is no good any more."""

    def config(self, **settings):
        secrets = {"device_secret": None, "product_secret": PRODUCT_SECRET}
        return super().config(**secrets | settings)

    def identities(self):
        return [line["identity"] for line in self.simulator.record("login", self.CLOUD)]

    def test_activation(self):
        by_product = f"{PRODUCT},{DEVICE},3,3600"
        by_device = f"{PRODUCT},{DEVICE},2,3600"
        self.assert_delivered(self.publish(1))
        self.assertEqual(self.identities(), [by_product, by_device])
        # EnOS takes one connection a second; the record's clock ticks in milliseconds.
        first, second = (line["time"] for line in self.simulator.record("login", self.CLOUD))
        self.assertGreaterEqual(second - first, 999)

        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start()
        self.daemon.wait_state(NAME, "online")
        self.assert_delivered(self.publish(2))
        self.assertEqual(self.identities(), [by_product, by_device, by_device])

        self.assertEqual(self.daemon.end(), 0)
        self.simulator.ctl("rotate", self.CLOUD, f"{PRODUCT}/{DEVICE}", "NewSecretOfTheDevice")
        self.daemon.start()
        ticket = self.publish(3)
        # These were three logins, and two more are needed: not before two minutes have passed.
        reason = self.daemon.wait_property(NAME, "StateReason", lambda reason: "waits" in reason)
        self.assertIn("EnOS blocks a device that logs in four times in two minutes", reason)
        self.assertEqual(len(self.identities()), 3)
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.forget_logins(NAME)
        self.daemon.start()
        self.client.call(link_path(NAME), LINK + ".Connect")
        self.assert_delivered(ticket)
        self.assertEqual(self.identities()[3:], [by_product, by_device])

    def test_wrong_product_secret(self):
        self.reconfigure(self.config(product_secret="ZyXwVuTsRqPoNmLkJiHX"))
        # The secret that was stored is good all the same.
        self.daemon.wait_state(NAME, "online")


class ManyLinksTest(harness.SystemTest):
    """Descriptors below 1024, which DTLS needs, run out; here since others have most of them."""

    LEFT = 22  # for the daemon itself, and some links

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 2048:
            self.skipTest("descriptors above 1024 are not allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.bus = self.start_bus()

    def devices(self, n):
        return [f"dev3{number:06}" for number in range(n)]

    def occupy(self):
        """All but the first numbers; the daemon inherits them."""
        taken = []
        while not taken or taken[-1] < 1023:
            taken.append(os.dup(0))
            self.addCleanup(os.close, taken[-1])
        return [fd for fd in taken if fd > self.LEFT]

    def start(self, secure, plain):
        known = [f"--device={PRODUCT},{name},{SECRET}" for name in secure + plain]
        self.simulator = self.start_simulator(*known)
        links = [
            harness.enos_link(name, self.simulator.endpoints["enos-v2"], device_key=name)
            for name in plain
        ]
        links += [
            harness.cloud_link(name, "enos-dtls", self.simulator.endpoints["enos-dtls"], device_key=name)
            for name in secure
        ]
        self.daemon = self.new_daemon(self.bus, "links:\n" + "".join(links))
        command = self.daemon.command("--address", self.bus.address)
        self.daemon.spawn(*command, pass_fds=self.occupy())

    def publish(self, name):
        topic = POINTS.replace(DEVICE, name)
        ticket = self.daemon.client.publish(name, topic, harness.post(1))
        self.assertEqual(self.daemon.client.wait_ticket(ticket)[0], "delivered")

    def test_some_have_no_room(self):
        names = self.devices(40)
        plain, secure = names[:20], names[20:]
        self.start(secure, plain)
        # What goes without DTLS needs none of them.
        for name in plain:
            self.daemon.wait_state(name, "online")
        states = [self.daemon.wait_state(name, "online", "backoff") for name in secure]
        refused = [name for name, state in zip(secure, states) if state == "backoff"]
        online = [name for name in secure if name not in refused]
        self.assertTrue(online and refused, states)
        reason = self.daemon.get(refused[0], "StateReason")
        self.assertIn("as many as it can (descriptors below 1024 carry DTLS)", reason)
        self.assertIn("move links to a second instance", reason)
        attempt = self.daemon.get(refused[0], "LastAttempt")
        self.assertEqual(attempt["cause"], "descriptors")
        for name in plain + online:
            self.publish(name)

        # One that goes makes room.
        path = link_path(online[0])
        self.daemon.client.call(path, LINK + ".Disconnect")
        self.daemon.wait_state(online[0], "disabled")
        self.daemon.client.call(link_path(refused[0]), LINK + ".Connect")
        self.daemon.wait_state(refused[0], "online")
        self.publish(refused[0])


if __name__ == "__main__":
    harness.main()
