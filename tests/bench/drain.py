# SPDX-License-Identifier: Apache-2.0
"""
How fast what was stored during an outage goes out, from when the link is online until nothing waits, beside
the rate of a stream that publishes while it is online, until the cloud has all. Both are stored durably
first. The two alternate.
"""

import time

import harness
from place import Missing, Place
from row import Row, at_least
from ways import LINK, ONCE_PLAIN

COUNT = 100000
COUNT_LIVE = 20000
LOOK_S = 0.01
PATIENCE_S = 300


def drain(place, daemon, n):
    """Messages a second; all of them have come."""
    path = harness.link_path(LINK)
    daemon.client.call(path, harness.LINK + ".Disconnect")
    daemon.wait_state(LINK, "disabled")
    place.call("stored", n, 64)
    before = daemon.get(LINK, "Delivered")
    daemon.client.call(path, harness.LINK + ".Connect")
    daemon.wait_state(LINK, "online")
    count, begun = daemon.get(LINK, "Queued"), time.monotonic()
    while daemon.get(LINK, "Queued") > 0:
        daemon.client.signals.clear()
        if time.monotonic() > begun + PATIENCE_S:
            raise TimeoutError(f"the backlog is not gone after {PATIENCE_S} s")
        time.sleep(LOOK_S)
    took = time.monotonic() - begun
    place.record.check(place.next - n, n, "after an outage")
    if (delivered := daemon.get(LINK, "Delivered") - before) != n:
        raise Missing(f"after an outage: {delivered} of {n} messages have ended as delivered")
    return count / took


def measure(bench):
    series = {"backlog_drain_per_s": [], "backlog_live_per_s": []}
    n, n_live = bench.count(COUNT, 200), bench.count(COUNT_LIVE, 200)
    with Place(bench, ONCE_PLAIN) as place:
        daemon = place.new_daemon()
        place.start(daemon)
        place.publish(min(n, 1000))
        for _ in range(bench.runs):
            series["backlog_drain_per_s"].append(drain(place, daemon, n))
            series["backlog_live_per_s"].append(place.stream(n_live))
    return series


ROWS = (
    Row(
        "backlog_drain_per_s",
        "100 000 messages that were stored during an outage, beside publish_stream_durable_per_s of the same run",
        measure,
        (at_least(0.8, "backlog_live_per_s"),),
        quick=True,
    ),
)
