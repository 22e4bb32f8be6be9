#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Prints figures of the daemon that was built in a directory, and writes them to bench.json there.

usage: figures.py BUILD [start|login|cpu|share|drain|disk|lossy|filters|batch]...

From a checkout, all of them:

    meson setup --buildtype=release build/release && ninja -C build/release figures

start    how fast it starts, what memory it takes, how long a request takes beside an echo
login    round trips and bytes of a login, per way into a cloud
cpu      CPU a message per way into a cloud, by bus and by stream, beside a bare libcoap client
share    how much of the instructions of a message are the plugin's; takes valgrind
drain    how fast what was stored during an outage goes out, beside what comes in live
disk     what is written to the disk for a message, and how fast it goes, by setting of sync
filters  what it costs to find one subscription among a thousand
batch    bytes on the wire for a reading, alone and with others in one request
lossy    what gets through a network that loses one datagram in ten, beside a window of one

Machines are noisy: a figure counts beside its peer of the same run.
"""

import importlib
import json
import os
import sys

PARTS = ("start", "login", "cpu", "share", "drain", "disk", "lossy", "filters", "batch")


def prepare(build):
    """The harness of the system tests, for what was built."""
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(here))
    sys.path.insert(0, os.path.join(root, "tests", "system"))
    os.environ["SKYBUSD"] = os.path.join(build, "skybusd")
    os.environ["SKYBUS_SIM"] = os.path.join(build, "sim", "skybus-sim")
    os.environ["SKYBUS_PLUGIN_DIR"] = os.path.join(build, "plugins")
    os.environ["SOURCE_ROOT"] = root


def main():
    names = sys.argv[2:] or PARTS
    if len(sys.argv) < 2 or not set(names) <= set(PARTS):
        sys.exit(__doc__)
    build = os.path.realpath(sys.argv[1])
    prepare(build)
    results = {}
    for name in names:
        results[name] = importlib.import_module(name).measure(build)
        print()
    with open(os.path.join(build, "bench.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
