# SPDX-License-Identifier: Apache-2.0
"""A skybus-sim for strangers to talk to."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import coapwire

SIMULATOR = os.path.abspath(sys.argv.pop(1))

# Every door, in the order of its line on stdout.
DOORS = ["enos-v1", "enos-v2", "enos-dtls", "aliyun", "aliyun-dtls"]
DOORS += ["1nce", "1nce-dtls", "1nce-https"]
SCHEMES = dict.fromkeys(["enos-dtls", "aliyun-dtls", "1nce-dtls"], "coaps")
SCHEMES |= {"1nce-https": "https"}
ICCID = "8988280666000000001"
PRODUCT, DEVICE, SECRET = "pk7TestA", "dev0000001", "AbCdEfGhIjKlMnOpQrSt"
AUTH = f"/auth/{PRODUCT}/{DEVICE}"
OWN = f"/sys/{PRODUCT}/{DEVICE}"
POINTS = f"{OWN}/thing/measurepoint/post"
SET = f"{OWN}/thing/service/measurepoint/set"
COMMANDS = ['{"id":"1","params":{"a":1}}', '{"id":"2","params":{"a":2}}']

COAP_CLIENT = shutil.which("coap-client-gnutls")
DTLS_CLIENTS = [COAP_CLIENT, shutil.which("coap-client-openssl")]
CURL = shutil.which("curl")
OPENSSL = shutil.which("openssl")


def login(lifetime=3600, secret=SECRET):
    """The payload of /auth."""
    text = f"deviceKey{DEVICE}lifetime{lifetime}productKey{PRODUCT}secureMode2{secret}"
    sign = hashlib.sha256(text.encode()).hexdigest().upper()
    return json.dumps({"secureMode": 2, "lifetime": lifetime, "sign": sign})


def post(number="1"):
    """A good payload of a measurepoint post."""
    params = {"measurepoints": {"power": {"value": 1.0, "quality": 9}}, "time": 1700000000000}
    message = {"id": number, "version": "1.0", "method": "thing.measurepoint.post"}
    return json.dumps(message | {"params": params})


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Simulator:
    """A running skybus-sim."""

    def __init__(self, folder, *options):
        self.record_path = os.path.join(folder, "record")
        self.control_path = os.path.join(folder, "control")
        self.ca_path = os.path.join(folder, "ca.pem")
        command = [SIMULATOR, "--record", self.record_path, "--control", self.control_path]
        self.process = subprocess.Popen(
            [*command, "--ca-file", self.ca_path, *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.urls = dict(self.process.stdout.readline().split() for _ in DOORS)

    def stop(self, number=signal.SIGTERM):
        """Ends it; its exit status, and what more it wrote to stdout."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=20)
        return self.process.returncode, output

    def client(self, name):
        host, port = self.urls[name].removeprefix("coap://").rsplit(":", 1)
        return coapwire.Client(host, int(port))

    def order(self, *words):
        """Gives an order; what "skybus-sim ctl" says to it."""
        command = [SIMULATOR, "ctl", self.control_path, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def record(self, event=None):
        with open(self.record_path, encoding="utf-8") as lines:
            events = [json.loads(line) for line in lines]
        return [line for line in events if event in (None, line["event"])]


class SimulatorTest(unittest.TestCase):
    options = ()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.simulator = Simulator(folder.name, *self.options)
        self.addCleanup(self.end)

    def end(self):
        if self.simulator.process.returncode is None:
            self.assertEqual(self.simulator.stop(), (0, ""))

    def client(self, name):
        client = self.simulator.client(name)
        self.addCleanup(client.close)
        return client
