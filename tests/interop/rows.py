# SPDX-License-Identifier: Apache-2.0
"""
The rows of the table. One is a function of a client and the world, which raises an error if the client does
not get what it should; needs= names what not every client has, see LACKS in clients.py.
"""

from typing import NamedTuple

from client import DBusError
from clients import plain


class Row(NamedTuple):
    name: str
    function: object
    needs: str


CALLS = []


def row(name, needs=None):
    def add(function):
        CALLS.append(Row(name, function, needs))
        return function

    return add


def same(got, wanted):
    if plain(got) != plain(wanted):
        raise AssertionError(f"{plain(got)!r} instead of {plain(wanted)!r}")


def holds(condition, what):
    if not condition:
        raise AssertionError(what)


def refusal(client, path, method, *args):
    """The error that a call gets."""
    try:
        answer = client.call(path, method, *args)
    except DBusError as error:
        return error
    raise AssertionError(f"{method} is answered with {answer!r}")
