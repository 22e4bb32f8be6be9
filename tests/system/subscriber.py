# SPDX-License-Identifier: Apache-2.0
"""
A subscriber in a process of its own, so that it can be stopped: ADDRESS LINK.

It says "ready", and then a line for each signal: "message NUMBER PAYLOAD" or "ended SUBSCRIPTION REASON".
"""

import sys

from client import LINK, Client, link_path
from jeepney import HeaderFields


class Bus:
    def __init__(self, address):
        self.address = address


def main():
    address, link = sys.argv[1:]
    client = Client(Bus(address))
    options = {"origin": "local"}
    client.call(link_path(link), LINK + ".SubscribeWith", "sa{ss}", "#", options)
    print("ready", flush=True)
    while True:
        signal = client.next_signal(timeout=3600)
        member = signal.header.fields[HeaderFields.member]
        if member == "Message":
            print("message", signal.body[0], signal.body[2].decode(), flush=True)
        elif member == "SubscriptionEnded":
            print("ended", *signal.body, flush=True)


main()
