# SPDX-License-Identifier: Apache-2.0
"""Access by unit on dbus-broker; that on dbus-daemon is in tests/system/test-access.py."""

import os
import pwd
import unittest

import fake_systemd
import harness
from client import LINK, dbus_send, link_path
from harness import POINTS, post

USER = "nobody"
RULES = """access:
  - {unit: app.service, links: [plant], publish: ["#"]}
links:
"""


@unittest.skipUnless(os.geteuid() == 0, "only root can try what other users may: run this as root")
class UnitTest(harness.SystemTest):
    def setUp(self):
        os.chmod(self.folder, 0o755)
        self.bus = harness.PrivateBus(self.folder, kind="dbus-broker")
        self.addCleanup(self.bus.end)
        # Who may connect is up to the launcher.
        os.chmod(self.bus.path, 0o777)

    def publish(self):
        arguments = (f"string:{POINTS}", f"string:{post(1)}")
        return dbus_send(self.bus, link_path("plant"), LINK + ".Publish", *arguments, user=USER)

    def test_unit(self):
        systemd = fake_systemd.Systemd(self.bus, "app.service", pwd.getpwnam(USER).pw_uid)
        self.addCleanup(systemd.end)
        simulator = self.start_simulator()
        link = harness.enos_link("plant", simulator.endpoints["enos-v2"])
        self.start_daemon(self.bus, RULES + link)
        self.publish()
        self.assertEqual(len(systemd.pids), 1)
        systemd.unit = "other.service"
        with self.assert_refused("NotPermitted", "(unit other.service) may not publish"):
            self.publish()
        systemd.unit, systemd.uid = "app.service", 0
        with self.assert_refused("NotPermitted", "may not publish"):
            self.publish()


if __name__ == "__main__":
    harness.main()
