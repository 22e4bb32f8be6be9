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
from place import Place
from row import Row, parts_of
from ways import MESSAGES

COUNT = 1000
WARM_UP = 300


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


def profile_way(place, publish, n):
    """All that the daemon computes from publishing so many messages until the cloud has them."""
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
    publish(WARM_UP)
    control(daemon, "on")
    publish(n)
    control(daemon, "off")
    daemon.end()
    return read_profile(path)


def measure_way(place, n):
    """Of the plugin, and of all, for a message."""
    profile = profile_way(place, place.publish, n)
    plugin = os.path.join(harness.PLUGIN_DIR, f"{place.way.plugin}.so")
    entries = entries_of(profile, harness.SKYBUSD, plugin)
    if profile.total == 0 or not entries:
        raise RuntimeError(f"callgrind has seen no call of {plugin}")
    return sum(entries.values()) / n, profile.total / n


def is_possible():
    """Whether valgrind is installed and the daemon is one that it can run; with sanitizers it is not."""
    if not shutil.which("valgrind"):
        return False
    command = ["valgrind", "--quiet", "--tool=none", harness.SKYBUSD, "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def measure(bench):
    """What is counted differs little, so there is one run."""
    series = {}
    n = bench.count(COUNT, 50)
    for way in MESSAGES if is_possible() else ():
        with Place(bench, way) as place:
            plugins, total = measure_way(place, n)
        series[f"plugin_instructions_per_message/{way.name}"] = [plugins]
        series[f"plugin_share_percent/{way.name}"] = [plugins / total * 100]
    return series


ROWS = (
    Row(
        "plugin_instructions_per_message",
        "instructions in user space for a message that are the plugin's, counted by valgrind",
        measure,
        parts=parts_of("plugin_instructions_per_message"),
    ),
    Row(
        "plugin_share_percent",
        "of all that skybusd computes for it",
        measure,
        parts=parts_of("plugin_share_percent"),
    ),
)
