# SPDX-License-Identifier: Apache-2.0
"""
The box on a bad network, in namespaces of its own: datagrams that take long, get lost, come twice and
out of order; a cable that is pulled. All messages arrive, and no oftener than RFC 7252 explains.
"""

import harness
from network import NetworkTest


class ImpairedTest(NetworkTest):
    """Nothing is lost for good: each message comes once, whatever the network does with it."""

    def test_delay(self):
        """200 ms and 50 more or less each way, so that datagrams overtake each other."""
        self.check(("delay=150", "jitter=100"), 60, self.assert_once)

    def test_duplication(self):
        self.check(("duplicate=50",), 100, self.assert_once)

    def test_reordering(self):
        self.check(("reorder=30", "delay=5", "jitter=20"), 60, self.assert_once)

    def test_loss_of_a_tenth(self):
        self.check(("drop=10",), 30, self.assert_at_least_once)

    def test_loss_of_three_tenths(self):
        """
        Half of all exchanges need another try, and one in thirty is given up. A handshake that is lost in
        the middle looks like a refusal to EnOS' plugin, which then waits for the five minutes of a block.
        """
        self.check(("drop=30", "delay=20", "jitter=20"), 2, self.assert_at_least_once)


class CableTest(NetworkTest):
    def test_pulled_for_some_seconds(self):
        """Shorter than a request lives: it is repeated until it arrives, and nobody logs in anew."""
        tickets = self.publish(range(10))
        self.network.pull_cable()
        tickets += self.publish(range(10, 40))
        with self.assertRaises(TimeoutError):
            self.client.wait_signal("Settled", lambda body: body[0] == tickets[-1], timeout=5)
        self.network.plug_cable()
        self.assert_delivered(tickets)
        self.assert_once(range(40))
        self.assertEqual(self.logins(), dict.fromkeys(self.LINKS, 1))


if __name__ == "__main__":
    harness.main(beside=("ImpairedTest.test_loss_of_a_tenth", "ImpairedTest.test_loss_of_three_tenths"))
