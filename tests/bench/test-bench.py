# SPDX-License-Identifier: Apache-2.0
"""
The bench on a small scale: BUILD PART for all rows of a part, which must come to something; BUILD "rest" for
the rest: that a message that is missing is noticed, and what is said of figures.
"""

import contextlib
import copy
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

import bench
import machine
import page
import report

BUILD = sys.argv.pop(1)
bench.prepare(BUILD)

import place  # noqa: E402; the harness is there now
import share  # noqa: E402
from row import Row, at_least, at_most  # noqa: E402
from ways import ONCE_PLAIN  # noqa: E402

SCRIPT = os.path.join(bench.HERE, "bench.py")
SMALL = ("--scale", "0.01", "--runs", "1", "--anywhere")

# What whoever reads the JSON relies on.
KEYS = """publish_dbus_durable_per_s publish_stream_durable_per_s cpu_us_per_message latency_p50_us latency_p99_us
    backlog_drain_per_s rss_idle_kb pss_idle_kb kb_per_link_dtls kb_per_link_plain cpu_ratio_500_links
    subscribers_1000_ratio start_ms disk_bytes_per_message wire_bytes_per_message lossy_goodput""".split()


def run_bench(*arguments):
    command = [sys.executable, SCRIPT, BUILD, *SMALL, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def numbers(value):
    return list(value.values()) if isinstance(value, dict) else [value]


def test_part(part):
    """All rows of a part have values, in the table and in the JSON."""
    rows = [row for row in bench.chosen_rows([part], False)]
    with tempfile.NamedTemporaryFile() as file:
        done = run_bench(part, "--json", file.name)
        if done.returncode != 0:
            sys.exit(done.stderr)
        found = json.load(file)
    print(done.stdout, done.stderr)
    for row in rows:
        values = numbers(found[row.key])
        if part == "share" and not share.is_possible():
            continue
        assert row.key in done.stdout and values and None not in values, (row.key, values)
        assert all(value >= 0 for value in values), (row.key, values)
        assert len(found["goals"].get(row.key, ())) == len(row.goals)


class RecordTest(unittest.TestCase):
    def setUp(self):
        self.file = tempfile.NamedTemporaryFile("w", encoding="utf-8")
        self.addCleanup(self.file.close)
        self.record_path = self.file.name
        self.record = place.Record(self)

    def come(self, *numbers_):
        for number in numbers_:
            payload = place.numbered().replace(place.MARK, f"{number:08}")
            self.file.write(json.dumps({"event": "login"}, separators=(",", ":")) + "\n")
            line = {"event": "message", "payload": payload}
            self.file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self.file.flush()

    def test_all_there(self):
        self.come(0, 2, 1)
        self.assertEqual(self.record.check(0, 3, "x"), 0)
        self.come(3, 3)
        self.assertEqual(self.record.check(3, 1, "x"), 1)

    def test_one_missing(self):
        self.come(10, 11, 11, 13)
        with self.assertRaisesRegex(place.Missing, "1 of them are not .* number 12"):
            self.record.check(10, 4, "x")

    def test_strangers(self):
        self.come(10, 9)
        with self.assertRaisesRegex(place.Missing, "1 messages that nobody published"):
            self.record.check(10, 1, "x")

    def test_half_a_line(self):
        self.come(1)
        self.file.write('{"event":"message","pay')
        self.file.flush()
        self.assertEqual(self.record.check(1, 1, "x"), 0)


class LossTest(unittest.TestCase):
    """A real daemon at a simulator that has lost one of the messages."""

    def test_a_message_is_missing(self):
        whole = place.Record.lines

        def lossy(record):
            lines = whole(record)
            return lines[1:]

        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            small = bench.Bench(BUILD, folder, 0.01, 1)
            with place.Place(small, ONCE_PLAIN) as there:
                there.start(there.new_daemon())
                there.publish(20)
                there.stream(20)
                place.Record.lines = lossy
                self.addCleanup(setattr, place.Record, "lines", whole)
                for publish in there.publish, there.stream:
                    with self.assertRaises(place.Missing):
                        publish(20)

    def test_a_message_is_refused(self):
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            small = bench.Bench(BUILD, folder, 0.01, 1)
            with place.Place(small, ONCE_PLAIN) as there:
                there.start(there.new_daemon())
                for publish in there.publish, there.stream:
                    there.simulator.ctl("answer", "1nce", "4.00", 1)
                    with self.assertRaises(RuntimeError):
                        publish(20)


class DiskTest(unittest.TestCase):
    @unittest.skipUnless(os.path.isdir("/dev/shm"), "there is no tmpfs")
    def test_tmpfs_is_refused(self):
        self.assertEqual(machine.file_system("/dev/shm"), "tmpfs")
        with self.assertRaisesRegex(machine.NoDisk, "tmpfs.*--folder"):
            machine.disk_of("/dev/shm")
        self.assertFalse(machine.disk_of("/dev/shm", anywhere=True)["durable"])

    @unittest.skipUnless(os.path.isdir("/dev/shm"), "there is no tmpfs")
    def test_the_bench_ends(self):
        command = [sys.executable, SCRIPT, BUILD, "start_ms", "--folder", "/dev/shm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing there is durable", done.stderr)
        self.assertEqual(done.stdout, "")


class GoalTest(unittest.TestCase):
    def check(self, goal, series, value, met):
        self.assertEqual(goal.compare("own", series), value)
        self.assertIs(goal.is_met(value), met)

    def test_ratio_of_each_run(self):
        series = {"own": [10, 30, 20], "peer": [20, 30, 80]}
        self.check(at_least(0.5, "peer"), series, 0.5, True)
        self.check(at_least(0.6, "peer"), series, 0.5, False)
        self.check(at_most(0.4, "peer"), series, 0.5, False)

    def test_sum_of_peers(self):
        series = {"own": [30, 30], "one": [10, 20], "two": [10, 10]}
        self.check(at_most(1.3, "one", "two"), series, 1.25, True)

    def test_number(self):
        self.check(at_most(300), {"own": [250, 301, 299]}, 299, True)

    def test_unknown(self):
        for series in {"own": [1]}, {"own": [1], "peer": [None]}, {"own": [1, 2], "peer": []}:
            self.check(at_least(1, "peer"), series, None, None)


class ReportTest(unittest.TestCase):
    def setUp(self):
        row = {"what": "what it is", "measure": print}
        self.rows = (
            Row("own_per_s", goals=(at_least(1, "raw_x"), at_most(1, "mosquitto_x")), **row),
            Row("whole", parts=lambda name: "way" if name == "whole/way" else None, **row),
        )
        series = {"own_per_s": [3, 1, 2], "raw_x": [1, 1, 1], "mosquitto_x": [None] * 3, "whole/way": [7]}
        self.about = {
            "machine": {"cpu": "Z80", "cores": 1, "memory_mb": 1, "file_system": "ext4", "sync_us": 1.0,
                        "durable": True},
            "kernel": "Linux", "date": "2026", "versions": {"system": "Debian", "skybusd": "1"},
            "commit": "c" * 40, "scale": 1, "runs_each": 5, "quick": False, "seconds": {},
        }
        self.found = report.results(self.rows, series, self.about)

    def test_results(self):
        self.assertEqual(self.found["own_per_s"], 2)
        self.assertEqual(self.found["whole"], {"way": 7})
        self.assertEqual(self.found["peers"], {"raw_x": 1, "mosquitto_x": None})
        self.assertEqual([goal["met"] for goal in self.found["goals"]["own_per_s"]], [True, None])
        self.assertEqual(self.found["runs"]["own_per_s"], [3, 1, 2])

    def test_table(self):
        lines = report.table(self.rows, self.found).splitlines()
        self.assertEqual(lines[1].split(), "own_per_s 2 ≥ 1 × raw_x 2 yes".split())
        self.assertEqual(lines[2].split(), "≤ 1 × mosquitto_x n/a n/a".split())
        self.assertEqual(lines[4].split(), ["way", "7"])

    def test_page(self):
        text = page.page(self.rows, self.found)
        self.assertIn("| `own_per_s` | 2 | ≥ 1 × raw_x | 2 | yes | what it is |", text)
        self.assertIn("| `mosquitto_x` | n/a |", text)
        self.assertIn("Z80", text)

    def test_unfit_for_a_page(self):
        for change in (
            {"scale": 0.5},
            {"quick": True},
            {"runs_each": 1},
            {"commit": None},
            {"commit": "c+"},
            {"machine": self.about["machine"] | {"durable": False}},
        ):
            with self.assertRaises(page.Unfit):
                page.page(self.rows, copy.deepcopy(self.found) | change)
        del self.found["whole"]
        with self.assertRaises(page.Unfit):
            page.page(self.rows, self.found)


class RowsTest(unittest.TestCase):
    def test_keys(self):
        rows = bench.chosen_rows((), False)
        keys = [row.key for row in rows]
        self.assertEqual(len(keys), len(set(keys)))
        self.assertEqual(set(KEYS) - set(keys), set())

    def test_unknown_row(self):
        with self.assertRaises(SystemExit), contextlib.redirect_stdout(io.StringIO()):
            bench.chosen_rows(["latency"[::-1]], False)


if __name__ == "__main__":
    name = sys.argv.pop(1)
    if name == "rest":
        unittest.main(verbosity=2)
    test_part(name)
