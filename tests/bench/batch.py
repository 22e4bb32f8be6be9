# SPDX-License-Identifier: Apache-2.0
"""
What a reading costs on the wire, per way into a cloud that takes several in a request: one every five
seconds, alone, and with batch: 60s, which makes one request of twelve. Counted in front of the
simulator's doors, both ways, with 28 bytes of IP and UDP for each datagram, from when the link is
online until the cloud has all; so without the login. Time is squeezed: twelve readings are
published, the link has them wait a second, and the next twelve follow when the cloud has those.
"""

import contextlib
import dataclasses
import json

from place import Missing, Place
from relay import UdpRelay
from row import Row, parts_of
from ways import ALIYUN_CERTIFICATE, ALIYUN_SYMMETRIC, ENOS_DTLS, ENOS_V1, ENOS_V2, LINK

ENVELOPES = {"enos": "measurepoint", "enos-dtls": "measurepoint", "aliyun": "property"}
GROUPS = 5
TOGETHER = 12
IP_AND_UDP = 28
QUIET_S = 0.3


def publish(daemon, groups):
    """One group after the other."""
    for group in range(groups):
        readings = [json.dumps({"temp": 20 + group / 10 + i / 100}) for i in range(TOGETHER)]
        tickets = [daemon.client.publish(LINK, "telemetry", reading) for reading in readings]
        for ticket in tickets:
            outcome = daemon.client.wait_ticket(ticket)
            if outcome[0] != "delivered":
                raise Missing(f"a reading ended as {outcome}")


def measure_way(bench, way, hold):
    groups = bench.count(GROUPS)
    settings = way.settings | {"envelope": ENVELOPES[way.plugin], "batch": hold}
    way = dataclasses.replace(way, settings=settings)
    with Place(bench, way) as place, contextlib.ExitStack() as stack:
        relay = UdpRelay(place.simulator.endpoints[way.door])
        stack.callback(relay.close)
        daemon = place.new_daemon(endpoint=relay.endpoint)
        stack.callback(daemon.end)
        place.start(daemon)
        relay.settle(QUIET_S)
        relay.take()
        publish(daemon, groups)
        relay.settle(QUIET_S)
        count = relay.take()
    datagrams = count.up + count.down
    total = count.up_bytes + count.down_bytes + datagrams * IP_AND_UDP
    return total / (groups * TOGETHER)


def measure(bench):
    """What is counted is always the same, so there is one run."""
    series = {}
    for way in ENOS_V1, ENOS_V2, ENOS_DTLS, ALIYUN_SYMMETRIC, ALIYUN_CERTIFICATE:
        series[f"reading_alone_bytes/{way.name}"] = [measure_way(bench, way, "0")]
        series[f"reading_batched_bytes/{way.name}"] = [measure_way(bench, way, "1s")]
    return series


ROWS = (
    Row(
        "reading_alone_bytes",
        'bytes up and down, with IP and UDP, for a reading such as {"temp": 21.5}',
        measure,
        parts=parts_of("reading_alone_bytes"),
    ),
    Row(
        "reading_batched_bytes",
        "the same with batch, where twelve go together",
        measure,
        parts=parts_of("reading_batched_bytes"),
    ),
)
