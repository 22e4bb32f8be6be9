#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Measures the daemon that was built in a directory beside its peers, all on this machine; prints a table with
the goal beside each figure, and writes the same as JSON. From a checkout: make bench, or make bench-quick.

It ends with 1 if a message was lost, or if what is to be durable would not be on a disk.
"""

import argparse
import collections
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import machine
import page
import report

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# In this order they are measured and shown; each has ROWS.
PARTS = (
    "throughput",
    "cpu",
    "latency",
    "drain",
    "start",
    "links",
    "subscribers",
    "disk",
    "wire",
    "lossy",
    "login",
    "batch",
    "isolation",
    "share",
)


class Bench:
    """What the rows are given: how much to measure, where, with which programs."""

    def __init__(self, build, folder, scale, runs):
        self.build = build
        self.folder = folder
        self.scale = scale
        self.runs = runs

    def count(self, n, least=1):
        """So many, on the scale that is wanted."""
        return max(round(n * self.scale), least)

    def program(self, name):
        return os.path.join(self.build, "tests", "bench", f"bench-{name}")

    def run(self, name, *arguments):
        """What one of our own programs prints, as words; what goes wrong there ends the bench."""
        command = [self.program(name), *map(str, arguments)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or f"bench-{name} ended with {done.returncode}")
        return done.stdout.split()


def prepare(build):
    """The harness of the system tests, and the simulator's own bytes, for what was built."""
    sys.path[:0] = (os.path.join(ROOT, "tests", name) for name in ("system", "sim"))
    os.environ["SKYBUSD"] = os.path.join(build, "skybusd")
    os.environ["SKYBUS_SIM"] = os.path.join(build, "sim", "skybus-sim")
    os.environ["SKYBUS_PLUGIN_DIR"] = os.path.join(build, "plugins")
    os.environ["SOURCE_ROOT"] = ROOT


def chosen_rows(names, quick):
    """All, or those of these names, which may be those of parts."""
    parts = {part: importlib.import_module(part).ROWS for part in PARTS}
    rows = [row for part in PARTS for row in parts[part]]
    unknown = set(names) - {row.key for row in rows} - set(PARTS)
    if unknown:
        sys.exit(f"bench: no row is called {', '.join(sorted(unknown))}; there are "
                 + ", ".join(row.key for row in rows))
    wanted = {row.key for name in names for row in parts.get(name, ())} | set(names)
    return [row for row in rows if (row.key in wanted if names else row.quick or not quick)]


def measure(bench, rows):
    """The series of all rows; those who look on are told of each part."""
    series = {}
    took = {}
    wanted = collections.Counter(row.measure for row in rows)
    for function in wanted:
        name = function.__module__
        print(f"bench: {name} ... ", end="", file=sys.stderr, flush=True)
        begun = time.monotonic()
        series |= function(bench)
        took[name] = took.get(name, 0) + round(time.monotonic() - begun, 1)
        print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return series, took


def parse():
    parser = argparse.ArgumentParser(description=__doc__.strip().partition(";")[0] + ".")
    parser.add_argument("build", help="the directory that meson has built in; with --page, the JSON")
    parser.add_argument("row", nargs="*", help="only these rows, or those of these parts: " + ", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="only the headline rows, and less of each")
    parser.add_argument("--scale", type=float, help="so many times as many messages as usual")
    parser.add_argument("--runs", type=int, default=5, help="the runs whose median counts")
    parser.add_argument("--json", metavar="FILE", help="where to write the figures")
    parser.add_argument("--folder", help="on the disk where messages are stored; the build directory")
    parser.add_argument("--anywhere", action="store_true",
                        help="even on a tmpfs, where nothing is durable; for tests of the bench itself")
    parser.add_argument("--page", action="store_true", help="print docs/performance.md, made of the JSON")
    options = parser.parse_intermixed_args()
    options.scale = options.scale or (0.15 if options.quick else 1)
    return options


def run(options):
    build = os.path.realpath(options.build)
    prepare(build)
    rows = chosen_rows(options.row, options.quick)
    folder = tempfile.mkdtemp(prefix="bench-", dir=options.folder or build)
    try:
        disk = machine.disk_of(folder, options.anywhere)
        about = machine.describe(os.environ["SKYBUSD"], ROOT, disk)
        bench = Bench(build, folder, options.scale, options.runs)
        series, took = measure(bench, rows)
    finally:
        shutil.rmtree(folder)
    about |= {"scale": options.scale, "runs_each": options.runs, "quick": options.quick, "seconds": took}
    return rows, report.results(rows, series, about)


def print_page(path):
    prepare("")
    with open(path, encoding="utf-8") as file:
        print(page.page(chosen_rows((), False), json.load(file)), end="")


def write(options, results):
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1, ensure_ascii=False)
            file.write("\n")


def main():
    options = parse()
    try:
        if options.page:
            print_page(options.build)
            return
        rows, results = run(options)
    except (OSError, RuntimeError, TimeoutError) as error:
        sys.exit(f"\nbench: {error}")
    print(report.table(rows, results))
    write(options, results)


if __name__ == "__main__":
    main()
