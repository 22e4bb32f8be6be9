# SPDX-License-Identifier: Apache-2.0
"""skybusctl, run against the daemon of a test."""

import json
import os
import pty
import subprocess
import termios

from client import PATIENCE

SKYBUSCTL = os.environ["SKYBUSCTL"]

# As in ctl/exit.h.
OK, FAILED, USAGE, NO_DAEMON, NOT_FOUND = range(5)
NOT_PERMITTED, TIMEOUT, NOT_DELIVERED, NOT_ONLINE, FINDING = range(5, 10)


class Ctl:
    """Runs it on one bus."""

    def __init__(self, address):
        self.general = [f"--address={address}"]
        self.inside = ()
        self.environment = os.environ | {"NO_COLOR": "1", "PAGER": "cat", "LC_ALL": "C.UTF-8"}

    def start(self, *words, **options):
        """Begins one that goes on beside the test."""
        return subprocess.Popen(
            [*self.inside, SKYBUSCTL, *self.general, *map(str, words)],
            stdin=options.pop("stdin", subprocess.PIPE),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment | options.pop("env", {}),
            **options,
        )

    def run(self, *words, expect=OK, input="", **options):
        """Runs it to its end; returns what it wrote: standard output, or if it failed standard error."""
        process = self.start(*words, **options)
        try:
            out, err = process.communicate(input, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        if process.returncode != expect:
            raise AssertionError(
                f"skybusctl {' '.join(map(str, words))}: {process.returncode}, not {expect}: {out}{err}"
            )
        return out if expect == OK else err

    def json(self, *words, **options):
        return json.loads(self.run("--json", *words, **options))

    def lines(self, *words, **options):
        """JSON lines."""
        return [json.loads(line) for line in self.run("--json", *words, **options).splitlines()]

    def on_terminal(self, *words, stream="stdout", env=(), rows=0, columns=0):
        """Runs it with one of its streams on a terminal; returns its status and what that has shown."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(ours, (rows, columns))
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | {stream: theirs}
        process = subprocess.Popen(
            [SKYBUSCTL, *self.general, *map(str, words)],
            env=self.environment | dict(env),
            **streams,
        )
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # EIO: nobody has the other end any more
            pass
        os.close(ours)
        return process.wait(PATIENCE), shown.decode()
