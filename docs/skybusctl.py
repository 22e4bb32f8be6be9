#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Prints the manual page skybusctl(1): docs/man/skybusctl.1.in, with the commands, options and exit statuses that the
program itself says.

Usage: skybusctl.py SKYBUSCTL PAGE.in
"""

import re
import subprocess
import sys
from pathlib import Path


def help_of(program, *words):
    """What it says of a command, by the headings of its parts; None for what has no heading."""
    text = subprocess.run([program, *words, "--help"], check=True, capture_output=True, encoding="utf-8").stdout
    parts, heading = {None: []}, None
    for line in text.split("\n"):
        found = re.match(r"(Commands|Options of all commands|Options|It ends with)\b", line)
        if found:
            heading = found[1]
            parts[heading] = []
        else:
            parts[heading].append(line)
    return parts


def rows(lines):
    """What is explained, and the explanation, which may stand on the next line."""
    found = []
    for line in lines:
        row = re.match(r"  (\S.*?)(?:\s{2,}(\S.*))?$", line)
        if row:
            found.append([row[1], row[2] or ""])
        elif re.match(r"\s{2,}-", line):
            option = re.match(r"\s+(-.*?)(?:\s{2,}(\S.*))?$", line)
            found.append([option[1], option[2] or ""])
        elif line.strip():
            found[-1][1] = f"{found[-1][1]} {line.strip()}".strip()
    return found


def text(words):
    """Running text; a sentence is a line."""
    escaped = words.replace("\\", "\\e")
    lines = re.sub(r"(?<=[.?!]) (?=[A-Z])", "\n", escaped).split("\n")
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in lines)


def sentence(words):
    return text(words[0].upper() + words[1:] + ("" if words.endswith(".") else "."))


def usage(line):
    """COMMAND WORD [WORD...] -> Ic COMMAND Ar WORD Op Ar WORD ..."""
    words = line.split()
    name = [word for word in words if re.fullmatch(r"[a-z-]+", word)]
    rest = []
    for word in words[len(name) :]:
        optional = word.startswith("[")
        bare = word.strip("[]")
        more = " ..." if bare.endswith("...") else ""
        rest.append(f"{'Op ' if optional else ''}Ar {bare.removesuffix('...')}{more}")
    if any(part.startswith("Op") for part in rest[:-1]):
        raise ValueError(f"only the last word may be left out: {line}")
    return " ".join([f"Ic {' '.join(name)}", *rest]), name


def option(line):
    """-l, --link LINK and --wait[=TIME]"""
    found = re.fullmatch(r"(?:-(\w), +)?--([\w-]+)(\[?)[= ]?([A-Z]+)?\]?", line.strip())
    if not found:
        raise ValueError(f"not an option: {line}")
    letter, name, optional, value = found.groups()
    parts = [f"Fl {letter} ,"] if letter else []
    parts.append(f"Fl -{name}")
    if value:
        parts.append(f"Ns Op = Ns Ar {value}" if optional else f"Ar {value}")
    return " ".join(parts)


def options(lines):
    return "\n".join(f".It {option(what)}\n{sentence(explained)}" for what, explained in rows(lines))


def details(lines):
    """Paragraphs behind the usage and the summary."""
    paragraphs = "\n".join(lines).strip("\n").split("\n\n")[2:]
    return "".join(f".Pp\n{text(' '.join(one.split()))}\n" for one in paragraphs if one.strip())


def command(program, line, summary):
    heading, name = usage(line)
    said = help_of(program, *name)
    parts = f".It {heading}\n{sentence(summary)}\n{details(said[None])}"
    if said.get("Options"):
        parts += f".Bl -tag -width Ds\n{options(said['Options'])}\n.El\n"
    return parts


def main(program, source):
    said = help_of(program)
    made = {
        "commands": "".join(command(program, *row) for row in rows(said["Commands"])).rstrip("\n"),
        "options": options(said["Options of all commands"]),
        "exits": "\n".join(f".It {number}\n{sentence(meaning)}" for number, meaning in rows(said["It ends with"])),
    }
    page = re.sub(r"^@(\w+)@$", lambda found: made[found[1]], source.read_text(encoding="utf-8"), flags=re.MULTILINE)
    sys.stdout.write(page)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
