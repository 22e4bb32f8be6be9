# SPDX-License-Identifier: Apache-2.0
"""What apps do every day: Publish, PublishBytes, Request, tickets and properties."""

import base64
import json
import shutil
import time
import unittest

import harness
from client import LINK, MANAGER, NAME, PROPERTIES, ROOT, dbus_send, link_path, run_stranger
from harness import OWN, POINTS, post

RAW = f"{OWN}/thing/model/up_raw"
CLOUDS = {"first": "enos-v1", "second": "enos-v2"}  # by their links
DELIVERED = ["delivered", "2.04", ""]


class PublishTest(harness.SystemTest):
    """Two links, one for each generation of EnOS."""

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        links = [
            harness.enos_link(link, self.simulator.endpoints[cloud])
            for link, cloud in CLOUDS.items()
        ]
        self.daemon = self.start_daemon(self.bus, "links:\n" + "".join(links))
        for link in CLOUDS:
            self.daemon.wait_state(link, "online")
        self.client = self.new_client(self.bus)

    def messages(self, link):
        return self.simulator.record("message", CLOUDS[link])


class DeliveryTest(PublishTest):
    def test_publish_by_dbus_send(self):
        for link in CLOUDS:
            tickets = []
            for number in (1, 2):
                text = post(number)
                arguments = (f"string:{POINTS}", f"string:{text}")
                tickets += dbus_send(self.bus, link_path(link), LINK + ".Publish", *arguments)
                arguments = (f"uint64:{tickets[-1]}", "uint32:20")
                answer = dbus_send(self.bus, ROOT, MANAGER + ".WaitTicket", *arguments)
                self.assertEqual(answer, DELIVERED)
                message = self.messages(link)[-1]
                self.assertEqual((message["topic"], message["payload"]), (POINTS, text))
            self.assertLess(tickets[0], tickets[1])
        self.assertEqual([line["sequence"] for line in self.messages("first")], [1, 2])

    def test_20_by_dbus_send_that_hangs_up_at_once(self):
        for link in CLOUDS:
            texts = [post(number) for number in range(20)]
            for text in texts:
                command = ("dbus-send", f"--bus={self.bus.address}", "--type=method_call")
                command += (f"--dest={NAME}", link_path(link), LINK + ".Publish")
                done = run_stranger(*command, f"string:{POINTS}", f"string:{text}")
                self.assertEqual(done.returncode, 0, done.stderr)
            self.daemon.wait_property(link, "Delivered", 20)
            payloads = [line["payload"] for line in self.messages(link)]
            self.assertEqual(sorted(payloads), sorted(texts))

    def test_publish_bytes_by_dbus_send(self):
        arguments = (f"string:{RAW}", "array:byte:0,255,10,34,128")
        for link in CLOUDS:
            [ticket] = dbus_send(self.bus, link_path(link), LINK + ".PublishBytes", *arguments)
            self.assertEqual(self.client.wait_ticket(ticket), tuple(DELIVERED))
            payload = base64.b64decode(self.messages(link)[0]["payload_base64"])
            self.assertEqual(payload, b"\0\xff\n\"\x80")

    def test_publish_by_a_program(self):
        for link in CLOUDS:
            path = link_path(link)
            [ticket] = self.client.call(path, LINK + ".PublishBytes", "say", RAW, b"\0\x80 raw")
            self.assertEqual(self.client.wait_ticket(ticket), tuple(DELIVERED))
            [ticket] = self.client.call(path, LINK + ".PublishBytes", "say", RAW, b"")
            self.assertEqual(self.client.wait_ticket(ticket), tuple(DELIVERED))
            ticket = self.client.publish(link, POINTS, post(3))
            self.assertEqual(self.client.wait_ticket(ticket), tuple(DELIVERED))
            self.assertEqual(self.messages(link)[-1]["payload"], post(3))
            self.assertEqual(len(self.messages(link)), 3)

    def test_request(self):
        for link in CLOUDS:
            path = link_path(link)
            arguments = (f"string:{POINTS}", f"string:{post(7)}", "uint32:10")
            code, payload = dbus_send(self.bus, path, LINK + ".Request", *arguments)
            self.assertEqual(code, "2.04")
            self.assertEqual(json.loads(payload), {"id": "7", "code": 200, "data": {}})

            answer = self.client.call(path, LINK + ".Request", "ssu", POINTS, post(8), 10)
            self.assertEqual((answer[0], json.loads(answer[1])["id"]), ("2.04", "8"))
            # Whatever the cloud says is the answer; it is for the caller to judge.
            nowhere = f"{OWN}/thing/nowhere"
            answer = self.client.call(path, LINK + ".Request", "ssu", nowhere, post(9), 10)
            self.assertEqual(answer, ("4.04", b""))
            self.assertEqual(self.simulator.ids(CLOUDS[link]), ["7", "8"])

    def test_non_ascii(self):
        topic = f"{OWN}/thing/event/größe/post"
        method = "thing.event.größe.post"
        params = {"Straße": "naïve 温度 🌡"}
        message = {"id": "1", "version": "1.0", "method": method, "params": params}
        text = json.dumps(message, ensure_ascii=False)
        for link in CLOUDS:
            arguments = (f"string:{topic}", f"string:{text}")
            [ticket] = dbus_send(self.bus, link_path(link), LINK + ".Publish", *arguments)
            self.assertEqual(self.client.wait_ticket(ticket), tuple(DELIVERED))
            [message] = self.messages(link)
            self.assertEqual((message["topic"], message["payload"]), (topic, text))

    def test_200_in_flight(self):
        for link in CLOUDS:
            texts = [post(number) for number in range(200)]
            arguments = ("ss", POINTS)
            serials = [
                self.client.send(link_path(link), LINK + ".Publish", *arguments, text)
                for text in texts
            ]
            tickets = [self.client.reply(serial)[0] for serial in serials]
            self.assertEqual(tickets, sorted(set(tickets)))
            for ticket in tickets:
                self.assertEqual(self.client.wait_ticket(ticket), tuple(DELIVERED))
            self.assertEqual([line["payload"] for line in self.messages(link)], texts)
        self.assertEqual(
            [line["sequence"] for line in self.messages("first")], list(range(1, 201))
        )

    @unittest.skipUnless(shutil.which("busctl"), "needs busctl")
    def test_busctl(self):
        command = ("busctl", f"--address={self.bus.address}", "--json=short", "call", NAME)
        arguments = ("Publish", "ss", POINTS, post(1))
        done = run_stranger(*command, link_path("second"), LINK, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        [ticket] = json.loads(done.stdout)["data"]
        self.assertEqual(self.client.wait_ticket(ticket), tuple(DELIVERED))

    @unittest.skipUnless(shutil.which("gdbus"), "needs gdbus")
    def test_gdbus(self):
        command = ("gdbus", "call", "--address", self.bus.address, "--dest", NAME)
        command += ("--object-path", link_path("second"), "--method", LINK + ".Publish")
        done = run_stranger(*command, POINTS, json.dumps(post(1)))
        self.assertEqual(done.returncode, 0, done.stderr)
        ticket = int(done.stdout.strip("(), \n").removeprefix("uint64 "))
        self.assertEqual(self.client.wait_ticket(ticket), tuple(DELIVERED))


class SizeTest(PublishTest):
    def text_of(self, size):
        params = {"measurepoints": {"text": ""}}
        message = {"id": "1", "version": "1.0", "params": params}
        message["method"] = "thing.measurepoint.post"
        params["measurepoints"]["text"] = "x" * (size - len(json.dumps(message)))
        return json.dumps(message)

    def test_largest(self):
        text = self.text_of(1024)
        self.assertEqual(len(text), 1024)
        for link in CLOUDS:
            ticket = self.client.publish(link, POINTS, text)
            self.assertEqual(self.client.wait_ticket(ticket), tuple(DELIVERED))
            self.assertEqual(self.messages(link)[0]["payload"], text)

    def test_too_large(self):
        for link in CLOUDS:
            arguments = (f"string:{POINTS}", f"string:{self.text_of(1025)}")
            with self.assert_refused("TooLarge", "1025", "1024", "max_payload"):
                dbus_send(self.bus, link_path(link), LINK + ".Publish", *arguments)
            with self.assert_refused("TooLarge", "1025", "1024"):
                self.client.call(link_path(link), LINK + ".PublishBytes", "say", RAW, bytes(1025))
            with self.assert_refused("TooLarge", "65537", "65536"):
                self.client.publish(link, POINTS, "x" * 65537)
            with self.assert_refused("TooLarge", "1025", "1024"):
                arguments = ("ssu", POINTS, self.text_of(1025), 5)
                self.client.call(link_path(link), LINK + ".Request", *arguments)
            self.assertEqual(self.messages(link), [])


class TopicTest(PublishTest):
    BAD = {
        "": "1 to 512 bytes",
        "/" + "x" * 512: "513",
        "/" + "x" * 300: "300",
        f"{OWN}/+/post": "wildcard +",
        f"{OWN}/#": "wildcard #",
        f"{OWN}/a\nb": "control character",
        "sys/a/b": "begins with a slash",
        f"{OWN}//post": "empty level",
        f"{OWN}/": "empty level",
        "/": "begins with a slash",
    }

    def test_bad_topics(self):
        path = link_path("first")
        for topic, words in self.BAD.items():
            with self.subTest(topic=topic):
                with self.assert_refused("InvalidTopic", words):
                    arguments = (f"string:{topic}", "string:{}")
                    dbus_send(self.bus, path, LINK + ".Publish", *arguments)
                with self.assert_refused("InvalidTopic", words):
                    self.client.call(path, LINK + ".PublishBytes", "say", topic, b"{}")
                with self.assert_refused("InvalidTopic", words):
                    self.client.call(path, LINK + ".Request", "ssu", topic, "{}", 5)
        self.assertEqual(self.simulator.record("message"), [])
        self.assertEqual(self.daemon.get("first", "Queued"), 0)

    def test_refused_by_the_cloud(self):
        ticket = self.client.publish("second", f"{OWN}/thing/nowhere", post(1))
        outcome, code, reason = self.client.wait_ticket(ticket)
        self.assertEqual((outcome, code), ("rejected", "4.04"))
        self.assertIn("EnOS knows no such topic", reason)
        ticket = self.client.publish("second", "/sys/another/device/thing/tag/query", post(1))
        self.assertEqual(self.client.wait_ticket(ticket)[:2], ("rejected", "4.03"))
        ticket = self.client.publish("second", POINTS, "not JSON")
        outcome, code, reason = self.client.wait_ticket(ticket)
        self.assertEqual((outcome, code), ("rejected", "2.04"))
        self.assertIn("1220", reason)
        # One refused message holds nobody up.
        ticket = self.client.publish("second", POINTS, post(2))
        self.assertEqual(self.client.wait_ticket(ticket), tuple(DELIVERED))
        self.daemon.wait_property("second", "Rejected", 3)
        self.assertEqual(self.daemon.get("second", "Delivered"), 1)


class TicketTest(PublishTest):
    def test_settled_goes_to_the_publisher_alone(self):
        other = self.new_client(self.bus)
        other.match(f"type='signal',interface='{LINK}'")
        ticket = self.client.publish("second", POINTS, post(1))
        body = self.client.wait_signal("Settled")
        self.assertEqual(body, (ticket, *DELIVERED))
        # What was sent to the other before this answer is here with it.
        other.call(ROOT, MANAGER + ".Ticket", "t", ticket)
        self.assertEqual(other.take_signals("Settled"), [])
        self.client.call(ROOT, MANAGER + ".Ticket", "t", ticket)
        self.assertEqual(self.client.take_signals("Settled"), [])

    def test_settled_for_what_is_refused(self):
        ticket = self.client.publish("first", f"{OWN}/thing/nowhere", post(1))
        got, outcome, code, reason = self.client.wait_signal("Settled")
        self.assertEqual((got, outcome, code), (ticket, "rejected", "4.04"))
        self.assertTrue(reason)

    def test_tickets_over_a_restart(self):
        delivered = self.client.publish("first", POINTS, post(1))
        rejected = self.client.publish("first", f"{OWN}/thing/nowhere", post(2))
        answers = {ticket: self.client.wait_ticket(ticket) for ticket in (delivered, rejected)}
        self.assertEqual(answers[rejected][0], "rejected")
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start()
        for ticket, answer in answers.items():
            argument = f"uint64:{ticket}"
            self.assertEqual(
                dbus_send(self.bus, ROOT, MANAGER + ".Ticket", argument), list(answer)
            )
            self.assertEqual(self.client.wait_ticket(ticket), answer)

    def test_unknown_tickets(self):
        for ticket in (0, 12345, 2**63 + 1, 2**64 - 1):
            with self.subTest(ticket=ticket):
                with self.assert_refused("NoSuchTicket", f"ticket {ticket} is not known"):
                    dbus_send(self.bus, ROOT, MANAGER + ".Ticket", f"uint64:{ticket}")
                with self.assert_refused("NoSuchTicket", str(ticket)):
                    self.client.wait_ticket(ticket)

    def test_offline(self):
        path = link_path("first")
        dbus_send(self.bus, path, LINK + ".Disconnect")
        with self.assert_refused("NotOnline", "first", "disabled", "publish instead"):
            arguments = (f"string:{POINTS}", f"string:{post(1)}", "uint32:5")
            dbus_send(self.bus, path, LINK + ".Request", *arguments)

        ticket = self.client.publish("first", POINTS, post(2))
        self.assertEqual(
            dbus_send(self.bus, ROOT, MANAGER + ".Ticket", f"uint64:{ticket}"), ["stored", "", ""]
        )
        for timeout in (0, 1):
            with self.assert_refused("Timeout", f"ticket {ticket}", f"{timeout} s", "WaitTicket"):
                self.client.wait_ticket(ticket, timeout)

        # A waiter is answered when the message ends, however long after.
        serial = self.client.send(ROOT, MANAGER + ".WaitTicket", "tu", ticket, 60)
        dbus_send(self.bus, path, LINK + ".Connect")
        self.assertEqual(self.client.reply(serial), tuple(DELIVERED))
        self.assertEqual(self.simulator.ids(), ["2"])


class PropertiesTest(PublishTest):
    TYPES = {
        "Name": str,
        "Plugin": str,
        "Device": str,
        "State": str,
        "StateReason": str,
        "Since": int,
        "SessionExpires": int,
        "LastError": str,
        "Queued": int,
        "QueuedBytes": int,
        "InFlight": int,
        "Delivered": int,
        "Rejected": int,
        "Expired": int,
        "Cancelled": int,
        "BytesSent": int,
        "BytesReceived": int,
        "WireSent": int,
        "WireReceived": int,
        "Budget": int,
        "BudgetUsed": int,
        "BudgetEnds": int,
        "LastAttempt": dict,
    }

    def watch(self):
        rule = f"type='signal',interface='{PROPERTIES}',path='{link_path('second')}'"
        self.client.match(rule)

    def test_all(self):
        [values] = dbus_send(self.bus, link_path("first"), PROPERTIES + ".GetAll", f"string:{LINK}")
        self.assertEqual({name: type(value) for name, value in values.items()}, self.TYPES)
        self.assertEqual(values["Name"], "first")
        self.assertEqual(values["Plugin"], "enos")
        self.assertEqual(values["Device"], f"{harness.PRODUCT}/{harness.DEVICE}")
        self.assertEqual((values["State"], values["StateReason"]), ("online", ""))
        self.assertAlmostEqual(values["Since"] / 1e6, time.time(), delta=60)
        self.assertGreater(values["BytesSent"], 0)
        self.assertGreater(values["BytesReceived"], 0)

        [values] = dbus_send(self.bus, ROOT, PROPERTIES + ".GetAll", f"string:{MANAGER}")
        self.assertEqual(values["Links"], [link_path(link) for link in CLOUDS])
        self.assertIn("enos", values["Plugins"])
        self.assertEqual(values["FailedPlugins"], [])
        self.assertRegex(values["Version"], r"^\d+\.\d+\.\d+$")
        [plugins] = dbus_send(self.bus, ROOT, MANAGER + ".ListPlugins")
        self.assertIn("enos", [name for name, _, _ in plugins])

        [objects] = dbus_send(
            self.bus, ROOT, "org.freedesktop.DBus.ObjectManager.GetManagedObjects"
        )
        for link in CLOUDS:
            self.assertEqual(objects[link_path(link)][LINK]["Name"], link)

    def test_state_is_told_at_once(self):
        self.watch()
        self.client.call(link_path("second"), LINK + ".Disconnect")
        # Before the answer, or it would not be here with it.
        changes = [body[1] for body in self.client.take_signals("PropertiesChanged")]
        self.assertEqual(changes[-1]["State"], ("s", "disabled"))
        self.assertIn("disconnected by request", changes[-1]["StateReason"][1])
        self.client.call(link_path("second"), LINK + ".Connect")
        states = []

        def is_online(body):
            state = body[1].get("State", (None, None))[1]
            states.append(state)
            return state == "online"

        self.client.wait_signal("PropertiesChanged", is_online)
        known = ["starting", "resolving", "connecting", "authenticating", "online"]
        self.assertEqual([state for state in states if state], known)

    def test_numbers_are_told_now_and_then(self):
        begun = time.monotonic()
        self.watch()
        serials = [
            self.client.send(link_path("second"), LINK + ".Publish", "ss", POINTS, post(number))
            for number in range(50)
        ]
        for serial in serials:
            self.client.reply(serial)
        seen = []

        def is_complete(body):
            if "Delivered" in body[1]:
                seen.append(body[1])
            return body[1].get("Delivered") == ("t", 50)

        self.client.wait_signal("PropertiesChanged", is_complete)
        elapsed = time.monotonic() - begun
        self.assertLessEqual(len(seen), elapsed + 1, "more than one a second")
        self.assertEqual(seen[-1]["Queued"], ("t", 0))
        self.assertEqual(seen[-1]["InFlight"], ("t", 0))


if __name__ == "__main__":
    harness.main()
