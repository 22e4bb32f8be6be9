#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Whether a message takes more instructions than it did when that was last written down.

usage: instructions.py BUILD [--record]

A daemon takes messages by stream and sends them to the simulator's EnOS, under valgrind, which counts
instructions in user space. Counted is what is done once for each message, with everything called from
there, libraries too:

publish  from reading the message off the stream until it is on disk and the app has its ticket
reply    from reading the cloud's answer until that is on disk and the app is told; it sends the next message

What is done once for several, such as a commit or a turn of the loop, is not: how many come together is
chance. So a machine that is busy changes next to nothing.

Other compilers and libraries take other numbers, so these are recorded for each in instructions.json,
and where none is, they are printed only. More than 3 % above is a failure. If it is worth it, or
less is to be the measure from now on, --record writes down what is measured, and the file is part of the change.
"""

import json
import os
import platform
import shutil
import sys
import tempfile

import bench

ALLOWED = 1.03
COUNT = 1000
RUNS = 2  # what chance adds is in the least of them least
RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.json")

PATHS = {
    "publish": ("sb_stream_take_in", "sb_db_insert", "arrival_on_stored"),
    "reply": ("coap_io_do_epoll", "sb_db_settle", "ending_on_written"),
}


def measure_once(build):
    """Instructions a message, by path."""
    import share
    from place import Place
    from ways import ENOS_V2

    with tempfile.TemporaryDirectory() as folder:
        with Place(bench.Bench(build, folder, 1, 1), ENOS_V2) as place:
            profile = share.profile_way(place, place.stream, COUNT)
    costs = {}
    for (_, _, name), cost in profile.calls.items():
        costs[name] = costs.get(name, 0) + cost
    return {path: sum(costs[name] for name in names) / COUNT for path, names in PATHS.items()}


def measure(build):
    """The least of each path."""
    runs = [measure_once(build) for _ in range(RUNS)]
    return {path: min(run[path] for run in runs) for path in PATHS}


def kind(build):
    """What was counted depends on this: architecture, release, compiler."""
    release = platform.freedesktop_os_release()
    with open(os.path.join(build, "meson-info", "intro-targets.json"), encoding="utf-8") as file:
        targets = {target["name"]: target for target in json.load(file)}
    compiler = os.path.basename(targets["skybusd"]["target_sources"][0]["compiler"][-1])
    return f"{platform.machine()} {release['ID']} {release.get('VERSION_ID', '')} {compiler}"


def compare(measured, recorded):
    """Prints each path; whether none takes more than it may."""
    good = True
    for path, cost in measured.items():
        line = f"{path}: {cost:.0f} instructions a message"
        if recorded:
            more = cost / recorded[path] - 1
            line += f", recorded {recorded[path]}: {more:+.1%}"
            good = good and cost <= ALLOWED * recorded[path]
        print(line)
    return good


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--record"]):
        sys.exit(__doc__)
    if not shutil.which("valgrind"):
        sys.exit("valgrind is not installed")
    build = os.path.realpath(sys.argv[1])
    bench.prepare(build)
    os.environ.pop("MALLOC_PERTURB_", None)  # meson's: all memory would be written to twice more
    with open(RECORDED, encoding="utf-8") as file:
        recorded = json.load(file)
    key, measured = kind(build), measure(build)
    good = compare(measured, recorded.get(key))
    if sys.argv[2:]:
        recorded[key] = {path: round(cost) for path, cost in measured.items()}
        with open(RECORDED, "w", encoding="utf-8") as file:
            json.dump(recorded, file, indent=1, sort_keys=True)
            file.write("\n")
    elif key not in recorded:
        print(f"Nothing is recorded for {key}, so nothing was compared: --record does that.")
    elif not good:
        sys.exit(
            f"That is more than {ALLOWED - 1:.0%} above. Look with callgrind_annotate for what has come; "
            f"if it is worth it, record it: {sys.argv[0]} {sys.argv[1]} --record"
        )


if __name__ == "__main__":
    main()
