# SPDX-License-Identifier: Apache-2.0
"""What the running daemon says of itself is what the XML files in dbus/ say."""

import os
import shutil
import sys
import unittest
import xml.etree.ElementTree as ElementTree

import harness
from client import LINK, MANAGER, NAME, ROOT, link_path, run_stranger
from harness import SOURCE_ROOT

COMPARE = os.path.join(SOURCE_ROOT, "tests/dbus/compare-introspection.py")
XML = {
    LINK: os.path.join(SOURCE_ROOT, f"dbus/{LINK}.xml"),
    MANAGER: os.path.join(SOURCE_ROOT, f"dbus/{MANAGER}.xml"),
}
STANDARD = {
    "org.freedesktop.DBus.Introspectable",
    "org.freedesktop.DBus.Peer",
    "org.freedesktop.DBus.Properties",
}


class IntrospectionTest(harness.SystemTest):
    def setUp(self):
        self.bus = self.start_bus()
        link = harness.enos_link("plant-7", ("127.0.0.1", 5683), enabled="no")
        self.daemon = self.start_daemon(self.bus, "links:\n" + link)
        self.daemon.wait_state("plant-7", "disabled")

    def introspect(self, path):
        method = "org.freedesktop.DBus.Introspectable.Introspect"
        [text] = self.daemon.client.call(path, method)
        return ElementTree.fromstring(text)

    def interfaces(self, path):
        return {element.get("name") for element in self.introspect(path).findall("interface")}

    def children(self, path):
        return [element.get("name") for element in self.introspect(path).findall("node")]

    @unittest.skipUnless(shutil.which("busctl"), "needs busctl")
    def test_interfaces_are_as_written(self):
        for path, interface in ((link_path("plant-7"), LINK), (ROOT, MANAGER)):
            with self.subTest(interface):
                arguments = (self.bus.address, NAME, path, interface, XML[interface])
                done = run_stranger(sys.executable, COMPARE, *arguments)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_objects(self):
        self.assertEqual(
            self.interfaces(ROOT), STANDARD | {MANAGER, "org.freedesktop.DBus.ObjectManager"}
        )
        self.assertEqual(self.interfaces(link_path("plant-7")), STANDARD | {LINK})
        self.assertEqual(self.children(ROOT + "/link"), ["plant_2d7"])

    @unittest.skipUnless(shutil.which("gdbus"), "needs gdbus")
    def test_gdbus(self):
        command = ("gdbus", "introspect", "--address", self.bus.address, "--dest", NAME)
        done = run_stranger(*command, "--object-path", ROOT, "--recurse")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"interface {LINK}", done.stdout)
        self.assertIn("readonly s Name = 'plant-7'", done.stdout)


if __name__ == "__main__":
    harness.main()
