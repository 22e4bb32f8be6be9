# SPDX-License-Identifier: Apache-2.0
"""What each client must be able to do but receive, for which see receiving.py."""

import json
import os
import xml.etree.ElementTree as ElementTree

from client import ERROR, LINK, MANAGER, PROPERTIES, ROOT, link_path
from clients import ERROR_NAMES, ESCAPES, STAYS, plain
from harness import POINTS, SOURCE_ROOT, enos_link, eventually, post
from rows import holds, refusal, row, same
from world import (
    DELIVERED,
    METER,
    METER_PATH,
    PARKED,
    PARKED_PATH,
    PLANT,
    PLANT_PATH,
    RAW_READINGS,
    READINGS,
    TOPIC,
)

OBJECTS = "org.freedesktop.DBus.ObjectManager.GetManagedObjects"
RAW = b'\0\x80\xff "\n'
# Link, user, outcome and cause of what the cloud refuses.
BUILD = ("skybus_build", "info")
REFUSED = [METER, os.getuid(), "rejected", "refused-by-cloud"]


# ---- publish -------------------------------------------------------------------------------------


@row("Publish")
def publish(client, world):
    text = world.text()
    [ticket] = client.call(METER_PATH, LINK + ".Publish", "ss", TOPIC, text)
    same(world.arrived(ticket), text)


@row("PublishBytes")
def publish_bytes(client, world):
    [ticket] = client.call(METER_PATH, LINK + ".PublishBytes", "say", TOPIC, RAW)
    same(world.arrived(ticket), RAW)


@row("PublishWith")
def publish_with(client, world):
    text = world.text()
    options = {"ttl": "1h", "priority": "urgent"}
    method = LINK + ".PublishWith"
    [ticket] = client.call(METER_PATH, method, "ssa{ss}", TOPIC, text, options)
    same(world.arrived(ticket), text)
    # The options arrive, too.
    bad = (METER_PATH, method, "ssa{ss}", TOPIC, text, {"ttl": "soon"})
    same(refusal(client, *bad).text, refusal(world.observer, *bad).text)


@row("PublishBytesWith")
def publish_bytes_with(client, world):
    method = LINK + ".PublishBytesWith"
    options = {"durability": "memory"}
    [ticket] = client.call(METER_PATH, method, "saya{ss}", TOPIC, RAW, options)
    same(world.arrived(ticket), RAW)


@row("Request")
def request(client, world):
    number = next(world.numbers)
    arguments = ("ssu", POINTS, post(number), 10)
    code, payload = client.call(PLANT_PATH, LINK + ".Request", *arguments)
    same(code, "2.04")
    same(json.loads(payload), {"id": str(number), "code": 200, "data": {}})


# ---- publish by topic ----------------------------------------------------------------------------


def teed(world, tickets, text):
    """Both links of the route have it."""
    meter, plant = tickets
    same([world.arrived(meter, "1nce"), world.arrived(plant, "enos-v2")], [text, text])


@row("Manager.Publish")
def manager_publish(client, world):
    text = post(next(world.numbers))
    [tickets] = client.call(ROOT, MANAGER + ".Publish", "ss", READINGS, text)
    teed(world, tickets, text)
    nowhere = (ROOT, MANAGER + ".Publish", "ss", "elsewhere", text)
    same(refusal(client, *nowhere).text, refusal(world.observer, *nowhere).text)


@row("Manager.PublishBytes")
def manager_publish_bytes(client, world):
    [[ticket]] = client.call(ROOT, MANAGER + ".PublishBytes", "say", RAW_READINGS, RAW)
    same(world.arrived(ticket), RAW)


@row("Manager.PublishWith")
def manager_publish_with(client, world):
    text = post(next(world.numbers))
    method = MANAGER + ".PublishWith"
    options = {"ttl": "1h", "priority": "urgent"}
    [tickets] = client.call(ROOT, method, "ssa{ss}", READINGS, text, options)
    teed(world, tickets, text)
    bad = (ROOT, method, "ssa{ss}", READINGS, text, {"ttl": "soon"})
    same(refusal(client, *bad).text, refusal(world.observer, *bad).text)


@row("Manager.PublishBytesWith")
def manager_publish_bytes_with(client, world):
    method = MANAGER + ".PublishBytesWith"
    options = {"durability": "memory"}
    [[ticket]] = client.call(ROOT, method, "saya{ss}", RAW_READINGS, RAW, options)
    same(world.arrived(ticket), RAW)


# ---- tickets -------------------------------------------------------------------------------------


@row("Ticket")
def ticket_of(client, world):
    ticket = world.observer.publish(METER, TOPIC, world.text())
    world.arrived(ticket)
    same(client.call(ROOT, MANAGER + ".Ticket", "t", ticket), DELIVERED)


@row("WaitTicket")
def wait_ticket(client, world):
    ticket = world.observer.publish(METER, TOPIC, world.text())
    same(client.call(ROOT, MANAGER + ".WaitTicket", "tu", ticket, 10), DELIVERED)


