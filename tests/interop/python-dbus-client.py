# SPDX-License-Identifier: Apache-2.0
"""A program on the bus by python3-dbus: python-dbus-client.py ADDRESS; see Program in clients.py."""

import functools
import json
import os
import sys

import dbus
import dbus.bus
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = "io.skybus.Gateway1"
TIMEOUT = 20  # seconds
FRAME = 131072  # bytes


def to_plain(value):
    """JSON has no bytes; all else of dbus-python is a kind of something that it has."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, dbus.types.UnixFd):
        return value.take()
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def from_plain(pairs):
    return dbus.ByteArray(bytes.fromhex(pairs["hex"])) if pairs.keys() == {"hex"} else pairs


def say(**answer):
    print(json.dumps(to_plain(answer)), flush=True)


class Program:
    def __init__(self, bus, loop):
        self.bus = bus
        self.loop = loop

    def call(self, path, interface, member, _signature, arguments):
        """The signature comes by introspection."""
        method = self.bus.get_object(NAME, path).get_dbus_method(member, interface)
        try:
            reply = method(*arguments, timeout=TIMEOUT, byte_arrays=True)
        except dbus.DBusException as error:
            say(error=[error.get_dbus_name(), error.get_dbus_message()])
            return
        # One value comes as it is, a struct of its own type.
        say(reply=reply if type(reply) is tuple else () if reply is None else (reply,))

    def listen(self, path, interface, member):
        self.bus.get_object(NAME, path).connect_to_signal(
            member,
            functools.partial(self.on_signal, member),
            dbus_interface=interface,
            byte_arrays=True,
        )
        say(reply=[])

    @staticmethod
    def on_signal(member, *values):
        say(signal=[member, values])

    @staticmethod
    def send(descriptor, data):
        os.write(descriptor, data)
        say(reply=[])

    @staticmethod
    def receive(descriptor):
        say(reply=[os.read(descriptor, FRAME)])

    def on_line(self, *_):
        line = sys.stdin.readline()
        if not line:
            self.loop.quit()
            return False
        for verb, arguments in json.loads(line, object_hook=from_plain).items():
            getattr(self, verb)(*arguments)
        return True


def main():
    DBusGMainLoop(set_as_default=True)
    loop = GLib.MainLoop()
    program = Program(dbus.bus.BusConnection(sys.argv[1]), loop)
    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, program.on_line)
    loop.run()


if __name__ == "__main__":
    main()
