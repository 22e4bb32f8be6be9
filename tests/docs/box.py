# SPDX-License-Identifier: Apache-2.0
"""
A box for the commands of one page: with /etc, /var/lib, a journal, a bus and a network of its own, and Skybus as if it
were installed, beside simulated clouds. It is to be made in name spaces of its own, see UNSHARE: whatever the commands
do to it, the machine has nothing of it.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import harness
from client import LINK, Client, link_path
from harness import DEVICE, PLUGIN_DIR, PRODUCT, PRODUCT_SECRET, SECRET, SKYBUSD, SOURCE_ROOT

UNSHARE = ("unshare", "--mount", "--propagation=private", "--net", "--ipc", "--pid", "--fork", "--mount-proc",
           "--kill-child")

HERE = os.path.dirname(os.path.abspath(__file__))

# The links that a box has if its page says nothing else, by their files in conf.d.
LINKS = {
    "plant": {"plugin": "enos", "product_key": PRODUCT, "device_key": DEVICE, "envelope": "measurepoint"},
    "depot": {"plugin": "aliyun", "mode": "symmetric", "product_key": PRODUCT, "device_name": DEVICE},
    "field": {"plugin": "enos-dtls", "product_key": PRODUCT, "device_key": DEVICE},
    "sim": {"plugin": "1nce", "security": "plain"},
}

# skybusd as if it were installed: what was built looks elsewhere unless it is told.
INSTALLED = """
set -- --plugin-dir "{plugins}" "$@"
case " $* " in
*" --instance "*)
    name=${{*#*--instance }}
    name=${{name%% *}}
    set -- --config "/etc/skybus/instances/$name/skybus.yaml" --state-dir "/var/lib/skybus-instances/$name" "$@"
    ;;
*" --config "* | *" --list-plugins "*) ;;
*) set -- --config /etc/skybus/skybus.yaml --state-dir /var/lib/skybus "$@" ;;
esac
exec "{skybusd}" "$@"
"""

# Made in a box, beside what is copied into it.
DIRECTORIES = (
    "/etc/skybus/conf.d",
    "/etc/systemd/system",
    "/etc/dbus-1/system.d",
    "/usr/share/dbus-1/system.d",
    "/usr/share/doc/skybus",
    "/var/lib/prometheus/node-exporter",
    "/var/lib/skybus",
    "/var/lib/systemd",
)

# What a person types into a file of this name.
SECRETS = {"product-secret": PRODUCT_SECRET, "secret": SECRET}


def run(*command, **options):
    subprocess.run(command, check=True, **options)


def secret_for(path):
    """What is to be in a secret's file."""
    return next((SECRETS[end] for end in SECRETS if path.endswith(end)), None)


def has_systemd():
    """Whether this machine has what a box takes of systemd."""
    return os.path.exists("/lib/systemd/systemd-journald")


