# SPDX-License-Identifier: Apache-2.0
"""
One daemon with many links: what a link takes in memory, what a message takes in CPU when there are many, how
far apart they log in, and what they cost while nothing happens. Each link is a device of its own at EnOS,
plain or over DTLS.
"""

import contextlib
import statistics
import time

import harness
from place import Place, cpu_s, memory_kb
from row import Row, at_least, at_most
from ways import ENOS_DTLS, ENOS_V2, PRODUCT, SECRET

FEW, MANY = 10, 500
MESSAGES = 10000
IDLE_S = 2
SETTLE_S = 2  # the daemon gives back what the logins took a second after them
# For each link; they log in 20 ms apart.
PATIENCE_S = 0.5


def devices(n):
    return [f"dev2{number:06}" for number in range(n)]


def simulated(n):
    """What tells the simulator of them."""
    return [f"--device={PRODUCT},{name},{SECRET}" for name in devices(n)]


def links_of(way, simulator, names):
    return "".join(way.link(name, simulator, device_key=name) for name in names)


class Box:
    """A daemon with links that are online, until it is left."""

    def __init__(self, bench, n, *ways):
        """The n links go the ways in turns."""
        self.place = Place(bench, ways[0], *simulated(n))
        self.names = devices(n)
        self.ways = ways

    def __enter__(self):
        place = self.place.__enter__()
        with contextlib.ExitStack() as stack:
            stack.push(self.place.__exit__)
            links = [
                links_of(way, place.simulator, self.names[i :: len(self.ways)])
                for i, way in enumerate(self.ways)
            ]
            self.daemon = place.new_daemon("links:\n" + "".join(links))
            begun = time.monotonic()
            place.start(self.daemon, links=self.names, timeout=60 + PATIENCE_S * len(self.names))
            self.took_s = time.monotonic() - begun
            stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.place.__exit__(*error)

    def places(self, names):
        topic = self.place.way.topic
        return [(harness.link_path(name), topic.replace(harness.DEVICE, name)) for name in names]

    def memory_kb(self):
        """That of no file: what files take does not grow with links."""
        time.sleep(SETTLE_S)
        return memory_kb(self.daemon.process)[2]

    def cpu_us(self, names, n):
        """A message that is published at these links in turns."""
        before = cpu_s(self.daemon.process)
        self.place.publish(n, places=self.places(names))
        return (cpu_s(self.daemon.process) - before) / n * 1e6


def measure_memory(bench, way, key, many):
    """What each of the links beyond the first few takes; the many links are left as they are."""
    with Box(bench, FEW, way) as few:
        few_kb = few.memory_kb()
    with Box(bench, many, way) as box:
        yield {key: (box.memory_kb() - few_kb) / (many - FEW)}
        yield box


def measure(bench):
    series = {}
    many, n = bench.count(MANY, 2 * FEW), bench.count(MESSAGES, 100)

    def add(found):
        for key, value in found.items():
            series.setdefault(key, []).append(value)

    for _ in range(bench.runs):
        found, _ = measure_memory(bench, ENOS_DTLS, "kb_per_link_dtls", many)
        add(found)
        plain = measure_memory(bench, ENOS_V2, "kb_per_link_plain", many)
        add(next(plain))
        box = next(plain)
        box.cpu_us(box.names, n)
        one, spread = box.cpu_us(box.names[:1], n), box.cpu_us(box.names, n)
        add({"cpu_one_link_us_per_message": one, "cpu_many_links_us_per_message": spread,
             "cpu_ratio_500_links": spread / one})
        plain.close()
    return series


def gaps_ms(lines):
    """Between logins, as the cloud has seen them."""
    times = sorted(line["time"] for line in lines)
    return [after - before for before, after in zip(times, times[1:])]


def measure_mixed(bench):
    """One storm of logins of all kinds; then nothing but waiting, in as many windows as there are runs."""
    many = bench.count(MANY, 2 * FEW)
    with Box(bench, many, ENOS_V2, ENOS_DTLS) as box:
        gaps = gaps_ms(box.place.record.events("login"))
        time.sleep(SETTLE_S)
        idle = []
        for _ in range(bench.runs):
            before = cpu_s(box.daemon.process)
            time.sleep(IDLE_S)
            idle.append((cpu_s(box.daemon.process) - before) / IDLE_S * 100)
    return {
        "online_500_links_s": [box.took_s],
        "login_gap_500_links_ms": [statistics.mean(gaps)],
        "idle_cpu_500_links_percent": idle,
    }


ROWS = (
    Row(
        "kb_per_link_dtls",
        "memory for each link over DTLS, by growth from 10 to 500",
        measure,
        (at_most(32),),
    ),
    Row("kb_per_link_plain", "the same without DTLS", measure, (at_most(16),)),
    Row(
        "cpu_ratio_500_links",
        "CPU a message, over D-Bus, spread over 500 plain links, as a multiple of that over one of them",
        measure,
        (at_most(1.3),),
    ),
    Row(
        "online_500_links_s",
        "from exec until 500 links are online, plain and DTLS mixed; they log in 20 ms apart",
        measure_mixed,
    ),
    Row(
        "login_gap_500_links_ms",
        "between two logins then, on average, as the cloud sees it",
        measure_mixed,
        (at_least(19),),
    ),
    Row(
        "idle_cpu_500_links_percent",
        "of one core, while nothing happens on these links",
        measure_mixed,
        (at_most(1),),
    ),
)
