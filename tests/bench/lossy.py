# SPDX-License-Identifier: Apache-2.0
"""
What gets through a network that is slow and loses much, each way: links with the window that they
have by default beside links with a window of one, all of one daemon and at the same time, each with
more to send than it can; each link is a run. Counted are the messages that the cloud has acknowledged, the
datagrams that each took (one, and one for each retransmission), and the messages that the cloud got twice.
In the end the network is good again, and all that was published must have come.
"""

import contextlib
import time

import harness
from place import Missing, Place
from relay import DELAY_S, UdpRelay
from row import Row, at_least, median
from ways import ENOS_V2, PRODUCT, SECRET

LINKS = 16  # of each kind
SECONDS = 60
DRAIN_S = 60
ROUND_TRIP_MS = 200
DROP_PERCENT = 10

# A second, by window, None for the default of 8: more than a link can send.
OFFERED_PER_S = {None: 12, 1: 3}


class Side:
    """The links of one kind, behind a relay that counts."""

    def __init__(self, window, first, door, seconds):
        self.window = window
        self.n = round(OFFERED_PER_S[window] * seconds)
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
            texts = map(harness.post, range(self.n))
            for serial in [client.send(*call, text) for text in texts]:
                client.reply(serial)
            client.signals.clear()

    def delivered(self, daemon):
        """So far, by link."""
        return [daemon.get(device, "Delivered") for device in self.devices]

    def begin(self, daemon):
        self.before = self.delivered(daemon)
        self.relay.take()

    def end(self, daemon, seconds):
        """Messages a second of each link, and datagrams for each message."""
        datagrams = self.relay.take().up
        counts = [after - count for after, count in zip(self.delivered(daemon), self.before)]
        return [count / seconds for count in counts], datagrams / max(sum(counts), 1)

    def check(self, daemon, simulator):
        """Waits until nothing is left; what the cloud got twice. All that was published is there."""
        for device in self.devices:
            daemon.wait_property(device, "Queued", 0, DRAIN_S)
        got = [
            (line["device"].partition("/")[2], line["payload"])
            for line in simulator.record("message")
            if line["device"].partition("/")[2] in self.devices
        ]
        wanted = {(device, harness.post(i)) for device in self.devices for i in range(self.n)}
        if missing := wanted - set(got):
            raise Missing(f"over a bad network: {len(missing)} of {len(wanted)} messages are missing")
        return len(got) - len(set(got))


def impair(simulator, *how):
    simulator.ctl("impair", ENOS_V2.door, *how)


def measure_sides(place, sides, seconds):
    daemon = place.new_daemon("links:\n" + "".join(side.config() for side in sides))
    place.start(daemon, links=[device for side in sides for device in side.devices])
    # Of the time for a round trip, the relays in front take their own part.
    delay_ms = ROUND_TRIP_MS // 2 - round(DELAY_S * 1000)
    impair(place.simulator, f"delay={delay_ms}", f"drop={DROP_PERCENT}")
    for side in sides:
        side.publish(daemon.client)
    for side in sides:
        side.begin(daemon)
    time.sleep(seconds)
    rows = [side.end(daemon, seconds) for side in sides]
    impair(place.simulator)
    return rows, [side.check(daemon, place.simulator) for side in sides]


def measure(bench):
    numbers = range(1, 2 * LINKS + 1)
    seconds = max(SECONDS * bench.scale, 3)
    options = [f"--device={PRODUCT},dev1{number:06},{SECRET}" for number in numbers]
    with Place(bench, ENOS_V2, "--impairable", *options) as place, contextlib.ExitStack() as stack:
        door = place.simulator.endpoints[ENOS_V2.door]
        sides = Side(None, 1, door, seconds), Side(1, LINKS + 1, door, seconds)
        for side in sides:
            stack.callback(side.relay.close)
        ((default, many), (one, few)), (twice, twice_one) = measure_sides(place, sides, seconds)
    return {
        "lossy_goodput": [median(default) / max(median(one), 1 / seconds)],
        "lossy_per_s": default,
        "lossy_window_of_one_per_s": one,
        "lossy_datagrams_per_message": [many],
        "lossy_window_of_one_datagrams_per_message": [few],
        "lossy_messages_twice": [twice + twice_one],
    }


ROWS = (
    Row(
        "lossy_goodput",
        "messages a second over a network with a round trip of 200 ms that loses 10 % each way, as a multiple of "
        "a window of one; 16 links of each kind, at the same time",
        measure,
        (at_least(3),),
    ),
)
