# SPDX-License-Identifier: Apache-2.0
"""
The man pages: they are well formed, they have what --help has and no more, and what they show as a
configuration is one.

Usage: test-man.py SKYBUSD SKYBUS-SIM PLUGIN-DIRECTORY PAGE-OF-SKYBUSD PAGE-OF-SKYBUS-SIM [unittest's arguments]
"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SKYBUSD, SIMULATOR, PLUGINS = sys.argv[1:4]
PAGES = {SKYBUSD: sys.argv[4], SIMULATOR: sys.argv[5]}
OPTION = r"(?<![\w-])--[a-z][a-z-]+"


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def rendered(page):
    """As people see it, without the overstrikes that make it bold, on lines that are wide enough."""
    text = output("mandoc", "-T", "utf8", "-O", "width=200", page)
    return re.sub(".\b", "", text)


def described(page):
    """What begins a paragraph of a list: {word: the whole line}."""
    lines = re.findall(r"^     (\S.*)$", rendered(page), re.MULTILINE)
    return {line.split()[0]: line for line in lines}


class PageTest(unittest.TestCase):
    def test_mandoc_finds_nothing(self):
        for page in PAGES.values():
            lint = subprocess.run(
                ["mandoc", "-T", "lint", "-W", "warning", page],
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual((lint.returncode, lint.stdout + lint.stderr), (0, ""))

    def test_no_placeholder_is_left(self):
        for page in PAGES.values():
            self.assertNotRegex(rendered(page), r"@\w+@")

    def test_every_option_is_described(self):
        for program, page in PAGES.items():
            options = set(re.findall(OPTION, output(program, "--help")))
            self.assertGreater(len(options), 5)
            self.assertEqual(options - set(described(page)), set(), f"not in {page}")

    def test_no_option_is_made_up(self):
        for program, page in PAGES.items():
            options = set(re.findall(OPTION, output(program, "--help")))
            used = set(re.findall(OPTION, rendered(page)))
            self.assertEqual(used - options, set(), f"in {page}")

    def test_every_order_is_described(self):
        orders = output(SIMULATOR, "--help").split("Orders to a simulator")[1]
        verbs = set(re.findall(r"^  ([a-z]+)\b", orders, re.MULTILINE))
        self.assertIn("impair", verbs)
        self.assertEqual(verbs - set(described(PAGES[SIMULATOR])), set())

    def test_paths_are_those_of_the_daemon(self):
        shown = re.findall(r"[(\s](/[\w/.-]+)", output(SKYBUSD, "--help"))
        self.assertGreater(len(shown), 2)
        for path in shown:
            self.assertIn(path.lower(), rendered(PAGES[SKYBUSD]).lower())


class ExampleTest(unittest.TestCase):
    def test_the_configuration_is_right(self):
        source = Path(PAGES[SIMULATOR]).read_text(encoding="utf-8")
        [block] = re.findall(r"^\.Bd -literal.*\n(links:\n(?:.*\n)*?)\.Ed", source, re.MULTILINE)
        with tempfile.TemporaryDirectory() as scratch:
            config = Path(scratch, "skybus.yaml")
            config.write_text(block, encoding="utf-8")
            check = subprocess.run(
                [SKYBUSD, "--check-config", "--config", config, "--plugin-dir", PLUGINS],
                capture_output=True,
                text=True,
                check=False,
            )
        self.assertEqual(check.returncode, 0, check.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[6:])
