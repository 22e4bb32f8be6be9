# SPDX-License-Identifier: Apache-2.0
"""
A network of the tests' own: the box, a router, the cloud, each a network namespace, with virtual
cables between them. It needs root, ip(8) and nsenter(1); for address translation nft(8), too.
"""

import json
import os
import shutil
import subprocess
import unittest

import harness
from client import LINK, link_path
from harness import TOPICS, post

BOX = "10.66.1.2"
BOX_LATER = "10.66.1.3"
BOX_GATEWAY = "10.66.1.1"
# The second way of a box that has two.
MODEM = "10.66.3.2"
MODEM_GATEWAY = "10.66.3.1"
CLOUD_GATEWAY = "10.66.2.1"
CLOUD_GATEWAY_LATER = "10.66.2.9"
CLOUD = "10.66.2.2"

MASQUERADE = """
table ip box {
    chain out {
        type nat hook postrouting priority 100
        oifname "wan" masquerade random
    }
}
"""


# By their links: the cloud, which is also the door.
CLOUDS = {"plain": "enos-v2", "dtls": "enos-dtls", "sealed": "aliyun"}
DELIVERED = "delivered"

# Between the last copy of a request and the moment at which its sender gives it up: 2 s times 31, less 30.
# RFC 7252 section 4.8.2 with the smallest ACK_RANDOM_FACTOR; and some for a clock that ticks in ms.
GIVEN_UP_MS = 32_000 - 500

# What does not arrive within this is lost. A request may take 93 s, a message several of them, and a login
# that seems to be refused the five minutes of EnOS' block.
FOR_EVER = 900


def missing(*programs):
    """Why there can be no such network here; None if there can."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    for program in programs:
        if not shutil.which(program):
            return f"needs {program}"
    return None


class Network:
    """
    box: lan -- lan :router: wan -- wan :cloud, and wwan -- wwan between box and router if it has two ways.
    Names have the process's number in them.
    """

    NODES = ("box", "router", "cloud")

    def __init__(self):
        self.made = []

    def name(self, node):
        return f"skybus-{os.getpid()}-{node}"

    def inside(self, node):
        """The beginning of a command line, for one that runs there."""
        return ("nsenter", f"--net=/run/netns/{self.name(node)}", "--")

    def run(self, *command, text=None):
        done = subprocess.run(command, capture_output=True, text=True, input=text, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")

    def ip(self, node, *words):
        # Not "ip -n", which mounts things, and cannot do that everywhere where there are namespaces.
        self.run(*self.inside(node), "ip", *" ".join(words).split())

    def output(self, node, command):
        done = subprocess.run(
            (*self.inside(node), *command.split()), capture_output=True, text=True, check=True
        )
        return done.stdout

    def make(self):
        for node in self.NODES:
            try:
                self.run("ip", "netns", "add", self.name(node))
            except RuntimeError as error:
                self.remove()
                raise unittest.SkipTest(f"no network namespaces here: {error}") from None
            self.made.append(node)
            self.ip(node, "link set lo up")
        self.lay_cable("box", "lan", BOX, BOX_GATEWAY)
        self.lay_cable("cloud", "wan", CLOUD, CLOUD_GATEWAY)
        forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
        self.run(*self.inside("router"), "sh", "-c", forward)

    def lay_cable(self, node, cable, address, gateway, metric=0):
        """With a default route by it, which counts unless there is one of a lower metric."""
        self.add_interface(node, cable)
        self.configure(node, cable, address, gateway, metric)

    def add_interface(self, node, cable):
        """Up, and without address."""
        self.ip(node, f"link add {cable} type veth peer name {cable} netns {self.name('router')}")
        self.ip("router", f"link set {cable} up")
        self.ip(node, f"link set {cable} up")

    def configure(self, node, cable, address, gateway, metric=0):
        # With a broadcast address: without, libcoap 4.3.4 takes what comes for this one for a broadcast, and
        # does not answer.
        self.ip("router", f"addr add {gateway}/24 brd + dev {cable}")
        self.ip(node, f"addr add {address}/24 brd + dev {cable}")
        self.ip(node, f"route add default via {gateway} dev {cable} metric {metric}")

    def lay_second_way(self):
        self.lay_cable("box", "wwan", MODEM, MODEM_GATEWAY, metric=700)

    def remove(self):
        """With a namespace its cables go."""
        while self.made:
            self.run("ip", "netns", "del", self.name(self.made.pop()))

    # -- what happens to it --

    def move_box(self, address=BOX_LATER, former=BOX):
        """The box has another address, as after a new lease."""
        self.ip("box", f"addr del {former}/24 dev lan")
        self.ip("box", f"addr add {address}/24 brd + dev lan")
        self.ip("box", f"route add default via {BOX_GATEWAY}")

    def move_route(self, cable="wwan", gateway=MODEM_GATEWAY):
        """The default route leads another way, as when a modem takes over."""
        self.ip("box", f"route replace default via {gateway} dev {cable}")

    def unplug(self, cable="lan"):
        """At the box's end: its routes go, too."""
        self.ip("box", f"link set {cable} down")

    def replug(self, cable="lan", gateway=BOX_GATEWAY):
        self.ip("box", f"link set {cable} up")
        self.ip("box", f"route replace default via {gateway} dev {cable}")

    def datagrams(self, node):
        """How many UDP datagrams its programs have taken and sent."""
        done = subprocess.run(
            (*self.inside(node), "cat", "/proc/net/snmp", "/proc/net/snmp6"),
            capture_output=True,
            text=True,
            check=True,
        )
        lines = done.stdout.splitlines()
        names, values = [line.split() for line in lines if line.startswith("Udp:")]
        counts = dict(zip(names, values)) | dict(
            line.split() for line in lines if line.startswith("Udp6")
        )
        wanted = ("InDatagrams", "OutDatagrams", "Udp6InDatagrams", "Udp6OutDatagrams")
        return {name: int(counts[name]) for name in wanted}

    def translate(self):
        """The router lends the box its own address towards the cloud."""
        self.run(*self.inside("router"), "nft", "-f", "-", text=MASQUERADE)

    def rebind(self):
        """
        The router has another address towards the cloud and, with that, has forgotten who was behind the
        former one: the box's sessions go out from an address and a port that the cloud does not know.
        """
        self.ip("router", f"addr del {CLOUD_GATEWAY}/24 dev wan")
        self.ip("router", f"addr add {CLOUD_GATEWAY_LATER}/24 brd + dev wan")

    def pull_cable(self):
        """At the router's end, so that at the box's there is no carrier any more."""
        self.ip("router", "link set lan down")

    def plug_cable(self):
        self.ip("router", "link set lan up")


