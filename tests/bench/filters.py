# SPDX-License-Identifier: Apache-2.0
"""What it costs to find who wants a message: one subscription of a thousand, beside the only one."""

import os
import subprocess

FILTERS = 1000


def measure(build):
    program = os.path.join(build, "tests", "bench", "bench-filters")
    done = subprocess.run([program, str(FILTERS)], capture_output=True, text=True, check=True)
    one, many, ratio = map(float, done.stdout.split())
    print(f"finding one subscription of {FILTERS}: {many:.0f} ns; the only one: {one:.0f} ns; ratio {ratio:.2f}")
    return {"one_ns": one, "many_ns": many, "subscribers_1000_ratio": ratio}
