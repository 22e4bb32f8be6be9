# SPDX-License-Identifier: Apache-2.0
"""On what was measured: the machine, its disk, the versions of all that took part."""

import datetime
import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
import time

# Of Debian 12 and 13, where some have other names.
PACKAGES = ("libcoap3", "libcoap3t64", "libgnutls30", "libgnutls30t64", "libsqlite3-0", "libsystemd0",
            "dbus-daemon", "mosquitto", "valgrind")
SYNCS = 20
BLOCK = b"\0" * 4096


class NoDisk(RuntimeError):
    """Where nothing is durable, no figure of what is durable can be had."""


def own_writes():
    with open("/proc/self/io", encoding="ascii") as rows:
        return int(dict(row.split() for row in rows)["write_bytes:"])


def file_system(folder):
    """Its type, by the mount that the folder is on."""
    device = os.stat(folder).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8") as rows:
        for row in rows:
            if row.split()[2] == number:
                return row.partition(" - ")[2].split()[0]
    return "unknown"


def sync_us(folder):
    """What it takes to have a block on the disk; and whether the kernel says that it went to one."""
    took, before = [], own_writes()
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(SYNCS):
            file.write(BLOCK)
            begun = time.monotonic()
            os.fsync(file.fileno())
            took.append((time.monotonic() - begun) * 1e6)
    return statistics.median(took), own_writes() - before >= SYNCS * len(BLOCK)


def disk_of(folder, anywhere=False):
    """
    What the folder is on. A tmpfs, or an overlay on one, is refused, by what the kernel counts as written to a
    disk: an overlay does not tell what it is made of.
    """
    kind = file_system(folder)
    took, is_real = sync_us(folder)
    if not is_real and not anywhere:
        raise NoDisk(
            f"{folder} is on {kind}, where a sync writes nothing to a disk, so nothing there is durable: "
            "name a folder on a real file system with --folder (make bench FOLDER=/PATH)"
        )
    return {"file_system": kind, "sync_us": round(took, 1), "durable": is_real}


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.*)$", file.read(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def memory_mb():
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(file.readline().split()[1]) // 1024


def first_line(*command, **options):
    """Of what a program says; None if it cannot be asked."""
    if not shutil.which(command[0]):
        return None
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else None


def versions(skybusd):
    """Of the daemon, and of the packages that are installed."""
    found = {"skybusd": first_line(skybusd, "--version")}
    with open("/etc/os-release", encoding="utf-8") as file:
        found["system"] = re.search(r'^PRETTY_NAME="?([^"\n]*)', file.read(), re.MULTILINE).group(1)
    for package in PACKAGES:
        version = first_line("dpkg-query", "-W", "-f", "${Version}", package)
        if version:
            found[package] = version
    return found


def commit(root):
    """With "+" behind it if the tree has changed since; None outside of a checkout."""
    name = first_line("git", "-C", root, "rev-parse", "HEAD")
    changed = first_line("git", "-C", root, "status", "--porcelain", "--untracked-files=no")
    return name and name + ("+" if changed else "")


def describe(skybusd, root, disk):
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "memory_mb": memory_mb(), **disk},
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "date": now.isoformat(timespec="seconds"),
        "load_before": os.getloadavg()[0],
        "versions": versions(skybusd),
        "commit": commit(root),
    }
