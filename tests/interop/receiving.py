# SPDX-License-Identifier: Apache-2.0
"""What each client must be able to receive, by subscriptions, inboxes and streams."""

import os

from client import ERROR, LINK, MANAGER, ROOT
from clients import DESCRIPTORS, STAYS, plain
from rows import holds, refusal, row, same
from stream import example
from world import DELIVERED, METER, METER_PATH, TOPIC


def next_message(client, topic):
    """Number, payload and properties of the next one with this topic."""
    number, _, payload, properties = client.wait_signal(
        "Message", lambda _number, name, *_: name == topic
    )
    return number, payload, properties


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


# ---- the end -------------------------------------------------------------------------------------


@row("ends in order", needs=STAYS)
def end(client, _world):
    """Last: a library has had what it wants until the end."""
    same(client.close(), 0)
