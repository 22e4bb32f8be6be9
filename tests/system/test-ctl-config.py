# SPDX-License-Identifier: Apache-2.0
"""skybusctl's commands for the configuration and for plugins."""

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import ctl
import harness
from client import PATIENCE
from ctl import Ctl
from harness import DEVICE, PLUGIN_DIR, POINTS, PRODUCT, SECRET, post

BAD_PLUGINS = os.environ["SKYBUS_BAD_PLUGINS"]

# Never to be seen but in the file that it is written to.
SENTINEL = "SeNtInEl0dd5ecre7"


class ConfigTest(harness.SystemTest):
    """A daemon with a link that is online."""

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        self.endpoint = self.simulator.endpoints["enos-v2"]
        self.daemon = self.start_daemon(self.bus, self.config())
        self.ctl = Ctl(self.bus.address)
        self.folder = Path(self.daemon.config_path).parent
        self.conf_d = self.folder / "conf.d"

    def config(self, **settings):
        return "links:\n" + harness.enos_link("plant", self.endpoint, **{"enabled": "no"} | settings)


class ShowTest(ConfigTest):
    def test_show(self):
        text = self.ctl.run("config", "show")
        self.assertIn("\n  plant:\n    plugin: enos\n    enabled: no\n", text)
        self.assertIn("\n    lifetime: 1h\n", text)
        self.assertIn("\n    device_secret: (not shown)\n", text)
        self.assertNotIn(SECRET, text)

    def test_show_as_json(self):
        shown = self.ctl.json("config", "show")
        self.assertEqual(shown["callers"]["streams"], 16)
        plant = shown["links"]["plant"]
        self.assertEqual(
            (plant["enabled"], plant["port"], plant["lifetime"], plant["queue_bytes"]),
            (False, self.endpoint[1], "1h", "64M"),
        )
        self.assertEqual(shown["routes"], [])

    def test_what_is_shown_is_a_configuration(self):
        text = self.ctl.run("config", "show").replace("(not shown)", SECRET)
        self.daemon.configure(text)
        self.assertEqual(self.ctl.json("reload", "--dry-run"), [])


class CheckTest(ConfigTest):
    def setUp(self):
        super().setUp()
        # As an installed one has it.
        self.skybusd = self.folder / "skybusd"
        self.skybusd.write_text(
            f'#!/bin/sh\nexec "{harness.SKYBUSD}" --plugin-dir "{PLUGIN_DIR}" "$@"\n', encoding="utf-8"
        )
        self.skybusd.chmod(0o755)

    def check(self, *words, expect=ctl.OK, **environment):
        process = self.ctl.start(*words, env={"SKYBUSD": str(self.skybusd)} | environment)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, expect, out + err)
        return out + err

    def test_a_good_one(self):
        text = self.check("config", "check", self.daemon.config_path)
        self.assertIn("is written here, where anybody may read it", text)
        self.assertIn("The configuration can be used.", text)

    def test_a_bad_one(self):
        self.daemon.configure(self.config(port="many", hots="x"))
        words = ("config", "check", self.daemon.config_path)
        text = self.check(*words, expect=ctl.FINDING)
        self.assertIn(f"{self.daemon.config_path}:5:11: port", text)
        self.assertIn('did you mean "host"?', text)
        self.assertNotIn("can be used", text)
        checked = json.loads(self.check("--json", *words, expect=ctl.FINDING))
        self.assertFalse(checked["good"])
        self.assertTrue(checked["lines"][0].startswith(self.daemon.config_path), checked)

    def test_a_name_that_is_no_utf8(self):
        words = ("config", "check", os.fsdecode(b"/nonexistent/\xff\033[31m"))
        self.assertIn("/nonexistent/??[31m", self.check(*words, expect=ctl.FINDING))
        checked = json.loads(self.check("--json", *words, expect=ctl.FINDING))
        self.assertIn("/nonexistent/??[31m", checked["lines"][0])

    def test_an_instance_and_no_skybusd(self):
        words = ("--instance", "depot", "config", "check")
        self.assertIn("/instances/depot/skybus.yaml", self.check(*words, expect=ctl.FINDING))
        text = self.check("config", "check", expect=ctl.FAILED, SKYBUSD="/nonexistent/skybusd")
        self.assertIn("skybusd cannot be started: No such file", text)