class Box:
    def __init__(self, folder, programs):
        """
        folder: for all that it has, not on a tmpfs, since systemd keeps no key there
        programs: what is built beside the daemon, by names
        """
        self.folder = folder
        self.programs = programs
        self.sections = {}
        self.make_files()
        self.make_programs()
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "wwan0", "type", "veth", "peer", "name", "tower")
        run("ip", "address", "add", "10.66.3.2/24", "dev", "wwan0")
        for interface in "wwan0", "tower":
            run("ip", "link", "set", interface, "up")
        run("ip", "route", "add", "default", "via", "10.66.3.1", "dev", "wwan0", "metric", "700")
        self.start_journal()
        self.bus = harness.PrivateBus(self.folder)
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.bus.address
        self.simulator = harness.Simulator(self.folder, "--impairable")

    @staticmethod
    def mount(source, target, *options):
        run("mount", *options, source, target)

    def over(self, path, copy=True):
        """Puts a folder of the box's own over one of the machine, with what is in it unless told otherwise."""
        mine = os.path.join(self.folder, path.strip("/").replace("/", "-"))
        if copy:
            shutil.copytree(path, mine, symlinks=True)
        else:
            os.mkdir(mine)
        self.mount(mine, path, "--bind")

    def make_files(self):
        """As the packages install them."""
        packages = os.path.join(self.folder, "dpkg")
        os.mkdir(packages)
        self.mount("/var/lib/dpkg", packages, "--bind")
        self.over("/etc")
        for path in "/run", "/var/backups", "/var/lib", "/var/log", "/usr/share/doc":
            self.over(path, copy=False)
        os.mkdir("/var/lib/dpkg")
        self.mount(packages, "/var/lib/dpkg", "--bind")
        self.over("/usr/share/dbus-1")
        self.over("/usr/lib/systemd/catalog")
        source = Path(SOURCE_ROOT)
        for directory in DIRECTORIES:
            os.makedirs(directory, exist_ok=True)
        shutil.copy(source / "etc/skybus.yaml", "/etc/skybus/skybus.yaml")
        shutil.copy(source / "dbus/io.skybus.Gateway1.conf", "/usr/share/dbus-1/system.d")
        shutil.copy(source / "systemd/skybus.catalog", "/usr/lib/systemd/catalog")
        shutil.copytree(source / "etc/examples", "/usr/share/doc/skybus/examples")
        shutil.copytree(source / "docs/examples", "/usr/share/doc/skybus/examples", dirs_exist_ok=True)
        for number, name in enumerate(("meter", "operators", "skybus"), 60000):
            self.add_user(number, name)
        # Where the commands run: they may write there.
        self.tree = os.path.join(self.folder, "tree")
        shutil.copytree(source, self.tree, symlinks=True, ignore=shutil.ignore_patterns("build*", ".git"))

    @staticmethod
    def add_user(number, name):
        """With a group that is called the same."""
        for table, row in ("passwd", f"{name}:x:{number}:{number}::/:/bin/false\n"), ("group", f"{name}:x:{number}:\n"):
            with open(f"/etc/{table}", "a", encoding="utf-8") as file:
                file.write(row)

    def make_programs(self):
        """What is on the path before the machine's own."""
        path = os.path.join(self.folder, "bin")
        os.mkdir(path)
        scripts = {
            "skybusd": INSTALLED.format(plugins=PLUGIN_DIR, skybusd=SKYBUSD),
            # Whoever runs the commands is root here.
            "sudo": 'while :; do case $1 in -u) shift 2 ;; -*) shift ;; *) break ;; esac; done\nexec "$@"\n',
            "sudoedit": f'exec cp "{self.folder}/typed" "$1"\n',
        }
        for name, text in scripts.items():
            file = Path(path, name)
            file.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
            file.chmod(0o755)
        os.symlink(os.path.join(HERE, "systemctl.py"), os.path.join(path, "systemctl"))
        for name, program in self.programs.items():
            os.symlink(program, os.path.join(path, name))
        os.environ["PATH"] = f"{path}:{os.environ['PATH']}"
        # With what skybusctl checks a configuration.
        os.environ["SKYBUSD"] = os.path.join(path, "skybusd")
        # What is built with the header is built with that of the tree.
        os.environ["PKG_CONFIG_PATH"] = os.path.join(os.path.dirname(SKYBUSD), "meson-private")
        os.environ["SKYBUS_TEMPLATE"] = os.path.join(SOURCE_ROOT, "examples/template")
        os.environ["CPATH"] = os.path.join(SOURCE_ROOT, "include")

    def start_journal(self):
        os.makedirs("/run/systemd/journal")
        self.journal = harness.Process(self.folder, "journald")
        self.journal.spawn("/lib/systemd/systemd-journald")
        harness.eventually(lambda: os.path.exists("/run/systemd/journal/stdout"), "a journal")
        run("journalctl", "--update-catalog")

    # ---- links -----------------------------------------------------------------------------------

    def endpoint(self, rows):
        """The settings by which a link finds its simulated cloud."""
        plugin = rows["plugin"]
        if plugin == "aliyun" and rows.get("mode") != "symmetric":
            door, more = "aliyun-dtls", {"root_ca": self.simulator.ca_path, "server_name": "localhost"}
        elif plugin == "1nce" and rows.get("security") != "plain":
            host, port = self.simulator.endpoints["1nce-https"]
            url = f"https://{host}:{port}/device-api/onboarding/coap"
            door, more = "1nce-dtls", {"onboarding_url": url, "onboarding_ca": self.simulator.ca_path}
        else:
            door, more = {"enos": "enos-v2"}.get(plugin, plugin), {}
        host, port = self.simulator.endpoints[door]
        device = {"product_key": PRODUCT, "device_key": DEVICE, "device_name": DEVICE}
        known = {key: value for key, value in device.items() if key in rows}
        if "downlink_from" in rows:
            more["downlink_from"] = "127.0.0.0/8"
        return {"host": host, "port": port} | known | more

    def at_simulator(self, text):
        """The same configuration, with each link at its simulated cloud; no way leads there through a modem."""
        parts = re.split(r"^(  [\w-]+:\n)", text, flags=re.MULTILINE)
        for at in range(2, len(parts), 2):
            rows = dict(re.findall(r"^    (\w+): *(\S+)", parts[at], re.MULTILINE))
            if "plugin" not in rows:
                continue
            mine = self.endpoint(rows)
            for key in [*mine, "interface", "region"]:
                parts[at] = re.sub(rf"^    {key}:.*\n?", "", parts[at], flags=re.MULTILINE)
            added = "".join(f"    {key}: {value}\n" for key, value in mine.items())
            plugin, rest = re.match(r"((?:.*\n)*?    plugin:.*\n)((?:.*\n?)*)", parts[at] + "\n").groups()
            parts[at] = plugin + added + rest.removesuffix("\n")
        return "".join(parts)

    def add_links(self, names):
        """Files in conf.d, as if a person had made them."""
        for name in names:
            rows = dict(LINKS[name])
            if "product_key" in rows:
                secret = Path(f"/etc/skybus/{name}.secret")
                secret.write_text(SECRET + "\n", encoding="utf-8")
                secret.chmod(0o600)
                rows["device_secret"] = f"{{file: {secret}}}"
            rows |= self.endpoint(rows)
            text = harness.link_at(name, (rows.pop("host"), rows.pop("port")), **rows)
            Path(f"/etc/skybus/conf.d/{name}.yaml").write_text("links:\n" + text, encoding="utf-8")

    def add_instance(self, name):
        """A further daemon, with one link."""
        os.makedirs(f"/etc/skybus/instances/{name}")
        rows = LINKS["sim"] | self.endpoint(LINKS["sim"])
        text = harness.link_at("sim", (rows.pop("host"), rows.pop("port")), **rows)
        Path(f"/etc/skybus/instances/{name}/skybus.yaml").write_text("links:\n" + text, encoding="utf-8")
        run("systemctl", "start", f"skybusd@{name}")

    def be_session(self):
        """There is a configuration for one that is run by hand, on a bus of its own."""
        folder = os.path.join(self.folder, "session")
        os.mkdir(folder)
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = harness.PrivateBus(folder).address
        Path(self.tree, "skybus.yaml").write_text("# no link\n", encoding="utf-8")

    def reject(self, link):
        """There is a message that its cloud has refused."""
        client = Client(self.bus)
        self.wait_online(client, link)
        self.simulator.ctl("answer", LINKS[link]["plugin"], "4.00", 1)
        ticket = client.publish(link, f"/{PRODUCT}/{DEVICE}/user/update", "{}")
        outcome = client.wait_ticket(ticket)
        client.close()
        if outcome[0] != "rejected":
            raise RuntimeError(f"a message ended as {outcome}")

    def command(self, link):
        """EnOS has a command, and the link makes a request, in whose reply it comes."""
        self.simulator.ctl("command", f"/sys/{PRODUCT}/{DEVICE}/thing/service/start={{\"id\":\"7\",\"params\":{{}}}}")
        client = Client(self.bus)
        client.wait_ticket(client.publish(link, "telemetry", '{"temp": 1}'))
        client.close()

    @staticmethod
    def wait_online(client, link):
        harness.eventually(lambda: client.get(link_path(link), LINK, "State") == "online", f"{link} online")

    def set_sections(self, text):
        """Puts sections of the daemon's own configuration in force, each instead of what it was before."""
        for section in re.split(r"^(?=\w+:)", text, flags=re.MULTILINE):
            if name := re.match(r"(\w+):", section):
                self.sections[name[1]] = section.rstrip("\n") + "\n"
        Path("/etc/skybus/skybus.yaml").write_text("".join(self.sections.values()), encoding="utf-8")

    def type(self, text):
        """What sudoedit is going to write."""
        Path(self.folder, "typed").write_text(text, encoding="utf-8")

    def show_journal(self):
        subprocess.run(["journalctl", "--no-pager", "-t", "skybusd", "-n", "40"], check=False)
