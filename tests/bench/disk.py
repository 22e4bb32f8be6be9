# SPDX-License-Identifier: Apache-2.0
"""
What the daemon writes to the disk for a message that is stored durably and delivered, proc(5)'s write_bytes:
an app at full speed, so that many share a commit, and one message at a time, each of which ends before the
next begins, as when there is one a second. For both settings of sync; beside the former a broker of MQTT with
its most durable settings. A day with a message a second is worked out of that, and of what is written while
nothing happens: nobody has waited for it.

The same with a commit interval, where the end of a message is written with the next one. There they come in a
rhythm, as when there is one a second: each when the end of the one before waits. It is faster, for the sake of
who waits for the bench, and costs the same, since each message is a commit in both.
"""

import time

import mosquitto
from place import MARK, Place, numbered, written_bytes
from row import Row, at_most
from ways import LINK, ONCE_PLAIN

COUNT = 10000
COUNT_SINGLE = 500
COUNT_RHYTHM = 200
RHYTHM_S = 0.02
INTERVAL = "10s"
COUNT_MOSQUITTO = 500
WARM_UP = 200
IDLE_S = 1
DAY_S = 86400
SUFFIX = {"full": "", "normal": "_sync_normal"}


def written(daemon, work, n):
    """Bytes for each of n."""
    before = written_bytes(daemon.process)
    work()
    return (written_bytes(daemon.process) - before) / n


def start(place, **store):
    """A daemon with this section, warm."""
    section = "".join(f"  {key}: {value}\n" for key, value in store.items())
    daemon = place.new_daemon(f"{place.way.config(place.simulator)}store:\n{section}")
    place.start(daemon)
    place.publish(WARM_UP)
    return daemon


def publish_in_rhythm(place, daemon, n):
    first = place.take_numbers(n)
    for number in range(first, first + n):
        text = numbered().replace(MARK, f"{number:0{len(MARK)}}")
        ticket = daemon.client.publish(LINK, place.way.topic, text)
        time.sleep(RHYTHM_S)
    daemon.client.wait_ticket(ticket)
    place.record.check(first, n, "in rhythm")


def measure_sync(place, sync, counts):
    """Bytes a message at full speed; one at a time; a second without messages; and a day, in MB."""
    n, n_single, n_rhythm = counts
    daemon = start(place, sync=sync)
    full = written(daemon, lambda: place.publish(n), n)
    single = written(daemon, lambda: place.publish(n_single, 1), n_single)
    idle = written(daemon, lambda: time.sleep(IDLE_S), IDLE_S)
    daemon.end()
    daemon = start(place, sync=sync, commit_interval=INTERVAL)
    interval = written(daemon, lambda: publish_in_rhythm(place, daemon, n_rhythm), n_rhythm)
    daemon.end()
    name = SUFFIX[sync]
    return {
        f"disk_bytes_per_message{name}": full,
        f"disk_bytes_per_message_at_1_per_s{name}": single,
        f"disk_bytes_per_message_at_1_per_s_interval{name}": interval,
        f"disk_idle_bytes_per_s{name}": idle,
        f"disk_mb_per_day_at_1_per_s{name}": (single + idle) * DAY_S / 1e6,
        f"disk_mb_per_day_at_1_per_s_interval{name}": (interval + idle) * DAY_S / 1e6,
    }


def measure_runs(bench, sync):
    """Of each run."""
    counts = bench.count(COUNT, 200), bench.count(COUNT_SINGLE, 20), bench.count(COUNT_RHYTHM, 20)
    with Place(bench, ONCE_PLAIN) as place:
        for _ in range(bench.runs):
            yield measure_sync(place, sync, counts)


def measure(bench):
    series = {}
    n = bench.count(COUNT_MOSQUITTO, 100)
    for found in measure_runs(bench, "full"):
        peer = mosquitto.measure(bench, n, mosquitto.DURABLE)
        found["mosquitto_durable_disk_bytes_per_message"] = peer["disk_bytes_per_message"]
        for key, value in found.items():
            series.setdefault(key, []).append(value)
    return series


def measure_normal(bench):
    series = {}
    for found in measure_runs(bench, "normal"):
        for key, value in found.items():
            series.setdefault(key, []).append(value)
    return series


PEER = "mosquitto_durable_disk_bytes_per_message"
ROWS = (
    Row(
        "disk_bytes_per_message",
        "written to the disk for a message of 256 bytes that is stored and delivered, at full speed",
        measure,
        (at_most(0.5, PEER),),
        quick=True,
    ),
    Row(
        "disk_bytes_per_message_at_1_per_s",
        "the same where each message ends before the next one comes",
        measure,
        quick=True,
    ),
    Row(
        "disk_bytes_per_message_at_1_per_s_interval",
        f"with commit_interval: {INTERVAL}, where the end of each is written with the next one; one every"
        f" {RHYTHM_S * 1000:.0f} ms instead of one a second, which costs the same",
        measure,
        quick=True,
    ),
    Row("disk_bytes_per_message_sync_normal", "at full speed with sync: normal", measure_normal),
    Row(
        "disk_bytes_per_message_at_1_per_s_sync_normal",
        "one at a time with sync: normal",
        measure_normal,
    ),
    Row(
        "disk_bytes_per_message_at_1_per_s_interval_sync_normal",
        f"with commit_interval: {INTERVAL} and sync: normal",
        measure_normal,
    ),
    Row(
        "disk_mb_per_day_at_1_per_s",
        "in a day with a message a second: worked out of the above, and of what is written in between",
        measure,
        quick=True,
    ),
    Row("disk_mb_per_day_at_1_per_s_sync_normal", "the same with sync: normal", measure_normal),
    Row(
        "disk_mb_per_day_at_1_per_s_interval",
        f"the same with commit_interval: {INTERVAL}, worked out in the same way",
        measure,
        quick=True,
    ),
    Row(
        "disk_mb_per_day_at_1_per_s_interval_sync_normal",
        f"with commit_interval: {INTERVAL} and sync: normal",
        measure_normal,
    ),
)
