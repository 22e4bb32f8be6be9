# SPDX-License-Identifier: Apache-2.0
"""
The cloud is away, asks for patience, forgets who has logged in, or changes its key: what waits meanwhile
drains in order, once, and without a login that is not needed.
"""

import harness
from client import LINK, link_path
from cloud import NAME, CloudTest
from harness import DEVICE, PRODUCT, SECRET, TOPICS, post

BACKLOG = 500

# A back-off, and whatever a slow machine needs.
PATIENCE = 120

# EnOS blocks a device that logs in four times within two minutes.
BLOCKED_TRIES = 4
BLOCKED_WITHIN_MS = 120_000


class OutageTest(CloudTest):
    """One link that sends one message after the other, so that the order is strict."""

    SESSION_LOGINS = 1  # that a new session costs

    @property
    def TOPIC(self):
        return TOPICS[self.CLOUD]

    def config(self, **settings):
        endpoint = self.simulator.endpoints[self.CLOUD]
        return harness.cloud_link(NAME, self.CLOUD, endpoint, ordered="yes", **settings)

    def publish_all(self, numbers):
        """Without waiting in between; returns the tickets when all are on disk."""
        arguments = (link_path(NAME), LINK + ".Publish", "ss", self.TOPIC)
        serials = [self.client.send(*arguments, post(number)) for number in numbers]
        return [self.client.reply(serial)[0] for serial in serials]

    def connect(self):
        self.client.call(link_path(NAME), LINK + ".Connect")

    def assert_drained(self, tickets, logins):
        """All of them have come, in their order, each once, for so many logins in all."""
        self.assert_delivered(*tickets, timeout=PATIENCE)
        self.assertEqual(self.payloads(), [post(number) for number in range(len(tickets))])
        self.assertEqual(self.count("login"), logins)
        self.assertEqual(self.daemon.get(NAME, "Queued"), 0)
        self.assertEqual(self.daemon.get(NAME, "State"), "online")


class Contract:
    """What each cloud's outages may cost."""

    def test_away(self):
        """Long enough that the link has given up, and that an attempt to come back has failed."""
        tickets = self.publish_all(range(5))
        self.assert_delivered(*tickets)
        self.simulator.ctl("stop", self.CLOUD)
        tickets += self.publish_all(range(5, BACKLOG))
        self.daemon.wait_state(NAME, "backoff")
        self.connect()
        self.daemon.wait_state(NAME, "backoff")
        self.simulator.ctl("start", self.CLOUD)
        self.assert_drained(tickets, 1 + self.SESSION_LOGINS)

    def check_patience(self, code, seconds):
        """Asked for so much of it in the midst of a backlog, and nothing comes meanwhile."""
        words = (f"max-age={seconds}",) if seconds else ()
        self.assert_delivered(*self.publish_all(range(1)))
        self.simulator.ctl("answer", self.CLOUD, code, 1, "/topic", *words)
        tickets = self.publish_all(range(1, 50))
        self.assert_delivered(*tickets, timeout=PATIENCE)
        self.assertEqual(self.payloads(), [post(number) for number in range(50)])
        self.assertEqual(self.count("login"), 1)
        [refused] = [line for line in self.simulator.record() if line.get("reason") == "as told"]
        self.assertEqual(refused["code"], code)
        times = [line["time"] for line in self.simulator.record("message", self.CLOUD)]
        wait = min(time for time in times[1:]) - refused["time"]
        self.assertGreaterEqual(wait, seconds * 1000 - 5)
        print(f"    {self.CLOUD}: the next one {wait} ms after {code} {' '.join(words)}")

    def test_later(self):
        self.check_patience("5.03", 0)

    def test_later_with_max_age(self):
        self.check_patience("5.03", 3)

    def test_too_many_with_max_age(self):
        self.check_patience("4.29", 2)

    def test_for_a_while(self):
        """Refused for longer than one answer: no login, no loss, the order kept."""
        self.simulator.ctl("answer", self.CLOUD, "5.03", 3, "/topic")
        self.assert_drained(self.publish_all(range(100)), 1)

    def test_tokens_forgotten(self):
        """Twice, each time in the midst of a backlog: one login for each."""
        tickets = self.publish_all(range(5))
        self.assert_delivered(*tickets)
        self.simulator.ctl("expire", self.CLOUD)
        tickets += self.publish_all(range(5, 100))
        self.assert_delivered(*tickets, timeout=PATIENCE)
        self.simulator.ctl("expire", self.CLOUD)
        tickets += self.publish_all(range(100, 150))
        self.assert_drained(tickets, 3)

    def test_key_changed_and_changed_back(self):
        self.assert_delivered(*self.publish_all(range(1)))
        device = f"{PRODUCT}/{DEVICE}"
        self.simulator.ctl("rotate", self.CLOUD, device, "AnotherSecretOfTheSame")
        self.simulator.ctl("expire", self.CLOUD)
        tickets = self.publish_all(range(1, BACKLOG))
        self.daemon.wait_state(NAME, "backoff")
        self.assertIn("device_secret", self.daemon.get(NAME, "StateReason"))
        self.assertEqual(self.daemon.get(NAME, "Rejected"), 0)
        self.simulator.ctl("rotate", self.CLOUD, device, SECRET)
        self.connect()
        self.assert_delivered(*tickets, timeout=PATIENCE)
        self.assertEqual(self.payloads(), [post(number) for number in range(BACKLOG)])
        self.assertEqual(self.count("login"), 2)
        self.assertEqual(self.count("login-refused"), 1)


