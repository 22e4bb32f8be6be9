# SPDX-License-Identifier: Apache-2.0
"""
Kills the daemon and cuts its power under load, again and again, and accounts for every ticket that
it gave.

Prints one line. The exit status is 0 only when nothing was lost and nothing was sent twice without
need; 77 when the power cannot be cut here.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))

import disk
from campaign import Campaign

# For so many kills the power is cut once.
KILLS_PER_CUT = 4

FINDINGS_SHOWN = 10


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=200, metavar="ROUNDS")
    parser.add_argument("--kind", choices=("kill", "power", "both"), default="both",
                        help="both: ROUNDS kills, and a quarter as many power cuts")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32),
                        help="do what another run with this seed did, as far as time allows")
    parser.add_argument("--store", action="append", default=[], metavar="KEY=VALUE",
                        help="a setting of the daemon's store, such as sync=normal")
    parser.add_argument("-v", "--verbose", action="store_true",
                        help="a line for each round, and all findings")
    return parser.parse_args()


def run_campaign(kind, rounds, arguments, store):
    """Leaves its folder behind if it fails, for whoever wants to know why."""
    folder = tempfile.mkdtemp(prefix=f"skybus-torture-{kind}-")
    campaign = Campaign(kind, rounds, f"{arguments.seed}-{kind}", folder, store)
    campaign.run(lambda line: print(line, file=sys.stderr) if arguments.verbose else None)
    if campaign.findings:
        print(f"torture: the logs are in {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return campaign


def main():
    arguments = read_arguments()
    store = dict(setting.split("=", 1) for setting in arguments.store)
    print(f"torture: seed {arguments.seed}", file=sys.stderr)
    if arguments.kind == "both":
        plan = {"kill": arguments.rounds, "power": -(-arguments.rounds // KILLS_PER_CUT)}
    else:
        plan = {arguments.kind: arguments.rounds}
    reason = disk.why_not() if "power" in plan else None
    if reason:
        print(f"torture: no power cuts: {reason}", file=sys.stderr)
        del plan["power"]

    done = [run_campaign(kind, rounds, arguments, store) for kind, rounds in plan.items()]
    tickets, accounted, lost, duplicates = (
        sum(getattr(campaign, what) for campaign in done)
        for what in ("tickets", "accounted", "lost", "duplicates")
    )
    findings = [f"{c.kind} rounds: {sentence}" for c in done for sentence in c.findings]
    if not findings and tickets == 0 and done:
        findings = ["nothing was published."]
    result = "FAILED" if findings else "ok"
    if done:
        print(f"torture: {result}, {tickets} tickets, {accounted} accounted for, {lost} lost, "
              f"{duplicates} duplicates")
    for sentence in findings if arguments.verbose else findings[:FINDINGS_SHOWN]:
        print(f"  {sentence}")
    if findings:
        print(f"  {len(findings)} findings; seed {arguments.seed}")
        return 1
    return disk.SKIPPED if reason else 0


if __name__ == "__main__":
    # Told to stop, it ends its processes first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
