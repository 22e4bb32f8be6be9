# SPDX-License-Identifier: Apache-2.0
"""
Every command that a page shows is executed, by the page's own box or by another test, and ends as it should.

Usage: test-commands.py NAME=PROGRAM... [unittest's arguments]
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import box
import pages
from commands import blocks_of
from harness import SOURCE_ROOT

PROGRAMS = [argument for argument in sys.argv[1:] if "=" in argument]
HERE = os.path.dirname(os.path.abspath(__file__))


def all_pages():
    root = Path(SOURCE_ROOT)
    found = [root / "README.md", root / "CONTRIBUTING.md", *sorted(root.glob("docs/**/*.md"))]
    # Of a page that is made of another one, only what is made.
    found += sorted(page for page in root.glob("docs/man/*.[0-9]*") if not page.with_suffix("").exists())
    return [str(page.relative_to(root)) for page in found]


def commands_of(page):
    text = Path(SOURCE_ROOT, page).read_text(encoding="utf-8")
    return [command for block in blocks_of(page, text) for command in block.commands]


def why_not():
    """Why there can be no box on this machine; None if there can."""
    if os.geteuid() != 0:
        return "needs root, for name spaces"
    if not box.has_systemd() or not shutil.which("ip"):
        return "systemd or iproute2 is missing"
    done = subprocess.run((*box.UNSHARE, "true"), capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no name spaces: {done.stderr.strip()}"


class ElsewhereTest(unittest.TestCase):
    """The list of what other tests execute is not longer than it must be, and true."""

    def test_each_is_still_on_a_page(self):
        used = {pages.row_of(command) for page in all_pages() for command in commands_of(page)}
        listed = {row[0] for row in pages.ELSEWHERE} | set(pages.BY_HAND)
        self.assertEqual(listed - used, set())

    def test_the_other_test_is_there(self):
        for _, file, text in pages.ELSEWHERE:
            self.assertIn(text, Path(SOURCE_ROOT, file).read_text(encoding="utf-8"), file)

    def test_there_is_a_page_for_each_row(self):
        self.assertEqual(set(pages.LINKS) - set(all_pages()), set())


class ParserTest(unittest.TestCase):
    def test_commands(self):
        shell = "# no\nls \\\n  -l   # a list\nprintf 'x\ny' |\n  cat\n\nfalse # exit status 1"
        text = f"a\n```sh\n{shell}\n```\n```\nx\n```\n"
        first, second = blocks_of("p.md", text)
        self.assertEqual([(one.line, one.bare, one.status) for one in first.commands],
                         [(4, "ls -l", 0), (6, "printf 'x y' | cat", 0), (10, "false", 1)])
        self.assertEqual((second.language, second.commands), ("", []))

    def test_a_block_without_an_end(self):
        for text in "```sh\nls\n", "```sh\necho 'x\n```\n":
            with self.assertRaises(ValueError):
                blocks_of("p.md", text)

    def test_a_manual_page(self):
        text = "x\n.Bd -literal -offset indent\nskybusd \\e\n    --help\n.Ed\n.Bd -literal\nlinks:\n  a:\n.Ed\n"
        first, second = blocks_of("p.8", text)
        self.assertEqual([(one.line, one.bare) for one in first.commands], [(3, "skybusd --help")])
        self.assertEqual((second.language, second.text), ("yaml", "links:\n  a:"))


class PageTest(unittest.TestCase):
    """A test for each page that shows a command or a configuration, see below."""

    def check(self, page):
        with tempfile.TemporaryDirectory(prefix="skybus-box-", dir="/var/tmp") as folder:
            done = subprocess.run(
                (*box.UNSHARE, sys.executable, os.path.join(HERE, "run-page.py"), page, folder, *PROGRAMS),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        self.assertEqual(done.returncode, 0, f"\n{done.stdout}")
        last = next(line for line in reversed(done.stdout.splitlines()) if line.startswith("{"))
        expected = [one for one in commands_of(page) if not pages.elsewhere(one)]
        self.assertEqual(json.loads(last)["executed"], len(expected))


def add_page(page):
    @unittest.skipIf(WHY_NOT, WHY_NOT)
    def test(self):
        self.check(page)

    name = "".join(letter if letter.isalnum() else "_" for letter in page)
    setattr(PageTest, f"test_{name}", test)


WHY_NOT = why_not()
for one in all_pages():
    shown = blocks_of(one, Path(SOURCE_ROOT, one).read_text(encoding="utf-8"))
    if any(block.language in ("sh", "yaml") for block in shown):
        add_page(one)

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[1 + len(PROGRAMS) :], verbosity=2)
