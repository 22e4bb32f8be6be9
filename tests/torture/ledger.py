# SPDX-License-Identifier: Apache-2.0
"""
What was promised, against what has arrived.

The cloud's record and the database are read after each kill and before the next start, when neither
changes. So it is known of each arrival before which kill it came, and of each message whether it
waited at a kill.
"""

import collections
import contextlib
import json
import os
import shutil
import sqlite3
import tempfile

import world

# How a message may end that did not arrive, by its kind.
ENDS = {
    "short-lived": "expired",
    "long-lived": "expired",
    "replacing": "cancelled",
    "recalled": "cancelled",
    "refused": "rejected",
}

# Ends when the daemon does, and is known only as long as it runs.
UNKEPT = "memory"


@contextlib.contextmanager
def copied_database(state_dir):
    """A connection to a copy, so that looking does not mend what the daemon has to."""
    with tempfile.TemporaryDirectory(prefix="skybus-look-") as folder:
        # The journal is there while the database is being made.
        for suffix in "", "-journal", "-wal":
            with contextlib.suppress(FileNotFoundError):
                source = os.path.join(state_dir, "skybus.db" + suffix)
                shutil.copyfile(source, os.path.join(folder, "skybus.db" + suffix))
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "skybus.db"))) as connection:
            yield connection


WAITING = """SELECT link.name, ifnull(message.payload, body.payload)
    FROM message JOIN link ON link.id = message.link
    LEFT JOIN share ON share.ticket = message.ticket LEFT JOIN body ON body.id = share.body
    WHERE message.outcome = 0"""


def waiting_in(connection):
    """The messages that have not ended."""
    # A database that is being made has nothing yet.
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'share'").fetchone():
        return set()
    return {
        world.copy_of((payload or b"").decode(errors="replace"), world.cloud_of(link))
        for link, payload in connection.execute(WAITING)
    }


