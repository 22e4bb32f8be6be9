# SPDX-License-Identifier: Apache-2.0
"""
What a login costs on the wire, per way into a cloud: round trips, and payload of UDP (of TCP for
HTTPS) up to the cloud and down from it. Counted in front of the simulator's doors, from the start
of the daemon until the link is online and nothing more has passed for a while; the first time, and
when the daemon is started again with what it remembers. Over HTTPS the first round trip opens the
connection, and the last is TLS' farewell, for which nobody waits.
"""

import contextlib

from place import Place
from relay import TcpRelay, UdpRelay
from row import Row, parts_of
from ways import LOGINS

QUIET_S = 0.3


def logins_of(place):
    """What passed the first time and after a restart, by kind of relay."""
    way, simulator = place.way, place.simulator
    with contextlib.ExitStack() as stack:
        relays = {
            "udp": UdpRelay(simulator.endpoints[way.door]),
            "https": TcpRelay(simulator.endpoints["1nce-https"]),
        }
        for relay in relays.values():
            stack.callback(relay.close)
        places = {"endpoint": relays["udp"].endpoint, "https": relays["https"].endpoint}
        daemon = place.new_daemon(**places)
        stack.callback(daemon.end)
        for when in "first", "restart":
            place.start(daemon)
            for relay in relays.values():
                relay.settle(QUIET_S)
            yield when, {kind: relay.take() for kind, relay in relays.items()}
            daemon.end()
            for relay in relays.values():
                relay.settle(QUIET_S)
                relay.take()


def measure(bench):
    """What is counted is always the same, so there is one run."""
    series = {}
    for way in LOGINS:
        with Place(bench, way) as place:
            for when, counts in logins_of(place):
                for kind, count in counts.items():
                    if kind == "https" and count.round_trips == 0:
                        continue
                    name = f"{way.name}, {when}, {kind}"
                    series[f"login_bytes/{name}"] = [count.up_bytes + count.down_bytes]
                    series[f"login_round_trips/{name}"] = [count.round_trips]
    return series


ROWS = (
    Row(
        "login_bytes",
        "payload of UDP, of TCP for HTTPS, up and down, from the start until the link is online",
        measure,
        parts=parts_of("login_bytes"),
    ),
    Row("login_round_trips", "round trips of that", measure, parts=parts_of("login_round_trips")),
)
