# SPDX-License-Identifier: Apache-2.0
"""What the journal gets: fields, levels, no more of anything the more messages there are, and never a secret."""

import collections
import contextlib
import glob
import itertools
import json
import os
import re
import signal
import subprocess

import harness
import journal
from client import LINK, MANAGER, NAME, ROOT, DBusError, dbus_send, link_path, run_stranger
from harness import POINTS, SECRET, post
from stream import example

PLANT = link_path("plant")
DELIVERED = ("delivered", "2.04", "")
SET = f"{harness.OWN}/thing/service/measurepoint/set"
COMMAND = {"id": "1", "version": "1.0", "params": {"temp": 20.0}}

# Of the journal's: what each entry has, and what each event has.
EACH = {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER"}
EVENT = EACH | {"MESSAGE_ID", "SKYBUS_EVENT"}

ERROR, WARNING, NOTICE, INFO, DEBUG = range(3, 8)

# Never to be seen anywhere but in the files where a user has written it.
SENTINEL = "SeNtInEl0dd5ecre7"


def table():
    """The rows of daemon/event.h: name to id, level, fields always there, fields sometimes there."""
    path = os.path.join(harness.SOURCE_ROOT, "daemon", "event.h")
    with open(path, encoding="utf-8") as file:
        text = file.read().replace("\\\n", " ")
    fields = dict(re.findall(r'X\(([A-Z]+), [a-z]+, "(SKYBUS_[A-Z]+)"\)', text))
    levels = {"CRIT": 2, "ERR": ERROR, "WARNING": WARNING, "NOTICE": NOTICE}

    def names(bits):
        return {fields[bit] for bit in re.findall(r"SB_FIELD_([A-Z]+)", bits)}

    rows = re.findall(
        r'X\(SB_EVENT_\w+,\s+"([a-z-]+)",\s+"([0-9a-f]{32})",\s+LOG_(\w+),\s+([^,]+),\s+([^)]+)\)', text
    )
    return {
        name: (number, levels[level], names(always), names(sometimes))
        for name, number, level, always, sometimes in rows
    }


TABLE = table()


class LoggingTest(journal.JournalTest):
    """A bus, a cloud, and links to it."""

    POLICY = None

    def setUp(self):
        super().setUp()
        self.bus = self.start_bus(self.POLICY and self.write("policy.conf", self.POLICY, 0o644))
        self.simulator = self.start_simulator()
        self.endpoint = self.simulator.endpoints["enos-v2"]

    def write(self, name, content, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def config(self, **links):
        path = self.write("secret", SECRET + "\n")
        rows = {"secret": f"{{file: {path}}}"}
        return "links:\n" + "".join(
            harness.enos_link(name, self.endpoint, **rows | more) for name, more in links.items()
        )

    def assert_good(self, entries):
        """As daemon/event.h has them."""
        self.assertTrue(entries)
        for entry in entries:
            self.assertEqual(entry["SYSLOG_IDENTIFIER"], "skybusd")
            self.assertTrue(entry["MESSAGE"].isprintable(), entry)
            if "SKYBUS_LINK" in entry:
                self.assertTrue(entry["MESSAGE"].startswith(entry["SKYBUS_LINK"] + ": "), entry)
            if not entry.event:
                self.assertLessEqual(set(entry), EACH | {"SKYBUS_LINK"}, entry)
                continue
            number, level, always, sometimes = TABLE[entry.event]
            self.assertEqual((entry["MESSAGE_ID"], entry.level), (number, level))
            self.assertLessEqual(EVENT | always, set(entry), entry)
            self.assertLessEqual(set(entry), EVENT | always | sometimes, entry)
            for value in entry.values():
                self.assertTrue(value, entry)


class FieldsTest(LoggingTest):
    def test_a_day(self):
        """Each kind of field, in what happens to a link from its first day on."""
        daemon = self.start_logging_daemon(self.bus, self.config(plant={}, idle={"enabled": "no"}))
        started = self.journal.wait("started")
        self.assertRegex(started["SKYBUS_VERSION"], r"^\d+\.\d+\.\d+$")
        self.assertEqual(started["SKYBUS_COUNT"], "2")
        online = self.journal.wait("link-online", link="plant", plugin="enos", state="online")
        self.assertEqual(online["MESSAGE"], "plant: online")
        self.journal.wait("link-disabled", link="idle", state="disabled")

        self.simulator.ctl("answer", "enos-v2", "5.03", 1)
        client = self.new_client(self.bus)
        ticket = client.publish("plant", POINTS, post(1))
        waits = self.journal.wait("link-waits", link="plant", state="online", code="5.03")
        self.assertTrue(waits["MESSAGE"].startswith("plant: messages wait: "))
        self.assertEqual(client.wait_ticket(ticket), DELIVERED)

        self.simulator.ctl("stop", "enos-v2")
        ticket = client.publish("plant", POINTS, post(2))
        lost = self.journal.wait("link-lost", link="plant", state="backoff")
        self.assertIn("(next attempt in ", lost["MESSAGE"])
        self.assertNotIn("SKYBUS_CODE", lost)
        self.simulator.ctl("start", "enos-v2")
        client.call(PLANT, LINK + ".Connect")
        self.assertEqual(client.wait_ticket(ticket), DELIVERED)
        client.call(PLANT, LINK + ".Disconnect")
        self.journal.wait("link-disabled", link="plant")
        client.publish("plant", POINTS, post(3))

        daemon.configure(self.config(idle={"enabled": "no"}))
        client.call(ROOT, MANAGER + ".Reload")
        self.assertEqual(self.journal.wait("reloaded")["SKYBUS_COUNT"], "1")
        self.journal.wait("queue-orphaned", link="plant", count="1")
        daemon.configure("links: nonsense\n")
        with self.assert_refused("InvalidConfiguration"):
            client.call(ROOT, MANAGER + ".Reload")
        self.journal.wait("config-wrong")
        self.journal.wait("reload-refused")

        self.bus.end()
        self.journal.wait("bus-lost")
        self.bus.start()
        self.journal.wait("bus-back")
        daemon.connect()
        self.assertEqual(daemon.end(), 0)
        self.assertIn("Terminated", self.journal.wait("ending")["MESSAGE"])
        self.assert_good(self.journal.all())
        self.assertEqual(daemon.log, "", "what is in the journal is not on stderr as well")

    def test_refused_credentials(self):
        daemon = self.start_logging_daemon(self.bus, self.config(plant={"device_key": "unknown"}))
        refused = self.journal.wait("link-refused", link="plant", state="backoff", code="4.01")
        self.assertIn("EnOS refused the login", refused["MESSAGE"])
        client = self.new_client(self.bus)
        while daemon.get("plant", "State") != "failed":
            client.call(PLANT, LINK + ".Connect")
            daemon.wait_state("plant", "backoff", "failed")
        failed = self.journal.wait("link-failed", link="plant", state="failed", code="4.01")
        self.assertIn("EnOS refused the login", failed["MESSAGE"])
        self.assertEqual(len(self.journal.find("link-refused")), 1)
        self.assert_good(self.journal.all())

    def test_what_keeps_it_from_starting(self):
        """Each with its event; nobody is there to ask over the bus."""
        good = self.config(plant={})
        daemon = self.new_logging_daemon(self.bus, good)
        state = daemon.state_dir

        with contextlib.closing(harness.sqlite3.connect(f"{state}/skybus.db")) as other:
            other.execute("PRAGMA application_id = 7")
            other.commit()
        self.run_to_end(daemon)
        unusable = self.journal.wait("store-unusable")
        self.assertEqual(unusable["SKYBUS_PATH"], f"{state}/skybus.db")
        os.remove(f"{state}/skybus.db")
        daemon.configure("links: [\n")
        self.run_to_end(daemon)
        self.journal.wait("config-wrong")
        daemon.configure(good)
        daemon.start()
        self.run_to_end(daemon)
        self.assertEqual(self.journal.wait("store-in-use")["SKYBUS_PATH"], f"{state}/skybus.db")
        self.assert_good(self.journal.all())

    def run_to_end(self, daemon):
        """Another process of the same configuration and state, which must fail."""
        # JOURNAL_STREAM names the log, so that is what stderr must be.
        command = daemon.command("--address", self.bus.address)
        with open(daemon.log_path, "ab") as log:
            done = subprocess.run(
                (*daemon.inside, *command), stderr=log, timeout=harness.PATIENCE, check=False
            )
        self.assertNotEqual(done.returncode, 0)

    def test_a_damaged_store(self):
        daemon = self.start_logging_daemon(self.bus, self.config(plant={}))
        daemon.wait_state("plant", "online")
        self.assertEqual(daemon.end(), 0)
        with open(f"{daemon.state_dir}/skybus.db.damaged", "wb"):
            pass
        daemon.start()
        self.journal.wait("store-mended", path=daemon.state_dir)
        self.assertEqual(daemon.end(), 0)
        with open(f"{daemon.state_dir}/skybus.db", "r+b") as file:
            file.seek(4096)
            file.write(b"damage " * 4096)
        daemon.start()
        [aside] = glob.glob(f"{daemon.state_dir}/skybus.db.corrupt-*")
        begun = self.journal.wait("store-begun-anew", path=aside)
        self.assertIn(f"it was moved to {aside}", begun["MESSAGE"])
        self.assert_good(self.journal.all())

    def test_an_inbox_that_is_full(self):
        config = "inboxes:\n  messages: 2\n" + self.config(plant={"enabled": "no"})
        daemon = self.start_logging_daemon(self.bus, config)
        client = self.new_client(self.bus)
        arguments = ("pump", "#", {"origin": "local"})
        client.call(PLANT, LINK + ".SubscribeDurableWith", "ssa{ss}", *arguments)
        for number in range(10):
            client.publish("plant", POINTS, post(number))
        user = str(os.geteuid())
        harness.eventually(
            lambda: daemon.client.call(ROOT, MANAGER + ".ListInboxes")[0], "the inbox to be there"
        )
        self.journal.wait("inbox-loses", link="plant", inbox="pump", user=user)
        self.assertEqual(daemon.end(), 0)
        self.assertEqual(len(self.journal.find("inbox-loses")), 1)
        self.assert_good(self.journal.all())

    def test_the_name_is_taken(self):
        daemon = self.start_logging_daemon(self.bus, self.config(plant={}))
        other = os.path.join(self.folder, "other")
        os.mkdir(other, 0o700)
        daemon.state_dir, first = other, daemon.state_dir
        self.run_to_end(daemon)
        daemon.state_dir = first
        self.assertIn("another process has the name", self.journal.wait("bus-unusable")["MESSAGE"])
        self.assert_good(self.journal.all())

    def test_a_plugin_left_out(self):
        plugins = os.path.join(self.folder, "plugins")
        os.mkdir(plugins, 0o755)
        self.write("plugins/text.so", "no machine code\n", 0o755)
        config = "links:\n" + harness.link_at("bad", self.endpoint, plugin="te\\nxt")
        daemon = self.new_logging_daemon(self.bus, config, plugins)
        daemon.start()
        self.assertIn("text is left out", self.journal.wait("plugin-left-out", plugin="text")["MESSAGE"])
        self.journal.wait("link-failed", link="bad")
        self.assert_good(self.journal.all())

    def test_words_of_others(self):
        """A plugin's name is whatever was written: it stays one field, and one line."""
        config = 'links:\n  bad:\n    plugin: "a\\nPRIORITY=0\\nSKYBUS_LINK=x"\n'
        daemon = self.start_logging_daemon(self.bus, config)
        daemon.wait_state("bad", "failed")
        entry = self.journal.wait("link-failed", link="bad")
        self.assertEqual(entry.raw["SKYBUS_PLUGIN"], b"a\nPRIORITY=0\nSKYBUS_LINK=x")
        self.assertEqual(entry.level, ERROR)
        self.assert_good(self.journal.all())


class LimitsTest(LoggingTest):
    """A bus whose policy does not let the daemon ask programs whether they read."""

    POLICY = f"""<busconfig>
  <policy context="default">
    <allow own="{NAME}"/>
    <allow send_destination="{NAME}"/>
  </policy>
</busconfig>
"""

    def test_it_is_said_once(self):
        daemon = self.start_logging_daemon(self.bus, self.config(plant={"enabled": "no"}))
        clients = [self.new_client(self.bus) for _ in range(3)]
        for client in clients:
            client.call(PLANT, LINK + ".SubscribeWith", "sa{ss}", "#", {"origin": "local"})
        # After 64 KiB they are asked.
        for number in range(100):
            clients[0].publish("plant", POINTS, post(number))
        self.journal.wait("bus-limits")
        self.assertEqual(daemon.end(), 0)
        self.assertEqual(len(self.journal.find("bus-limits")), 1)
        self.assert_good(self.journal.all())


class AwayTest(LoggingTest):
    """No journal behind the stream, or none any more: what is said goes to the stream, with its level."""

    def lines(self, daemon):
        return daemon.log.splitlines()

    def test_absent(self):
        config = self.config(plant={})
        daemon = self.new_daemon(self.bus, config, inside=self.inside(None))
        daemon.start()
        daemon.wait_state("plant", "online")
        self.assertEqual(daemon.end(), 0)
        lines = self.lines(daemon)
        self.assertIn("<5>plant: online", lines)
        self.assertIn("<7>plant: authenticating", lines)
        for line in lines:
            self.assertRegex(line, "^<[2-7]>.")
        self.assertEqual(self.journal.all(), [])

    def test_it_dies(self):
        daemon = self.start_logging_daemon(self.bus, self.config(plant={}))
        daemon.wait_state("plant", "online")
        self.journal.close()
        self.assertEqual(daemon.end(), 0)
        self.assertIn("<5>ending: Terminated", self.lines(daemon))
        self.assertFalse(self.journal.find("ending"))

    def test_a_stream_of_somebody_else(self):
        """What the daemon has inherited is not its stderr, but another file of the same device."""
        *inside, stream = self.inside(self.journal.folder)
        daemon = self.new_daemon(self.bus, self.config(plant={}), inside=(*inside, f"{stream}1"))
        daemon.start()
        daemon.wait_state("plant", "online")
        self.assertIn("skybusd: plant: online", self.lines(daemon))
        self.assertEqual(self.journal.all(), [])


class ReceiverTest(journal.JournalTest):
    """The test's own end, with another program of systemd's library."""

    def log(self, text):
        done = subprocess.run(
            (*journal.inside(self.journal.folder), "logger", "--journald"),
            input=f"MESSAGE={text}\nPRIORITY=5\n",
            capture_output=True,
            text=True,
            timeout=harness.PATIENCE,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return harness.eventually(lambda: self.journal.find(), "an entry")[-1]

    def test_small(self):
        self.assertEqual(self.log("a word")["MESSAGE"], "a word")
        self.assertEqual(self.journal.files, 0)

    def test_large(self):
        """More than fits into a datagram comes as a file."""
        text = "x" * (9 << 20)
        self.assertEqual(self.log(text)["MESSAGE"], text)
        self.assertEqual(self.journal.files, 1)


class CatalogTest(harness.SystemTest):
    """systemd itself reads the catalog."""

    def journalctl(self, *arguments):
        done = run_stranger("journalctl", f"--root={self.folder}", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_catalog(self):
        folder = os.path.join(self.folder, "usr/lib/systemd/catalog")
        os.makedirs(folder)
        source = os.path.join(harness.SOURCE_ROOT, "systemd", "skybus.catalog")
        harness.shutil.copy(source, folder)
        self.journalctl("--update-catalog")
        listed = dict(line.split(" ", 1) for line in self.journalctl("--list-catalog").splitlines())
        ids = {number for number, *_ in TABLE.values()}
        self.assertEqual(set(listed), ids)
        for number, text in listed.items():
            self.assertRegex(text, "^skybus: .{10}", number)
        entries = self.journalctl("--dump-catalog").split("\n-- ")
        self.assertEqual(len(entries), len(TABLE))
        for entry in entries:
            self.assertIn("\nDefined-By: skybus\n\n", entry)
            self.assertIn("\n\nWhat to do: ", entry)
            # What is said of the next one is not the end of this one.
            self.assertNotIn("#", entry)


class VolumeTest(LoggingTest):
    """At the level info, as a daemon runs, nothing is said more often because there are more messages."""

    FEW, MANY = 10, 200
    POLICY = f"""<busconfig>
  <policy context="default">
    <allow own="{NAME}"/>
    <allow send_destination="{NAME}"/>
    <allow send_interface="org.freedesktop.DBus.Peer" send_member="Ping"/>
  </policy>
</busconfig>
"""

    def setUp(self):
        os.chmod(self.folder, 0o755)
        super().setUp()

    def test_volume(self):
        access = "access:\n  - {group: root, links: [plant], publish: ['#'], subscribe: ['#']}\n"
        self.daemon = self.start_logging_daemon(self.bus, access + self.config(plant={}))
        self.daemon.wait_state("plant", "online")
        self.ids = itertools.count(1)
        self.publisher = self.new_client(self.bus)
        self.subscriber = self.new_client(self.bus)
        few, few_details = self.count(self.FEW)
        many, details = self.count(self.MANY)
        for kind, number in many.items():
            self.assertLessEqual(number, few[kind], kind)
        # Or nothing would have been tested.
        self.assertGreater(details, 4 * few_details)
        self.assert_good(self.journal.all())

    def count(self, n):
        """How often each line came, up to the level info; and how many came for debuggers."""
        before = len(self.journal.all())
        self.drive(n)
        # An answer behind all that was said.
        self.daemon.get("plant", "State")
        said = self.journal.all()[before:]
        lines = collections.Counter(
            re.sub(r"\d+", "N", line["MESSAGE"]) for line in said if line.level <= INFO
        )
        details = sum(line.level == DEBUG for line in said)
        print(f"    {n} of each: {lines.total()} lines up to info, {details} for debuggers")
        return lines, details

    def drive(self, n):
        self.messages(n)
        self.refused(n)
        self.later(max(n // 20, 1))
        # The other clouds keep each for the same device, and have room for 50.
        self.commands(n // 10 + 1)
        self.login()
        self.mistakes(n)
        self.streams(n)

    def deliver(self, tickets, outcome="delivered"):
        for ticket in tickets:
            self.assertEqual(self.publisher.wait_ticket(ticket)[0], outcome)

    def messages(self, n):
        self.deliver([self.publisher.publish("plant", POINTS, post(number)) for number in range(n)])

    def refused(self, n):
        """By the cloud, and by the plugin."""
        self.simulator.ctl("answer", "enos-v2", "4.00", n)
        self.deliver(
            [self.publisher.publish("plant", POINTS, post(number)) for number in range(n)], "rejected"
        )
        for number in range(n):
            with contextlib.suppress(DBusError):
                self.publisher.publish("plant", f"no/topic/of/EnOS/{number}", "{}")

    def later(self, n):
        for number in range(n):
            self.simulator.ctl("answer", "enos-v2", "5.03", 1)
            self.deliver([self.publisher.publish("plant", POINTS, post(number))])

    def command(self):
        """The cloud tells it in the reply to a message."""
        command = COMMAND | {"id": str(next(self.ids))}
        self.simulator.ctl("command", f"{SET}={json.dumps(command)}")
        self.deliver([self.publisher.publish("plant", POINTS, post(0))])

    def commands(self, n):
        """Some are answered by an app, others by nobody."""
        subscribe = ("sa{ss}", "#", {"answer": "yes"})
        number = self.subscriber.call(PLANT, LINK + ".SubscribeWith", *subscribe)[0]
        for _ in range(n):
            self.command()
            message = self.subscriber.wait_signal("Message")[0]
            arguments = (message, "", '{"temp":20.0}')
            self.deliver(self.subscriber.call(PLANT, LINK + ".Answer", "tss", *arguments))
        self.subscriber.call(PLANT, LINK + ".Unsubscribe", "u", number)
        for _ in range(n):
            self.command()
            self.daemon.wait_property("plant", "Queued", 0)

    def login(self):
        """The cloud forgets it, and takes the message after another one. EnOS allows three in two minutes."""
        self.simulator.ctl("expire", "enos-v2")
        self.deliver([self.publisher.publish("plant", POINTS, post(0))])

    def mistakes(self, n):
        """Of callers: each is told, and nobody else."""
        wrong = (
            (PLANT, LINK + ".Publish", "ss", "", "{}"),
            (PLANT, LINK + ".PublishWith", "ssa{ss}", POINTS, "{}", {"ttl": "soon"}),
            (PLANT, LINK + ".Subscribe", "s", "a/#/b"),
            (PLANT, LINK + ".Unsubscribe", "u", 999999),
            (PLANT, LINK + ".Answer", "tss", 999999, "", ""),
            (PLANT, LINK + ".NoSuchMethod", "s", ""),
            (link_path("nobody"), LINK + ".Publish", "ss", POINTS, "{}"),
            (ROOT, MANAGER + ".Publish", "ss", "no/route", "{}"),
            (ROOT, MANAGER + ".Ticket", "t", 1 << 60),
            (ROOT, MANAGER + ".Requeue", "t", 1 << 60),
        )
        for _ in range(n):
            for call in wrong:
                with self.assertRaises(DBusError):
                    self.publisher.call(*call)
        for _ in range(n // 10 if os.geteuid() == 0 else 0):
            with self.assert_refused("NotPermitted"):
                arguments = (f"string:{POINTS}", "string:{}")
                dbus_send(self.bus, PLANT, LINK + ".Publish", *arguments, user="nobody")
        for _ in range(n // 10):
            client = harness.Client(self.bus)
            client.call(PLANT, LINK + ".Subscribe", "s", "#")
            client.send(PLANT, LINK + ".Publish", "ss", POINTS, post(1))
            client.close()

    def streams(self, n):
        """Frames that are none end their streams."""
        for _ in range(n // 5):
            with example.open_stream("plant", "", {}, self.bus.address) as stream:
                stream.send(b"\xff" * 64)
                while stream.recv(1 << 17):
                    pass


class SecretTest(LoggingTest):
    """Whatever happens to a secret, and wherever it was written: no field of any line has it."""

    def assert_unseen(self, daemon):
        entries = self.journal.all()
        self.assertGreater(len(entries), 10)
        for entry in entries:
            for name, value in entry.raw.items():
                self.assertNotIn(SENTINEL.encode(), value, name)
        for path in (daemon.log_path, *glob.glob(f"{daemon.state_dir}/*")):
            with open(path, "rb") as file:
                self.assertNotIn(SENTINEL.encode(), file.read(), path)

    def start(self, links, lent=None):
        """With a credential, as systemd lends it."""
        daemon = self.new_logging_daemon(self.bus, "links:\n" + "".join(links))
        folder = os.path.join(self.folder, "credentials")
        os.mkdir(folder, 0o700)
        for name, content in (lent or {}).items():
            self.write(f"credentials/{name}", content)
        daemon.inside += (f"CREDENTIALS_DIRECTORY={folder}",)
        daemon.start()
        return daemon

    def test_each_source(self):
        """The clouds do not know it: each refuses the login, or never answers."""
        path = self.write("sentinel", SENTINEL)
        doors = self.simulator.endpoints
        links = [
            harness.enos_link("inline", doors["enos-v2"], SENTINEL),
            harness.enos_link("file", doors["enos-v1"], f"{{file: {path}}}"),
            harness.enos_link("lent", doors["enos-v2"], "{credential: lent}"),
            harness.enos_link("dead", ("127.0.0.1", harness.free_ports(1)), SENTINEL),
            harness.cloud_link("dtls", "enos-dtls", doors["enos-dtls"], device_secret=SENTINEL),
            harness.cloud_link("aliyun", "aliyun", doors["aliyun"], device_secret=SENTINEL),
            harness.link_at(
                "nce",
                doors["1nce-dtls"],
                plugin="1nce",
                onboarding="manual",
                identity=f'"{harness.ICCID}"',
                psk=SENTINEL,
            ),
        ]
        daemon = self.start(links, {"lent": SENTINEL + "\n"})
        names = [re.match(r"  (\w+):", link).group(1) for link in links]
        for name in names:
            daemon.wait_state(name, "backoff", "failed", timeout=90)
            print(f"    {name}: {daemon.get(name, 'StateReason')}")
        self.assertEqual(len(self.journal.find("secret-inline")), 5)
        for name in ("inline", "file", "lent"):
            self.assertTrue(self.journal.find("link-refused", link=name), name)
        for name in names:
            daemon.client.call(link_path(name), LINK + ".Connect")
        for name in names:
            daemon.wait_state(name, "backoff", "failed", timeout=90)
        self.assertEqual(daemon.end(), 0)
        self.assert_unseen(daemon)

    def test_wrong_in_the_file(self):
        """Errors beside it, and about it; also in a reload."""
        lines = (
            f"device_secret: [{SENTINEL}]",
            f"device_secret: {{file: {SENTINEL}}}",
            f"device_secret: {{credential: {SENTINEL}}}",
            f"device_secret: {{credential: ../{SENTINEL}}}",
            f"device_secret: {{credential: none, file: {SENTINEL}}}",
            f"device_secret: {{fiel: {SENTINEL}}}",
            f"device_secert: {SENTINEL}",
            f"device_secret: {SENTINEL}\n    device_secret: {SENTINEL}",
            f"device_secret: {SENTINEL}\n    port: {'9' * 400}",
            f"device_secret: {SENTINEL * 20}",
            f"device_secret: {SENTINEL}\n    product_key: a/b",
        )
        links = [
            harness.enos_link(f"l{number}", self.endpoint, None) + f"    {line}\n"
            for number, line in enumerate(lines)
        ]
        daemon = self.start(links)
        for number in range(len(lines)):
            daemon.wait_state(f"l{number}", "failed")
        for text in (
            "links:\n" + "".join(links),
            f"links: {{a: {{device_secret: {SENTINEL}",
            f'links:\n  a:\n    device_secret: "{SENTINEL}',
            f"links:\n  a:\n    device_secret: *{SENTINEL}\n",
            f"links:\n  a:\n   device_secret: {SENTINEL}\n    port: 1\n",
            f"access:\n  - {{user: root, device_secret: {SENTINEL}}}\n",
        ):
            daemon.configure(text)
            daemon.process.send_signal(signal.SIGHUP)
            before = len(self.journal.find("reload-refused"))
            harness.eventually(
                lambda n=before: len(self.journal.find("reload-refused")) > n, "the reload to end"
            )
        self.assertEqual(daemon.end(), 0)
        self.assert_unseen(daemon)


if __name__ == "__main__":
    harness.main()
