# SPDX-License-Identifier: Apache-2.0
"""
What run-page.py must know of the pages: what is there before their first command, what people type, and which
commands another test executes.
"""

import re
import socket

# By page, the links that are there before its first command; without a row all of box.LINKS.
LINKS = {
    "README.md": ["depot"],
    "docs/operations.md": ["plant", "depot"],
    "docs/programs.md": ["plant", "depot"],
    "docs/clouds/1nce.md": [],
    "docs/clouds/aliyun.md": [],
    "docs/clouds/enos-dtls.md": [],
    "docs/clouds/enos.md": [],
    "docs/man/skybus-plugin.7.in": [],
    "docs/plugin-author.md": [],
    "docs/man/skybus-sim.1": [],
    "CONTRIBUTING.md": [],
}

# What cannot be executed here, since it builds, installs or boots whole machines: the command as a regular
# expression, and who does execute it: a file, and what is there to see of it.
ELSEWHERE = [
    (r"make demo", "tests/check.sh", "demo-here"),
    (r"make check", ".ci/run", "make check"),
    (r"make torture", "tests/torture/meson.build", "torture.py"),
    (r"make fuzz", "tests/fuzz/meson.build", "replay.c"),
    (r"make interop", "tests/interop/meson.build", "interop.py"),
    (r"make deb", "tests/packages/root.sh", "build.sh"),
    (r"make acceptance", ".ci/run", "make acceptance"),
    (r"make abi-record", "tests/abi/test-abi.py", "record.sh"),
    (r"make cross", ".ci/run", "make cross"),
    (r"sudo apt install \./build/deb/\*\.deb", "tests/acceptance/test-machine.py", "apt-get -q -y install"),
    (r"sudo skybusctl plugins lift enos", "tests/system/test-crash.py", '"plugins", "lift"'),
    (r"sudo make -C harbour install", "tests/author/author.sh", "install DESTDIR="),
    (r"systemd-analyze security skybusd", "tests/acceptance/test-machine.py", '"systemd-analyze", "security"'),
    (r"meson setup build/mine -Db_sanitize=address,undefined -Db_lundef=false", "tests/check.sh",
     "-Db_sanitize=address,undefined -Db_lundef=false"),
    (r"ninja -C build/mine", "tests/check.sh", "ninja"),
    (r"meson test -C build/mine.*", "tests/check.sh", "meson test"),
]

# What nobody executes but a person, since it takes minutes: it measures, on a machine that is quiet, or it analyses.
BY_HAND = [
    r"make analyse",
    r"make bench(-quick|-page)?",
    r"/usr/bin/python3 tests/bench/bench\.py build/bench .*",
]

# What runs until it is stopped.
RUNS_ON = [
    r".*\bdocs/examples/subscribe\.py .*",
    r"sudo skybusctl subscribe .*",
    r"journalctl .* -f",
    r"skybusd --session --config \./skybus\.yaml --state-dir \./state",
    r"tail -f seen\.json",
]

# What a person answers to a command that asks, with the port of the simulated EnOS.
ANSWERS = {
    r"sudo skybusctl config init plant": "enos\n127.0.0.1\npk7TestA\ndev0000001\nAbCdEfGhIjKlMnOpQrSt\n"
    "port\n{port}\nenvelope\nmeasurepoint\n\ny\n",
}


def links(page):
    from box import LINKS as all_links

    return LINKS.get(page, list(all_links))


def prepare(page, box):
    """What has happened on the box before."""
    if page == "docs/log.md":
        box.add_instance("depot")
    if page in ("docs/operations.md", "docs/man/skybusctl.1"):
        box.reject("depot")
    if page == "docs/man/skybusd.8.in":
        box.be_session()


def stimulate(page, box):
    """What makes a program that listens say something."""
    if page in ("docs/clouds/enos.md", "docs/programs.md"):
        box.command("plant")
    if page == "docs/man/skybus-sim.1":
        # GET coap://127.0.0.1:40001/topic, to the door for EnOS
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            device.sendto(b"\x40\x01\x00\x01\xb5topic", ("127.0.0.1", 40001))
    if page == "docs/clouds/1nce.md":
        box.simulator.ctl("call", "POST", "coap://127.0.0.1:3000/valve/1", "open")


def row_of(command):
    """The pattern of ELSEWHERE or BY_HAND that is about it."""
    patterns = [row[0] for row in ELSEWHERE] + BY_HAND
    return next((pattern for pattern in patterns if re.fullmatch(pattern, command.bare)), None)


def elsewhere(command):
    return row_of(command) is not None


def runs_on(command):
    return any(re.fullmatch(pattern, command.bare) for pattern in RUNS_ON)


def answers(command, box):
    text = next((text for pattern, text in ANSWERS.items() if re.fullmatch(pattern, command.bare)), "")
    return text.format(port=box.simulator.endpoints["enos-v2"][1])
