# SPDX-License-Identifier: Apache-2.0
"""Messages that wait for one another and go in one request, at the clouds that can take several."""

import json

import harness
from client import LINK, MANAGER, ROOT, link_path
from cloud import NAME, CloudTest
from harness import DEVICE, PRODUCT, SECRET

READINGS = 60

# Longer than any test.
FOR_EVER = "1h"

POISON = '{"no such point": 1}'


def reading(number):
    return json.dumps({f"p{number % 3}": number})


class BatchTest(CloudTest):
    """Readings of three points go up under a topic of their own."""

    TOPIC = "telemetry"
    MANY = None  # how the topic of requests with several ends
    ENVELOPE = None
    HOLD = "1s"

    def settings(self):
        return {"envelope": self.ENVELOPE, "batch": self.HOLD}

    def config(self):
        endpoint = self.simulator.endpoints[self.CLOUD]
        return harness.cloud_link(NAME, self.CLOUD, endpoint, **self.settings())

    def payload(self, number):
        return reading(number)

    def requests(self):
        """With one message, and with several."""
        topics = [line["topic"] for line in self.simulator.record("message", self.CLOUD)]
        several = sum(topic.endswith(self.MANY) for topic in topics)
        return len(topics) - several, several

    def single_points(self, line):
        """Of a request with one message."""
        raise NotImplementedError

    def points(self):
        """All that came, each as (value, time), in the order of their values."""
        found = []
        for line in self.simulator.record(cloud=self.CLOUD):
            if line["event"] == "point":
                point = json.loads(line["payload"])
                self.assertEqual(point["name"], f"p{point['value'] % 3}")
                found.append((point["value"], point["time"]))
            elif line["event"] == "message" and not line["topic"].endswith(self.MANY):
                found += self.single_points(json.loads(line["payload"]))
        return sorted(found)

    def assert_points(self, numbers, at_least_once=False):
        """Each with a time of its own, which goes up with the number."""
        points = self.points()
        if at_least_once:
            points = sorted(set(points))
        self.assertEqual([value for value, _ in points], list(numbers))
        times = [time for _, time in points]
        # For each request it is asked anew how far the two clocks are apart, to the millisecond.
        for earlier, later in zip(times, times[1:]):
            self.assertGreaterEqual(later, earlier - 1)
        return times

    def dead_letters(self):
        letters = self.client.call(ROOT, MANAGER + ".ListDeadLetters", "st", "", 0)[0]
        return [letter[0] for letter in letters]

    def publish_with(self, number, **options):
        arguments = self.TOPIC, self.payload(number), options
        return self.client.call(link_path(NAME), LINK + ".PublishWith", "ssa{ss}", *arguments)[0]


class Contract:
    def test_few_requests(self):
        self.assert_delivered(*[self.publish(number) for number in range(READINGS)])
        times = self.assert_points(range(READINGS))
        self.assertGreater(times[-1], times[0])
        alone, several = self.requests()
        self.assertLess(alone + several, READINGS / 5)
        self.assertEqual(self.dead_letters(), [])

    def test_poison(self):
        """What the cloud does not want takes nobody along."""
        tickets = [self.publish(number) for number in range(10)]
        poisoned = self.client.publish(NAME, self.TOPIC, POISON)
        tickets += [self.publish(number) for number in range(10, 15)]
        outcome, code, reason = self.client.wait_ticket(poisoned)
        self.assertEqual(outcome, "rejected", (code, reason))
        self.assert_delivered(*tickets)
        self.assertEqual(self.dead_letters(), [poisoned])
        self.assert_points(range(15))

    def test_later(self):
        self.simulator.ctl("answer", self.CLOUD, "5.03", 1)
        self.assert_delivered(*[self.publish(number) for number in range(10)])
        self.assert_points(range(10))

    def test_login_is_over(self):
        self.assert_delivered(self.publish(0))
        self.simulator.ctl("expire", self.CLOUD)
        self.assert_delivered(*[self.publish(number) for number in range(1, 10)])
        self.assert_points(range(10))

    def test_kill(self):
        """While some wait and some are on their way, to a cloud that is out of reach."""
        self.simulator.ctl("impair", self.CLOUD, "drop=100")
        tickets = [self.publish(number) for number in range(READINGS)]
        self.daemon.wait_property(NAME, "InFlight", lambda n: n > 1)
        self.daemon.kill()
        self.simulator.ctl("impair", self.CLOUD, "drop=0")
        self.daemon.start()
        self.assert_delivered(*tickets, timeout=60)
        self.assert_points(range(READINGS), at_least_once=True)
        self.assertLess(sum(self.requests()), READINGS / 2)


    def test_other_settings(self):
        """Put in force while some wait and some are on their way: all go together under the new ones."""
        self.simulator.ctl("impair", self.CLOUD, "drop=100")
        tickets = [self.publish(number) for number in range(READINGS)]
        self.daemon.wait_property(NAME, "InFlight", lambda n: n > 1)
        self.HOLD = "2s"
        self.daemon.configure("links:\n" + self.config())
        self.client.call(ROOT, MANAGER + ".Reload")
        self.simulator.ctl("impair", self.CLOUD, "drop=0")
        self.assert_delivered(*tickets, timeout=60)
        self.assert_points(range(READINGS), at_least_once=True)
        self.assertLess(sum(self.requests()), READINGS / 2)


