# SPDX-License-Identifier: Apache-2.0
"""
The box's own network changes, and the kernel says so: links are back at once, where time-outs would have
taken minutes; and what is no concern of theirs costs nothing, not even a datagram.

Nothing is asserted about how long it takes. Who had found out by a time-out would say so: a session's end by
itself has another reason, and the first of these comes after a minute.
"""

import os
import sys
import time

import harness
from harness import SOURCE_ROOT, enos_link, eventually
from network import (
    BOX,
    BOX_GATEWAY,
    BOX_LATER,
    CLOUD,
    MODEM,
    MODEM_GATEWAY,
    NetworkTest,
)
from without_netlink import SOCKET

# Of the daemon's log: the links have looked.
LOOKED = "the network may have changed"

WITHOUT_NETLINK = os.path.join(SOURCE_ROOT, "tests", "system", "without_netlink.py")


def moved(to, by, former, former_by):
    return (
        f"the network has changed: this box now reaches {CLOUD} from {to} by {by}, "
        f"not from {former} by {former_by}"
    )


GONE = f"the network has changed, and leads to {CLOUD} no more"


class ChangeTest(NetworkTest):
    """Without relays: the simulator sees who sends."""

    OPTIONS = ()

    def wait_back(self, since, *reasons):
        """
        Waits until each session has ended for one of these reasons, and there is another. None was a
        time-out's; tells how long it took.
        """
        for link in self.LINKS:
            self.daemon.wait_property(link, "LastError", lambda text: text in reasons, timeout=120)
            self.daemon.wait_state(link, "online", timeout=120)
            print(f"    {link}: online again after {1000 * (time.monotonic() - since):.0f} ms")
        for sign in ("no answer", "answers pings", "ended the session"):
            self.assertNotIn(sign, self.daemon.log)

    def wait_reason(self, link, reason):
        return self.daemon.wait_property(link, "StateReason", lambda text: text.startswith(reason))

    def assert_logins(self, **counts):
        eventually(lambda: self.logins() == counts, f"logins to be {counts}, not {self.logins()}")

    def assert_no_login_more(self):
        self.assert_logins(**dict.fromkeys(self.LINKS, 1))

    def assert_same_sessions(self):
        """All messages of each link have come from one socket."""
        self.assert_no_login_more()
        for link in self.LINKS:
            self.assertEqual(self.daemon.get(link, "LastError"), "")
            peers = {peer for came in self.arrivals(link).values() for _, peer in came}
            self.assertEqual(len(peers), 1, f"{link} has had several sessions")

    def looks(self):
        return self.daemon.log.count(LOOKED)

    def look_after(self, change, *arguments):
        """Lets something happen, and waits until the links have looked what it is to them."""
        before = self.looks()
        change(*arguments)
        eventually(lambda: self.looks() > before, f"the links to look after {arguments}")


