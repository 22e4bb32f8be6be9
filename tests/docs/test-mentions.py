# SPDX-License-Identifier: Apache-2.0
"""
What the text of a page calls by its name is there: commands of skybusctl with their options, calls of the D-Bus
interfaces, settings as "key:". What is in blocks of commands is executed by test-commands.py.

Usage: test-mentions.py SKYBUSCTL SOURCE-ROOT [unittest's arguments]
"""

import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

SKYBUSCTL = sys.argv[1]
ROOT = Path(sys.argv[2])
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]


def spans(page):
    """What is between single backticks."""
    text = re.sub(r"^\s*```.*?^\s*```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


def help_of(*words):
    done = subprocess.run([SKYBUSCTL, *words, "--help"], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


class MentionTest(unittest.TestCase):
    def test_commands(self):
        count = 0
        for page in PAGES:
            for span in spans(page):
                found = re.match(r"(?:sudo )?skybusctl ((?:[a-z]+ ?)+)", span)
                if not found:
                    continue
                words = found[1].split()
                # A word behind the command may be a link's name.
                said = next((said for n in (2, 1) if (said := help_of(*words[:n]))), None)
                self.assertIsNotNone(said, f"{page}: {span}")
                for option in re.findall(r"--[a-z-]+", span):
                    self.assertIn(option, said, f"{page}: {span}")
                count += 1
        self.assertGreater(count, 10)

    def test_calls(self):
        members = {}
        for file in ROOT.glob("dbus/*.xml"):
            for interface in ElementTree.parse(file).findall("interface"):
                short = interface.get("name").rsplit(".", 1)[1]
                members[short] = {one.get("name") for one in interface if one.get("name")}
        count = 0
        for page in PAGES:
            for span in spans(page):
                if found := re.fullmatch(r"(Manager|Link)\.([A-Z]\w+)", span):
                    self.assertIn(found[2], members[found[1]], f"{page}: {span}")
                    count += 1
        self.assertGreater(count, 2)

    def test_settings(self):
        """As the page about the configuration has them, which is compared with the tables."""
        known = set(re.findall(r"^(?:\| |## )`?(\w+)`?(?: \||$)", (ROOT / "docs/configuration.md").read_text(), re.M))
        # The last is said not to be there.
        known |= {"file", "credential", "confirmable"}
        self.assertGreater(len(known), 50)
        for page in PAGES:
            for span in spans(page):
                if found := re.match(r"\{?([a-z_]+): ?(?!/)", span):
                    self.assertIn(found[1], known, f"{page}: {span}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
