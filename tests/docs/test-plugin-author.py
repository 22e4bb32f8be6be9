# SPDX-License-Identifier: Apache-2.0
"""
The guide for authors of plugins: the C that it shows is the example's, which tests/author builds and tries.

Usage: test-plugin-author.py SOURCE [unittest's arguments]
"""

import re
import sys
import unittest
from pathlib import Path

SOURCE = Path(sys.argv.pop(1))


class GuideTest(unittest.TestCase):
    def test_what_it_shows_is_in_the_example(self):
        guide = (SOURCE / "docs/plugin-author.md").read_text(encoding="utf-8")
        example = (SOURCE / "examples/tidewater/tidewater.c").read_text(encoding="utf-8")
        blocks = re.findall(r"^```c\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
        self.assertGreater(len(blocks), 3)
        for block in blocks:
            self.assertIn(block, example)


if __name__ == "__main__":
    unittest.main()
