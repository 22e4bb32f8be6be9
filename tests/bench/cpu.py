# SPDX-License-Identifier: Apache-2.0
"""
What a message costs the daemon in CPU (user and system, all threads), per way into a cloud: from
Publish on the bus, or from a stream, until the cloud has it, stored durably in between. Beside them
a bare libcoap client, which sends the same payload to the same door, as many at a time. The three
take turns; what counts is the ratio to the client. It does not log in: a door may refuse what it
sends.

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

HEADER = ("CPU a message", "us", "ratio", "from-to", "per s", "code")
FORMAT = "{:20} {:8} {:>6} {:>6} {:>11} {:>8} {:>5}"


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


def run_daemon(daemon, publish):
    """CPU us a message, and messages a second."""
    before = cpu_s(daemon.process)
    rate = publish(COUNT)
    return (cpu_s(daemon.process) - before) / COUNT * 1e6, rate


def run_bare(place):
    """The same, and the code that the door answered with."""
    way = place.way
    psk = (way.psk[0], way.psk[1].hex()) if way.psk else ()
    arguments = (way.url(place.simulator), payload(), COUNT, way.window, *psk)
    rate, cpu, code = place.run("coap-loop", *arguments)
    return float(cpu), float(rate), code


def summary(runs, bare_runs):
    cpus, rates = zip(*runs)
    ratios = [cpu / bare for cpu, (bare, *_) in zip(cpus, bare_runs)]
    return {
        "cpu_us_per_message": statistics.median(cpus),
        "ratio": statistics.median(ratios),
        "ratio_least": min(ratios),
        "ratio_most": max(ratios),
        "per_s": statistics.median(rates),
    }


def measure_way(place):
    daemon = place.new_daemon()
    place.start(daemon)
    publishers = {"bus": place.publish, "stream": place.stream}
    for publish in publishers.values():
        publish(WARM_UP)
    runs = {name: [] for name in publishers}
    bare_runs = []
    for _ in range(RUNS):
        for name, publish in publishers.items():
            runs[name].append(run_daemon(daemon, publish))
        bare_runs.append(run_bare(place))
    results = {name: summary(runs[name], bare_runs) for name in publishers}
    cpus, rates, codes = zip(*bare_runs)
    results["bare"] = {
        "cpu_us_per_message": statistics.median(cpus),
        "per_s": statistics.median(rates),
        "code": codes[-1],
    }
    return results


def print_way(name, results):
    for by in "bus", "stream":
        cpu, ratio, least, most, rate = results[by].values()
        cells = f"{cpu:.1f}", f"{ratio:.2f}", f"{least:.2f}-{most:.2f}", f"{rate:.0f}"
        print(FORMAT.format(name, by, *cells, ""))
    cpu, rate, code = results["bare"].values()
    print(FORMAT.format(name, "bare", f"{cpu:.1f}", "", "", f"{rate:.0f}", code), flush=True)


def measure(build):
    results = {}
    print(f"{COUNT} messages of {PAYLOAD_BYTES} bytes, median of {RUNS} runs")
    print(FORMAT.format(HEADER[0], "by", *HEADER[1:]))
    for way in MESSAGES:
        with one_cpu(), Place(way, build) as place:
            results[way.name] = measure_way(place)
        print_way(way.name, results[way.name])
    return results
