# SPDX-License-Identifier: Apache-2.0
"""
EnOS over plain CoAP seen by strangers: Debian's coap-client, and datagrams made by hand, signed by
openssl.

Usage: test-sim-coap-client.py PATH-OF-SKYBUS-SIM [unittest's arguments]
"""

import hashlib
import json
import os
import re
import stat
import subprocess
import unittest

import coapwire
from coapwire import BLOCK1, GET, NON, POST, PUT
from simulator import AUTH, COAP_CLIENT, COMMANDS, DEVICE, OPENSSL, OWN, POINTS, PRODUCT
from simulator import SECRET, SET, SimulatorTest, free_port, login, post


def signature(token, sequence):
    """Option 2101 of the first generation, by openssl."""
    key = hashlib.sha256(SECRET.encode()).digest()[8:24].hex()
    command = [OPENSSL, "enc", "-aes-128-cbc", "-K", key, "-iv", b"543yhjy97ae7fyfg".hex()]
    text = f"token{token}sequence{sequence}".encode()
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True)
    return done.stdout.hex().upper().encode()


@unittest.skipUnless(COAP_CLIENT, "needs coap-client-gnutls of libcoap3-bin")
class CoapClientTest(SimulatorTest):
    """The second generation, by Debian's coap-client; each run is a process at the same port."""

    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.runs = 0

    def run_client(self, method, path, payload="", *options):
        """The reply's code and the client's whole output."""
        self.runs += 1
        command = [COAP_CLIENT, "-v", "7", "-B", "10", "-p", str(self.port), "-m", method]
        command += ["-T", f"run{self.runs}", "-e", payload, *options]
        done = subprocess.run(
            command + [self.simulator.urls["enos-v2"] + path],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=60,
        )
        output = done.stdout.decode(errors="replace")
        codes = re.findall(r"t:ACK c:(\d\.\d\d)", output)
        self.assertTrue(codes, output)
        return codes[-1], output

    def assert_code(self, code, *request):
        self.assertEqual(self.run_client(*request)[0], code)

    def test_publish(self):
        self.assert_code("2.04", "post", AUTH, login())
        code, output = self.run_client("post", "/topic" + POINTS, post("42"))
        self.assertEqual(code, "2.04")
        self.assertIn('{"id":"42","code":200,"data":{}}', output)
        self.assert_code("2.04", "post", "/topic/" + POINTS, post("43"))

        messages = self.simulator.record("message")
        self.assertEqual([json.loads(line["payload"])["id"] for line in messages], ["42", "43"])
        for line in messages:
            self.assertEqual(line["cloud"], "enos-v2")
            self.assertEqual(line["device"], f"{PRODUCT}/{DEVICE}")
            self.assertEqual(line["topic"], POINTS)
            self.assertEqual(line["session"], 1)
            self.assertNotIn("sequence", line)
        self.assertEqual(len(self.simulator.record("login")), 1)
        mode = os.stat(self.simulator.record_path).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_bad_sign(self):
        self.assert_code("4.01", "post", AUTH, login(secret="wrong"))
        self.assert_code("4.01", "post", f"/auth/{PRODUCT}/other", login())
        self.assert_code("4.00", "post", AUTH, "{}")
        self.assert_code("4.00", "post", AUTH, login(lifetime=29))
        self.assert_code("4.05", "get", AUTH)
        codes = [line["code"] for line in self.simulator.record("login-refused")]
        self.assertEqual(codes, ["4.01", "4.01", "4.00", "4.00", "4.05"])
        self.assertEqual(self.simulator.record("login"), [])

    def test_not_logged_in(self):
        self.assert_code("4.01", "post", "/topic" + POINTS, post())
        self.assert_code("2.04", "post", AUTH, login())
        self.port = free_port()
        self.assert_code("4.01", "post", "/topic" + POINTS, post())
        self.assertEqual(self.simulator.record("message"), [])

    def test_topics(self):
        self.assert_code("2.04", "post", AUTH, login())
        self.assert_code("4.04", "post", f"/topic{OWN}/thing/nothing", post())
        self.assert_code("4.03", "post", f"/topic/sys/{PRODUCT}/other/thing/model/up_raw", "x")
        self.assert_code("4.04", "post", "/elsewhere", "x")
        self.assert_code("4.04", "get", "/.well-known/core")
        self.assert_code("4.04", "delete", "/")
        self.assert_code("4.05", "put", "/topic" + POINTS, post())
        code, output = self.run_client("post", "/topic" + POINTS, "{")
        self.assertEqual(code, "2.04")
        self.assertIn('"code":1220', output)
        self.assertEqual(self.simulator.record("message"), [])

    def test_block_wise(self):
        body = "x" * 1000
        self.assert_code("2.04", "post", AUTH, login())
        self.assert_code("2.04", "post", f"/topic{OWN}/thing/model/up_raw", body, "-b", "256")
        messages = self.simulator.record("message")
        self.assertEqual([line["payload"] for line in messages], [body])

    def test_too_large(self):
        self.assert_code("2.04", "post", AUTH, login())
        self.assert_code(
            "4.13", "post", f"/topic{OWN}/thing/model/up_raw", "x" * 1025, "-b", "256"
        )
        self.assertEqual(self.simulator.record("message"), [])


