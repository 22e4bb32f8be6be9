# SPDX-License-Identifier: Apache-2.0
"""EnOS over DTLS: a certificate per device and per product, commands, and their answers."""

import json

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


if __name__ == "__main__":
    harness.main()
