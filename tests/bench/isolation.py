# SPDX-License-Identifier: Apache-2.0
"""
What it costs to have a plugin in a process of its own: time for each message, and memory. Two links of one daemon
go to the same simulated cloud, one with plugin_isolation and one without; requests of an app go to them in turns. A
request takes the plugin two calls, as a message does: encode() and decide().
"""

import harness
from place import Place, memory_kb
from row import Row, at_most, parts_of
from ways import ALIYUN_SYMMETRIC, ENOS_DTLS, ENOS_V2, LINK, ONCE_PLAIN, PRODUCT, SECRET

COUNT = 2000
WARM_UP = 200
MESSAGES = 500
IN_DAEMON, IN_PROCESS = "dev2000001", "dev2000002"


class Child:
    """As memory_kb() wants it."""

    def __init__(self, daemon):
        with open(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children", encoding="ascii") as file:
            (self.pid,) = map(int, file.read().split())


def measure_time(bench):
    devices = (IN_DAEMON, IN_PROCESS)
    known = [f"--device={PRODUCT},{name},{SECRET}" for name in devices]
    series = {"isolation_daemon_p50_us": [], "isolation_process_p50_us": [], "isolation_more_us": []}
    n = bench.count(COUNT, 100)
    with Place(bench, ENOS_V2, *known) as place:
        links = [
            ENOS_V2.link(name, place.simulator, device_key=name, plugin_isolation=isolation)
            for name, isolation in zip(devices, ("none", "process"))
        ]
        place.start(place.new_daemon("links:\n" + "".join(links)), links=devices)
        places = [
            [(harness.link_path(name), ENOS_V2.topic.replace(harness.DEVICE, name))] for name in devices
        ]
        for number in range(bench.runs + 1):
            p50 = [place.call("request", n if number else WARM_UP, 1, each)[1] for each in places]
            if number:
                for key, value in zip(series, (*p50, p50[1] - p50[0])):
                    series[key].append(value)
    return series


def measure_memory(bench):
    """One link at a time, so that the process shares its libraries with its daemon, and with what else runs here."""
    series = {}
    for way in (ENOS_V2, ENOS_DTLS, ALIYUN_SYMMETRIC, ONCE_PLAIN):
        with Place(bench, way) as place:
            link = way.link(LINK, place.simulator, plugin_isolation="process")
            daemon = place.new_daemon("links:\n" + link)
            place.start(daemon)
            place.publish(bench.count(MESSAGES, 20))
            series["isolation_pss_kb/" + way.plugin] = [memory_kb(Child(daemon))[1]]
    return series


ROWS = (
    Row(
        "isolation_more_us",
        "with the plugin in a process of its own, how much longer one Request at a time takes, by the medians",
        measure_time,
        (at_most(60),),
    ),
    Row(
        "isolation_pss_kb",
        "memory (PSS) of such a process, by plugin",
        measure_memory,
        parts=parts_of("isolation_pss_kb"),
    ),
)
