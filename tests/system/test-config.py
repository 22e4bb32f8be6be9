# SPDX-License-Identifier: Apache-2.0
"""Bad configurations, bad plugins: each gets its sentence, and spoils nothing but itself."""

import glob
import os
import pwd
import re
import shutil

import harness
from client import LINK, MANAGER, PROPERTIES, ROOT, dbus_send, link_path, run_stranger
from harness import POINTS, SECRET, post

BAD_PLUGINS = os.environ["SKYBUS_BAD_PLUGINS"]

EX_CONFIG = 78
INLINE = "is written here, where anybody may read it"

# Never to be seen anywhere but in the files where a user has written it.
SENTINEL = "SeNtInEl0dd5ecre7"

GOOD = harness.enos_link("good", ("127.0.0.1", 5683))


def link(**settings):
    return harness.enos_link("bad", ("127.0.0.1", 5683), **settings)


# What is wrong, the configuration, and what must be said: a place behind the file's name, and
# words. The lines of a link that begins in line 2: plugin 3, host 4, port 5, product_key 6,
# device_key 7, device_secret 8, others 9.
WRONG = {
    "unknown plugin": (
        "links:\n" + link(plugin="enso"),
        [(":3:13: ", 'no plugin "enso"', 'did you mean "enos"?')],
    ),
    "no plugin": (
        "links:\n" + link(plugin=None),
        [(":2:3: ", "plugin is missing", 'add "plugin:"')],
    ),
    "wrong type": (
        "links:\n" + link(port="many"),
        [(":5:11: ", 'port "many" is not a port', "from 1 to 65535")],
    ),
    "out of range": (
        "links:\n" + link(lifetime="10s"),
        [(":9:15: ", 'lifetime "10s" is below the least, 30s', "from 30s to 1d")],
    ),
    "no value": (
        "links:\n" + link(host=""),
        [(":4:5: ", "host has no value", "write a host name")],
    ),
    "a list for a value": (
        "links:\n" + link(host="[a, b]"),
        [(":4:11: ", "host is a list", "write a host name")],
    ),
    "missing secret": (
        "links:\n" + link(device_secret=None),
        [(":2:3: ", "device_secret is missing", "{credential: NAME} or {file: /PATH}")],
    ),
    "missing secret file": (
        "links:\n" + link(device_secret="{file: /nonexistent/secret}"),
        [(":8:27: ", "cannot open /nonexistent/secret", "check that it is there")],
    ),
    "no credentials": (
        "links:\n" + link(device_secret="{credential: plant}"),
        [(":8:33: ", "this credential cannot be had", "LoadCredential=NAME:/PATH")],
    ),
    "two sources of a secret": (
        "links:\n" + link(device_secret="{file: /a, credential: b}"),
        [(":8:20: ", "device_secret must come from one source")],
    ),
    "unknown keys": (
        "links:\n" + link(hots="10.0.0.1", colour="red"),
        [
            (":9:5: ", 'unknown key "hots"', 'did you mean "host"?'),
            (":10:5: ", 'unknown key "colour"', "write one of plugin, enabled"),
        ],
    ),
    "unknown section": (
        "link:\n  sync: full\nlinks:\n" + GOOD,
        [(":1:1: ", 'unknown section "link"', 'did you mean "links"?')],
    ),
    "the store": (
        "store:\n  sync: fast\n  snyc: full\nlinks:\n" + GOOD,
        [
            (":2:9: ", 'sync "fast" is not a choice', "full, normal"),
            (":3:3: ", 'unknown key "snyc"', 'did you mean "sync"?'),
        ],
    ),
    "two links of one name": (
        "links:\n" + link() + link(),
        [(":9:3: ", "bad is there twice, first at", ":2:3: keep one of them")],
    ),
    "a setting twice": (
        "links:\n" + link() + "    host: 10.0.0.1\n",
        [(":9:5: ", "host is there twice, first at", ":4:5: keep one of them")],
    ),
    "a link's name": (
        "links:\n" + link().replace("bad:", "Plant 1:"),
        [(":2:3: ", '"Plant 1" cannot be the name of a link', "a-z, 0-9")],
    ),
    "not YAML": (
        "links:\n  bad:\n   plugin: enos\n  host: x\n   port: 1\n",
        [(":5:8: ", "this is not YAML", "look at the indentation")],
    ),
    "a tab": ("links:\n\tbad:\n", [(":2:1: ", "this is not YAML")]),
    "everything at once": (
        "stor: {}\nlinks:\n"
        + harness.enos_link("one", ("127.0.0.1", "many"), hots="x")
        + harness.enos_link("two", ("bad host", 1), lifetime="1y")
        + harness.enos_link("three", ("127.0.0.1", 1), plugin="aliyum", device_secret=None),
        [
            (":1:1: ", 'unknown section "stor"'),
            (":6:11: ", 'port "many"'),
            (":10:5: ", 'unknown key "hots"'),
            (":13:11: ", 'host "bad host"'),
            (":18:15: ", 'lifetime "1y"'),
            (":20:13: ", 'no plugin "aliyum"'),
        ],
    ),
}


