# SPDX-License-Identifier: Apache-2.0
"""
Runs a program that may not open netlink sockets, as systemd's RestrictAddressFamilies= has it:
without_netlink.py PROGRAM ARGUMENT...
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EAFNOSUPPORT

SOCKET = {"x86_64": 41, "aarch64": 198}

# In struct seccomp_data: the number of the call, and the lower half of its first argument.
NUMBER, ARGUMENT = 0, 16
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06


def forbid_netlink():
    rows = (
        (LOAD, 0, 0, NUMBER),
        (JUMP_EQUAL, 0, 3, SOCKET[platform.machine()]),
        (LOAD, 0, 0, ARGUMENT),
        (JUMP_EQUAL, 0, 1, socket.AF_NETLINK),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in rows))
    program = struct.pack("HxxxxxxP", len(rows), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program)):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    forbid_netlink()
    os.execvp(sys.argv[1], sys.argv[1:])
