# SPDX-License-Identifier: Apache-2.0
"""CoAP datagrams by hand (RFC 7252 section 3): a client that owes nothing to any library."""

import os
import socket
import struct

GET, POST, PUT, DELETE = 1, 2, 3, 4
CON, NON, ACK, RST = 0, 1, 2, 3
URI_PATH, BLOCK1 = 11, 27


def code(text):
    """The byte of "4.04"."""
    return int(text[0]) << 5 | int(text[2:])


def _nibble(number):
    """A delta or a length: its four bits, and the bytes that follow (section 3.1)."""
    if number < 13:
        return number, b""
    if number < 269:
        return 13, bytes([number - 13])
    return 14, struct.pack("!H", number - 269)


def _encode_options(options):
    data, last = b"", 0
    for number, value in sorted(options, key=lambda option: option[0]):
        delta, delta_more = _nibble(number - last)
        length, length_more = _nibble(len(value))
        data += bytes([delta << 4 | length]) + delta_more + length_more + value
        last = number
    return data


def encode(kind, method, mid, token, options=(), payload=b""):
    """One message; options are pairs of a number and bytes."""
    head = struct.pack("!BBH", 1 << 6 | kind << 4 | len(token), method, mid)
    return head + token + _encode_options(options) + (b"\xff" + payload if payload else b"")


class Reply:
    """A message that came."""

    def __init__(self, data):
        first, self.byte, self.mid = struct.unpack("!BBH", data[:4])
        assert first >> 6 == 1, "CoAP has version 1"
        self.data = data
        self.kind = first >> 4 & 3
        self.code = "%d.%02d" % (self.byte >> 5, self.byte & 31)
        self.token = data[4 : 4 + (first & 15)]
        self.options = []
        self.payload = b""
        self._parse(data[4 + (first & 15) :])

    def _parse(self, data):
        number = 0
        while data:
            if data[0] == 0xFF:
                self.payload = data[1:]
                return
            delta, length, data = data[0] >> 4, data[0] & 15, data[1:]
            delta, data = self._extend(delta, data)
            length, data = self._extend(length, data)
            number += delta
            self.options.append((number, data[:length]))
            data = data[length:]

    @staticmethod
    def _extend(nibble, data):
        if nibble == 13:
            return data[0] + 13, data[1:]
        if nibble == 14:
            return struct.unpack("!H", data[:2])[0] + 269, data[2:]
        return nibble, data

    def option(self, number):
        """The option's value, None without it."""
        return dict(self.options).get(number)


class Client:
    """One UDP socket, so one address, as a device has it."""

    def __init__(self, host, port, timeout=10):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        self.mid = int.from_bytes(os.urandom(2), "big")

    def close(self):
        self.socket.close()

    def exchange(self, data):
        """Sends a datagram; the reply to it."""
        self.socket.send(data)
        return Reply(self.socket.recv(2048))

    def message(self, method, path, payload=b"", options=(), kind=CON):
        """A new message; the path is split at its slashes, the first of which is no segment's."""
        self.mid = self.mid + 1 & 0xFFFF
        segments = path.split("/")[1:] if path else []
        named = [(URI_PATH, segment.encode()) for segment in segments]
        return encode(kind, method, self.mid, os.urandom(4), named + list(options), payload)

    def request(self, *args, **kwargs):
        """Sends a new message; the reply to it."""
        return self.exchange(self.message(*args, **kwargs))