@row("CancelTicket")
def cancel_ticket(client, world):
    ticket = world.observer.publish(PARKED, POINTS, post(next(world.numbers)))
    same(client.call(ROOT, MANAGER + ".CancelTicket", "t", ticket), [])
    same(world.observer.wait_ticket(ticket)[0], "cancelled")


@row("Settled", needs=STAYS)
def settled(client, world):
    client.listen(METER_PATH, LINK, "Settled")
    [ticket] = client.call(METER_PATH, LINK + ".Publish", "ss", TOPIC, world.text())
    same(client.wait_signal("Settled", lambda number, *_: number == ticket), [ticket, *DELIVERED])


# ---- what was lost -------------------------------------------------------------------------------


def same_letter(got, wanted, taken):
    """taken is where the time is; the daemon works it out anew each time, in milliseconds."""
    got, wanted = plain(got), plain(wanted)
    holds(abs(got.pop(taken) - wanted.pop(taken)) < 1000000, "it was published at another time")
    same(got, wanted)


@row("ListDeadLetters")
def list_dead_letters(client, world):
    ticket = world.rejected()
    call = (ROOT, MANAGER + ".ListDeadLetters", "st", METER, ticket - 1)
    [[letter]] = client.call(*call)
    same(letter[:3], [ticket, METER, TOPIC])
    [[seen]] = world.observer.call(*call)
    same_letter(letter, seen, taken=4)


@row("DeadLetter")
def dead_letter(client, world):
    call = (ROOT, MANAGER + ".DeadLetter", "t", world.rejected())
    letter = client.call(*call)
    same(letter[:2], [METER, TOPIC])
    same_letter(letter, world.observer.call(*call), taken=3)


@row("Requeue")
def requeue(client, world):
    [ticket] = client.call(ROOT, MANAGER + ".Requeue", "t", world.rejected())
    world.arrived(ticket)


@row("Discard")
def discard(client, world):
    ticket = world.rejected()
    same(client.call(ROOT, MANAGER + ".Discard", "t", ticket), [])
    gone = refusal(world.observer, ROOT, MANAGER + ".DeadLetter", "t", ticket)
    same(gone.name, ERROR + "NoSuchTicket")


@row("ListLosses")
def list_losses(client, world):
    world.rejected()
    [losses] = client.call(ROOT, MANAGER + ".ListLosses")
    [count] = [loss[4] for loss in losses if loss[:4] == REFUSED]
    holds(count > 0, "nothing is lost")
    same([losses], world.observer.call(ROOT, MANAGER + ".ListLosses"))


@row("ListMetrics")
def list_metrics(client, world):
    [families] = client.call(ROOT, MANAGER + ".ListMetrics")
    [info] = [samples for name, kind, _, samples in families if (name, kind) == BUILD]
    version = world.observer.get(ROOT, MANAGER, "Version")
    same(info, [("_info", {"version": version}, 1.0)])


# ---- properties ----------------------------------------------------------------------------------


@row("Properties.Get")
def get(client, world):
    same(client.call(PLANT_PATH, PROPERTIES + ".Get", "ss", LINK, "Name"), [PLANT])
    [since] = client.call(PLANT_PATH, PROPERTIES + ".Get", "ss", LINK, "Since")
    same(since, world.observer.get(PLANT_PATH, LINK, "Since"))


@row("Properties.GetAll")
def get_all(client, world):
    # Those of a link whose numbers are at rest.
    [values] = client.call(PARKED_PATH, PROPERTIES + ".GetAll", "s", LINK)
    same(values, world.observer.get_all(PARKED_PATH, LINK))
    [values] = client.call(ROOT, PROPERTIES + ".GetAll", "s", MANAGER)
    same(values, world.observer.get_all(ROOT, MANAGER))


@row("PropertiesChanged", needs=STAYS)
def properties_changed(client, world):
    client.listen(PARKED_PATH, PROPERTIES, "PropertiesChanged")
    world.observer.publish(PARKED, POINTS, post(next(world.numbers)))
    queued = world.observer.get(PARKED_PATH, LINK, "Queued")
    interface, changed, _ = client.wait_signal(
        "PropertiesChanged", lambda _, changed, __: changed.get("Queued") == queued
    )
    same(interface, LINK)
    holds("QueuedBytes" in changed, "QueuedBytes is not told")


@row("GetManagedObjects")
def managed_objects(client, world):
    [objects] = client.call(ROOT, OBJECTS)
    holds({METER_PATH, PLANT_PATH, PARKED_PATH} <= objects.keys(), f"only {list(objects)}")
    same(objects[PARKED_PATH][LINK], world.observer.get_all(PARKED_PATH, LINK))


