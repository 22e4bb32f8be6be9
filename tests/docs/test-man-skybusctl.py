# SPDX-License-Identifier: Apache-2.0
"""
The manual page of skybusctl is what docs/skybusctl.py makes of the program now, has all that it says of itself, and its
examples are commands that there are.

Usage: test-man-skybusctl.py SKYBUSCTL DOCS-DIRECTORY [unittest's arguments]
"""

import re
import subprocess
import sys
import unittest
from pathlib import Path

SKYBUSCTL, DOCS = sys.argv[1:3]
PAGE = Path(DOCS, "man/skybusctl.1")

# Its exit status where there is no bus; that of a wrong command line is another.
NO_DAEMON = 3


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def help_of(*words):
    return run(SKYBUSCTL, *words, "--help").stdout


def commands():
    """Those that --help has."""
    [listed] = re.findall(r"^Commands.*?\n(.*?)\n\n", help_of(), re.MULTILINE | re.DOTALL)
    return [re.match(r"  ([a-z-]+(?: [a-z-]+)?)\b", line)[1] for line in listed.split("\n") if line[2] != " "]


class PageTest(unittest.TestCase):
    maxDiff = None

    def test_it_is_up_to_date(self):
        made = run(sys.executable, f"{DOCS}/skybusctl.py", SKYBUSCTL, f"{DOCS}/man/skybusctl.1.in")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(PAGE.read_text(encoding="utf-8"), made.stdout, "after a change of its table: make docs")

    def test_mandoc_finds_nothing(self):
        lint = run("mandoc", "-T", "lint", "-W", "warning", str(PAGE))
        self.assertEqual((lint.returncode, lint.stdout + lint.stderr), (0, ""))

    def test_everything_is_there(self):
        shown = re.sub(".\b", "", run("mandoc", "-T", "utf8", "-O", "width=300", str(PAGE)).stdout)
        self.assertGreater(len(commands()), 10)
        for name in commands():
            self.assertRegex(shown, rf"(?m)^     {name}\b")
            for option in re.findall(r"--[a-z-]+", help_of(*name.split())):
                self.assertIn(option, shown)
        for line in help_of().split("It ends with")[1].strip().split("\n"):
            number, meaning = line.split(None, 1)
            self.assertRegex(shown, rf"(?mi)^     {number} +{re.escape(meaning)}")

    def test_examples(self):
        source = PAGE.read_text(encoding="utf-8")
        examples = re.findall(r"^ *skybusctl [^|\n]*", source, re.MULTILINE)
        self.assertGreater(len(examples), 2)
        for line in examples:
            shell = re.sub("^ *skybusctl", '"$0" --address=unix:path=/nowhere', line)
            done = run("sh", "-c", shell, SKYBUSCTL)
            self.assertEqual(done.returncode, NO_DAEMON, f"{line}: {done.stderr}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
