# SPDX-License-Identifier: Apache-2.0
"""skybusctl publish, request and subscribe, as scripts use them."""

import json
import os
import signal
import unittest

import ctl
import harness
from client import LINK, PATIENCE, link_path
from ctl import Ctl
from harness import OWN, POINTS, eventually, post

SET = f"{OWN}/thing/service/measurepoint/set"


def sleeps_in_epoll(process):
    """Whether it is in its loop, and waits for several descriptors."""
    if process.poll() is not None:
        raise RuntimeError(process.stderr.read())
    with open(f"/proc/{process.pid}/wchan", encoding="ascii") as file:
        return "epoll" in file.read().replace("ep_poll", "epoll")


class MessagesTest(harness.SystemTest):
    """Two links at EnOS, one of which is switched off, and a route."""

    LINKS = ("plant", "away")
    MORE = "routes:\n  - match: engine/#\n    send: all\n    to: [{link: plant, topic: '" + POINTS + "'}]\n"

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        endpoint = self.simulator.endpoints["enos-v2"]
        links = {
            "plant": harness.enos_link("plant", endpoint),
            "away": harness.enos_link("away", endpoint, enabled="no", queue_messages=5),
        }
        text = "links:\n" + "".join(links[name] for name in self.LINKS) + self.MORE
        self.daemon = self.start_daemon(self.bus, text)
        self.daemon.wait_state("plant", "online")
        self.ctl = Ctl(self.bus.address)
        self.client = self.new_client(self.bus)

    def payloads(self):
        return [line["payload"] for line in self.simulator.record("message")]


class PublishTest(MessagesTest):
    def test_text(self):
        ticket = int(self.ctl.run("publish", "--link", "plant", POINTS, post(1)))
        self.assertEqual(self.client.wait_ticket(ticket)[0], "delivered")
        self.assertEqual(self.payloads(), [post(1)])

    def test_standard_input_and_file(self):
        path = os.path.join(self.folder, "reading")
        with open(path, "w", encoding="utf-8") as file:
            file.write(post(2))
        self.ctl.run("publish", "--link=plant", POINTS, "-", "--wait", input=post(1))
        self.ctl.run("publish", "-l", "plant", POINTS, "--file", path, "--wait=30")
        self.assertEqual(self.payloads(), [post(1), post(2)])
        self.ctl.run("publish", "-l", "plant", POINTS, "-f", path + "x", expect=ctl.FAILED)
        self.ctl.run("publish", "-l", "plant", POINTS, expect=ctl.USAGE)
        self.ctl.run("publish", "-l", "plant", POINTS, "text", "-f", path, expect=ctl.USAGE)

    def test_bytes(self):
        path = os.path.join(self.folder, "bytes")
        with open(path, "wb") as file:
            file.write(b"\0\xff\n")
        topic = f"{OWN}/thing/model/up_raw"
        self.ctl.run("publish", "-l", "plant", topic, "--file", path, "--wait")
        self.assertEqual(self.simulator.record("message")[0]["payload_base64"], "AP8K")

    def test_wait(self):
        text = self.ctl.run("publish", "-l", "plant", POINTS, post(1), "--wait")
        self.assertRegex(text, r"^\d+ delivered 2\.04\n$")
        [outcome] = self.ctl.lines("publish", "-l", "plant", POINTS, post(2), "--wait")
        self.assertEqual(outcome["outcome"], "delivered")
        text = ("publish", "-l", "plant", POINTS, "no json", "--wait")
        self.assertEqual(self.ctl.run(*text, expect=ctl.NOT_DELIVERED), "")
        words = ("publish", "-l", "away", POINTS, post(3), "--wait=1")
        self.assertIn("1 of 1 have not ended yet", self.ctl.run(*words, expect=ctl.TIMEOUT))

    def test_options(self):
        words = ("publish", "-l", "away", POINTS)
        self.ctl.run(*words, post(1), "--priority=urgent", "--ttl", "1s", "--replace")
        ticket = int(self.ctl.run(*words, post(2), "--replace", "--durability", "memory"))
        self.assertGreater(ticket, 0)
        self.assertIn("ttl", self.ctl.run(*words, post(1), "--ttl=soon", expect=ctl.FAILED))

    def test_by_the_routes(self):
        self.ctl.run("publish", "engine/1", post(1), "--wait")
        self.assertEqual(self.payloads(), [post(1)])
        self.assertIn("route", self.ctl.run("publish", "pump/1", post(1), expect=ctl.FAILED))

    def test_what_is_refused(self):
        self.assertIn("+", self.ctl.run("publish", "-l", "plant", "a/+", "x", expect=ctl.FAILED))
        self.ctl.run("publish", "-l", "depot", POINTS, "x", expect=ctl.NOT_FOUND)
        big = "x" * 65537
        self.assertIn("65536", self.ctl.run("publish", "-l", "plant", POINTS, "-", input=big, expect=ctl.FAILED))

    def test_the_daemon_goes_while_it_waits(self):
        process = self.ctl.start("publish", "-l", "away", POINTS, post(1), "--wait")
        self.daemon.wait_property("away", "Queued", 1)
        self.daemon.kill()
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, ctl.NO_DAEMON, err)
        self.assertIn("on disk", err)


    def test_the_bus_goes_while_they_wait(self):
        commands = ("publish", "-l", "away", POINTS, post(1), "--wait"), ("subscribe", "#")
        processes = [self.ctl.start(*words) for words in commands]
        self.daemon.wait_property("away", "Queued", 1)
        for process in processes:
            eventually(lambda: sleeps_in_epoll(process), "its loop")
        self.bus.end(signal.SIGKILL)
        for process in processes:
            _, err = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, ctl.NO_DAEMON, err)


