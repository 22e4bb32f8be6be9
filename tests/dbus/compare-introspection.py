#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compare an interface of a running service with its XML file.

usage: compare-introspection.py ADDRESS SERVICE OBJECT-PATH INTERFACE XML-FILE

ADDRESS is a D-Bus address, "system" or "session". Members, types, names of arguments, access and
the annotations that change what a client does must be the same; documentation is not compared.
Exits with 0 if they agree, with 1 and a line for each difference if not.
"""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

MEMBERS = ("method", "signal", "property")
ANNOTATIONS = (
    "org.freedesktop.DBus.Deprecated",
    "org.freedesktop.DBus.Method.NoReply",
    "org.freedesktop.DBus.Property.EmitsChangedSignal",
)


def introspect(address, service, path):
    bus = {"system": ["--system"], "session": ["--user"]}
    command = ["busctl", *bus.get(address, [f"--address={address}"]), "--xml-interface",
               "introspect", service, path]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def describe(member):
    """One line that says all that counts."""
    words = []
    if member.tag == "property":
        words += [member.get("type"), member.get("access")]
    direction = "in" if member.tag == "method" else "out"
    for arg in member.findall("arg"):
        words.append(" ".join((arg.get("direction", direction), arg.get("type"),
                               arg.get("name", "(no name)"))))
    for annotation in member.findall("annotation"):
        if annotation.get("name") in ANNOTATIONS:
            words.append(f"{annotation.get('name')}={annotation.get('value')}")
    return ", ".join(words)


def members_of(text, interface, where):
    for element in ElementTree.fromstring(text).findall("interface"):
        if element.get("name") == interface:
            return {(member.tag, member.get("name")): describe(member)
                    for member in element if member.tag in MEMBERS}
    sys.exit(f"{where}: no interface {interface}")


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    address, service, path, interface, xml_file = sys.argv[1:]
    with open(xml_file, encoding="utf-8") as file:
        written = members_of(file.read(), interface, xml_file)
    live = members_of(introspect(address, service, path), interface, path)

    differences = 0
    for key in sorted(written.keys() | live.keys()):
        if written.get(key) != live.get(key):
            differences += 1
            print(f"{interface}: {' '.join(key)}\n"
                  f"  {xml_file}: {written.get(key, 'not there')}\n"
                  f"  {path}: {live.get(key, 'not there')}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