class ConfigTest(harness.SystemTest):
    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()

    def endpoint(self):
        return self.simulator.endpoints["enos-v2"]

    def write(self, name, content, mode=0o600):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def complaints(self, daemon, status=EX_CONFIG):
        """What --check-config says, without warnings of secrets that are written inline."""
        done = daemon.check_config()
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        for line in lines:
            self.assertTrue(line.startswith("skybusd: "), line)
        return [line.removeprefix("skybusd: ") for line in lines if INLINE not in line]

    def assert_said(self, lines, place, *words):
        found = [line for line in lines if place in line and all(word in line for word in words)]
        self.assertEqual(len(found), 1, f"{place} {words} in\n" + "\n".join(lines))


class CheckTest(ConfigTest):
    def test_each_mistake(self):
        daemon = self.new_daemon(self.bus, "")
        for title, (config, expected) in WRONG.items():
            with self.subTest(title):
                daemon.configure(config)
                lines = self.complaints(daemon)
                for place, *words in expected:
                    self.assert_said(lines, daemon.config_path + place, *words)
                self.assertEqual(len(lines), len(expected), "\n".join(lines))

    def test_in_order(self):
        self.assertEqual(self.complaints(self.new_daemon(self.bus, "links:\n" + GOOD), 0), [])
        for config in ("", "links:\n", "links: {}\n", "# nothing\n"):
            self.assertEqual(self.complaints(self.new_daemon(self.bus, config), 0), [])

    def test_unreadable(self):
        daemon = self.new_daemon(self.bus, "")
        daemon.config_path = os.path.join(self.folder, "nowhere.yaml")
        [line] = self.complaints(daemon)
        self.assertIn("nowhere.yaml: cannot read it: No such file", line)
        self.assertIn("check that it is there", line)
        daemon.config_path = self.folder
        [line] = self.complaints(daemon)
        self.assertIn("it is not a regular file", line)

    def test_more_files(self):
        daemon = self.new_daemon(self.bus, "links:\n" + GOOD)
        self.write("conf.d/10-more.yaml", "links:\n" + GOOD)
        self.write("conf.d/20-broken.yaml", "links: [\n")
        self.write("conf.d/30-ignored.yml", "links: [\n")
        lines = self.complaints(daemon)
        self.assert_said(lines, "conf.d/10-more.yaml:2:3: ", "link good is there twice", ":2:3: ")
        self.assert_said(lines, "conf.d/20-broken.yaml:2:1: ", "this is not YAML")
        self.assertEqual(len(lines), 2)

    def test_secret_files(self):
        daemon = self.new_daemon(self.bus, "")
        path = self.write("secret", SECRET + "\n")
        os.symlink(path, path + ".link")
        expected = {
            path: None,
            self.write("open", SECRET, 0o644): ("mode 0644", "chmod 600"),
            self.write("empty", ""): ("is empty", "write the secret into it"),
            self.write("long", "x" * 129): ("longer than the most, 128 bytes",),
            self.write("huge", "x" * 100000): ("is it the right file?",),
            path + ".link": ("symbolic link", "name the file that it leads to"),
            self.folder: ("not a regular file",),
            "secret": ("whole path",),
        }
        if os.geteuid() == 0:
            other = self.write("other", SECRET)
            os.chown(other, pwd.getpwnam("nobody").pw_uid, -1)
            expected[other] = ("belongs to user", "give it to root")
        for path, words in expected.items():
            with self.subTest(path):
                daemon.configure("links:\n" + link(device_secret=f"{{file: {path}}}"))
                if words:
                    [line] = self.complaints(daemon)
                    self.assert_said([line], ":8:27: ", *words)
                else:
                    self.assertEqual(self.complaints(daemon, 0), [])


