# SPDX-License-Identifier: Apache-2.0
"""
A bus, a simulated cloud and the daemon, each a process of its own, in a folder of the test's own.

Nothing here sleeps and hopes: whoever waits, waits for something and until a deadline. When a test
fails, the logs of its processes are shown.
"""

import contextlib
import json
import os
import random
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

import broker
from client import ERROR, LINK, NAME, PATIENCE, Client, DBusError, link_path, run_stranger

SKYBUSD = os.environ["SKYBUSD"]
SKYBUS_SIM = os.environ["SKYBUS_SIM"]
PLUGIN_DIR = os.environ["SKYBUS_PLUGIN_DIR"]
PLUGIN_HOST = os.path.join(os.path.dirname(SKYBUSD), "host", "skybus-plugin-host")
# For all links of a test that runs once more with it; see meson.build.
PLUGIN_ISOLATION = os.environ.get("SKYBUS_PLUGIN_ISOLATION")
SOURCE_ROOT = os.environ["SOURCE_ROOT"]

PRODUCT, DEVICE, SECRET = "pk7TestA", "dev0000001", "AbCdEfGhIjKlMnOpQrSt"
PRODUCT_SECRET = "ZyXwVuTsRqPoNmLkJiHg"
ICCID = "8988280666000000001"
OWN = f"/sys/{PRODUCT}/{DEVICE}"
POINTS = f"{OWN}/thing/measurepoint/post"

# A topic that takes post() at each of three unlike clouds: plain, over DTLS, with encrypted payloads.
TOPICS = {
    "enos-v2": POINTS,
    "enos-dtls": POINTS,
    "aliyun": f"/{PRODUCT}/{DEVICE}/user/update",
}

# Of each log of a test that failed.
LINES_SHOWN = 60


def eventually(condition, what, timeout=PATIENCE):
    """Waits until condition() is true, and returns what it returned."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout} s: {what}")
        time.sleep(0.01)
    return result


def post(number, **points):
    """A good payload for POINTS."""
    params = {"measurepoints": points or {"temp": 21.5}}
    message = {"id": str(number), "version": "1.0", "params": params}
    return json.dumps(message | {"method": "thing.measurepoint.post"}, ensure_ascii=False)


def link_at(name, endpoint, **settings):
    """The configuration of a link at HOST, PORT; a setting that is None is left out."""
    host, port = endpoint
    rows = {"plugin": settings.pop("plugin"), "plugin_isolation": PLUGIN_ISOLATION}
    rows |= {"host": host, "port": port} | settings
    lines = [f"    {key}: {value}\n" for key, value in rows.items() if value is not None]
    return f"  {name}:\n" + "".join(lines)


def enos_link(name, endpoint, secret=SECRET, **settings):
    """A link at EnOS over plain CoAP, for the device that the simulator knows."""
    rows = {"plugin": "enos", "product_key": PRODUCT, "device_key": DEVICE}
    return link_at(name, endpoint, **rows | {"device_secret": secret} | settings)


def cloud_link(name, cloud, endpoint, **settings):
    """A link at one of the clouds in TOPICS, for the device that the simulator knows."""
    plugin, device = ("aliyun", "device_name") if cloud == "aliyun" else (cloud, "device_key")
    rows = {"plugin": plugin, "product_key": PRODUCT, device: DEVICE, "device_secret": SECRET}
    rows |= {"enos-v2": {"plugin": "enos"}, "aliyun": {"mode": "symmetric"}}.get(cloud, {})
    return link_at(name, endpoint, **rows | settings)


def start_stranger(*command):
    """Somebody else's program, which runs on beside the test."""
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class Process:
    """
    A process whose stderr goes to a log in the test's folder. inside is the beginning of its command
    line, such as nsenter(1) with where to.
    """

    def __init__(self, folder, name, inside=()):
        self.log_path = os.path.join(folder, f"{name}.log")
        self.inside = inside
        self.process = None

    def spawn(self, *command, **options):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen((*self.inside, *command), stderr=log, **options)

    @property
    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def end(self, number=signal.SIGTERM):
        """Ends it, waits, and returns its exit status; None if it does not run."""
        if not self.process:
            return None
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            if process.stdout:
                process.stdout.close()


# ---- the bus -------------------------------------------------------------------------------------

