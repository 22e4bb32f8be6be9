# SPDX-License-Identifier: Apache-2.0
"""
How fast the daemon starts, what memory it takes, and how long a request takes beside an echo. One
link to the simulator's second generation of EnOS.
"""

import statistics
import subprocess
import time

import harness
from ways import ENOS_V2, LINK, Place, payload

STARTS = 5


def start_to_online_ms(place, daemon):
    """From exec until the bus has told that the link is online."""
    begun = time.monotonic()
    place.start(daemon)
    return (time.monotonic() - begun) * 1000


def memory_kb(process):
    with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as rows:
        values = dict(row.split()[:2] for row in rows if row.endswith("kB\n"))
    return int(values["Rss:"]), int(values["Pss:"])


def measure(build):
    with Place(ENOS_V2, build) as place:
        daemon = place.new_daemon()
        starts = []
        for _ in range(STARTS):
            if daemon.end() is not None:
                daemon.forget_logins(LINK)  # EnOS allows only so many
            starts.append(start_to_online_ms(place, daemon))
        rss, pss = memory_kb(daemon.process)
        print(f"{'start to online':20} {statistics.median(starts):10.1f} ms", end="")
        print(f"  (median of {STARTS}: {', '.join(f'{ms:.1f}' for ms in sorted(starts))})")
        print(f"{'RSS, one link':20} {rss:10} kB\n{'PSS, one link':20} {pss:10} kB", flush=True)
        path = harness.link_path(LINK)
        command = [place.program("roundtrip"), place.bus.address, path, ENOS_V2.topic, payload()]
        subprocess.run(command, check=True)
        rss_after, pss_after = memory_kb(daemon.process)
        print(f"{'RSS afterwards':20} {rss_after:10} kB\n{'PSS afterwards':20} {pss_after:10} kB")
    return {"start_ms": starts, "rss_kb": rss, "pss_kb": pss}
