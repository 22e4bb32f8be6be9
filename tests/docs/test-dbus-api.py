# SPDX-License-Identifier: Apache-2.0
"""
The page about the D-Bus API is what docs/dbus-api.py makes of the XML now, and has everything of it.

Usage: test-dbus-api.py PAGE SCRIPT XML... [unittest's arguments]
"""

import html
import re
import subprocess
import sys
import unittest
from pathlib import Path

XML = [argument for argument in sys.argv[3:] if argument.endswith(".xml")]
PAGE, SCRIPT = sys.argv[1:3]


class PageTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.page = Path(PAGE).read_text(encoding="utf-8")

    def test_it_is_up_to_date(self):
        made = subprocess.run(
            [sys.executable, SCRIPT, *XML], check=True, capture_output=True, encoding="utf-8"
        ).stdout
        self.assertEqual(self.page, made, "after a change in dbus/*.xml: make docs")

    def test_every_word_is_on_it(self):
        words = set(re.sub(r"\\(.)", r"\1", self.page).split())
        for file in XML:
            text = Path(file).read_text(encoding="utf-8")
            for value in re.findall(r'DocString"\s+value="([^"]*)"', text):
                said = set(html.unescape(value).replace("Errors:", "").replace("Error:", "").split())
                self.assertEqual(said - words, set(), value)

    def test_every_member_has_a_heading_and_every_link_leads_to_one(self):
        headings = set()
        for line in re.findall(r"^#+ (.*)$", self.page, re.MULTILINE):
            headings.add(re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-"))
        for file in XML:
            text = Path(file).read_text(encoding="utf-8")
            [short] = re.findall(r'<interface name="[\w.]*\.(\w+)"', text)
            for name in re.findall(r'<(?:method|signal) name="(\w+)"', text):
                self.assertIn(f"{short}{name}".lower(), headings)
        links = set(re.findall(r"\]\(#(.*?)\)", self.page))
        self.assertGreater(len(links), 20)
        self.assertEqual(links - headings, set())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3 + len(XML) :])