OPEN_POLICY = """
  <type>session</type>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_replies_per_connection">50000</limit>"""

# What a system bus allows everybody, system.conf of dbus-daemon(1), before the policy files.
SYSTEM_POLICY = """
  <type>system</type>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>{policy}</include>"""


class PrivateBus(Process):
    """
    A dbus-daemon or a dbus-broker. A dbus-daemon with a policy file is like a system bus, else everything
    is allowed.
    """

    def __init__(self, folder, policy=None, kind="dbus-daemon"):
        super().__init__(folder, "bus")
        self.path = os.path.join(folder, "bus")
        self.address = f"unix:path={self.path}"
        self.controller = None
        if kind == "dbus-broker":
            self.start_broker()
        else:
            self.start_daemon(SYSTEM_POLICY.format(policy=policy) if policy else OPEN_POLICY)

    def start_daemon(self, rules):
        config = f"{self.path}.conf"
        with open(config, "w", encoding="utf-8") as file:
            file.write(
                '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"'
                ' "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">\n'
                f"<busconfig>\n  <listen>{self.address}</listen>\n  <auth>EXTERNAL</auth>"
                f"{rules}\n</busconfig>\n"
            )
        self.config = config
        self.start()

    def start(self):
        """Starts it; after end() again, at the same address."""
        self.spawn(
            "dbus-daemon",
            f"--config-file={self.config}",
            "--nofork",
            "--nopidfile",
            "--nosyslog",
            "--print-address",
            stdout=subprocess.PIPE,
        )
        if not self.process.stdout.readline():
            raise RuntimeError(f"dbus-daemon does not start: {self.log}")

    def start_broker(self):
        listener, self.controller, its_end = broker.open_sockets(self.path)
        with listener, its_end:
            self.spawn(*broker.command(its_end), pass_fds=[its_end.fileno()])
            # Closed here, so that a broker that has ended is not waited for.
            its_end.close()
            broker.add_listener(self.controller, listener)

    def end(self, number=signal.SIGTERM):
        try:
            return super().end(number)
        finally:
            if self.controller:
                self.controller.close()


# ---- the cloud -----------------------------------------------------------------------------------


def free_ports(n):
    """The first of n ports in a row that nobody has, UDP and TCP, below those the kernel gives out."""
    while True:
        base = random.randrange(10000, 32000)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(base, base + n):
                for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
                    probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
                    probe.bind(("127.0.0.1", port))
            return base


class Simulator(Process):
    """A skybus-sim; it can be ended and started again at the same ports."""

    DOORS = (
        "enos-v1",
        "enos-v2",
        "enos-dtls",
        "aliyun",
        "aliyun-dtls",
        "1nce",
        "1nce-dtls",
        "1nce-https",
    )

    def __init__(self, folder, *options, inside=()):
        super().__init__(folder, "simulator", inside)
        self.record_path = os.path.join(folder, "record.jsonl")
        self.options = options
        self.control_path = os.path.join(folder, "control")
        self.ca_path = os.path.join(folder, "ca.pem")
        self.base = free_ports(len(self.DOORS))
        self.endpoints = {}
        self.start()

    def start(self):
        self.spawn(
            SKYBUS_SIM,
            f"--port-base={self.base}",
            f"--record={self.record_path}",
            f"--control={self.control_path}",
            f"--ca-file={self.ca_path}",
            *self.options,
            stdout=subprocess.PIPE,
        )
        deadline = time.monotonic() + PATIENCE
        output = ""
        while len(output.splitlines()) < len(self.DOORS) or output[-1] != "\n":
            wait = max(deadline - time.monotonic(), 0)
            if not select.select([self.process.stdout], [], [], wait)[0]:
                raise TimeoutError(f"skybus-sim says nothing: {self.log}")
            chunk = os.read(self.process.stdout.fileno(), 4096).decode()
            if not chunk:
                raise RuntimeError(f"skybus-sim does not start: {self.log}")
            output += chunk
        for line in output.splitlines():
            name, url = line.split()
            host, port = url.partition("://")[2].rsplit(":", 1)
            self.endpoints[name] = (host, int(port))

    def ctl(self, *words):
        """Has the simulator do something; returns what it says."""
        done = run_stranger(SKYBUS_SIM, "ctl", self.control_path, *map(str, words))
        if done.returncode != 0:
            raise RuntimeError(f"skybus-sim ctl {' '.join(map(str, words))}: {done.stderr}")
        return done.stdout.strip()

    def record(self, event=None, cloud=None):
        """The lines that are whole."""
        if not os.path.exists(self.record_path):
            return []
        with open(self.record_path, encoding="utf-8") as file:
            # Read at once: at its end a file that grows may give a line in two parts.
            lines = [json.loads(line) for line in file.read().split("\n")[:-1]]
        return [
            line
            for line in lines
            if event in (None, line["event"]) and cloud in (None, line["cloud"])
        ]

    def ids(self, cloud=None):
        """The ids of the messages that came, in their order."""
        return [json.loads(line["payload"])["id"] for line in self.record("message", cloud)]


