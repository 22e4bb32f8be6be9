# SPDX-License-Identifier: Apache-2.0
"""What was measured: as one JSON object, as a table for a terminal, and as docs/performance.md."""

import re

from row import median

UNKNOWN = "n/a"
HEADER = ("figure", "value", "goal", "is", "met")


def is_peer(name):
    return re.match(r"(raw_|mosquitto_)", name) is not None


def results(rows, series, about):
    """One object: the rows by their keys, their peers, how they compare, all runs, and on what."""
    figures = {row.key: row.value(series) for row in rows}
    compared = {}
    for row in rows:
        for goal in row.goals:
            value = goal.compare(row.key, series)
            entry = {"goal": str(goal), "is": value, "met": goal.is_met(value)}
            compared.setdefault(row.key, []).append(entry)
    return figures | {
        "peers": {name: median(values) for name, values in series.items() if is_peer(name)},
        "goals": compared,
        "also": {
            name: median(values)
            for name, values in series.items()
            if name not in figures and not is_peer(name) and "/" not in name
        },
        "runs": series,
        **about,
    }


def number(value):
    """With three or four digits that count."""
    if value is None:
        return UNKNOWN
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def verdict(met):
    return {True: "yes", False: "NO", None: UNKNOWN}[met]


def cells_of(row, found):
    """The lines of a row: figure, value, goal, how it compares, whether that is met."""
    value = found[row.key]
    parts = value if isinstance(value, dict) else {}
    goals = [
        (goal["goal"], number(goal["is"]), verdict(goal["met"]))
        for goal in found["goals"].get(row.key, ())
    ]
    first, *others = goals or [("", "", "")]
    yield (row.key, "" if parts else number(value), *first)
    for other in others:
        yield ("", "", *other)
    for name, part in parts.items():
        yield (f"  {name}", number(part), "", "", "")


def table(rows, found):
    lines = [HEADER]
    for row in rows:
        lines += cells_of(row, found)
    for title in "peers", "also":
        lines += [("", "", "", "", ""), (f"{title}:", "", "", "", "")]
        lines += [(f"  {name}", number(value), "", "", "") for name, value in found[title].items()]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    text = []
    for line in lines:
        cells = [cell.rjust(width) if i in (1, 3) else cell.ljust(width)
                 for i, (cell, width) in enumerate(zip(line, widths))]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)
