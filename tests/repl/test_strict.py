"""The prompt in strict mode, on a terminal: it works, and reaches no more than a script does."""

import os
import shutil
import tempfile
import unittest

from terminal import PromptCase, Terminal

PROGRAM = os.environ["SANDBOX"]


class Strict(PromptCase):
    def start_strict(self, *options):
        self.folder = tempfile.mkdtemp(prefix="strict-")
        self.addCleanup(shutil.rmtree, self.folder)
        with open(os.path.join(self.folder, "x.txt"), "w") as f:
            f.write("a secret\n")
        t = Terminal([PROGRAM, *options], columns=120, cwd=self.folder)
        self.addCleanup(t.close)
        t.wait_for_prompt("> ")
        return t

    def rows(self, t):
        return [line for line in t.all_lines() if line.startswith(">")]

    def run_line(self, t, line):
        """Type a line, wait for the next prompt, return the lines that came in between."""
        before, first = len(self.rows(t)), len(t.all_lines())
        t.line(line)
        t.wait_for(lambda: len(self.rows(t)) > before and t.at()[0] == ">")
        return "\n".join(t.all_lines()[first:-1])

    def check(self, t):
        self.assertEqual(self.run_line(t, "1 + 1, { 2 }"), "2, {2}")
        self.assertEqual(self.run_line(t, "p = spawn(function() return 7 end)"), "")
        self.assertEqual(self.run_line(t, "p:result()"), "7")
        self.assertIn("no other processes", self.run_line(t, ":ps"))
        self.assertIn("string.format", self.run_line(t, "string.format"))
        self.assertIn("reading x.txt is not allowed in strict mode (run with --allow-read=x.txt)",
                      self.run_line(t, "io.open 'x.txt'"))
        self.assertIn("debug.getregistry is not allowed in strict mode", self.run_line(t, "debug.getregistry()"))
        self.assertIn("Start a process", self.run_line(t, ":help spawn"))
        self.assertNotIn("a secret", self.run_line(t, ":load x.txt"))
        for typed in ("!touch made", ":!touch made", "edit()", ":edit", ":trace made.html", "trace 'made.html'",
                      ":waits made.svg", "waits 'made.svg'", ":save made.lua", "save 'made.lua'"):
            said = self.run_line(t, typed)
            self.assertNotEqual(said, "", typed)
            self.assertEqual(os.listdir(self.folder), ["x.txt"], typed)
        self.assertIn("in strict mode", self.run_line(t, "!true"))
        self.assertIn("in strict mode", self.run_line(t, "edit()"))
        self.assertEqual(self.run_line(t, "sandbox.strict.run"), "false")

    def test_language_alone(self):
        self.check(self.start_strict("--strict=lua"))

    def test_all_layers(self):
        self.check(self.start_strict("--strict"))

    def test_what_is_allowed(self):
        t = self.start_strict("--strict=lua", "--allow-write=.")
        self.run_line(t, "sleep(0)")
        self.assertNotIn("not allowed", self.run_line(t, ":trace made.html"))
        self.run_line(t, ":save made.lua")
        self.assertEqual(sorted(os.listdir(self.folder)), ["made.html", "made.lua", "x.txt"])


if __name__ == "__main__":
    unittest.main()
