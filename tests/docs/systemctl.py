#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
systemctl for a box without systemd: what the documents use of it, for the daemon and its instances, which it starts,
lends secrets to and stops as their units say.

Usage: systemctl [OPTION]... VERB UNIT...

The environment says by SKYBUS_UNITS where the units are. A timer that is started runs its service once.
"""

import glob
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

RUN = "/run/units"
ETC = "/etc/systemd/system"
JOURNAL = "/run/systemd/journal/stdout"
# Seconds; starting takes long on a busy machine.
PATIENCE = 60


def instance_of(unit):
    """skybusd@depot.service -> depot; None for skybusd.service."""
    found = re.fullmatch(r"skybusd(?:@(\w+))?(?:\.service)?", unit)
    if not found:
        sys.exit(f"{sys.argv[0]}: only for skybusd, and not for {unit}")
    return found[1]


def drop_ins(unit):
    """The lines "Key=value" of all drop-ins, in their order."""
    folders = [f"{ETC}/{unit}.service.d", f"{ETC}/{re.sub('@.*', '@', unit)}.service.d"]
    for file in sorted(file for folder in set(folders) for file in glob.glob(folder + "/*.conf")):
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                key, equals, value = line.strip().partition("=")
                if equals and not key.startswith("#"):
                    yield key, value


def lend(unit):
    """A folder with the secrets that the unit is lent."""
    folder = f"/run/credentials/{unit}.service"
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for key, value in drop_ins(unit):
        name, _, path = value.partition(":")
        if key == "LoadCredential":
            command = ["cat", path]
        elif key == "LoadCredentialEncrypted":
            command = ["systemd-creds", "decrypt", f"--name={name}", path, "-"]
        else:
            continue
        secret = subprocess.run(command, check=True, capture_output=True).stdout
        with open(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400), "wb") as file:
            file.write(secret)
    return folder


def open_journal(unit):
    """A stream to the journal, as systemd opens it for a unit's stderr."""
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.connect(JOURNAL)
    stream.sendall(f"skybusd\n{unit}.service\n6\n1\n0\n0\n0\n".encode())
    return stream


def pid_of(unit):
    """Of the unit's process; None if it does not run."""
    try:
        with open(f"{RUN}/{unit}", encoding="ascii") as file:
            pid = int(file.read())
        os.kill(pid, 0)
        return pid
    except (FileNotFoundError, ProcessLookupError):
        return None


def run_timer(unit):
    """What its service does, as the unit says, with the program that is on the path."""
    with open(f"{os.environ['SKYBUS_UNITS']}/{unit.removesuffix('.timer')}.service", encoding="utf-8") as file:
        [command] = re.findall(r"^ExecStart=(.*)$", file.read(), re.MULTILINE)
    program, *words = command.split()
    subprocess.run([os.path.basename(program), *words], check=True)


def start(unit):
    if unit.endswith(".timer"):
        return run_timer(unit)
    if pid_of(unit):
        return None
    instance = instance_of(unit)
    state = f"/var/lib/skybus-instances/{instance}" if instance else "/var/lib/skybus"
    os.makedirs(state, mode=0o700, exist_ok=True)
    os.makedirs(RUN, exist_ok=True)
    notify = f"{RUN}/{unit}.notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, open_journal(unit) as journal:
        ready.bind(notify)
        stat = os.fstat(journal.fileno())
        environment = {
            "CREDENTIALS_DIRECTORY": lend(unit),
            "STATE_DIRECTORY": state,
            "JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}",
            "NOTIFY_SOCKET": notify,
        }
        # Without this the sanitizer's own words would have nowhere to go.
        journal.sendall(f"Starting {unit}\n".encode())
        process = subprocess.Popen(
            ["skybusd", *(["--instance", instance] if instance else [])],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=journal,
            stderr=journal,
            start_new_session=True,
        )
        with open(f"{RUN}/{unit}", "w", encoding="ascii") as file:
            file.write(str(process.pid))
        wait_until_ready(process, ready)
    os.unlink(notify)
    return None


def wait_until_ready(process, ready):
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if select.select([ready], [], [], 0.1)[0] and b"READY=1" in ready.recv(4096):
            return
    sys.exit(f"{sys.argv[0]}: skybusd does not start: journalctl -t skybusd")


def stop(unit):
    pid = pid_of(unit)
    if not pid:
        return
    process = os.pidfd_open(pid)
    os.kill(pid, signal.SIGTERM)
    if not select.select([process], [], [], PATIENCE)[0]:
        sys.exit(f"{sys.argv[0]}: {unit} does not end")
    os.unlink(f"{RUN}/{unit}")


def reload(unit):
    if unit == "dbus":
        call = ["org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ReloadConfig"]
    else:
        name = "io.skybus.Gateway1" + (f".{instance_of(unit)}" if instance_of(unit) else "")
        call = [name, "/io/skybus/Gateway1", "io.skybus.Gateway1.Manager", "Reload"]
    sys.exit(subprocess.run(["busctl", "--quiet", "--timeout=60", "call", *call], check=False).returncode)


def status(unit):
    print(f"{unit}.service: {'active' if pid_of(unit) else 'inactive'}")
    sys.exit(0 if pid_of(unit) else 3)


def restart(unit):
    stop(unit)
    start(unit)


VERBS = {
    "start": start,
    "stop": stop,
    "restart": restart,
    "reload": reload,
    "status": status,
    "enable": lambda unit: start(unit) if "--now" in sys.argv else instance_of(unit),
    "disable": lambda unit: stop(unit) if "--now" in sys.argv else instance_of(unit),
}


def main():
    verb, *units = [word for word in sys.argv[1:] if not word.startswith("-")]
    if verb == "daemon-reload" and not units:
        return
    if verb not in VERBS or not units:
        sys.exit(f"{sys.argv[0]}: this is not the real one, and does not know {verb}")
    for unit in units:
        VERBS[verb](unit.removesuffix(".service"))


if __name__ == "__main__":
    main()
