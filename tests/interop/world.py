# SPDX-License-Identifier: Apache-2.0
"""
A bus, simulated clouds and the daemon, with a link for each thing that a client may want of it, and an
observer on the same bus who knows what the client should get to see.
"""

import base64
import contextlib
import itertools

import harness
from client import Client, link_path
from harness import POINTS, SKYBUS_SIM, enos_link, free_ports, link_at, start_stranger

# At 1NCE: any payload is good, and the cloud calls the box.
METER = "meter"
TOPIC = "plant/temperature"
# At EnOS, whose answers have a payload. The name is one that is escaped in a path.
PLANT = "plant-7"
# What is published to it waits for ever.
PARKED = "parked"

METER_PATH = link_path(METER)
PLANT_PATH = link_path(PLANT)
PARKED_PATH = link_path(PARKED)

DELIVERED = ["delivered", "2.04", ""]

# An app's own topics: what is published to these goes to both METER and PLANT, or to METER alone.
READINGS = "readings/temperature"
RAW_READINGS = "raw/temperature"
ROUTES = f"""routes:
  - match: readings/#
    send: all
    to:
      - {{link: {METER}, topic: {TOPIC}}}
      - {{link: {PLANT}, topic: {POINTS}}}
  - match: raw/#
    send: first-online
    to: [{{link: {METER}, topic: {TOPIC}}}]
"""


class World(contextlib.ExitStack):
    def __init__(self, folder, bus_kind):
        super().__init__()
        self.folder = folder
        self.numbers = itertools.count(1)
        try:
            self.start(bus_kind)
        except BaseException:
            self.close()
            raise

    def start(self, bus_kind):
        self.bus = harness.PrivateBus(self.folder, kind=bus_kind)
        self.callback(self.bus.end)
        self.simulator = harness.Simulator(self.folder)
        self.callback(self.simulator.end)
        self.downlink = free_ports(1)
        self.config = ROUTES + "links:\n" + self.links()
        self.daemon = harness.Daemon(self.folder, self.bus, self.config)
        self.callback(self.daemon.client.close)
        self.callback(self.daemon.end)
        self.daemon.start()
        self.observer = Client(self.bus)
        self.callback(self.observer.close)
        for link in METER, PLANT:
            self.daemon.wait_state(link, "online")

    def links(self):
        endpoints = self.simulator.endpoints
        rows = {"plugin": "1nce", "security": "plain", "downlink_from": "127.0.0.0/8"}
        meter = link_at(METER, endpoints["1nce"], **rows, downlink_port=self.downlink)
        plant = enos_link(PLANT, endpoints["enos-v2"])
        return meter + plant + enos_link(PARKED, endpoints["enos-v2"], enabled="no")

    def text(self):
        """Another one each time, with what may be lost on the way to a cloud."""
        return f'{{"n": {next(self.numbers)}, "größe": "5 €"}}'

    def arrived(self, ticket, cloud="1nce"):
        """The last message at the link's cloud, METER's unless given, once that has been delivered."""
        outcome = list(self.observer.wait_ticket(ticket))
        if outcome != DELIVERED:
            raise AssertionError(f"ticket {ticket} ended as {outcome}")
        message = self.simulator.record("message", cloud)[-1]
        if "payload_base64" in message:
            return base64.b64decode(message["payload_base64"])
        return message["payload"]

    def unique_name(self, program):
        """What the bus calls a program that stays."""
        for name in self.observer.call_driver("ListNames")[0]:
            if name.startswith(":"):
                [pid] = self.observer.call_driver("GetConnectionUnixProcessID", "s", name)
                if pid == program.process.pid:
                    return name
        raise AssertionError(f"{program.NAME} is not on the bus")

    def command(self, path, text):
        """METER's cloud calls the box, and waits for the answer."""
        url = f"coap://127.0.0.1:{self.downlink}{path}"
        control = self.simulator.control_path
        return start_stranger(SKYBUS_SIM, "ctl", control, "call", "POST", url, text)

    @staticmethod
    def answer(caller):
        """Code and payload, with a space between them."""
        return caller.communicate(timeout=harness.PATIENCE)[0].removesuffix("\n")

    def rejected(self):
        """The ticket of a message that the cloud has refused."""
        self.simulator.ctl("answer", "1nce", "4.00", 1)
        ticket = self.observer.publish(METER, TOPIC, self.text())
        outcome, *_ = self.observer.wait_ticket(ticket)
        if outcome != "rejected":
            raise AssertionError(f"ticket {ticket} ended as {outcome}")
        return ticket
