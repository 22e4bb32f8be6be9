# SPDX-License-Identifier: Apache-2.0
"""skybusctl as people and scripts use it: what it prints, and what it ends with."""

import json
import os
import signal
import unittest

import ctl
import harness
from client import link_path
from ctl import Ctl
from harness import POINTS, post


class CtlTest(harness.SystemTest):
    """A daemon with a link that is online, and one whose cloud is not there."""

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        self.nobody = harness.free_ports(1)
        self.daemon = self.start_daemon(self.bus, self.configuration())
        self.daemon.wait_state("plant", "online")
        self.ctl = Ctl(self.bus.address)
        self.client = self.new_client(self.bus)

    def configuration(self):
        plant = harness.enos_link("plant", self.simulator.endpoints["enos-v2"])
        away = harness.enos_link("away", ("127.0.0.1", self.nobody))
        return "links:\n" + plant + away

    def publish(self, text, link="plant", topic=POINTS):
        [ticket] = self.client.call(link_path(link), "io.skybus.Gateway1.Link.Publish", "ss", topic, text)
        return ticket


class CommandLineTest(CtlTest):
    def test_what_is_wrong_is_said(self):
        for words, sentence in {
            ("stauts",): 'there is no command "stauts"',
            ("dead",): "dead what?",
            ("ticket",): "TICKET is missing",
            ("ticket", "seven"): '"seven" is no number',
            ("ticket", "--wait=soon", "1"): '"soon" is no span of time',
            ("status", "plant", "away"): '"away" is too much',
            ("link", "connect", "plant", "--wait", "30"): "write --wait=30",
            ("--color", "pink", "status"): '"pink" is none of auto|always|never',
            ("status", "--purple"): "unrecognized option '--purple'",
            ("dead", "discard"): "or --all",
            ("dead", "discard", "--all", "1"): "either tickets, or --all",
            ("dead", "discard", "--link", "plant", "1"): "--link goes with --all",
            ("--instance", "a b", "status"): "no name of an instance",
        }.items():
            self.assertIn(sentence, self.ctl.run(*words, expect=ctl.USAGE))

    def test_options_stand_anywhere(self):
        for words in (("--json", "status"), ("status", "--json"), ("--no-pager", "status", "--json")):
            self.assertEqual(len(json.loads(self.ctl.run(*words))["links"]), 2)

    def test_help(self):
        whole = self.ctl.run("--help")
        self.assertIn("dead requeue", whole)
        self.assertNotIn("complete", whole)
        self.assertIn("It ends with", whole)
        self.assertEqual(self.ctl.run("help"), whole)
        self.assertIn("--wait[=TIME]", self.ctl.run("ticket", "--help"))
        self.assertEqual(self.ctl.run("help", "dead", "list"), self.ctl.run("dead", "list", "--help"))
        self.assertIn("dead discard", self.ctl.run("help", "dead"))
        self.ctl.run("help", "nonsense", expect=ctl.USAGE)
        self.assertRegex(self.ctl.run("--version"), r"^skybusctl \d+\.\d+")

    def test_without_a_daemon(self):
        self.daemon.end()
        self.assertIn("Is it running?", self.ctl.run("status", expect=ctl.NO_DAEMON))
        stranger = Ctl("unix:path=/nonexistent/bus")
        self.assertIn("message bus", stranger.run("status", expect=ctl.NO_DAEMON))

    def test_nobody_starts_it(self):
        """As installed, the first call of a program starts it; to look at it does not."""
        started = os.path.join(self.folder, "started")
        with open(os.path.join(self.folder, "skybus.service"), "w", encoding="ascii") as file:
            file.write(f"[D-BUS Service]\nName=io.skybus.Gateway1\nExec=/usr/bin/touch {started}\n")
        with open(self.bus.config, "r+", encoding="ascii") as file:
            text = file.read()
            file.seek(0)
            file.write(text.replace("<auth>", f"<servicedir>{self.folder}</servicedir><auth>"))
        self.bus.process.send_signal(signal.SIGHUP)
        harness.eventually(self.can_be_started, "the bus to know how to start it")
        self.daemon.end()
        for words in (
            ("status",), ("metrics",), ("ticket", "--wait", 1), ("publish", "a", "b"), ("subscribe", "#"),
        ):
            self.ctl.run(*words, expect=ctl.NO_DAEMON)
        self.ctl.run("doctor", expect=ctl.FINDING)
        self.assertEqual(self.ctl.run("complete", "--", *self.ctl.general, "status", ""), "")
        self.assertFalse(os.path.exists(started))

    def can_be_started(self):
        return "io.skybus.Gateway1" in self.client.call_driver("ListActivatableNames")[0]

    def test_the_name_of_an_instance(self):
        words = ("--instance", "depot", "status")
        self.assertIn("skybusd@depot", self.ctl.run(*words, expect=ctl.NO_DAEMON))