class WireTest(SimulatorTest):
    """What a library would not send."""

    def test_repeated_message_is_served_once(self):
        client = self.client("enos-v2")
        self.assertEqual(client.request(POST, AUTH, login().encode()).code, "2.04")
        first = client.message(POST, "/topic" + POINTS, post("1").encode())
        second = client.message(POST, "/topic" + POINTS, post("2").encode())
        replies = [client.exchange(data) for data in (first, second, first, second, first)]
        self.assertEqual([json.loads(reply.payload)["id"] for reply in replies], list("12121"))
        self.assertEqual(replies[0].data, replies[2].data)
        self.assertEqual(len(self.simulator.record("message")), 2)

    def test_refusal_carries_no_payload(self):
        client = self.client("enos-v2")
        reply = client.request(POST, "/topic" + POINTS, post().encode())
        self.assertEqual((reply.code, reply.payload, reply.options), ("4.01", b"", []))
        self.assertEqual(reply.kind, coapwire.ACK)

    def test_non_confirmable(self):
        reply = self.client("enos-v2").request(POST, AUTH, login().encode(), kind=NON)
        self.assertEqual((reply.kind, reply.code), (NON, "2.04"))

    def test_critical_option_of_the_first_generation(self):
        reply = self.client("enos-v2").request(POST, AUTH, login().encode(), [(2101, b"00")])
        self.assertEqual(reply.code, "4.02")

    def test_raw_payload(self):
        client = self.client("enos-v2")
        client.request(POST, AUTH, login().encode())
        reply = client.request(POST, f"/topic{OWN}/thing/model/up_raw", b"\xff\x00\x01")
        self.assertEqual((reply.code, reply.payload), ("2.04", b""))
        self.assertEqual(self.simulator.record("message")[0]["payload_base64"], "/wAB")

    def test_datagram_too_large(self):
        client = self.client("enos-v2")
        client.request(POST, AUTH, login().encode())
        path = f"/topic{OWN}/thing/model/up_raw"
        self.assertEqual(client.request(POST, path, b"x" * 1024).code, "2.04")
        self.assertEqual(client.request(POST, path, b"x" * 1025).code, "4.13")
        self.assertEqual(self.simulator.record("refused")[0]["code"], "4.13")

    def test_block_out_of_order(self):
        client = self.client("enos-v2")
        reply = client.request(POST, "/topic" + POINTS, b"x", options=[(BLOCK1, b"\x10")])
        self.assertEqual((reply.code, reply.options), ("4.08", []))

    def test_paths_that_cannot_be(self):
        client = self.client("enos-v2")
        slash = [(coapwire.URI_PATH, b"topic"), (coapwire.URI_PATH, POINTS.encode())]
        self.assertEqual(client.request(POST, "", options=slash).code, "4.00")
        self.assertEqual(client.request(POST, "/" + "/".join(["x" * 200] * 3)).code, "4.00")
        self.assertEqual(client.request(PUT, "").code, "4.04")

    def test_rubbish_is_survived(self):
        client = self.client("enos-v2")
        for length in range(64):
            client.socket.send(os.urandom(length))
        for length in range(64):
            client.socket.send(b"\x40\x02" + os.urandom(length))
        other = self.client("enos-v2")
        self.assertEqual(other.request(POST, AUTH, login().encode()).code, "2.04")

    def test_many_devices(self):
        clients = [self.client("enos-v2") for _ in range(50)]
        for client in clients:
            self.assertEqual(client.request(POST, AUTH, login().encode()).code, "2.04")
        message = post().encode()
        codes = [client.request(POST, "/topic" + POINTS, message).code for client in clients]
        self.assertEqual(codes, ["4.01"] * 49 + ["2.04"])


