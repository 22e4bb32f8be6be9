# SPDX-License-Identifier: Apache-2.0
"""
"skybusctl doctor" finds out which it is: each fault is produced, and the finding is compared. In the end there is
a table of all of them. A wrong diagnosis that is known stands in WRONG, with its reason.
"""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import unittest

import ctl
import harness
from client import LINK, DBusError, link_path
from ctl import Ctl
from harness import SECRET, SOURCE_ROOT, TOPICS, eventually, post
from network import CLOUD, Network, missing

sys.path.append(os.path.join(SOURCE_ROOT, "tests", "torture"))
from disk import ForgettingDisk, why_not  # noqa: E402  (its folder is known only now)

# By link: its door at the simulator. One is plain, one has a key, one a certificate.
DOORS = {"plain": "enos-v2", "key": "enos-dtls", "certificate": "aliyun-dtls"}
CLOUDS = {"plain": "enos-v2", "key": "enos-dtls", "certificate": "aliyun"}
LINKS = tuple(DOORS)

# An address in the network of the cloud.
NOBODY = "10.66.2.77"

# (fault, link): what is found instead, and why nobody can know better. At most two.
WRONG = {}

DEAF = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    data, peer = server.recvfrom(2048)
    if data[1] == 0:
        server.sendto(bytes([0x70, 0]) + data[2:4], peer)
"""

# A relay that falls silent behind the ServerHelloDone, as a server does that meets a wrong key with silence.
MUTE = """
import select, socket, sys
here, there = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
here.bind((sys.argv[1], int(sys.argv[2])))
there.connect((sys.argv[1], int(sys.argv[3])))
print("ready", flush=True)
peer, silent = None, False
while True:
    for ready in select.select([here, there], [], [])[0]:
        if ready is there:
            data = there.recv(2048)
            if not silent:
                here.sendto(data, peer)
            silent = silent or (data[0], data[13]) == (22, 14)
            continue
        data, sender = here.recvfrom(2048)
        silent = silent and sender == peer
        peer = sender
        if not silent:
            there.send(data)
"""

# Certificates of another time; only "openssl ca" makes them, in all versions. In the folder $1, from $2 until $3.
CERTIFICATE = """
set -e; cd "$1"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr -subj /CN=localhost
printf 'subjectAltName=DNS:localhost\n' >ext
printf '[ca]\ndefault_ca=it\n[it]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n' >cnf
printf 'policy=any\ndefault_md=sha256\n[any]\ncommonName=supplied\n' >>cnf
: >index; echo 77 >serial
openssl ca -batch -notext -config cnf -cert ca.pem -keyfile ca.key -in leaf.csr -extfile ext -out leaf.pem \
    -startdate "$2" -enddate "$3"