class StatusTest(CtlTest):
    def test_status(self):
        self.daemon.wait_state("away", "backoff")
        text = self.ctl.run("status")
        self.assertRegex(text, r"(?m)^LINK +PLUGIN +STATE ")
        self.assertRegex(text, r"(?m)^plant +enos +online ")
        self.assertRegex(text, r"(?m)^away +enos +backoff ")
        self.assertRegex(text, r"(?m)^away: .*nothing listens")

    def test_status_as_json(self):
        status = self.ctl.json("status")
        self.assertEqual([link["Name"] for link in status["links"]], ["away", "plant"])
        self.assertEqual(status["links"][1]["State"], "online")
        self.assertEqual(status["failed_plugins"], [])

    def test_one_link(self):
        for words in (("status", "plant"), ("link", "show", "plant")):
            text = self.ctl.run(*words)
            self.assertRegex(text, r"(?m)^ *State: online$")
            self.assertRegex(text, r"(?m)^ *Delivered: 0$")
            self.assertNotIn("Budget", text)
        self.assertEqual(self.ctl.json("link", "show", "plant")["Plugin"], "enos")
        self.assertIn("no link", self.ctl.run("status", "depot", expect=ctl.NOT_FOUND))
        self.assertIn("several", self.ctl.run("link", "show", expect=ctl.USAGE))

    def test_no_link(self):
        self.daemon.end()
        self.daemon.configure("links: {}\n")
        self.daemon.start()
        self.assertIn("config init", self.ctl.run("status"))
        self.assertEqual(self.ctl.json("status")["links"], [])

    def test_colours_on_a_terminal_only(self):
        self.assertNotIn("\033[", self.ctl.run("status"))
        self.assertIn("\033[", self.ctl.run("status", "--color=always"))
        for no_color, coloured in {"": True, "1": False}.items():
            environment = {"NO_COLOR": no_color, "TERM": "xterm"}
            status, shown = self.ctl.on_terminal("status", env=environment)
            self.assertEqual((status, "\033[" in shown), (ctl.OK, coloured))


class OutputTest(CtlTest):
    """What is not a terminal, what is a hostile text, and the pager."""

    def test_what_cannot_be_written(self):
        for words in (("status",), ("--json", "status"), ("help",), ("monitor", "--interval=10ms")):
            self.ctl.inside = ("sh", "-c", 'exec "$@" >/dev/full', "sh")
            self.assertIn("No space left", self.ctl.run(*words, expect=ctl.FAILED))

    def test_errors_are_shown_without_control_characters(self):
        error = self.ctl.run("status", "a\033[31m\u009b31m", expect=ctl.NOT_FOUND)
        self.assertIn('no link "a?[31m?31m"', error)

    def test_json_on_a_terminal(self):
        ticket = self.publish("no json \u009b31m")
        self.client.wait_ticket(ticket)
        self.assertEqual(self.ctl.json("dead", "show", ticket)["payload"], "no json \u009b31m")
        status, shown = self.ctl.on_terminal("--json", "dead", "show", ticket)
        self.assertEqual(status, ctl.OK)
        self.assertIn('"no json \\u009B31m"', shown)

    def paged(self, pager):
        status, shown = self.ctl.on_terminal("status", env={"PAGER": pager})
        self.assertEqual(status, ctl.OK)
        return shown

    def test_pager(self):
        self.assertRegex(self.paged("sed s/^/:/"), r"(?m)^:plant +enos +online")
        self.assertRegex(self.paged("/nonexistent/pager"), r"(?m)^plant +enos +online")
        self.assertRegex(self.paged("ls /proc/self/fd | tr '\\n' ' '"), r"^0 1 2 3 $")
        self.assertEqual(self.paged("true"), "")

    def test_control_c_is_the_pager_s(self):
        # Its parent is a shell of ours, whose parent is skybusctl.
        pager = "kill -INT $(ps -o ppid= -p $PPID); cat"
        self.assertRegex(self.paged(pager), r"(?m)^plant +enos +online")

    def test_no_commands_in_the_pager_of_sudo(self):
        self.ctl.environment.pop("LESSSECURE", None)
        self.assertEqual(self.paged('echo "<$LESSSECURE>"'), "<>\r\n")
        self.ctl.environment["SUDO_UID"] = "1000"
        self.assertEqual(self.paged('echo "<$LESSSECURE>"'), "<1>\r\n")


class LinkTest(CtlTest):
    def test_disconnect_and_connect(self):
        self.ctl.run("link", "disconnect", "plant")
        self.daemon.wait_state("plant", "disabled")
        self.ctl.run("link", "connect", "plant", "--wait")
        self.assertEqual(self.daemon.get("plant", "State"), "online")

    def test_wait_says_why_not(self):
        words = ("link", "connect", "away", "--wait=1")
        self.assertIn("nothing listens", self.ctl.run(*words, expect=ctl.NOT_ONLINE))

    def test_reauth(self):
        since = self.daemon.get("plant", "Since")
        self.ctl.run("link", "reauth", "plant", "--wait=30")
        self.daemon.wait_property("plant", "Since", lambda now: now != since)
        self.daemon.wait_state("plant", "online")

    def test_a_link_that_is_not_there(self):
        for verb in "connect", "disconnect", "reauth":
            self.assertIn("no such link", self.ctl.run("link", verb, "depot", expect=ctl.NOT_FOUND))


