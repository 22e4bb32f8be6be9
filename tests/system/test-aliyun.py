# SPDX-License-Identifier: Apache-2.0
"""Aliyun, both ways in: AES in the payload, and DTLS with a certificate or a key."""

import json
import time

import harness
from cloud import NAME, CloudTest, Contract
from harness import DEVICE, PRODUCT, PRODUCT_SECRET, SECRET

USER = f"/{PRODUCT}/{DEVICE}/user/update"
PROPERTIES = f"/sys/{PRODUCT}/{DEVICE}/thing/event/property/post"


class AliyunTest(CloudTest):
    CLOUD = "aliyun"
    DOOR = "aliyun"
    TOPIC = USER
    SETTINGS = {"mode": "symmetric"}

    def config(self, **settings):
        rows = {"plugin": "aliyun", "product_key": PRODUCT, "device_name": DEVICE}
        rows |= {"device_secret": SECRET} | self.SETTINGS | settings
        return harness.link_at(NAME, self.simulator.endpoints[self.DOOR], **rows)

    def payload(self, number):
        return f"reading {number} größer als nichts"


class SymmetricTest(AliyunTest, Contract):
    def sequences(self):
        return [line["sequence"] for line in self.simulator.record("message", self.CLOUD)]

    def test_sequences_over_kills(self):
        """No number is used twice, whenever the daemon is killed; and no login is needed."""
        for number in range(5):
            self.assert_delivered(self.publish(number), self.publish(number))
            self.daemon.kill()
            self.daemon.start()
            self.daemon.wait_state(NAME, "online")
        self.assert_delivered(self.publish(9))
        sequences = self.sequences()
        self.assertEqual(sequences, sorted(set(sequences)))
        self.assertEqual(self.count("login"), 1)

    def test_wrong_secret(self):
        self.reconfigure(self.config(device_secret="AbCdEfGhIjKlMnOpQrSX"))
        self.daemon.wait_state(NAME, "backoff", "failed")
        reason = self.daemon.get(NAME, "StateReason")
        self.assertIn("device_secret", reason)
        self.assertNotIn("AbCdEf", reason)

    def test_refused_topic(self):
        outcome, code, reason = self.client.wait_ticket(
            self.publish(1, f"/{PRODUCT}/another/user/update")
        )
        self.assertEqual((outcome, code), ("rejected", "4.03"), reason)


class CborTest(AliyunTest):
    SETTINGS = {"mode": "symmetric", "encoding": "cbor", "sign_method": "hmacsha256", "ack_mode": 1}

    def test_publish(self):
        self.assert_delivered(*[self.publish(number) for number in range(3)])


class CertificateTest(AliyunTest, Contract):
    DOOR = "aliyun-dtls"

    def config(self, **settings):
        rows = {"mode": "dtls", "security": "certificate", "root_ca": self.simulator.ca_path}
        return super().config(**rows | {"server_name": "localhost"} | settings)

    def test_wrong_name(self):
        self.reconfigure(self.config(server_name="aliyun.example.com"))
        self.daemon.wait_state(NAME, "backoff")
        self.assertIn("certificate", self.daemon.get(NAME, "StateReason"))

    def test_unknown_root(self):
        self.reconfigure(self.config(root_ca=None))
        self.daemon.wait_state(NAME, "backoff")
        self.assertIn("certificate", self.daemon.get(NAME, "StateReason"))


class PskTest(AliyunTest):
    DOOR = "aliyun-dtls"
    SETTINGS = {"mode": "dtls", "security": "psk"}

    def test_publish(self):
        self.assert_delivered(*[self.publish(number) for number in range(3)])


class EnvelopeTest(AliyunTest):
    SETTINGS = {"mode": "symmetric", "envelope": "property"}

    def test_bare_properties(self):
        self.assert_delivered(self.client.publish(NAME, "telemetry", '{"temp": 21.5}'))
        [message] = self.simulator.record("message", self.CLOUD)
        self.assertEqual(message["topic"], PROPERTIES)
        payload = json.loads(message["payload"])
        self.assertEqual(payload["method"], "thing.event.property.post")
        self.assertEqual(payload["params"]["temp"]["value"], 21.5)


class RegistrationTest(AliyunTest):
    SETTINGS = {"mode": "symmetric", "device_secret": None, "product_secret": PRODUCT_SECRET}

    def test_once(self):
        self.assert_delivered(self.publish(1))
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start()
        self.daemon.wait_state(NAME, "online")
        self.assert_delivered(self.publish(2))
        self.assertEqual(self.count("login"), 1)


class PullTest(AliyunTest):
    SETTINGS = {"mode": "symmetric", "pull": "yes", "pull_interval": "5s"}
    GET = f"/{PRODUCT}/{DEVICE}/user/get"

    def setUp(self):
        super().setUp()
        self.client.call(harness.link_path(NAME), harness.LINK + ".Subscribe", "s", "#")

    def publish_until_pulled(self, n):
        """Never silent for as long as a keepalive would need; and pulled all the same."""
        deadline = time.monotonic() + 40
        while len(self.simulator.record("command", self.CLOUD)) < n:
            self.assertLess(time.monotonic(), deadline, "nothing was pulled")
            self.assert_delivered(self.publish(1))

    def test_command(self):
        self.simulator.ctl("command", f"{self.GET}=hello")
        _, topic, payload, _ = self.client.wait_signal("Message", timeout=40)
        self.assertEqual((topic, payload), (self.GET, b"hello"))

    def test_busy(self):
        self.simulator.ctl("command", f"{self.GET}=hello")
        self.publish_until_pulled(1)
        _, topic, payload, _ = self.client.wait_signal("Message")
        self.assertEqual((topic, payload), (self.GET, b"hello"))

    def test_login_is_over(self):
        """Nobody publishes: a pull is refused, the keepalive logs in, and the next pull brings it."""
        self.simulator.ctl("expire", self.CLOUD)
        self.simulator.ctl("command", f"{self.GET}=hello")
        self.client.wait_signal("Message", timeout=60)
        self.assertEqual(self.count("login"), 2)


if __name__ == "__main__":
    harness.main()