"""

rows = []


def show_table():
    if not rows:
        return
    print(f"\n    {'fault':<24} {'link':<12} {'finding':<20}", file=sys.stderr)
    for fault, link, finding, good in rows:
        print(f"    {fault:<24} {link:<12} {finding:<20} {'ok' if good else 'WRONG'}", file=sys.stderr)
    wrong = sum(not good for *_, good in rows)
    print(f"    {len(rows)} diagnoses, {wrong} of them wrong\n", file=sys.stderr)


atexit.register(show_table)


class DoctorTest(harness.SystemTest):
    """What all share: to ask, and to compare."""

    def diagnose(self, *words, expect=ctl.FINDING):
        """Runs it; returns what it has found."""
        done = self.ctl.start("--json", "doctor", *words)
        out, err = done.communicate(timeout=300)
        self.assertIn(done.returncode, (expect, ctl.OK), err)
        found = json.loads(out)
        self.assertEqual(done.returncode == ctl.OK, found["finding"] == "healthy", out)
        return found

    def compare(self, fault, link, found, expected):
        wanted = (expected,) if isinstance(expected, str) else expected
        finding = found["finding"]
        good = finding in wanted
        rows.append((fault, link, finding, good))
        if not good and (fault, link) in WRONG:
            self.assertEqual(finding, WRONG[fault, link])
            return
        self.assertTrue(good, f"{fault}, {link}: {finding} and not {wanted}: {found}")
        self.assertEqual(found["mend"] == "", finding == "healthy")
        print(f"    {fault}, {link}: {found['sentence']}")


# ---- the box ---------------------------------------------------------------------------------------------------


class BoxTest(DoctorTest):
    """The bus, the daemon, the clock."""

    def setUp(self):
        os.chmod(self.folder, 0o755)

    def start(self, policy=None):
        self.bus = self.start_bus(policy)
        self.simulator = self.start_simulator()
        link = harness.enos_link("plant", self.simulator.endpoints["enos-v2"])
        self.daemon = self.start_daemon(self.bus, "links:\n" + link)
        self.daemon.wait_state("plant", "online")
        self.ctl = Ctl(self.bus.address)

    def copy(self):
        """Of skybusctl, where everybody may execute it."""
        path = os.path.join(self.folder, "skybusctl")
        shutil.copyfile(ctl.SKYBUSCTL, path)
        os.chmod(path, 0o755)
        return path

    def expect(self, fault, expected):
        found = self.diagnose()
        self.compare(fault, "-", found, expected)
        return found

    def test_nothing(self):
        self.start()
        found = self.expect("nothing", "healthy")
        self.assertEqual([link["name"] for link in found["links"]], ["plant"])
        text = self.ctl.run("doctor", "plant")
        self.assertIn("✓ cloud", text)
        self.assertIn("Nothing that is wrong was found.", text)
        self.ctl.run("doctor", "nobody", expect=ctl.NOT_FOUND)

    def test_no_daemon(self):
        self.start()
        self.daemon.end()
        found = self.expect("no daemon", "daemon-absent")
        self.assertEqual(found["links"], [])
        text = self.ctl.run("doctor", expect=ctl.FINDING)
        self.assertEqual(text, "")

    def test_a_daemon_that_hangs(self):
        self.start()
        self.daemon.process.send_signal(signal.SIGSTOP)
        try:
            self.expect("daemon hangs", "daemon-silent")
        finally:
            self.daemon.process.send_signal(signal.SIGCONT)

    def test_no_bus(self):
        self.ctl = Ctl("unix:path=/nonexistent/bus")
        self.expect("no bus", "bus-absent")

    @unittest.skipUnless(os.geteuid() == 0, "only root can try what other users may")
    def test_a_user_whom_the_bus_refuses(self):
        self.start(os.path.join(SOURCE_ROOT, "dbus", "io.skybus.Gateway1.conf"))
        program = self.copy()
        done = subprocess.run(
            [program, *self.ctl.general, "--json", "doctor"],
            capture_output=True,
            user="nobody",
            group="nogroup",
            extra_groups=[],
            check=False,
        )
        self.assertEqual(done.returncode, ctl.FINDING, done.stderr)
        self.compare("bus policy", "-", json.loads(done.stdout), "bus-forbids")

    def test_a_clock_that_is_behind(self):
        """It was made in the future."""
        self.start()
        program = self.copy()
        os.utime(program, (4e9, 4e9))
        done = subprocess.run(
            [program, *self.ctl.general, "--json", "doctor"], capture_output=True, check=False
        )
        self.assertEqual(done.returncode, ctl.FINDING, done.stderr)
        self.compare("clock behind", "-", json.loads(done.stdout), "clock-wrong")

    def test_findings(self):
        """The page about them says what the program says."""
        found = Ctl("unix:path=/nonexistent/bus").json("doctor", "--findings")
        with open(os.path.join(SOURCE_ROOT, "docs", "doctor.md"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        for row in found:
            line = f"| `{row['finding']}` | {row['meaning']} | {row['mend']} |"
            self.assertIn(line, lines)
        written = [line for line in lines if line.startswith("| `")]
        self.assertEqual(len(written), len(found))


SENTINEL = "5eNt1nElSeCrEt"

# What the programs of systemd print, without systemd.
FAKE_JOURNAL = f"""#!/bin/sh
echo "$@"
echo "plant: online as {harness.PRODUCT}/{harness.DEVICE}"
echo "somebody: device_secret: {SENTINEL}"
echo 'other: {{"token": "{SENTINEL}", "code": 4}}'
echo "third: password={SENTINEL} user=me"
"""

FILES = [
    "configuration.yaml",
    "daemon.json",
    "doctor.json",
    "journal.txt",
    "links.json",
    "losses.json",
    "plugins.json",
    "unit.txt",
    "versions.txt",
]


class BundleTest(DoctorTest):
    """The archive for a bug report."""

    def setUp(self):
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        self.bin = os.path.join(self.folder, "bin")
        os.mkdir(self.bin)
        for name in ("journalctl", "systemctl"):
            path = os.path.join(self.bin, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(FAKE_JOURNAL)
            os.chmod(path, 0o755)
        self.ctl = Ctl(self.bus.address)
        self.archive = os.path.join(self.folder, "report.tar.gz")

    def bundle(self):
        path = f"{self.bin}:{os.environ['PATH']}"
        self.ctl.run("doctor", "--bundle", self.archive, env={"PATH": path, "TMPDIR": self.folder})
        self.assertEqual(os.stat(self.archive).st_mode & 0o777, 0o600)
        # Nothing is left behind.
        self.assertEqual([name for name in os.listdir(self.folder) if "skybusctl-" in name], [])
        with tarfile.open(self.archive) as archive:
            names = [item.name for item in archive.getmembers() if item.isfile()]
            return {
                os.path.basename(name): archive.extractfile(name).read().decode() for name in names
            }

    def start(self):
        secret_path = os.path.join(self.folder, "secret")
        with open(secret_path, "w", encoding="utf-8") as file:
            file.write(SENTINEL)
        os.chmod(secret_path, 0o600)
        endpoint = self.simulator.endpoints["enos-v2"]
        plant = harness.enos_link("plant", endpoint, secret=SENTINEL)
        other = harness.enos_link("other", endpoint, secret=f"{{file: {secret_path}}}")
        self.daemon = self.start_daemon(self.bus, "links:\n" + plant + other)
        self.daemon.wait_state("plant", "backoff", "failed")

    def test_no_secret_and_no_device_is_in_it(self):
        self.start()
        files = self.bundle()
        for name, text in files.items():
            for word in (SENTINEL, harness.PRODUCT, harness.DEVICE):
                self.assertNotIn(word, text, name)
        self.assertEqual(sorted(set(files) - {"metrics.json"}), FILES)
        self.assertEqual(json.loads(files["doctor.json"])["finding"], "cloud-refuses")
        names = [link["Name"] for link in json.loads(files["links.json"])]
        self.assertEqual(names, ["other", "plant"])
        self.assertIn("plugin: enos", files["configuration.yaml"])
        self.assertIn("online as [device-", files["journal.txt"])
        self.assertIn("user=me", files["journal.txt"])
        self.assertIn('"code": 4', files["journal.txt"])
        self.assertIn("--unit skybusd.service", files["journal.txt"])

    def test_without_a_daemon(self):
        files = self.bundle()
        self.assertEqual(json.loads(files["doctor.json"])["finding"], "daemon-absent")
        self.assertIn("journal.txt", files)
        self.assertNotIn("links.json", files)

    def test_a_file_that_cannot_be_written(self):
        self.start()
        error = self.ctl.run("doctor", "--bundle", "/nonexistent/x", expect=ctl.FAILED)
        self.assertIn("cannot be written", error)


@unittest.skipIf(why_not(), why_not())
class DiskTest(DoctorTest):
    def setUp(self):
        self.disk = ForgettingDisk(f"{self.folder}/state")
        self.addCleanup(self.disk.end)
        self.bus = self.start_bus()
        self.simulator = self.start_simulator()
        link = harness.enos_link("plant", self.simulator.endpoints["enos-v2"])
        self.daemon = self.start_daemon(self.bus, "links:\n" + link)
        self.daemon.wait_state("plant", "online")
        self.ctl = Ctl(self.bus.address)
        self.client = self.new_client(self.bus)

    def publish(self):
        arguments = (TOPICS["enos-v2"], post(1))
        return self.client.send(link_path("plant"), LINK + ".Publish", "ss", *arguments)

    def expect(self, fault, expected):
        self.compare(fault, "-", self.diagnose(), expected)

    def refused(self):
        with self.assertRaises(DBusError):
            self.client.reply(self.publish())

    def test_full(self):
        self.client.call(link_path("plant"), LINK + ".Disconnect")
        self.disk.order("full", self.disk.status()["bytes"] + 65536)
        with self.assertRaises(DBusError):
            for _ in range(2000):
                self.client.reply(self.publish())
        self.expect("disk full", "disk-full")

    def test_broken(self):
        self.disk.order("readonly", "on")
        self.refused()
        self.expect("disk broken", ("disk-fails",))

    def test_slow(self):
        self.disk.order("stall", 3000)
        self.client.reply(self.publish())
        self.expect("disk slow", "disk-slow")


# ---- the network -----------------------------------------------------------------------------------------------


class NetworkTest(DoctorTest):
    """A box, a router, the clouds: three links."""

    def setUp(self):
        if why := missing("ip", "nsenter", "nft"):
            self.skipTest(why)
        self.network = Network()
        self.addCleanup(self.network.remove)
        self.network.make()
        cloud = self.network.inside("cloud")
        self.simulator = self.start_simulator(f"--address={CLOUD}", inside=cloud)
        self.bus = self.start_bus()
        self.ctl = Ctl(self.bus.address)
        self.ctl.inside = self.network.inside("box")

    def link(self, name, **settings):
        endpoint = settings.pop("endpoint", self.simulator.endpoints[DOORS[name]])
        if name == "certificate":
            rows = {"mode": "dtls", "security": "certificate", "root_ca": self.simulator.ca_path}
            settings = rows | {"server_name": "localhost"} | settings
        return harness.cloud_link(name, CLOUDS[name], endpoint, **settings)

    def start(self, **settings):
        """All links, with these settings beside their own."""
        self.start_with({link: settings for link in LINKS})

    def start_with(self, settings):
        config = "links:\n" + "".join(self.link(link, **rows) for link, rows in settings.items())
        box = self.network.inside("box")
        self.daemon = self.start_daemon(self.bus, config, inside=box)
        self.links = tuple(settings)

    def wait(self, *states, links=None, timeout=120):
        for link in links or self.links:
            self.daemon.wait_state(link, *states, timeout=timeout)

    def wait_attempt(self, link, key, *values, timeout=120):
        def is_so():
            return (self.daemon.get(link, "LastAttempt") or {}).get(key) in values

        eventually(is_so, f"{key} of {link} to be one of {values}", timeout)

    def filter(self, rule):
        """At the router, for what is to be passed on."""
        table = f"table ip skybus {{\n chain pass {{\n type filter hook forward priority 0\n {rule}\n }}\n}}\n"
        self.network.run(*self.network.inside("router"), "nft", "-f", "-", text=table)

    def expect(self, fault, *words, **expected):
        found = {link["name"]: link for link in self.diagnose(*words)["links"]}
        for link, finding in expected.items():
            self.compare(fault, link, found[link], finding)
        return found

    def expect_all(self, fault, expected):
        return self.expect(fault, **dict.fromkeys(self.links, expected))


class WayTest(NetworkTest):
    """What is wrong with the way."""

    def test_nothing(self):
        self.start()
        self.wait("online")
        logins = [len(self.simulator.record("login", cloud)) for cloud in CLOUDS.values()]
        self.expect_all("nothing", "healthy")
        after = [len(self.simulator.record("login", cloud)) for cloud in CLOUDS.values()]
        self.assertEqual(after, logins)

    def test_name(self):
        self.start(endpoint=("cloud.invalid", 5683))
        self.wait("backoff")
        self.expect_all("name", "name")

    def test_a_name_with_several_addresses(self):
        """Nobody is at the first of them."""
        if subprocess.run(("unshare", "--mount", "true"), check=False).returncode != 0:
            self.skipTest("no private mount namespace here, as in a chroot")
        hosts = os.path.join(self.folder, "hosts")
        with open(hosts, "w", encoding="utf-8") as file:
            file.write(f"{NOBODY} cloud.test\n{CLOUD} cloud.test\n")
        mount = f'mount --bind {hosts} /etc/hosts && exec "$@"'
        inside = (*self.network.inside("box"), "unshare", "--mount", "sh", "-c", mount, "sh")
        self.ctl.inside = inside
        _, port = self.simulator.endpoints["enos-v2"]
        config = "links:\n" + self.link("plain", endpoint=("cloud.test", port))
        self.daemon = self.start_daemon(self.bus, config, inside=inside)
        self.daemon.wait_state("plain", "online", timeout=120)
        found = self.expect("several addresses", plain="healthy")
        [name] = [check for check in found["plain"]["checks"] if check["check"] == "name"]
        self.assertIn("and 1 more", name["sentence"])
        [port] = [check for check in found["plain"]["checks"] if check["check"] == "port"]
        self.assertEqual(port["health"], "well")

    def test_no_route(self):
        self.start()
        self.wait("online")
        self.network.ip("box", "route del default")
        self.wait("backoff")
        self.expect_all("no route", "no-route")

    def test_interface_missing(self):
        self.start(interface="wwan9")
        self.wait("backoff")
        self.expect_all("interface missing", "interface-missing")

    def test_interface_down(self):
        self.start()
        self.wait("online")
        self.network.unplug()
        self.wait("backoff")
        self.expect_all("interface down", "interface-down")

    def test_no_carrier(self):
        self.start(interface="lan")
        self.wait("online")
        self.network.pull_cable()
        # The kernel takes up to a second to see it.
        eventually(lambda: "NO-CARRIER" in self.network.output("box", "ip link show lan"), "no carrier")
        self.expect_all("no carrier", "interface-down")

    def test_nothing_listens(self):
        for cloud in CLOUDS.values():
            self.simulator.ctl("stop", cloud)
        self.start()
        self.wait("backoff")
        self.expect_all("port closed", "port-closed")

    def test_a_router_refuses(self):
        self.filter("meta l4proto udp reject with icmp type admin-prohibited")
        self.start()
        self.wait("backoff")
        self.expect_all("port forbidden", "unreachable")

    def test_nobody_has_the_address(self):
        self.start(endpoint=(NOBODY, 5683))
        self.wait("connecting", "authenticating", "backoff")
        self.expect_all("no such host", "unreachable")

    def test_a_router_drops(self):
        self.filter("meta l4proto udp drop")
        self.start()
        self.wait("connecting", "authenticating", "backoff")
        self.expect_all("port blocked", "port-blocked")

    def test_answers_are_dropped(self):
        self.filter(f"ip saddr {CLOUD} udp sport >= 1024 drop")
        self.start()
        self.wait("connecting", "authenticating", "backoff")
        self.expect_all("answers blocked", "port-blocked")

    def test_large_packets_are_dropped(self):
        self.start()
        self.wait("online")
        self.filter("meta length > 800 drop")
        found = self.expect_all("mtu", "mtu")
        for link in found.values():
            size = int(link["sentence"].split()[4])
            self.assertTrue(784 <= size <= 800, link["sentence"])

    def test_the_box_has_a_small_mtu(self):
        self.start()
        self.wait("online")
        self.network.ip("box", "link set lan mtu 700")
        self.expect_all("mtu of the box", "mtu")

    def test_what_was_wrong_is_over(self):
        self.filter("meta l4proto udp reject with icmp type port-unreachable")
        self.start()
        self.wait("backoff")
        self.network.run(*self.network.inside("router"), "nft", "flush", "ruleset")
        states = [self.daemon.get(link, "State") for link in LINKS]
        if "online" in states:
            self.skipTest("they were faster")
        found = self.diagnose()["links"]
        for link in found:
            self.compare("over", link["name"], link, ("waits", "healthy"))


class LoginTest(NetworkTest):
    """The way is good."""

    def test_configuration(self):
        self.start_with({"plain": {"product_key": None}})
        self.wait("failed")
        self.expect_all("configuration", "configuration")

    def test_disabled(self):
        self.start(enabled="no")
        self.wait("disabled")
        self.expect_all("disabled", "disabled")

    def test_wrong_secret(self):
        secret = SECRET[::-1]
        self.start_with({"plain": {"device_secret": secret}, "key": {"device_secret": secret}})
        self.wait("backoff", "failed")
        self.expect("wrong secret", plain="cloud-refuses", key=("key-refused", "key-silence"))

    def test_wrong_identity(self):
        self.start_with({"plain": {"device_key": "dev9999999"}, "key": {"device_key": "dev9999999"}})
        self.wait("backoff", "failed")
        self.expect("wrong identity", plain="cloud-refuses", key=("key-refused", "key-silence"))

    def test_certificates(self):
        self.start_with({"certificate": {"root_ca": None}})
        self.wait("backoff")
        self.expect_all("unknown root", "certificate")

    def test_name_of_the_certificate(self):
        self.start_with({"certificate": {"server_name": "other.example"}})
        self.wait("backoff")
        self.expect_all("wrong name", "certificate")

    def test_cloud_refuses(self):
        for cloud in CLOUDS.values():
            self.simulator.ctl("answer", cloud, "4.03", 50)
        self.start_with({"plain": {}, "certificate": {}})
        self.wait("backoff", "failed")
        found = self.expect_all("login refused", "cloud-refuses")
        self.assertIn("4.03", found["plain"]["sentence"])

    def test_cloud_refuses_messages(self):
        self.start()
        self.wait("online")
        self.simulator.ctl("answer", "enos-v2", "4.00", 5, "/topic")
        client = self.new_client(self.bus)
        topic = TOPICS["enos-v2"]
        [ticket] = client.call(link_path("plain"), LINK + ".Publish", "ss", topic, post(1))
        self.assertEqual(client.wait_ticket(ticket)[0], "rejected")
        found = self.expect("message refused", plain="messages-refused", key="healthy")
        self.assertIn("1 message was refused for good", found["plain"]["sentence"])
        self.ctl.run("dead", "discard", "--all")
        self.expect("message discarded", plain="healthy")

    def start_server(self, program, *arguments):
        """One of ours at the cloud's address; returns where."""
        port = harness.free_ports(1)
        command = (sys.executable, "-c", program, CLOUD, str(port), *map(str, arguments))
        process = harness.start_stranger(*self.network.inside("cloud"), *command)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        self.addCleanup(process.stdout.close)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return CLOUD, port

    def test_a_wrong_key_is_met_with_silence(self):
        _, port = self.simulator.endpoints["enos-dtls"]
        self.start_with({"key": {"endpoint": self.start_server(MUTE, port)}})
        self.wait("backoff")
        self.expect_all("key, silence", "key-silence")

    def start_dated_server(self, first, last):
        folder = os.path.join(self.folder, "dated")
        os.mkdir(folder)
        command = ("sh", "-c", CERTIFICATE, "sh", folder, first, last)
        subprocess.run(command, check=True, capture_output=True)
        port = harness.free_ports(2) + 1
        # It has DTLS at the next port.
        server = ("coap-server-gnutls", "-A", CLOUD, "-p", str(port - 1), "-n")
        files = ("-c", f"{folder}/leaf.pem", "-j", f"{folder}/leaf.key")
        process = harness.start_stranger(*self.network.inside("cloud"), *server, *files)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        self.addCleanup(process.stdout.close)
        self.start_with({"certificate": {"endpoint": (CLOUD, port), "root_ca": f"{folder}/ca.pem"}})

    @unittest.skipIf(missing("openssl", "coap-server-gnutls"), "needs openssl and coap-server-gnutls")
    def test_a_certificate_that_has_expired(self):
        self.start_dated_server("20200101000000Z", "20200102000000Z")
        self.wait_attempt("certificate", "cause", "certificate")
        found = self.expect_all("certificate expired", "certificate-date")
        self.assertIn("until 2020-01-02", found["certificate"]["sentence"])

    @unittest.skipIf(missing("openssl", "coap-server-gnutls"), "needs openssl and coap-server-gnutls")
    def test_a_certificate_of_tomorrow(self):
        self.start_dated_server("20900101000000Z", "20910101000000Z")
        self.wait_attempt("certificate", "cause", "certificate")
        self.expect_all("certificate not yet", "certificate-date")

    def test_https_does_not_answer(self):
        port = harness.free_ports(1)
        rows = {
            "plugin": "1nce",
            "onboarding": "https",
            "onboarding_url": f"https://{CLOUD}:{port}/device-api/onboarding/coap",
        }
        link = harness.link_at("sim", self.simulator.endpoints["1nce-dtls"], **rows)
        box = self.network.inside("box")
        self.daemon = self.start_daemon(self.bus, "links:\n" + link, inside=box)
        self.links = ("sim",)
        self.wait("backoff")
        self.expect_all("https", "https")

    def test_login_is_not_answered(self):
        self.start_with({"plain": {"endpoint": self.start_server(DEAF)}})
        self.wait("backoff", timeout=200)
        self.expect_all("login unanswered", "cloud-silent")


class NatTest(NetworkTest):
    """The router forgets."""

    def set_timeout(self, seconds):
        for name in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
            order = f"echo {seconds} > /proc/sys/net/netfilter/{name}"
            try:
                self.network.run(*self.network.inside("router"), "sh", "-c", order)
            except RuntimeError as error:
                self.skipTest(f"the time of a translation cannot be set here: {error}")

    def test_it_forgets(self):
        self.network.translate()
        self.set_timeout(16)
        self.start()
        self.wait("online")
        found = self.expect("nat", "--nat=20", "key", key="nat")
        self.assertIn("a silence of 20 s", found["key"]["sentence"].lower())
        self.assertIn("outlived one of 10 s", found["key"]["sentence"])

    def test_it_remembers(self):
        self.network.translate()
        self.set_timeout(100)
        self.start()
        self.wait("online")
        found = self.expect("nat remembers", "--nat=10", "key", key="healthy")
        nat = [check for check in found["key"]["checks"] if check["check"] == "nat"]
        self.assertIn("outlived a silence of 10 s", nat[0]["sentence"])


if __name__ == "__main__":
    harness.main()
