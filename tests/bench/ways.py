# SPDX-License-Identifier: Apache-2.0
"""The ways into the clouds that are measured."""

import dataclasses
import hashlib
import hmac
import json

import harness
from harness import DEVICE, ICCID, POINTS, PRODUCT, PRODUCT_SECRET, SECRET

LINK = "plant"
PAYLOAD_BYTES = 100

# A bare client is a device of its own: whoever logs in anew ends the login before.
PEER, PEER_ICCID = "dev0000002", "8988280666000000002"
CARD_KEY = "a key of the card's"

KNOWN = (
    f"--product={PRODUCT},{PRODUCT_SECRET}",
    f"--device={PRODUCT},{DEVICE},{SECRET}",
    f"--device={PRODUCT},{PEER},{SECRET}",
    f"--sim={ICCID}",
    f"--sim={PEER_ICCID},127.0.0.2",
)


def payload(size=PAYLOAD_BYTES):
    """What is published everywhere, of so many bytes: EnOS takes it, and every other cloud, too."""
    message = json.loads(harness.post(1, t=21.5)) | {"id": ""}
    rest = size - len(json.dumps(message, separators=(",", ":")))
    return json.dumps(message | {"id": "1" * rest}, separators=(",", ":"))


def enos_psk():
    """The peer's identity and key, EnOS' secure mode 2."""
    key = hashlib.sha256(SECRET.encode()).digest()[8:24]
    return f"{PRODUCT},{PEER},2,3600", key


def aliyun_psk():
    name, timestamp = f"{PRODUCT}&{PEER}", "1700000000000"
    text = f"id{name}timestamp{timestamp}".encode()
    key = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest().upper()
    return f"devicename|hmacsha256|{name}|{timestamp}", key.encode()


@dataclasses.dataclass(frozen=True)
class Way:
    """
    A plugin, a door of the simulator, and the settings that lead there; {ca} in one is the file
    of the certificate to trust, {https} the address of 1NCE's HTTPS. A bare client goes to the
    same door at path, with identity and key where the door wants a pre-shared one.
    """

    name: str
    plugin: str
    door: str
    settings: dict
    topic: str
    path: str
    psk: tuple = None
    window: int = 8  # the daemon's own, unless the plugin says less

    def link(self, name, simulator, endpoint=None, https=None, **more):
        """The configuration of one."""
        host, port = https or simulator.endpoints["1nce-https"]
        places = {"ca": simulator.ca_path, "https": f"https://{host}:{port}"}
        settings = {key: value.format(**places) for key, value in self.settings.items()}
        endpoint = endpoint or simulator.endpoints[self.door]
        return harness.link_at(name, endpoint, plugin=self.plugin, **settings | more)

    def config(self, simulator, **places):
        """Of the only link, LINK."""
        return "links:\n" + self.link(LINK, simulator, **places)

    def url(self, simulator):
        host, port = simulator.endpoints[self.door]
        scheme = "coaps" if self.door.endswith("-dtls") else "coap"
        return f"{scheme}://{host}:{port}{self.path}"


ENOS = {"product_key": PRODUCT, "device_key": DEVICE}
ALIYUN = {"product_key": PRODUCT, "device_name": DEVICE, "device_secret": SECRET}
ENOS_PLACE = {"topic": POINTS, "path": "/topic" + POINTS.replace(DEVICE, PEER)}
ALIYUN_PLACE = {
    "topic": f"/{PRODUCT}/{DEVICE}/user/update",
    "path": f"/topic/{PRODUCT}/{PEER}/user/update",
}
ONCE_PLACE = {"topic": "plant/temperature", "path": "/?t=plant/temperature"}

BY_SECRET = ENOS | {"device_secret": SECRET}
BY_PRODUCT = ENOS | {"product_secret": PRODUCT_SECRET}
SYMMETRIC = ALIYUN | {"mode": "symmetric"}
CERTIFICATE = ALIYUN | {
    "mode": "dtls",
    "security": "certificate",
    "root_ca": "{ca}",
    "server_name": "localhost",
}
BY_KEY = ALIYUN | {"mode": "dtls", "security": "psk"}
ONBOARDING = {
    "onboarding": "https",
    "onboarding_url": "{https}/device-api/onboarding/coap",
    "onboarding_ca": "{ca}",
}
BY_HAND = {"onboarding": "manual", "identity": ICCID, "psk": CARD_KEY}

ENOS_V1 = Way("enos-v1", "enos", "enos-v1", BY_SECRET, **ENOS_PLACE, window=1)
ENOS_V2 = Way("enos-v2", "enos", "enos-v2", BY_SECRET, **ENOS_PLACE)
ENOS_DTLS = Way(
    "enos-dtls mode 2", "enos-dtls", "enos-dtls", BY_SECRET, **ENOS_PLACE, psk=enos_psk()
)
ENOS_PRODUCT = Way("enos-dtls mode 3", "enos-dtls", "enos-dtls", BY_PRODUCT, **ENOS_PLACE)
ALIYUN_SYMMETRIC = Way("aliyun symmetric", "aliyun", "aliyun", SYMMETRIC, **ALIYUN_PLACE)
ALIYUN_CERTIFICATE = Way("aliyun certificate", "aliyun", "aliyun-dtls", CERTIFICATE, **ALIYUN_PLACE)
ALIYUN_PSK = Way("aliyun psk", "aliyun", "aliyun-dtls", BY_KEY, **ALIYUN_PLACE, psk=aliyun_psk())
ONCE_HTTPS = Way("1nce https", "1nce", "1nce-dtls", ONBOARDING, **ONCE_PLACE)
ONCE_DTLS = Way(
    "1nce dtls", "1nce", "1nce-dtls", BY_HAND, **ONCE_PLACE, psk=(PEER_ICCID, CARD_KEY.encode())
)
ONCE_PLAIN = Way("1nce plain", "1nce", "1nce", {"security": "plain"}, **ONCE_PLACE)

CLOUDS = ("1nce", "aliyun", "enos", "enos-dtls")
LOGINS = (
    ENOS_V1,
    ENOS_V2,
    ENOS_DTLS,
    ENOS_PRODUCT,
    ALIYUN_SYMMETRIC,
    ALIYUN_CERTIFICATE,
    ALIYUN_PSK,
    ONCE_HTTPS,
    ONCE_PLAIN,
)
MESSAGES = (
    ENOS_V1,
    ENOS_V2,
    ENOS_DTLS,
    ALIYUN_SYMMETRIC,
    ALIYUN_CERTIFICATE,
    ALIYUN_PSK,
    ONCE_DTLS,
    ONCE_PLAIN,
)