def members(text, interface):
    """What an interface consists of: kind, name and types of each member."""
    [element] = [
        element
        for element in ElementTree.fromstring(text).iter("interface")
        if element.get("name") == interface
    ]
    return {
        (
            member.tag,
            member.get("name"),
            member.get("type"),
            tuple((arg.get("direction", "out"), arg.get("type")) for arg in member.iter("arg")),
        )
        for member in element
        if member.tag != "annotation"
    }


@row("Introspect")
def introspect(client, _world):
    for path, interface in ((METER_PATH, LINK), (ROOT, MANAGER)):
        with open(os.path.join(SOURCE_ROOT, f"dbus/{interface}.xml"), encoding="utf-8") as file:
            written = members(file.read(), interface)
        differences = members(client.introspect(path), interface) ^ written
        holds(not differences, f"{interface} is not as written: {differences}")


# ---- the link, and errors ------------------------------------------------------------------------


@row("Disconnect, Connect")
def disconnect(client, world):
    same(client.call(METER_PATH, LINK + ".Disconnect"), [])
    same(world.observer.get(METER_PATH, LINK, "State"), "disabled")
    same(client.call(METER_PATH, LINK + ".Connect"), [])
    world.daemon.wait_state(METER, "online")


@row("Reauthenticate")
def reauthenticate(client, world):
    since = world.observer.get(METER_PATH, LINK, "Since")
    same(client.call(METER_PATH, LINK + ".Reauthenticate"), [])
    eventually(lambda: world.observer.get(METER_PATH, LINK, "Since") != since, "another login")
    world.daemon.wait_state(METER, "online")


@row("Reload")
def reload(client, world):
    """A link that is new comes, and goes again."""
    links = world.observer.get(ROOT, MANAGER, "Links")
    endpoint = world.simulator.endpoints["enos-v2"]
    added = world.config + enos_link("added", endpoint, enabled="no")
    for config, wanted in (added, [*links, link_path("added")]), (world.config, links):
        world.daemon.configure(config)
        same(client.call(ROOT, MANAGER + ".Reload"), [])
        same(world.observer.get(ROOT, MANAGER, "Links"), wanted)


def broken_configuration(client, world):
    """The error that Reload gets for it."""
    world.daemon.configure(world.config + "  wrong:\n    plugin: [\n")
    try:
        call = (ROOT, MANAGER + ".Reload")
        error = refusal(client, *call)
        same(error.text, refusal(world.observer, *call).text)
    finally:
        world.daemon.configure(world.config)
    return error


@row("Reload, refused")
def reload_refused(client, world):
    holds(":" in broken_configuration(client, world).text, "no place")


@row("Reload, error's name", needs=ERROR_NAMES)
def reload_error_name(client, world):
    same(broken_configuration(client, world).name, ERROR + "InvalidConfiguration")


@row("PreviewReload")
def preview_reload(client, world):
    endpoint = world.simulator.endpoints["enos-v2"]
    world.daemon.configure(world.config + enos_link("added", endpoint))
    try:
        [changes] = client.call(ROOT, MANAGER + ".PreviewReload")
        [change] = changes
        same(change[:3], ["link", "added", "added"])
        same([changes], world.observer.call(ROOT, MANAGER + ".PreviewReload"))
    finally:
        world.daemon.configure(world.config)


@row("Configuration", needs=ESCAPES)
def configuration(client, world):
    [text] = client.call(ROOT, MANAGER + ".Configuration")
    same([text], world.observer.call(ROOT, MANAGER + ".Configuration"))
    holds(f'\n  {METER}:\n    plugin: "1nce"\n' in text, "no link in it")


@row("LiftQuarantine")
def lift_quarantine(client, world):
    """There is nothing to lift; that it can be is in tests/system/test-crash.py."""
    error = refusal(client, ROOT, MANAGER + ".LiftQuarantine", "s", "enos")
    holds("in quarantine" in str(error), error)


@row("ListSettings")
def list_settings(client, world):
    for plugin in "enos", "":
        [settings] = client.call(ROOT, MANAGER + ".ListSettings", "s", plugin)
        holds(len(settings) > 5, "no settings")
        same([settings], world.observer.call(ROOT, MANAGER + ".ListSettings", "s", plugin))


@row("CheckSetting")
def check_setting(client, world):
    method = MANAGER + ".CheckSetting"
    same(client.call(ROOT, method, "sss", "enos", "lifetime", "1h"), [])
    bad = (ROOT, method, "sss", "enos", "lifetime", "1s")
    same(refusal(client, *bad).text, refusal(world.observer, *bad).text)


BAD_TOPIC = (METER_PATH, LINK + ".Publish", "ss", "a//b", "x")


@row("an error's sentence")
def error_sentence(client, world):
    same(refusal(client, *BAD_TOPIC).text, refusal(world.observer, *BAD_TOPIC).text)


@row("an error's name", needs=ERROR_NAMES)
def error_name(client, _world):
    same(refusal(client, *BAD_TOPIC).name, ERROR + "InvalidTopic")
