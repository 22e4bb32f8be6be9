# SPDX-License-Identifier: Apache-2.0
"""
What the pages point to is there: files, and headings of pages.

Usage: test-links.py SOURCE-ROOT [unittest's arguments]
"""

import re
import sys
import unittest
from pathlib import Path

ROOT = Path(sys.argv[1])
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]


def text_of(page):
    """Without what is shown as it is."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    """As the sites that show Markdown make them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


class LinksTest(unittest.TestCase):
    def test_each_leads_somewhere(self):
        count = 0
        for page in PAGES:
            for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, anchor = target.partition("#")
                file = page.parent / name if name else page
                self.assertTrue(file.exists(), f"{page}: {target}")
                if anchor:
                    self.assertIn(anchor, anchors(file), f"{page}: {target}")
                count += 1
        self.assertGreater(count, 30)

    def test_every_page_can_be_found(self):
        """From the README, by links alone."""
        found, todo = set(), [ROOT / "README.md"]
        while todo:
            page = todo.pop().resolve()
            if page in found or page.suffix != ".md":
                continue
            found.add(page)
            targets = re.findall(r"\]\(([^)#\s]+)", text_of(page))
            todo += [page.parent / target for target in targets if not re.match(r"[a-z]+:", target)]
        self.assertEqual({page.resolve() for page in PAGES} - found, set())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
