# SPDX-License-Identifier: Apache-2.0
"""
How much of what the daemon computes for a message is the plugin's, per way into a cloud:
instructions in user space, counted by valgrind, so that a busy machine changes little; starts and
logins are not counted.

The plugin's are those of each call from the daemon into the plugin (accept, encode, decide,
completions) with everything called from there, libraries too; less those of each call from the
plugin into the daemon. The whole is what all threads of the daemon compute meanwhile, bus and disk
included.
"""

import collections
import dataclasses
import os
import shutil
import subprocess

import harness
from ways import MESSAGES, Place

COUNT = 2000
WARM_UP = 300
ENTRIES_SHOWN = 3

HEADER = ("plugin's share", "%", "instr.", "of", "most of it")
FORMAT = "{:20} {:>6} {:>8} {:>8}  {}"


@dataclasses.dataclass
class Profile:
    """Instructions: all, and those of calls by (caller's object, callee's object, callee)."""

    total: int
    calls: collections.Counter


def read_profile(path):
    """What callgrind has written, as its manual specifies the format, with whole names."""
    profile = Profile(0, collections.Counter())
    position, callee = {}, {}
    arc = None
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            key, _, value = line.rstrip("\n").partition("=")
            if key in ("ob", "fn"):
                position[key] = value
            elif key in ("cob", "cfn"):
                callee[key[1:]] = value
            elif key == "calls":
                called = {"ob": position["ob"]} | callee
                arc = (position["ob"], called["ob"], called["fn"])
                callee = {}
            elif arc and line[0] in "0123456789+-*":
                profile.calls[arc] += int(line.split()[-1])
                arc = None
            elif line.startswith("totals:"):
                profile.total = int(line.split()[1])
    return profile


def entries_of(profile, daemon, plugin):
    """Instructions by function of the plugin; those of functions of the daemon are negative."""
    entries = collections.Counter()
    for (caller, called, name), cost in profile.calls.items():
        if (caller, called) == (daemon, plugin):
            entries[name] += cost
        elif (caller, called) == (plugin, daemon):
            entries[name] -= cost
    return entries


def control(daemon, switch):
    subprocess.run(
        ["callgrind_control", f"--instr={switch}", str(daemon.process.pid)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def profile_way(place):
    path = os.path.join(place.folder, "callgrind.out")
    daemon = place.new_daemon()
    place.start(
        daemon,
        "valgrind",
        "--quiet",
        "--tool=callgrind",
        "--instr-atstart=no",
        "--compress-strings=no",
        "--compress-pos=no",
        f"--callgrind-out-file={path}",
    )
    place.publish(WARM_UP)
    control(daemon, "on")
    place.publish(COUNT)
    control(daemon, "off")
    daemon.end()
    return read_profile(path)


def measure_way(place):
    profile = profile_way(place)
    plugin = os.path.join(harness.PLUGIN_DIR, f"{place.way.plugin}.so")
    entries = entries_of(profile, harness.SKYBUSD, plugin)
    if profile.total == 0 or not entries:
        raise RuntimeError(f"callgrind has seen no call of {plugin}")
    return {
        "share": sum(entries.values()) / profile.total,
        "instructions_per_message": sum(entries.values()) / COUNT,
        "instructions_per_message_all": profile.total / COUNT,
        "by_function": {name: cost / COUNT for name, cost in entries.most_common()},
    }


def measure(build):
    results = {}
    if not shutil.which("valgrind"):
        print("plugin's share: n/a, valgrind is not installed")
        return results
    print(f"instructions a message, {COUNT} messages")
    print(FORMAT.format(*HEADER))
    for way in MESSAGES:
        with Place(way, build) as place:
            row = results[way.name] = measure_way(place)
        shown = list(row["by_function"].items())[:ENTRIES_SHOWN]
        cells = f"{row['share']:.1%}", f"{row['instructions_per_message']:.0f}"
        total = f"{row['instructions_per_message_all']:.0f}"
        most = ", ".join(f"{name} {cost:.0f}" for name, cost in shown)
        print(FORMAT.format(way.name, *cells, total, most), flush=True)
    return results
