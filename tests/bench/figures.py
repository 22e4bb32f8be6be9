#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Prints how fast skybusd starts, what memory it takes, and how long a request takes beside an echo.

usage: figures.py ROUNDTRIP, with SKYBUSD, SKYBUS_SIM, SKYBUS_PLUGIN_DIR and SOURCE_ROOT in the
environment as for the system tests. One link to the simulator's second generation of EnOS.
"""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["SOURCE_ROOT"], "tests", "system"))
import harness  # noqa: E402  (found by the line above)
from client import link_path  # noqa: E402

STARTS = 5


def start_to_online_ms(daemon):
    """From exec until the bus has told that the link is online."""
    begun = time.monotonic()
    daemon.spawn(*daemon.command("--address", daemon.bus.address))
    daemon.wait_state("plant", "online")
    return (time.monotonic() - begun) * 1000


def memory_kb(process):
    with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as rows:
        values = dict(row.split()[:2] for row in rows if row.endswith("kB\n"))
    return int(values["Rss:"]), int(values["Pss:"])


def measure(daemon, roundtrip):
    starts = []
    for _ in range(STARTS):
        daemon.end()
        starts.append(start_to_online_ms(daemon))
    rss, pss = memory_kb(daemon.process)
    print(f"{'start to online':20} {statistics.median(starts):10.1f} ms", end="")
    print(f"  (median of {STARTS}: {', '.join(f'{ms:.1f}' for ms in sorted(starts))})")
    print(f"{'RSS, one link':20} {rss:10} kB\n{'PSS, one link':20} {pss:10} kB", flush=True)
    path = link_path("plant")
    command = [roundtrip, daemon.bus.address, path, harness.POINTS, harness.post(1)]
    subprocess.run(command, check=True)
    rss, pss = memory_kb(daemon.process)
    print(f"{'RSS afterwards':20} {rss:10} kB\n{'PSS afterwards':20} {pss:10} kB")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with contextlib.ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix="skybus-figures-")
        stack.callback(shutil.rmtree, folder)
        bus = harness.PrivateBus(folder)
        stack.callback(bus.end)
        simulator = harness.Simulator(folder)
        stack.callback(simulator.end)
        link = harness.enos_link("plant", simulator.endpoints["enos-v2"])
        daemon = harness.Daemon(folder, bus, "links:\n" + link)
        stack.callback(daemon.client.close)
        stack.callback(daemon.end)
        measure(daemon, sys.argv[1])


if __name__ == "__main__":
    main()
