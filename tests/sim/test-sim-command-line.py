# SPDX-License-Identifier: Apache-2.0
"""
skybus-sim in the hands of people: its options, and its orders.

Usage: test-sim-command-line.py PATH-OF-SKYBUS-SIM [unittest's arguments]
"""

import signal
import subprocess
import tempfile
import unittest

import coapwire
from coapwire import POST
from simulator import AUTH, COMMANDS, DEVICE, DOORS, ICCID, POINTS, PRODUCT, SCHEMES, SECRET, SET
from simulator import SIMULATOR, Simulator, SimulatorTest, free_port, login, post


class ControlTest(SimulatorTest):
    def test_status(self):
        status, text, error = self.simulator.order("status")
        self.assertEqual((status, error), (0, ""))
        for name, url in self.simulator.urls.items():
            self.assertIn(f"{name} {url}\n", text)

    def test_refusal(self):
        status, text, error = self.simulator.order("expire", "nothing")
        self.assertEqual((status, text), (1, ""))
        self.assertIn("nothing", error)

    def test_command(self):
        device = self.client("enos-v2")
        self.assertEqual(device.request(POST, AUTH, login().encode()).code, "2.04")
        self.assertEqual(self.simulator.order("command", f"{SET}={COMMANDS[0]}")[0], 0)
        reply = device.request(POST, "/topic" + POINTS, post().encode())
        self.assertEqual(reply.option(2102).decode(), COMMANDS[0])
        line = self.simulator.record("command")[0]
        self.assertEqual((line["topic"], line["payload"]), (SET, COMMANDS[0]))

    def test_time_passes(self):
        device = self.client("enos-v2")
        self.assertEqual(device.request(POST, AUTH, login(lifetime=60).encode()).code, "2.04")
        self.assertEqual(self.simulator.order("clock", "61")[0], 0)
        self.assertEqual(device.request(POST, "/topic" + POINTS, post().encode()).code, "4.01")

    def test_secret_changes(self):
        device = self.client("enos-v2")
        name = f"{PRODUCT}/{DEVICE}"
        self.assertEqual(self.simulator.order("rotate", "enos-v2", name, "another")[0], 0)
        self.assertEqual(device.request(POST, AUTH, login().encode()).code, "4.01")
        other = login(secret="another").encode()
        self.assertEqual(device.request(POST, AUTH, other).code, "2.04")


class BadNetworkTest(SimulatorTest):
    options = ("--impairable", "--seed", "1")

    def test_it_gets_better_again(self):
        device = self.client("enos-v2")
        self.assertEqual(self.simulator.order("impair", "enos-v2", "duplicate=100")[0], 0)
        message = device.message(POST, AUTH, login().encode())
        self.assertEqual(device.exchange(message).code, "2.04")
        self.assertEqual(device.socket.recv(2048)[1], coapwire.code("2.04"))
        self.assertEqual(len(self.simulator.record("login")), 1)
        self.assertEqual(self.simulator.order("impair", "enos-v2", "drop=100")[0], 0)
        device.socket.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            while True:
                device.exchange(message)
        self.assertEqual(self.simulator.order("impair", "enos-v2")[0], 0)
        self.assertEqual(device.exchange(message).code, "2.04")


class CommandLineTest(unittest.TestCase):
    def run_simulator(self, *options):
        return subprocess.run(
            [SIMULATOR, *options], capture_output=True, text=True, check=False, timeout=60
        )

    def test_bad_usage(self):
        bad = [
            ["--nonsense"],
            ["word"],
            ["--port-base", "0"],
            ["--port-base", "65529"],
            ["--product", "pk"],
            ["--product", "a,b", "--product", "a,c"],
            ["--sim", "123"],
            ["--sim", ICCID, "--sim", ICCID],
            ["--seed", "x"],
            ["--port-base", "80x"],
            ["--address", "localhost"],
            ["--device", f"{PRODUCT},{SECRET}"],
            ["--device", f"a,b,{SECRET}", "--device", f"a,b,{SECRET}"],
            ["--command", "no topic"],
            ["--command", "/sys/pk/dk/x=1"],
            ["--command", f"{SET}=1"] * 51,
            ["--command", f"{SET}=" + "x" * 1000],
        ]
        for options in bad:
            done = self.run_simulator(*options)
            self.assertEqual((done.returncode, done.stdout), (2, ""), options)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertNotIn(SECRET, done.stderr)

    def test_bad_ctl(self):
        for words in ([], ["/nowhere"], ["/nowhere", "status"], ["/nowhere", "x" * 200]):
            done = self.run_simulator("ctl", *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_help_and_version(self):
        for option in ("--help", "--version"):
            done = self.run_simulator(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("skybus-sim", done.stdout)
        texts = [self.run_simulator(*words).stdout for words in (["--help"], ["ctl", "--help"])]
        self.assertEqual(texts[0], texts[1])

    def test_record_that_cannot_be_made(self):
        done = self.run_simulator("--record", "/nowhere/record")
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_chosen_ports_and_devices(self):
        base = free_port()
        with tempfile.TemporaryDirectory() as folder:
            options = ["--port-base", str(base), "--device", f"{PRODUCT},{DEVICE},{SECRET}"]
            simulator = Simulator(folder, *options, "--device", "a,b,c")
            self.addCleanup(simulator.process.kill)
            urls = {
                name: f"{SCHEMES.get(name, 'coap')}://127.0.0.1:{base + i}"
                for i, name in enumerate(DOORS)
            }
            self.assertEqual(simulator.urls, urls)
            client = simulator.client("enos-v2")
            self.assertEqual(client.request(POST, AUTH, login().encode()).code, "2.04")
            client.close()
            done = self.run_simulator("--port-base", str(base))
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("Address already in use", done.stderr)
            self.assertEqual(simulator.stop(signal.SIGINT), (0, ""))


if __name__ == "__main__":
    unittest.main()
