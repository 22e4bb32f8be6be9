#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Prints docs/configuration.md, or with --man the page skybus.yaml(5): all settings there are, out of the tables of
the daemon and its plugins, which docs/settings.c prints.

Usage: settings PLUGIN-DIRECTORY | configuration.py [--man]
"""

import re
import sys

HEAD = """\
# The configuration

<!-- Made of the daemon's and its plugins' tables by docs/configuration.py. Change those, then: make docs -->

`/etc/skybus/skybus.yaml` is read first, then `/etc/skybus/conf.d/*.yaml`, in the order of their names; one file for
each link is a good habit. The files are YAML; [the default one](../etc/skybus.yaml) has every setting of the daemon
as a comment, and [examples](../etc/examples) have every setting of each plugin.

| section | what is in it | a change takes effect |
|---|---|---|
| [`links`](#links) | the devices that this box is, each with its cloud | with a reload |
| [`routes`](#routes) | where messages go that are published without a link | with a reload |
| [`access`](#access) | who may do what; in `skybus.yaml` only | with a reload |
| [`callers`](#callers) | the most that a caller may do | with a reload |
| [`inboxes`](#inboxes) | what waits for programs that may be away | with a reload |
| [`store`](#store) | how messages are kept | at the next start |

`skybusctl config check` says what is wrong with the files, `skybusctl reload --dry-run` what a reload would change,
and `skybusctl config show` what is in force. On the running daemon, `skybusctl plugins show NAME` prints the tables
of this page.

## How values are written

| kind | what one writes | such as |
|---|---|---|
"""

KINDS = {
    "boolean": "`yes`, `true`, `on`, or `no`, `false`, `off`",
    "duration": "seconds, or numbers with `d`, `h`, `m` and `s`, the largest first",
    "size": "bytes, or a number with `K`, `M`, `G` or `T`, which count by 1024",
    "choice": "one of the words that are listed",
    "secret": "`{credential: NAME}`, which systemd lends, or `{file: /PATH}`, which only root or the daemon's user can "
    "read; a secret that is written here works, with a warning",
    "file": "its whole path; the daemon reads it with the configuration",
}
EXAMPLES = {
    "text": "`plant 7`",
    "boolean": "`yes`",
    "duration": "`1h30m`",
    "choice": "`json`",
    "secret": "`{file: /etc/skybus/plant.secret}`",
    "file": "`/etc/skybus/root.pem`",
}

SECTIONS = {
    "links": """\
## links

Each link has a name (1 to 63 of `a-z`, `0-9`, `-` and `_`, a letter or a digit first), and below it these settings and
those of its plugin. A link whose settings are wrong stays, as `failed` with a sentence; the others run.

```yaml
links:
  plant:
    plugin: enos
    host: coap.example.com
    product_key: MuGsF6W4
    device_key: 15bBZlRknc
    device_secret: {file: /etc/skybus/plant.secret}
```

Every link has:
""",
    "routes": """\
## routes

A list; the first route whose `match` fits a topic is taken.

```yaml
routes:
  - match: telemetry/#
    send: all
    to:
      - {link: plant}
      - {link: depot, topic: "/{product_key}/{device_name}/user/{topic}"}
```

A route has:
""",
    "to": "Each link in its `to` has:\n",
    "store": "## store\n\nNone of it changes before the daemon is started again.\n",
    "inboxes": "## inboxes\n\nFor subscriptions that are durable (`SubscribeDurable`).\n",
    "callers": "## callers\n\nThe bounds of each user of this box, and of each connection.\n",
}

ACCESS = """\
## access

A list of rules, in `skybus.yaml` itself. Without the section, root and the members of the group `skybus` may do
everything. With it, root and the daemon's own user may do everything, and others what a rule grants them. Whatever is
wrong with it spoils the whole configuration, so that the daemon never runs with other rights than it was told.

```yaml
access:
  - user: meter
    links: [plant]
    publish: [telemetry/#]
  - group: operators
    administer: yes
```

A rule is for one of `user`, `group`, `unit` and `unidentified`, and grants something:

| setting | what it says |
|---|---|
"""
RULE = {
    "user": "A user, by name or number.",
    "group": "The members of a group, by name or number.",
    "unit": "A service of systemd that has `User=`, as `meter.service`, when it calls as that user.",
    "unidentified": "`yes`: callers that the bus cannot tell anything of, such as those that hang up at once.",
    "links": 'The names of links, or `"*"` for all, for publish and subscribe.',
    "publish": "Filters of topics, as in MQTT, that may be published to.",
    "subscribe": "Filters of topics; a subscription must lie within one of them.",
    "administer": "`yes`: what concerns others: links, reloads, dead letters, calling back what others published.",
}


def read(lines):
    """What settings has printed: the kinds, and (noun, name, summary, rows) for each table."""
    kinds, tables = [], []
    for line in lines:
        what, *fields = line.rstrip("\n").split("\t")
        if what == "kind":
            kinds.append(fields)
        elif what == "setting":
            if fields[0] == "to":
                fields[1:3] = "list", ""
            tables[-1][3].append(fields)
        else:
            tables.append((what, fields[0], *fields[1:], *[""] * (2 - len(fields)), []))
    return kinds, tables


def sentence(text, words=""):
    """Begins with a capital, unless it begins with one of the values."""
    first = re.split(r"\W", text, maxsplit=1)[0]
    return text if first in words.split("|") else text[0].upper() + text[1:]


# ---- Markdown ----


def markdown(text):
    return re.sub(r"([\\`*_<\[\]|])", r"\\\1", text)


def code(text):
    return f"`{text}`" if text else ""


def values(kind, words):
    """Which values there are."""
    if kind == "choice":
        return ", ".join(code(word) for word in words.split("|"))
    return "" if kind == "boolean" else words


def rows(settings):
    text = "\n| setting | kind | values | default | what it says |\n|---|---|---|---|---|\n"
    for key, kind, words, default, required, said in settings:
        shown = f"**{required}**" if required else code(default)
        text += f"| `{key}` | {kind} | {values(kind, words)} | {shown} | {markdown(sentence(said, words))} |\n"
    return text


def page(kinds, tables):
    text = HEAD
    for word, form, example in kinds:
        example = EXAMPLES.get(word, code(example))
        text += f"| {word} | {KINDS.get(word, markdown(form))} | {example} |\n"
    ordered = [table for table in tables if table[1] in ("links",)]
    ordered += [table for table in tables if table[0] == "plugin"]
    ordered += [table for table in tables if table not in ordered]
    for what, name, summary, settings in ordered:
        if name == "store":
            text += "\n" + ACCESS
            text += "".join(f"| `{key}` | {said} |\n" for key, said in RULE.items())
        if what == "plugin":
            text += f"\n### The plugin {name}\n\n{markdown(summary)}\n"
        else:
            text += "\n" + SECTIONS[name]
        text += rows(settings)
    return text


# ---- mdoc ----

MAN_HEAD = """\
.\\" SPDX-License-Identifier: Apache-2.0
.\\" Made of the daemon's and its plugins' tables by docs/configuration.py. Change those, then: make docs
.Dd November 30, 2026
.Dt SKYBUS.YAML 5
.Os Skybus
.Sh NAME
.Nm skybus.yaml
.Nd the configuration of skybusd
.Sh SYNOPSIS
.Bl -item -compact
.It
.Pa /etc/skybus/skybus.yaml
.It
.Pa /etc/skybus/conf.d/*.yaml
.El
.Sh DESCRIPTION
.Xr skybusd 8
reads
.Pa skybus.yaml ,
and then the files in
.Pa conf.d
beside it in the order of their names; one file for each link is a good habit.
An instance has both in
.Pa /etc/skybus/instances/NAME .
.Pp
.Xr skybusctl 1
has the commands
.Cm config check ,
which says what is wrong,
.Cm reload --dry-run ,
which says what a reload would change,
.Cm config show ,
which prints what is in force, and
.Cm config init ,
which asks for the settings of a link and writes its file.
.Ss How values are written
.Bl -tag -width Ds
"""

MAN_SECTIONS = {
    "links": "The section\n.Ic links\nhas the names of links, and below each its settings and those of its plugin.\n"
    "A name has 1 to 63 of a-z, 0-9, - and _, a letter or a digit first.\n",
    "routes": "The section\n.Ic routes\nis a list of where messages go that are published without a link.\n"
    "The first that fits the topic is taken.\n",
    "to": "Each link in the list\n.Ic to\nof a route has:\n",
    "store": "The section\n.Ic store\nsays how messages are kept.\n"
    "None of it changes before the daemon is started again.\n",
    "inboxes": "The section\n.Ic inboxes\nis for subscriptions that are durable.\n",
    "callers": "The section\n.Ic callers\nhas the bounds of each user of this box, and of each connection.\n",
}
MAN_TITLES = {"to": "Links of a route"}

MAN_ACCESS = """\
.Ss access
The section
.Ic access ,
in
.Pa skybus.yaml
itself, is a list of rules.
Without it, root and the members of the group
.Li skybus
may do everything; with it, root and the daemon's own user may, and others what a rule grants them.
A rule is for one of user, group, unit and unidentified.
.Bl -tag -width Ds
"""

MAN_TAIL = """\
.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/skybus/skybus.yaml
The main file.
As it is installed, it has every setting of the daemon as a comment.
.It Pa /usr/share/doc/skybus/examples
A link for each plugin, with every setting of the plugin.
.El
.Sh EXAMPLES
A device at EnOS, whose secret is in a file that only root can read:
.Bd -literal -offset indent
links:
  plant:
    plugin: enos
    host: coap.example.com
    product_key: MuGsF6W4
    device_key: 15bBZlRknc
    device_secret: {file: /etc/skybus/plant.secret}
.Ed
.Sh SEE ALSO
.Xr skybusctl 1 ,
.Xr skybusd 8
"""


def mdoc(text):
    """Plain text, a sentence a line; no line begins as a macro does."""
    text = text.replace("`", "").replace("\\", "\\e")
    text = re.sub(r"(?<=[.!?]) +(?=[A-Z{\"])", "\n", text)
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)


def paragraph(tag, text):
    return f".It {tag}\n{mdoc(text)}\n"


def setting(row):
    key, kind, words, default, required, said = row
    facts = [kind + (f" ({words.replace('|', ', ')})" if words and kind != "boolean" else "")]
    facts += [required] if required else [f"{default} unless set"] if default else []
    text = "; ".join(facts)
    return paragraph(f"Ic {key}", f"{sentence(said, words).rstrip('.')}.\n{sentence(text)}.")


def man(kinds, tables):
    text = MAN_HEAD
    for word, form, example in kinds:
        form = KINDS.get(word, form)
        text += paragraph(f"Em {word}", sentence(form) + (f", such as {example}." if example else "."))
    text += ".El\n.Sh SETTINGS\n"
    for what, name, summary, settings in tables:
        if what == "section":
            text += f".Ss {MAN_TITLES.get(name, name)}\n{MAN_SECTIONS[name]}"
        else:
            text += f".Ss The plugin {name}\n{mdoc(summary.rstrip('.'))}.\n"
        text += ".Bl -tag -width Ds\n" + "".join(setting(row) for row in settings) + ".El\n"
        if name == "to":
            text += MAN_ACCESS + "".join(paragraph(f"Ic {key}", said) for key, said in RULE.items()) + ".El\n"
    return text + MAN_TAIL


if __name__ == "__main__":
    make = man if sys.argv[1:] == ["--man"] else page
    sys.stdout.write(make(*read(sys.stdin)))
