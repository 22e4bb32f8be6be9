# SPDX-License-Identifier: Apache-2.0
"""
Runs every client through every call on every bus daemon, with the real daemon and simulated clouds, and
prints a table of it.

usage: interop.py [CLIENT...]
"""

import shutil
import signal
import sys
import tempfile
import traceback

import calls  # noqa: F401  (its rows)
import receiving  # noqa: F401  (the same; the last of them ends a client)
from clients import CLIENTS
from harness import show_logs
from rows import CALLS
from world import World

BUSES = ("dbus-daemon", "dbus-broker")

OK, FAILED, NOT_APPLICABLE = "ok", "FAILED", "n/a"
FORM = "{:<14}{:<26}{:<13}{:<13}{}"


class Table:
    """What came out, by client, call and bus; of what did not come out it is known that it failed."""

    def __init__(self, clients):
        self.clients = clients
        self.cells = {}
        self.failures = []

    def set(self, client, call, bus, result):
        self.cells[client.NAME, call.name, bus] = result

    def fail(self, what):
        """Keeps what is being handled for the end."""
        self.failures.append(f"{what}\n{traceback.format_exc()}")

    def rows(self):
        for client in self.clients:
            for call in CALLS:
                results = [self.cells.get((client.NAME, call.name, bus), FAILED) for bus in BUSES]
                yield client, call, results

    def count(self, result):
        return sum(results.count(result) for _, _, results in self.rows())

    def show(self):
        print(FORM.format("client", "call", *BUSES, "").rstrip())
        for client, call, results in self.rows():
            reason = client.LACKS.get(call.needs, "")
            print(FORM.format(client.NAME, call.name, *results, reason).rstrip())
        for failure in self.failures:
            print(f"\n{failure}")


def run_client(client_class, world, bus, table):
    client = client_class(world.bus)
    try:
        for call in CALLS:
            if call.needs in client.LACKS:
                table.set(client, call, bus, NOT_APPLICABLE)
                continue
            try:
                call.function(client, world)
                table.set(client, call, bus, OK)
            except Exception:  # whatever it is, the other cells are worth knowing
                table.fail(f"{client.NAME} on {bus}: {call.name}")
    finally:
        client.close()


def run_bus(bus, table):
    before = len(table.failures)
    folder = tempfile.mkdtemp(prefix="skybus-interop-")
    try:
        with World(folder, bus) as world:
            for client_class in table.clients:
                run_client(client_class, world, bus, table)
    except Exception:
        table.fail(bus)
    finally:
        if len(table.failures) > before:
            show_logs(folder, bus)
        shutil.rmtree(folder, ignore_errors=True)


def main():
    # Told to stop, it ends as if it had failed, so that its processes end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    clients = [client for client in CLIENTS if client.NAME in sys.argv[1:]] or CLIENTS
    table = Table(clients)
    for bus in BUSES:
        run_bus(bus, table)
    table.show()
    passed, failed = table.count(OK), table.count(FAILED)
    verdict = FAILED.lower() if failed or not passed else OK
    print(f"\ninterop: {verdict}, {passed} passed, {failed} failed")
    sys.exit(verdict != OK)


if __name__ == "__main__":
    main()
