# SPDX-License-Identifier: Apache-2.0
"""In the place of systemd on a bus: every process is of one unit."""

import contextlib
import threading

from jeepney import HeaderFields, MessageType, message_bus, new_error, new_method_return
from jeepney.io.blocking import open_dbus_connection

from client import PATIENCE, path_part

NAME = "org.freedesktop.systemd1"
UNITS = "/org/freedesktop/systemd1/unit/"

# What systemd's own policy allows.
POLICY = f"""
  <policy user="root">
    <allow own="{NAME}"/>
  </policy>
  <policy context="default">
    <allow send_destination="{NAME}" send_interface="org.freedesktop.DBus.Properties" send_member="Get"/>
    <allow send_destination="{NAME}" send_interface="{NAME}.Manager" send_member="GetUnitByPID"/>
  </policy>
"""

# systemd's number for no user.
NO_USER = 2**32 - 1


class Systemd:
    """
    unit is what every process belongs to, None for no unit; uid is the user of every unit; pids are the
    processes that it was asked about.
    """

    def __init__(self, bus, unit=None, uid=NO_USER):
        self.unit, self.uid = unit, uid
        self.pids = []
        self.connection = open_dbus_connection(bus.address, auth_timeout=PATIENCE)
        done = self.connection.send_and_get_reply(message_bus.RequestName(NAME))
        if done.body != (1,):
            raise RuntimeError(f"{NAME} is not to be had: {done.body}")
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def end(self):
        # Nothing but the bus hangs up, so that the thread is not in the middle of something.
        self.connection.sock.shutdown(2)
        self.thread.join(PATIENCE)
        self.connection.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                message = self.connection.receive()
                if message.header.message_type is MessageType.method_call:
                    self.connection.send(self.answer(message))

    def answer(self, call):
        fields = call.header.fields
        member = fields.get(HeaderFields.member)
        path = fields[HeaderFields.path]
        if member == "GetUnitByPID":
            self.pids += call.body
            if self.unit is None:
                text = f"PID {call.body[0]} does not belong to any loaded unit."
                return new_error(call, NAME + ".NoUnitForPID", "s", (text,))
            return new_method_return(call, "o", (UNITS + path_part(self.unit),))
        if member == "Get" and call.body == (NAME + ".Service", "UID") and path.startswith(UNITS):
            return new_method_return(call, "v", (("u", self.uid),))
        return new_error(call, "org.freedesktop.DBus.Error.UnknownMethod", "s", (member,))
