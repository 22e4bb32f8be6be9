# SPDX-License-Identifier: Apache-2.0
"""
What is measured, as rows. A row is the median of its runs; a goal compares each run with the peer of the
same run, since machines are noisy. Measuring one thing may fill several rows, so what measures returns
series: the values of all runs by name. None for a value that cannot be had here.
"""

import dataclasses
import statistics
import typing


def median(values):
    """None where there is none, or one could not be had."""
    values = list(values or ())
    return statistics.median(values) if values and None not in values else None


@dataclasses.dataclass(frozen=True)
class Goal:
    """
    At least, or at most, so many times what the peers come to together; without peers, that number itself.
    """

    at_least: bool
    factor: float
    peers: tuple = ()

    def __str__(self):
        sign = "≥" if self.at_least else "≤"
        if not self.peers:
            return f"{sign} {self.factor:g}"
        peers = " + ".join(self.peers)
        return f"{sign} {self.factor:g} × " + (f"({peers})" if len(self.peers) > 1 else peers)

    def compare(self, key, series):
        """How many times the peers it was, or the number itself; None if that is not known."""
        if not self.peers:
            return median(series.get(key))
        columns = [series.get(name) or [None] for name in (key, *self.peers)]
        if any(None in column for column in columns):
            return None
        if len({len(column) for column in columns}) > 1:
            return median(columns[0]) / sum(map(median, columns[1:]))
        return median(own / sum(peers) for own, *peers in zip(*columns))

    def is_met(self, value):
        """None if that is not known."""
        if value is None:
            return None
        return value >= self.factor if self.at_least else value <= self.factor


def at_least(factor, *peers):
    return Goal(True, factor, peers)


def at_most(factor, *peers):
    return Goal(False, factor, peers)


@dataclasses.dataclass(frozen=True)
class Row:
    """
    A figure: its key ends with its unit. measure(bench) fills the series of that name, and perhaps those of
    other rows and of peers; parts are series that are shown below it, by what they are of.
    """

    key: str
    what: str
    measure: typing.Callable
    goals: tuple = ()
    parts: typing.Callable = None  # of a series' name: what it is a part of this row as, or None
    quick: bool = False

    def value(self, series):
        if not self.parts:
            return median(series.get(self.key))
        named = ((self.parts(name), median(values)) for name, values in series.items())
        return {name: value for name, value in named if name} or None


def parts_of(key):
    """The series KEY/PART are the parts of a row."""
    return lambda name: name.removeprefix(key + "/") if name.startswith(key + "/") else None
