# SPDX-License-Identifier: Apache-2.0
"""
A cloud that has lost its DTLS sessions without a word answers nothing any more. It takes as long as
RFC 7252 lets a request take to find that out (93 s at most, section 4.8.2).
"""

import harness
from cloud import NAME, CloudTest
from harness import DEVICE, POINTS, PRODUCT, SECRET


class ForgottenTest(CloudTest):
    CLOUD = "enos-dtls"
    TOPIC = POINTS

    def config(self):
        rows = {"plugin": "enos-dtls", "product_key": PRODUCT, "device_key": DEVICE}
        endpoint = self.simulator.endpoints["enos-dtls"]
        return harness.link_at(NAME, endpoint, **rows | {"device_secret": SECRET})

    def test_forgotten(self):
        self.assert_delivered(self.publish(1))
        self.simulator.ctl("forget", self.CLOUD)
        self.assert_delivered(*[self.publish(number) for number in range(2, 5)], timeout=150)
        self.assertEqual(self.payloads(), [self.payload(number) for number in range(1, 5)])
        self.assertEqual(self.count("login"), 2)


if __name__ == "__main__":
    harness.main()
