# SPDX-License-Identifier: Apache-2.0
"""The programs in docs/examples, as their users run them: what they print is what the cloud got, and gave."""

import contextlib
import os
import signal
import subprocess
import tempfile

import harness
from client import LINK, MANAGER, ROOT, run_stranger
from harness import SOURCE_ROOT
from world import METER, METER_PATH, TOPIC, World

SOURCES = os.path.join(SOURCE_ROOT, "docs/examples")
# By language, what runs a program there.
LANGUAGES = {
    "c": (),
    "sh": ("/bin/sh",),
    "py": ("/usr/bin/python3",),
    "js": (os.environ["NODE"],),
}


@contextlib.contextmanager
def running(*command):
    """A program that runs on, in a group of its own, since a script has children."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


class ExamplesTest(harness.SystemTest):
    @classmethod
    def setUpClass(cls):
        """One world for all, and a folder with the sources and what the compiler made of two of them."""
        directory = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="skybus-examples-"))
        cls.world = cls.enterClassContext(World(directory, "dbus-daemon"))
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = cls.world.bus.address
        cls.programs = os.path.join(directory, "examples")
        os.mkdir(cls.programs)
        for folder in SOURCES, os.environ["EXAMPLES"]:
            for name in os.listdir(folder):
                os.symlink(os.path.join(folder, name), os.path.join(cls.programs, name))

    def show_logs(self):
        harness.show_logs(self.world.folder, self.id())

    def each(self, name):
        """An example in each language: what it is called, and its command line."""
        for language, interpreter in LANGUAGES.items():
            file = name if language == "c" else f"{name}.{language}"
            yield file, (*interpreter, os.path.join(self.programs, file))

    def test_publish(self):
        for file, command in self.each("publish"):
            with self.subTest(file):
                text = self.world.text()
                done = run_stranger(*command, METER, TOPIC, text)
                self.assertEqual((done.returncode, done.stdout), (0, "delivered 2.04\n"), done.stderr)
                [*_, message] = self.world.simulator.record("message", "1nce")
                self.assertEqual(message["payload"], text)

    def test_publish_what_the_cloud_refuses(self):
        for file, command in self.each("publish"):
            with self.subTest(file):
                self.world.simulator.ctl("answer", "1nce", "4.00", 1)
                done = run_stranger(*command, METER, TOPIC, "x")
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stdout, "^rejected 4.00 1NCE refuses .*\n$")

    def test_publish_what_the_daemon_refuses(self):
        for file, command in self.each("publish"):
            with self.subTest(file):
                done = run_stranger(*command, METER, "a//b", "x")
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn("byte 3 of the topic is a second slash", done.stderr)

    def test_publish_to_a_link_that_is_not_there(self):
        for file, command in self.each("publish"):
            with self.subTest(file):
                done = run_stranger(*command, "7-no_link", TOPIC, "x")
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn("_37_2dno_5flink", done.stderr)

    def test_subscribe(self):
        for file, command in self.each("subscribe"):
            arguments = (METER, "/valve/+", '{"done": true}')
            with self.subTest(file), running(*command, *arguments) as process:
                self.assertEqual(process.stdout.readline(), "subscribed to /valve/+\n")
                for text in "open", "half 5 €":
                    caller = self.world.command("/valve/1", text)
                    self.assertEqual(process.stdout.readline(), f"/valve/1 {text}\n")
                    self.assertEqual(self.world.answer(caller).split(None, 1)[1], '{"done": true}')

    def inbox(self, name):
        """How many messages wait in it, and whether a program has it."""
        [inboxes] = self.world.observer.call(ROOT, MANAGER + ".ListInboxes")
        return next((row[4], row[7]) for row in inboxes if row[2] == name)

    def wait_inbox(self, name, *state):
        harness.eventually(lambda: self.inbox(name) == state, f"{name} to be {state}")

    def test_subscribe_with_inbox(self):
        """A command that comes while the program does not run is the first thing that it prints."""
        for file, command in self.each("subscribe"):
            arguments = (METER, "/door/+", '{"done": true}', file)
            with self.subTest(file):
                with running(*command, *arguments) as process:
                    self.assertEqual(process.stdout.readline(), "subscribed to /door/+\n")
                self.wait_inbox(file, 0, False)
                caller = self.world.command("/door/1", "open")
                self.wait_inbox(file, 1, False)
                with running(*command, *arguments) as process:
                    # Some clients hand over a signal before the reply that came ahead of it.
                    lines = {process.stdout.readline() for _ in range(2)}
                    self.assertEqual(lines, {"subscribed to /door/+\n", "/door/1 open\n"})
                    self.assertEqual(self.world.answer(caller).split(None, 1)[1], '{"done": true}')
                    self.wait_inbox(file, 0, True)
                self.world.observer.call(METER_PATH, LINK + ".ForgetDurable", "s", file)

    def test_subscribe_to_what_is_no_filter(self):
        for file, command in self.each("subscribe"):
            with self.subTest(file):
                done = run_stranger(*command, METER, "a#")
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn("#", done.stderr)


if __name__ == "__main__":
    harness.main()
