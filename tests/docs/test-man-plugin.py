# SPDX-License-Identifier: Apache-2.0
"""
The manual page about plugins: it has every call of the ABI and no other, and its example is a plugin.

Usage: test-man-plugin.py SKYBUSD PAGE INCLUDE-DIRECTORY COMPILER...
"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SKYBUSD, PAGE, INCLUDE = sys.argv[1:4]
COMPILER = sys.argv[4:]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def header():
    return Path(INCLUDE, "skybus/plugin.h").read_text(encoding="utf-8")


def calls(struct):
    """The names of the function pointers in a struct of the header."""
    [body] = re.findall(rf"^struct {struct} {{\n(.*?)^}};", header(), re.MULTILINE | re.DOTALL)
    return set(re.findall(r"\(\*(\w+)\)\(", body))


class PageTest(unittest.TestCase):
    def setUp(self):
        self.page = Path(PAGE).read_text(encoding="utf-8")

    def described(self, section):
        [text] = re.findall(rf"^\.Sh {section}\n(.*?)^\.Sh ", self.page, re.MULTILINE | re.DOTALL)
        return set(re.findall(r"^\.It Fn (\w+)$", text, re.MULTILINE))

    def test_mandoc_finds_nothing(self):
        lint = run("mandoc", "-T", "lint", "-W", "warning", PAGE)
        self.assertEqual((lint.returncode, lint.stdout + lint.stderr), (0, ""))

    def test_no_placeholder_is_left(self):
        self.assertNotRegex(self.page, r"@\w+@")

    def test_what_a_plugin_implements(self):
        self.assertGreater(len(calls("skybus_plugin")), 8)
        self.assertEqual(self.described("WHAT A PLUGIN IMPLEMENTS"), calls("skybus_plugin"))

    def test_what_the_daemon_lends(self):
        self.assertGreater(len(calls("skybus_host")), 20)
        self.assertEqual(self.described("WHAT THE DAEMON LENDS"), calls("skybus_host"))

    def test_kinds_of_settings(self):
        [kinds] = re.findall(r"^enum {\n(\tSKYBUS_TEXT = .*?)^};", header(), re.MULTILINE | re.DOTALL)
        names = set(re.findall(r"^\t(SKYBUS_\w+) = ", kinds, re.MULTILINE))
        [section] = re.findall(r"^\.Sh SETTINGS\n(.*?)^\.Sh ", self.page, re.MULTILINE | re.DOTALL)
        self.assertEqual(set(re.findall(r"^\.Dv (SKYBUS_\w+)", section, re.MULTILINE)), names)

    def test_the_example_is_a_plugin(self):
        [code] = re.findall(r"^\.Bd -literal.*\n(#include(?:.*\n)*?)\.Ed", self.page, re.MULTILINE)
        strict = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wl,-z,defs")
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "echo.c")
            source.write_text(code, encoding="utf-8")
            plugin = f"{folder}/echo.so"
            made = run(*COMPILER, "-shared", "-fPIC", *strict, f"-I{INCLUDE}", "-o", plugin, str(source))
            self.assertEqual(made.returncode, 0, made.stderr)
            listed = run(SKYBUSD, "--list-plugins", "--plugin-dir", folder)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertEqual(listed.stdout, "echo 1.0: any CoAP server, without a login\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
