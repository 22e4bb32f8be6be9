#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Gets commands from the cloud, prints them, and answers each that wants an answer.

    ./subscribe.py LINK [FILTER [ANSWER [INBOX]]]

LINK is a link of skybusd, FILTER an MQTT filter ("#" unless given), ANSWER what each command is answered
with ("{}" unless given). With INBOX, a name, it misses none: what comes while it does not run waits on disk
until it has printed it; that may come again if it ends just then. It takes Debian's python3-dbus and
python3-gi, and uses the system bus, or the one that DBUS_SYSTEM_BUS_ADDRESS names.
"""

import re
import sys

import dbus
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

SERVICE = "io.skybus.Gateway1"
LINKS = "/io/skybus/Gateway1/link/"


def link_path(name):
    """In a path all is written as _xx that is no letter and no digit, and a digit in front."""
    return LINKS + re.sub("[^A-Za-z0-9]|^[0-9]", lambda c: f"_{ord(c[0]):02x}", name)


def complain(error):
    print(error.get_dbus_message(), file=sys.stderr)


def main():
    if not 2 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    name, *rest = sys.argv[1:]
    topic_filter, text, inbox = rest + ["#", "{}", None][len(rest) :]

    def on_message(message, topic, payload, properties):
        print(topic, payload.decode(errors="replace"), flush=True)
        if "answer-by" in properties:
            # The ticket in the reply would tell whether the answer has arrived.
            link.Answer(
                message, "", text, reply_handler=lambda ticket: None, error_handler=complain
            )
        if inbox:
            link.Acknowledge(message, reply_handler=lambda: None, error_handler=complain)

    DBusGMainLoop(set_as_default=True)
    try:
        bus = dbus.SystemBus()
        link = dbus.Interface(bus.get_object(SERVICE, link_path(name)), SERVICE + ".Link")
        link.connect_to_signal("Message", on_message, byte_arrays=True)
        if inbox:
            link.SubscribeDurableWith(inbox, topic_filter, {"answer": "yes"})
        else:
            link.SubscribeWith(topic_filter, {"answer": "yes"})
    except dbus.DBusException as error:
        sys.exit(error.get_dbus_message())
    print("subscribed to", topic_filter, flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
