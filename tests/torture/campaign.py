# SPDX-License-Identifier: Apache-2.0
"""
Rounds of killing a daemon under load, with one state directory and one cloud that lives through
them all.

A round starts the daemon, lets it work for a moment, kills it, and looks at what it left. In the
rounds of the kind "power" the state directory is on a disk that forgets, and the power is cut as
well. Some rounds are too short for the daemon to come up.
"""

import contextlib
import json
import multiprocessing
import os
import random
import socket
import time

import consumer
import harness
import ledger
import publisher
from client import MANAGER, PATIENCE, ROOT, DBusError
from disk import ForgettingDisk
from world import World

PUBLISHERS = 3

# How long a round lasts once the daemon has its name, in seconds; and one that it may not live to.
LOAD = (0.02, 0.4)
STILLBORN = (0, 0.03)
STILLBORN_SHARE = 0.2

# Until all that waits has been sent, in seconds.
DRAIN = 240

# Calls under way at once when all tickets are asked for.
QUESTIONS = 64

# More than there can be.
TICKETS_KEPT = 10_000_000


class QuietDaemon(harness.Daemon):
    """Logs as it does at a customer's."""

    def spawn_only(self):
        self.spawn(*self.command("--address", self.bus.address, "--log-level", "notice"))

    def start(self):
        self.spawn_only()
        harness.eventually(self.has_name, "the daemon's name on the bus")


