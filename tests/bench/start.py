# SPDX-License-Identifier: Apache-2.0
"""
How fast the daemon starts, with four links, one for each cloud, and what memory it takes then: as a box
boots, with what it remembers of the last time, beside the same with 100 000 messages waiting, and the first
time of all. Each start has a fresh copy of the same state.
"""

import os
import shutil
import subprocess
import tempfile
import time

import harness
from place import Missing, Place, memory_kb
from row import Row, at_most
from ways import ALIYUN_CERTIFICATE, CLOUDS, ENOS_DTLS, ENOS_V2, LINK, ONCE_DTLS

STORED = 100000
SETTLE_S = 2  # the daemon gives back what the logins took a second after them
# The links are where the plant's is; it is the one that the messages wait for.
LINKS = {LINK: ENOS_V2, "meter": ENOS_DTLS, "valve": ALIYUN_CERTIFICATE, "pump": ONCE_DTLS}


def config_of(simulator, enabled=True):
    """With all four links, of which none, or all, are up."""
    links = [way.link(name, simulator, enabled="yes" if enabled else "no") for name, way in LINKS.items()]
    return "links:\n" + "".join(links)


def start_ms(place, daemon):
    """From exec until the bus has told of all links that they are online."""
    begun = time.monotonic()
    place.start(daemon, links=LINKS)
    return (time.monotonic() - begun) * 1000


class States:
    """What a daemon has on disk, put aside under names."""

    def __init__(self, place, daemon):
        self.folder = place.disk
        self.daemon = daemon

    def save(self, name):
        shutil.copytree(self.daemon.state_dir, os.path.join(self.folder, name))

    def restore(self, name):
        """Nothing of it stays in the cache of the file system that is not on the disk."""
        shutil.rmtree(self.daemon.state_dir)
        if name:
            shutil.copytree(os.path.join(self.folder, name), self.daemon.state_dir)
        else:
            os.mkdir(self.daemon.state_dir, mode=0o700)
        os.sync()


def prepare(place, daemon, states, stored):
    """A state of a box that has been online, and one with messages waiting."""
    place.start(daemon, links=LINKS)
    daemon.end()
    for link in "plant", "meter":
        daemon.forget_logins(link)  # EnOS allows only so many; a box that boots has none of them
    states.save("empty")
    daemon.configure(config_of(place.simulator, enabled=False))
    place.start(daemon, links=())
    daemon.wait_state(LINK, "disabled")
    place.call("stored", stored, 64, [(harness.link_path(LINK), place.way.topic)])
    daemon.end()
    states.save("full")
    daemon.configure(config_of(place.simulator))


def check_stored(daemon, stored):
    """They are there, or with the cloud; for a moment, until their ends are on disk, some are both."""
    link = daemon.client.get_all(harness.link_path(LINK), harness.LINK)
    found = link["Queued"] + link["Delivered"]
    if found < stored:
        raise Missing(f"after a restart: {found} of {stored} messages are there")


def measure(bench):
    series = {}
    stored = bench.count(STORED, 100)
    with Place(bench, ENOS_V2) as place:
        place.use_card()
        daemon = place.new_daemon(config_of(place.simulator))
        states = States(place, daemon)
        prepare(place, daemon, states, stored)
        for _ in range(bench.runs):
            for state, key in ("empty", "start_ms"), ("full", "start_stored_ms"), (None, "start_first_ms"):
                states.restore(state)
                series.setdefault(key, []).append(start_ms(place, daemon))
                if state == "full":
                    check_stored(daemon, stored)
                if state == "empty":
                    time.sleep(SETTLE_S)
                    for name, kb in zip(("rss_idle_kb", "pss_idle_kb"), memory_kb(daemon.process)):
                        series.setdefault(name, []).append(kb)
                daemon.kill()
    return series


def stripped_kb(path):
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["strip", "-o", file.name, path], check=True)
        return os.stat(file.name).st_size / 1024


def measure_size(_):
    """The daemon and all plugins, as they are installed."""
    plugins = [os.path.join(harness.PLUGIN_DIR, f"{name}.so") for name in CLOUDS]
    return {"stripped_kb": [sum(map(stripped_kb, (harness.SKYBUSD, *plugins)))]}


ROWS = (
    Row(
        "start_ms",
        "from exec to four links online, one for each cloud, with what was remembered",
        measure,
        (at_most(300),),
        quick=True,
    ),
    Row(
        "start_stored_ms",
        "the same with 100 000 messages waiting",
        measure,
        (at_most(1.5, "start_ms"),),
        quick=True,
    ),
    Row("start_first_ms", "the same for the first time", measure, quick=True),
    Row("rss_idle_kb", "resident memory with the four links idle", measure, quick=True),
    Row(
        "pss_idle_kb",
        "the same, where what processes share is divided among them",
        measure,
        (at_most(8000),),
        quick=True,
    ),
    Row(
        "stripped_kb",
        "skybusd and its four plugins, stripped",
        measure_size,
        (at_most(1000),),
        quick=True,
    ),
)