class ExampleTest(ConfigTest):
    """What is in etc/examples can be copied as it is, and leaves no setting of its plugin out."""

    EXAMPLES = sorted(glob.glob(os.path.join(harness.SOURCE_ROOT, "etc", "examples", "*.yaml")))
    COMMON = {
        "budget",
        "plugin",
        "plugin_isolation",
        "enabled",
        "interface",
        "memory_bytes",
        "memory_messages",
        "ordered",
        "queue_bytes",
        "queue_messages",
        "when_full",
        "window",
    }

    def read(self, path):
        """An example; what it has systemd lend, and other files, are those of the test."""
        with open(path, encoding="utf-8") as file:
            text = file.read()
        here = self.write("lent", SECRET)
        text = re.sub(r"\{credential: [a-z.-]+\}", f"{{file: {here}}}", text)
        return re.sub(r"/etc/skybus/\S+\.pem", here, text)

    def test_as_they_are(self):
        names = [os.path.basename(path) for path in self.EXAMPLES]
        self.assertEqual(names, ["1nce.yaml", "aliyun.yaml", "enos-dtls.yaml", "enos.yaml"])
        for path in self.EXAMPLES:
            with self.subTest(path):
                self.assertEqual(self.complaints(self.new_daemon(self.bus, self.read(path)), 0), [])

    def test_each_setting(self):
        for path in self.EXAMPLES:
            with self.subTest(path):
                text = re.sub(r"(?m)^    #([a-z_]+: )", r"    \1", self.read(path))
                self.assertEqual(self.complaints(self.new_daemon(self.bus, text), 0), [])
                [line] = self.complaints(self.new_daemon(self.bus, text + "    colour: red\n"))
                known = set(line.partition("write one of ")[2].split(", "))
                written = set(re.findall(r"(?m)^    ([a-z_]+): ", text))
                self.assertEqual(known - self.COMMON, written - self.COMMON)


