# SPDX-License-Identifier: Apache-2.0
"""
Executes the commands of one page, one after the other, in a box of its own, and ends with 0 if each ended as it
should. test-commands.py starts it, in name spaces.

Usage: run-page.py PAGE FOLDER NAME=PROGRAM...
"""

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pages
from box import LINKS, Box, secret_for
from commands import blocks_of
from harness import SOURCE_ROOT

# Seconds; one command builds, and the machine may be busy.
PATIENCE = 600


class Page:
    def __init__(self, name, folder, programs):
        self.name = name
        self.text = Path(SOURCE_ROOT, name).read_text(encoding="utf-8")
        self.blocks = blocks_of(name, self.text)
        self.box = Box(folder, programs)
        self.box.add_links(pages.links(name))
        self.executed = 0
        self.behind = None

    def run(self):
        subprocess.run(["systemctl", "start", "skybusd"], check=True)
        pages.prepare(self.name, self.box)
        for number, block in enumerate(self.blocks):
            if block.language == "c" and block.text.startswith("#include"):
                self.write_file(block, r"\b\w+\.c\b", self.blocks[number + 1 :])
            elif block.text.startswith("answers:"):
                self.write_file(block, r"\b\w+\.yaml\b", self.blocks[number + 1 :])
            elif block.language == "yaml":
                self.check_configuration(block)
            for command in block.commands:
                if not pages.elsewhere(command):
                    self.prepare_edit(command, self.blocks[number + 1 :])
                    self.execute(command)

    def write_file(self, block, name, behind):
        """What it shows is in the file of the first such name behind it: the commands there use it."""
        found = re.search(name, "\n".join(other.text for other in behind))[0]
        Path(self.box.tree, found).write_text(block.text + "\n", encoding="utf-8")

    # ---- what is shown as a configuration --------------------------------------------------------

    def check_configuration(self, block):
        """It is one; and sections other than links are put in force, since commands behind them need them."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "conf.d").mkdir()
            Path(folder, "skybus.yaml").write_text(self.completed(block.text) + "\n", encoding="utf-8")
            self.make_secrets(block.text, folder)
            for name in LINKS:
                file = Path(f"/etc/skybus/conf.d/{name}.yaml")
                if file.exists() and not re.search(rf"^  {name}:", block.text, re.MULTILINE):
                    text = file.read_text(encoding="utf-8")
                    Path(folder, f"conf.d/{name}.yaml").write_text(text, encoding="utf-8")
                    self.make_secrets(text, folder)
            done = subprocess.run(
                ["skybusd", "--check-config", "--config", f"{folder}/skybus.yaml"],
                env=os.environ | {"CREDENTIALS_DIRECTORY": folder},
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode != 0:
            self.fail(f"{block.page}:{block.line}: this is no configuration", done.stdout + done.stderr)
        if "links:" not in block.text.split("\n"):
            self.box.set_sections(block.text)
            done = subprocess.run(["systemctl", "reload", "skybusd"], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                self.fail(f"{block.page}:{block.line}: this cannot be put in force", done.stderr)

    @staticmethod
    def completed(text):
        """A link that is shown with some settings only has the others, too, if the box has such a link."""
        parts = re.split(r"^(  ([\w-]+):\n)", text + "\n", flags=re.MULTILINE)
        for at in range(2, len(parts), 3):
            file = Path(f"/etc/skybus/conf.d/{parts[at]}.yaml")
            if not re.search(r"^    plugin:", parts[at + 1], re.MULTILINE) and file.exists():
                others = file.read_text(encoding="utf-8").partition(f"  {parts[at]}:\n")[2]
                parts[at + 1] = others + parts[at + 1]
            parts[at] = ""
        return "".join(parts)

    @staticmethod
    def make_secrets(text, folder):
        """Those that it names are there."""
        for name in re.findall(r"\{credential: ([\w.-]+)\}", text):
            Path(folder, name).write_text("AbCdEfGhIjKlMnOpQrSt", encoding="utf-8")
        for name in re.findall(r"(?:\{file: |: )(/etc/[\w./-]+)", text):
            if not os.path.exists(name):
                Path(name).write_text(Path("/etc/ssl/certs/ca-certificates.crt").read_text()
                                      if name.endswith(".pem") else "AbCdEfGhIjKlMnOpQrSt")
                os.chmod(name, 0o600)

    # ---- commands --------------------------------------------------------------------------------

    def prepare_edit(self, command, behind):
        """What a person who follows the page types into the file: a secret, or what the page shows next."""
        edited = re.search(r"\bsudoedit (\S+)", command.bare)
        if not edited:
            return
        path = Path(edited[1])
        text = secret_for(path.name)
        shown = next((block for block in behind if block.language in ("sh", "yaml", "ini")), None)
        if not text and shown and shown.language != "sh":
            text = shown.text
        elif not text and path.exists():
            # The comment says what to change.
            text = path.read_text(encoding="utf-8")
            for key, value in re.findall(r"(\w+): ([^\s,]+)", command.text.partition("# ")[2]):
                text = re.sub(rf"^( +)#?{key}:.*$", rf"\1{key}: {value}", text, flags=re.MULTILINE)
        if not text:
            self.fail(f"{command.place}: what is to be typed into {path}?", "")
        self.box.type(self.box.at_simulator(text + "\n"))

    def execute(self, command):
        if command.bare.endswith("&"):
            return self.execute_behind(command)
        if pages.runs_on(command):
            return self.execute_for_a_while(command)
        done = subprocess.run(
            ["sh", "-c", command.text],
            cwd=self.box.tree,
            input=pages.answers(command, self.box),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode != command.status:
            self.fail(
                f"{command.place}: exit status {done.returncode}, not {command.status}: {command.text}",
                done.stdout + done.stderr,
            )
        self.executed += 1
        return None

    def execute_behind(self, command):
        """One that the others need, until the next of this kind: it must say something, too."""
        self.stop_behind()
        self.behind = self.start(command.text.rstrip("& "))
        if not self.behind.stdout.readline():
            self.fail(f"{command.place}: it does not run on: {command.text}", "")
        self.executed += 1

    def stop_behind(self):
        if self.behind:
            os.killpg(self.behind.pid, signal.SIGTERM)
            self.behind.communicate(timeout=PATIENCE)

    def start(self, text):
        return subprocess.Popen(
            ["sh", "-c", text],
            cwd=self.box.tree,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def execute_for_a_while(self, command):
        """One that runs until it is stopped: it must say something first."""
        process = self.start(command.text)
        said = ""
        deadline = time.monotonic() + PATIENCE
        while not said and process.poll() is None and time.monotonic() < deadline:
            pages.stimulate(self.name, self.box)
            if select.select([process.stdout], [], [], 0.2)[0]:
                said = os.read(process.stdout.fileno(), 4096).decode()
        if not said or (process.poll() or 0) != 0:
            self.fail(f"{command.place}: it does not run on: {command.text}", said)
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        self.executed += 1

    def fail(self, sentence, output):
        print(f"{sentence}\n{output}")
        self.box.show_journal()
        sys.exit(1)


def main():
    programs = dict(argument.split("=", 1) for argument in sys.argv[3:])
    page = Page(*sys.argv[1:3], programs)
    page.run()
    print(json.dumps({"executed": page.executed}))
    sys.stdout.flush()
    # The daemon's end may tell of leaks.
    done = subprocess.run(["systemctl", "stop", "skybusd"], check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
