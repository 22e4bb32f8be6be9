# SPDX-License-Identifier: Apache-2.0
"""Whether forgetfs forgets what it should, and nothing else."""

import errno
import os
import sqlite3
import tempfile
import threading
import time
import unittest

import disk

SECTOR = 512
SEEDS = range(40)


class ForgetTest(unittest.TestCase):
    STRICT = False

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="skybus-forget-")
        self.addCleanup(self.folder.cleanup)
        self.disk = disk.ForgettingDisk(os.path.join(self.folder.name, "disk"), self.STRICT)
        self.addCleanup(self.disk.end)

    def open(self, name, flags=os.O_RDWR | os.O_CREAT):
        fd = os.open(self.disk.path(name), flags, 0o600)
        self.addCleanup(os.close, fd)
        return fd

    def put(self, name, data):
        """A file that outlives everything."""
        fd = self.open(name)
        os.ftruncate(fd, 0)
        os.pwrite(fd, data, 0)
        os.fsync(fd)
        self.sync_directory()
        return fd

    def get(self, name):
        with open(self.disk.path(name), "rb") as file:
            return file.read()

    def sync_directory(self):
        fd = os.open(self.disk.folder, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(fd)
        os.close(fd)

    def assert_fails(self, number, call, *args):
        with self.assertRaises(OSError) as caught:
            call(*args)
        self.assertEqual(caught.exception.errno, number)

    def results_of_cuts(self, prepare, look):
        """What there is after cuts with different seeds."""
        results = []
        for seed in SEEDS:
            prepare()
            self.disk.order("cut", seed)
            results.append(look())
        return results


class ContentTest(ForgetTest):
    OLD = b"o" * (8 * SECTOR)
    NEW = b"n" * (8 * SECTOR)

    def test_synced_stays(self):
        for seed in SEEDS:
            self.put("file", self.NEW[: seed * 100])
            self.disk.order("cut", seed)
            self.assertEqual(self.get("file"), self.NEW[: seed * 100])

    def write_over(self):
        os.pwrite(self.put("file", self.OLD), self.NEW, 0)
        self.assertEqual(self.get("file"), self.NEW)

    def test_unsynced_is_gone_or_torn(self):
        results = self.results_of_cuts(self.write_over, lambda: self.get("file"))
        self.assertIn(self.OLD, results)
        self.assertIn(self.NEW, results)
        self.assertGreater(len(set(results)), 5)
        for result in results:
            self.assertEqual(len(result), len(self.OLD))
            for start in range(0, len(result), SECTOR):
                self.assertEqual(len(set(result[start : start + SECTOR])), 1)

    def test_a_seed_is_a_seed(self):
        first = self.results_of_cuts(self.write_over, lambda: self.get("file"))
        self.assertEqual(self.results_of_cuts(self.write_over, lambda: self.get("file")), first)

    def test_out_of_order(self):
        """The later of two writes may be there without the earlier one."""

        def write():
            fd = self.put("file", self.OLD)
            os.pwrite(fd, self.NEW[:SECTOR], 0)
            os.pwrite(fd, self.NEW[:SECTOR], 4 * SECTOR)

        results = self.results_of_cuts(write, lambda: self.get("file"))
        self.assertIn((b"o", b"n"), [(r[:1], r[4 * SECTOR :][:1]) for r in results])
        self.assertIn((b"n", b"o"), [(r[:1], r[4 * SECTOR :][:1]) for r in results])

    def test_length(self):
        def lengthen_or_cut():
            os.ftruncate(self.put("long", self.OLD), 10)
            os.ftruncate(self.put("short", b"abc"), 2 * SECTOR)

        results = self.results_of_cuts(
            lengthen_or_cut, lambda: (self.get("long"), self.get("short"))
        )
        longs, shorts = map(set, zip(*results))
        self.assertEqual(longs, {self.OLD, self.OLD[:10]})
        self.assertEqual(shorts, {b"abc", b"abc".ljust(2 * SECTOR, b"\0")})

    def test_allocation_lengthens_only(self):
        fd = self.put("file", b"abc")
        os.posix_fallocate(fd, 0, 2)
        self.assertEqual(self.get("file"), b"abc")
        os.posix_fallocate(fd, 0, 1000)
        self.assertEqual(self.get("file"), b"abc".ljust(1000, b"\0"))

    def test_handles_are_stale(self):
        fd = self.put("file", self.OLD)
        self.disk.order("cut", 1)
        self.assert_fails(errno.EIO, os.pwrite, fd, b"x", 0)
        self.assert_fails(errno.EIO, os.pread, fd, 1, 0)
        self.assert_fails(errno.EIO, os.fsync, fd)
        self.assertEqual(self.get("file"), self.OLD)


class NamesTest(ForgetTest):
    def look(self):
        return {name: self.get(name) for name in os.listdir(self.disk.folder)}

    def rename(self):
        self.put("old", b"old")
        self.put("new", b"new")
        os.rename(self.disk.path("new"), self.disk.path("old"))
        self.assertEqual(self.look(), {"old": b"new"})

    def test_rename(self):
        results = self.results_of_cuts(self.rename, self.look)
        self.assertIn({"old": b"old", "new": b"new"}, results)
        self.assertIn({"old": b"new"}, results)
        self.rename()
        self.sync_directory()
        self.disk.order("cut", 0)
        self.assertEqual(self.look(), {"old": b"new"})

    def test_unlink(self):
        def unlink():
            self.put("file", b"abc")
            os.unlink(self.disk.path("file"))
            self.assertEqual(self.look(), {})

        results = self.results_of_cuts(unlink, self.look)
        self.assertIn({"file": b"abc"}, results)
        self.assertIn({}, results)

    def test_unlinked_while_open(self):
        fd = self.put("file", b"abc")
        os.unlink(self.disk.path("file"))
        self.assertEqual(os.pread(fd, 3, 0), b"abc")

    def test_new_file(self):
        def create(sync):
            fd = self.open("file")
            os.write(fd, b"abc")
            if sync:
                os.fsync(fd)

        def look_and_clear():
            seen = self.look()
            if seen:
                os.unlink(self.disk.path("file"))
            self.sync_directory()
            return seen

        results = self.results_of_cuts(lambda: create(False), look_and_clear)
        self.assertIn({}, results)
        self.assertIn({"file": b""}, results)
        results = self.results_of_cuts(lambda: create(True), look_and_clear)
        self.assertEqual({} in results, self.STRICT)
        self.assertIn({"file": b"abc"}, results)


class StrictNamesTest(NamesTest):
    STRICT = True


class TroubleTest(ForgetTest):
    def test_stall(self):
        """Writes and syncs wait; readers and orders do not."""
        fd = self.put("file", b"abc")
        waits = []

        def time_it(call, *args):
            begun = time.monotonic()
            call(*args)
            waits.append(time.monotonic() - begun)

        self.disk.order("stall", 600)
        threads = [
            threading.Thread(target=time_it, args=(os.pwrite, fd, b"x", 0)),
            threading.Thread(target=time_it, args=(self.sync_directory,)),
        ]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        self.assertEqual(self.get("file"), b"abc")
        self.assertEqual(os.stat(self.disk.path("file")).st_size, 3)
        self.disk.status()
        self.assertLess(time.monotonic() - begun, 0.4)
        for thread in threads:
            thread.join()
        self.assertGreater(min(waits), 0.5)
        self.assertEqual(self.get("file"), b"xbc")

    def test_stall_ends_when_told(self):
        fd = self.put("file", b"abc")
        self.disk.order("stall", 60000)
        thread = threading.Thread(target=os.pwrite, args=(fd, b"x", 0))
        thread.start()
        self.disk.order("stall", 0)
        thread.join(disk.PATIENCE)
        self.assertFalse(thread.is_alive())

    def test_full(self):
        fd = self.put("file", b"abc")
        self.disk.order("full", 10)
        os.pwrite(fd, b"1234567890", 0)
        self.assert_fails(errno.ENOSPC, os.pwrite, fd, b"x", 10)
        self.assert_fails(errno.ENOSPC, os.ftruncate, fd, 11)
        self.assertEqual(self.get("file"), b"1234567890")
        self.disk.order("room")
        os.pwrite(fd, b"x", 10)

    def test_readonly(self):
        fd = self.put("file", b"abc")
        path = self.disk.path("file")
        self.disk.order("readonly", "on")
        self.assert_fails(errno.EROFS, os.pwrite, fd, b"x", 0)
        self.assert_fails(errno.EROFS, os.open, path, os.O_RDWR)
        self.assert_fails(errno.EROFS, os.unlink, path)
        self.assertEqual(self.get("file"), b"abc")
        self.disk.order("readonly", "off")
        os.pwrite(fd, b"x", 0)

    def test_sync_fails(self):
        """And what it should have made durable is not, whatever is synced afterwards."""
        fd = self.put("file", b"abc")
        self.disk.order("fail-sync", 2)
        os.pwrite(fd, b"x", 0)
        os.fsync(fd)
        os.pwrite(fd, b"y", 1)
        self.assert_fails(errno.EIO, os.fsync, fd)
        os.fsync(fd)
        self.assertEqual(self.get("file"), b"xyc")
        self.disk.order("cut", 0)
        self.assertEqual(self.get("file"), b"xbc")

    def test_no_order(self):
        for order in "", "boo", "cut", "cut x", "cut -1", "room 1", "stall 1 2 3", "x" * 100:
            self.assert_fails(errno.EINVAL, self.disk.order, order or " ")

    def test_orders_are_not_listed(self):
        self.assertEqual(os.listdir(self.disk.folder), [])


class DatabaseTest(ForgetTest):
    """The way in which the daemon uses it."""

    STRICT = True

    def connect(self, synchronous):
        connection = sqlite3.connect(self.disk.path("test.db"), isolation_level=None)
        for pragma in "locking_mode=EXCLUSIVE", "journal_mode=WAL", "wal_autocheckpoint=20":
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("CREATE TABLE IF NOT EXISTS row (number INTEGER, padding BLOB)")
        return connection

    def lost(self, synchronous):
        """How often a row was gone whose transaction had ended."""
        lost = 0
        for seed in SEEDS:
            connection = self.connect(synchronous)
            for number in range(seed):
                connection.execute("INSERT INTO row VALUES (?, zeroblob(300))", (number,))
            self.disk.order("cut", seed)
            connection.close()
            connection = self.connect(synchronous)
            self.assertEqual(connection.execute("PRAGMA quick_check").fetchall(), [("ok",)])
            lost += connection.execute("SELECT count(*) FROM row").fetchone()[0] < seed
            connection.execute("DELETE FROM row")
            connection.close()
        return lost

    def test_full(self):
        self.assertEqual(self.lost("FULL"), 0)

    def test_normal(self):
        self.assertGreater(self.lost("NORMAL"), 5)


if __name__ == "__main__":
    disk.skip_unless_possible("forgetfs")
    unittest.main(verbosity=2)