class Ledger:
    """The account of one state directory."""

    def __init__(self, record_path):
        self.record_path = record_path
        self.record_offset = 0
        self.rounds = collections.defaultdict(list)  # in which a message arrived
        self.arrived_by_round = collections.Counter()  # round and link's cloud
        self.waiting = []  # by kill
        self.duplicates = 0
        self.disk_went_first = set()  # rounds
        self.notes = {}  # by ticket: message, kind, link, round
        self.unanswered = 0  # calls of which nobody knows whether they made a message
        self.losses = []  # findings that come first
        self.others = []

    @property
    def findings(self):
        return self.losses + self.others

    def find(self, sentence):
        self.others.append(sentence)

    # ---- after each kill -------------------------------------------------------------------------

    def look_at_database(self, state_dir, number, is_after_cut):
        """What waits after the kill of a round."""
        aside = [name for name in os.listdir(state_dir) if ".corrupt-" in name]
        if aside:
            self.find(f"round {number}: the daemon took its database for damaged: {aside[0]}")
        try:
            with copied_database(state_dir) as connection:
                if is_after_cut:
                    self.check_database(connection, number)
                self.waiting.append(waiting_in(connection))
        except sqlite3.Error as error:
            self.find(f"round {number}: the database cannot be read after the kill: {error}")
            self.waiting.append(set())
        if None in self.waiting[-1]:
            self.find(f"round {number}: a message in the database is not what was published")

    def check_database(self, connection, number):
        said = [row[0] for row in connection.execute("PRAGMA quick_check")]
        if said != ["ok"]:
            self.find(f"round {number}: the database is damaged: {said[0]}")

    def read_record(self, number):
        """What has arrived since the last time, all of it in this round."""
        with open(self.record_path, "rb") as file:
            file.seek(self.record_offset)
            text = file.read()
        text = text[: text.rfind(b"\n") + 1]
        self.record_offset += len(text)
        for line in map(json.loads, text.splitlines()):
            text = world.published(line) if line["event"] in ("message", "point") else None
            if text is not None:
                self.arrived(line, text, number)

    def arrived(self, line, text, number):
        message = world.copy_of(text, line["cloud"])
        self.arrived_by_round[number, line["cloud"]] += 1
        if message is None:
            self.find(f"round {number}: the cloud has what nobody published: {line}")
            return
        before = self.rounds[message]
        if before:
            self.duplicates += 1
            self.check_duplicate(message, before[-1], number)
        before.append(number)

    def check_duplicate(self, message, former, number):
        """Right if it waited at each kill between the two arrivals, and there was one."""
        if former == number:
            self.find(f"message {message} arrived twice in round {number}, with no kill in between")
        elif not all(message in waiting for waiting in self.waiting[former:number]):
            self.find(
                f"message {message} arrived in round {former} and again in round {number}, but had "
                "ended on disk in between"
            )

    # ---- at the end ------------------------------------------------------------------------------

    def note(self, ticket, message, kind, link, number):
        """A publisher was given a ticket in a round."""
        if ticket in self.notes:
            other, _, _, former = self.notes[ticket]
            self.find(
                f"ticket {ticket} was given in round {former} for message {other}, and in round "
                f"{number} for {message}"
            )
        self.notes[ticket] = (message, kind, link, number)

    def check_inbox(self, received):
        """
        What was announced has come to the consumer; received are numbers. The inbox is written after the
        message; if the disk goes in between, the inbox has lost it and the ticket is given all the same,
        perhaps as late as in the next round.
        """
        came = {world.copy_for(message, world.cloud_of(world.ONCE)) for message in received}
        for ticket, (message, kind, _, number) in self.notes.items():
            excused = not self.disk_went_first.isdisjoint((number, number - 1))
            if kind == "announced" and message not in came and not excused:
                self.find(
                    f"message {message}, whose ticket {ticket} was given in round {number}, has not "
                    "come out of the inbox"
                )

    def kept(self):
        """The tickets whose end must be known for ever."""
        return [ticket for ticket, note in self.notes.items() if note[1] != UNKEPT]

    def was_in_flight(self, message):
        """Whether it arrived and all the same waited at the kill after that."""
        arrivals = (number for number in self.rounds[message] if number < len(self.waiting))
        return any(message in self.waiting[number] for number in arrivals)

    def check_losses(self, losses, outcomes):
        """The daemon's account has all that did not arrive, and nothing that nobody knows of."""
        counted = collections.Counter()
        for _, _, outcome, _, messages in losses:
            counted[outcome] += messages
        ended = collections.Counter(answer[0] for answer in outcomes.values() if answer)
        for outcome in sorted(set(ENDS.values())):
            most = ended[outcome] + self.unanswered
            if not ended[outcome] <= counted[outcome] <= most:
                self.find(
                    f"ListLosses has {counted[outcome]} messages that were {outcome}, but "
                    f"{ended[outcome]} tickets were, and {self.unanswered} calls got no answer"
                )

    def close(self, outcomes):
        """
        Compares. outcomes has outcome, code and reason of each kept ticket; None for one that is
        unknown. Returns how many tickets are accounted for, and how many are lost.
        """
        for ticket, answer in outcomes.items():
            message, kind, link, number = self.notes[ticket]
            wrong = self.what_is_wrong(message, kind, answer)
            if wrong:
                sentences = self.others if message in self.rounds else self.losses
                sentences.append(
                    f"ticket {ticket}, given in round {number} for message {message} ({kind}) of "
                    f"{link}, {wrong}"
                )
        return len(outcomes) - len(self.losses), len(self.losses)

    def what_is_wrong(self, message, kind, answer):
        """A sentence, or None."""
        outcome, _, reason = answer or ("unknown", "", "")
        arrived = message in self.rounds
        end = ENDS.get(kind)
        if outcome == "delivered":
            return None if arrived else "was delivered, but is not in the cloud's record"
        if outcome != end:
            where = f"arrived in round {self.rounds[message][0]}" if arrived else "has not arrived"
            expected = f"delivered or {end}" if end else "delivered"
            return f"must be {expected}, but is {outcome} ({reason}), and {where}"
        if not reason:
            return f"is {outcome}, but no reason is known"
        # What was in flight at a kill waits again, and may end; else it is one or the other.
        if arrived and not self.was_in_flight(message):
            return f"is {outcome} ({reason}), but arrived in round {self.rounds[message][0]}"
        return None