@unittest.skipUnless(OPENSSL, "needs openssl")
class FirstGenerationTest(SimulatorTest):
    options = tuple(word for text in COMMANDS for word in ("--command", f"{SET}={text}"))

    def setUp(self):
        super().setUp()
        self.device = self.client("enos-v1")
        self.sequence = 0
        reply = self.device.request(POST, AUTH, login().encode())
        self.assertEqual(reply.code, "2.05")
        self.token = json.loads(reply.payload)["token"]

    def signed(self, method, path, payload=b"", sequence=None):
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        options = [(2101, signature(self.token, sequence))]
        return self.device.request(method, path, payload, options=options)

    def test_publish(self):
        reply = self.signed(POST, "/topic" + POINTS, post("7").encode())
        self.assertEqual(reply.code, "2.04")
        self.assertEqual(json.loads(reply.payload), {"id": "7", "code": 200, "data": {}})
        line = self.simulator.record("message")[0]
        self.assertEqual((line["cloud"], line["sequence"]), ("enos-v1", 1))

    def test_unsigned_and_replayed(self):
        path, payload = "/topic" + POINTS, post().encode()
        self.assertEqual(self.device.request(POST, path, payload).code, "4.01")
        self.assertEqual(self.signed(POST, path, payload, sequence=5).code, "2.04")
        self.assertEqual(self.signed(POST, path, payload, sequence=5).code, "4.01")
        self.assertEqual(self.signed(POST, path, payload, sequence=4).code, "4.01")
        self.token = "0" * 32
        self.assertEqual(self.signed(POST, path, payload, sequence=6).code, "4.01")
        self.assertEqual(len(self.simulator.record("message")), 1)

    def test_commands_are_fetched_once(self):
        reply = self.signed(POST, "/topic" + POINTS, post().encode())
        for command in COMMANDS:
            self.assertEqual(reply.option(2100).decode(), "/topic" + SET)
            self.assertIsNone(reply.option(2102))
            reply = self.signed(GET, reply.option(2100).decode())
            self.assertEqual((reply.code, reply.payload.decode()), ("2.05", command))
        self.assertIsNone(reply.option(2100))
        self.assertEqual(self.signed(GET, "/topic" + SET).code, "4.04")
        answer = b'{"id":"1","code":200,"data":{}}'
        self.assertEqual(self.signed(POST, f"/topic{SET}_reply", answer).code, "2.04")

    def test_repeated_fetch_gets_the_same_command(self):
        options = [(2101, signature(self.token, 1))]
        message = self.device.message(GET, "/topic" + SET, options=options)
        replies = [self.device.exchange(message).payload.decode() for _ in range(3)]
        self.assertEqual(replies, [COMMANDS[0]] * 3)

    def test_second_generation_has_its_own_commands(self):
        device = self.client("enos-v2")
        reply = device.request(POST, AUTH, login().encode())
        self.assertEqual(reply.option(2102).decode(), COMMANDS[0])
        reply = device.request(POST, "/topic" + POINTS, post().encode())
        self.assertEqual(reply.option(2100).decode(), "/topic" + SET)
        self.assertEqual(reply.option(2102).decode(), COMMANDS[1])
        reply = device.request(POST, "/topic" + POINTS, post().encode())
        self.assertIsNone(reply.option(2100))

    def test_new_address_ends_the_session(self):
        other = self.client("enos-v1")
        self.assertEqual(other.request(POST, AUTH, login().encode()).code, "2.05")
        self.assertEqual(self.signed(POST, "/topic" + POINTS, post().encode()).code, "4.01")


if __name__ == "__main__":
    unittest.main()
