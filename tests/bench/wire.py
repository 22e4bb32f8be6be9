# SPDX-License-Identifier: Apache-2.0
"""
What a message costs on the wire beyond its payload, per way into a cloud: all bytes up and down, with 28 of
IP and UDP for each datagram, once the link is online. Beside it the least that RFC 7252 and the cloud's rules
leave: one confirmable request, answered in its acknowledgement, with

- a header of 4 bytes, and the options that the cloud demands, as section 3.1 encodes them;
- a token of 4 bytes without DTLS, for section 5.3.1 asks for 32 random bits there, and of 1 inside, since
  several requests are in flight;
- inside DTLS 1.2, 29 bytes around each message: a record's header (13), and what the suite that section 9
  makes mandatory adds, AES-128-CCM-8 (8 in front, 8 behind);
- the cloud's answer as it is, with that token.
"""

import contextlib
import dataclasses

import coapwire
from place import SIZE_BYTES, Place
from relay import UdpRelay
from row import Row, parts_of
from ways import ALIYUN_CERTIFICATE, ALIYUN_SYMMETRIC, ENOS_DTLS, ENOS_V2, ONCE_DTLS, ONCE_PLAIN

COUNT = 10
QUIET_S = 0.3
IP_AND_UDP = 28
HEADER = 4
MARKER = 1
TOKEN, TOKEN_IN_DTLS = 4, 1
# That of the daemon, with or without.
TOKEN_NOW = 4
RECORD = 13 + 8 + 8
URI_PATH, URI_QUERY, CONTENT_FORMAT, ACCEPT = 11, 15, 12, 17
ALIYUN_TOKEN, ALIYUN_SEQUENCE = 2088, 2089
JSON = b"\x32"
BLOCK = 16

# Of Aliyun's, which a message has to show; seen without DTLS, where it can be read.
token_len = {}


class Tap(UdpRelay):
    """Keeps what passes."""

    def begin(self):
        self.seen_up, self.seen_down = [], []
        super().begin()

    def went_up(self, data):
        self.seen_up.append(data)
        super().went_up(data)

    def came_down(self, data):
        self.seen_down.append(data)
        super().came_down(data)


def segments(topic):
    return [(URI_PATH, part.encode()) for part in f"/topic{topic}".split("/")[1:]]


def options_of(way):
    """What the cloud demands of a message."""
    if way.plugin == "1nce":
        return [(URI_QUERY, f"t={way.topic}".encode())]
    options = segments(way.topic)
    if way.plugin == "aliyun":
        options += [(CONTENT_FORMAT, JSON), (ACCEPT, JSON)]
        options += [(ALIYUN_TOKEN, b"x" * token_len["aliyun"])]
    if way is ALIYUN_SYMMETRIC:
        options += [(ALIYUN_SEQUENCE, b"x" * BLOCK)]
    return options


def message_len(way, token):
    """Of a message in CoAP, without the payload itself."""
    padding = BLOCK - SIZE_BYTES % BLOCK if way is ALIYUN_SYMMETRIC else 0
    return len(coapwire.encode(coapwire.CON, coapwire.POST, 0, b"x" * token, options_of(way))) + MARKER + padding


def minimum(way, up_len, down_len):
    """Where the daemon's own datagrams are so long."""
    in_dtls = way.door.endswith("-dtls")
    token, record = (TOKEN_IN_DTLS, RECORD) if in_dtls else (TOKEN, 0)
    record_now = up_len - SIZE_BYTES - message_len(way, TOKEN_NOW) if in_dtls else 0
    up = message_len(way, token) + record
    down = down_len - record_now - TOKEN_NOW + token + record
    return up + down + 2 * IP_AND_UDP


@dataclasses.dataclass
class Cost:
    total: float
    least: int


def measure_way(place, relay, n):
    relay.settle(QUIET_S)
    relay.take()
    relay.seen_up, relay.seen_down = [], []
    place.publish(n, 1)
    relay.settle(QUIET_S)
    count = relay.take()
    if place.way is ALIYUN_SYMMETRIC:
        token_len["aliyun"] = len(coapwire.Reply(relay.seen_up[0]).option(ALIYUN_TOKEN))
    total = count.up_bytes + count.down_bytes + (count.up + count.down) * IP_AND_UDP
    least = minimum(place.way, min(map(len, relay.seen_up)), min(map(len, relay.seen_down)))
    return Cost(total / n - SIZE_BYTES, least)


def measure(bench):
    series = {}
    n = bench.count(COUNT, 2)
    for way in ENOS_V2, ENOS_DTLS, ALIYUN_SYMMETRIC, ALIYUN_CERTIFICATE, ONCE_DTLS, ONCE_PLAIN:
        with Place(bench, way) as place, contextlib.ExitStack() as stack:
            relay = Tap(place.simulator.endpoints[way.door])
            stack.callback(relay.close)
            daemon = place.new_daemon(endpoint=relay.endpoint)
            stack.callback(daemon.end)
            place.start(daemon)
            for _ in range(bench.runs):
                cost = measure_way(place, relay, n)
                series.setdefault(f"wire_bytes_per_message/{way.name}", []).append(cost.total)
                series.setdefault(f"wire_least_bytes_per_message/{way.name}", []).append(cost.least)
    return series


ROWS = (
    Row(
        "wire_bytes_per_message",
        "bytes up and down beyond a payload of 256, with IP and UDP, for a message over a link that is online",
        measure,
        parts=parts_of("wire_bytes_per_message"),
    ),
    Row(
        "wire_least_bytes_per_message",
        "the least that RFC 7252 and the cloud's rules leave: tests/bench/wire.py adds it up",
        measure,
        parts=parts_of("wire_least_bytes_per_message"),
    ),
)