class DefaultFileTest(ConfigTest):
    """etc/skybus.yaml says nothing as it is, and everything without its comment signs."""

    # The tables of settings, each with what its rows are below in the file.
    TABLES = {
        "store": ("store:", 2),
        "caller": ("callers:", 2),
        "inboxes": ("inboxes:", 2),
        "link": ("  plant:", 4),
        "route": ("  - match:", 4),
    }

    def read(self):
        path = os.path.join(harness.SOURCE_ROOT, "etc", "skybus.yaml")
        with open(path, encoding="utf-8") as file:
            return file.read()

    def uncommented(self):
        """
        Sentences have a blank behind the sign, settings have none, or more. Who and what is not on this
        box is mended.
        """
        text = re.sub(r"(?m)^#(?! \S)", "", self.read())
        text = re.sub(r"(?m)^( +)#(?=[a-z_]+: )", r"\1", text)
        text = re.sub(r"\b(group|user): [a-z]+(?m:$| +#)", r"\1: 0 #", text)
        here = self.write("lent", SECRET)
        return re.sub(r"\{credential: [a-z.-]+\}", f"{{file: {here}}}", text)

    def table(self, name):
        """The rows of a table of the daemon, each key with its default."""
        path = os.path.join(harness.SOURCE_ROOT, "daemon", "config-tables.c")
        with open(path, encoding="utf-8") as file:
            [rows] = re.findall(rf"(?s)\bsb_{name}_table\[\] = \{{(.*?)\n\}};", file.read())
        return {
            key: (re.findall(r'\.fallback = "(.*?)"', row) or [None])[0]
            for key, row in re.findall(r'(?s)\.key = "(\w+)"(.*?)\},\n', rows + "\n")
        }

    def test_as_it_is(self):
        self.assertEqual(self.complaints(self.new_daemon(self.bus, self.read()), 0), [])

    def test_each_setting(self):
        text = self.uncommented()
        sections = re.findall(r"(?m)^([a-z]+):$", text)
        [line] = self.complaints(self.new_daemon(self.bus, text + "colour: {}\n"))
        known = re.split(", | or ", line.partition("write ")[2])
        self.assertEqual(sorted(sections), sorted(known))
        self.assertEqual(self.complaints(self.new_daemon(self.bus, text), 0), [])

    def test_defaults(self):
        text = self.uncommented()
        for name, (head, indent) in self.TABLES.items():
            with self.subTest(name):
                behind = text.partition(f"\n{head}")[2].partition("\n")[2]
                here = re.split(rf"(?m)^ {{,{indent - 1}}}[a-z-]", behind)[0]
                written = dict(re.findall(rf"(?m)^ {{{indent}}}(\w+):(?: (.*))?$", here))
                table = self.table(name)
                self.assertGreater(len(table), 2)
                # The head of a route is its first setting.
                self.assertLessEqual(set(table) - {"match"}, set(written))
                defaults = {key: value for key, value in table.items() if value}
                self.assertEqual({key: written[key] for key in defaults}, defaults)


class MixedTest(ConfigTest):
    """What is right runs beside what is wrong."""

    def test_good_beside_bad(self):
        bad = {
            "typo": {"plugin": "enso"},
            "port": {"port": "many"},
            "secret": {"device_secret": "{file: /nonexistent}"},
            "slash": {"product_key": "a/b"},  # for the plugin to see
        }
        links = [harness.enos_link(name, self.endpoint(), **wrong) for name, wrong in bad.items()]
        links.insert(2, harness.enos_link("good", self.endpoint()))
        daemon = self.start_daemon(self.bus, "links:\n" + "".join(links))
        daemon.wait_state("good", "online")
        said = "\n".join(self.complaints(daemon))

        for name in bad:
            daemon.wait_state(name, "failed")
            reason = daemon.get(name, "StateReason")
            self.assertEqual(daemon.get(name, "LastError"), reason)
            self.assertIn(f"{name}: {reason}", daemon.log)
            if name == "slash":
                self.assertIn("product_key holds a slash", reason)
            else:
                self.assertIn(reason, said)
                self.assertTrue(reason.startswith(daemon.config_path + ":"), reason)

            # It keeps what it is given until somebody has mended it.
            with self.assert_refused("NotOnline", name, "failed"):
                arguments = (f"string:{POINTS}", "string:{}", "uint32:1")
                dbus_send(self.bus, link_path(name), LINK + ".Request", *arguments)
            for method in ("Connect", "Disconnect"):
                with self.assert_refused("Unsupported", name, reason):
                    dbus_send(self.bus, link_path(name), f"{LINK}.{method}")
        self.assertEqual(daemon.get("typo", "Plugin"), "enso")

        client = self.new_client(self.bus)
        ticket = client.publish("port", POINTS, post(1))
        other = client.publish("good", POINTS, post(2))
        self.assertEqual(client.wait_ticket(other)[0], "delivered")

        mended = [harness.enos_link(name, self.endpoint()) for name in ("good", "port")]
        self.assertEqual(daemon.end(), 0)
        daemon.configure("links:\n" + "".join(mended))
        daemon.start()
        self.assertEqual(client.wait_ticket(ticket)[0], "delivered")
        self.assertEqual(self.simulator.ids(), ["2", "1"])

    def test_what_spoils_the_whole(self):
        for config in ("store:\n  sync: fast\nlinks:\n" + GOOD, "links: [\n"):
            daemon = self.new_daemon(self.bus, config)
            done = run_stranger(*daemon.command("--address", self.bus.address))
            self.assertEqual(done.returncode, EX_CONFIG)
            self.assertRegex(done.stderr, re.escape(daemon.config_path) + r":\d+:\d+: ")

    def test_one_name_in_two_files(self):
        good = harness.enos_link("plant", self.endpoint())
        self.write("conf.d/more.yaml", "links:\n" + good)
        daemon = self.start_daemon(self.bus, "links:\n" + good)
        daemon.wait_state("plant", "online")
        self.assertEqual(daemon.client.get(ROOT, MANAGER, "Links"), [link_path("plant")])
        self.assertIn("link plant is there twice", daemon.log)