class ReloadTest(ConfigTest):
    def test_dry_run(self):
        self.assertEqual(self.ctl.run("reload", "--dry-run"), "A reload would change nothing.\n")
        self.daemon.configure(self.config(window=3) + "store: {sync: normal}\n")
        changes = self.ctl.json("reload", "--dry-run")
        self.assertEqual(
            [(row["what"], row["name"], row["change"]) for row in changes],
            [("link", "plant", "changed"), ("section", "store", "restart")],
        )
        text = self.ctl.run("reload", "-n")
        self.assertRegex(text, r"(?m)^link +plant +changed +other window")
        self.assertIn("window: 8\n", self.ctl.run("config", "show"))

    def test_reload(self):
        self.daemon.configure(self.config(window=3))
        self.assertIn("other window", self.ctl.run("reload"))
        self.assertIn("window: 3\n", self.ctl.run("config", "show"))
        self.assertIn("Nothing has changed", self.ctl.run("reload"))

    def test_what_is_wrong_changes_nothing(self):
        self.daemon.configure(self.config(port="many"))
        for words in ("reload",), ("reload", "--dry-run"):
            self.assertIn("port \"many\" is not a port", self.ctl.run(*words, expect=ctl.FINDING))
        self.assertIn(f"port: {self.endpoint[1]}\n", self.ctl.run("config", "show"))


class PluginsTest(ConfigTest):
    def test_plugins(self):
        plugins = self.ctl.json("plugins")
        self.assertEqual(plugins["failed"], [])
        enos = next(row for row in plugins["plugins"] if row["name"] == "enos")
        self.assertTrue(os.path.samefile(enos["path"], os.path.join(PLUGIN_DIR, "enos.so")))
        text = self.ctl.run("plugins")
        self.assertRegex(text, r"(?m)^enos +\d\S* +EnOS over")
        self.assertIn(f"They are in {plugins['directory']}\n", text)

    def test_a_narrow_terminal(self):
        _, shown = self.ctl.on_terminal("plugins", columns=50)
        table = shown.partition("\r\n\r\n")[0].split("\r\n")
        self.assertLessEqual(max(map(len, table)), 50, shown)
        # Nothing is cut off: the column of the summaries has all their letters.
        column = "".join(line[table[0].index("WHAT") :] for line in table[1:])
        for plugin in self.ctl.json("plugins")["plugins"]:
            self.assertIn(plugin["summary"].replace(" ", ""), column.replace(" ", ""))

    def test_one_that_was_left_out(self):
        directory = self.folder / "plugins"
        directory.mkdir()
        shutil.copy(os.path.join(PLUGIN_DIR, "enos.so"), directory)
        shutil.copy(os.path.join(BAD_PLUGINS, "nosymbol.so"), directory)
        self.daemon.end()
        self.daemon.plugin_dir = str(directory)
        self.daemon.start()
        for command in "plugins", "status":
            self.assertIn("The plugin nosymbol was left out: ", self.ctl.run(command))
        [failed] = self.ctl.json("plugins")["failed"]
        self.assertEqual((failed["name"], failed["path"]), ("nosymbol", str(directory / "nosymbol.so")))
        self.assertIn("skybus_plugin_v1", failed["reason"])
        self.ctl.run("plugins", "show", "nosymbol", expect=ctl.NOT_FOUND)

    def test_settings(self):
        rows = {row["key"]: row for row in self.ctl.json("plugins", "show", "enos")}
        lifetime = {"kind": "duration", "values": "30s to 1d", "default": "1h", "required": False}
        self.assertEqual(rows["lifetime"] | lifetime, rows["lifetime"])
        self.assertTrue(rows["product_key"]["required"])
        text = self.ctl.run("plugins", "show", "enos")
        self.assertIn("\nlifetime: duration, 30s to 1d; 1h unless set\n    a device that is silent", text)
        self.assertIn("\nproduct_key: text, 1 to 64 bytes; needed\n", text)
        self.assertIn('did you mean "enos"?', self.ctl.run("plugins", "show", "enso", expect=ctl.NOT_FOUND))


