# SPDX-License-Identifier: Apache-2.0
"""
What each client must be able to do. A row of the table is a function of a client and the world, which
raises an error if the client does not get what it should; needs= names what not every client has, see
LACKS in clients.py.
"""

import json
import os
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

from client import ERROR, LINK, MANAGER, PROPERTIES, ROOT, DBusError, link_path
from clients import DESCRIPTORS, ERROR_NAMES, STAYS, plain
from harness import POINTS, SOURCE_ROOT, enos_link, eventually, post
from stream import example
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
REFUSED = [METER, os.getuid(), "rejected", "refused-by-cloud"]


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


def next_message(client, topic):
    """Number, payload and properties of the next one with this topic."""
    number, _, payload, properties = client.wait_signal(
        "Message", lambda _number, name, *_: name == topic
    )
    return number, payload, properties


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


# ---- subscribe -----------------------------------------------------------------------------------


@row("Subscribe")
def subscribe(client, _world):
    """Where the client hangs up the subscription is over, but it was answered."""
    [subscription] = client.call(METER_PATH, LINK + ".Subscribe", "s", "subscribe/+")
    holds(subscription > 0, "no number")


@row("Message", needs=STAYS)
def message(client, world):
    client.listen(METER_PATH, LINK, "Message")
    client.call(METER_PATH, LINK + ".Subscribe", "s", "/message/#")
    text = world.text()
    same(world.answer(world.command("/message/größe", text)), "2.04")
    number, payload, properties = next_message(client, "/message/größe")
    holds(number > 0, "no number")
    same([payload, properties["link"]], [text.encode(), METER])


def command_to_answer(client, world, path):
    """The number of a command that the client is to answer, and who waits for the answer."""
    client.listen(METER_PATH, LINK, "Message")
    method = LINK + ".SubscribeWith"
    client.call(METER_PATH, method, "sa{ss}", path, {"answer": "yes"})
    caller = world.command(path, "open")
    number, _, properties = next_message(client, path)
    holds(properties["answer-by"] > 0, "nobody waits for the answer")
    return number, caller


@row("SubscribeWith, Answer", needs=STAYS)
def answer(client, world):
    number, caller = command_to_answer(client, world, "/answer/text")
    text = world.text()
    same(client.call(METER_PATH, LINK + ".Answer", "tss", number, "", text), [0])
    same(world.answer(caller).split(None, 1)[1], text)


@row("AnswerBytes", needs=STAYS)
def answer_bytes(client, world):
    number, caller = command_to_answer(client, world, "/answer/bytes")
    same(client.call(METER_PATH, LINK + ".AnswerBytes", "tsay", number, "4.09", b"jammed"), [0])
    same(world.answer(caller), "4.09 jammed")


@row("Unsubscribe", needs=STAYS)
def unsubscribe(client, world):
    [subscription] = client.call(METER_PATH, LINK + ".Subscribe", "s", "/over/#")
    same(world.answer(world.command("/over/1", "x")), "2.04")
    same(client.call(METER_PATH, LINK + ".Unsubscribe", "u", subscription), [])
    same(world.answer(world.command("/over/2", "x")).split()[0], "4.04")


@row("what apps publish", needs=STAYS)
def origin_local(client, world):
    """The client sees its own."""
    client.listen(METER_PATH, LINK, "Message")
    method = LINK + ".SubscribeWith"
    [subscription] = client.call(METER_PATH, method, "sa{ss}", TOPIC, {"origin": "local"})
    text = world.text()
    [ticket] = client.call(METER_PATH, LINK + ".Publish", "ss", TOPIC, text)
    _, payload, properties = next_message(client, TOPIC)
    same([payload, properties], [text.encode(), {"link": METER, "origin": "local"}])
    client.call(METER_PATH, LINK + ".Unsubscribe", "u", subscription)
    world.arrived(ticket)


@row("answers Ping", needs=STAYS)
def ping(client, world):
    """The daemon asks it of whoever gets signals, and gives up those that do not answer."""
    method = "org.freedesktop.DBus.Peer.Ping"
    same(world.observer.call("/", method, destination=world.unique_name(client)), [])


# ---- inboxes -------------------------------------------------------------------------------------


def inbox_of(client, topic_filter):
    """The name of an inbox that no other client has, nor another row."""
    return f"{client.NAME}.{topic_filter.strip('/#').replace('/', '.')}"


def look_into(world, name):
    """What ListInboxes has of an inbox, behind its name; None if there is none."""
    [inboxes] = world.observer.call(ROOT, MANAGER + ".ListInboxes")
    return next((plain(inbox[3:]) for inbox in inboxes if inbox[2] == name), None)


def forget(client, name):
    same(client.call(METER_PATH, LINK + ".ForgetDurable", "s", name), [])


def fills(world, name, topic_filter, size):
    """An inbox whose client is away, or reads it and does not acknowledge, has one message."""
    [got_filter, count, got_size, lost, _] = look_into(world, name)
    same([got_filter, count, got_size, lost], [topic_filter, 1, size, 0])


