# SPDX-License-Identifier: Apache-2.0
"""
The packages on a machine with a real systemd, as its administrator and the users of its programs see them:
one story, in the order of the names, from the installation to the purge.
"""

import atexit
import glob
import json
import os
import re
import sys
import time
import unittest

from container import PATIENCE, Cloud, Container, eventually, run

NAME = "io.skybus.Gateway1"
ROOT = "/io/skybus/Gateway1"

PRODUCT, DEVICE = "pk7TestA", "dev0000001"
# Must never be found where anybody could read it who may not.
SECRET = "S3ntinelThatNobodySees"

CONFIG = "/etc/skybus/skybus.yaml"
LINKS = "/etc/skybus/conf.d/box.yaml"
UNIT_FOLDER = "/etc/systemd/system/skybusd.service.d"
STATE = "/var/lib/skybus"

# What skybusctl ends with then.
NOT_PERMITTED = 5

# What the timer for metrics writes.
METRICS = "/var/lib/prometheus/node-exporter/skybus.prom"

# Seconds; WatchdogSec= and TimeoutAbortSec= of the unit, and as much again.
WATCHDOG = 130


def dbus_send(path, method, *arguments, name=NAME):
    return (
        "dbus-send",
        "--system",
        "--print-reply=literal",
        f"--reply-timeout={2 * PATIENCE * 1000}",
        f"--dest={name}",
        ROOT + path,
        f"{NAME}.{method}",
        *arguments,
    )


class MachineTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.packages = os.environ["SKYBUS_PACKAGES"]
        cls.root = os.environ["SKYBUS_ROOT"]
        cls.machine = machine
        cls.cloud = None

    @classmethod
    def tearDownClass(cls):
        if cls.cloud:
            cls.cloud.end()

    # ---- what a person does ----------------------------------------------------------------------

    def install(self, *files):
        """Installs packages, and what they need; apt has that in its cache."""
        names = " ".join(f"/root/{os.path.basename(file)}" for file in files)
        for file in files:
            run("cp", file, self.machine.path("/root/"))
        self.machine.shell(
            f"DEBIAN_FRONTEND=noninteractive apt-get -q -y install {names} </dev/null 2>&1"
        )

    def package(self, name):
        [file] = glob.glob(f"{self.packages}/{name}_*.deb")
        return file

    def link(self, name, plugin, door, device="device_key", **settings):
        rows = {
            "plugin": plugin,
            "host": "127.0.0.1",
            "port": self.cloud.ports[door],
            "product_key": PRODUCT,
            device: DEVICE,
        } | settings
        return f"  {name}:\n" + "".join(f"    {key}: {value}\n" for key, value in rows.items())

    def links(self):
        """One for each way to lend a secret."""
        return (
            "links:\n"
            + self.link("plant", "enos", "enos-v2", device_secret="{credential: plant.secret}",
                        envelope="measurepoint")
            + self.link("depot", "aliyun", "aliyun", device="device_name", mode="symmetric",
                        device_secret="{credential: depot.secret}")
            + self.link("field", "enos-dtls", "enos-dtls", envelope="measurepoint",
                        device_secret="{file: /etc/skybus/field.secret}")
        )

    def call(self, path, method, *arguments, user=None, name=NAME):
        return self.machine.run(*dbus_send(path, method, *arguments, name=name), user=user)

    def publish(self, payload='{"temp": 21.5}', link="plant", user="app"):
        """As a program of a member of the group does; returns the ticket."""
        path = f"/link/{link}"
        topic = "telemetry" if link != "depot" else f"/{PRODUCT}/{DEVICE}/user/update"
        answer = self.call(path, "Link.Publish", f"string:{topic}", f"string:{payload}", user=user)
        return int(re.search(r"uint64 (\d+)", answer)[1])

    def ticket(self, number):
        """In which state it is."""
        return self.call("", "Manager.Ticket", f"uint64:{number}").split()[0]

    def assert_delivered(self, number):
        answer = self.call("", "Manager.WaitTicket", f"uint64:{number}", f"uint32:{PATIENCE}")
        self.assertEqual(answer.split()[0], "delivered", answer)

    def bring_back_aliyun(self):
        """The link that uses it may wait for a quarter of an hour by now; an administrator does not."""
        self.cloud.ctl("start", "aliyun")
        self.call("/link/depot", "Link.Connect")

    def wait_for_status(self, text):
        eventually(
            lambda: self.machine.property("StatusText") == text,
            lambda: f'the status "{text}"; it is "{self.machine.property("StatusText")}"',
        )

    def wait_until_online(self):
        self.wait_for_status("3 of 3 links online")

    # EnOS lets a device log in three times in two minutes, and the plugin keeps to that. What takes many
    # restarts is tried with the link depot, which goes on with its token.

    def wait_until_depot_is_online(self):
        method = ("org.freedesktop.DBus.Properties.Get", f"string:{NAME}.Link", "string:State")
        command = ("dbus-send", "--system", "--print-reply=literal", f"--dest={NAME}")
        eventually(
            lambda: "online" in self.machine.status(*command, ROOT + "/link/depot", *method)[1],
            lambda: f"the link is online: {self.machine.property('StatusText')}",
        )

    def configure(self, text):
        self.machine.write(CONFIG, text)
        self.machine.run("systemctl", "reload", "skybusd")

    def journal(self, *options):
        return self.machine.run("journalctl", "--no-pager", "--unit=skybusd", *options)

    def entries(self, *options):
        return [json.loads(line) for line in self.journal("--output=json", *options).splitlines()]

    # ---- the story -------------------------------------------------------------------------------

    def test_01_packages_install_and_the_service_runs(self):
        self.install(*(self.package(f"skybus{part}") for part in ("", "-plugins", "-sim", "-dev")))
        self.assertEqual(self.machine.property("ActiveState"), "active")
        self.assertEqual(self.machine.property("UnitFileState"), "enabled")
        self.wait_for_status("no link is configured")
        self.assertIn("skybusd 0", self.machine.run("skybusd", "--version"))
        owner = self.machine.run("stat", "--format=%U %a", STATE).split()
        self.assertEqual(owner, ["skybus", "700"])
        for plugin in "1nce", "aliyun", "enos", "enos-dtls":
            self.assertIn(plugin + " ", self.machine.run("skybusd", "--list-plugins"))

    def test_02_it_is_configured_with_secrets_of_three_kinds(self):
        type(self).cloud = Cloud(self.machine, f"--device={PRODUCT},{DEVICE},{SECRET}")
        machine = self.machine
        # Whoever listens to the whole bus, for the whole story.
        machine.run("systemd-run", "--unit=bus-log", "--property=Restart=always", "sh", "-c",
                    "exec dbus-monitor --system >>/var/log/bus.log")
        machine.write("/etc/skybus/plant.secret", SECRET + "\n", 0o600)
        machine.write("/etc/skybus/field.secret", SECRET + "\n", 0o600)
        machine.shell("chown skybus: /etc/skybus/field.secret")
        machine.write("/root/depot.secret", SECRET, 0o600)
        machine.shell("systemd-creds encrypt --name=depot.secret /root/depot.secret"
                      " /etc/skybus/depot.cred 2>&1 && rm /root/depot.secret")
        machine.write(UNIT_FOLDER + "/box.conf",
                      "[Service]\n"
                      "LimitCORE=infinity\n"
                      "LoadCredential=plant.secret:/etc/skybus/plant.secret\n"
                      "LoadCredentialEncrypted=depot.secret:/etc/skybus/depot.cred\n")
        machine.write(LINKS, self.links())
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "restart", "skybusd")
        self.wait_until_online()

    def test_03_members_of_the_group_publish_and_others_do_not(self):
        self.machine.shell("useradd --groups skybus app; useradd stranger")
        for link in "plant", "depot", "field":
            self.assert_delivered(self.publish(link=link))
        status, text = self.machine.status(
            *dbus_send("/link/plant", "Link.Publish", "string:t", "string:x"), user="stranger"
        )
        self.assertEqual(status, 1)
        self.assertIn("AccessDenied", text)
        self.assertEqual(len(self.cloud.record("message", "enos-v2")), 1)
        shown = json.loads(self.machine.run("skybusctl", "status", "--json", user="app"))
        self.assertEqual({link["State"] for link in shown["links"]}, {"online"})
        status, text = self.machine.status("skybusctl", "status", user="stranger")
        self.assertEqual(status, NOT_PERMITTED, text)

    def test_04_a_rule_for_a_unit_lets_that_unit_in(self):
        rule = "access:\n  - {unit: meter.service, links: [plant], publish: [telemetry]}\n"
        before = self.machine.read(CONFIG)
        self.addCleanup(self.configure, before)
        self.configure(before + rule)
        call = dbus_send("/link/plant", "Link.Publish", "string:telemetry", 'string:{"temp": 1}')
        unit = ("systemd-run", "--quiet", "--pipe", "--wait", "--uid=app")
        self.assertIn("uint64", self.machine.run(*unit, "--unit=meter", *call))
        status, text = self.machine.status(*unit, "--unit=other", *call)
        self.assertNotEqual(status, 0)
        self.assertIn("NotPermitted", text)

    def test_05_a_reload_applies_all_or_fails_and_changes_nothing(self):
        self.machine.write("/etc/skybus/conf.d/more.yaml",
                           "links:\n" + self.link("spare", "enos", "enos-v2", enabled="no",
                                                  device_secret="{credential: plant.secret}"))
        self.machine.run("systemctl", "reload", "skybusd")
        text = self.call("", "Manager.ListPlugins")
        self.assertIn("enos", text)
        self.assertIn("3 of 4 links online", self.machine.property("StatusText"))
        self.machine.write("/etc/skybus/conf.d/more.yaml", "links:\n  spare: {plugin: enos, port: x}\n")
        status, text = self.machine.status("systemctl", "reload", "skybusd")
        self.assertEqual(status, 1, text)
        self.assertIn("/etc/skybus/conf.d/more.yaml:2:", self.journal())
        self.assertEqual(self.machine.property("ActiveState"), "active")
        self.assertIn("3 of 4 links online", self.machine.property("StatusText"))
        os.remove(self.machine.path("/etc/skybus/conf.d/more.yaml"))
        self.machine.run("systemctl", "reload", "skybusd")
        self.wait_until_online()

    def test_06_a_second_daemon_has_a_place_of_its_own(self):
        self.machine.write("/etc/skybus/instances/depot/skybus.yaml",
                           "links:\n" + self.link("plant", "enos", "enos-v2",
                                                  envelope="measurepoint",
                                                  device_secret="{file: /etc/skybus/field.secret}"))
        self.machine.shell(
            "sed 's/io\\.skybus\\.Gateway1\"/io.skybus.Gateway1.depot\"/'"
            " /usr/share/dbus-1/system.d/io.skybus.Gateway1.conf"
            " >/etc/dbus-1/system.d/io.skybus.Gateway1.depot.conf; systemctl reload dbus;"
            " systemctl enable --now skybusd@depot 2>&1"
        )
        eventually(lambda: self.machine.property("StatusText", "skybusd@depot")
                   == "1 of 1 links online", "the instance's link is online")
        answer = self.call("/link/plant", "Link.Publish", "string:telemetry", 'string:{"a": 1}',
                           user="app", name=NAME + ".depot")
        self.assertIn("uint64 1", answer)
        self.machine.run("systemctl", "reload", "skybusd@depot")
        self.assertTrue(os.path.exists(self.machine.path("/var/lib/skybus-instances/depot")))
        self.machine.shell("systemctl disable --now skybusd@depot 2>&1")

    def test_07_one_that_hangs_is_killed_and_its_queue_is_sent(self):
        self.cloud.ctl("stop", "aliyun")
        ticket = self.publish(link="depot")
        self.assertEqual(self.machine.property("NRestarts"), "0")
        self.machine.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", "skybusd")
        eventually(lambda: self.machine.property("NRestarts") == "1", "systemd has started it again",
                   WATCHDOG)
        self.assertIn("atchdog timeout", self.journal())
        self.bring_back_aliyun()
        self.assert_delivered(ticket)
        self.wait_until_depot_is_online()

    def test_08_what_is_in_flight_at_a_stop_is_answered(self):
        self.cloud.ctl("impair", "aliyun", "delay=1000")
        before = len(self.cloud.record("message", "aliyun"))
        ticket = self.publish(link="depot")
        eventually(lambda: len(self.cloud.record("message", "aliyun")) > before,
                   "the message is at the cloud, and its answer on the way")
        self.machine.run("systemctl", "stop", "skybusd")
        self.assertEqual(self.machine.property("Result"), "success")
        self.cloud.ctl("impair", "aliyun")
        self.machine.run("systemctl", "start", "skybusd")
        self.assertEqual(self.ticket(ticket), "delivered")
        self.assertEqual(len(self.cloud.record("message", "aliyun")), before + 1)
        self.wait_until_depot_is_online()

    def test_09_a_stop_does_not_wait_for_a_cloud_that_is_silent(self):
        self.cloud.ctl("impair", "aliyun", "drop=100")
        ticket = self.publish(link="depot")
        began = time.monotonic()
        self.machine.run("systemctl", "stop", "skybusd")
        # TimeoutStopSec= would have been a kill, and no success.
        self.assertEqual(self.machine.property("Result"), "success")
        self.assertLess(time.monotonic() - began, 30)
        self.cloud.ctl("impair", "aliyun")
        self.machine.run("systemctl", "start", "skybusd")
        self.assert_delivered(ticket)

    def test_10_the_bus_may_be_restarted(self):
        process = self.machine.property("MainPID")
        self.machine.run("systemctl", "restart", "dbus")
        eventually(lambda: self.machine.status(*dbus_send("", "Manager.ListPlugins"))[0] == 0,
                   "the name is on the bus again")
        self.assertEqual(self.machine.property("MainPID"), process)
        self.assert_delivered(self.publish(link="depot"))

    def test_11_a_reboot_loses_nothing(self):
        self.wait_until_depot_is_online()
        done = self.publish(link="depot")
        self.assert_delivered(done)
        logins = len(self.cloud.record("login", "aliyun"))
        self.cloud.ctl("stop", "aliyun")
        waits = self.publish(link="depot")
        self.machine.reboot()
        eventually(lambda: self.machine.property("ActiveState") == "active", "the service is up")
        self.assertEqual(self.ticket(done), "delivered")
        self.assertIn(self.ticket(waits), ("stored", "in-flight"))
        self.bring_back_aliyun()
        self.assert_delivered(waits)
        self.wait_until_depot_is_online()
        self.assertEqual(len(self.cloud.record("login", "aliyun")), logins)

    def test_12_a_crash_leaves_no_core(self):
        self.machine.run("systemctl", "kill", "--kill-whom=main", "--signal=SEGV", "skybusd")
        eventually(lambda: self.machine.property("NRestarts") == "1", "systemd has started it again")
        self.wait_until_depot_is_online()
        # As the kernel tells it; it would be "dumped" otherwise.
        self.assertIn("Main process exited, code=killed, status=11/SEGV", self.journal())

    def test_13_the_journal_has_fields_and_explains(self):
        online = [entry for entry in self.entries() if entry.get("SKYBUS_LINK") == "plant"]
        self.assertNotEqual(online, [])
        for entry in online:
            self.assertEqual(entry["SYSLOG_IDENTIFIER"], "skybusd")
            self.assertEqual(entry["_SYSTEMD_UNIT"], "skybusd.service")
        events = {entry["MESSAGE_ID"] for entry in online if "MESSAGE_ID" in entry}
        self.assertGreaterEqual(len(events), 2)
        catalog = self.machine.run("journalctl", "--dump-catalog", *sorted(events))
        self.assertEqual(catalog.count("Defined-By: skybus"), len(events))
        explained = self.journal("--catalog", "SKYBUS_LINK=plant")
        self.assertRegex(explained, r"░░ Subject: .*plant")

    def test_14_the_secret_is_nowhere(self):
        secret = SECRET.encode()
        texts = {
            "the journal": self.machine.run("journalctl", "--output=export", "--all").encode("utf-8", "replace"),
            "the bus": self.machine.read("/var/log/bus.log", binary=True),
        }
        for folder, _, files in os.walk(self.machine.path(STATE)):
            for name in files:
                path = os.path.join(folder, name).removeprefix(self.root)
                texts[path] = self.machine.read(path, binary=True)
        process = self.machine.property("MainPID")
        for name in "cmdline", "environ":
            texts[name] = self.machine.run("cat", f"/proc/{process}/{name}").encode()
        self.assertIn(b"Publish", texts["the bus"])
        self.assertGreater(len(texts), 4)
        for name, text in texts.items():
            self.assertNotIn(secret, text, name)
            # As the bytes of a signed or an encrypted text would show it.
            self.assertNotIn(secret.hex().encode(), text.lower(), name)
        # A check of the check: it is where it must be.
        self.assertIn(SECRET, self.machine.read("/etc/skybus/plant.secret"))

    def test_15_the_service_may_do_little(self):
        status, text = self.machine.status("systemd-analyze", "security", "--threshold=12", "skybusd")
        self.assertEqual(status, 0, text)

    def test_15_a_plugin_has_a_process_of_its_own(self):
        """Which is shut in more, within all that the unit forbids."""
        isolated = "    mode: symmetric\n    plugin_isolation: process\n"
        self.machine.write(LINKS, self.links().replace("    mode: symmetric\n", isolated))
        self.machine.run("systemctl", "reload", "skybusd")
        self.wait_until_depot_is_online()
        self.assert_delivered(self.publish(link="depot"))
        filters = self.machine.shell(
            "for process in /proc/[0-9]*; do"
            " grep -qs skybus-plugin-h $process/comm && grep ^Seccomp_filters: $process/status;"
            " done; true"
        ).split()
        of_daemon = self.machine.shell(
            "grep ^Seccomp_filters: /proc/$(systemctl show -P MainPID skybusd)/status"
        ).split()
        self.assertEqual(int(filters[1]), int(of_daemon[1]) + 1)
        self.machine.write(LINKS, self.links())
        self.machine.run("systemctl", "reload", "skybusd")
        self.wait_until_depot_is_online()

    def test_16_metrics_are_written_for_node_exporter(self):
        # That package is not here, and makes the folder.
        self.machine.run("mkdir", "-p", os.path.dirname(METRICS))
        self.machine.shell("systemctl enable --now skybus-metrics.timer 2>&1")
        eventually(lambda: os.path.exists(self.machine.path(METRICS)), "the timer's service has written")
        self.assertIn('link="plant"', self.machine.read(METRICS))
        self.assertEqual(self.machine.property("Result", "skybus-metrics.service"), "success")
        # It goes and comes with the daemon.
        for verb, state in {"stop": "inactive", "start": "active"}.items():
            self.machine.run("systemctl", verb, "skybusd")
            self.assertEqual(self.machine.property("ActiveState", "skybus-metrics.timer"), state)
        os.unlink(self.machine.path(METRICS))
        eventually(lambda: os.path.exists(self.machine.path(METRICS)), "it has written again", 150)
        self.machine.shell("systemctl disable --now skybus-metrics.timer 2>&1")

    def install_crasher(self, crash_in):
        """The plugin that crashes where it is told to, as another file each time, and a link that has it."""
        source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        built = self.root + ".crasher.so"
        run("cc", "-shared", "-fPIC", "-D_GNU_SOURCE", f"-I{source}", f"-I{source}/include", "-o", built,
            f"{source}/tests/daemon/plugins/crasher.c")
        run("install", "--mode=755", built, self.machine.path("/usr/lib/skybus/crasher.so"))
        os.remove(built)
        self.machine.write("/etc/skybus/conf.d/crash.yaml",
                           f"links:\n  crash:\n    plugin: crasher\n    crash_in: {crash_in}\n"
                           f"    host: 127.0.0.1\n    port: {self.cloud.ports['enos-v2']}\n")

    def crash_link(self):
        status = json.loads(self.machine.run("skybusctl", "--json", "status"))
        return next(link for link in status["links"] if link["Name"] == "crash")

    def wait_until_crash_link_is(self, state):
        eventually(lambda: self.crash_link()["State"] == state, f"the link crash is {state}")

    def test_17_a_plugin_that_crashes_is_put_into_quarantine(self):
        self.install_crasher("login")
        self.machine.run("systemctl", "restart", "skybusd")
        eventually(lambda: "crasher is in quarantine" in self.journal("SKYBUS_EVENT=plugin-quarantined"),
                   "the quarantine")
        self.assertEqual(self.machine.run("systemctl", "is-active", "skybusd").strip(), "active")
        self.assertEqual(self.machine.property("NRestarts"), "3")
        self.wait_until_depot_is_online()
        self.wait_until_crash_link_is("failed")
        reason = self.crash_link()["StateReason"]
        self.assertIn("in login() for the link crash", reason)
        self.assertIn("skybusctl plugins lift crasher", reason)
        # Mended, and lifted, while the daemon goes on.
        process = self.machine.property("MainPID")
        self.install_crasher("nothing")
        self.machine.run("skybusctl", "plugins", "lift", "crasher")
        self.wait_until_crash_link_is("online")
        self.assertEqual(self.machine.property("MainPID"), process)
        self.machine.shell("rm /etc/skybus/conf.d/crash.yaml /usr/lib/skybus/crasher.so")
        self.machine.run("systemctl", "restart", "skybusd")
        self.wait_until_depot_is_online()

    def test_18_an_upgrade_keeps_what_waits(self):
        self.cloud.ctl("stop", "aliyun")
        ticket = self.publish(link="depot")
        mark = "# The administrator's own words.\n"
        self.machine.write(CONFIG, self.machine.read(CONFIG) + mark)
        self.install(*(self.newer(f"skybus{part}") for part in ("", "-plugins")))
        self.assertEqual(self.machine.property("ActiveState"), "active")
        self.assertIn(self.ticket(ticket), ("stored", "in-flight"))
        self.assertIn(mark, self.machine.read(CONFIG))
        self.bring_back_aliyun()
        self.assert_delivered(ticket)
        self.wait_until_depot_is_online()

    def newer(self, name):
        """The same package with a higher version."""
        work = os.path.join(self.root + ".newer", name)
        version = "99.0"
        os.makedirs(os.path.dirname(work), exist_ok=True)
        run("dpkg-deb", "--raw-extract", self.package(name), work)
        control = os.path.join(work, "DEBIAN/control")
        with open(control, encoding="utf-8") as file:
            text = file.read()
        [old] = re.findall(r"^Version: (.*)$", text, re.MULTILINE)
        with open(control, "w", encoding="utf-8") as file:
            file.write(text.replace(f"Version: {old}", f"Version: {version}").replace(f"= {old})", f"= {version})"))
        run("dpkg-deb", "--root-owner-group", "--build", work, self.root + ".newer")
        run("rm", "-r", work)
        [built] = glob.glob(f"{self.root}.newer/{name}_*.deb")
        return built

    def test_19_removed_it_keeps_its_state_and_purged_nothing(self):
        apt = "DEBIAN_FRONTEND=noninteractive apt-get -q -y {} </dev/null 2>&1"
        database = self.machine.path(STATE + "/skybus.db")
        self.machine.shell(apt.format("remove skybus skybus-plugins"))
        self.assertNotEqual(self.machine.property("ActiveState"), "active")
        self.assertEqual(self.machine.status(*dbus_send("", "Manager.ListPlugins"))[0], 1)
        self.assertTrue(os.listdir(self.machine.path(STATE)))
        self.machine.shell(apt.format("purge skybus skybus-plugins"))
        for path in STATE, "/var/lib/skybus-instances", CONFIG:
            self.assertFalse(os.path.exists(self.machine.path(path)), path)
        self.assertFalse(os.path.exists(database))


if __name__ == "__main__":
    root = os.environ["SKYBUS_ROOT"]
    machine = Container(root, os.environ["SKYBUS_MACHINE"], root + ".console")
    atexit.register(machine.end)
    try:
        machine.boot()
    except (RuntimeError, TimeoutError) as error:
        print(f"No machine boots here: {error}")
        sys.exit(1)
    result = unittest.main(verbosity=2, exit=False).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed", flush=True)
