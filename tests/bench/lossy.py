# SPDX-License-Identifier: Apache-2.0
"""
What gets through a network that is slow and loses much, each way: links with the window that they
have by default beside links with a window of one, all of one daemon and at the same time, each with
more to send than it can. Counted are the messages that the cloud has acknowledged, the datagrams
that each took (one, and one for each retransmission), and the messages that the cloud got twice.
"""

import contextlib
import statistics
import time

import harness
from relay import DELAY_S, UdpRelay
from ways import ENOS_V2, PRODUCT, SECRET, Place

LINKS = 16  # of each kind
SECONDS = 100
ROUND_TRIP_MS = 200
DROP_PERCENT = 10

# By window, None for the default of 8: more than a link can send in that time.
BACKLOGS = {None: 1200, 1: 300}

HEADER = ("lossy", "per s", "from-to", "up a message", "twice")
FORMAT = "{:20} {:>8} {:>11} {:>13} {:>6}"


class Side:
    """The links of one kind, behind a relay that counts."""

    def __init__(self, window, first, door):
        self.window = window
        self.devices = [f"dev1{number:06}" for number in range(first, first + LINKS)]
        self.relay = UdpRelay(door)
        self.before = None

    def config(self):
        settings = {"endpoint": self.relay.endpoint, "window": self.window}
        links = [harness.enos_link(name, device_key=name, **settings) for name in self.devices]
        return "".join(links)

    def publish(self, client):
        """Fills the queues; each message of a link has an id of its own."""
        for device in self.devices:
            topic = harness.POINTS.replace(harness.DEVICE, device)
            call = harness.link_path(device), harness.LINK + ".Publish", "ss", topic
            texts = map(harness.post, range(BACKLOGS[self.window]))
            for serial in [client.send(*call, text) for text in texts]:
                client.reply(serial)
            client.signals.clear()

    def delivered(self, daemon):
        """So far, by link."""
        return [daemon.get(device, "Delivered") for device in self.devices]

    def begin(self, daemon):
        self.before = self.delivered(daemon)
        self.relay.take()

    def end(self, daemon, simulator):
        """The row."""
        datagrams = self.relay.take().up
        counts = [after - count for after, count in zip(self.delivered(daemon), self.before)]
        rates = [count / SECONDS for count in counts]
        return {
            "per_s": statistics.mean(rates),
            "per_s_least": min(rates),
            "per_s_most": max(rates),
            "datagrams_per_message": datagrams / sum(counts),
            "twice": self.count_twice(simulator),
        }

    def count_twice(self, simulator):
        got = [
            (line["device"], line["payload"])
            for line in simulator.record("message")
            if line["device"].partition("/")[2] in self.devices
        ]
        return len(got) - len(set(got))


def impair(simulator):
    """Of the time for a round trip, the relays in front take their own part."""
    delay_ms = ROUND_TRIP_MS // 2 - round(DELAY_S * 1000)
    simulator.ctl("impair", ENOS_V2.door, f"delay={delay_ms}", f"drop={DROP_PERCENT}")


def measure_sides(place, sides):
    daemon = place.new_daemon("links:\n" + "".join(side.config() for side in sides))
    daemon.start()
    for device in (device for side in sides for device in side.devices):
        daemon.wait_state(device, "online")
    impair(place.simulator)
    for side in sides:
        side.publish(daemon.client)
    for side in sides:
        side.begin(daemon)
    time.sleep(SECONDS)
    return [side.end(daemon, place.simulator) for side in sides]


def measure(build):
    numbers = range(1, 2 * LINKS + 1)
    options = [f"--device={PRODUCT},dev1{number:06},{SECRET}" for number in numbers]
    with Place(ENOS_V2, build, "--impairable", *options) as place, contextlib.ExitStack() as stack:
        door = place.simulator.endpoints[ENOS_V2.door]
        sides = Side(None, 1, door), Side(1, LINKS + 1, door)
        for side in sides:
            stack.callback(side.relay.close)
        rows = measure_sides(place, sides)
    results = dict(zip(("default", "one"), rows))
    ratio = results["default"]["per_s"] / results["one"]["per_s"]
    print(f"{ROUND_TRIP_MS} ms, {DROP_PERCENT} % lost each way, {LINKS} links each, {SECONDS} s")
    print(FORMAT.format(*HEADER))
    for name, row in results.items():
        rate, least, most, datagrams, twice = row.values()
        cells = f"{rate:.2f}", f"{least:.2f}-{most:.2f}", f"{datagrams:.2f}", twice
        print(FORMAT.format(f"window {name}", *cells))
    print(f"{'ratio':20} {ratio:8.2f}", flush=True)
    return results | {"lossy_goodput": ratio}
