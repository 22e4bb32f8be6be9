# SPDX-License-Identifier: Apache-2.0
"""
The clouds that are not on plain CoAP alone, seen by strangers: the coap-clients of two TLS
libraries, curl, and datagrams made by hand.

Usage: test-sim-doors.py PATH-OF-SKYBUS-SIM [unittest's arguments]
"""

import hashlib
import hmac
import json
import re
import subprocess
import time
import unittest

import coapwire
from coapwire import ACK, CON, GET, POST
from simulator import COAP_CLIENT, CURL, DEVICE, DTLS_CLIENTS, ICCID, POINTS, PRODUCT, SECRET
from simulator import SimulatorTest, free_port, post


def psk(name, moment="2524608000000"):
    """What a coap-client needs to come to Aliyun by DTLS as a device."""
    text = f"id{name}timestamp{moment}".encode()
    key = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest().upper()
    return ("-u", f"devicename|hmacsha256|{name}|{moment}", "-k", key)


@unittest.skipUnless(all(DTLS_CLIENTS), "needs coap-client-gnutls and -openssl of libcoap3-bin")
class DoorTest(SimulatorTest):
    def run_client(self, client, *options):
        """The last code that came, None for none."""
        done = subprocess.run(
            [client, "-v", "7", "-B", "5", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=60,
        )
        codes = re.findall(r"t:ACK c:(\d\.\d\d)", done.stdout.decode(errors="replace"))
        return codes[-1] if codes else None

    def onboard(self):
        reply = self.client("1nce").request(GET, "/bootstrap")
        self.assertEqual(reply.code, "2.05")
        return reply.payload.decode().split(",")


class LockedDoorTest(DoorTest):
    """The doors that want a key, by clients of two TLS libraries."""

    def test_1nce(self):
        identity, key, url = self.onboard()
        self.assertEqual(identity, ICCID)
        self.assertEqual(url, self.simulator.urls["1nce-dtls"])
        url += "/?t=some/topic"
        for client in DTLS_CLIENTS:
            code = self.run_client(client, "-u", identity, "-k", key, "-m", "post", "-e", "x", url)
            self.assertEqual(code, "2.04")
        messages = self.simulator.record("message")
        self.assertEqual([line["identity"] for line in messages], [ICCID] * 2)
        self.assertEqual([line["topic"] for line in messages], [f"{ICCID}/some/topic"] * 2)

    def test_1nce_closed_and_opened(self):
        self.assertEqual(self.simulator.order("stop", "1nce")[0], 0)
        self.assertEqual(self.simulator.order("start", "1nce")[0], 0)
        identity, key, url = self.onboard()
        self.assertEqual(url, self.simulator.urls["1nce-dtls"])
        code = self.run_client(
            COAP_CLIENT, "-u", identity, "-k", key, "-m", "post", "-e", "x", url + "/"
        )
        self.assertEqual(code, "2.04")

    def test_1nce_refuses(self):
        identity, key, _ = self.onboard()
        url = self.simulator.urls["1nce-dtls"] + "/"
        for client in DTLS_CLIENTS:
            self.assertIsNone(self.run_client(client, "-u", "nobody", "-k", key, url))
            self.assertIsNone(self.run_client(client, "-u", identity, "-k", "wrong", url))
        # A wrong key shows when the client gives up, which the simulator hears of a moment later.
        deadline = time.monotonic() + 90
        while len(self.simulator.record("login-refused")) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        refused = [line["identity"] for line in self.simulator.record("login-refused")]
        self.assertEqual(sorted(refused), sorted(["nobody", identity] * 2))

    def test_1nce_root_as_an_empty_segment(self):
        client = self.client("1nce")
        for path in ("", "/"):
            self.assertEqual(client.request(POST, path, b"x").code, "2.04")

    def test_1nce_longest_payload(self):
        client = self.client("1nce")
        self.assertEqual(client.request(POST, "", b"x" * 1024).code, "2.04")
        self.assertEqual(client.request(POST, "", b"x" * 1025).code, "4.13")
        self.assertEqual(len(self.simulator.record("message")), 1)

    def test_enos(self):
        identity = f"{PRODUCT},{DEVICE},2,3600"
        key = hashlib.sha256(SECRET.encode()).digest()[8:24]
        url = self.simulator.urls["enos-dtls"] + "/topic" + POINTS
        for client in DTLS_CLIENTS:
            code = self.run_client(
                client, "-u", identity, "-k", key, "-m", "post", "-e", post(), url
            )
            self.assertEqual(code, "2.04")
        self.assertEqual(len(self.simulator.record("message")), 2)

    def test_aliyun(self):
        secret = psk(f"{PRODUCT}&{DEVICE}")
        url = self.simulator.urls["aliyun-dtls"] + f"/topic/{PRODUCT}/{DEVICE}/user/x"
        for client in DTLS_CLIENTS:
            self.assertIsNotNone(self.run_client(client, *secret, "-m", "post", "-e", "x", url))
        self.assertEqual(self.simulator.record("login-refused"), [])
        self.assertEqual([line.get("identity") for line in self.simulator.record()][-1], secret[1])

    def test_same_address_again(self):
        identity, key, _ = self.onboard()
        port = str(free_port())
        url = self.simulator.urls["1nce-dtls"] + "/"
        for _ in range(3):
            code = self.run_client(
                COAP_CLIENT, "-p", port, "-u", identity, "-k", key, "-m", "post", "-e", "x", url
            )
            self.assertEqual(code, "2.04")

    def test_certificate(self):
        url = self.simulator.urls["aliyun-dtls"] + "/auth"
        trust = ("-R", self.simulator.ca_path)
        code = self.run_client(COAP_CLIENT, *trust, "-m", "post", "-e", "{}", url)
        self.assertIsNotNone(code)
        self.assertEqual(code[0], "4")
        self.assertEqual(len(self.simulator.record("login-refused")), 1)


class PublicAddressTest(DoorTest):
    options = ("--impairable",)

    def test_nobody_is_sent_past_the_relay(self):
        identity, key, url = self.onboard()
        self.assertEqual(url, self.simulator.urls["1nce-dtls"])
        self.assertEqual(self.simulator.order("impair", "1nce-dtls", "duplicate=100")[0], 0)
        command = ["-u", identity, "-k", key, "-m", "post", "-e", "x", url + "/"]
        self.assertEqual(self.run_client(COAP_CLIENT, *command), "2.04")


class AliyunTest(SimulatorTest):
    """Logging in to Aliyun."""

    FORMAT = [(12, b"\x32"), (17, b"\x32")]

    def login(self, **fields):
        """The payload of /auth."""
        fields |= {"productKey": PRODUCT, "deviceName": DEVICE, "clientId": "mylight1000002"}
        text = "".join(f"{name}{value}" for name, value in sorted(fields.items()))
        sign = hmac.new(SECRET.encode(), text.encode(), hashlib.md5).hexdigest()
        return json.dumps(fields | {"sign": sign})

    def ask(self, payload, method=POST, path="/auth", options=()):
        """The code of the reply, which has nothing beside it unless all is well."""
        reply = self.client("aliyun").request(method, path, payload.encode(), options)
        self.assertEqual(reply.kind, ACK)
        if reply.code[0] != "2":
            self.assertEqual((reply.options, reply.payload), ([], b""))
        return reply.code

    def test_every_return_code(self):
        good, json_alone = self.login(), self.FORMAT
        other = [(12, b"\x32"), (17, b"\x28")]
        self.assertEqual(self.ask(good, options=json_alone), "2.05")
        self.assertEqual(self.ask("{}", options=json_alone), "4.00")
        self.assertEqual(self.ask(good.replace(DEVICE, "dev2"), options=json_alone), "4.01")
        self.assertEqual(self.ask(good, path="/other", options=json_alone), "4.04")
        self.assertEqual(self.ask(good, method=GET, options=json_alone), "4.05")
        self.assertEqual(self.ask(good, options=other), "4.06")
        self.assertEqual(self.ask(good, options=[(12, b"\x28")]), "4.15")
        for code in "4.03", "5.00":
            self.assertEqual(self.simulator.order("answer", "aliyun", code, "1", "/auth")[0], 0)
            self.assertEqual(self.ask(good, options=json_alone), code)
        self.assertEqual(self.ask(good, options=json_alone), "2.05")

    def test_separate_reply(self):
        client = self.client("aliyun")
        message = client.message(POST, "/auth", self.login(ackMode=1).encode(), self.FORMAT)
        acknowledgment = client.exchange(message)
        self.assertEqual(acknowledgment.data, bytes([0x60, 0]) + message[2:4])
        reply = coapwire.Reply(client.socket.recv(2048))
        self.assertEqual((reply.kind, reply.code, reply.token), (CON, "2.05", message[4:8]))
        self.assertIn("token", json.loads(reply.payload))

        # It is repeated until it is acknowledged, and then no more.
        self.assertEqual(client.socket.recv(2048), reply.data)
        client.socket.send(coapwire.encode(ACK, 0, reply.mid, b""))
        self.assertEqual(client.exchange(message).data, acknowledgment.data)
        client.socket.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            client.socket.recv(2048)
        self.assertEqual(len(self.simulator.record("login")), 1)

    def run_client(self, client, url, *options):
        """The kinds and codes of the messages that a client sees."""
        command = [client, "-v", "7", "-B", "5", "-m", "post", "-t", "50", "-A", "50"]
        command += ["-e", self.login(ackMode="1"), *options, url + "/auth"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
        output = (done.stdout + done.stderr).decode(errors="replace")
        return re.findall(r"t:(\w+) c:(\d\.\d\d|POST)", output)

    @unittest.skipUnless(all(DTLS_CLIENTS), "needs both coap-clients of libcoap3-bin")
    def test_separate_reply_to_coap_client(self):
        expected = [("CON", "POST"), ("ACK", "0.00"), ("CON", "2.05")]
        urls = self.simulator.urls
        for client in DTLS_CLIENTS:
            self.assertEqual(self.run_client(client, urls["aliyun"])[:3], expected)
            secret = psk(f"{PRODUCT}&{DEVICE}")
            self.assertEqual(self.run_client(client, urls["aliyun-dtls"], *secret)[:3], expected)


@unittest.skipUnless(CURL, "needs curl")
class HttpsTest(SimulatorTest):
    """Onboarding with 1NCE by curl."""

    def fetch(self):
        url = self.simulator.urls["1nce-https"] + "/device-api/onboarding/coap"
        command = [CURL, "--silent", "--cacert", self.simulator.ca_path]
        command += ["--header", "Accept: application/json", "--write-out", "%{http_code}", url]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
        return done.stdout[-3:], json.loads(done.stdout[:-3])

    def test_onboards(self):
        status, reply = self.fetch()
        self.assertEqual((status, reply["clientIdentity"]), (b"200", ICCID))

    def test_refuses(self):
        self.assertEqual(self.simulator.order("rotate", "1nce", ICCID, "")[0], 0)
        status, reply = self.fetch()
        self.assertEqual((status, reply["statusText"]), (b"401", "Unauthorized"))
        self.assertTrue(reply["errors"][0]["message"])
        self.assertEqual(self.simulator.order("rotate", "1nce", ICCID, "a key")[0], 0)
        self.assertEqual(self.fetch()[1]["preSharedKey"], "a key")

    def test_breaks_down(self):
        order = ("answer", "1nce", "5.00", "1", "/device-api")
        self.assertEqual(self.simulator.order(*order)[0], 0)
        status, reply = self.fetch()
        self.assertEqual((status, reply["statusText"]), (b"500", "Internal Server Error"))
        self.assertTrue(reply["errors"])
        self.assertEqual(self.simulator.record("refused")[0]["code"], "500")
        self.assertEqual(self.fetch()[0], b"200")
        self.assertIn("1nce: 2 requests", self.simulator.order("status")[1])


if __name__ == "__main__":
    unittest.main()