# ---- the daemon ----------------------------------------------------------------------------------


class Daemon(Process):
    """A skybusd with a configuration and a state directory; it can be started again and again."""

    def __init__(self, folder, bus, config, plugin_dir=PLUGIN_DIR, inside=()):
        super().__init__(folder, "daemon", inside)
        self.bus = bus
        self.config_path = os.path.join(folder, "skybus.yaml")
        self.state_dir = os.path.join(folder, "state")
        self.plugin_dir = plugin_dir
        os.makedirs(self.state_dir, mode=0o700, exist_ok=True)
        self.configure(config)
        self.connect()

    def connect(self):
        """Listens on the bus; after the bus has been away, anew."""
        self.client = Client(self.bus)
        self.client.match(f"type='signal',sender='{NAME}'")
        self.client.match(
            "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
            f"arg0='{NAME}'"
        )

    def configure(self, config):
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(config)
        os.chmod(self.config_path, 0o600)

    def command(self, *more):
        return (
            SKYBUSD,
            "--config",
            self.config_path,
            "--state-dir",
            self.state_dir,
            "--plugin-dir",
            self.plugin_dir,
            "--plugin-host",
            PLUGIN_HOST,
            *more,
        )

    def start(self):
        """Starts it and waits until it has its name."""
        self.spawn(*self.command("--address", self.bus.address, "--log-level", "debug"))
        eventually(self.has_name, "the daemon's name on the bus")

    def has_name(self):
        self.check_running()
        return self.client.call_driver("NameHasOwner", "s", NAME)[0]

    def check_running(self):
        if self.process and self.process.poll() is not None:
            raise RuntimeError(f"skybusd has ended with {self.process.returncode}")

    def end(self, number=signal.SIGTERM):
        status = super().end(number)
        if status is not None and self.bus.process:
            eventually(lambda: not self.has_name(), "the daemon's name to go")
        return status

    def kill(self):
        return self.end(signal.SIGKILL)

    def forget_logins(self, link):
        """
        While it does not run: the logins that count at EnOS are not on disk any more, as after two minutes
        of running. Those are really waited for in test-outage.py.
        """
        database = os.path.join(self.state_dir, "skybus.db")
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            done = connection.execute(
                "DELETE FROM memory WHERE key = 'logins'"
                " AND link = (SELECT id FROM link WHERE name = ?)",
                (link,),
            )
            if done.rowcount != 1:
                raise RuntimeError(f"no logins of {link} are on disk")

    def check_config(self):
        return run_stranger(*self.command("--check-config"))

    def wait_for(self, condition, what, timeout=PATIENCE):
        """Waits until condition() is true; it is asked again after each signal of the daemon."""
        deadline = time.monotonic() + timeout
        while not (result := condition()):
            try:
                self.client.next_signal(max(deadline - time.monotonic(), 0))
            except TimeoutError:
                raise TimeoutError(f"not within {timeout} s: {what}") from None
            self.client.signals.clear()
            self.check_running()
        return result

    def get(self, link, name):
        """A link's property; None while there is no such link."""
        try:
            return self.client.get(link_path(link), LINK, name)
        except DBusError as error:
            if error.name.startswith("org.freedesktop.DBus.Error."):
                return None
            raise

    def wait_property(self, link, name, accept, timeout=PATIENCE):
        """Waits until a link's property is a value, or fulfils a condition; returns it."""
        test = accept if callable(accept) else lambda value: value == accept
        seen = []

        def look():
            seen[:] = [self.get(link, name)]
            return seen[0] is not None and test(seen[0])

        try:
            self.wait_for(look, name, timeout)
        except TimeoutError:
            raise TimeoutError(
                f"{name} of {link} is {seen[0]!r} after {timeout} s, and State is "
                f"{self.get(link, 'State')!r}: {self.get(link, 'StateReason')}"
            ) from None
        return seen[0]

    def wait_state(self, link, *states, timeout=PATIENCE):
        return self.wait_property(link, "State", lambda state: state in states, timeout)


