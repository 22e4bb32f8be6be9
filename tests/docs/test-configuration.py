# SPDX-License-Identifier: Apache-2.0
"""
The pages about the configuration are what docs/configuration.py makes of the tables now, and have each row of them.

Usage: test-configuration.py SETTINGS PLUGIN-DIRECTORY SOURCE-ROOT [unittest's arguments]
"""

import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

SETTINGS, PLUGINS, ROOT = sys.argv[1:4]
DOCS = Path(ROOT) / "docs"
SCRIPT = DOCS / "configuration.py"
PAGE = DOCS / "configuration.md"
MAN = DOCS / "man" / "skybus.yaml.5"


def output(*command, **more):
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8", **more)
    return done.stdout


class PageTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.tables = output(SETTINGS, PLUGINS)
        cls.rows = [line.split("\t")[1:] for line in cls.tables.splitlines()
                    if line.startswith("setting\t")]

    def test_they_are_up_to_date(self):
        for page, options in (PAGE, []), (MAN, ["--man"]):
            made = output(sys.executable, SCRIPT, *options, input=self.tables)
            text = page.read_text(encoding="utf-8")
            self.assertEqual(text, made, "after a change of a table of settings: make docs")

    def test_every_plugin_and_every_row_is_there(self):
        self.assertGreater(len(self.rows), 50)
        plugins = re.findall(r"^plugin\t(\S+)", self.tables, re.MULTILINE)
        self.assertEqual(plugins, [path.stem for path in sorted(Path(PLUGINS).glob("*.so"))])
        page, man = PAGE.read_text(encoding="utf-8"), MAN.read_text(encoding="utf-8")
        for key, *_ in self.rows:
            self.assertIn(f"\n| `{key}` | ", page)
            self.assertIn(f"\n.It Ic {key}\n", man)
        for plugin in plugins:
            self.assertIn(f"\n### The plugin {plugin}\n", page)
            self.assertIn(f"\n.Ss The plugin {plugin}\n", man)

    def test_the_keys_of_rules(self):
        """They are no table of settings, so the script has them itself."""
        source = (Path(ROOT) / "daemon" / "config-access.c").read_text(encoding="utf-8")
        keys = re.findall(r'\{ "(\w+)", read_\w+ \}', source)
        self.assertGreater(len(keys), 5)
        section = PAGE.read_text(encoding="utf-8").split("\n## access\n")[1].split("\n## ")[0]
        self.assertEqual(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE), keys)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is missing")
    def test_mandoc_finds_nothing(self):
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", MAN], capture_output=True,
                              text=True, check=False)
        self.assertEqual((lint.returncode, lint.stdout + lint.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