class TwoWaysTest(ChangeTest):
    """A box with a modem beside its cable."""

    def prepare_network(self):
        self.network.lay_second_way()

    def test_the_default_route_moves(self):
        """What is in flight has gone into a cable that is dead, and arrives by the other way."""
        self.assert_delivered(self.publish(range(3)))
        self.network.pull_cable()
        tickets = self.publish(range(3, 10))
        since = time.monotonic()
        self.network.move_route()
        self.wait_back(since, moved(MODEM, "wwan", BOX, "lan"))
        self.assert_delivered(tickets + self.publish(range(10, 13)))
        self.assert_at_least_once(range(13))
        for link in self.LINKS:
            self.assertEqual(self.senders(link), [BOX, MODEM], link)
        # The address is no part of an Aliyun token.
        self.assert_logins(plain=2, dtls=2, sealed=1)

    def test_the_first_way_goes(self):
        """With its interface, and the routing table has another one already."""
        since = time.monotonic()
        self.network.unplug()
        tickets = self.publish(range(3))
        self.wait_back(since, moved(MODEM, "wwan", BOX, "lan"))
        self.assert_delivered(tickets)
        # Linux may have sent them from the first address by the second way, and no answer finds back.
        self.assert_at_least_once(range(3))
        for link in self.LINKS:
            self.assertEqual(self.senders(link)[-1], MODEM, link)

    def test_what_is_no_concern_costs_nothing(self):
        self.assert_delivered(self.publish(range(3)))
        before = self.network.datagrams("box"), self.network.datagrams("cloud")
        sent = [self.daemon.get(link, "BytesSent") for link in self.LINKS]
        for change in (
            "link add spare type veth peer name other",
            "addr add 10.99.0.1/24 dev spare",
            "link set other up",
            "link set spare up",
            "route add 192.0.2.0/24 via 10.99.0.9 dev spare",
            "route add default via 10.99.0.9 dev spare metric 900",
            "addr add 10.66.1.77/24 dev lan",
            "addr add 2001:db8:1::2/64 dev lan nodad valid_lft 1800 preferred_lft 900",
            f"route replace default via {MODEM_GATEWAY} dev wwan metric 800",
            "link set wwan down",
            "link del spare",
            "addr del 10.66.1.77/24 dev lan",
            "rule add from 10.99.0.0/24 table 99",
        ):
            self.look_after(self.network.ip, "box", change)
        self.assertEqual((self.network.datagrams("box"), self.network.datagrams("cloud")), before)
        self.assertEqual([self.daemon.get(link, "BytesSent") for link in self.LINKS], sent)
        self.assert_delivered(self.publish(range(3, 6)))
        self.assert_same_sessions()

    def test_repetitions_are_not_even_looked_at(self):
        """As a router's advertisements every few seconds, which renew addresses and routes."""
        address = "2001:db8:1::2/64 dev lan nodad valid_lft {0} preferred_lft {0}"
        route = "route replace default via fe80::1 dev lan expires {0}"
        self.look_after(self.network.ip, "box", f"-6 addr add {address.format(1800)}")
        self.look_after(self.network.ip, "box", f"-6 {route.format(1800)}")
        before = self.looks()
        # For so long that, if they counted, the links would have looked by now: it is a second at most.
        lifetime, until = 1700, time.monotonic() + 2.5
        while time.monotonic() < until:
            lifetime -= 1
            self.network.ip("box", f"-6 addr change {address.format(lifetime)}")
            self.network.ip("box", f"-6 {route.format(lifetime)}")
        # Told behind them, and so the only one.
        self.look_after(self.network.ip, "box", "addr add 10.66.1.77/24 dev lan")
        self.assertEqual(self.looks(), before + 1)

    def test_who_was_refused_is_not_hurried(self):
        """EnOS blocks a device that asks too often, so after two refusals a wait of five minutes is kept."""
        endpoint = self.simulator.endpoints["enos-v1"]
        config = "links:\n" + enos_link("plain", self.simulator.endpoints["enos-v2"])
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.configure(config + enos_link("refused", endpoint, "another secret"))
        self.daemon.start()
        self.daemon.wait_state("plain", "online")
        reason = self.daemon.wait_property("refused", "StateReason", lambda text: " 30" in text)
        self.assertEqual(len(self.simulator.record("login-refused")), 2)
        self.assertEqual(len(self.simulator.record("login", "enos-v2")), 2)
        self.look_after(self.network.move_route)
        # The other one has heard of it, and is back.
        eventually(
            lambda: len(self.simulator.record("login", "enos-v2")) == 3, "the other link's login"
        )
        self.daemon.wait_state("plain", "online")
        self.look_after(self.network.unplug)
        self.assertEqual(self.daemon.get("refused", "State"), "backoff")
        self.assertEqual(self.daemon.get("refused", "StateReason"), reason)
        self.assertEqual(len(self.simulator.record("login-refused")), 2)


class OneWayTest(ChangeTest):
    def test_the_address_changes(self):
        """As after a new lease: the old one goes, and all routes with it, and another one comes."""
        self.assert_delivered(self.publish(range(3)))
        since = time.monotonic()
        self.network.move_box()
        tickets = self.publish(range(3, 6))
        # On a slow machine the links may have looked in between.
        self.wait_back(since, moved(BOX_LATER, "lan", BOX, "lan"), GONE)
        self.assert_delivered(tickets)
        self.assert_at_least_once(range(6))
        for link in self.LINKS:
            self.assertEqual(self.senders(link), [BOX, BOX_LATER], link)
        self.assert_logins(plain=2, dtls=2, sealed=1)

    def test_an_address_more_is_used_when_the_first_goes(self):
        self.assert_delivered(self.publish(range(3)))
        self.look_after(self.network.ip, "box", f"addr add {BOX_LATER}/24 dev lan")
        self.assert_delivered(self.publish(range(3, 6)))
        self.assert_same_sessions()
        self.network.ip("box", f"addr del {BOX}/24 dev lan")
        self.network.ip("box", f"addr add {BOX_LATER}/24 brd + dev lan")
        self.network.ip("box", f"route add default via {BOX_GATEWAY}")
        self.assert_delivered(self.publish(range(6, 9)))
        for link in self.LINKS:
            self.assertEqual(self.senders(link), [BOX, BOX_LATER], link)

    def test_all_goes_and_comes_back(self):
        """Meanwhile they say what they wait for, and none of their own attempts would come as soon."""
        self.assert_delivered(self.publish(range(3)))
        self.network.unplug()
        for link in self.LINKS:
            self.wait_reason(link, f"{GONE}; waiting for the network (no route; next attempt in 300 s")
            self.assertEqual(self.daemon.get(link, "State"), "backoff")
        tickets = self.publish(range(3, 6))
        since = time.monotonic()
        self.network.replug()
        self.wait_back(since, GONE)
        self.assert_delivered(tickets)
        self.assert_logins(plain=2, dtls=2, sealed=1)

    def test_no_network_at_the_start(self):
        self.assertEqual(self.daemon.end(), 0)
        self.network.unplug()
        self.daemon.start()
        for link in self.LINKS:
            self.wait_reason(link, f"no route to {CLOUD}:")
            self.assertIn("; waiting for the network (no route; ", self.daemon.get(link, "StateReason"))
        reasons = [self.daemon.get(link, "LastError") for link in self.LINKS]
        tickets = self.publish(range(3))
        since = time.monotonic()
        self.network.replug()
        self.wait_back(since, *reasons)
        self.assert_delivered(tickets)


