# SPDX-License-Identifier: Apache-2.0
"""
What a message costs the daemon in CPU (user and system, all threads), per way into a cloud: from Publish on
the bus, or from a stream, until the cloud has it, stored durably in between. Beside them a bare libcoap
client, which sends the same payload to the same door, as many at a time. The three take turns. It does not
log in: all doors but those of 1NCE refuse what it sends, which makes little difference to itself.

All processes share one CPU. To wake somebody on another one can cost several times what a message
does, and left alone the scheduler does either, by chance. So the rates are no measure of speed.
"""

import contextlib
import os

from place import Place, cpu_s
from row import Row, at_most, parts_of
from ways import MESSAGES, ONCE_PLAIN

COUNT = 6000
WARM_UP = 1000
KEY = "cpu_us_per_message"


@contextlib.contextmanager
def one_cpu():
    """For this process and those that it starts."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def cpu_us(daemon, publish, n):
    """A message."""
    before = cpu_s(daemon.process)
    publish(n)
    return (cpu_s(daemon.process) - before) / n * 1e6


def measure_way(bench, way, count):
    """Of each run, by bus, by stream and bare."""
    n = bench.count(count, 100)
    with one_cpu(), Place(bench, way) as place:
        daemon = place.new_daemon()
        place.start(daemon)
        place.publish(bench.count(WARM_UP, 100))
        for _ in range(bench.runs):
            yield (
                cpu_us(daemon, place.publish, n),
                cpu_us(daemon, place.stream, n),
                place.bare(n, way.window)[1],
            )


def measure(bench):
    """The way of the other figures that have a bare client beside them."""
    bus, stream, bare = zip(*measure_way(bench, ONCE_PLAIN, 3 * COUNT))
    return {KEY: stream, "cpu_us_per_message_dbus": bus, "raw_coap_cpu_us_per_message": bare}


def measure_ways(bench):
    """As ratios to the bare client of the same run."""
    series = {}
    for way in MESSAGES:
        for bus, stream, bare in measure_way(bench, way, COUNT):
            series.setdefault(f"cpu_ratio_stream/{way.name}", []).append(stream / bare)
            series.setdefault(f"cpu_ratio_dbus/{way.name}", []).append(bus / bare)
    return series


ROWS = (
    Row(
        KEY,
        "user and system time of skybusd for a message that came by a stream, all processes on one CPU",
        measure,
        (at_most(2, "raw_coap_cpu_us_per_message"),),
        quick=True,
    ),
    Row(
        "cpu_ratio_stream",
        "the same for each way into a cloud, as a multiple of what a bare client takes there",
        measure_ways,
        parts=parts_of("cpu_ratio_stream"),
    ),
    Row(
        "cpu_ratio_dbus",
        "the same by calls of PublishBytes",
        measure_ways,
        parts=parts_of("cpu_ratio_dbus"),
    ),
)