# ---- the tests' frame ----------------------------------------------------------------------------


class NetworkTest(harness.SystemTest):
    """Three links through one router: plain, over DTLS, and with encrypted payloads."""

    LINKS = tuple(CLOUDS)
    PROGRAMS = ("ip", "nsenter")
    OPTIONS = ("--impairable",)  # of the simulator

    def setUp(self):
        if why := missing(*self.PROGRAMS):
            self.skipTest(why)
        self.network = Network()
        self.addCleanup(self.network.remove)
        self.network.make()
        self.prepare_network()
        cloud, box = self.network.inside("cloud"), self.network.inside("box")
        options = (f"--address={CLOUD}", *self.OPTIONS)
        self.simulator = self.start_simulator(*options, inside=cloud)
        self.bus = self.start_bus()
        config = "links:\n" + "".join(self.config(link) for link in self.LINKS)
        self.daemon = self.start_daemon(self.bus, config, inside=box)
        self.wait_ready()
        self.client = self.new_client(self.bus)

    def prepare_network(self):
        pass

    def wait_ready(self):
        for link in self.LINKS:
            self.daemon.wait_state(link, "online")

    def config(self, link):
        cloud = CLOUDS[link]
        return harness.cloud_link(link, cloud, self.simulator.endpoints[cloud])

    def impair(self, *how):
        for link in self.LINKS:
            self.simulator.ctl("impair", CLOUDS[link], *how)

    def publish(self, numbers):
        """To all links, without waiting in between; returns the tickets when all are on disk."""
        serials = [
            self.client.send(link_path(link), LINK + ".Publish", "ss", TOPICS[CLOUDS[link]], post(n))
            for n in numbers
            for link in self.LINKS
        ]
        return [self.client.reply(serial)[0] for serial in serials]

    def assert_delivered(self, tickets):
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket, FOR_EVER)[0], DELIVERED)

    def senders(self, link):
        """The box's addresses from which messages came, in their order."""
        messages = self.simulator.record("message", CLOUDS[link])
        return list(dict.fromkeys(line["peer"].rpartition(":")[0] for line in messages))

    def arrivals(self, link):
        """When and from which of the box's sockets each number came."""
        arrivals = {}
        for line in self.simulator.record("message", CLOUDS[link]):
            number = int(json.loads(line["payload"])["id"])
            arrivals.setdefault(number, []).append((line["time"], line["peer"]))
        return arrivals

    def logins(self):
        return {
            link: len(self.simulator.record("login", CLOUDS[link])) for link in self.LINKS
        }

    def assert_once(self, numbers):
        for link in self.LINKS:
            counts = {number: len(came) for number, came in self.arrivals(link).items()}
            self.assertEqual(counts, dict.fromkeys(numbers, 1), link)

    def assert_at_least_once(self, numbers):
        """
        What comes twice has been sent anew, for nobody knew whether it had come: either the request had
        been given up, or the session with its socket.
        """
        for link in self.LINKS:
            arrivals = self.arrivals(link)
            self.assertEqual(sorted(arrivals), list(numbers), link)
            for number, came in arrivals.items():
                for (before, former), (after, peer) in zip(came, came[1:]):
                    if peer == former and after - before < GIVEN_UP_MS:
                        self.fail(f"{link}: {number} came twice within {after - before} ms")
            again = sum(len(came) - 1 for came in arrivals.values())
            print(f"    {link}: {len(arrivals)} messages, {again} of them again")

    def check(self, how, n, assert_arrived):
        self.impair(*how)
        self.assert_delivered(self.publish(range(n)))
        assert_arrived(range(n))
        for link in self.LINKS:
            self.assertEqual(self.daemon.get(link, "Queued"), 0)
