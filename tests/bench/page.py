# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md, made of what the bench has measured."""

from report import UNKNOWN, cells_of, number

RUNS_LEAST = 5

HEAD = """# Performance

<!-- Made by the bench. Measure, then: make bench-page -->

What skybusd does beside its peers, on one machine, in one run of

```sh
make bench
```

| machine | {cpu}, {cores} cores, {memory_mb} MB; {file_system}, where a sync takes {sync_us:.0f} µs |
|---|---|
| system | {system}, {kernel} |
| date | {date} |
| commit | {commit} |
| versions | {versions} |

Everything runs on this machine: the cloud is `skybus-sim` on loopback. Durable means `sync: full`, on a real disk. A
message counts when its ticket has ended as delivered **and** the simulator's record has it; the bench fails if one is
missing. Each figure is the median of {runs_each} runs, in which the peers take turns; another machine has other figures,
so what counts are the ratios.

The peers: `raw_dbus` is an echo service on sd-bus, through the same dbus-daemon; `raw_coap` a bare libcoap client that
sends the same payload to the same door of the simulator, as many at a time; `mosquitto_bridge` an app, a mosquitto that
bridges to another one, and a subscriber there, with QoS 1 and persistence as Debian ships it, which acknowledges before
the disk has the message; `mosquitto_durable` the same with `autosave_on_changes` and `autosave_interval 1`.
"""


class Unfit(RuntimeError):
    """Figures that are not to be published."""


def check(rows, found):
    """The page is of a whole bench of a known commit, or it is not made."""
    if found["quick"] or found["scale"] != 1 or found["runs_each"] < RUNS_LEAST:
        raise Unfit("this was not the whole bench: make bench")
    if missing := [row.key for row in rows if row.key not in found]:
        raise Unfit(f"this bench lacks rows, such as {missing[0]}: make bench")
    if not found["machine"]["durable"]:
        raise Unfit("this was not measured on a real disk")
    if not found["commit"] or found["commit"].endswith("+"):
        raise Unfit("this is not of a commit: commit first, then make bench")


def line(*cells):
    return "| " + " | ".join(cells) + " |\n"


def figures(rows, found):
    yield "## Figures\n\n"
    yield line("figure", "value", "goal", "is", "met", "what")
    yield "|---|---|---|---|---|---|\n"
    for row in rows:
        if row.parts:
            continue
        for i, (key, *cells) in enumerate(cells_of(row, found)):
            yield line(f"`{key}`" if key else "", *cells, row.what if i == 0 else "")


def ways(rows, found):
    """What has a value for each way into a cloud."""
    for row in rows:
        if not row.parts:
            continue
        yield f"\n## `{row.key}`\n\n{row.what[0].upper()}{row.what[1:]}.\n\n| way | value |\n|---|---|\n"
        for name, value in (found[row.key] or {UNKNOWN: None}).items():
            yield line(name, number(value))


def others(title, values):
    yield f"\n## {title}\n\n| figure | value |\n|---|---|\n"
    for name, value in values.items():
        yield line(f"`{name}`", number(value))


def page(rows, found):
    """The text; Unfit for figures that are not to be published."""
    check(rows, found)
    versions = {name: text for name, text in found["versions"].items() if name != "system" and text}
    head = HEAD.format(
        **found["machine"],
        system=found["versions"]["system"],
        kernel=found["kernel"],
        date=found["date"],
        commit=f"`{found['commit'][:12]}`",
        versions=", ".join(f"{name} {text}" for name, text in versions.items()) or UNKNOWN,
        runs_each=found["runs_each"],
    )
    parts = (figures(rows, found), ways(rows, found), others("Peers", found["peers"]), others("Also", found["also"]))
    return head + "\n" + "".join(text for part in parts for text in part)
