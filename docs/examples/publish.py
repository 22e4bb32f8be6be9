#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Publishes a message, waits for its end, and prints that: "delivered 2.04".

    ./publish.py LINK TOPIC TEXT

LINK is a link of skybusd. It takes Debian's python3-dbus, and uses the system bus, or the one that
DBUS_SYSTEM_BUS_ADDRESS names. It ends with 0 if the cloud has the message.
"""

import re
import sys

import dbus

SERVICE = "io.skybus.Gateway1"
ROOT = "/io/skybus/Gateway1"
WAIT_S = 60


def link_path(name):
    """In a path all is written as _xx that is no letter and no digit, and a digit in front."""
    return f"{ROOT}/link/" + re.sub("[^A-Za-z0-9]|^[0-9]", lambda c: f"_{ord(c[0]):02x}", name)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    name, topic, text = sys.argv[1:]
    try:
        bus = dbus.SystemBus()
        link = dbus.Interface(bus.get_object(SERVICE, link_path(name)), SERVICE + ".Link")
        manager = dbus.Interface(bus.get_object(SERVICE, ROOT), SERVICE + ".Manager")
        ticket = link.Publish(topic, text)
        # The time-out of the call is longer than what the daemon is told to wait.
        outcome, code, reason = manager.WaitTicket(ticket, WAIT_S, timeout=WAIT_S + 30)
    except dbus.DBusException as error:
        sys.exit(error.get_dbus_message())
    print(f"{outcome} {code} {reason}".strip())
    sys.exit(outcome != "delivered")


if __name__ == "__main__":
    main()
