# SPDX-License-Identifier: Apache-2.0
"""
Publishing by topic: to all links of a route, whose payload is on disk once; or to one that is online, and to
another one when that goes away, whatever happens meanwhile.
"""

import contextlib
import os
import sqlite3

import harness
from client import LINK, MANAGER, ROOT, dbus_send, link_path
from harness import eventually, post

APP_TOPIC = "telemetry/engine"

# Links by their names, and the cloud of each.
CLOUDS = {"plant": "enos-v2", "depot": "aliyun", "spare": "enos-dtls"}

# Their topics: the app knows none of them.
TARGETS = {
    "plant": '{link: plant, topic: "/sys/{product_key}/{device_key}/thing/measurepoint/post"}',
    "depot": '{link: depot, topic: "/{product_key}/{device_name}/user/update"}',
    "spare": '{link: spare, topic: "/sys/{product_key}/{device_key}/thing/measurepoint/post"}',
}

# A back-off, and whatever a slow machine needs.
PATIENCE = 120


class RoutesTest(harness.SystemTest):
    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        self.client = self.new_client(self.bus)

    def config(self, send, names, match="telemetry/#", **settings):
        links = [
            harness.cloud_link(name, CLOUDS[name], self.simulator.endpoints[CLOUDS[name]], **settings)
            for name in names
        ]
        targets = ", ".join(TARGETS[name] for name in names)
        route = f"  - match: {match}\n    send: {send}\n    to: [{targets}]\n"
        return f"routes:\n{route}links:\n" + "".join(links)

    def start(self, send, *names, **settings):
        self.daemon = self.start_daemon(self.bus, self.config(send, names, **settings))
        if settings.get("enabled") != "no":
            for name in names:
                self.daemon.wait_state(name, "online")

    def publish(self, number, **options):
        arguments = (APP_TOPIC, post(number), {k.replace("_", "-"): v for k, v in options.items()})
        return self.client.call(ROOT, MANAGER + ".PublishWith", "ssa{ss}", *arguments)[0]

    def publish_all(self, numbers):
        """Without waiting in between; returns what each was answered, when all are on disk."""
        call = (ROOT, MANAGER + ".Publish", "ss", APP_TOPIC)
        serials = [self.client.send(*call, post(number)) for number in numbers]
        return [self.client.reply(serial)[0] for serial in serials]

    def outcome(self, ticket):
        return self.client.call(ROOT, MANAGER + ".Ticket", "t", ticket)[0]

    def assert_delivered(self, tickets):
        for ticket in tickets:
            outcome = self.client.wait_ticket(ticket, PATIENCE)
            self.assertEqual(outcome[0], "delivered", outcome)

    def ids(self, *names):
        """The numbers of the messages that have come to the clouds of these links."""
        return [int(number) for name in names for number in self.simulator.ids(CLOUDS[name])]

    def query(self, sql):
        """What is on disk, while the daemon does not run."""
        path = os.path.join(self.daemon.state_dir, "skybus.db")
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute(sql).fetchall()


