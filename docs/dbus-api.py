#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Prints docs/dbus-api.md, which is all that dbus/*.xml say, for people.

Usage: dbus-api.py XML...
"""

import re
import sys
import textwrap
import xml.etree.ElementTree as ElementTree

DOC = "org.gtk.GDBus.DocString"
CONST = "org.freedesktop.DBus.Property.EmitsChangedSignal"
WIDTH = 118

HEAD = """\
# The D-Bus API

<!-- Made of dbus/*.xml by docs/dbus-api.py. Change those, then: make docs -->

The name on the system bus is `io.skybus.Gateway1`; a further daemon on the same box has `io.skybus.Gateway1.INSTANCE`.

| object | interface | |
|---|---|---|
| `/io/skybus/Gateway1` | [Manager](#{manager}) | the daemon as a whole |
| `/io/skybus/Gateway1/link/NAME` | [Link](#{link}) | one for each link |

The first object has `org.freedesktop.DBus.ObjectManager` as well, and each has `Properties`, `Introspectable` and
`Peer`. The names of errors begin with `io.skybus.Gateway1.Error.`; the text of an error is a sentence for people.
[docs/examples](examples) has programs that use it, [stream.md](stream.md) what goes over a stream.

Types are those of D-Bus: `s` is text, `y` a byte, `b` true or false, `u` a number of 32 bits, `t` one of 64 bits, `o`
an object, `h` a descriptor, `a…` a list, `(…)` several together, `a{{ss}}` a list of names and values, `v` anything.
"""


def doc(element):
    """What the XML says about it."""
    for annotation in element.findall("annotation"):
        if annotation.get("name") == DOC:
            return annotation.get("value")
    return ""


def markdown(text):
    """Plain text, so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_<\[\]|])", r"\\\1", text)


def paragraphs(text):
    """A description; its errors, which stand last, are a paragraph of their own."""
    parts = re.split(r" (?=Errors?: )", text, maxsplit=1)
    parts[1:] = [re.sub(r"^Errors?:", r"**Errors:**", markdown(part)) for part in parts[1:]]
    parts[0] = markdown(parts[0])
    fill = {"width": WIDTH, "break_long_words": False, "break_on_hyphens": False}
    return "\n\n".join(textwrap.fill(part, **fill) for part in parts if part)


def anchor(heading):
    """As the sites that show Markdown make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def table(*columns, rows):
    lines = ["|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in (columns, *rows)]
    lines.insert(1, "|" + "---|" * len(columns))
    return "\n".join(lines)


def signature(args):
    return ", ".join(f"{arg.get('type')} {arg.get('name')}" for arg in args)


def call(member):
    """`Publish (s topic, s text) → (t ticket)`"""
    args = member.findall("arg")
    taken = [arg for arg in args if arg.get("direction", "in") == "in"]
    given = [arg for arg in args if arg.get("direction") == "out"]
    answer = f" → ({signature(given)})" if given else ""
    return f"`{member.get('name')} ({signature(taken)}){answer}`"


def arguments(member):
    rows = [
        (
            f"`{arg.get('name')}`",
            f"`{arg.get('type')}`",
            "out" if arg.get("direction") == "out" else "in",
            markdown(doc(arg)),
        )
        for arg in member.findall("arg")
    ]
    if member.tag == "signal":
        rows = [(name, kind, text) for name, kind, _, text in rows]
        return table("argument", "type", "", rows=rows) if rows else ""
    return table("argument", "type", "", "", rows=rows) if rows else ""


def is_constant(element):
    return any(
        annotation.get("name") == CONST and annotation.get("value") == "const"
        for annotation in element.findall("annotation")
    )


def properties(interface):
    rows = []
    for one in interface.findall("property"):
        never = " It never changes." if is_constant(one) else ""
        kind = f"`{one.get('type')}`"
        rows.append((f"`{one.get('name')}`", kind, markdown(doc(one)) + never))
    return table("property", "type", "", rows=rows) if rows else ""


def member(element, short):
    """A method or a signal, under a heading that other pages can point to."""
    title = f"{short}.{element.get('name')}"
    parts = [f"#### {title}", call(element), paragraphs(doc(element)), arguments(element)]
    return "\n\n".join(part for part in parts if part)


def page_of(interface):
    name = interface.get("name")
    short = name.rsplit(".", 1)[1]
    parts = [f"## {name}", paragraphs(doc(interface))]
    if rows := properties(interface):
        parts += [f"### Properties of a {short}", rows]
    for kind in "method", "signal":
        if members := interface.findall(kind):
            names = [f"[{one.get('name')}](#{anchor(short + '.' + one.get('name'))})" for one in members]
            fill = textwrap.fill(", ".join(names), WIDTH, break_long_words=False, break_on_hyphens=False)
            parts += [f"### {kind.capitalize()}s of a {short}", fill]
            parts += [member(one, short) for one in members]
    return "\n\n".join(parts)


def main(paths):
    interfaces = [one for path in paths for one in ElementTree.parse(path).findall("interface")]
    # The whole first.
    interfaces.sort(key=lambda one: not one.get("name").endswith(".Manager"))
    anchors = {one.get("name").rsplit(".", 1)[1].lower(): anchor(one.get("name")) for one in interfaces}
    print(HEAD.format(**anchors))
    print("\n\n".join(page_of(one) for one in interfaces))


if __name__ == "__main__":
    main(sys.argv[1:])
