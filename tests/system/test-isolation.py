# SPDX-License-Identifier: Apache-2.0
"""
Plugins in processes of their own: whatever one does there costs its own link alone, and that comes back. The
plugin is wild.so of tests/daemon/plugins, which misbehaves where and as its settings say. "tame" is the same one in
the daemon.
"""

import os
import signal
import socket
import time

import harness
from client import LINK, link_path

PLUGINS = os.environ["SKYBUS_BAD_PLUGINS"]
DELIVERED = "delivered"

# In which call, and the word for it in the sentence.
CALLS = {
    "login": "login()",
    "opened": "its completion of open_session()",
    "timer": "its completion of timer_start()",
    "encode": "encode()",
    "decide": "decide()",
    "accept": "accept()",
    "keepalive": "keepalive()",
    "gather": "gather()",
    "encode_batch": "encode_batch()",
    "answer": "answer()",
    "serve": "serve()",
}

# What it does there, and what the sentence says of it.
DEEDS = {
    "crash": "(signal 11, ",
    "abort": "(signal 6, ",
    "outside": "(signal 6, ",
    "exit": "(exit status 3)",
    "garbage": "sent what no plugin sends",
    # Of both ends, whichever notices first.
    "close": "",
}


def children(pid):
    """The processes of plugins that a daemon has."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def status_of(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(line.split()[1] for line in file if line.startswith(f"{key}:"))


def has_ended(pid):
    try:
        return status_of(pid, "State") == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def is_sanitized(pid):
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        return "libasan" in file.read()


class IsolationTest(harness.SystemTest):
    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        self.client = self.new_client(self.bus)

    def link(self, name, isolation="process", **settings):
        rows = {"plugin": "wild", "plugin_isolation": isolation} | settings
        return harness.link_at(name, self.simulator.endpoints["enos-v2"], **rows)

    def run_links(self, *links):
        """Starts a daemon with these, and one that is tame."""
        config = "links:\n" + "".join(links) + self.link("tame", "none")
        self.daemon = self.start_daemon(self.bus, config, PLUGINS)
        self.daemon.wait_state("tame", "online")

    def reload(self, *links):
        self.daemon.configure("links:\n" + "".join(links) + self.link("tame", "none"))
        self.client.call("/io/skybus/Gateway1", "io.skybus.Gateway1.Manager.Reload")

    def assert_delivered(self, link, topic="t"):
        outcome = self.client.wait_ticket(self.client.publish(link, topic, "x"), 20)
        self.assertEqual(outcome[0], DELIVERED, outcome)

    def wait_fall(self, link, *words, timeout=15):
        """Waits until it has fallen, also if it is up again by then; returns the sentence."""
        return self.daemon.wait_property(
            link, "LastError", lambda text: all(word in text for word in words), timeout
        )


class SideBySideTest(IsolationTest):
    def test_in_and_out(self):
        """One file, in a process and not; the processes come and go with their links."""
        self.run_links(self.link("wild"))
        self.daemon.wait_state("wild", "online")
        self.assert_delivered("wild")
        self.assert_delivered("tame")
        (child,) = children(self.daemon.process.pid)
        self.assertEqual(self.daemon.get("wild", "Device"), "wild?one")
        # Another setting: another link, and another process. Not isolated any more: none.
        self.reload(self.link("wild", times=1))
        self.daemon.wait_state("wild", "online")
        (other,) = children(self.daemon.process.pid)
        self.assertNotEqual(child, other)
        self.reload(self.link("wild", "none"))
        self.daemon.wait_state("wild", "online")
        self.assert_delivered("wild")
        self.assertEqual(children(self.daemon.process.pid), [])
        self.reload(self.link("wild"))
        self.daemon.wait_state("wild", "online")
        self.assertEqual(len(children(self.daemon.process.pid)), 1)
        self.assertEqual(self.daemon.end(), 0)

    def test_settings_that_are_refused(self):
        self.run_links(self.link("wild", where="refused"))
        self.daemon.wait_state("wild", "failed")
        reason = self.daemon.get("wild", "StateReason")
        self.assertEqual(
            reason, "the plugin wild refuses the settings: where must not be refused"
        )
        self.assertEqual(children(self.daemon.process.pid), [])

    def test_message_that_is_refused(self):
        self.run_links(self.link("wild"))
        self.daemon.wait_state("wild", "online")
        with self.assert_refused("InvalidTopic", "the topic is bad"):
            self.client.publish("wild", "bad", "x")

    def test_no_program(self):
        """Neither the daemon nor the link gives up: it may be installed again."""
        self.daemon = self.new_daemon(
            self.bus, "links:\n" + self.link("wild") + self.link("tame", "none"), PLUGINS
        )
        self.daemon.spawn(
            *self.daemon.command("--address", self.bus.address, "--plugin-host", "/none")
        )
        self.daemon.wait_state("tame", "online")
        self.daemon.wait_state("wild", "backoff")
        reason = self.daemon.get("wild", "StateReason")
        self.assertIn("the plugin wild has no process: /none: No such file", reason)


class ConfinementTest(IsolationTest):
    def test_what_it_has(self):
        """Its socket and nothing else, no rights, no core, no memory without end."""
        self.run_links(self.link("wild"))
        self.daemon.wait_state("wild", "online")
        (child,) = children(self.daemon.process.pid)
        self.assertEqual(sorted(map(int, os.listdir(f"/proc/{child}/fd"))), [0, 1, 2, 3])
        self.assertEqual(os.readlink(f"/proc/{child}/fd/2"), "/dev/null")
        self.assertEqual(status_of(child, "NoNewPrivs"), "1")
        self.assertEqual(status_of(child, "Seccomp"), "2")
        with open(f"/proc/{child}/environ", "rb") as file:
            self.assertEqual(file.read(), b"")
        with open(f"/proc/{child}/limits", encoding="ascii") as file:
            limits = {line[:25].strip(): line[25:].split()[0] for line in file}
        self.assertEqual(limits["Max core file size"], "0")
        self.assertEqual(limits["Max open files"], "4")
        if not is_sanitized(child):
            self.assertEqual(limits["Max data size"], str(64 << 20))

    def test_what_it_cannot(self):
        self.run_links(
            *[self.link(f"wild-{n}", where=call, what="escape", times=1)
              for n, call in enumerate(("login", "timer", "encode"))]
        )
        for n in range(3):
            self.daemon.wait_state(f"wild-{n}", "online")
            self.assert_delivered(f"wild-{n}")
            tried = [
                line.partition("escape: ")[2].split(" ", 1)
                for line in self.daemon.log.splitlines()
                if f"wild-{n}: escape:" in line
            ]
            self.assertEqual(len(tried), 10, tried)
            for what, result in tried:
                self.assertEqual(result, "Operation not permitted", what)
        # It was no reason to end any of them.
        self.assertEqual(len(children(self.daemon.process.pid)), 3)

    def test_what_it_wants_too_much_of(self):
        """It is told that there is no room, and goes on."""
        self.run_links(self.link("wild", where="encode", what="hoard", times=1))
        self.daemon.wait_state("wild", "online")
        self.assert_delivered("wild")
        self.assertIn("wild: hoard: No space left on device", self.daemon.log)
        self.assert_delivered("wild")
        self.assertEqual(len(children(self.daemon.process.pid)), 1)

    def test_daemon_is_killed(self):
        self.run_links(self.link("wild"), self.link("hung", where="login", what="hang"))
        self.daemon.wait_state("wild", "online")
        processes = children(self.daemon.process.pid)
        self.assertEqual(len(processes), 2)
        self.daemon.kill()
        for process in processes:
            harness.eventually(lambda pid=process: has_ended(pid), "the end of the process")


class MisdeedTest(IsolationTest):
    def provoke(self, call, link):
        """Has the daemon make a call."""
        topic = "give" if call == "answer" else "t"
        if call == "serve":
            self.ask(link)
        elif call == "gather" or call == "encode_batch":
            for _ in range(2):
                self.client.publish(link, topic, "x")
        elif call not in ("login", "opened", "timer", "keepalive"):
            self.client.publish(link, topic, "x")

    def ask(self, link):
        """A request of the cloud, a CoAP GET without anything; returns the code of the answer."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as cloud:
            cloud.settimeout(harness.PATIENCE)
            cloud.sendto(os.urandom(2).join((b"\x40\x01", b"")), ("127.0.0.1", self.ports[link]))
            return cloud.recv(1500)[1]

    def answer(self):
        message = self.client.wait_signal("Message")[0]
        return self.client.call(
            link_path("answer"), LINK + ".Answer", "tss", message, "", "x"
        )

    def test_crash_in_each_call(self):
        self.ports = {"serve": harness.free_ports(1)}
        rows = {call: {"where": call, "what": "crash", "times": 1} for call in CALLS}
        rows["serve"]["listen"] = self.ports["serve"]
        self.run_links(*[self.link(call, **row) for call, row in rows.items()])
        method = LINK + ".SubscribeWith"
        self.client.call(link_path("answer"), method, "sa{ss}", "#", {"answer": "yes"})
        for call in CALLS:
            if call not in ("login", "opened"):
                self.daemon.wait_property(call, "State", lambda s: s in ("online", "backoff"))
        for call in CALLS:
            if call == "serve":
                self.assertEqual(self.ask("serve"), 0xA3, "5.03")
            else:
                self.provoke(call, call)
        with self.assert_refused("InvalidAnswer", "not answered in time"):
            self.answer()
        for call, words in CALLS.items():
            with self.subTest(call):
                sentence = self.wait_fall(call, "the plugin wild crashed (signal 11")
                self.assertIn(f" in {words};", sentence)
                self.daemon.wait_state(call, "online")
                self.assert_delivered(call)
        self.assertEqual(self.ask("serve"), 0x45, "2.05")
        self.assert_delivered("tame")
        self.assertEqual(self.daemon.get("tame", "LastError"), "")

    def test_each_misdeed(self):
        self.run_links(
            *[self.link(deed, where="encode", what=deed, times=1) for deed in DEEDS]
        )
        for deed in DEEDS:
            self.daemon.wait_state(deed, "online")
        tickets = {deed: self.client.publish(deed, "t", "x") for deed in DEEDS}
        for deed, words in DEEDS.items():
            with self.subTest(deed):
                self.wait_fall(deed, "encode()", words, "only this link")
                outcome = self.client.wait_ticket(tickets[deed], 20)
                self.assertEqual(outcome[0], DELIVERED, outcome)
        self.assert_delivered("tame")
        self.assertEqual(self.daemon.get("tame", "LastError"), "")
        self.assertEqual(self.daemon.log.count("tame: online"), 1)

    def test_attach(self):
        """Where the link is made, and once more in the process of its first login; the third is good."""
        self.run_links(self.link("wild", where="attach", what="crash", times=2))
        self.wait_fall("wild", "crashed", "attach()")
        self.daemon.wait_state("wild", "online")
        self.assert_delivered("wild")

    def test_detach(self):
        """Nobody is left whom that could concern."""
        self.run_links(self.link("wild", where="detach", what="crash"))
        self.daemon.wait_state("wild", "online")
        self.reload()
        self.assertEqual(children(self.daemon.process.pid), [])
        self.assert_delivered("tame")

    def test_back_off(self):
        """It is not tried again and again at once."""
        self.run_links(self.link("wild", where="login", what="abort", times=3))
        began = time.monotonic()
        self.daemon.wait_state("wild", "online", timeout=40)
        # 1 s, 2 s, 4 s, and each half of it or more.
        self.assertGreater(time.monotonic() - began, 3)
        self.assertEqual(self.daemon.log.count("wild: the plugin wild crashed"), 3)


