# SPDX-License-Identifier: Apache-2.0
"""
A cloud that a file describes, seen by strangers: the example of the manual page, by datagrams made
by hand and by coap-client.

Usage: test-sim-script.py PATH-OF-SKYBUS-SIM [unittest's arguments]
"""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import simulator
from coapwire import ACK, CON, GET, POST, RST, Reply, encode
from simulator import COAP_CLIENT, SIMULATOR, SimulatorTest

PAGE = Path(__file__).resolve().parents[2] / "docs/man/skybus-sim.1"
URI_QUERY = 15
CONTENT_FORMAT = 12
OBSERVE = 6

MORE = """
  - path: /quiet
    times: 1
    silent: yes
  - path: /quiet
    max_age: 5m
    options: [{number: 2102, value: x}]
  - path: /state
    observe: yes
    format: text
    payload: cold
  - path: /other
    observe: yes
keys:
  - {identity: dev, key: secret}
"""


def example():
    """The script of the manual page."""
    text = PAGE.read_text(encoding="utf-8")
    [block] = re.findall(r"^\.Bd -literal.*\n(answers:\n(?:.*\n)*?)\.Ed", text, re.MULTILINE)
    return block


class ScriptTest(SimulatorTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        script = Path(folder.name, "cloud.yaml")
        script.write_text(example() + MORE.lstrip("\n"), encoding="utf-8")
        self.options = ("--script", str(script))
        simulator.DOORS[:] = ["scripted", "scripted-dtls"]
        super().setUp()

    def test_the_example(self):
        device = self.client("scripted")
        reply = device.request(POST, "/login", options=[(URI_QUERY, b"key=demo")])
        self.assertEqual((reply.code, reply.option(CONTENT_FORMAT)), ("2.05", b"\x32"))
        self.assertEqual(reply.payload, b'{"token":"t-1","expires":3600}')
        self.assertEqual(device.request(POST, "/login").code, "4.01")
        self.assertEqual(device.request(POST, "/up/a/b", b'{"token":"t-1"}').code, "2.04")
        self.assertEqual(device.request(POST, "/up/a/b", b"no").code, "4.04")
        order = self.simulator.order("command", '/command={"led":1}')
        self.assertEqual(order, (0, "", ""))
        self.assertEqual(device.request(GET, "/command").payload, b'{"led":1}')
        self.assertEqual(device.request(GET, "/command").code, "2.04")
        self.assertEqual(self.simulator.order("command", "/nowhere=1")[0], 1)

    def test_the_record(self):
        device = self.client("scripted")
        options = [(URI_QUERY, b"key=demo"), (URI_QUERY, b"x=1")]
        device.request(POST, "/login", b"hello", options=options)
        device.request(GET, "/nowhere")
        login, other = self.simulator.record()
        del login["time"], login["peer"]
        self.assertEqual(
            login,
            {
                "event": "message",
                "cloud": "scripted",
                "method": "POST",
                "topic": "/login",
                "query": "key=demo&x=1",
                "payload": "hello",
                "code": "2.05",
            },
        )
        seen = (other["event"], other["code"], other["reason"])
        self.assertEqual(seen, ("refused", "4.04", "no rule matches"))

    def test_silence(self):
        device = self.client("scripted")
        device.socket.settimeout(0.5)
        message = device.message(GET, "/quiet")
        for _ in range(2):  # a repetition is met with silence, too
            with self.assertRaises(TimeoutError):
                device.exchange(message)
        reply = device.request(GET, "/quiet")
        seen = (reply.code, reply.option(14), reply.option(2102))
        self.assertEqual(seen, ("2.04", b"\x01\x2c", b"x"))
        silent, answered = self.simulator.record("message")
        self.assertNotIn("code", silent)
        self.assertEqual(answered["code"], "2.04")

    def test_observers(self):
        device = self.client("scripted")
        asked = device.request(GET, "/state", options=[(OBSERVE, b"")])
        self.assertEqual((asked.payload, asked.option(OBSERVE)), (b"cold", b"\x01"))
        self.assertEqual(self.simulator.order("notify", "/other=warm"), (0, "0\n", ""))
        self.assertEqual(self.simulator.order("notify", "/state=warm"), (0, "1\n", ""))
        told = Reply(device.socket.recv(2048))
        seen = (told.kind, told.code, told.token, told.payload, told.option(OBSERVE))
        self.assertEqual(seen, (CON, "2.05", asked.token, b"warm", b"\x03"))
        self.assertEqual(told.option(CONTENT_FORMAT), b"")
        device.socket.send(encode(ACK, 0, told.mid, b""))
        # It wants to hear no more.
        self.assertEqual(self.simulator.order("notify", "/state=hot")[1], "1\n")
        told = Reply(device.socket.recv(2048))
        device.socket.send(encode(RST, 0, told.mid, b""))
        device.request(GET, "/state")  # by then that has come
        self.assertEqual(self.simulator.order("notify", "/state=hotter")[1], "0\n")

    def test_observers_say_goodbye(self):
        device = self.client("scripted")
        other = self.client("scripted")
        for client in device, other:
            client.request(GET, "/state", options=[(OBSERVE, b"")])
        token = b"mine"
        for value, told in (b"", "3\n"), (b"\x01", "2\n"):
            message = encode(CON, GET, 7 + len(value), token, [(OBSERVE, value), (11, b"state")])
            reply = device.exchange(message)
            while reply.kind != ACK:
                reply = Reply(device.socket.recv(2048))
            self.assertEqual(reply.option(OBSERVE) is None, value != b"")
            self.assertEqual(self.simulator.order("notify", "/state=x")[1], told)
        self.assertEqual(self.simulator.order("notify", "/quiet=x")[0], 1)

    @unittest.skipUnless(COAP_CLIENT, "needs coap-client-gnutls of libcoap3-bin")
    def test_keys(self):
        url = self.simulator.urls["scripted-dtls"] + "/command"
        for key, code in ("secret", "2.04"), ("other", None):
            command = [COAP_CLIENT, "-v", "7", "-B", "3", "-u", "dev", "-k", key, url]
            done = subprocess.run(command, capture_output=True, check=False, timeout=60)
            found = re.search(rb"c:(\d\.\d\d) ", done.stdout + done.stderr)
            self.assertEqual(found and found[1].decode(), code)
        self.assertEqual([line["identity"] for line in self.simulator.record("message")], ["dev"])


class CommandLineTest(unittest.TestCase):
    def test_a_bad_script(self):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "cloud.yaml")
            script.write_text("answers:\n  - path: up\n    cod: 2.04\n", encoding="utf-8")
            command = [SIMULATOR, "--script", script]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(
            done.stderr.splitlines(),
            [
                f'{script}:2:11: path "up" does not begin with a slash: write "/up"',
                f'{script}:3:5: unknown key "cod": did you mean "code"?',
            ],
        )


if __name__ == "__main__":
    unittest.main()
