"""The history: its file, across runs, several sessions at once, and what may go wrong with it."""

import fcntl
import os
import stat
import tempfile
import unittest

from demo import Demo

MOST = 5000


class History(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="terminal-")
        self.path = os.path.join(self.folder.name, "state", "demo", "history")

    def tearDown(self):
        self.folder.cleanup()

    def open(self, **options):
        return Demo("--history", self.path, **options)

    def read(self):
        with open(self.path, "rb") as f:
            return f.read()

    def write(self, data):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, "wb") as f:
            f.write(data)

    def recalls(self, t, *expected):
        """These are the youngest entries, as Up shows them."""
        for entry in expected:
            t.key("Up")
            t.wait_for_prompt("> " + entry)

    def test_across_runs(self):
        with self.open() as t:
            t.line("first")
            t.line("zweite grün")
            t.said('<line "zweite grün">')
        with self.open() as t:
            self.recalls(t, "zweite grün", "first")

    def test_is_written_at_once(self):
        with self.open() as t:
            t.send("a kept")
            self.assertEqual(self.read(), b"kept\n")

    def test_file_is_private_and_folders_are_made(self):
        with self.open() as t:
            t.send("a x")
            self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
            self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(self.path)).st_mode), 0o700)

    def test_block_is_one_record(self):
        with self.open() as t:
            t.send("a for i = 1, 3 do\\n  print('a\\\\n', i)\\nend")
            self.assertEqual(self.read(), b"for i = 1, 3 do\\n  print('a\\\\n', i)\\nend\n")
        with self.open() as t:
            t.key("Up")
            t.wait_for_screen(["> for i = 1, 3 do", "  print('a\\n', i)", "end"])

    def test_no_duplicates_in_a_row_across_runs_too(self):
        for _ in range(2):
            with self.open() as t:
                t.send("a same")
                t.send("a same")
                t.send("a ")
        with self.open() as t:
            t.send("a other")
        self.assertEqual(self.read(), b"same\nother\n")

    def test_two_sessions_lose_nothing(self):
        with self.open() as a, self.open() as b:
            for n in range(100):
                a.send("a from a, %d" % n, wait=False)
                b.send("a from b, %d" % n, wait=False)
            a.send("o done\\n", wait=False)
            b.send("o done\\n", wait=False)
            a.wait_for("done")
            b.wait_for("done")
        lines = self.read().decode().splitlines()
        for name in "ab":
            self.assertEqual([l for l in lines if l.startswith("from " + name)],
                             ["from %s, %d" % (name, n) for n in range(100)])
        self.assertEqual(len(lines), 200)

    def test_torn_record_is_no_part_of_the_next(self):
        self.write(b"whole\nto")
        with self.open() as t:
            t.send("a next")
        self.assertEqual(self.read(), b"whole\nto\nnext\n")

    def test_is_bounded(self):
        self.write(b"".join(b"entry %d\n" % n for n in range(2 * MOST + 1)))
        with self.open() as t:
            lines = self.read().splitlines()
            self.assertEqual(len(lines), MOST)
            self.assertEqual((lines[0], lines[-1]),
                             (b"entry %d" % (MOST + 1), b"entry %d" % (2 * MOST)))
            self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
            self.assertEqual(os.listdir(os.path.dirname(self.path)), ["history"])
            self.recalls(t, "entry %d" % (2 * MOST))

    def test_what_another_session_has_written_anew_is_found(self):
        with self.open() as a:
            a.send("a before")
            self.write(b"".join(b"entry %d\n" % n for n in range(2 * MOST + 1)))
            with self.open() as b:
                a.send("a from a")
                b.send("a from b")
        self.assertEqual(self.read().splitlines()[-2:], [b"from a", b"from b"])

    def test_locked_by_somebody_who_never_lets_go(self):
        self.write(b"old\n")
        with open(self.path, "rb") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            with self.open() as t:
                t.send("a new")
                self.recalls(t, "new", "old")
        self.assertEqual(self.read(), b"old\nnew\n")

    def test_where_nothing_can_be_written(self):
        for path in ("/proc/nowhere/history", "/dev/full", "/dev/null/history", "/"):
            with self.subTest(path=path), Demo("--history", path) as t:
                t.line("remembered")
                t.said('<line "remembered">')
                t.wait_for_prompt()
                t.key("Up")
                t.wait_for_prompt("> remembered")

    def test_odd_contents(self):
        self.write(b"\n\n\\\n" + b"x" * 300000 + b"\n\xff\xfe\n\\q\\\\\\n\nlast\0rest\n")
        with self.open() as t:
            t.key("Up", "Up", "Up", "Up")
            t.wait_for("xxx")
            t.key("Down")
            t.wait_for_prompt("> \\xff\\xfe")


if __name__ == "__main__":
    unittest.main()