class PluginTest(ConfigTest):
    """Files that are no plugins, or that cannot be trusted."""

    def setUp(self):
        super().setUp()
        self.plugins = os.path.join(self.folder, "plugins")
        os.mkdir(self.plugins, 0o755)
        self.copy("enos")

    def copy(self, name, mode=0o755, source=os.path.join(harness.PLUGIN_DIR, "enos.so")):
        path = os.path.join(self.plugins, name + ".so")
        shutil.copyfile(source, path)
        os.chmod(path, mode)
        return path

    def make_bad_plugins(self):
        """The words that each must be refused with, by its name."""
        self.copy("renamed")
        self.copy("writable", 0o775)
        self.copy("another-abi", source=os.path.join(BAD_PLUGINS, "v2.so"))
        self.copy("library", source=os.path.join(BAD_PLUGINS, "nosymbol.so"))
        self.write("plugins/text.so", "no machine code\n", 0o755)
        os.symlink(os.path.join(self.plugins, "enos.so"), os.path.join(self.plugins, "linked.so"))
        os.mkdir(os.path.join(self.plugins, "folder.so"))
        bad = {
            "renamed": ('says that its name is "enos"', "name the file enos.so"),
            "writable": ("others than its owner can write", "mode 0775", "chmod go-w"),
            "another-abi": ("another version", "exports skybus_plugin_v2, not skybus_plugin_v1"),
            "library": ("is no plugin", "put SKYBUS_EXPORT before its descriptor"),
            "text": ("cannot load a plugin", "text.so"),
            "linked": ("symbolic link", "put the file itself there"),
            "folder": ("not a regular file",),
        }
        if os.geteuid() == 0:
            os.chown(self.copy("stranger"), pwd.getpwnam("nobody").pw_uid, -1)
            bad["stranger"] = ("belongs to user", "chown root")
        return bad

    def test_bad_plugins(self):
        bad = self.make_bad_plugins()
        links = [harness.enos_link(name, self.endpoint(), plugin=name) for name in sorted(bad)]
        links.append(harness.enos_link("good", self.endpoint()))
        daemon = self.start_daemon(self.bus, "links:\n" + "".join(links), self.plugins)
        daemon.wait_state("good", "online")

        self.assertEqual(daemon.client.get(ROOT, MANAGER, "Plugins"), ["enos"])
        failed = dict(daemon.client.get(ROOT, MANAGER, "FailedPlugins"))
        self.assertEqual(sorted(failed), sorted(bad))
        for name, words in bad.items():
            with self.subTest(name):
                self.assert_said([failed[name]], self.plugins, *words)
                self.assertEqual(daemon.get(name, "State"), "failed")
                self.assertIn(failed[name], daemon.get(name, "StateReason"))
                self.assertIn(f"plugin {name} is left out: {failed[name]}", daemon.log)

    def test_check_config(self):
        bad = self.make_bad_plugins()
        for name, words in bad.items():
            daemon = self.new_daemon(self.bus, "links:\n" + link(plugin=name), self.plugins)
            [line] = self.complaints(daemon)
            self.assert_said([line], ":3:13: ", *words)

    def test_bad_directory(self):
        daemon = self.new_daemon(self.bus, "links:\n" + link(), self.plugins)
        os.chmod(self.plugins, 0o777)
        [line] = self.complaints(daemon)
        self.assert_said([line], ":3:13: ", "others than its owner can write", "chmod go-w")
        daemon.plugin_dir = os.path.join(self.folder, "nowhere")
        [line] = self.complaints(daemon)
        self.assert_said([line], ":3:13: ", "nowhere: No such file or directory")

    def test_list_plugins(self):
        bad = self.make_bad_plugins()
        daemon = self.new_daemon(self.bus, "", self.plugins)
        done = run_stranger(*daemon.command("--list-plugins"))
        lines = done.stdout.splitlines()
        self.assertEqual((done.returncode, len(lines)), (0, len(bad) + 1))
        self.assertTrue(any(line.startswith("enos ") for line in lines))


