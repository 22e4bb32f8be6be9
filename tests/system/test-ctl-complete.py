# SPDX-License-Identifier: Apache-2.0
"""What skybusctl says may come next, and what shells make of it."""

import os
import pty
import re
import shutil
import subprocess
import unittest

import ctl
import harness
from client import link_path
from ctl import Ctl
from harness import POINTS

FOLDER = os.path.join(harness.SOURCE_ROOT, "ctl/completion")


class CompleteTest(harness.SystemTest):
    """A daemon with two links."""

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        endpoint = self.simulator.endpoints["enos-v2"]
        links = harness.enos_link("plant", endpoint) + harness.enos_link("away", endpoint, enabled="no")
        self.daemon = self.start_daemon(self.bus, "links:\n" + links)
        self.ctl = Ctl(self.bus.address)


class CandidatesTest(CompleteTest):
    def candidates(self, *words):
        return self.ctl.run("complete", "--", *self.ctl.general, *words).split()

    def test_commands(self):
        self.assertIn("dead", self.candidates(""))
        self.assertNotIn("complete", self.candidates(""))
        self.assertEqual(self.candidates("dea"), ["dead"])
        self.assertEqual(self.candidates("dead", ""), ["list", "show", "requeue", "discard"])
        self.assertEqual(self.candidates("--json", "link", "re"), ["reauth"])
        self.assertEqual(self.candidates("help", "dead", "l"), ["list"])
        self.assertEqual(self.candidates("plugins", ""), ["show", "new", "lift"])

    def test_options(self):
        self.assertIn("--wait", self.candidates("ticket", "--w"))
        self.assertIn("--json", self.candidates("ticket", "--"))
        self.assertEqual(self.candidates("--color", "a"), ["auto", "always"])
        self.assertEqual(self.candidates("--color=n"), ["--color=never"])
        self.assertEqual(self.candidates("ticket", "--", "--w"), [])

    def test_what_the_daemon_has(self):
        self.assertEqual(self.candidates("link", "show", ""), ["away", "plant"])
        self.assertEqual(self.candidates("dead", "list", "--link", "p"), ["plant"])
        self.assertEqual(self.candidates("dead", "list", "--link=a"), ["--link=away"])
        self.assertEqual(self.candidates("link", "show", "plant", ""), [])
        client = self.new_client(self.bus)
        words = (link_path("plant"), "io.skybus.Gateway1.Link.Publish", "ss", POINTS, "no json")
        [ticket] = client.call(*words)
        client.wait_ticket(ticket)
        self.assertEqual(self.candidates("dead", "requeue", ""), [str(ticket)])

    def test_without_a_daemon_nothing_is_said(self):
        self.daemon.end()
        self.assertEqual(self.candidates("link", "show", ""), [])


class ShellTest(CompleteTest):
    """Shells as people have them, where such a file and such folders are."""

    LINES = {
        "plug": ("plugins",),
        "plugins s": ("plugins", "show"),
        "link show pl": ("link", "show", "plant"),
        "dead list --link p": ("dead", "list", "--link", "plant"),
        "dead list --link=p": ("dead", "list", "--link=plant"),
        "dead list --col": ("dead", "list", "--color"),
        "publish t --file my": ("publish", "t", "--file", "my file"),
        "publish t --file=my": ("publish", "t", "--file=my file"),
    }

    def setUp(self):
        super().setUp()
        self.place = os.path.join(self.folder, "place")
        os.makedirs(os.path.join(self.place, "plugins"))
        for name in "my file", "plant":
            with open(os.path.join(self.place, name), "w", encoding="ascii"):
                pass
        self.environment = os.environ | {
            "PATH": os.path.dirname(ctl.SKYBUSCTL) + ":" + os.environ["PATH"],
            "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address,
            "HOME": self.place,
            "TERM": "dumb",
        }

    def completed(self, shell, setup, line):
        """The words that a shell on a terminal makes of a line by the Tab key."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            shell, stdin=theirs, stdout=theirs, stderr=theirs, cwd=self.place, env=self.environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(os.close, ours)
        os.write(ours, f"{setup}; echo READ''Y\n".encode())
        self.read_until(ours, "READY")
        # To the beginning of the line, to have its words printed.
        os.write(ours, f"skybusctl {line}\t\001printf '<%s>' DO''NE \n".encode())
        shown = self.read_until(ours, r"<DONE>((<[^<>]*>)+)")
        return tuple(re.findall("<([^<>]*)>", shown[1]))[1:]

    @staticmethod
    def read_until(terminal, pattern):
        shown = ""
        while not (found := re.search(pattern, shown)):
            shown += os.read(terminal, 4096).decode()
        return found

    def test_bash(self):
        setup = f"bind 'set enable-bracketed-paste off'; source {FOLDER}/skybusctl.bash"
        for line, words in self.LINES.items():
            self.assertEqual(self.completed(("bash", "--norc", "-i"), setup, line), words)

    @unittest.skipUnless(shutil.which("zsh"), "there is no zsh")
    def test_zsh(self):
        setup = f"fpath=({FOLDER} $fpath); autoload -Uz compinit; compinit -u -D"
        for line, words in self.LINES.items():
            self.assertEqual(self.completed(("zsh", "-f", "-i"), setup, line), words)

    @unittest.skipUnless(shutil.which("fish"), "there is no fish")
    def test_fish(self):
        for line, words in self.LINES.items():
            program = f"source {FOLDER}/skybusctl.fish; complete -C 'skybusctl {line}'"
            done = subprocess.run(
                ("fish", "-N", "-c", program), cwd=self.place, env=self.environment,
                stdout=subprocess.PIPE, text=True, check=True,
            )
            self.assertEqual(done.stdout, words[-1] + "\n", line)


if __name__ == "__main__":
    unittest.main()
