"""Lines of several processes on a terminal, and at the prompt: whole, whatever their length."""

import os
import re
import tempfile
import unittest

from terminal import Terminal

SIZES = ((5000, 8), (20000, 3), (200000, 1))  # bytes of a line, lines of each process
PROGRAM = os.environ["SANDBOX"]

SCRIPT = """
local length, count = %d, %d
local ps = {}
for k = 1, 4 do
  ps[k] = spawn(function()
    for i = 1, count do
      local line = string.char(96 + k):rep(length)
      if i %% 2 == 0 then print(line) else io.stderr:write(line, "\\n") end
    end
  end)
end
if ... then sandbox.join_all(ps) end
"""


class Lines(unittest.TestCase):
    def counts(self, raw):
        """How many whole lines there are of each letter, after the prompt and a tag, if any."""
        result = {}
        raw = re.sub(rb"\033\[[0-9;?]*[A-Za-z]|\r", b"", raw)
        for line in raw.split(b"\n"):
            line = re.sub(rb"^(> )*(\[process#\d+\] )?", b"", line)
            if len(line) < 1000:
                continue
            self.assertEqual(len(set(line)), 1, "torn: %r ... %r" % (line[:40], line[-40:]))
            result[chr(line[0]), len(line)] = result.get((chr(line[0]), len(line)), 0) + 1
        return result

    def without_picture(self, t):
        """What is to come counts as it is; it would take long to draw."""
        t.stream.feed = lambda data: None

    def expected(self, length, count):
        return {(letter, length): count for letter in "abcd"}

    def test_on_a_terminal(self):
        for length, count in SIZES:
            for kind in ("raw", "tag"):
                with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
                    script.write(SCRIPT % (length, count))
                    script.flush()
                    t = Terminal([PROGRAM, "--output", kind, script.name, "wait"])
                    self.addCleanup(t.close)
                    self.without_picture(t)
                    self.assertEqual(t.exit_status(), 0)
                    t.lines()
                    self.assertEqual(self.counts(bytes(t.raw)), self.expected(length, count))

    def at_the_prompt(self, length, count, wait):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(SCRIPT % (length, count))
            script.flush()
            t = Terminal([PROGRAM])
            self.addCleanup(t.close)
            t.wait_for_prompt()
            self.without_picture(t)
            start = len(t.raw)
            t.line("loadfile('%s')(%s)" % (script.name, wait))
            t.wait_for(lambda: len(t.raw) - start > 4 * length * count)
            t.line("sandbox.join_all(sandbox.children()) print('the' .. ' end')")
            t.said("the end")
            return self.counts(bytes(t.raw[start:]))

    def test_at_the_prompt(self):
        for length, count in SIZES:
            for wait in ("true", "false"):
                self.assertEqual(self.at_the_prompt(length, count, wait), self.expected(length, count))


if __name__ == "__main__":
    unittest.main()
