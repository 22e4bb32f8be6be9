# SPDX-License-Identifier: Apache-2.0
"""1NCE: the key by HTTPS, by CoAP and by hand; topics; requests from the cloud."""

import harness
from client import LINK, link_path
from cloud import NAME, CloudTest, Contract
from harness import ICCID


class OnceTest(CloudTest):
    CLOUD = "1nce"
    LOGIN = "onboarding"
    TOPIC = "plant/temperature"
    SETTINGS = {}

    def config(self, **settings):
        host, port = self.simulator.endpoints["1nce-https"]
        self.downlink = harness.free_ports(1)
        rows = {
            "plugin": "1nce",
            "onboarding": "https",
            "onboarding_url": f"https://{host}:{port}/device-api/onboarding/coap",
            "onboarding_ca": self.simulator.ca_path,
            "downlink_port": self.downlink,
            "downlink_from": "127.0.0.0/8",
        }
        endpoint = self.simulator.endpoints[self.DOOR]
        return harness.link_at(NAME, endpoint, **rows | self.SETTINGS | settings)

    DOOR = "1nce-dtls"

    def call(self, method, path, *more):
        """The cloud calls the device; the code and the payload of the answer."""
        url = f"coap://127.0.0.1:{self.downlink}{path}"
        code, _, payload = self.simulator.ctl("call", method, url, *more).partition(" ")
        return code, payload


class HttpsTest(OnceTest, Contract):
    test_login_is_over = None  # there is no login, only the key
    def test_topics(self):
        self.assert_delivered(self.publish(1))
        [message] = self.simulator.record("message", self.CLOUD)
        self.assertEqual(message["topic"], f"{ICCID}/{self.TOPIC}")
        self.assertEqual(message["device"], ICCID)
        for topic in "a//b", "a b", "grün", "x" * 254:
            with self.assert_refused("InvalidTopic"):
                self.publish(2, topic)

    def test_request_without_subscriber(self):
        self.assertEqual(self.call("GET", "/anybody")[0], "4.04")

    def test_request(self):
        self.client.call(link_path(NAME), LINK + ".Subscribe", "s", "/valve/#")
        self.assertEqual(self.call("POST", "/valve/1", "open")[0], "2.04")
        _, topic, payload, properties = self.client.wait_signal("Message")
        self.assertEqual((topic, payload), ("/valve/1", b"open"))
        self.assertNotIn("answer-by", properties)
        for method in "GET", "PUT", "DELETE", "PATCH":
            self.assertEqual(self.call(method, "/valve/2")[0], "2.04")

    def test_repeated_request(self):
        self.client.call(link_path(NAME), LINK + ".Subscribe", "s", "#")
        self.assertEqual(self.call("POST", "/valve/1", "open", "repeat=3")[0], "2.04")
        self.assertEqual(self.call("POST", "/last", "x")[0], "2.04")
        self.client.wait_signal("Message", lambda body: body[1] == "/valve/1")
        self.assertEqual(self.client.wait_signal("Message")[1], "/last")

    def test_wrong_key(self):
        """The key is another one while the box is off: it is asked for again, and nothing is lost."""
        self.assertEqual(self.daemon.end(), 0)
        self.simulator.ctl("rotate", self.CLOUD, ICCID, "another-key-for-the-same-card")
        self.daemon.start()
        ticket = self.publish(1)
        # Only repeated refusals make the plugin ask for another key.
        self.daemon.wait_state(NAME, "backoff", timeout=60)
        self.assertEqual(self.count("onboarding"), 1)
        self.assert_delivered(ticket, timeout=60)
        self.assertEqual(self.count("onboarding"), 2)


class AnswerTest(OnceTest):
    def test_answer(self):
        """The cloud waits for the app's answer."""
        self.subscribe_to_answer("/valve/#")
        url = f"coap://127.0.0.1:{self.downlink}/valve/1"
        caller = harness.start_stranger(
            harness.SKYBUS_SIM, "ctl", self.simulator.control_path, "call", "POST", url, "open"
        )
        message, _, _, properties = self.client.wait_signal("Message")
        self.assertIn("answer-by", properties)
        self.assertEqual(self.answer(message, "", "opened"), 0)
        output, _ = caller.communicate(timeout=harness.PATIENCE)
        self.assertEqual(output.split(None, 1)[1].strip(), "opened")


class BootstrapTest(OnceTest):
    def config(self, **settings):
        _, port = self.simulator.endpoints["1nce"]
        return super().config(onboarding="coap", bootstrap_port=port, onboarding_url=None,
                              onboarding_ca=None, **settings)

    def test_publish(self):
        self.assert_delivered(self.publish(1))
        self.assertEqual(self.count("onboarding"), 1)


class PiecesTest(OnceTest):
    """Also: all that the link does goes through one network interface."""

    SETTINGS = {"range_bytes": 16, "onboarding_format": "csv", "interface": "lo"}

    def test_publish(self):
        self.assert_delivered(self.publish(1))
        self.assertEqual(self.call("GET", "/anybody")[0], "4.04")

    def test_no_such_interface(self):
        self.reconfigure(self.config(interface="wwan7"))
        self.daemon.wait_state(NAME, "backoff")
        self.assertIn("no network interface wwan7", self.daemon.get(NAME, "StateReason"))


class PlainTest(OnceTest):
    DOOR = "1nce"

    def config(self, **settings):
        return super().config(security="plain", onboarding=None, onboarding_url=None,
                              onboarding_ca=None, **settings)

    def test_publish(self):
        self.assert_delivered(*[self.publish(number) for number in range(3)])
        self.assertEqual(self.count("onboarding"), 0)


if __name__ == "__main__":
    harness.main()
