"""Output while something is typed: whole lines above, the input as it was."""

import unittest

from demo import Demo

WIDTHS = (80, 40, 20)


def rows_of(text, columns):
    """As a terminal wraps it; every character is one column wide."""
    rows = [text[i:i + columns] for i in range(0, len(text), columns)] or [""]
    if len(text) > 0 and len(text) % columns == 0:
        rows.append("")
    return rows


class Above(unittest.TestCase):
    def chat(self, t, expected, lines=12):
        """Three rounds of chatter; `expected` are the rows of the input, which stay at the end."""
        said = []
        for n in range(lines):
            said.append("[worker#%d] %d" % (n % 3, n))
            t.output(said[-1] + "\n")
        t.wait_for(said[-1])
        t.wait_for(lambda: t.all_lines()[-len(expected):] == expected)
        self.assertEqual(t.all_lines(), said + expected)

    def trimmed(self, rows):
        rows = [row.rstrip() for row in rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def test_empty_line(self):
        for columns in WIDTHS:
            with self.subTest(columns=columns), Demo(columns=columns) as t:
                self.chat(t, [">"])
                t.wait_for_prompt()

    def test_short_line_and_cursor(self):
        for columns in WIDTHS:
            with self.subTest(columns=columns), Demo(columns=columns) as t:
                t.type("print(1)")
                t.key("Left", "Left")
                t.wait_for(lambda: t.cursor()[1] == 8)
                self.chat(t, ["> print(1)"])
                t.wait_for(lambda: t.cursor()[1] == 8)
                t.type("2")
                t.wait_for("> print(21)")

    def test_wrapped_lines_of_every_length(self):
        for columns in WIDTHS:
            with Demo(columns=columns) as t:
                for length in list(range(columns - 4, columns + 3)) + [2 * columns - 2, 3 * columns]:
                    with self.subTest(columns=columns, length=length):
                        text = "".join(chr(97 + i % 26) for i in range(length))
                        rows = self.trimmed(rows_of("> " + text, columns))
                        t.type(text)
                        t.wait_for(lambda: t.all_lines()[-len(rows):] == rows)
                        t.output("news %d\n" % length)
                        t.wait_for("news %d" % length)
                        t.wait_for(lambda: t.all_lines()[-len(rows):] == rows)
                        self.assertEqual(t.all_lines()[-len(rows) - 1], "news %d" % length)
                        t.key("C-c")
                        t.wait_for_prompt()

    def test_cursor_in_the_middle_of_a_wrapped_line(self):
        for columns in WIDTHS:
            with self.subTest(columns=columns), Demo(columns=columns) as t:
                text = "x" * (3 * columns)
                t.type(text)
                t.key("Home")
                t.wait_for(lambda: t.cursor()[1] == 2)
                self.chat(t, self.trimmed(rows_of("> " + text, columns)))
                t.type("A")
                t.wait_for("> Ax")
                self.chat_again(t)
                t.key("End")
                t.type("Z")
                t.key("Enter")
                t.said('<line "A' + text + 'Z">')

    def chat_again(self, t):
        t.output("once more\n")
        t.wait_for("once more")

    def test_block_of_lines(self):
        for columns in WIDTHS:
            with self.subTest(columns=columns), Demo(columns=columns) as t:
                t.paste("for i = 1, 3 do\n  print(i)\nend")
                expected = ["> for i = 1, 3 do", "  print(i)", "end"]
                t.wait_for(lambda: t.all_lines() == expected)
                self.chat(t, expected)
                t.key("Up")
                t.wait_for(lambda: t.at() == ("  print(i)", 3))
                t.output("[a] one more\n")
                t.wait_for("one more")
                t.wait_for(lambda: t.at() == ("  print(i)", 3))
                t.key("Enter")
                t.said('<line "for i = 1, 3 do\\n  print(i)\\nend">')

    def test_wide_characters(self):
        for columns in WIDTHS + (21, 41):
            with self.subTest(columns=columns), Demo(columns=columns) as t:
                text = "日本語" * (columns // 6) + "テスト"
                t.type(text)
                cells = columns - 2 if columns % 2 == 0 else columns - 3
                first = text[:cells // 2]
                rest = text[cells // 2:]
                expected = ["> " + first, rest]
                t.wait_for(lambda: t.all_lines() == expected)
                self.chat(t, expected)
                t.key("Left")
                t.type("é")
                expected[1] = rest[:-1] + "é" + rest[-1]
                t.wait_for(lambda: t.all_lines()[-2:] == expected)

    def test_marks_that_have_no_width(self):
        with Demo(columns=20) as t:
            t.type("e\u0301" * 17)
            self.chat(t, ["> " + "é" * 17])
            t.type("x")
            t.wait_for("é" * 17 + "x")
            t.type("yz")
            t.wait_for(lambda: t.all_lines()[-2:] == ["> " + "é" * 17 + "x", "yz"])
            t.key("Enter")
            t.said('<line "' + "e\u0301" * 17 + 'xyz">')

    def test_during_a_search(self):
        for columns in WIDTHS:
            with self.subTest(columns=columns), Demo(columns=columns) as t:
                t.send("a print('needle in a haystack of forty-three')")
                t.send("a other")
                t.send("o ready\\n")
                t.wait_for("ready")
                t.key("C-r")
                t.type("needle")
                shown = self.trimmed(
                    rows_of("(search) needle: print('needle in a haystack of forty-three')", columns))
                t.wait_for(lambda: t.all_lines() == ["ready"] + shown)
                t.output("[a] one\n[b] two\n")
                t.wait_for(lambda: t.all_lines() == ["ready", "[a] one", "[b] two"] + shown)
                t.key("C-c")
                t.wait_for("<interrupt")
                t.wait_for_prompt()

    def test_tabs_and_control_characters(self):
        for columns in WIDTHS:
            with self.subTest(columns=columns), Demo(columns=columns) as t:
                t.paste("a\tb\tc")
                t.wait_for(lambda: t.all_lines()[0].startswith("> a     b       c"[:columns]))
                before = t.all_lines()
                self.chat(t, before)
                t.key("C-v", "C-a")
                t.wait_for("^A")
                t.key("Enter")
                t.said('<line "a\tb\tc\001">')

    def test_a_block_higher_than_the_screen(self):
        with Demo(columns=40, rows=8) as t:
            block = ["line %d" % i for i in range(30)]
            t.paste("\n".join(block))
            t.wait_for(lambda: t.lines() == block[-8:])
            t.output("[a] above\n")
            t.wait_for("[a] above")
            t.wait_for(lambda: t.lines() == block[-8:])
            for _ in range(20):
                t.key("Up")
            t.wait_for(lambda: t.cursor()[0] == 0 and t.at() == ("line 9", 6))
            t.type("!")
            t.wait_for("line 9!")
            t.output("[a] again\n")
            t.wait_for(lambda: t.at() == ("line 9!", 7))
            t.key("Enter")
            t.wait_for("<line")
            self.assertEqual([l for l in t.all_lines() if l.startswith("line 29")][-1:], ["line 29"])
            t.wait_for_prompt()


class Writes(unittest.TestCase):
    """What stands below output is taken away and drawn again by one write: whoever looks sees both, or neither."""

    def writes(self, t):
        with open("/proc/%d/io" % t.pid, encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("syscw"))

    def check(self, t, most, command, *expected):
        before = self.writes(t)
        t.send(command)
        t.wait_for_screen(expected)
        self.assertLessEqual(self.writes(t) - before, most + 1)  # and one for the answer to `send`

    def test_output_above_a_line(self):
        with Demo() as t:
            t.type("abc")
            t.wait_for_prompt("> abc")
            self.check(t, 1, "o news\\n", "news", "> abc")
            self.check(t, 1, "o one\\ntwo\\nhalf", "news", "one", "two", "> abc")
            self.check(t, 1, "f", "news", "one", "two", "half", "> abc")
            self.check(t, 1, "b row", "news", "one", "two", "half", "row", "> abc")
            self.check(t, 1, "o last\\n", "news", "one", "two", "half", "last", "row", "> abc")

    def test_output_where_nothing_is_typed(self):
        with Demo(prompt="") as t:
            self.check(t, 1, "b row", "row")
            self.check(t, 1, "o first\\n", "first", "row")
            self.check(t, 1, "o half", "first", "row", "half")
            self.check(t, 1, "o  more\\n", "first", "half more", "row")
            self.check(t, 1, "p > ", "first", "half more", "row", ">")

    def test_a_read_that_is_stopped(self):
        with Demo() as t:
            t.type("abc")
            t.wait_for_prompt("> abc")
            self.check(t, 2, "s", '<stop "">', "> abc")  # what is printed meanwhile, and the line again


class Unfinished(unittest.TestCase):
    """Output without a newline at its end."""

    def test_is_held_above_a_prompt(self):
        with Demo() as t:
            t.type("abc")
            t.wait_for_prompt("> abc")
            t.output("first\nsecond")
            t.wait_for(lambda: t.all_lines() == ["first", "> abc"])
            t.output(" half\n")
            t.wait_for(lambda: t.all_lines() == ["first", "second half", "> abc"])

    def test_is_shown_when_flushed(self):
        with Demo() as t:
            t.output("50 %")
            t.send("f")
            t.wait_for_screen(["50 %", ">"])
            t.send("f")
            t.output("100 %\n")
            t.wait_for_screen(["50 %", "100 %", ">"])

    def test_passes_when_there_is_no_prompt(self):
        with Demo(prompt="") as t:
            t.output("one")
            t.wait_for_screen(["one"])
            t.output(" two")
            t.wait_for_screen(["one two"])
            self.assertEqual(t.cursor(), (0, 7))
            t.send("p > ")
            t.wait_for_screen(["one two", ">"])

    def test_is_what_typed_text_stands_behind(self):
        with Demo(prompt="") as t:
            t.output("\033[1mName?\033[m ")
            t.wait_for_screen(["Name?"])
            t.type("An")
            t.wait_for_screen(["Name? An"])
            t.output("[a] by the way\n")
            t.wait_for_screen(["[a] by the way", "Name? An"])
            t.type("na\r")
            t.wait_for_screen(["[a] by the way", "Name? Anna", '<line "Anna">'])

    def test_typed_text_is_taken_back_and_output_goes_on(self):
        with Demo(prompt="") as t:
            t.output("Name? ")
            t.wait_for("Name?")
            t.type("x")
            t.wait_for_screen(["Name? x"])
            t.key("Backspace")
            t.wait_for_screen(["Name?"])
            t.output("(timeout)\n")
            t.wait_for_screen(["Name? (timeout)"])

    def test_long_unfinished_line_is_left_alone(self):
        with Demo(prompt="", columns=20) as t:
            t.output("a" * 30)
            t.wait_for_screen(["a" * 20, "a" * 10])
            t.type("x")
            t.wait_for_screen(["a" * 20, "a" * 10, "x"])

    def test_prompt_comes_while_text_stands_behind_output(self):
        with Demo(prompt="") as t:
            t.output("Name? ")
            t.wait_for("Name?")
            t.type("1+1")
            t.wait_for_screen(["Name? 1+1"])
            t.send("p > ")
            t.wait_for_screen(["Name?", "> 1+1"])
            t.key("Enter")
            t.wait_for_screen(["Name?", "> 1+1", '<line "1+1">', ">"])

    def test_held_output_comes_when_the_prompt_goes(self):
        with Demo() as t:
            t.output("Name? ")
            t.send("p ")
            t.wait_for_screen(["Name?"])


class Prompt(unittest.TestCase):
    def test_changes_while_a_line_is_typed(self):
        with Demo() as t:
            t.type("abc")
            t.wait_for_prompt("> abc")
            t.send("p longer> ")
            t.wait_for_prompt("longer> abc")
            t.send("p ")
            t.wait_for_prompt("abc")
            t.send("p 日> ")
            t.wait_for_prompt("日> abc")
            self.assertEqual(t.all_lines(), ["日> abc"])

    def test_empty_one_shows_nothing_until_a_key(self):
        with Demo(prompt="") as t:
            t.output("text\n")
            t.wait_for_screen(["text"])
            t.type("x")
            t.wait_for_screen(["text", "x"])
            t.key("Enter")
            t.wait_for_screen(["text", "x", '<line "x">'])

    def test_is_bold_if_colours_are_welcome(self):
        with Demo("--color") as t:
            self.assertIn(b"\033[1m>", t.raw)
            self.assertTrue(t.screen.buffer[0][0].bold)
            t.type("x")
            t.wait_for("> x")
            self.assertFalse(t.screen.buffer[0][2].bold)

    def test_is_plain_otherwise(self):
        with Demo() as t:
            t.output("\033[31mred\n")
            t.wait_for("red")
            t.wait_for_prompt()
            self.assertNotIn(b"\033[1m", t.raw)
            self.assertEqual(t.screen.buffer[t.cursor()[0]][0].fg, "default")

    def test_timer_runs_while_a_line_is_typed(self):
        with Demo() as t:
            t.type("abc")
            t.send("t 30")
            t.wait_for_screen(["tick", "> abc"])


class Stopped(unittest.TestCase):
    def test_text_survives(self):
        for columns in WIDTHS:
            with self.subTest(columns=columns), Demo(columns=columns) as t:
                t.type("half a line that goes on")
                t.key("Left", "Left")
                t.send("s")
                t.wait_for('<stop "">')
                t.wait_for(lambda: t.all_lines()[1:] == self.rows("> half a line that goes on", columns))
                t.type("_")
                t.key("Enter")
                t.said('<line "half a line that goes _on">')

    def rows(self, text, columns):
        return [row.rstrip() for row in rows_of(text, columns)]

    def test_in_a_search(self):
        with Demo() as t:
            t.send("a find me")
            t.key("C-r")
            t.type("fi")
            t.wait_for("(search) fi: find me")
            t.send("s")
            t.wait_for_screen(['<stop "">', "> find me"])

    def test_behind_unfinished_output(self):
        with Demo(prompt="") as t:
            t.output("Name? ")
            t.wait_for("Name?")
            t.type("ab")
            t.wait_for_screen(["Name? ab"])
            t.send("s")
            t.wait_for_screen(['Name? <stop "">', "ab"])


class Resized(unittest.TestCase):
    def test_while_typing(self):
        text = "0123456789" * 7
        with Demo(columns=60) as t:
            t.output("above\n")
            t.type(text)
            for columns in (60, 80, 40, 20, 72, 71, 41):
                t.resize(columns, 24)
                t.wait_for_screen(["above"] + rows_of("> " + text, columns)[:72 // columns + 1])
            t.type("x")
            t.output("news\n")
            t.wait_for_screen(["above", "news", "> " + text[:39], text[39:] + "x"])

    def test_to_almost_nothing_and_back(self):
        with Demo(columns=40, rows=10) as t:
            t.type("日本語 and more text than fits")
            for size in ((3, 2), (1, 1), (2, 5), (80, 24)):
                t.resize(*size)
                t.output("size %d\n" % size[0])
            t.wait_for("size 80")
            t.wait_for(lambda: t.all_lines()[-1] == "> 日本語 and more text than fits")

    def test_completion_after_it_uses_the_new_width(self):
        with Demo(columns=80) as t:
            t.resize(26, 24)
            t.type("item0")
            t.key("Tab", "Tab")
            t.wait_for("item08_long")
            t.wait_for_prompt("> item0")
            self.assertTrue(all(len(l) <= 26 for l in t.lines()))
            self.assertIn("item01       item06", t.lines())


if __name__ == "__main__":
    unittest.main()
