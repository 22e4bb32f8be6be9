# SPDX-License-Identifier: Apache-2.0
"""A plugin that crashes the daemon: it is counted, put into quarantine, and the other links go on."""

import os
import shutil
import signal

import harness
from client import MANAGER, ROOT
from ctl import FAILED, Ctl
from harness import PATIENCE, eventually

CRASHER = os.path.join(os.environ["SKYBUS_BAD_PLUGINS"], "crasher.so")
# Of a message for the other link too, which goes on.
OTHER = "plant"
LINK = "box"


class CrashTest(harness.SystemTest):
    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        self.plugins = os.path.join(self.folder, "plugins")
        os.mkdir(self.plugins, 0o755)
        os.chmod(self.plugins, 0o755)
        self.install("enos", os.path.join(harness.PLUGIN_DIR, "enos.so"))
        self.install("crasher", CRASHER)
        self.environment = {}
        self.daemon = self.new_daemon(self.bus, self.config("nothing"), self.plugins)
        self.client = self.new_client(self.bus)
        self.ctl = Ctl(self.bus.address)

    def install(self, name, source):
        """As a package does it: another file of the same name."""
        path = os.path.join(self.plugins, name + ".so")
        shutil.copyfile(source, path + ".new")
        os.chmod(path + ".new", 0o755)
        os.rename(path + ".new", path)

    def config(self, crash_in, how="fault"):
        endpoint = self.simulator.endpoints["enos-v2"]
        crasher = harness.link_at(LINK, endpoint, plugin="crasher", crash_in=crash_in, how=how)
        return "links:\n" + harness.enos_link(OTHER, endpoint) + crasher

    def crash(self, crash_in, how="fault", do=None):
        """Runs the daemon until it has crashed; do has it come there, if it does not by itself."""
        self.daemon.configure(self.config(crash_in, how))
        inside = [f"{key}={value}" for key, value in self.environment.items()]
        self.daemon.inside = ("env", *inside)
        self.daemon.spawn(
            *self.daemon.command("--address", self.bus.address, "--log-level", "debug")
        )
        process = self.daemon.process
        if do:
            eventually(lambda: self.daemon.has_name(), "the daemon's name")
            do()
        try:
            self.assertNotEqual(process.wait(PATIENCE), 0)
        finally:
            self.daemon.process = process if process.poll() is None else None
        eventually(lambda: not self.daemon.client.call_driver("NameHasOwner", "s", harness.NAME)[0],
                   "the daemon's name to go")

    def publish(self):
        """Without waiting for an answer, which may not come."""
        self.client.send(
            harness.link_path(LINK), "io.skybus.Gateway1.Link.Publish", "ss", "any/topic", "{}"
        )

    def start(self):
        self.daemon.inside = ()
        self.daemon.start()

    def assert_counted(self, n, *words):
        """Starts it with nothing to crash of."""
        before = len(self.daemon.log)
        self.daemon.configure(self.config("nothing"))
        self.start()
        log = self.daemon.log[before:]
        line = [line for line in log.splitlines() if "has crashed skybusd, " in line]
        self.assertEqual(len(line), 1, log)
        self.assertIn(f"{n} of 3 times", line[0])
        for word in words:
            self.assertIn(word, line[0])

    def assert_not_counted(self):
        before = len(self.daemon.log)
        self.daemon.configure(self.config("nothing"))
        self.start()
        self.assertNotIn("has crashed skybusd", self.daemon.log[before:])

    def test_every_call_counts(self):
        for crash_in, words, do in (
            ("attach", "in attach() for the link box", None),
            ("login", "in login() for the link box", None),
            ("opened", "in its completion of open_session() for the link box", None),
            ("timer", "in its completion of timer_start() for the link box", None),
            ("accept", "in accept() for the link box", self.publish),
            ("encode", "in encode() for the link box", self.publish),
            ("decide", "in decide() for the link box", None),
            ("device", "in device() for the link box", None),
        ):
            with self.subTest(crash_in):
                self.crash(crash_in, do=do)
                # Which is another file then: each begins afresh.
                self.assert_counted(1, words, "SIGSEGV")
                self.daemon.end()
                self.install("crasher", CRASHER)

    def test_every_way_counts(self):
        for how, words in (
            ("abort", "SIGABRT"),
            ("trap", "SIG"),
            ("exit", "with exit()"),
            ("stack", "SIGSEGV"),
        ):
            with self.subTest(how):
                self.crash("login", how)
                self.assert_counted(1, "in login() for the link box", words)
                self.daemon.end()
                self.install("crasher", CRASHER)

    def test_a_hang_that_the_watchdog_ends_counts(self):
        self.crash("login", "hang", do=self.abort)
        self.assert_counted(1, "in login()", "did not come back, and SIGABRT from outside")

    def abort(self):
        eventually(lambda: "hangs\n" in self.daemon.log, "the login")
        self.daemon.process.send_signal(signal.SIGABRT)

    def test_what_is_done_to_it_does_not_count(self):
        self.crash("login", "killed")
        self.assert_not_counted()
        self.daemon.kill()
        self.assert_not_counted()
        self.daemon.end(signal.SIGSEGV)
        self.assert_not_counted()
        self.daemon.end()
        self.assert_not_counted()

    def test_while_it_is_loaded(self):
        self.environment = {"SKYBUS_CRASHER": "1"}
        self.crash("nothing")
        self.assert_counted(1, "crasher", "in dlopen(): SIGSEGV")

    def quarantine(self):
        for _ in range(3):
            self.crash("login")
        self.start()

    def test_three_times(self):
        self.quarantine()
        self.daemon.wait_state(LINK, "failed")
        self.daemon.wait_state(OTHER, "online")
        reason = self.daemon.get(LINK, "StateReason")
        for words in ("in login() for the link box: SIGSEGV", "skybusctl plugins lift crasher"):
            self.assertIn(words, reason)
        self.assertEqual(
            [name for name, _ in self.client.get(ROOT, MANAGER, "FailedPlugins")], ["crasher"]
        )
        self.assertIn("in quarantine", self.ctl.run("plugins"))
        self.assertIn("in quarantine", self.ctl.run("status"))
        # What is published waits, also over another start.
        ticket = self.client.publish(LINK, "any/topic", "{}")
        self.assertEqual(self.daemon.end(), 0)
        self.start()
        self.daemon.wait_state(LINK, "failed")
        # Others can be reconfigured meanwhile.
        self.daemon.configure(self.config("nothing") + "    enabled: no\n")
        self.ctl.run("reload")
        self.daemon.configure(self.config("nothing"))
        self.assertIn("no plugin", self.ctl.run("plugins", "lift", "enos", expect=FAILED))
        self.ctl.run("plugins", "lift", "crasher")
        self.daemon.wait_state(LINK, "online")
        self.assertEqual(self.client.wait_ticket(ticket)[0], "delivered")
        self.assertEqual(self.client.get(ROOT, MANAGER, "FailedPlugins"), [])
        self.assertEqual(self.daemon.end(), 0)
        self.start()
        self.daemon.wait_state(LINK, "online")

    def test_another_file_is_tried(self):
        self.quarantine()
        self.daemon.wait_state(LINK, "failed")
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.configure(self.config("nothing"))
        self.install("crasher", CRASHER)
        self.start()
        self.daemon.wait_state(LINK, "online")
        self.assertIn("is another one than that which has crashed", self.daemon.log)

    def test_a_state_directory_that_cannot_be_used(self):
        for name in "crash-note", "plugin-crashes":
            os.mkdir(os.path.join(self.daemon.state_dir, name))
        self.daemon.configure(self.config("nothing"))
        self.start()
        self.daemon.wait_state(LINK, "online")
        self.assertEqual(self.daemon.log.count("crashes of plugins are not counted"), 1)


if __name__ == "__main__":
    harness.main()