class SecretTest(ConfigTest):
    """A secret is seen nowhere, wherever a user has written it and whatever happens then."""

    MISPLACED = (
        "device_secret: {S}",
        "device_secret: [{S}]",
        "device_secret: {{file: {S}}}",
        "device_secret: {{credential: {S}}}",
        "device_secret: {{credential: ../{S}}}",
        "device_secret: {{file: /tmp, credential: {S}}}",
        "device_secret: {{fiel: {S}}}",
        "device_secret: {{secret: {S}}}",
        "device_secert: {S}",
        "device_secret:\n      - {S}",
        'device_secret: "{S}',
        "device_secret: '{S}\n  x: y",
        "device_secret: *{S}",
        "device_secret: &{S}",
        "device_secret: %{S}",
        "device_secret: {S}: {S}",
        'device_secret: "{S}\\0"',
        "device_secret: !!binary {S}",
        "device_secret: " + "{S}" * 20,
    )

    def assert_unseen(self, text, where):
        self.assertNotIn(SENTINEL, text, where)

    def test_check_config(self):
        daemon = self.new_daemon(self.bus, "")
        for line in self.MISPLACED:
            with self.subTest(line):
                line = line.format(S=SENTINEL)
                daemon.configure("links:\n" + link(device_secret=None) + f"    {line}\n")
                done = daemon.check_config()
                self.assert_unseen(done.stdout + done.stderr, "the output")

    def test_in_the_running_daemon(self):
        path = self.write("secret", SENTINEL)
        folder = os.path.join(self.folder, "quiet")
        os.mkdir(folder)
        links = [
            harness.enos_link("inline", self.endpoint(), SENTINEL),
            harness.enos_link("file", self.endpoint(), f"{{file: {path}}}"),
            harness.enos_link("list", self.endpoint(), f"[{SENTINEL}]"),
            harness.enos_link("typo", self.endpoint(), None, device_secert=SENTINEL),
            harness.enos_link("slash", self.endpoint(), SENTINEL, product_key="a/b"),
            harness.enos_link("port", ("127.0.0.1", self.free_port()), SENTINEL),
            harness.enos_link("plugin", self.endpoint(), SENTINEL, plugin="enso"),
        ]
        daemon = self.start_daemon(self.bus, "links:\n" + "".join(links))
        for name in ("list", "typo", "slash", "plugin"):
            daemon.wait_state(name, "failed")
        for name in ("inline", "file", "port"):
            daemon.wait_state(name, "backoff")
        daemon.client.publish("inline", POINTS, post(1))
        for method in (
            "org.freedesktop.DBus.ObjectManager.GetManagedObjects",
            "org.freedesktop.DBus.Introspectable.Introspect",
        ):
            self.assert_unseen(repr(daemon.client.call(ROOT, method)), method)
        values = dbus_send(self.bus, ROOT, PROPERTIES + ".GetAll", f"string:{MANAGER}")
        self.assert_unseen(repr(values), "the manager")
        for name in ("cmdline", "environ"):
            with open(f"/proc/{daemon.process.pid}/{name}", encoding="utf-8") as file:
                self.assert_unseen(file.read(), name)
        self.assertEqual(daemon.end(), 0)

        logs = [daemon.log_path, self.simulator.record_path, self.simulator.log_path]
        for path in logs + glob.glob(daemon.state_dir + "/*"):
            with open(path, encoding="utf-8", errors="replace") as file:
                self.assert_unseen(file.read(), path)

    def free_port(self):
        return harness.free_ports(1)


if __name__ == "__main__":
    harness.main()
