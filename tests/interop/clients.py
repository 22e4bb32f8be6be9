# SPDX-License-Identifier: Apache-2.0
"""
Other people's clients of the bus, in one form: call() takes what jeepney takes, and returns a list of
values, of which bytes are bytes, structs are lists and variants are what is in them.

What a client cannot do by its nature is in LACKS, with the reason.
"""

import collections
import json
import os
import re
import select
import subprocess
import time

from gi.repository import GLib

import client
from client import NAME, PATIENCE, DBusError, run_stranger

HERE = os.path.dirname(os.path.abspath(__file__))
INTROSPECT = "org.freedesktop.DBus.Introspectable.Introspect"

# What a call may need of a client.
STAYS = "stays on the bus"
ERROR_NAMES = "tells the names of errors"
DESCRIPTORS = "passes descriptors"
ESCAPES = "says where a text ends"


def split_signature(signature):
    """The complete types that a signature consists of."""
    types = []
    while signature:
        end = len(signature) - len(signature.lstrip("a"))
        depth = 0
        while True:
            depth += (signature[end] in "({") - (signature[end] in ")}")
            end += 1
            if depth == 0:
                break
        types.append(signature[:end])
        signature = signature[end:]
    return types


def plain(value):
    """The same with lists for tuples, and for what is empty: dbus-send does not say of what."""
    if value == {}:
        return []
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


class OneCall:
    """A tool for the command line: connects, calls, and hangs up."""

    LACKS = dict.fromkeys((STAYS, DESCRIPTORS), "hangs up after its call")

    def __init__(self, bus):
        self.bus = bus

    def close(self):
        pass

    def introspect(self, path):
        return self.call(path, INTROSPECT)[0]


# ---- dbus-send -----------------------------------------------------------------------------------


class DBusSend(OneCall):
    NAME = "dbus-send"
    LACKS = OneCall.LACKS | {ESCAPES: "prints quotes in a text as they are"}
    FORMS = {"s": "string:{}", "u": "uint32:{}", "t": "uint64:{}"}

    def argument(self, kind, value):
        if kind == "ay":
            return "array:byte:" + ",".join(map(str, value))
        if kind == "a{ss}":
            return "dict:string:string:" + ",".join(f"{key},{text}" for key, text in value.items())
        return self.FORMS[kind].format(value)

    def call(self, path, method, signature="", *args):
        words = map(self.argument, split_signature(signature), args)
        return plain(client.dbus_send(self.bus, path, method, *words))

    def introspect(self, path):
        """Literal, since XML has the quotes that tell where a text ends elsewhere."""
        options = (f"--bus={self.bus.address}", "--print-reply=literal", f"--dest={NAME}")
        done = run_stranger("dbus-send", *options, path, INTROSPECT)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()


# ---- busctl --------------------------------------------------------------------------------------


class Busctl(OneCall):
    NAME = "busctl"
    LACKS = OneCall.LACKS | {ERROR_NAMES: "prints the sentence alone"}

    def run(self, *words):
        command = ("busctl", f"--address={self.bus.address}", f"--timeout={PATIENCE}", *words)
        done = run_stranger(*command, timeout=2 * PATIENCE)
        if done.returncode != 0:
            raise DBusError(None, done.stderr.strip().removeprefix("Call failed: "))
        return done.stdout

    @staticmethod
    def words(kind, value):
        if kind == "ay":
            return [len(value), *value]
        if kind == "a{ss}":
            return [len(value), *(word for item in value.items() for word in item)]
        return [value]

    def value(self, kind, data):
        """From busctl's JSON, which has no bytes."""
        if kind == "v":
            return self.value(data["type"], data["data"])
        if kind == "ay":
            return bytes(data)
        if kind.startswith("a{"):
            inner = split_signature(kind[2:-1])[1]
            return {key: self.value(inner, item) for key, item in data.items()}
        if kind.startswith("a"):
            return [self.value(kind[1:], item) for item in data]
        if kind.startswith("("):
            return self.values(kind[1:-1], data)
        return data

    def values(self, signature, data):
        return [self.value(kind, item) for kind, item in zip(split_signature(signature), data)]

    def call(self, path, method, signature="", *args):
        interface, _, member = method.rpartition(".")
        words = [
            str(word)
            for kind, value in zip(split_signature(signature), args)
            for word in self.words(kind, value)
        ]
        call = ("call", "--", NAME, path, interface, member, signature, *words)
        output = self.run("--json=short", *call)
        if not output.strip():
            return []
        reply = json.loads(output)
        return self.values(reply["type"], reply["data"])

    def introspect(self, path):
        return self.run("--xml-interface", "introspect", NAME, path)


# ---- gdbus ---------------------------------------------------------------------------------------


