# SPDX-License-Identifier: Apache-2.0
"""Clients of the daemon: other people's programs, and a program with a connection of its own."""

import collections
import pwd
import re
import subprocess
import time

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call, new_method_return
from jeepney.io.blocking import open_dbus_connection

NAME = "io.skybus.Gateway1"
ROOT = "/io/skybus/Gateway1"
MANAGER = NAME + ".Manager"
LINK = NAME + ".Link"
ERROR = NAME + ".Error."
PROPERTIES = "org.freedesktop.DBus.Properties"

# Long enough for a busy machine; what is in order takes a fraction of it.
PATIENCE = 20


def path_part(name):
    """Escaped as sd_bus_path_encode(3) does it."""
    return re.sub(r"[^A-Za-z0-9]|^[0-9]", lambda found: f"_{ord(found[0]):02x}", name)


def link_path(name):
    return f"{ROOT}/link/{path_part(name)}"


class DBusError(Exception):
    """An error that a method call was answered with."""

    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


class DBusSendParser:
    """Reads what dbus-send --print-reply prints; it escapes nothing, so a text may span lines."""

    def __init__(self, output):
        self.lines = collections.deque(output.split("\n"))

    def values(self, end=""):
        values = []
        while (line := self.lines.popleft().lstrip()) != end:
            values.append(self.value(line))
        return values

    def value(self, line):
        kind, _, rest = line.partition(" ")
        if kind == "variant":
            return self.value(rest.lstrip())
        if line.startswith("array of bytes ["):
            return bytes.fromhex(" ".join(self.raw_lines("]")))
        if kind == "array" and rest == "[":
            values = self.values("]")
            return dict(values) if values and isinstance(values[0], DictEntry) else values
        if kind == "struct":
            return tuple(self.values("}"))
        if line == "dict entry(":
            return DictEntry(self.values(")"))
        if '"' in line:
            text = line.partition('"')[2]
            while not text.endswith('"'):
                text += "\n" + self.lines.popleft()
            return text[:-1].encode() if line.startswith("array of bytes") else text[:-1]
        return rest == "true" if kind == "boolean" else float(rest) if "." in rest else int(rest)

    def raw_lines(self, end):
        while (line := self.lines.popleft().strip()) != end:
            yield line


class DictEntry(tuple):
    """A key and its value, until its array is whole."""


def run_stranger(*command, timeout=PATIENCE, user=None):
    """Runs somebody else's program, perhaps as another user."""
    if user is not None:
        group = pwd.getpwnam(user).pw_gid
        command = ("setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups", *command)
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def dbus_send(bus, path, method, *args, timeout=PATIENCE, user=None):
    """Calls INTERFACE.METHOD with arguments as dbus-send takes them; returns a list of values."""
    done = run_stranger(
        "dbus-send",
        f"--bus={bus.address}",
        "--print-reply",
        f"--reply-timeout={timeout * 1000}",
        f"--dest={NAME}",
        path,
        method,
        *args,
        timeout=timeout + PATIENCE,
        user=user,
    )
    if done.returncode != 0:
        name, _, text = done.stderr.strip().removeprefix("Error ").partition(": ")
        raise DBusError(name, text)
    return DBusSendParser(done.stdout.partition("\n")[2]).values()


class Client:
    """A program on the bus, with a connection of its own."""

    def __init__(self, bus):
        self.connection = open_dbus_connection(bus.address, enable_fds=True, auth_timeout=PATIENCE)
        self.unique_name = self.connection.unique_name
        self.signals = collections.deque()
        self.replies = {}
        self.pongs = set()

    def close(self):
        self.connection.close()

    def send(self, path, method, signature="", *args, destination=NAME):
        """Sends a call of INTERFACE.METHOD; returns its serial, for reply()."""
        interface, _, member = method.rpartition(".")
        address = DBusAddress(path, destination, interface)
        message = new_method_call(address, member, signature, args)
        serial = next(self.connection.outgoing_serial)
        self.connection.send(message, serial=serial)
        return serial

    def receive(self, deadline):
        """Takes the next message in."""
        message = self.connection.receive(timeout=max(deadline - time.monotonic(), 0))
        if message.header.message_type is MessageType.signal:
            self.signals.append(message)
        elif HeaderFields.reply_serial in message.header.fields:
            serial = message.header.fields[HeaderFields.reply_serial]
            # Of a pong for one that has gone meanwhile the bus says so.
            if serial not in self.pongs:
                self.replies[serial] = message
        elif message.header.fields.get(HeaderFields.member) == "Ping":
            # D-Bus libraries answer it by themselves; jeepney's blocking connection does not.
            serial = next(self.connection.outgoing_serial)
            self.pongs.add(serial)
            self.connection.send(new_method_return(message), serial=serial)

    def reply(self, serial, timeout=PATIENCE):
        """What a call was answered, as a tuple."""
        deadline = time.monotonic() + timeout
        while serial not in self.replies:
            self.receive(deadline)
        message = self.replies.pop(serial)
        if message.header.message_type is MessageType.error:
            text = message.body[0] if message.body else ""
            raise DBusError(message.header.fields[HeaderFields.error_name], text)
        return message.body

    def call(self, path, method, signature="", *args, timeout=PATIENCE, destination=NAME):
        serial = self.send(path, method, signature, *args, destination=destination)
        return self.reply(serial, timeout)

    def call_driver(self, member, signature="", *args):
        path = "/org/freedesktop/DBus"
        driver = "org.freedesktop.DBus"
        return self.call(path, f"{driver}.{member}", signature, *args, destination=driver)

    def match(self, rule):
        """Asks for broadcast signals; unicast ones come without."""
        self.call_driver("AddMatch", "s", rule)

    def next_signal(self, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while not self.signals:
            self.receive(deadline)
        return self.signals.popleft()

    def wait_signal(self, member, accept=lambda body: True, timeout=PATIENCE):
        """The body of the next signal that is accepted; others before it are forgotten."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                message = self.next_signal(max(deadline - time.monotonic(), 0))
            except TimeoutError:
                raise TimeoutError(f"no signal {member} within {timeout} s") from None
            if message.header.fields[HeaderFields.member] == member and accept(message.body):
                return message.body

    def take_signals(self, member):
        """The bodies of all signals that have come, which are forgotten."""
        bodies = []
        while self.signals:
            message = self.signals.popleft()
            if message.header.fields[HeaderFields.member] == member:
                bodies.append(message.body)
        return bodies

    def get(self, path, interface, name):
        return self.call(path, PROPERTIES + ".Get", "ss", interface, name)[0][1]

    def metric(self, sample, **labels):
        """The value of a sample; None if there is no such."""
        [families] = self.call(ROOT, MANAGER + ".ListMetrics")
        for name, _, _, samples in families:
            for suffix, its_labels, value in samples:
                if name + suffix == sample and its_labels == labels:
                    return value
        return None

    def get_all(self, path, interface):
        values = self.call(path, PROPERTIES + ".GetAll", "s", interface)[0]
        return {name: value for name, (_, value) in values.items()}

    def publish(self, link, topic, text):
        return self.call(link_path(link), LINK + ".Publish", "ss", topic, text)[0]

    def wait_ticket(self, ticket, timeout=PATIENCE):
        """Outcome, code and reason."""
        method = MANAGER + ".WaitTicket"
        return self.call(ROOT, method, "tu", ticket, timeout, timeout=timeout + PATIENCE)
