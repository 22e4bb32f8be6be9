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

from relay import UdpRelay
from ways import ALIYUN_CERTIFICATE, ALIYUN_SYMMETRIC, ENOS_DTLS, ENOS_V1, ENOS_V2, LINK, Place

ENVELOPES = {"enos": "measurepoint", "enos-dtls": "measurepoint", "aliyun": "property"}
GROUPS = 10
TOGETHER = 12
IP_AND_UDP = 28
QUIET_S = 0.3

HEADER = ("batch", "requests", "bytes each", "batched", "bytes each", "ratio")
FORMAT = "{:20} {:>9} {:>11} {:>9} {:>11} {:>6}"


def publish(place, daemon):
    """One group after the other."""
    for group in range(GROUPS):
        readings = [json.dumps({"temp": 20 + group / 10 + i / 100}) for i in range(TOGETHER)]
        tickets = [daemon.client.publish(LINK, "telemetry", reading) for reading in readings]
        for ticket in tickets:
            outcome = daemon.client.wait_ticket(ticket)
            assert outcome[0] == "delivered", outcome


def measure_way(way, build, hold):
    settings = way.settings | {"envelope": ENVELOPES[way.plugin], "batch": hold}
    way = dataclasses.replace(way, settings=settings)
    with Place(way, build) as place, contextlib.ExitStack() as stack:
        relay = UdpRelay(place.simulator.endpoints[way.door])
        stack.callback(relay.close)
        daemon = place.new_daemon(endpoint=relay.endpoint)
        stack.callback(daemon.end)
        place.start(daemon)
        relay.settle(QUIET_S)
        relay.take()
        publish(place, daemon)
        relay.settle(QUIET_S)
        count = relay.take()
    datagrams = count.up + count.down
    total = count.up_bytes + count.down_bytes + datagrams * IP_AND_UDP
    return {"requests": count.up, "bytes_per_reading": total / (GROUPS * TOGETHER)}


def measure(build):
    results = {}
    print(f"{GROUPS * TOGETHER} readings, {TOGETHER} of which go together")
    print(FORMAT.format(*HEADER))
    for way in ENOS_V1, ENOS_V2, ENOS_DTLS, ALIYUN_SYMMETRIC, ALIYUN_CERTIFICATE:
        alone, batched = (measure_way(way, build, hold) for hold in ("0", "1s"))
        ratio = alone["bytes_per_reading"] / batched["bytes_per_reading"]
        cells = [f"{side[key]:.0f}" for side in (alone, batched) for key in side]
        print(FORMAT.format(way.name, *cells, f"{ratio:.2f}"), flush=True)
        results[way.name] = {"alone": alone, "batched": batched, "ratio": ratio}
    return results
