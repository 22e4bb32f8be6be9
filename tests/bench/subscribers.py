# SPDX-License-Identifier: Apache-2.0
"""
What subscribers cost: finding the one of a thousand who wants a message; and what 99 apps that read notice of
one that has stopped.
"""

import contextlib
import os
import signal
import sys

import harness
from place import Place
from row import Row, at_most
from ways import ENOS_V2, LINK

FILTERS = 1000
FINDS = 100000
SUBSCRIBERS = 99
MESSAGES = 150
INTERVAL_US = 20000


def measure_filters(bench):
    """Within the hub, where the rest of a message's way does not hide it."""
    series = {}
    names = ("find_one_ns", "find_of_1000_ns", "subscribers_1000_ratio")
    for _ in range(bench.runs):
        words = bench.run("filters", FILTERS, bench.count(FINDS, 100))
        for name, word in zip(names, words):
            series.setdefault(name, []).append(float(word))
    return series


@contextlib.contextmanager
def one_more(place):
    """A subscriber with a process of its own."""
    script = os.path.join(harness.SOURCE_ROOT, "tests", "system", "subscriber.py")
    more = harness.Process(place.folder, "subscriber")
    with open(os.path.join(place.folder, "subscriber.out"), "w+b") as out:
        more.spawn(sys.executable, script, place.bus.address, LINK, stdout=out)
        try:
            harness.eventually(lambda: os.path.getsize(out.name) > 0, "the subscriber is ready")
            yield more.process
        finally:
            more.end(signal.SIGKILL)


def fanout(place, n):
    """The median and p99 of what a signal takes, µs."""
    path, topic = harness.link_path(LINK), place.way.topic
    arguments = (place.bus.address, path, topic, SUBSCRIBERS, n, INTERVAL_US)
    return [float(word) for word in place.bench.run("fanout", *arguments)]


def measure_fanout(bench):
    """The link is down, so that what is published there goes to the apps of this box only."""
    series = {}
    n = bench.count(MESSAGES, 20)
    with Place(bench, ENOS_V2) as place:
        config = "links:\n" + ENOS_V2.link(LINK, place.simulator, enabled="no")
        daemon = place.new_daemon(config)
        place.start(daemon, links=())
        daemon.wait_state(LINK, "disabled")
        for _ in range(bench.runs):
            for key, stops in ("fanout_99", False), ("fanout_99_of_100", True):
                with one_more(place) as process:
                    if stops:
                        process.send_signal(signal.SIGSTOP)
                        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
                    p50, p99 = fanout(place, n)
                series.setdefault(f"{key}_p50_us", []).append(p50)
                series.setdefault(f"{key}_p99_us", []).append(p99)
            daemon.client.signals.clear()
    return series


ROWS = (
    Row(
        "subscribers_1000_ratio",
        "CPU to find the subscribers of a message that matches 1 of 1 000 filters, as a multiple of 1 of 1",
        measure_filters,
        (at_most(1.5),),
    ),
    Row(
        "fanout_99_of_100_p99_us",
        "from PublishBytesWith to the signal at each of 99 subscribers of its topic while a hundredth has "
        "stopped reading: what 99 in a hundred keep below",
        measure_fanout,
        (at_most(1.25, "fanout_99_p99_us"),),
    ),
)
