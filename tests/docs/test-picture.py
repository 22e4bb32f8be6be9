# SPDX-License-Identifier: Apache-2.0
"""
The picture of the architecture is one of its source as that is now. Versions of graphviz place things a little
differently, so the hash of the source is compared, and what the picture says.

Usage: test-picture.py SOURCE.dot PICTURE.svg [unittest's arguments]
"""

import hashlib
import re
import sys
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

SOURCE, PICTURE = sys.argv[1:3]
TEXT = "{http://www.w3.org/2000/svg}text"


class PictureTest(unittest.TestCase):
    def test_it_is_up_to_date(self):
        now = hashlib.sha256(Path(SOURCE).read_bytes()).hexdigest()
        self.assertIn(f": {now} -->", Path(PICTURE).read_text(encoding="utf-8"), "make docs")

    def test_it_says_what_the_source_says(self):
        labels = re.findall(r'label="(.*?)"', Path(SOURCE).read_text(encoding="utf-8"))
        lines = {line.strip() for label in labels for line in label.split("\\n")}
        self.assertGreater(len(lines), 20)
        shown = ElementTree.parse(PICTURE).getroot().iter(TEXT)
        self.assertEqual({text.text.strip() for text in shown}, lines)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
