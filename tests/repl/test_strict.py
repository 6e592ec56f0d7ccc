"""The prompt in strict mode, on a terminal: it works, and reaches no more than a script does."""

import os
import shutil
import tempfile
import unittest

from terminal import PromptCase, Terminal

PROGRAM, PROBE = os.environ["SANDBOX"], os.environ["SANDBOX_PROBE"]


class Strict(PromptCase):
    def start_strict(self, *options, env=None):
        self.folder = tempfile.mkdtemp(prefix="strict-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.mkdir(os.path.join(self.folder, "w"))
        with open(os.path.join(self.folder, "x.txt"), "w") as f:
            f.write("a secret\n")
        t = Terminal([PROGRAM, *options], columns=120, cwd=self.folder, env=env)
        self.addCleanup(t.close)
        t.wait_for_prompt("> ")
        return t

    def run_line(self, t, line):
        return "\n".join(super().run_line(t, line))

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
            self.assertEqual(sorted(os.listdir(self.folder)), ["w", "x.txt"], typed)
        self.assertIn("in strict mode", self.run_line(t, "!true"))
        self.assertIn("in strict mode", self.run_line(t, "edit()"))
        self.assertEqual(self.run_line(t, "sandbox.strict.run"), "false")
        self.assertEqual(self.run_line(t, "sandbox.strict.time, sandbox.strict.cpu"), "nil, 10.0")  # a person takes time

    def test_language_alone(self):
        self.check(self.start_strict("--strict=lua"))

    def test_all_layers(self):
        self.check(self.start_strict("--strict"))

    def test_what_is_allowed(self):
        t = self.start_strict("--strict=lua", "--allow-write=.")
        self.run_line(t, "sleep(0)")
        self.assertNotIn("not allowed", self.run_line(t, ":trace made.html"))
        self.run_line(t, ":save made.lua")
        self.assertEqual(sorted(os.listdir(self.folder)), ["made.html", "made.lua", "w", "x.txt"])

    def test_links_beside_a_picture(self):
        for options in ("--strict",), ("--strict=lua",), ():
            t = self.start_strict(*options, *(["--allow-write=w"] if options else []))
            folder = os.path.join(self.folder, "w")
            for name in "x.svg.part", "y.svg":
                os.symlink("../x.txt", os.path.join(folder, name))
            self.run_line(t, ":waits w/x.svg")
            if options:
                self.assertIn("not allowed in strict mode", self.run_line(t, ":waits w/y.svg"))
            with open(os.path.join(self.folder, "x.txt")) as f:
                self.assertEqual(f.read(), "a secret\n")
            self.assertEqual(os.path.exists(os.path.join(folder, "x.svg")), bool(options))
            t.close()

    # What the terminal obeys: the clipboard, the title; what it answers as if it had been typed: a report of the cursor, of
    # itself, of a setting.
    COMMANDS = (b"\x1b]52;", b"\x1b]2;", b"\x1b[6n", b"\x1b[c", b"\x1bP$q", b"\xc2\x9b", b"\x1b#8", b"\x07", b"\x0e")

    def print_commands(self, t):
        """In every way that a session has something printed; returns what the terminal was sent."""
        self.run_line(t, r"bad = '\27]52;c;eA==\7\27]2;title\7\27[6n\27[c\27P$qm\27\\\xc2\x9b6n\27#8\14'")
        self.run_line(t, "print(bad) io.write(bad, '\\n') io.stderr:write(bad, '\\n')")
        self.run_line(t, r"for c in bad:gmatch '.' do io.write(c) io.flush() end print()")
        self.run_line(t, r"for c in bad:gmatch '..?.?' do io.write(c) io.flush() sleep(0.001) end print()")
        self.run_line(t, "error(bad)")
        self.run_line(t, "error(setmetatable({}, { __tostring = function() return bad end }))")
        self.run_line(t, "warn '@on' warn(bad)")
        self.run_line(t, "load('x.y.z = 1', '@' .. bad)()")
        for line in "bad", "{ [bad] = bad }", "load('return 1', '@' .. bad)":
            self.run_line(t, line)
        self.run_line(t, "q = queue() l = sandbox.lock()")
        self.run_line(t, "make = load('l:acquire() b = sandbox.progress { total = 2, label = bad } p = spawn({ name = ... }, function() q:get() end)', '@' .. bad)")
        self.run_line(t, "pcall(make, 'n\\27]2;x') pcall(make, 'name')")
        for line in (":ps", ":ps name", ":queues", ":objects", ":waits", ":bt name", ":timeline", ":stats", ":marks",
                     "f = spawn(function() error(bad) end) f:join()", ":watch bad 0.05", "sleep(0.3)", ":unwatch"):
            self.run_line(t, line)
        t.line("_PROMPT = bad .. '> '")
        t.wait_for(lambda: t.at()[0].rstrip().endswith(">") and len(t.at()[0]) > 9)
        t.line("_PROMPT = '> '")
        t.wait_for_prompt("> ")
        return bytes(t.raw)

    def test_no_commands_for_the_terminal(self):
        for options in ("--strict",), ("--strict=lua",):
            t = self.start_strict(*options)
            self.run_line(t, "print '\\27[1;31mcolours\\27[0m' io.write('\\27[3') io.flush() sleep(0.01) print '5mparts\\27[m'")
            raw = self.print_commands(t)
            for command in self.COMMANDS:
                self.assertNotIn(command, raw, options)
            self.assertIn(b"\x1b[1;31mcolours\x1b[0m", raw)
            self.assertIn(b"\x1b[35mparts\x1b[m", raw)
            self.assertIn(b"\\x1b]52;c;eA==\\x07", raw)

    # Code that has broken out of Lua writes into the socket to the prompt. A frame: a kind, a number, the length of a text.
    DONE, REQUEST = 8, 11

    def start_attack(self, *options, layers="FNR"):
        t = self.start_strict("--strict", *options,
                              env={"SANDBOX_STRICT_LAYERS": layers, "SANDBOX_STRICT_PRELOAD": PROBE})
        self.run_line(t, "attack = package.loadlib('%s', 'luaopen_attack')()" % PROBE)
        return t

    def test_what_is_no_frame(self):
        t = self.start_attack()
        t.line("attack.send(string.pack('<I4I4I8', %d, 0, 1 << 62))" % self.DONE)
        t.said("the session was killed by signal 9 (Killed); it starts again")
        t.wait_for_prompt("> ")
        self.assertEqual(self.run_line(t, "1 + 1"), "2")

    def test_requests_without_end(self):
        for text in "watches\\0", "trace\\0stats\\0", "top\\0":
            t = self.start_attack()
            t.line("attack.send(string.pack('<I4I4s8', %d, 0, '%s'), true)" % (self.REQUEST, text))
            if text.startswith("top"):
                t.wait_for(lambda: " 2  main" in t.text())  # the next session; until then another request may follow
                t.type("q")
            t.said("the session was killed by signal 9 (Killed); it starts again")
            t.wait_for_prompt("> ")
            self.assertEqual(self.run_line(t, "1 + 1"), "2")

    def test_frames_behind_a_line_without_an_end(self):
        """Limits are looked at meanwhile. To find shared memory takes /proc/self/maps."""
        t = self.start_attack("--memory=64M", layers="NR")
        self.run_line(t, "frames = string.pack('<I4I4I8', 99, 0, 0):rep(4000)")
        t.line("io.write 'unfinished' io.flush() spawn(function() sleep(0.5) return ('x'):rep(1 << 27) end) "
               "attack.plant 'printing' attack.send(frames, true)")
        t.said("the run used 64 MiB, its limit (--memory)")


if __name__ == "__main__":
    unittest.main()
