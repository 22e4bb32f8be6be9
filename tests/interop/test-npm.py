# SPDX-License-Identifier: Apache-2.0
"""The simulated clouds must satisfy other people's clients, or they would only agree with our plugins."""

import hashlib
import hmac
import json
import os
import ssl
import subprocess
import urllib.request

import harness
from client import PATIENCE, run_stranger
from harness import DEVICE, ICCID, OWN, POINTS, PRODUCT, SECRET, post

NODE = os.environ["NODE"]
HERE = os.path.dirname(os.path.abspath(__file__))

TOKEN, SEQUENCE = "2088", "2089"  # Aliyun's options
IV = b"543yhjy97ae7fyfg"


def run_node(script, *arguments):
    """The answers, as pairs of code and payload."""
    done = run_stranger(NODE, os.path.join(HERE, script), *arguments)
    if done.returncode != 0:
        raise RuntimeError(f"{script}: {done.stderr}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [(answer["code"], bytes.fromhex(answer["payload"])) for answer in answers]


def request(method, url, payload="", **options):
    raw = payload if isinstance(payload, bytes) else payload.encode()
    return {"method": method, "url": url, "payload": raw.hex(), "options": options}


def aes(key, data, *more):
    """AES-128-CBC by openssl, with Aliyun's initial vector."""
    command = ["openssl", "enc", "-aes-128-cbc", "-K", key.hex(), "-iv", IV.hex(), *more]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


class NpmTest(harness.SystemTest):
    def setUp(self):
        self.simulator = self.start_simulator()

    def url(self, door, path, scheme="coap"):
        host, port = self.simulator.endpoints[door]
        return f"{scheme}://{host}:{port}{path}"

    def messages(self, cloud):
        return self.simulator.record("message", cloud)


class PlainTest(NpmTest):
    def test_enos(self):
        text = f"deviceKey{DEVICE}lifetime3600productKey{PRODUCT}secureMode2{SECRET}"
        sign = hashlib.sha256(text.encode()).hexdigest()
        login = json.dumps({"secureMode": 2, "lifetime": 3600, "sign": sign})
        requests = [
            request("POST", self.url("enos-v2", f"/auth/{PRODUCT}/{DEVICE}"), login),
            request("POST", self.url("enos-v2", f"/topic{POINTS}"), post(1)),
        ]
        answers = run_node("plain-client.js", json.dumps(requests))
        self.assertEqual([code for code, _ in answers], ["2.04", "2.04"])
        self.assertEqual(self.messages("enos-v2")[0]["payload"], post(1))

    def aliyun_login(self):
        """The token and the key of the session."""
        fields = {"clientId": "somebody", "deviceName": DEVICE, "productKey": PRODUCT, "seq": "10"}
        content = "".join(name + fields[name] for name in sorted(fields))
        sign = hmac.new(SECRET.encode(), content.encode(), "md5").hexdigest().upper()
        [(code, answer)] = run_node(
            "plain-client.js",
            json.dumps(
                [
                    request(
                        "POST",
                        self.url("aliyun", "/auth"),
                        json.dumps(fields | {"sign": sign}),
                        **{"12": "32", "17": "32"},  # Content-Format and Accept: JSON
                    )
                ]
            ),
        )
        self.assertEqual(code, "2.05", answer)
        answer = json.loads(answer)
        key = hashlib.sha256(f"{SECRET},{answer['random']}".encode()).digest()[8:24]
        return answer["token"].encode(), key

    def test_aliyun(self):
        token, key = self.aliyun_login()
        topic = f"/{PRODUCT}/{DEVICE}/user/update"
        options = {TOKEN: token.hex(), SEQUENCE: aes(key, b"7").hex()}
        url = self.url("aliyun", f"/topic{topic}")
        requests = [request("POST", url, aes(key, b"from a stranger"), **options)]
        [(code, _)] = run_node("plain-client.js", json.dumps(requests))
        self.assertTrue(code.startswith("2."), code)
        [message] = self.messages("aliyun")
        self.assertEqual(
            (message["topic"], message["payload"], message["sequence"]),
            (topic, "from a stranger", 7),
        )

    def test_1nce(self):
        requests = [request("POST", self.url("1nce", "/?t=plant/temp"), "21.5")]
        [(code, _)] = run_node("plain-client.js", json.dumps(requests))
        self.assertEqual(code, "2.04")
        [message] = self.messages("1nce")
        self.assertEqual((message["topic"], message["payload"]), (f"{ICCID}/plant/temp", "21.5"))


class DtlsTest(NpmTest):
    def test_enos(self):
        key = hashlib.sha256(SECRET.encode()).digest()[8:24].hex()
        requests = [request("POST", self.url("enos-dtls", f"/topic{POINTS}", "coaps"), post(1))]
        identity = f"{PRODUCT},{DEVICE},2,3600"
        [(code, _)] = run_node("dtls-client.js", identity, key, json.dumps(requests))
        self.assertEqual(code, "2.04")
        [message] = self.messages("enos-dtls")
        self.assertEqual((message["payload"], message["identity"]), (post(1), identity))

    def test_1nce(self):
        """As the vendor's own example does it: the key by HTTPS, then node-coap-client."""
        trust = ssl.create_default_context(cafile=self.simulator.ca_path)
        url = self.url("1nce-https", "/device-api/onboarding/coap", "https")
        ask = urllib.request.Request(url, headers={"Accept": "application/json"})
        with urllib.request.urlopen(ask, context=trust, timeout=PATIENCE) as answer:
            keys = json.load(answer)
        requests = [request("POST", self.url("1nce-dtls", "/", "coaps"), "21.5")]
        key = keys["preSharedKey"].encode().hex()
        [(code, _)] = run_node("dtls-client.js", keys["clientIdentity"], key, json.dumps(requests))
        self.assertEqual(code, "2.04")
        self.assertEqual(self.messages("1nce")[0]["payload"], "21.5")


if __name__ == "__main__":
    harness.main()
