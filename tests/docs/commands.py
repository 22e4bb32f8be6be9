# SPDX-License-Identifier: Apache-2.0
"""
What a page shows: blocks of a page in Markdown, between fences, and of a manual page, displayed as they are; and the
commands in those that are for a shell.
"""

import re
import subprocess
from dataclasses import dataclass, field


@dataclass
class Block:
    """What is between two fences."""

    page: str
    line: int
    language: str
    text: str
    commands: list = field(default_factory=list)


@dataclass
class Command:
    """What a shell takes as one command; it may have several lines."""

    block: Block
    line: int
    text: str

    @property
    def place(self):
        return f"{self.block.page}:{self.line}"

    @property
    def bare(self):
        """Without its comment, on one line."""
        lines = [re.sub(r"(^|\s+)# .*$", "", line) for line in self.text.split("\n")]
        return " ".join(line.removesuffix("\\").strip() for line in lines if line.strip())

    @property
    def status(self):
        """With what it is to end: what a comment says, else 0."""
        said = re.search(r"# .*\bexit status (\d+)", self.text)
        return int(said[1]) if said else 0


def is_whole(text):
    """Whether a shell would not ask for more."""
    if re.search(r"(\\|\||&&)$", text):
        return False
    done = subprocess.run(["sh", "-n"], input=text + "\n", text=True, capture_output=True, check=False)
    return done.returncode == 0


def commands_of(block):
    """Its commands, in their order."""
    commands, lines, first = [], [], 0
    for number, line in enumerate(block.text.split("\n"), block.line):
        if not lines and (not line.strip() or line.startswith("#")):
            continue
        first = first if lines else number
        lines.append(line)
        if is_whole("\n".join(lines)):
            commands.append(Command(block, first, "\n".join(lines)))
            lines = []
    if lines:
        raise ValueError(f"{block.page}:{first}: a command that does not end: {lines}")
    return commands


# How a block of a manual page begins that is for a shell; one of Markdown says so.
PROGRAMS = r"(skybus\w*|systemctl|busctl|journalctl|cc|printf) "


def language_of(text):
    """Of a block of a manual page."""
    if re.match(PROGRAMS, text):
        return "sh"
    return "yaml" if re.match(r"\w+:\n", text) else "c" if text.startswith("#include") else ""


def displays_of(page, text):
    """All blocks of a manual page, in mdoc(7)."""
    blocks, inside = [], None
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(".Bd -literal"):
            inside = Block(page, number + 1, "", "")
        elif line == ".Ed" and inside:
            inside.text = inside.text.removesuffix("\n")
            inside.language = language_of(inside.text)
            inside.commands = commands_of(inside) if inside.language == "sh" else []
            blocks.append(inside)
            inside = None
        elif inside:
            inside.text += line.replace("\\e", "\\").removeprefix("\\&") + "\n"
    return blocks


def blocks_of(page, text):
    """All blocks of a page."""
    return fenced_blocks_of(page, text) if page.endswith(".md") else displays_of(page, text)


def fenced_blocks_of(page, text):
    """All blocks of a page in Markdown."""
    blocks, inside = [], None
    for number, line in enumerate(text.split("\n"), 1):
        fence = re.match(r"\s*```(\w*)", line)
        if inside is None and fence:
            inside = Block(page, number + 1, fence[1], "")
        elif inside is not None and fence:
            inside.text = inside.text.removesuffix("\n")
            inside.commands = commands_of(inside) if inside.language == "sh" else []
            blocks.append(inside)
            inside = None
        elif inside is not None:
            inside.text += line + "\n"
    if inside is not None:
        raise ValueError(f"{page}:{inside.line}: a block that does not end")
    return blocks
