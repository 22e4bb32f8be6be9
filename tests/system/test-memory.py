# SPDX-License-Identifier: Apache-2.0
"""
What is left of a secret in the daemon's memory: all that it may write is read, as root may, and the secret looked
for. The daemon keeps the secrets of its configuration, for it logs in again by itself; of a link that it does
not have any more it keeps nothing.
"""

import hashlib
import os
import re
import time
import unittest

import harness
from client import LINK, MANAGER, PATIENCE, ROOT, link_path
from harness import PRODUCT, cloud_link

DEVICE = "dev0000002"

# Long, so that it does not fit into what a parser begins with.
SECRET = b"AbCdEfGhIjKlMnOpQrStUvWxYz0123456789aBcDeFgHiJkLmNoPqRsT"

# Shorter pieces may be something else's.
PIECE = 12


def contents(pid):
    """What is in each piece of memory that a process may write."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        lines = [line.split(maxsplit=2) for line in file]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for span, rights, _ in lines:
            begin, end = (int(number, 16) for number in span.split("-"))
            # The address sanitizer has terabytes for itself, and nobody's data in it.
            if rights.startswith("rw") and end - begin < 1 << 32:
                memory.seek(begin)
                try:
                    yield memory.read(end - begin) or b""
                except OSError:  # a thread has ended meanwhile, and its stack is gone
                    pass


def places(pid, secret, piece):
    """Where pieces of so many bytes of a secret are, with what is around."""
    pieces = "|".join(
        re.escape(secret[i : i + piece].decode("latin-1"))
        for i in range(0, len(secret) - piece + 1, 4)
    )
    pattern = re.compile(pieces.encode("latin-1"), re.DOTALL)
    return [
        content[max(found.start() - 32, 0) : found.end() + 32]
        for content in contents(pid)
        for found in pattern.finditer(content)
    ]


class MemoryTest(harness.SystemTest):
    def setUp(self):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to read the memory of others")
        self.bus = self.start_bus()
        self.simulator = self.start_simulator(f"--device={PRODUCT},{DEVICE},{SECRET.decode()}")
        self.client = self.new_client(self.bus)

    def start(self, config):
        self.daemon = self.start_daemon(self.bus, "links:\n" + config)
        self.daemon.wait_state("plant", "online")

    def places(self, secret, piece=PIECE):
        return places(self.daemon.process.pid, secret, piece)

    def remove_link(self):
        self.daemon.configure("links: {}\n")
        self.client.call(ROOT, MANAGER + ".Reload")
        self.daemon.wait_for(lambda: self.daemon.get("plant", "State") is None, "the link to go")

    def assert_gone(self, secret, piece=PIECE):
        """Soon: what goes with a session goes when its last words are out."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.places(secret, piece)) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(found, [])

    def assert_once(self, secret, piece=PIECE):
        found = self.places(secret, piece)
        self.assertEqual(len(found), len(secret) // piece, found)

    def cloud(self, cloud, door=None, **settings):
        name = "device_name" if cloud == "aliyun" else "device_key"
        endpoint = self.simulator.endpoints[door or cloud]
        return cloud_link("plant", cloud, endpoint, **{name: DEVICE} | settings)

    def remembers_and_forgets(self, *cloud, derived=(), **settings):
        """What the configuration has stays with it, what was made of it goes with the session."""
        path = os.path.join(self.folder, "secret")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(SECRET)
        self.start(self.cloud(*cloud, device_secret=f"{{file: {path}}}", **settings))
        for each in derived:
            self.assertNotEqual(self.places(each), [], "it cannot be found where it must be")
        self.client.call(link_path("plant"), LINK + ".Disconnect")
        self.daemon.wait_state("plant", "disabled")
        for each in derived:
            self.assert_gone(each)
        self.assert_once(SECRET)
        self.remove_link()
        self.assert_gone(SECRET)

    def test_enos(self):
        self.remembers_and_forgets("enos-v2")

    def test_enos_dtls(self):
        key = hashlib.sha256(SECRET).digest()[8:24]
        self.remembers_and_forgets("enos-dtls", derived=[key])

    def test_aliyun(self):
        self.remembers_and_forgets("aliyun")

    def test_aliyun_psk(self):
        self.remembers_and_forgets("aliyun", "aliyun-dtls", mode="dtls", security="psk")

    def test_inline(self):
        """Of a long one libyaml leaves pieces behind, for it grows a value without wiping; but not the whole."""
        self.start(self.cloud("enos-v2", device_secret=SECRET.decode()))
        self.assert_once(SECRET, len(SECRET))
        self.remove_link()
        self.assert_gone(SECRET, len(SECRET))


if __name__ == "__main__":
    harness.main()