class OnlyLinkTest(MessagesTest):
    """Without a route the only link is meant."""

    LINKS = ("plant",)
    MORE = ""

    def test_publish(self):
        self.ctl.run("publish", POINTS, post(1), "--wait")
        self.ctl.run("publish", POINTS, "--lines", "--wait", input="\n".join(map(post, (2, 3))))
        self.assertEqual(sorted(self.payloads()), sorted(map(post, (1, 2, 3))))

    def test_request(self):
        process = self.ctl.start("request", POINTS, post(1))
        out, err = process.communicate()
        self.assertEqual((process.returncode, err), (ctl.OK, "2.04\n"))
        self.assertEqual(json.loads(out)["code"], 200)
        answer = self.ctl.json("request", POINTS, post(2), "--timeout=20")
        self.assertEqual(answer["code"], "2.04")
        self.simulator.ctl("answer", "enos-v2", "4.00", 1)
        self.assertIn("4.00", self.ctl.run("request", POINTS, post(3), expect=ctl.NOT_DELIVERED))
        status, shown = self.ctl.on_terminal("request", POINTS, post(4))
        self.assertRegex(shown, r"^\{.*\}\r\n$")
        self.assertEqual(status, ctl.OK)
        self.ctl.run("link", "disconnect", "plant")
        self.ctl.run("request", POINTS, post(3), expect=ctl.NOT_ONLINE)


class LinesTest(MessagesTest):
    def test_many(self):
        texts = [post(number) for number in range(500)]
        text = self.ctl.run("publish", "-l", "plant", POINTS, "--lines", "--wait", input="\n".join(texts))
        self.assertEqual(text, "500 lines: 500 taken, 500 delivered, 0 ended otherwise\n")
        self.assertEqual(self.payloads(), texts)

    def test_tickets_without_wait(self):
        texts = [post(number) for number in range(20)]
        out = self.ctl.run("publish", "-l", "plant", POINTS, "--lines", input="\n".join(texts))
        tickets = [int(line) for line in out.splitlines()]
        self.assertEqual(len(set(tickets)), 20)
        self.assertEqual(tickets, sorted(tickets))

    def test_one_is_bad(self):
        lines = [post(1), "no json", post(2)]
        process = self.ctl.start("publish", "-l", "plant", POINTS, "--lines", "--wait")
        out, _ = process.communicate("\n".join(lines))
        self.assertRegex(out, r"^\d+ rejected 2\.04 .*\n3 lines: 3 taken, 2 delivered, 1 ended")
        self.assertEqual(process.returncode, ctl.NOT_DELIVERED)

    def test_a_line_that_is_refused_has_its_number(self):
        lines = [post(1), "x" * 65537, post(2)]
        err = self.ctl.run(
            "publish", "-l", "plant", POINTS, "--lines", input="\n".join(lines), expect=ctl.FAILED
        )
        self.assertRegex(err, r"^skybusctl: line 2 of standard input: the payload has 65537 bytes, .*\n$")
        self.daemon.wait_property("plant", "Delivered", 2)

    def test_a_full_queue_is_waited_for(self):
        texts = [post(number) for number in range(40)]
        process = self.ctl.start("publish", "-l", "away", POINTS, "--lines", "--wait")
        process.stdin.write("\n".join(texts))
        process.stdin.close()
        self.daemon.wait_property("away", "Queued", 5)
        self.ctl.run("link", "connect", "away")
        self.assertEqual(process.wait(PATIENCE), ctl.OK)
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(sorted(self.payloads()), sorted(texts))

    def test_stopped(self):
        process = self.ctl.start("publish", "-l", "away", POINTS, "--wait", post(1))
        self.daemon.wait_property("away", "Queued", 1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, ctl.FAILED)
        self.assertIn("1 were taken", err)

    def test_a_daemon_that_hangs(self):
        self.daemon.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.daemon.process.send_signal, signal.SIGCONT)
        words = ("publish", "-l", "away", POINTS, post(1), "--wait=1")
        self.assertIn("the rest", self.ctl.run(*words, expect=ctl.TIMEOUT))

    def test_lines_as_they_come(self):
        process = self.ctl.start("publish", "-l", "away", POINTS, "--lines")
        for number in range(3):
            process.stdin.write(post(number) + "\n")
            process.stdin.flush()
            self.assertGreater(int(process.stdout.readline()), 0)
        process.send_signal(signal.SIGINT)
        process.stdin.write(post(3))
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, ctl.FAILED)
        self.assertIn("3 were taken", err)

    def test_stopped_before_there_is_anything(self):
        process = self.ctl.start("publish", "-l", "away", POINTS, "-")
        eventually(lambda: sleeps_in_epoll(process), "the wait for a payload")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), ctl.FAILED)
        process.communicate()

    def test_a_full_queue_is_not_waited_for_longer_than_is_said(self):
        words = ("publish", "-l", "away", POINTS, "--lines", "--wait=1")
        err = self.ctl.run(*words, input="\n".join(map(post, range(20))), expect=ctl.TIMEOUT)
        self.assertRegex(err, r"5 of 5 have not ended yet; .*, and the rest was not taken")

    def test_a_bar_on_a_terminal(self):
        path = os.path.join(self.folder, "lines")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(post(number) + "\n" for number in range(300))
        words = ("publish", "-lplant", POINTS, "--lines", "-f", path, "--wait")
        status, shown = self.ctl.on_terminal(*words, stream="stderr")
        self.assertEqual(status, ctl.OK)
        self.assertRegex(shown, r"\[#*-*\] +\d+ %  \d+ taken, \d+ delivered")
        self.assertTrue(shown.endswith("\r\033[K"), repr(shown))