class InterfaceTest(ChangeTest):
    """Links that go through one interface, which is not there at first, as with a modem."""

    LINKS = ("plain", "dtls")

    def config(self, link):
        return super().config(link) + "    interface: wwan\n"

    def wait_ready(self):
        for link in self.LINKS:
            self.wait_reason(link, "the box has no network interface wwan")
        self.reasons = [self.daemon.get(link, "LastError") for link in self.LINKS]

    def expect_lack(self, lack):
        for link in self.LINKS:
            self.daemon.wait_property(link, "StateReason", lambda text: f"({lack}; " in text)

    def test_it_comes_goes_and_comes_again(self):
        for link in self.LINKS:
            self.assertIn("(there is no interface wwan; ", self.daemon.get(link, "StateReason"))
        tickets = self.publish(range(3))
        # Not theirs.
        self.look_after(self.network.ip, "box", "addr add 10.66.1.77/24 dev lan")
        self.look_after(self.network.unplug)
        self.look_after(self.network.replug)
        for link in self.LINKS:
            self.assertEqual(self.daemon.get(link, "State"), "backoff")
        # It has no address yet, and Linux would send from the cable's.
        before = self.network.datagrams("box")
        self.look_after(self.network.add_interface, "box", "wwan")
        for link in self.LINKS:
            self.assertEqual(self.daemon.get(link, "State"), "backoff")
        self.assertEqual(self.network.datagrams("box"), before)
        since = time.monotonic()
        self.network.configure("box", "wwan", MODEM, MODEM_GATEWAY, metric=700)
        self.wait_back(since, *self.reasons)
        self.assert_delivered(tickets)
        # Not theirs, either.
        self.look_after(self.network.unplug)
        self.look_after(self.network.replug)
        self.assert_no_login_more()

        self.network.unplug("wwan")
        self.expect_lack("no way through wwan")
        tickets = self.publish(range(3, 6))
        since = time.monotonic()
        self.network.ip("box", "link set wwan up")
        self.network.ip("box", f"route add default via {MODEM_GATEWAY} dev wwan metric 700")
        self.wait_back(since, GONE)
        self.assert_delivered(tickets)
        self.assert_logins(plain=2, dtls=2)
        for link in self.LINKS:
            self.assertEqual(self.senders(link), [MODEM], link)


class WithoutNetlinkTest(ChangeTest):
    """In a sandbox that forbids it: one warning, and links find out as ever."""

    def setUp(self):
        if os.uname().machine not in SOCKET:
            self.skipTest(f"needs the number of socket(2) on {os.uname().machine}")
        super().setUp()

    def start_daemon(self, bus, config, plugin_dir=harness.PLUGIN_DIR, inside=()):
        inside = (*inside, sys.executable, WITHOUT_NETLINK)
        return super().start_daemon(bus, config, plugin_dir, inside)

    def test_it_works_all_the_same(self):
        warning = "the kernel does not tell of changes of the network"
        self.assertEqual(self.daemon.log.count(warning), 1)
        self.assert_delivered(self.publish(range(3)))
        self.network.unplug()
        self.network.replug()
        self.assert_delivered(self.publish(range(3, 6)))
        self.assertEqual(self.looks(), 0)
        self.assert_no_login_more()


if __name__ == "__main__":
    harness.main()
