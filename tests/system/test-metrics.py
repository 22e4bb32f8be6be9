# SPDX-License-Identifier: Apache-2.0
"""
"skybusctl metrics": what it writes is read by Prometheus' own parsers, of both formats, and the dashboard asks for
nothing that is not there.
"""

import json
import os
import re
import stat
import time

import ctl
import harness
from ctl import Ctl
from harness import POINTS, SOURCE_ROOT, enos_link, eventually, post
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_new
from prometheus_client.parser import text_string_to_metric_families as parse_old

DASHBOARD = os.path.join(SOURCE_ROOT, "docs", "grafana.json")


def samples_of(families):
    """By name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


class MetricsTest(harness.SystemTest):
    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        nobody = harness.free_ports(1)
        config = enos_link("plant", self.simulator.endpoints["enos-v2"], budget="5 MB/month")
        config += enos_link("away", ("127.0.0.1", nobody))
        self.daemon = self.start_daemon(self.bus, "links:\n" + config)
        self.daemon.wait_state("plant", "online")
        self.client = self.new_client(self.bus)
        self.ctl = Ctl(self.bus.address)

    def publish(self, *numbers):
        for number in numbers:
            ticket = self.client.publish("plant", POINTS, post(number))
            self.assertEqual(self.client.wait_ticket(ticket)[0], "delivered")

    def read_new(self):
        text = self.ctl.run("metrics")
        self.assertTrue(text.endswith("# EOF\n"))
        return list(parse_new(text))

    def read_old(self, path):
        self.ctl.run("metrics", "--textfile", path)
        with open(path, encoding="utf-8") as file:
            return list(parse_old(file.read()))

    def test_open_metrics(self):
        self.publish(1, 2, 3)
        families = {family.name: family for family in self.read_new()}
        on_bus = self.client.call("/io/skybus/Gateway1", "io.skybus.Gateway1.Manager.ListMetrics")[0]
        self.assertEqual(list(families), [name for name, *_ in on_bus])
        for name, kind, help_text, _ in on_bus:
            self.assertEqual((families[name].type, families[name].documentation), (kind, help_text))
        self.assertEqual(families["skybus_link_wire_bytes"].unit, "bytes")
        self.assertEqual(families["skybus_link_round_trip_seconds"].unit, "seconds")
        self.assertEqual(families["skybus_link_logins"].unit, "")

        samples = samples_of(families.values())
        plant = ("link", "plant")
        self.assertEqual(samples["skybus_link_round_trip_seconds_count", (plant,)], 3)
        delivered = (("cause", "delivered"), plant, ("outcome", "delivered"))
        self.assertEqual(samples["skybus_link_ended_messages_total", delivered], 3)
        state = "skybus_link_state"
        self.assertEqual(samples[state, (plant, (state, "online"))], 1)
        self.assertEqual(samples[state, (("link", "away"), (state, "online"))], 0)
        started = samples["skybus_process_start_time_seconds", ()]
        self.assertAlmostEqual(started, time.time(), delta=600)
        self.assertGreater(samples["skybus_process_cpu_seconds_total", ()], 0)
        self.assertGreater(samples["skybus_store_database_bytes", ()], 4096)
        self.assertGreater(samples["skybus_store_commits_total", ()], 0)

    def test_failed_logins_show(self):
        failed = ("skybus_link_logins_total", (("link", "away"), ("result", "failed")))
        eventually(lambda: samples_of(self.read_new())[failed] >= 1, "a login that failed")

    def test_text_file(self):
        path = os.path.join(self.folder, "skybus.prom")
        self.publish(1)
        families = self.read_old(path)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o644)
        types = {family.name: family.type for family in families}
        self.assertEqual(types["skybus_link_state"], "gauge")
        self.assertEqual(types["skybus_build_info"], "gauge")
        # Of each sample the parser knows the family, which it names without "_total" where that is a counter.
        self.assertEqual(types["skybus_link_wire_bytes"], "counter")
        self.assertEqual(types["skybus_link_round_trip_seconds"], "histogram")
        self.assertNotIn("unknown", types.values())
        self.assertNotIn("untyped", types.values())
        wire = ("skybus_link_wire_bytes_total", (("direction", "sent"), ("link", "plant")))
        before = samples_of(families)[wire]
        self.publish(2)
        inode = os.stat(path).st_ino
        self.assertGreater(samples_of(self.read_old(path))[wire], before)
        # Another file, so that nobody reads half of one; and nothing is left beside it.
        self.assertNotEqual(os.stat(path).st_ino, inode)
        beside = [name for name in os.listdir(self.folder) if name.startswith("skybus.prom")]
        self.assertEqual(beside, ["skybus.prom"])

    def test_old_format_line_by_line(self):
        """Each sample stands below the type of its own name, as the old format wants it."""
        path = os.path.join(self.folder, "skybus.prom")
        self.ctl.run("metrics", "--textfile", path)
        family = None
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith("# TYPE "):
                    family, kind = line.split()[2:]
                    self.assertIn(kind, ("counter", "gauge", "histogram"))
                elif not line.startswith("#"):
                    name = re.match(r"[a-z_]+", line)[0]
                    if kind == "histogram":
                        name = re.sub("_(bucket|sum|count)$", "", name)
                    self.assertEqual(name, family)

    def test_files_that_cannot_be_written(self):
        path = os.path.join(self.folder, "none", "skybus.prom")
        self.assertIn(path, self.ctl.run("metrics", "--textfile", path, expect=ctl.FAILED))
        os.mkdir(os.path.join(self.folder, "taken"))
        taken = os.path.join(self.folder, "taken")
        self.assertIn(taken, self.ctl.run("metrics", "--textfile", taken, expect=ctl.FAILED))
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("taken.")], [])

    def test_json(self):
        families = self.ctl.json("metrics")
        [build] = [family for family in families if family["name"] == "skybus_build"]
        [sample] = build["samples"]
        self.assertEqual((sample["name"], sample["value"]), ("skybus_build_info", 1))
        self.assertEqual(build["type"], "info")

    def test_dashboard(self):
        """Valid JSON, and each name in an expression is one of a sample."""
        with open(DASHBOARD, encoding="utf-8") as file:
            dashboard = json.load(file)
        names = {name for name, _ in samples_of(self.read_new())}
        expressions = [
            target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])
        ]
        self.assertGreater(len(expressions), 8)
        for expression in expressions:
            asked = re.findall(r"skybus_[a-z_]+", re.sub(r"\{[^}]*\}|by ?\([^)]*\)", "", expression))
            self.assertTrue(asked, expression)
            for name in asked:
                self.assertIn(name, names, expression)
        [variable] = dashboard["templating"]["list"][1:]
        self.assertIn(re.search(r"skybus_[a-z_]+", variable["query"])[0], names)


if __name__ == "__main__":
    harness.main()