class MonitorTest(MessagesTest):
    """A stream of messages, and what is seen of it."""

    MORE = ""

    def test_rates(self):
        publisher = self.ctl.start("publish", "-lplant", POINTS, "--lines", "--wait")
        monitor = self.ctl.start("--json", "monitor", "--interval=200ms", "-n10")
        for number in range(400):
            publisher.stdin.write(post(number) + "\n")
        publisher.communicate()
        out, err = monitor.communicate(timeout=PATIENCE)
        self.assertEqual((monitor.returncode, err), (ctl.OK, ""))
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(len(rows), 20)
        plant = [row for row in rows if row["link"] == "plant"]
        self.assertTrue(any(row["delivered_per_second"] > 0 for row in plant), rows)
        self.assertTrue(any(row["bytes_per_second"] > 0 for row in plant))
        self.assertTrue(any(row["p50_ms"] for row in plant))
        self.assertEqual({row["state"] for row in plant}, {"online"})
        away = [row for row in rows if row["link"] == "away"]
        self.assertEqual({row["p95_ms"] for row in away}, {None})
        self.assertEqual({row["state"] for row in away}, {"disabled"})

    def test_on_a_terminal(self):
        self.ctl.run("cancel", self.ctl.run("publish", "-laway", POINTS, "x").strip())
        words = ("monitor", "--interval=100ms", "--count=2")
        status, shown = self.ctl.on_terminal(*words)
        self.assertEqual(status, ctl.OK)
        self.assertEqual(shown.count("\033[H\033[2J"), 2)
        self.assertRegex(shown, r"(?m)^away +disabled .* 1\r?$")
        _, shown = self.ctl.on_terminal("monitor", "--interval=100ms", "-n1", rows=3)
        self.assertIn("and 1 more\r\n", shown)

    def test_what_is_wrong(self):
        self.ctl.run("monitor", "--count=0", expect=ctl.USAGE)
        self.ctl.run("monitor", "--interval=0", expect=ctl.USAGE)


