# SPDX-License-Identifier: Apache-2.0
"""
A Debian that boots a real systemd in a container, and a simulated cloud that stays when it reboots. Both
are alone in a network of their own, which has nothing but a loopback.
"""

import contextlib
import json
import os
import subprocess
import time

# How long anything may take that is not waited for on purpose.
PATIENCE = 150

# How systemd-nspawn ends when the machine in it wants to start again, and it has been told --keep-unit.
REBOOT = 133

SIM_FOLDER = "/srv/sim"
DOORS = ("enos-v1", "enos-v2", "enos-dtls", "aliyun", "aliyun-dtls", "1nce", "1nce-dtls", "1nce-https")


def run(*command, check=True, **options):
    """Returns what the command wrote to its stdout; with check, it must end with 0."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        text = done.stdout + done.stderr
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {text}")
    return done.stdout


def eventually(condition, what, timeout=PATIENCE):
    """Waits until condition() is true, and returns what it returned. what: for whoever reads of the end."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(0.2)
    return result


class Container:
    """ROOT is changed by what happens in it."""

    def __init__(self, root, name, log):
        self.root = root
        self.name = name
        self.log = log
        self.process = None
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")

    def boot(self):
        """Waits until the machine is up."""
        command = (
            "systemd-nspawn",
            "--quiet",
            "--boot",
            "--register=no",
            "--keep-unit",
            "--console=pipe",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            f"--directory={self.root}",
            f"--machine={self.name}",
            f"--network-namespace-path=/run/netns/{self.name}",
        )
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.wait_until_up()

    def wait_until_up(self):
        eventually(self.is_up, f"{self.name} is up; its console: {self.log}", 2 * PATIENCE)

    def is_up(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"systemd-nspawn has ended with {self.process.returncode}: {self.log}")
        if not self.leader():
            return False
        state = self.run("systemctl", "is-system-running", check=False)
        return state.strip() in ("running", "degraded")

    def leader(self):
        """The number of its first process; "" for none."""
        return run("pgrep", "--parent", str(self.process.pid), check=False).partition("\n")[0]

    def command(self, *command, user=None):
        as_user = ("runuser", "-u", user, "--") if user else ()
        return ("nsenter", "--target", self.leader(), "--all", "--", *as_user, *command)

    def run(self, *command, user=None, **options):
        """What a program in it writes, that a person at its console has started."""
        return run(*self.command(*command, user=user), **options)

    def status(self, *command, user=None):
        """Its exit status, and what it writes to either."""
        done = subprocess.run(
            self.command(*command, user=user),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout

    def shell(self, script, user=None):
        return self.run("sh", "-euc", script, user=user)

    def property(self, name, unit="skybusd"):
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def reboot(self):
        """With all that belongs to it: services stop, the machine goes down, comes up."""
        self.run("systemctl", "reboot", check=False)
        status = self.process.wait(2 * PATIENCE)
        if status != REBOOT:
            raise RuntimeError(f"systemd-nspawn has ended with {status}: {self.log}")
        self.boot()

    def write(self, path, text, mode=0o644):
        whole = self.path(path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(whole, mode)

    def read(self, path, binary=False):
        with open(self.path(path), "rb") as file:
            data = file.read()
        return data if binary else data.decode()

    def path(self, inside):
        return os.path.join(self.root, inside.lstrip("/"))

    def end(self):
        if self.process and self.process.poll() is None:
            # To nspawn: an orderly shutdown.
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        run("ip", "netns", "delete", self.name)


class Cloud:
    """The skybus-sim of the package, in the container's network but not among its processes."""

    def __init__(self, container, *options):
        self.inside = ("nsenter", f"--net=/run/netns/{container.name}", "chroot", container.root)
        folder = container.path(SIM_FOLDER)
        os.makedirs(folder, exist_ok=True)
        self.record_path = os.path.join(folder, "record.jsonl")
        command = (
            "skybus-sim",
            f"--record={SIM_FOLDER}/record.jsonl",
            f"--control={SIM_FOLDER}/control",
            f"--ca-file={SIM_FOLDER}/ca.pem",
            "--impairable",
            *options,
        )
        self.process = subprocess.Popen((*self.inside, *command), stdout=subprocess.PIPE, text=True)
        self.ports = {}
        while len(self.ports) < len(DOORS):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("skybus-sim does not start")
            name, url = line.split()
            self.ports[name] = int(url.rpartition(":")[2])

    def ctl(self, *words):
        return run(*self.inside, "skybus-sim", "ctl", f"{SIM_FOLDER}/control", *words)

    def record(self, event, cloud):
        with open(self.record_path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file.read().split("\n")[:-1]]
        return [line for line in lines if (line["event"], line["cloud"]) == (event, cloud)]

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