class HangTest(IsolationTest):
    def publish_meanwhile(self, seconds):
        """Publishes on the other link all the time; returns how long it took, the longest first."""
        took = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            self.client.publish("tame", "t", "x")
            took.append(time.monotonic() - began)
        return sorted(took, reverse=True)

    def assert_survives_hang(self, call, what):
        self.run_links(self.link("wild", where=call, what=what, times=1))
        if call == "encode":
            self.daemon.wait_state("wild", "online")
            ticket = self.client.publish("wild", "t", "x")
        took = self.publish_meanwhile(3)
        # The bound is 0.1 s, once; what is more is this machine's. The process hangs for 5 s.
        self.assertLess(took[0], 1, took[:5])
        # What comes meanwhile waits as for any link that is down.
        other = self.client.publish("wild", "t", "y")
        self.wait_fall("wild", f"the plugin wild hung in {CALLS[call]}", "5 s", "only this link")
        self.daemon.wait_state("wild", "online")
        for each in (ticket, other) if call == "encode" else (other,):
            self.assertEqual(self.client.wait_ticket(each, 20)[0], DELIVERED)

    def test_hang_in_encode(self):
        self.assert_survives_hang("encode", "hang")

    def test_hang_in_login(self):
        self.assert_survives_hang("login", "hang")

    def test_flood(self):
        """It asks without end, and so never returns."""
        self.assert_survives_hang("encode", "flood")

    def test_killed(self):
        self.run_links(self.link("wild"))
        self.daemon.wait_state("wild", "online")
        (child,) = children(self.daemon.process.pid)
        os.kill(child, signal.SIGKILL)
        self.wait_fall("wild", "the plugin wild crashed (signal 9", " in no call;")
        self.daemon.wait_state("wild", "online")
        self.assert_delivered("wild")

    def test_stopped(self):
        """Nobody waits for it until something is to be done."""
        self.run_links(self.link("wild"))
        self.daemon.wait_state("wild", "online")
        (child,) = children(self.daemon.process.pid)
        os.kill(child, signal.SIGSTOP)
        ticket = self.client.publish("wild", "t", "x")
        self.wait_fall("wild", "the plugin wild hung in ")
        self.assertEqual(self.client.wait_ticket(ticket, 20)[0], DELIVERED)

    def test_stopped_and_gone_on(self):
        """One that comes back in time is forgiven: the same process, and the link has not fallen."""
        self.run_links(self.link("wild"))
        self.daemon.wait_state("wild", "online")
        processes = children(self.daemon.process.pid)
        os.kill(processes[0], signal.SIGSTOP)
        tickets = [self.client.publish("wild", "t", "x") for _ in range(3)]
        time.sleep(0.5)
        os.kill(processes[0], signal.SIGCONT)
        for ticket in tickets:
            self.assertEqual(self.client.wait_ticket(ticket, 20)[0], DELIVERED)
        self.assertEqual(children(self.daemon.process.pid), processes)
        self.assertEqual(self.daemon.get("wild", "State"), "online")

    def test_end_with_a_process_that_hangs(self):
        self.run_links(self.link("wild"))
        self.daemon.wait_state("wild", "online")
        (child,) = children(self.daemon.process.pid)
        os.kill(child, signal.SIGSTOP)
        self.assertEqual(self.daemon.end(), 0)
        self.assertTrue(has_ended(child))


if __name__ == "__main__":
    harness.main(beside=["HangTest"])
