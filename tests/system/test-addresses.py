# SPDX-License-Identifier: Apache-2.0
"""
Addresses that change in mid-session: the box's own, as after a new lease, and the one that a router lends
it. Nothing is lost, and each link comes back by itself.

Of the box's own the kernel tells (test-network-change.py). Of a router's, over plain CoAP, the cloud says at once
that it does not know the sender. Over DTLS it says nothing at all, and it takes as long as RFC 7252 lets a request
take to find that out (93 s at most, section 4.8.2).
"""

import harness
from network import BOX, BOX_LATER, CLOUD_GATEWAY, CLOUD_GATEWAY_LATER, NetworkTest

MANY = 20


class AddressTest(NetworkTest):
    """Without relays: the simulator sees who sends."""

    OPTIONS = ()

    def check_change(self, change, before, after):
        """Messages before it, in the midst of it, when nothing gets through, and behind it."""
        self.assert_delivered(self.publish(range(5)))
        self.network.pull_cable()
        tickets = self.publish(range(5, 5 + MANY))
        change()
        self.network.plug_cable()
        tickets += self.publish(range(5 + MANY, 5 + 2 * MANY))
        self.assert_delivered(tickets)
        self.assert_at_least_once(range(5 + 2 * MANY))
        for link in self.LINKS:
            self.assertEqual(self.senders(link), [before, after], link)
            self.assertEqual(self.daemon.get(link, "State"), "online")
        # The address is no part of an Aliyun token; else it takes a login, and one is enough.
        self.assertEqual(self.logins(), {"plain": 2, "dtls": 2, "sealed": 1})


class LeaseTest(AddressTest):
    def test_the_box_has_another_address(self):
        self.check_change(self.network.move_box, BOX, BOX_LATER)


class TranslationTest(AddressTest):
    PROGRAMS = (*AddressTest.PROGRAMS, "nft")

    def prepare_network(self):
        self.network.translate()

    def test_the_router_has_another_address(self):
        self.check_change(self.network.rebind, CLOUD_GATEWAY, CLOUD_GATEWAY_LATER)


if __name__ == "__main__":
    harness.main(beside=("LeaseTest",))