class SubscribeTest(MessagesTest):
    MORE = ""

    def subscribe(self, *words):
        """Begins, and is subscribed when this returns."""
        process = self.ctl.start("--json", "subscribe", *words)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.kill)

        eventually(lambda: sleeps_in_epoll(process), "the subscription")
        return process

    def command(self, number):
        self.simulator.ctl("command", f"{SET}={json.dumps({'id': str(number)})}")
        ticket = int(self.ctl.run("publish", "-lplant", POINTS, post(number)))
        self.assertEqual(self.client.wait_ticket(ticket)[0], "delivered")

    def publish(self, text):
        self.ctl.run("publish", "-lplant", f"{OWN}/thing/model/up_raw", text)

    def test_as_they_come(self):
        process = self.subscribe("#")
        self.command(1)
        line = json.loads(process.stdout.readline())
        self.assertEqual((line["topic"], line["payload"]), (SET, '{"id": "1"}'))
        self.assertEqual(line["properties"]["link"], "plant")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), ctl.OK)

    def test_count_and_origin(self):
        process = self.subscribe("#", "--origin", "local", "-n2", "--link", "plant")
        for text in "one", "two", "three":
            self.publish(text)
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual([json.loads(line)["payload"] for line in out.splitlines()], ["one", "two"])
        self.assertEqual(process.returncode, ctl.OK)

    def test_as_text(self):
        process = self.ctl.start("subscribe", "#", "--origin=local", "-n1")
        eventually(lambda: sleeps_in_epoll(process), "the subscription")
        self.publish("a\033[31mb")
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(out, f"plant {OWN}/thing/model/up_raw a?[31mb\n")

    def test_exec(self):
        path = os.path.join(self.folder, "out")
        command = f'printf "%s %s " "$SKYBUS_LINK" "$SKYBUS_TOPIC" >>{path}; cat >>{path}; echo >>{path}'
        process = self.subscribe("#", "--origin=local", "-n3", "--exec", command)
        for text in "one", "two", "three":
            self.publish(text)
        self.assertEqual(process.wait(PATIENCE), ctl.OK)
        with open(path, encoding="utf-8") as file:
            topic = f"{OWN}/thing/model/up_raw"
            expected = [f"plant {topic} {text}\n" for text in ("one", "two", "three")]
            self.assertEqual(file.readlines(), expected)

    def test_the_command_has_no_descriptors_of_ours(self):
        path = os.path.join(self.folder, "out")
        command = f"ls /proc/self/fd >{path}"
        process = self.subscribe("#", "--origin=local", "-n1", "--exec", command)
        self.publish("one")
        self.assertEqual(process.wait(PATIENCE), ctl.OK)
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read().split(), ["0", "1", "2", "3"])

    def test_answers(self):
        process = self.subscribe("#", "-n1", '--answer={"on": 1}')
        self.command(1)
        self.assertEqual(process.wait(PATIENCE), ctl.OK)
        self.assertEqual(self.answers(1)[0]["data"], {"on": 1})

    def answers(self, n):
        """Those that have come to the cloud."""

        def look():
            lines = self.simulator.record("message")
            return [json.loads(line["payload"]) for line in lines if line["topic"].endswith("_reply")]

        return eventually(lambda: len(look()) == n and look(), f"{n} answers")

    def test_the_command_answers(self):
        program = r"""read -r text; case $text in *2*) exit 3;; esac; echo '{"got": 1}'"""
        words = ("--exec", program, "--answer", "--failure", "500")
        process = self.subscribe("#", "-n2", *words)
        self.command(1)
        self.command(2)
        self.assertEqual(process.wait(PATIENCE), ctl.OK)
        self.assertIn("ended with 3", process.stderr.read())
        answers = {answer["id"]: answer for answer in self.answers(2)}
        self.assertEqual((answers["1"]["code"], answers["1"]["data"]), (200, {"got": 1}))
        self.assertEqual(answers["2"]["code"], 500)

    def test_an_answer_that_is_not_taken(self):
        # Without the link nobody awaits it any more.
        command = f"{ctl.SKYBUSCTL} {self.ctl.general[0]} link disconnect plant"
        process = self.subscribe("#", "-n1", "--answer", "--exec", command)
        self.command(1)
        self.assertEqual(process.wait(PATIENCE), ctl.NOT_FOUND, process.stderr.read())

    def test_inbox(self):
        words = ("#", "--inbox", "pump", "--link=plant", "-n1")
        process = self.subscribe(*words)
        self.command(1)
        self.assertEqual(process.wait(PATIENCE), ctl.OK)
        for number in 2, 3:
            self.command(number)
        self.ctl.run("subscribe", *words, "--exec", "false")
        for number in 2, 3:
            [line] = self.ctl.lines("subscribe", *words)
            self.assertEqual(line["payload"], f'{{"id": "{number}"}}')
        self.assertEqual(self.ctl.json("inboxes")[0]["messages"], 0)

    def test_what_is_wrong(self):
        self.assertIn("#", self.ctl.run("subscribe", "a/#/b", expect=ctl.FAILED))
        self.ctl.run("subscribe", "#", "--link", "depot", expect=ctl.NOT_FOUND)
        self.ctl.run("subscribe", "#", "-n0", expect=ctl.USAGE)

    def test_it_is_taken_over(self):
        words = ("#", "--inbox", "pump", "--link=plant")
        first = self.subscribe(*words)
        self.subscribe(*words)
        _, err = first.communicate(timeout=PATIENCE)
        self.assertEqual(first.returncode, ctl.FAILED)
        self.assertIn("the subscription has ended", err)


if __name__ == "__main__":
    unittest.main()
