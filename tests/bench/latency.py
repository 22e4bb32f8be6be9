# SPDX-License-Identifier: Apache-2.0
"""
How long an app waits for a cloud's answer: Request, one at a time. Beside it an echo of the same signature,
and a bare client to the same door, one at a time as well.
"""

from place import Place
from row import Row, at_most
from ways import ONCE_PLAIN

COUNT = 2000
WARM_UP = 200
ECHO = "io.skybus.Echo"
PEERS = ("raw_dbus_one_p50_us", "raw_coap_one_p50_us")


def measure(bench):
    series = {}
    n = bench.count(COUNT, 100)
    with Place(bench, ONCE_PLAIN) as place:
        place.start_echo(ECHO)
        place.start(place.new_daemon())
        place.call("request", WARM_UP, 1)
        for _ in range(bench.runs):
            _, p50, p99 = place.call("request", n, 1)
            _, bus_p50, bus_p99 = place.call("request", n, 1, service=ECHO)
            *_, coap_p50, coap_p99 = place.bare(n, 1)
            found = {
                "latency_p50_us": p50,
                "latency_p99_us": p99,
                "raw_dbus_one_p50_us": bus_p50,
                "raw_dbus_one_p99_us": bus_p99,
                "raw_coap_one_p50_us": coap_p50,
                "raw_coap_one_p99_us": coap_p99,
            }
            for key, value in found.items():
                series.setdefault(key, []).append(value)
    return series


ROWS = (
    Row(
        "latency_p50_us",
        "one Request at a time, from the D-Bus call to the reply with the cloud's code: the median",
        measure,
        (at_most(1.3, *PEERS),),
        quick=True,
    ),
    Row("latency_p99_us", "the same, what 99 in a hundred keep below", measure, quick=True),
)
