# SPDX-License-Identifier: Apache-2.0
"""
The links of a torture: at several clouds at once, and online again soon after each start.

EnOS lets a device log in three times in two minutes, so there is a row of devices there, and each
is up in two of the rounds only; at the end all are. Those of the other clouds are always up: what
Aliyun gave them is kept over a restart, and 1NCE wants no login.
"""

import json
import os
import re

import harness
from harness import PRODUCT, SECRET, link_at

ROUNDS_PER_DEVICE = 2
DEVICES_MOST = 25  # for each generation of EnOS
GENERATIONS = ("enos-v1", "enos-v2")

ALIYUN = ("aliyun-a", "aliyun-b")
ONCE = "once"

# Puts several messages into one request, and has them wait for each other.
BATCHING = "aliyun-batching"
HOLD = "1s"

# What is published to this topic goes to both links, each of another cloud.
TEED = "teed"
TEE = (ALIYUN[0], ONCE)

# A topic of ONCE: what is published to it goes to an inbox as well.
ANNOUNCED = "plant/announced"

# So that the inbox is never full, however slow its app is.
INBOXES = "inboxes:\n  messages: 1000000\n  bytes: 1G\n"

# A topic that the cloud refuses.
REFUSED = f"/{PRODUCT}/another/user/update"

ID = re.compile(r'"(?:id|reading)": "?(\d+)"?')


def payload(number, link=None):
    return json.dumps({"reading": number}) if link == BATCHING else harness.post(number)


def number_of(text):
    """Which message it is; None when it is none of ours, or not whole."""
    found = ID.search(text)
    number = int(found[1]) if found else None
    return number if number is not None and text in (payload(number), reading(number)) else None


def reading(number):
    return payload(number, BATCHING)


def published(line):
    """What was published, by a line of the record; None for a request whose points have theirs."""
    text = line.get("payload", "")
    if line["event"] == "point":
        return reading(json.loads(text)["value"])
    if line["topic"].endswith("/property/batch/post"):
        return None
    if line["topic"].endswith("/property/post"):
        return reading(json.loads(text)["params"]["reading"]["value"])
    return text


def cloud_of(link):
    return "1nce" if link == ONCE else link.rpartition("-")[0]


def copy_for(number, cloud):
    """What a message is called: of one that is teed there is a copy for each cloud."""
    return f"{number} at {cloud}"


def copy_of(text, cloud):
    """The same by its payload; None when it is none of ours, or not whole."""
    number = number_of(text)
    return None if number is None else copy_for(number, cloud)


class World:
    """Which links there are, and which of them are up in which round."""

    def __init__(self, rounds, folder):
        devices = min(DEVICES_MOST, -(-rounds // len(GENERATIONS)))
        self.enos = [
            f"{generation}-{number:02}" for number in range(devices) for generation in GENERATIONS
        ]
        self.rounds = rounds
        self.steady = [*ALIYUN, BATCHING, ONCE]
        self.links = self.steady + self.enos
        self.secret_path = os.path.join(folder, "secret")
        with open(self.secret_path, "w", encoding="ascii") as file:
            os.chmod(self.secret_path, 0o600)
            file.write(SECRET)
        self.topics = {link: self.topic(link) for link in self.links}

    def topic(self, link):
        if link in self.enos:
            return f"/sys/{PRODUCT}/{link}/thing/measurepoint/post"
        return "plant/reading" if link in (ONCE, BATCHING) else f"/{PRODUCT}/{link}/user/update"

    def up(self, number):
        """The links that are up in a round, from 0 on; after the last all are."""
        if number >= self.rounds:
            return self.links
        # As often as the devices allow, at even distances; the same device not twice in a row.
        uses = min(len(self.enos) * ROUNDS_PER_DEVICE, self.rounds)
        use = number * uses // self.rounds
        if number > 0 and use == (number - 1) * uses // self.rounds:
            return self.steady
        return [*self.steady, self.enos[use % len(self.enos)]]

    def simulator_options(self):
        return [f"--device={PRODUCT},{link},{SECRET}" for link in self.links if link != ONCE]

    def link_config(self, link, endpoints, enabled):
        rows = {"enabled": "yes" if enabled else "no"}
        endpoint = endpoints[cloud_of(link)]
        if link == ONCE:
            rows |= {"plugin": "1nce", "security": "plain"}
            return link_at(link, endpoint, **rows)
        rows |= {"product_key": PRODUCT, "device_secret": f"{{file: {self.secret_path}}}"}
        if link in ALIYUN or link == BATCHING:
            rows |= {"plugin": "aliyun", "mode": "symmetric", "device_name": link}
            if link == BATCHING:
                rows |= {"envelope": "property", "batch": HOLD}
            return link_at(link, endpoint, **rows)
        rows |= {"plugin": "enos", "device_key": link}
        return link_at(link, endpoint, **rows)

    def route(self):
        targets = ", ".join(f"{{link: {link}, topic: {self.topics[link]}}}" for link in TEE)
        return f"routes:\n  - {{match: {TEED}, send: all, to: [{targets}]}}\n"

    def config(self, endpoints, number, store):
        """The daemon's configuration in a round; the links that are up come first."""
        up = self.up(number)
        links = sorted(self.links, key=lambda link: link not in up)
        store_rows = "".join(f"  {key}: {value}\n" for key, value in store.items())
        link_rows = "".join(self.link_config(link, endpoints, link in up) for link in links)
        return f"store:\n{store_rows}{INBOXES}{self.route()}links:\n{link_rows}"
