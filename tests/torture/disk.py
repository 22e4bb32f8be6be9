# SPDX-License-Identifier: Apache-2.0
"""A disk that forgets what was not synced: forgetfs, mounted in a folder of the test's own."""

import os
import shutil
import subprocess
import sys
import time

FORGETFS = os.environ.get("FORGETFS")

# Seconds.
PATIENCE = 20

# As meson has it.
SKIPPED = 77


def why_not():
    """Why no such disk can be had here, as a sentence; None when it can."""
    if not FORGETFS:
        return "FORGETFS is not set: forgetfs was not built (libfuse3-dev)."
    if not shutil.which("fusermount3") and os.geteuid() != 0:
        return "there is no fusermount3 (the package fuse3)."
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse cannot be used: {error.strerror}."
    return None


def skip_unless_possible(name):
    """Ends the program, as skipped, when no such disk can be had here."""
    reason = why_not()
    if reason:
        print(f"{name}: skipped: {reason}", file=sys.stderr)
        sys.exit(SKIPPED)


class ForgettingDisk:
    """With strict, names are durable only by an fsync of the directory."""

    def __init__(self, folder, strict=False):
        self.folder = folder
        os.makedirs(folder, mode=0o700, exist_ok=True)
        options = ["-o", "strict"] if strict else []
        self.process = subprocess.Popen([FORGETFS, *options, folder])
        deadline = time.monotonic() + PATIENCE
        while not os.path.ismount(folder):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise RuntimeError(f"forgetfs does not mount {folder}")
            time.sleep(0.005)

    def path(self, name):
        return os.path.join(self.folder, name)

    def order(self, *words):
        """Has the disk do something; see forget-order.c."""
        control = os.open(self.path(".control"), os.O_WRONLY)
        try:
            os.write(control, " ".join(map(str, words)).encode())
        finally:
            os.close(control)

    def status(self):
        with open(self.path(".control"), encoding="utf-8") as control:
            return {name: int(value) for name, value in map(str.split, control)}

    def end(self):
        """Takes it away, with all that is on it; nobody may have a file open there."""
        process, self.process = self.process, None
        if process:
            process.terminate()
            process.wait(PATIENCE)