class NewPluginTest(unittest.TestCase):
    """What is made of it, tests/author does; this is what a folder of templates becomes."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.template = self.folder / "template"
        self.template.mkdir()
        (self.template / "plugin.c.in").write_text("@name@ @other@ x@name@@name@\n")
        (self.template / "run.in").write_text("@name")
        (self.template / "run.in").chmod(0o755)
        (self.template / "README").write_text("of the template")
        (self.template / ".plugin.c.in").write_text("an editor's")

    def new(self, *words):
        command = [os.environ["SKYBUSCTL"], "plugins", "new", *words]
        environment = os.environ | {"SKYBUS_TEMPLATE": str(self.template)}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def test_files_are_filled(self):
        done = self.new("my-1")
        self.assertEqual((done.returncode, done.stderr), (ctl.OK, ""))
        made = self.folder / "my-1"
        self.assertEqual(sorted(path.name for path in made.iterdir()), ["my-1.c", "run"])
        self.assertEqual((made / "my-1.c").read_text(), "my-1 @other@ xmy-1my-1\n")
        self.assertEqual((made / "run").read_text(), "@name")
        self.assertTrue(os.access(made / "run", os.X_OK))
        self.assertFalse(os.access(made / "my-1.c", os.X_OK))

    def test_what_is_not_whole_is_removed(self):
        (self.template / "zz.in").write_text("x" * 65536)
        done = self.new("my", "--directory", str(self.folder))
        self.assertEqual(done.returncode, ctl.FAILED)
        self.assertIn("cannot be read: File too large", done.stderr)
        self.assertFalse((self.folder / "my").exists())

    def test_a_directory_that_is_not_there(self):
        done = self.new("my", "--directory", "nowhere")
        self.assertEqual(done.returncode, ctl.FAILED)
        self.assertIn("nowhere/my cannot be written: No such file", done.stderr)


# What is asked for at EnOS, in its order.
def answers(endpoint, secret=SECRET, more=("",)):
    host, _ = endpoint
    return ("enos", host, PRODUCT, DEVICE, secret, *more)


class InitTest(ConfigTest):
    """With answers from a pipe."""

    def setUp(self):
        super().setUp()
        self.port = ("port", str(self.endpoint[1]), "")

    def init(self, *lines, words=("depot",), **options):
        return self.ctl.run("config", "init", *words, input="".join(f"{line}\n" for line in lines), **options)

    def assert_nothing_is_left(self):
        self.assertFalse(self.conf_d.exists())
        self.assertEqual(self.ctl.json("reload", "--dry-run"), [])

    def test_a_link_comes_up(self):
        out = self.init(*answers(self.endpoint, more=self.port), "y")
        self.assertEqual(out, "depot is online.\n")
        self.assertEqual(self.daemon.get("depot", "State"), "online")
        secret = self.conf_d / "depot.device_secret"
        self.assertEqual((secret.read_text(), secret.stat().st_mode & 0o7777), (SECRET, 0o600))
        file = self.conf_d / "depot.yaml"
        text = file.read_text()
        self.assertIn("\n  depot:\n", text)
        self.assertIn("    # The plugin that knows the cloud's rules.\n    plugin: enos\n", text)
        self.assertIn(f"    port: {self.endpoint[1]}\n", text)
        self.assertNotIn(SECRET, text)
        self.assertEqual(sorted(os.listdir(self.conf_d)), ["depot.device_secret", "depot.yaml"])
        client = self.new_client(self.bus)
        ticket = client.publish("depot", POINTS, post(1))
        self.assertEqual(client.wait_ticket(ticket), ("delivered", "2.04", ""))

    def test_a_sim_needs_nothing(self):
        """Of 1NCE: what is said here beside the plugin is where the simulated one is."""
        host, port = self.simulator.endpoints["1nce-dtls"]
        url = "https://{}:{}/device-api/onboarding/coap".format(*self.simulator.endpoints["1nce-https"])
        where = {"host": host, "port": port, "onboarding_url": url, "onboarding_ca": self.simulator.ca_path}
        more = [line for setting in where.items() for line in setting]
        self.assertEqual(self.init("1nce", "", *more, "", ""), "depot is online.\n")

    def test_nothing_is_overwritten(self):
        self.assertIn("there is a link plant already", self.init(words=("plant",), expect=ctl.FAILED))
        self.conf_d.mkdir()
        file = self.conf_d / "depot.yaml"
        file.write_text("links: {}\n")
        self.assertIn("is there already", self.init(expect=ctl.FAILED))
        file.rename(self.conf_d / "depot.device_secret")
        self.assertIn("File exists", self.init(*answers(self.endpoint), expect=ctl.FAILED))
        self.assertEqual((self.conf_d / "depot.device_secret").read_text(), "links: {}\n")
        self.assertEqual(os.listdir(self.conf_d), ["depot.device_secret"])

    def test_the_name_is_asked_for(self):
        self.assertIn("no name of a link", self.init(words=("De pot",), expect=ctl.USAGE))
        out = self.init("De pot", "depot", *answers(self.endpoint, more=self.port), "yes", words=())
        self.assertEqual(out, "depot is online.\n")

    def test_wrong_answers_are_asked_for_again(self):
        host, port = self.endpoint
        process = self.ctl.start("config", "init", "depot", "--json")
        lines = ("eons", "enos", "", "no host", host, PRODUCT, DEVICE, "", SECRET, "prot", "port", "70000", port)
        out, err = process.communicate("".join(f"{line}\n" for line in (*lines, "host", "?", "", "y")), PATIENCE)
        self.assertEqual(process.returncode, ctl.OK, err)
        for sentence in (
            "That is none of them.",
            "host is needed.",
            'host "no host" is not a host: write a host name',
            "device_secret is needed.",
            'There is no setting "prot"',
            'port "70000" is above the most, 65535',
            "host has been asked for.",
            "queue_messages",
            "link depot: new, with the plugin enos: it connects",
        ):
            self.assertIn(sentence, err)
        self.assertEqual(
            json.loads(out),
            {"link": "depot", "plugin": "enos", "file": str(self.conf_d / "depot.yaml"), "online": True},
        )

    def test_all_settings(self):
        host, port = self.endpoint
        known = {"host": host, "port": port, "product_key": PRODUCT, "device_key": DEVICE, "device_secret": SECRET}
        known |= {"lifetime": "2h", "envelope": "measurepoint"}
        plugin = [known.get(row["key"], "") for row in self.ctl.json("plugins", "show", "enos")]
        process = self.ctl.start("config", "init", "depot", "--all", "--yes")
        lines = ("enos", *plugin, *[""] * 30)
        _, err = process.communicate("".join(f"{line}\n" for line in lines), PATIENCE)
        self.assertEqual(process.returncode, ctl.OK, err)
        self.assertNotIn("Another setting", err)
        text = (self.conf_d / "depot.yaml").read_text()
        self.assertIn("    lifetime: 2h\n", text)
        self.assertIn("    envelope: measurepoint\n", text)
        self.assertNotIn("max_payload", text)

    def test_texts_stay_texts(self):
        """Also what YAML, or JSON, would take for something else."""
        for number, text in enumerate(("0123", "yes", "n", "null", "1h", "~", 'a: "b" #c', "\u00fc", "- x", "{", "word")):
            name = f"link{number}"
            lines = ("enos", self.endpoint[0], text, DEVICE, SECRET, "enabled", "no", "")
            self.assertEqual(self.init(*lines, words=(name, "--yes")), "")
            self.assertEqual(self.ctl.json("config", "show")["links"][name]["product_key"], text)
            file = (self.conf_d / f"{name}.yaml").read_text(encoding="utf-8")
            self.assertEqual(f"product_key: {text}\n" in file, text == "word", file)

    def test_no_is_an_answer(self):
        text = self.init(*answers(self.endpoint), "perhaps", "n", expect=ctl.FAILED)
        self.assertIn("Please answer yes or no.", text)
        self.assertIn("Nothing was written.", text)
        self.assert_nothing_is_left()

    def test_answers_that_end(self):
        whole = answers(self.endpoint)
        for n in range(len(whole) + 1):
            self.assertIn("Nothing was written.", self.init(*whole[:n], expect=ctl.FAILED))
            self.assert_nothing_is_left()

    def test_what_the_daemon_refuses(self):
        text = self.init("aliyun", PRODUCT, DEVICE, "", "", "", expect=ctl.FINDING)
        self.assertIn("device_secret", text)
        self.assertIn("Nothing was written.", text)
        self.assert_nothing_is_left()

    def test_a_link_that_does_not_come_up_stays(self):
        port = ("port", str(harness.free_ports(1)), "")
        words = ("depot", "--wait=1")
        text = self.init(*answers(self.endpoint, more=port), "", words=words, expect=ctl.NOT_ONLINE)
        self.assertIn("nothing listens", text)
        self.assertTrue((self.conf_d / "depot.yaml").exists())
        self.assertIn("depot", [row["Name"] for row in self.ctl.json("status")["links"]])

    def test_another_directory(self):
        text = self.init(words=("depot", "--directory", "/nonexistent/conf.d"), expect=ctl.FAILED)
        self.assertIn("/nonexistent/conf.d cannot be written", text)
        # The daemon does not read it.
        elsewhere = self.folder / "elsewhere"
        lines = answers(self.endpoint)
        text = self.init(*lines, "y", words=("depot", "--directory", str(elsewhere)), expect=ctl.FAILED)
        self.assertIn("is that the right --directory?", text)
        self.assertFalse(elsewhere.exists())


class TerminalTest(ConfigTest):
    """With a person at a terminal."""

    def setUp(self):
        super().setUp()
        self.seen = ""
        pid, self.terminal = pty.fork()
        if pid == 0:
            words = [ctl.SKYBUSCTL, *self.ctl.general, "config", "init", "depot"]
            os.execve(words[0], words, self.ctl.environment)
        self.pid = pid
        self.addCleanup(self.end)

    def end(self):
        os.close(self.terminal)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def wait_for(self, text, begin=0):
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen[begin:]:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.terminal], [], [], left)[0]:
                raise TimeoutError(f"no {text!r} in {self.seen!r}")
            try:
                self.seen += os.read(self.terminal, 4096).decode()
            except OSError:  # EIO: it has ended
                if text not in self.seen[begin:]:
                    raise AssertionError(f"no {text!r} in {self.seen!r}") from None

    def type(self, prompt, answer):
        """Waits for the prompt, and types."""
        begin = len(self.seen)
        self.wait_for(prompt, max(0, begin - len(prompt)))
        os.write(self.terminal, answer.encode())

    def status(self):
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def answer_up_to_the_secret(self):
        for prompt, answer in ("or its name: ", "enos"), ("host: ", self.endpoint[0]), ("product_key: ", PRODUCT):
            self.type(prompt, answer + "\n")
        self.type("device_key: ", DEVICE + "\n")

    def test_to_the_end(self):
        self.answer_up_to_the_secret()
        self.type("device_secret: ", SECRET + "\n")
        self.type("goes on): ", "port\n")
        self.type("port [5683]: ", f"{self.endpoint[1]}\n")
        self.type("goes on): ", "\n")
        self.type("[Y/n] ", "\n")
        self.wait_for("depot is online.")
        self.assertEqual(self.status(), ctl.OK)
        self.assertNotIn(SECRET, self.seen)
        self.assertIn(PRODUCT, self.seen)

    def stop_at(self, prompt):
        self.type(prompt, "\x03")
        self.wait_for("Nothing was written.")
        self.assertEqual(self.status(), ctl.FAILED)
        self.assertFalse(self.conf_d.exists())
        self.assertNotIn(SENTINEL, self.seen)

    def test_stopped_at_the_secret(self):
        self.answer_up_to_the_secret()
        self.stop_at("device_secret: ")

    def test_stopped_when_files_are_written(self):
        self.answer_up_to_the_secret()
        self.type("device_secret: ", SENTINEL + "\n")
        self.type("goes on): ", "\n")
        self.wait_for("[Y/n]")
        self.assertEqual(sorted(os.listdir(self.conf_d)), ["depot.device_secret", "depot.yaml"])
        self.stop_at("[Y/n] ")
        self.assertNotIn("depot", [row["Name"] for row in self.ctl.json("status")["links"]])


if __name__ == "__main__":
    unittest.main()