class PlainTest(OutageTest, Contract):
    CLOUD = "enos-v2"


class DtlsTest(OutageTest, Contract):
    CLOUD = "enos-dtls"


class SealedTest(OutageTest, Contract):
    CLOUD = "aliyun"
    SESSION_LOGINS = 0  # the token is good in any session


class KilledAgainAndAgain:
    """EnOS does not forget its count of logins when the daemon does, so the daemon must not."""

    def check_kept(self):
        for n in range(1, BLOCKED_TRIES):
            self.assert_delivered(*self.publish_all([n]))
            self.assertEqual(self.count("login"), n)
            self.daemon.kill()
            self.daemon.start()
        blocks = "EnOS blocks a device that logs in four times in two minutes"
        self.daemon.wait_property(NAME, "StateReason", lambda reason: blocks in reason)
        tickets = self.publish_all([BLOCKED_TRIES])
        self.assertEqual(self.daemon.get(NAME, "State"), "backoff")
        self.assertEqual(self.count("login"), BLOCKED_TRIES - 1)
        self.assertEqual(self.count("login-refused"), 0)
        return tickets

    def assert_never_blocked(self):
        times = [line["time"] for line in self.simulator.record("login", self.CLOUD)]
        for first, fourth in zip(times, times[BLOCKED_TRIES - 1 :]):
            self.assertGreater(fourth - first, BLOCKED_WITHIN_MS)


class PlainKilledTest(OutageTest, KilledAgainAndAgain):
    CLOUD = "enos-v2"

    def test_kept_and_delivered_later(self):
        tickets = self.check_kept()
        self.assert_delivered(*tickets, timeout=240)
        self.assertEqual(self.count("login"), BLOCKED_TRIES)
        self.assert_never_blocked()
        numbers = range(1, BLOCKED_TRIES + 1)
        self.assertEqual(list(dict.fromkeys(self.payloads())), [post(n) for n in numbers])


class DtlsKilledTest(OutageTest, KilledAgainAndAgain):
    CLOUD = "enos-dtls"

    def test_kept(self):
        self.check_kept()
        self.assert_never_blocked()


if __name__ == "__main__":
    harness.main(beside=("PlainKilledTest",))