# ---- the tests' frame ----------------------------------------------------------------------------


def show_logs(folder, title):
    for name in sorted(os.listdir(folder)):
        if name.endswith((".log", ".jsonl", ".yaml")):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8", errors="replace") as file:
                last = "".join(file.readlines()[-LINES_SHOWN:])
            print(f"---- {title}: the end of {name}\n{last}", file=sys.stderr)


class SystemTest(unittest.TestCase):
    """A test with a folder of its own and whatever processes it starts; all are gone afterwards."""

    maxDiff = None

    def run(self, result=None):
        self.folder = tempfile.mkdtemp(prefix="skybus-system-")
        before = len(result.failures) + len(result.errors)
        try:
            return super().run(result)
        finally:
            if len(result.failures) + len(result.errors) > before:
                self.show_logs()
            shutil.rmtree(self.folder, ignore_errors=True)

    def show_logs(self):
        show_logs(self.folder, self.id())

    def start_bus(self, policy=None):
        bus = PrivateBus(self.folder, policy)
        self.addCleanup(bus.end)
        return bus

    def start_simulator(self, *options, inside=()):
        simulator = Simulator(self.folder, *options, inside=inside)
        self.addCleanup(simulator.end)
        return simulator

    def new_daemon(self, bus, config, plugin_dir=PLUGIN_DIR, inside=()):
        daemon = Daemon(self.folder, bus, config, plugin_dir, inside)
        self.addCleanup(lambda: daemon.client.close())
        self.addCleanup(daemon.end)
        return daemon

    def start_daemon(self, bus, config, plugin_dir=PLUGIN_DIR, inside=()):
        daemon = self.new_daemon(bus, config, plugin_dir, inside)
        daemon.start()
        return daemon

    def new_client(self, bus):
        client = Client(bus)
        self.addCleanup(client.close)
        return client

    @contextlib.contextmanager
    def assert_refused(self, name, *words):
        """An error of ours, whose sentence holds all these words."""
        with self.assertRaises(DBusError) as caught:
            yield
        self.assertEqual(caught.exception.name, ERROR + name, caught.exception.text)
        for word in words:
            self.assertIn(word, caught.exception.text)


def is_beside(case, beside):
    name = case.id().partition(".")[2]
    return any(name == other or name.startswith(other + ".") for other in beside)


def all_cases(suite):
    for item in suite:
        yield from all_cases(item) if isinstance(item, unittest.TestSuite) else (item,)


def start_beside(name):
    """The same file, with only this test or class of it."""
    out = tempfile.TemporaryFile()
    return subprocess.Popen((sys.executable, sys.argv[0], name), stdout=out, stderr=out), out


def end_beside(process, out):
    """Waits, shows what it said, and returns whether all went well."""
    with out:
        status = process.wait()
        out.seek(0)
        print(out.read().decode(errors="replace"), file=sys.stderr, flush=True)
    return status == 0


def run_side_by_side(beside):
    """One after the other, but those beside meanwhile, each in a process of its own."""
    cases = all_cases(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    suite = unittest.TestSuite(case for case in cases if not is_beside(case, beside))
    started = []
    try:
        started += [start_beside(name) for name in beside]
        good = [unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()]
        good += [end_beside(*other) for other in started]
        return all(good)
    finally:
        for process, _ in started:
            if process.poll() is None:
                process.terminate()
                process.wait()


def main(beside=()):
    """
    Runs the tests of this file. Those named in beside, by "Class" or "Class.test", do little but wait, so
    they do it while the others run.
    """
    # A test that is told to stop ends as if it had failed, so that its processes end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if beside and len(sys.argv) == 1:
        sys.exit(0 if run_side_by_side(beside) else 1)
    unittest.main(verbosity=2)