class GDBus(OneCall):
    NAME = "gdbus"
    ERROR = re.compile(r"Error: GDBus\.Error:([\w.]+): (.*)", re.DOTALL)

    def run(self, verb, path, *words):
        command = ("gdbus", verb, f"--address={self.bus.address}", f"--dest={NAME}")
        done = run_stranger(*command, f"--object-path={path}", *words, timeout=2 * PATIENCE)
        if done.returncode != 0:
            found = self.ERROR.match(done.stderr.strip())
            raise DBusError(*found.groups()) if found else RuntimeError(done.stderr)
        return done.stdout

    def value(self, variant):
        kind = variant.get_type_string()
        if kind == "ay":
            return bytes(variant.unpack())
        if kind[0] not in "av({":
            return variant.unpack()
        children = [self.value(variant.get_child_value(n)) for n in range(variant.n_children())]
        if kind == "v":
            return children[0]
        return dict(children) if kind.startswith("a{") else children

    def call(self, path, method, signature="", *args):
        words = [
            GLib.Variant(kind, value).print_(True)
            for kind, value in zip(split_signature(signature), args)
        ]
        options = (f"--method={method}", f"--timeout={PATIENCE}", "--")
        return self.value(GLib.Variant.parse(None, self.run("call", path, *options, *words)))

    def introspect(self, path):
        return self.run("introspect", path, "--xml")


# ---- libraries, in programs of ours --------------------------------------------------------------


def to_json(value):
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    raise TypeError(f"no JSON for {value!r}")


def from_json(pairs):
    return bytes.fromhex(pairs["hex"]) if pairs.keys() == {"hex"} else pairs


class Program:
    """
    A program that stays on the bus. It gets lines of JSON, one after the other, and answers each:

        {"call": [PATH, INTERFACE, MEMBER, SIGNATURE, [VALUE...]]}  with {"reply": [VALUE...]}
                                                                      or {"error": [NAME, TEXT]}
        {"listen": [PATH, INTERFACE, MEMBER]}                       with {"reply": []}
        {"send": [DESCRIPTOR, BYTES]}                               with {"reply": []}
        {"receive": [DESCRIPTOR]}                                   with {"reply": [BYTES]}

    A value of type h is the number that the descriptor has in the program; the last two are for one that
    passes descriptors. Signals are told between these: {"signal": [MEMBER, [VALUE...]]}. Bytes are {"hex": "00ff"}. When there
    are no more lines it ends.
    """

    LACKS = {}
    COMMAND = None

    def __init__(self, bus):
        self.process = subprocess.Popen(
            (*self.COMMAND, bus.address), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.buffer = b""
        self.heard = set()
        self.signals = collections.deque()

    def close(self):
        """Returns its exit status."""
        self.process.stdin.close()
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.stdout.close()

    def receive(self, deadline):
        while b"\n" not in self.buffer:
            wait = max(deadline - time.monotonic(), 0)
            if not select.select([self.process.stdout], [], [], wait)[0]:
                raise TimeoutError(f"{self.NAME} says nothing")
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                raise RuntimeError(f"{self.NAME} has ended")
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line, object_hook=from_json)

    def ask(self, order):
        self.process.stdin.write(json.dumps(order, default=to_json).encode() + b"\n")
        self.process.stdin.flush()
        deadline = time.monotonic() + PATIENCE
        while "signal" in (answer := self.receive(deadline)):
            self.signals.append(answer["signal"])
        if "error" in answer:
            raise DBusError(*answer["error"])
        return answer["reply"]

    def call(self, path, method, signature="", *args):
        interface, _, member = method.rpartition(".")
        return self.ask({"call": [path, interface, member, signature, args]})

    def introspect(self, path):
        return self.call(path, INTROSPECT)[0]

    def send(self, descriptor, data):
        self.ask({"send": [descriptor, data]})

    def receive_from(self, descriptor):
        return self.ask({"receive": [descriptor]})[0]

    def listen(self, path, interface, member):
        if (signal := (path, interface, member)) not in self.heard:
            self.ask({"listen": signal})
            self.heard.add(signal)

    def wait_signal(self, member, accept=lambda *values: True):
        """The values of the next signal that is accepted; others before it are forgotten."""
        deadline = time.monotonic() + PATIENCE
        while True:
            if not self.signals:
                self.signals.append(self.receive(deadline)["signal"])
            name, values = self.signals.popleft()
            if name == member and accept(*values):
                return values


class LibDBus(Program):
    NAME = "libdbus"
    COMMAND = (os.environ["LIBDBUS_CLIENT"],)


class PythonDBus(Program):
    NAME = "python3-dbus"
    COMMAND = ("/usr/bin/python3", os.path.join(HERE, "python-dbus-client.py"))


class DBusNext(Program):
    NAME = "dbus-next"
    LACKS = {DESCRIPTORS: "needs usocket for it"}
    COMMAND = (os.environ["NODE"], os.path.join(HERE, "dbus-next-client.js"))


CLIENTS = (DBusSend, Busctl, GDBus, LibDBus, PythonDBus, DBusNext)