class AllTest(RoutesTest):
    def test_each_link_gets_it(self):
        self.start("all", "plant", "depot", "spare")
        answers = [self.publish(number) for number in range(5)]
        self.assertEqual({len(tickets) for tickets in answers}, {3})
        self.assert_delivered(ticket for tickets in answers for ticket in tickets)
        for name in CLOUDS:
            self.assertEqual(sorted(self.ids(name)), list(range(5)))

    def test_by_dbus_send(self):
        self.start("all", "plant", "depot")
        arguments = (f"string:{APP_TOPIC}", f"string:{post(1)}")
        [tickets] = dbus_send(self.bus, ROOT, MANAGER + ".Publish", *arguments)
        self.assertEqual(len(tickets), 2)
        self.assert_delivered(tickets)
        with self.assert_refused("NoRoute", "elsewhere", "routes:"):
            dbus_send(self.bus, ROOT, MANAGER + ".Publish", "string:elsewhere", "string:x")
        with self.assert_refused("InvalidTopic"):
            dbus_send(self.bus, ROOT, MANAGER + ".Publish", "string:a/#", "string:x")

    def test_one_cloud_is_away(self):
        self.start("all", "plant", "depot")
        self.simulator.ctl("stop", "aliyun")
        answers = [self.publish(number) for number in range(20)]
        self.assert_delivered(plant for plant, _ in answers)
        for _, depot in answers:
            self.assertIn(self.outcome(depot), ("stored", "in-flight"))
        self.simulator.ctl("start", "aliyun")
        self.assert_delivered(depot for _, depot in answers)
        self.assertEqual(sorted(set(self.ids("depot"))), list(range(20)))
        self.assertEqual(sorted(self.ids("plant")), list(range(20)))

    def test_the_payload_is_on_disk_once(self):
        self.start("all", "plant", "depot", "spare", enabled="no")
        answers = [self.publish(number) for number in range(10)]
        self.client.call(ROOT, MANAGER + ".CancelTicket", "t", answers[0][1])
        for ticket in answers[9]:
            self.client.call(ROOT, MANAGER + ".CancelTicket", "t", ticket)
        self.assertEqual(self.daemon.end(), 0)
        bodies = [payload.decode() for (payload,) in self.query("SELECT payload FROM body ORDER BY id")]
        self.assertEqual(bodies, [post(number) for number in range(9)])
        self.assertEqual(self.query("SELECT count(payload) FROM message"), [(0,)])
        self.assertEqual(self.query("SELECT count(*) FROM share"), [(9 * 3 - 1,)])

        self.daemon.start()
        for name in CLOUDS:
            self.client.call(link_path(name), LINK + ".Connect")
        self.assert_delivered(t for tickets in answers[1:9] for t in tickets)
        self.assert_delivered([answers[0][0], answers[0][2]])
        self.assertEqual(self.daemon.end(), 0)
        self.assertEqual(self.query("SELECT * FROM body UNION ALL SELECT * FROM share"), [])
        self.assertEqual(sorted(self.ids("plant")), list(range(9)))
        self.assertEqual(sorted(self.ids("depot")), list(range(1, 9)))

    def test_a_dead_letter_of_one_link(self):
        self.start("all", "plant", "depot")
        self.simulator.ctl("answer", "enos-v2", "4.00", 1, "/topic")
        plant, depot = self.publish(1)
        self.assertEqual(self.client.wait_ticket(plant)[0], "rejected")
        self.assert_delivered([depot])
        letter = self.client.call(ROOT, MANAGER + ".DeadLetter", "t", plant)
        self.assertEqual(letter[0], "plant")
        self.assertEqual(bytes(letter[2]).decode(), post(1))
        [again] = self.client.call(ROOT, MANAGER + ".Requeue", "t", plant)
        self.assert_delivered([again])
        self.assertEqual(self.ids("plant", "depot"), [1, 1])
        self.assertEqual(self.daemon.end(), 0)
        self.assertEqual(self.query("SELECT count(*) FROM body"), [(0,)])

    def test_all_links_or_none(self):
        self.start("all", "plant", "depot", enabled="no", queue_messages=3)
        for number in range(3):
            self.publish(number)
        with self.assert_refused("QueueFull", "plant"):
            self.publish(3)
        with self.assert_refused("QueueFull", "plant"):
            self.publish(3, durability="memory")
        self.assertEqual([self.daemon.get(name, "Queued") for name in ("plant", "depot")], [3, 3])


