# SPDX-License-Identifier: Apache-2.0
"""
What the daemon writes to the disk for a message that is stored durably and delivered, proc(5)'s
write_bytes: an app at full speed, so that many share a commit, and one message at a time, as when
there is one a second. For both settings of sync, in turns.
"""

import statistics

from ways import ALIYUN_SYMMETRIC, LINK, Place, payload

RUNS = 5
COUNT = 20000
COUNT_SINGLE = 200
WARM_UP = 1000
SIZE_BYTES = 256

HEADER = ("disk", "bytes a message", "one at a time", "per s")
FORMAT = "{:20} {:>15} {:>14} {:>8}"


def written(daemon):
    with open(f"/proc/{daemon.process.pid}/io", encoding="ascii") as rows:
        return int(dict(row.split() for row in rows)["write_bytes:"])


def publish_singly(place, daemon):
    for _ in range(COUNT_SINGLE):
        ticket = daemon.client.publish(LINK, place.way.topic, payload(SIZE_BYTES))
        outcome = daemon.client.wait_ticket(ticket)
        if outcome[0] != "delivered":
            raise RuntimeError(f"a message ended as {outcome}")
    daemon.client.signals.clear()


def run(place, daemon):
    """Bytes a message at full speed, and one at a time, and messages a second at full speed."""
    begun = written(daemon)
    rate = place.publish(COUNT, SIZE_BYTES)
    between = written(daemon)
    publish_singly(place, daemon)
    return (between - begun) / COUNT, (written(daemon) - between) / COUNT_SINGLE, rate


def measure_sync(place, sync):
    config = place.way.config(place.simulator)
    daemon = place.new_daemon(f"{config}store:\n  sync: {sync}\n")
    place.start(daemon)
    place.publish(WARM_UP, SIZE_BYTES)
    result = run(place, daemon)
    daemon.end()
    return result


def measure(build):
    results = {}
    print(f"{COUNT} messages of {SIZE_BYTES} bytes, median of {RUNS} runs")
    print(FORMAT.format(*HEADER))
    with Place(ALIYUN_SYMMETRIC, build) as place:
        runs = [[measure_sync(place, sync) for sync in ("full", "normal")] for _ in range(RUNS)]
    for sync, rows in zip(("full", "normal"), zip(*runs)):
        size, single, rate = map(statistics.median, zip(*rows))
        results[sync] = {
            "disk_bytes_per_message": size,
            "disk_bytes_per_message_single": single,
            "per_s": rate,
        }
        print(FORMAT.format(f"sync: {sync}", f"{size:.0f}", f"{single:.0f}", f"{rate:.0f}"))
    return results
