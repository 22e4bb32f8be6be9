# SPDX-License-Identifier: Apache-2.0
"""The program in docs/stream.md, as a module, and its text."""

import os
import re
import types

from harness import SOURCE_ROOT

PAGE = os.path.join(SOURCE_ROOT, "docs", "stream.md")


def read_example():
    with open(PAGE, encoding="utf-8") as page:
        text = re.search("```python\n(.*?)```", page.read(), re.DOTALL)[1]
    module = types.ModuleType("example")
    exec(compile(text, PAGE, "exec"), module.__dict__)  # a program of our own
    return module, text


example, EXAMPLE = read_example()