class HeldContract:
    """With more patience than the test has."""

    HOLD = FOR_EVER

    def test_urgent(self):
        """Goes at once and alone; what waits goes on waiting."""
        held = [self.publish(number) for number in range(2)]
        urgent = self.publish_with(2, priority="urgent")
        self.assert_delivered(urgent)
        states = [self.client.call(ROOT, MANAGER + ".Ticket", "t", ticket)[0] for ticket in held]
        self.assertEqual(states, ["stored", "stored"])
        self.assertEqual(self.requests(), (1, 0))

    def test_little_time(self):
        """Goes in time, and takes what waits along."""
        held = self.publish(0)
        hurried = self.publish_with(1, ttl="4s")
        self.assert_delivered(hurried, held)
        self.assertEqual(self.requests(), (0, 1))

    def test_kill_while_held(self):
        """What waits is on disk."""
        tickets = [self.publish(number) for number in range(2)]
        self.daemon.kill()
        self.daemon.start()
        self.daemon.wait_state(NAME, "online")
        tickets.append(self.publish_with(2, ttl="4s"))
        self.assert_delivered(*tickets)
        self.assert_points(range(3))
        self.assertEqual(self.requests(), (0, 1))


class AliyunTest(BatchTest):
    CLOUD = "aliyun"
    MANY = "/thing/event/property/batch/post"
    ENVELOPE = "property"

    def single_points(self, line):
        return [(point["value"], point["time"]) for point in line["params"].values()]


class EnosTest(BatchTest):
    CLOUD = "enos-v2"
    MANY = "/thing/measurepoint/post/batch"
    ENVELOPE = "measurepoint"

    def single_points(self, line):
        params = line["params"]
        return [(value, params["time"]) for value in params["measurepoints"].values()]


class AliyunBatchTest(AliyunTest, Contract):
    pass


class AliyunHeldTest(HeldContract, AliyunTest):
    pass


class EnosBatchTest(EnosTest, Contract):
    pass


class EnosHeldTest(HeldContract, EnosTest):
    pass


class EnosDtlsTest(EnosTest):
    CLOUD = "enos-dtls"

    test_few_requests = Contract.test_few_requests
    test_poison = Contract.test_poison


class SettingTest(harness.SystemTest):
    """Where it could have no effect, it is refused with a sentence."""

    def test_refused(self):
        nowhere = "127.0.0.1", 9
        clouds = "enos-v2", "enos-dtls", "aliyun"
        links = [harness.cloud_link(cloud, cloud, nowhere, batch="60s") for cloud in clouds]
        links.append(harness.link_at("sim", nowhere, plugin="1nce", batch="60s"))
        daemon = self.start_daemon(self.start_bus(), "links:\n" + "".join(links))
        for name, word in {**dict.fromkeys(clouds, "envelope"), "sim": "batch"}.items():
            with self.subTest(name):
                daemon.wait_state(name, "failed")
                self.assertIn(word, daemon.get(name, "StateReason"))


if __name__ == "__main__":
    harness.main()