class Campaign:
    """All rounds of one kind. The result: findings, tickets, accounted, lost, duplicates."""

    def __init__(self, kind, rounds, seed, folder, store):
        self.kind = kind
        self.rounds = rounds
        self.random = random.Random(seed)
        self.folder = folder
        self.store = {"tickets_kept": TICKETS_KEPT} | store
        self.world = World(rounds, folder)
        self.tickets = self.accounted = self.lost = 0
        self.starts = {}
        self.ledger = ledger.Ledger(os.path.join(folder, "record.jsonl"))

    @property
    def findings(self):
        return self.ledger.findings

    @property
    def duplicates(self):
        return self.ledger.duplicates

    def run(self, say):
        try:
            self.run_rounds(say)
        except (RuntimeError, TimeoutError, OSError, DBusError) as error:
            self.ledger.find(f"it broke off: {error}")

    def run_rounds(self, say):
        with contextlib.ExitStack() as stack:
            self.set_up(stack)
            context = multiprocessing.get_context("fork")
            self.start_consumer(stack, context)
            self.start_publishers(stack, context)
            for number in range(self.rounds):
                self.round(number)
                say(self.describe(number))
            self.finish()

    # ---- processes -------------------------------------------------------------------------------

    def set_up(self, stack):
        state_dir = os.path.join(self.folder, "state")
        self.disk = None
        if self.kind == "power":
            self.disk = ForgettingDisk(state_dir, strict=True)
            stack.callback(self.disk.end)
        self.bus = harness.PrivateBus(self.folder)
        stack.callback(self.bus.end)
        self.simulator = harness.Simulator(self.folder, *self.world.simulator_options())
        stack.callback(self.simulator.end)
        self.daemon = QuietDaemon(self.folder, self.bus, "")
        stack.callback(self.daemon.client.close)
        stack.callback(self.daemon.end)

    def configure(self, number):
        config = self.world.config(self.simulator.endpoints, number, self.store)
        self.daemon.configure(config)
        self.round_number.value = number

    def start_consumer(self, stack, context):
        self.has_inbox, self.consumed = context.Event(), context.Event()
        self.consumer_notes = os.path.join(self.folder, "consumer.json")
        arguments = (self.bus, self.has_inbox, self.consumed, self.consumer_notes)
        self.consumer = context.Process(target=consumer.run, args=arguments)
        self.consumer.start()
        stack.callback(self.consumer.kill)

    def end_consumer(self):
        """Waits until its inbox is empty, and takes its notes in."""

        def is_empty():
            return all(row[4] == 0 for row in self.list_all("Inboxes"))

        try:
            harness.eventually(is_empty, "the consumer to acknowledge everything", DRAIN)
        except TimeoutError as error:
            self.ledger.find(str(error))
        self.consumed.set()
        self.consumer.join(PATIENCE)
        with open(self.consumer_notes, encoding="utf-8") as file:
            notes = json.load(file)
        for wrong in notes["wrong"]:
            self.ledger.find(f"the consumer: {wrong}")
        self.ledger.check_inbox(notes["received"])

    def list_all(self, what):
        return self.daemon.client.call(ROOT, f"{MANAGER}.List{what}")[0]

    def start_publishers(self, stack, context):
        self.round_number = context.Value("i", 0)
        self.stop = context.Event()
        self.publishers = []
        for number in range(1, PUBLISHERS + 1):
            path = os.path.join(self.folder, f"notes-{number}.jsonl")
            arguments = (self.bus, self.world, number, self.random.getrandbits(32))
            arguments += (self.round_number, self.has_inbox, self.stop, path)
            process = context.Process(target=publisher.run, args=arguments)
            process.start()
            stack.callback(process.kill)
            self.publishers.append((process, path))

    def end_publishers(self):
        """Waits for their last answers, and takes their notes in."""
        self.stop.set()
        for process, path in self.publishers:
            process.join(2 * PATIENCE)
            if process.exitcode != 0:
                raise RuntimeError(f"a publisher has ended with {process.exitcode}")
            with open(path, encoding="utf-8") as file:
                *notes, last = map(json.loads, file)
            for note in notes:
                self.ledger.note(*note)
            self.ledger.unanswered += last["called"] - len(notes)
            for wrong in last["wrong"]:
                self.ledger.find(f"a call of Publish was answered with {wrong}")

    # ---- rounds ----------------------------------------------------------------------------------

    def round(self, number):
        self.configure(number)
        begun = time.monotonic()
        if self.random.random() < STILLBORN_SHARE:
            self.daemon.spawn_only()
            time.sleep(self.random.uniform(*STILLBORN))
        else:
            self.daemon.start()
            self.starts[number] = time.monotonic() - begun
            time.sleep(self.random.uniform(*LOAD))
        self.daemon.check_running()
        cut_first = self.random.random() < 0.5
        if self.disk and cut_first:
            self.ledger.disk_went_first.add(number)
        self.kill(cut_first)
        self.wait_for_cloud()
        self.ledger.read_record(number)
        self.ledger.look_at_database(self.daemon.state_dir, number, self.disk is not None)

    def kill(self, cut_first):
        """And cut the power at about the same time, before or after."""
        seed = self.random.getrandbits(48)
        if self.disk and cut_first:
            self.disk.order("cut", seed)
        self.daemon.process.kill()
        self.daemon.process.wait(PATIENCE)
        if self.disk and not cut_first:
            self.disk.order("cut", seed)
        self.daemon.kill()

    def wait_for_cloud(self):
        """Until all that the daemon has sent is in the record."""
        ports = {f"{port:04X}" for _, port in self.simulator.endpoints.values()}

        def has_read_all():
            with open("/proc/net/udp", encoding="ascii") as file:
                rows = [line.split() for line in file][1:]
            return all(
                row[4].endswith(":00000000") for row in rows if row[1].rpartition(":")[2] in ports
            )

        harness.eventually(has_read_all, "the simulator to read what was sent")
        self.order_simulator("status")

    def order_simulator(self, verb):
        """An answer means that it has dealt with what it had read."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(PATIENCE)
            control.connect(self.simulator.control_path)
            control.sendall(json.dumps({"verb": verb, "args": []}).encode() + b"\n")
            if not control.makefile().readline():
                raise RuntimeError("the simulator does not answer")

    def describe(self, number):
        arrived = {
            cloud: n for (at, cloud), n in self.ledger.arrived_by_round.items() if at == number
        }
        start = self.starts.get(number)
        beginning = f"up in {start * 1000:.0f} ms" if start else "killed early"
        return (
            f"{self.kind} {number}: {beginning}, arrived {arrived}, waiting "
            f"{len(self.ledger.waiting[number])}, duplicates {self.duplicates}, findings "
            f"{len(self.findings)}"
        )

    # ---- the end ---------------------------------------------------------------------------------

    def finish(self):
        """Everything drains; then each ticket is asked for."""
        self.configure(self.rounds)
        self.daemon.start()
        self.end_publishers()
        self.end_consumer()
        self.drain()
        self.ledger.read_record(self.rounds)
        outcomes = self.ask_for(self.ledger.kept())
        self.tickets = len(outcomes)
        self.ledger.check_losses(self.list_all("Losses"), outcomes)
        self.accounted, self.lost = self.ledger.close(outcomes)
        self.daemon.end()

    def queued(self):
        return {link: self.daemon.get(link, "Queued") for link in self.world.links}

    def drain(self):
        """A message that has not been sent by then shows in its ticket."""
        deadline = time.monotonic() + DRAIN
        while any(queued := self.queued().values()) and time.monotonic() < deadline:
            self.daemon.check_running()
            time.sleep(0.05)
        left = {link: n for link, n in self.queued().items() if n}
        if left:
            states = {link: self.daemon.get(link, "StateReason") for link in left}
            self.ledger.find(f"not sent within {DRAIN} s: {left}, because: {states}")

    def ask_for(self, tickets):
        client = self.daemon.client
        outcomes = {}
        for start in range(0, len(tickets), QUESTIONS):
            asked = {
                ticket: client.send(ROOT, MANAGER + ".Ticket", "t", ticket)
                for ticket in tickets[start : start + QUESTIONS]
            }
            for ticket, serial in asked.items():
                try:
                    outcomes[ticket] = client.reply(serial)
                except DBusError as error:
                    if not error.name.endswith("NoSuchTicket"):
                        raise
                    outcomes[ticket] = None
            client.signals.clear()
        return outcomes
