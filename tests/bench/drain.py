# SPDX-License-Identifier: Apache-2.0
"""
How fast the backlog of an outage goes out, from when the link is online until nothing waits, beside
the rate of the same messages published while it is online, until the cloud has all. Both are stored
durably first. The two alternate; it is their ratio that counts.
"""

import statistics
import time

import harness
from ways import ALIYUN_SYMMETRIC, LINK, Place

RUNS = 5
COUNT = 20000
WARM_UP = 1000
SIZE_BYTES = 256
LOOK_S = 0.01
PATIENCE_S = 120

HEADER = ("drain", "backlog per s", "live per s", "ratio", "from-to")
FORMAT = "{:20} {:>13} {:>10} {:>6} {:>11}"


def drain(place, daemon):
    """Messages a second."""
    path = harness.link_path(LINK)
    daemon.client.call(path, harness.LINK + ".Disconnect")
    daemon.wait_state(LINK, "disabled")
    place.publish(COUNT, SIZE_BYTES, until="stored")
    daemon.client.call(path, harness.LINK + ".Connect")
    daemon.wait_state(LINK, "online")
    count, begun = daemon.get(LINK, "Queued"), time.monotonic()
    while daemon.get(LINK, "Queued") > 0:
        daemon.client.signals.clear()
        if time.monotonic() > begun + PATIENCE_S:
            raise TimeoutError(f"the backlog is not gone after {PATIENCE_S} s")
        time.sleep(LOOK_S)
    return count / (time.monotonic() - begun)


def measure(build):
    print(f"{COUNT} messages of {SIZE_BYTES} bytes, median of {RUNS} runs")
    print(FORMAT.format(*HEADER))
    with Place(ALIYUN_SYMMETRIC, build) as place:
        daemon = place.new_daemon()
        place.start(daemon)
        place.publish(WARM_UP, SIZE_BYTES)
        runs = [(drain(place, daemon), place.publish(COUNT, SIZE_BYTES)) for _ in range(RUNS)]
    backlogs, lives = zip(*runs)
    ratios = [backlog / live for backlog, live in runs]
    row = {
        "backlog_drain_per_s": statistics.median(backlogs),
        "live_per_s": statistics.median(lives),
        "ratio": statistics.median(ratios),
        "ratio_least": min(ratios),
        "ratio_most": max(ratios),
    }
    backlog, live, ratio, least, most = row.values()
    cells = f"{backlog:.0f}", f"{live:.0f}", f"{ratio:.2f}", f"{least:.2f}-{most:.2f}"
    print(FORMAT.format(ALIYUN_SYMMETRIC.name, *cells), flush=True)
    return row