class FirstOnlineTest(RoutesTest):
    def test_the_first_is_away(self):
        self.start("first-online", "plant", "depot")
        self.assert_delivered(self.publish(0))
        self.assertEqual(self.ids("plant"), [0])
        self.client.call(link_path("plant"), LINK + ".Disconnect")
        answers = [self.publish(number) for number in range(1, 6)]
        self.assertEqual({len(tickets) for tickets in answers}, {1})
        self.assert_delivered(ticket for [ticket] in answers)
        self.assertEqual(self.ids("plant"), [0])
        self.assertEqual(sorted(self.ids("depot")), list(range(1, 6)))

    def test_none_is_there(self):
        """It waits for the first of them, and goes with whichever comes."""
        self.start("first-online", "plant", "depot", enabled="no")
        on_disk = [self.publish(number)[0] for number in range(300)]
        in_memory = [self.publish(n, durability="memory")[0] for n in range(300, 310)]
        self.assertEqual(self.daemon.get("plant", "Queued"), 310)
        self.client.call(link_path("depot"), LINK + ".Connect")
        self.assert_delivered(on_disk + in_memory)
        self.assertEqual(sorted(self.ids("depot")), list(range(310)))
        self.assertEqual(self.daemon.get("plant", "Queued"), 0)
        self.assertEqual(self.daemon.get("depot", "Delivered"), 310)

    def test_an_outage_with_a_backlog(self):
        """The link notices only when it sends: by then all of it waits there."""
        self.start("first-online", "plant", "depot", "spare")
        self.assert_delivered(self.publish(0))
        self.simulator.ctl("stop", "enos-v2")
        tickets = [ticket for [ticket] in self.publish_all(range(1, 1000))]
        self.assert_delivered(tickets)
        self.assertEqual(sorted(self.ids("plant", "depot", "spare")), list(range(1000)))
        self.assertEqual(self.ids("plant"), [0])
        self.assertEqual(self.daemon.get("plant", "Queued"), 0)
        ends = dict(body[:2] for body in self.client.take_signals("Settled"))
        self.assertEqual({ends[ticket] for ticket in tickets if ticket in ends}, {"delivered"})
        self.assertEqual(self.client.call(ROOT, MANAGER + ".ListLosses")[0], [])

    def test_called_back_where_it_has_gone(self):
        self.start("first-online", "plant", "depot", enabled="no")
        tickets = [self.publish(number)[0] for number in range(100)]
        self.simulator.ctl("answer", "aliyun", "5.03", 1, "/topic", "max-age=255")
        self.client.call(link_path("depot"), LINK + ".Connect")
        self.daemon.wait_property("depot", "Queued", 100)
        self.client.call(ROOT, MANAGER + ".CancelTicket", "t", tickets[99])
        self.assertEqual(self.outcome(tickets[99]), "cancelled")
        self.assertEqual(self.daemon.get("depot", "Queued"), 99)

    def test_killed_on_the_way(self):
        """The other queue is small, so that they go over bit by bit, and each kill finds some at either."""
        config = self.config("first-online", ["plant", "depot"], enabled="no")
        config += "    queue_messages: 150\n"  # the depot's: it comes last
        self.daemon = self.start_daemon(self.bus, config)
        tickets = [ticket for [ticket] in self.publish_all(range(1000))]
        for _ in range(3):
            self.client.call(link_path("depot"), LINK + ".Connect")
            before = len(self.ids("depot"))
            eventually(lambda: len(self.ids("depot")) > before, "some that have gone over")
            self.assertGreater(self.daemon.get("plant", "Queued"), 0)
            self.daemon.kill()
            self.daemon.start()
        self.client.call(link_path("depot"), LINK + ".Connect")
        self.assert_delivered(tickets)
        ids = self.ids("depot")
        self.assertEqual(sorted(set(ids)), list(range(1000)))
        print(f"    {len(ids) - 1000} of 1000 came twice: their ends were not on disk at a kill")
        self.assertEqual(self.daemon.get("plant", "Queued"), 0)
        self.assertEqual(self.daemon.end(), 0)
        self.assertEqual(self.query("SELECT * FROM route"), [])
        self.assertEqual(self.query("SELECT count(*) FROM message WHERE outcome = 0"), [(0,)])

    def test_other_routes_after_a_restart(self):
        """What waits goes where the configuration says now."""
        self.start("first-online", "plant", "depot", enabled="no")
        tickets = [self.publish(number)[0] for number in range(5)]
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.configure(self.config("first-online", ["spare", "depot"]))
        self.daemon.start()
        self.assert_delivered(tickets)
        self.assertEqual(sorted(self.ids("spare", "depot")), list(range(5)))
        self.assertEqual(self.ids("plant"), [])


class ConfigTest(RoutesTest):
    def test_what_is_wrong_spoils_the_whole(self):
        config = self.config("all", ["plant"]).replace("{link: plant", "{link: plnt")
        daemon = self.new_daemon(self.bus, config)
        done = daemon.check_config()
        self.assertEqual(done.returncode, os.EX_CONFIG)
        self.assertIn(':4:17: there is no link "plnt": did you mean "plant"?', done.stderr)
        daemon.spawn(*daemon.command("--address", self.bus.address))
        self.assertEqual(daemon.process.wait(harness.PATIENCE), os.EX_CONFIG)
        daemon.process = None


if __name__ == "__main__":
    harness.main()