@row("SubscribeDurable")
def subscribe_durable(client, world):
    """Where the client hangs up, the inbox stays."""
    name = inbox_of(client, "/durable/#")
    [subscription] = client.call(METER_PATH, LINK + ".SubscribeDurable", "ss", name, "/durable/#")
    holds(subscription > 0, "no number")
    same(world.answer(world.command("/durable/1", "open")), "2.04")
    fills(world, name, "/durable/#", len("/durable/1open"))
    forget(world.observer, name)


@row("SubscribeDurableWith")
def subscribe_durable_with(client, world):
    name, text = inbox_of(client, TOPIC), world.text()
    arguments = (name, TOPIC, {"origin": "local"})
    method = LINK + ".SubscribeDurableWith"
    [subscription] = client.call(METER_PATH, method, "ssa{ss}", *arguments)
    holds(subscription > 0, "no number")
    world.arrived(world.observer.publish(METER, TOPIC, text))
    fills(world, name, TOPIC, len(TOPIC) + len(text.encode()))
    forget(world.observer, name)


@row("ListInboxes")
def list_inboxes(client, world):
    name = inbox_of(client, "/list/#")
    arguments = (METER_PATH, LINK + ".SubscribeDurable", "ss", name, "/list/#")
    world.observer.call(*arguments)
    [inboxes] = client.call(ROOT, MANAGER + ".ListInboxes")
    holds([METER, os.getuid(), name, "/list/#", 0, 0, 0, True] in plain(inboxes), f"only {inboxes}")
    same([inboxes], world.observer.call(ROOT, MANAGER + ".ListInboxes"))
    forget(world.observer, name)


@row("ForgetDurable")
def forget_durable(client, world):
    name = inbox_of(client, "/forget/#")
    arguments = (METER_PATH, LINK + ".SubscribeDurable", "ss", name, "/forget/#")
    world.observer.call(*arguments)
    forget(client, name)
    same(look_into(world, name), None)


@row("Acknowledge", needs=STAYS)
def acknowledge(client, world):
    name = inbox_of(client, "/acknowledge/#")
    subscribe_method = (METER_PATH, LINK + ".SubscribeDurable", "ss", name, "/acknowledge/#")
    acknowledge_method = (METER_PATH, LINK + ".Acknowledge", "t")
    client.listen(METER_PATH, LINK, "Message")
    [subscription] = client.call(*subscribe_method)
    same(world.answer(world.command("/acknowledge/1", "open")), "2.04")
    wanted = {"link": METER, "origin": "cloud", "inbox": name, "redelivered": False}
    number, payload, properties = next_message(client, "/acknowledge/1")
    same([payload, wanted | properties], [b"open", properties])
    # It leaves, and comes again.
    client.call(METER_PATH, LINK + ".Unsubscribe", "u", subscription)
    client.call(*subscribe_method)
    again, payload, properties = next_message(client, "/acknowledge/1")
    same([again, payload, properties["redelivered"]], [number, b"open", True])
    same(client.call(*acknowledge_method, number), [])
    same(look_into(world, name), ["/acknowledge/#", 0, 0, 0, True])
    same(refusal(client, *acknowledge_method, number).name, ERROR + "NoSuchMessage")
    forget(client, name)


@row("SubscriptionEnded", needs=STAYS)
def subscription_ended(client, world):
    """Another connection takes the inbox over."""
    name = inbox_of(client, "/taken/#")
    arguments = (METER_PATH, LINK + ".SubscribeDurable", "ss", name, "/taken/#")
    client.listen(METER_PATH, LINK, "SubscriptionEnded")
    [subscription] = client.call(*arguments)
    world.observer.call(*arguments)
    _, reason = client.wait_signal("SubscriptionEnded", lambda number, _: number == subscription)
    holds("SubscribeDurable" in reason, reason)
    forget(world.observer, name)


# ---- streams -------------------------------------------------------------------------------------


def next_frame(client, stream, kind):
    """The fields of the next frame, which must be of this kind."""
    got, *fields = example.parse(client.receive_from(stream))
    same(got, kind)
    return fields


@row("OpenStream", needs=DESCRIPTORS)
def open_stream(client, world):
    [stream] = client.call(METER_PATH, LINK + ".OpenStream", "sa{ss}", "", {})
    same(next_frame(client, stream, example.HELLO)[-1], METER)
    tag, text = next(world.numbers), world.text()
    client.send(stream, example.publish(tag, TOPIC, text.encode()))
    got, ticket = next_frame(client, stream, example.TICKET)
    same(got, tag)
    same(next_frame(client, stream, example.SETTLED), [ticket, *DELIVERED])
    same(world.arrived(ticket), text)


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


BAD_TOPIC = (METER_PATH, LINK + ".Publish", "ss", "a//b", "x")


@row("an error's sentence")
def error_sentence(client, world):
    same(refusal(client, *BAD_TOPIC).text, refusal(world.observer, *BAD_TOPIC).text)


@row("an error's name", needs=ERROR_NAMES)
def error_name(client, _world):
    same(refusal(client, *BAD_TOPIC).name, ERROR + "InvalidTopic")


@row("ends in order", needs=STAYS)
def end(client, _world):
    """Last: a library has had what it wants until the end."""
    same(client.close(), 0)
