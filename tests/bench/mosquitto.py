# SPDX-License-Identifier: Apache-2.0
"""
The peer from another world: an app, a mosquitto that bridges to another one, and a subscriber there, with
QoS 1. The first broker stands for the daemon, and it is what is measured; the second one is the cloud. No
queue has a bound, for the default one drops messages of QoS 1.
"""

import contextlib
import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import harness
from place import MARK, SIZE_BYTES, Missing, cpu_s, memory_kb, numbered, written_bytes

# As Debian ships it; and so that as little as can be is lost.
SHIPPED = ""
DURABLE = "autosave_on_changes true\nautosave_interval 1\n"

TOPIC = "plant/temperature"
WARM_UP = "warm-up"
PATIENCE_S = 120
KEYS = ("per_s", "cpu_us_per_message", "rss_kb", "disk_bytes_per_message")

CONFIG = """
user {user}
listener {port} 127.0.0.1
allow_anonymous true
log_dest stderr
log_type error
max_queued_messages 0
persistence true
persistence_location {folder}/
"""
BRIDGE = """
connection cloud
address 127.0.0.1:{port}
topic # out 1
cleansession false
restart_timeout 1
"""


def program(name):
    """Its path; Debian has the broker where only root looks."""
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def is_installed():
    return all(map(program, ("mosquitto", "mosquitto_pub", "mosquitto_sub")))


def free_port():
    """Of TCP, not of those the kernel gives out by itself."""
    while True:
        port = random.randrange(10000, 32000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Broker(harness.Process):
    def __init__(self, folder, name, settings):
        super().__init__(folder, name)
        self.port = free_port()
        place = os.path.join(folder, name)
        os.mkdir(place)
        path = f"{place}.conf"
        user = "root" if os.geteuid() == 0 else "mosquitto"
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(user=user, port=self.port, folder=place) + settings)
        self.spawn(program("mosquitto"), "-c", path)
        harness.eventually(self.listens, f"mosquitto listens: {self.log}")

    def listens(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False


class Subscriber:
    """Gathers what comes, on a thread of its own."""

    def __init__(self, port):
        command = ("-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t", "#", "-i", "reader")
        self.process = subprocess.Popen(
            [program("mosquitto_sub"), *command], stdout=subprocess.PIPE, text=True
        )
        self.lines = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()


def publish(port, lines):
    """One message a line; returns when the broker has acknowledged all."""
    command = ("-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t", TOPIC, "-l")
    subprocess.run(
        [program("mosquitto_pub"), *command],
        input="".join(f"{line}\n" for line in lines),
        text=True,
        check=True,
    )


def run(near, subscriber, n):
    """Messages a second, from the first until the subscriber has all."""
    payload = numbered(SIZE_BYTES)
    messages = [payload.replace(MARK, f"{number:08}") for number in range(n)]
    begun = time.monotonic()
    publish(near.port, messages)
    while len(subscriber.lines) < n and time.monotonic() < begun + PATIENCE_S:
        time.sleep(0.0005)
    took = time.monotonic() - begun
    if missing := set(messages) - set(subscriber.lines):
        raise Missing(f"mosquitto: {len(missing)} of {n} messages have not come through the bridge")
    return n / took


def warm_up(near, subscriber):
    """Until the bridge stands."""
    deadline = time.monotonic() + PATIENCE_S
    while WARM_UP not in subscriber.lines:
        if time.monotonic() > deadline:
            raise TimeoutError(f"mosquitto: the bridge does not stand: {near.log}")
        publish(near.port, [WARM_UP])
        time.sleep(0.1)
    time.sleep(0.2)
    subscriber.lines.clear()


def measure(bench, n, settings):
    """What the broker that bridges does; None for each if mosquitto is not installed."""
    if not is_installed():
        return dict.fromkeys(KEYS)
    with contextlib.ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix="mosquitto-", dir=bench.folder)
        stack.callback(shutil.rmtree, folder)
        far = Broker(folder, "far", SHIPPED)
        stack.callback(far.end)
        near = Broker(folder, "near", settings + BRIDGE.format(port=far.port))
        stack.callback(near.end)
        subscriber = Subscriber(far.port)
        stack.callback(subscriber.end)
        warm_up(near, subscriber)
        cpu, written = cpu_s(near.process), written_bytes(near.process)
        rate = run(near, subscriber, n)
        return {
            "per_s": rate,
            "cpu_us_per_message": (cpu_s(near.process) - cpu) / n * 1e6,
            "rss_kb": memory_kb(near.process)[0],
            "disk_bytes_per_message": (written_bytes(near.process) - written) / n,
        }