class SlowLinkTest(CtlTest):
    """The way to the cloud takes long."""

    def start_simulator(self, *options, inside=()):
        return super().start_simulator("--impairable", *options, inside=inside)

    def test_reauth_waits_for_what_is_under_way(self):
        since = self.daemon.get("plant", "Since")
        self.simulator.ctl("impair", "enos-v2", "delay=1000")
        self.publish(post(1))
        self.ctl.run("link", "reauth", "plant", "--wait")
        self.assertNotEqual(self.daemon.get("plant", "Since"), since)
        self.assertEqual(self.daemon.get("plant", "State"), "online")


class TicketTest(CtlTest):
    def test_delivered(self):
        ticket = self.publish(post(1))
        self.assertEqual(self.ctl.run("ticket", "--wait", ticket), f"{ticket} delivered 2.04\n")
        [outcome] = self.ctl.lines("ticket", ticket)
        self.assertEqual(
            outcome, {"ticket": ticket, "outcome": "delivered", "code": "2.04", "reason": ""}
        )

    def test_waiting(self):
        ticket = self.publish(post(1), "away")
        self.assertEqual(self.ctl.run("ticket", ticket).split()[:2], [str(ticket), "stored"])
        words = ("ticket", "--wait=1", ticket)
        self.assertIn("not ended yet", self.ctl.run(*words, expect=ctl.TIMEOUT))

    def test_cancel(self):
        tickets = [self.publish(post(number), "away") for number in (1, 2)]
        self.ctl.run("cancel", *tickets)
        process = self.ctl.start("--json", "ticket", *tickets)
        lines = process.communicate()[0].splitlines()
        self.assertEqual([json.loads(line)["outcome"] for line in lines], ["cancelled"] * 2)
        self.assertEqual(process.returncode, ctl.NOT_DELIVERED)
        self.ctl.run("cancel", tickets[0], expect=ctl.FAILED)

    def test_a_ticket_that_is_not_there(self):
        self.assertIn("999", self.ctl.run("ticket", 999, expect=ctl.NOT_FOUND))


class DeadLetterTest(CtlTest):
    """What EnOS refuses: a payload that is no JSON."""

    def refused(self, text):
        ticket = self.publish(text)
        self.ctl.run("ticket", "--wait", ticket, expect=ctl.NOT_DELIVERED)
        return ticket

    def test_list_show_requeue_discard(self):
        tickets = [self.refused(text) for text in ("no json", "none either", "nor this")]
        text = self.ctl.run("dead", "list")
        for ticket in tickets:
            self.assertRegex(text, rf"(?m)^ *{ticket} plant ")
        self.assertIn("no json", self.ctl.run("dead", "show", tickets[0]))
        letter = self.ctl.json("dead", "show", tickets[0])
        self.assertEqual((letter["ticket"], letter["payload"]), (tickets[0], "no json"))

        [new] = map(int, self.ctl.run("dead", "requeue", tickets[0]).split())
        self.assertGreater(new, tickets[-1])
        self.assertEqual(self.client.wait_ticket(new)[0], "rejected")
        self.ctl.run("dead", "discard", tickets[1])
        self.assertEqual([row["ticket"] for row in self.ctl.json("dead", "list")], [tickets[2], new])
        self.ctl.run("dead", "show", tickets[1], expect=ctl.NOT_FOUND)

    def test_all_of_a_link(self):
        for text in "no json", "none either":
            self.refused(text)
        self.ctl.run("dead", "discard", "--all", "--link", "away")
        for words in (("list",), ("discard", "--all")):
            self.ctl.run("dead", *words, "--link", "depot", expect=ctl.NOT_FOUND)
        self.assertEqual(len(self.ctl.json("dead", "list")), 2)
        self.assertEqual(len(self.ctl.json("dead", "list", "--link", "plant")), 2)
        self.ctl.run("dead", "discard", "--all")
        self.assertEqual(self.ctl.run("dead", "list"), "There are no dead letters.\n")

    def test_more_than_a_page(self):
        tickets = [self.publish("no json") for _ in range(300)]
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket)[0], "rejected")
        rows = self.ctl.json("dead", "list")
        self.assertEqual([row["ticket"] for row in rows], tickets)


class ListTest(CtlTest):
    def test_losses(self):
        self.assertEqual(self.ctl.run("losses"), "Nothing was lost.\n")
        self.ctl.run("cancel", self.publish(post(1), "away"))
        [row] = self.ctl.json("losses")
        self.assertEqual((row["link"], row["cause"], row["messages"]), ("away", "cancelled", 1))
        self.assertRegex(self.ctl.run("losses"), r"(?m)^away +\w+ +cancelled +cancelled +1$")

    def test_inboxes(self):
        self.assertEqual(self.ctl.run("inboxes"), "There are no inboxes.\n")
        self.client.call(link_path("plant"), "io.skybus.Gateway1.Link.SubscribeDurable", "ss", "pump", "#")
        [row] = self.ctl.json("inboxes")
        self.assertEqual((row["name"], row["filter"], row["connected"]), ("pump", "#", True))


if __name__ == "__main__":
    unittest.main()
