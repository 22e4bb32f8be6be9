# SPDX-License-Identifier: Apache-2.0
"""
What a message costs the daemon in CPU (user and system, all threads), per way into a cloud: from
Publish on the bus until the cloud has it, stored durably in between. Beside it a bare libcoap
client, which sends the same payload to the same door, as many at a time. The two alternate; it is
their ratio that counts. The client does not log in: a door may refuse what it sends.

All processes share one CPU. To wake somebody on another one can cost several times what a message
does, and left alone the scheduler does either, by chance. So the rates are no measure of speed.
"""

import contextlib
import os
import statistics

from ways import MESSAGES, PAYLOAD_BYTES, Place, payload

RUNS = 5
COUNT = 20000
WARM_UP = 1000

HEADER = ("CPU a message", "us", "bare us", "ratio", "from-to", "per s", "bare per s", "bare code")
FORMAT = "{:20} {:>7} {:>8} {:>6} {:>11} {:>8} {:>11} {:>10}"


@contextlib.contextmanager
def one_cpu():
    """For this process and those that it starts."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def cpu_s(process):
    """User and system time so far, proc(5)."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_daemon(place, daemon):
    """Messages a second, and CPU us a message."""
    before = cpu_s(daemon.process)
    rate = place.publish(COUNT)
    return rate, (cpu_s(daemon.process) - before) / COUNT * 1e6


def run_bare(place):
    """The same, and the code that the door answered with."""
    way = place.way
    psk = (way.psk[0], way.psk[1].hex()) if way.psk else ()
    arguments = (way.url(place.simulator), payload(), COUNT, way.window, *psk)
    rate, cpu, code = place.run("coap-loop", *arguments)
    return float(rate), float(cpu), code


def measure_way(place):
    daemon = place.new_daemon()
    place.start(daemon)
    place.publish(WARM_UP)
    runs = [(*run_daemon(place, daemon), *run_bare(place)) for _ in range(RUNS)]
    rates, cpus, bare_rates, bare_cpus, codes = zip(*runs)
    ratios = [cpu / bare for cpu, bare in zip(cpus, bare_cpus)]
    return {
        "cpu_us_per_message": statistics.median(cpus),
        "bare_cpu_us_per_message": statistics.median(bare_cpus),
        "ratio": statistics.median(ratios),
        "ratio_least": min(ratios),
        "ratio_most": max(ratios),
        "per_s": statistics.median(rates),
        "bare_per_s": statistics.median(bare_rates),
        "bare_code": codes[-1],
    }


def measure(build):
    results = {}
    print(f"{COUNT} messages of {PAYLOAD_BYTES} bytes, median of {RUNS} runs")
    print(FORMAT.format(*HEADER))
    for way in MESSAGES:
        with one_cpu(), Place(way, build) as place:
            row = results[way.name] = measure_way(place)
        cpu, bare, ratio, least, most, rate, bare_rate, code = row.values()
        cells = f"{cpu:.1f}", f"{bare:.1f}", f"{ratio:.2f}", f"{least:.2f}-{most:.2f}"
        cells += f"{rate:.0f}", f"{bare_rate:.0f}"
        print(FORMAT.format(way.name, *cells, code), flush=True)
    return results
