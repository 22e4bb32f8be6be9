# SPDX-License-Identifier: Apache-2.0
"""EnOS over plain CoAP, both generations: what every cloud owes, commands, and their answers."""

import json

import harness
from cloud import NAME, CloudTest, Contract
from harness import OWN, POINTS

SET = f"{OWN}/thing/service/measurepoint/set"
COMMAND = {"id": "c17", "version": "1.0", "params": {"temperature": 30.5}}


class EnosTest(CloudTest):
    TOPIC = POINTS
    RESTART_LOGINS = 1  # the cloud knows the device by its address, which is a new one

    def config(self, **settings):
        return harness.enos_link(NAME, self.simulator.endpoints[self.CLOUD], **settings)


class CommandContract(Contract):
    def test_command_and_answer(self):
        self.subscribe_to_answer(f"{OWN}/thing/service/#")
        self.simulator.ctl("command", f"{SET}={json.dumps(COMMAND)}")
        # The cloud tells of it in the reply to whatever comes next.
        self.assert_delivered(self.publish(1))
        message, topic, payload, properties = self.client.wait_signal("Message")
        self.assertEqual((topic, json.loads(payload)), (SET, COMMAND))
        self.assertIn("answer-by", properties)
        self.assert_delivered(self.answer(message, "1202", ""))
        reply = self.simulator.record("message", self.CLOUD)[-1]
        self.assertEqual(reply["topic"], f"{SET}_reply")
        self.assertEqual(json.loads(reply["payload"]), {"id": "c17", "code": 1202, "data": {}})

    def test_answer_that_is_none(self):
        self.subscribe_to_answer()
        self.simulator.ctl("command", f"{SET}={json.dumps(COMMAND)}")
        self.assert_delivered(self.publish(1))
        message = self.client.wait_signal("Message")[0]
        with self.assert_refused("InvalidAnswer", "JSON"):
            self.answer(message, "", "not JSON")
        with self.assert_refused("InvalidAnswer", "code"):
            self.answer(message, "4.04", "{}")
        # It may be tried again, until it is taken.
        self.assert_delivered(self.answer(message, "", "{}"))
        with self.assert_refused("NoSuchMessage", str(message)):
            self.answer(message, "", "{}")


class FirstGenerationTest(EnosTest, CommandContract):
    CLOUD = "enos-v1"


class SecondGenerationTest(EnosTest, CommandContract):
    CLOUD = "enos-v2"


if __name__ == "__main__":
    harness.main()
