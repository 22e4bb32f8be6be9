# SPDX-License-Identifier: Apache-2.0
"""
What a dbus-broker is told when it starts: where it listens, and what it allows. Its own launcher tells
it, too, but only where systemd runs.
"""

import array
import os
import socket

from jeepney import DBusAddress, MessageType, Parser, new_method_call
from jeepney.auth import BEGIN, Authenticator

# As src/launch/policy.c of dbus-broker 33 to 37 has it. A batch is who may connect, own a name, send and
# receive; there are batches for each user and for ranges of them, then labels of SELinux, whether AppArmor
# is asked, and the type of the bus.
BATCH = "(bta(btbs)a(btssssuutt)a(btssssuutt))"
POLICY = f"(a(u{BATCH})a(buu{BATCH})a(ss)bs)"

PRIORITY = 1
ANY_NAME = (True, PRIORITY, True, "")  # a prefix of every name
ANY_MESSAGE = (True, PRIORITY, "", "", "", "", 0, 0, 0, 2**64 - 1)  # any number of descriptors
ANYTHING = (True, PRIORITY, [ANY_NAME], [ANY_MESSAGE], [ANY_MESSAGE])
EVERYBODY = 2**32 - 1
ALLOW_ALL = ([(EVERYBODY, ANYTHING)], [], [], False, "session")

# It has none of its own, and wants one for those who ask.
MACHINE_ID = "0123456789abcdef0123456789abcdef"


def command(controller):
    """Its command line. controller is its end of a pair of sockets, which it inherits."""
    # By default a user is allowed less than a test with many clients needs.
    limits = [f"--max-{what}={2**30}" for what in ("bytes", "matches", "objects")]
    program = os.environ["DBUS_BROKER"]
    return (program, f"--controller={controller.fileno()}", f"--machine-id={MACHINE_ID}", *limits)


def open_sockets(path):
    """Three sockets: one that listens at a path, and a pair to control the broker with."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    ours, its = socket.socketpair()
    # The broker uses these as they are.
    listener.setblocking(False)
    its.setblocking(False)
    return listener, ours, its


def receive(connection, size):
    data = connection.recv(size)
    if not data:
        raise RuntimeError("dbus-broker hangs up")
    return data


def authenticate(connection):
    authenticator = Authenticator(enable_fds=True)
    for line in authenticator:
        connection.sendall(line)
        authenticator.feed(receive(connection, 1024))
    connection.sendall(BEGIN)


def read_message(connection):
    parser = Parser()
    while not (message := parser.get_next_message()):
        parser.add_data(receive(connection, parser.bytes_desired()))
    return message


def add_listener(connection, listener):
    """
    Has a dbus-broker serve everybody who connects to a socket. connection is the other end of the pair of
    sockets: the broker ends when it is closed.
    """
    authenticate(connection)
    broker = DBusAddress("/org/bus1/DBus/Broker", "org.bus1.DBus", "org.bus1.DBus.Broker")
    arguments = ("/org/bus1/DBus/Listener/0", listener, (POLICY, ALLOW_ALL))
    call = new_method_call(broker, "AddListener", "ohv", arguments)
    descriptors = array.array("i")
    data = call.serialise(serial=1, fds=descriptors)
    connection.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
    reply = read_message(connection)
    if reply.header.message_type is MessageType.error:
        raise RuntimeError(f"dbus-broker does not take its listener: {reply.header.fields}")
