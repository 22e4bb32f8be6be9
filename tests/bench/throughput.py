# SPDX-License-Identifier: Apache-2.0
"""
Messages a second, stored durably and acknowledged by the cloud, beside what the bus, the library and a bridge
of MQTT brokers do with the same payload. All take turns. The cloud is 1NCE over plain CoAP: its door takes
what a bare client sends, which has not logged in, as it takes ours.
"""

import mosquitto
from place import Place
from row import Row, at_least
from ways import ONCE_PLAIN

COUNT = 20000
# The most durable settings write the whole database with each change.
COUNT_DURABLE = 500
ECHO = "io.skybus.Echo"
IN_FLIGHT = 64


def run_mosquitto(bench, series):
    """n/a where it is not installed."""
    for name, n, settings in (
        ("mosquitto_bridge", COUNT, mosquitto.SHIPPED),
        ("mosquitto_durable", COUNT_DURABLE, mosquitto.DURABLE),
    ):
        for key, value in mosquitto.measure(bench, bench.count(n, 100), settings).items():
            series.setdefault(f"{name}_{key}", []).append(value)


def measure(bench):
    series = {}
    n = bench.count(COUNT, 200)
    with Place(bench, ONCE_PLAIN) as place:
        place.start_echo(ECHO)
        place.start(place.new_daemon())
        place.publish(min(n, 1000))
        for _ in range(bench.runs):
            found = {
                "publish_dbus_durable_per_s": place.publish(n, IN_FLIGHT),
                "raw_dbus_per_s": place.call("stored", n, IN_FLIGHT, service=ECHO)[0],
                "publish_stream_durable_per_s": place.stream(n),
                "raw_coap_per_s": place.bare(n, place.way.window)[0],
            }
            for key, value in found.items():
                series.setdefault(key, []).append(value)
            run_mosquitto(bench, series)
    return series


ROWS = (
    Row(
        "publish_dbus_durable_per_s",
        "PublishBytes over D-Bus, 64 calls in flight, 256 bytes, stored durably (sync: full), until the cloud "
        "has acknowledged all",
        measure,
        (at_least(0.5, "raw_dbus_per_s"), at_least(1, "mosquitto_durable_per_s")),
        quick=True,
    ),
    Row(
        "publish_stream_durable_per_s",
        "the same over a stream (OpenStream)",
        measure,
        (at_least(1, "mosquitto_bridge_per_s"),),
        quick=True,
    ),
)
