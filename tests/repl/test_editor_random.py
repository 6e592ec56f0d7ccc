"""Random keys in both sets of bindings: the editor survives them, and the screen shows its line.

Two things are compared. What was drawn step by step, with what is drawn anew after a pause: the
same rows, and the cursor in the same place. And what is on the screen when Ctrl-C ends the line,
with what the editor says the line was.

RANDOM_SEEDS=100-200 in the environment asks for other seeds than those of every day.
"""

import os
import random
import re
import tempfile
import unittest

from wcwidth import wcwidth

from demo import Demo

COLUMNS, ROWS, BATCHES = 30, 40, 25
TEXT = ["a", "b", "f", "x", " ", " ", "foo", "bar.", "(", ")", "[", "]", "_", ",", "é", "日", "local"]
SPECIAL = ["\033[A", "\033[B", "\033[C", "\033[D", "\033[H", "\033[F", "\033[3~", "\033[5~", "\033[6~",
           "\033[1;5D", "\033[1;5C", "\033[15~", "\x7f", "\t", "\x12", "\x0c", "\x10", "\x0e", "\0",
           "\x16\x01", "\033[200~one\r日本\033[201~", "\033[200~   \033[201~"]
EMACS = ["\x01", "\x02", "\x05", "\x06", "\x07", "\x08", "\x0b", "\x0f", "\x11\x02", "\x13", "\x14", "\x15",
         "\x17", "\x18\x15", "\x18\x18", "\x18q", "\x19", "\x1f", "\033b", "\033c", "\033d", "\033f", "\033l",
         "\033u", "\033w", "\033y", "\033_", "\033\x7f", "\033\x1f", "\033\r", "\033\x0c", "\0332", "\0333",
         "\033p", "\033n", "\033q", "\033"]
VI = ["\033"] * 6 + list("hlwbeWBE0^$;,%dcyxXDCYsSrR~pPuUiaIAjkKJGnN.|+-2") + [
    "fa", "Fb", "t ", "T(", "dd", "yy", "cc", "dw", "cw", "d$", "3x", "2p", "/o\r", "?b\r", "rz", "d2w", "\x16",
    "\x17", "\x15", "\x0b", "\x14"]


def seeds():
    first, _, last = os.environ.get("RANDOM_SEEDS", "1-3").partition("-")
    return range(int(first), int(last or first) + 1)


def rows_of(line):
    """The prompt and a line as the editor lays them out."""
    rows, column = [""], 0
    for c in "> " + line:
        if c == "\n":
            rows.append("")
            column = 0
            continue
        text = "^" + chr(ord(c) ^ 0x40) if c < " " and c != "\t" or c == "\x7f" else c
        width = len(text) if len(text) > 1 else wcwidth(c)
        if c == "\t":
            width = min(8 - column % 8, COLUMNS - column) or 8
            text = " " * width
        if column + width > COLUMNS:
            rows.append("")
            column = 0
        rows[-1] += text
        column += width
    if column >= COLUMNS:
        rows.append("")
    return rows


def unescaped(said):
    return re.sub(r"\\(n|x(..))", lambda m: "\n" if m[1] == "n" else chr(int(m[2], 16)), said)


class Random(unittest.TestCase):
    def home(self, editrc):
        home = tempfile.TemporaryDirectory(prefix="terminal-")
        self.addCleanup(home.cleanup)
        with open(os.path.join(home.name, ".editrc"), "w", encoding="utf-8") as f:
            f.write(editrc)
        return home.name

    def read_by(self, t):
        """The number of bytes that the program has read so far, of whatever."""
        with open("/proc/%d/io" % t.pid, encoding="ascii") as f:
            return int(f.read().split()[1])

    def type_and_wait(self, t, keys):
        """Type, until all keys were read, and what they did was drawn."""
        keys = keys.encode()
        wanted = self.read_by(t) + len(keys)
        t.type(keys)
        t.wait_for(lambda: self.read_by(t) >= wanted)
        t.send("o ")
        t.lines()

    def picture(self, t):
        return t.lines(), (t.screen.cursor.y, t.screen.cursor.x)

    def compare_with_a_new_drawing(self, t):
        before = self.picture(t)
        t.send("z")
        t.send("g")
        after = self.picture(t)
        if before[0] and before[0][0].startswith(">") or before == after:
            self.assertEqual(before, after)
        # else it is higher than the screen, and may show another part of it

    def compare_with_the_line(self, t):
        ends = t.raw.count(b"<interrupt ")
        t.type("\x03")
        t.wait_for(lambda: t.raw.count(b"<interrupt ") > ends and t.at() == (">", 2))
        said = bytes(t.raw[t.raw.rfind(b'<interrupt "') + 12:t.raw.rfind(b'">')]).decode()
        rows = rows_of(unescaped(said))
        if len(rows) > ROWS - 4:
            return
        shown = t.lines()
        end = max(i for i, row in enumerate(shown) if row.startswith("<interrupt "))
        start = max((i for i, row in enumerate(shown[:end]) if re.match(r">|\((no such )?search", row)), default=0)
        if not shown[start].startswith(">"):
            return  # in a search, or scrolled away
        shown = shown[start:start + len(rows)]
        self.assertEqual(shown[:-1], [row.rstrip() for row in rows[:-1]], said)
        self.assertTrue(shown[-1].startswith(rows[-1]), (shown, rows))  # and ^C, maybe in the next

    def play(self, editrc, keys, seed):
        dice = random.Random(seed)
        with Demo("--escape", home=self.home(editrc), columns=COLUMNS, rows=ROWS) as t:
            for text in ("foo(bar)", "local x = 日本", "for a\n  b\nend", "foo"):
                t.send("a " + text.replace("\n", "\\n"))
            for _ in range(BATCHES):
                self.type_and_wait(t, "\x0c")
                for _ in range(4):
                    batch = [dice.choice(dice.choice((TEXT, keys, keys, SPECIAL)))
                             for _ in range(dice.randrange(1, 12))]
                    try:
                        self.type_and_wait(t, "".join(batch))
                        self.compare_with_a_new_drawing(t)
                    except AssertionError as error:
                        raise AssertionError("after %r: %s" % (batch, error)) from None
                self.compare_with_the_line(t)
            t.key("C-d")
            self.assertEqual(t.exit_status(), 0)

    def test_emacs(self):
        for seed in seeds():
            with self.subTest(seed=seed):
                self.play("", EMACS, seed)

    def test_vi(self):
        for seed in seeds():
            with self.subTest(seed=seed):
                self.play("bind -v\n", VI, seed)

    def test_macros(self):
        editrc = 'bind -v\nbind -s ^T "foo\\e0dw"\nbind -a -s Q "ix^Ty\\e.."\nbind -a -s V "QQ"\n'
        for seed in seeds():
            with self.subTest(seed=seed):
                self.play(editrc, VI + ["\x14", "Q", "V", "."], seed)


if __name__ == "__main__":
    unittest.main()
