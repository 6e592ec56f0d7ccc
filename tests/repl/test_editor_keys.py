"""What keys do to a line: emacs and vi, recall, search, completion, paste."""

import os
import tempfile
import unittest

from demo import Demo


def with_editrc(text):
    """A home with this ~/.editrc."""
    home = tempfile.TemporaryDirectory(prefix="terminal-")
    with open(os.path.join(home.name, ".editrc"), "w", encoding="utf-8") as f:
        f.write(text)
    return home


class Emacs(unittest.TestCase):
    def check(self, *steps):
        """Pairs: keys or ("type", text), and the line with | where the cursor is."""
        with Demo() as t:
            for keys, expected in steps:
                if isinstance(keys, tuple):
                    t.type(keys[1])
                else:
                    t.key(*keys.split())
                before, after = expected.split("|")
                self.wait_at(t, before, after)

    def wait_at(self, t, before, after):
        t.wait_for(lambda: t.at() == (("> " + before + after).rstrip(), 2 + len(before)))

    def test_moving_by_characters_and_words(self):
        self.check((("type", "one two three"), "one two three|"),
                   ("Left Left", "one two thr|ee"), ("Right", "one two thre|e"),
                   ("M-b", "one two |three"), ("C-Left", "one |two three"), ("M-b", "|one two three"),
                   ("M-f", "one| two three"), ("C-Right", "one two| three"),
                   ("Home", "|one two three"), ("End", "one two three|"),
                   ("C-a", "|one two three"), ("C-f", "o|ne two three"), ("C-e", "one two three|"),
                   ("C-b", "one two thre|e"))

    def test_deleting(self):
        self.check((("type", "one two three"), "one two three|"),
                   ("C-w", "one two |"), ("C-y", "one two three|"), ("Backspace", "one two thre|"),
                   ("Home Delete", "|ne two thre"), ("C-d", "|e two thre"), ("M-d", "| two thre"),
                   ("C-f C-k", " |"), ("C-u", "|"))

    def test_delete_at_the_end_does_not_leave(self):
        self.check((("type", "x"), "x|"), ("Delete", "x|"), ("C-d", "x|"), (("type", "y"), "xy|"))

    def test_other_forms_of_the_same_keys(self):
        self.check((("type", "ab"), "ab|"), (("type", "\033OD"), "a|b"), (("type", "\033OC"), "ab|"),
                   (("type", "\033OH"), "|ab"), (("type", "\033OF"), "ab|"),
                   (("type", "\033[1~"), "|ab"), (("type", "\033[4~"), "ab|"))

    def test_keys_without_a_meaning_are_no_text(self):
        self.check((("type", "ab"), "ab|"), ("F5", "ab|"), (("type", "\033[1;7Q"), "ab|"),
                   (("type", "\033[?1;2c"), "ab|"), (("type", "c"), "abc|"))

    def test_accented_letters_and_wide_ones(self):
        with Demo() as t:
            t.type("grün日本é")
            t.wait_for_prompt("> grün日本é")
            t.key("Left", "Left", "Backspace")
            t.wait_for(lambda: t.at() == ("> grün本é", 6))
            t.key("Enter")
            t.said('<line "grün本é">')

    def test_bytes_that_are_no_characters_come_back(self):
        with Demo() as t:
            t.type(b"a\xff\xfeb\xc3")
            t.wait_for("> a\\xff\\xfeb\\xc3")
            t.key("Left", "Left")
            t.type("-")
            t.wait_for("> a\\xff\\xfe-b\\xc3")
            t.key("Enter")
            t.wait_for(lambda: b'<line "a\xff\xfe-b\xc3">' in t.raw)

    def test_a_new_line_by_key(self):
        with Demo() as t:
            t.type("one")
            t.key("M-Enter")
            t.type("two")
            t.wait_for_screen(["> one", "two"])
            t.key("Home")
            t.wait_for(lambda: t.at() == ("two", 0))
            t.key("Up", "End")
            t.wait_for(lambda: t.at() == ("> one", 5))
            t.key("Enter")
            t.said('<line "one\\ntwo">')

    def test_clear_screen(self):
        with Demo() as t:
            t.output("old\n")
            t.type("abc")
            t.wait_for_screen(["old", "> abc"])
            t.key("C-l")
            t.wait_for_screen(["> abc"])
            t.output("new\n")
            t.wait_for_screen(["new", "> abc"])

    def test_type_ahead_is_neither_lost_nor_shown_twice(self):
        with Demo() as t:
            t.type("".join("line %d\r" % n for n in range(200)))
            t.said('<line "line 199">')
            t.wait_for_prompt()
            expected = []
            for n in range(200):
                expected += ["> line %d" % n, '<line "line %d">' % n]
            self.assertEqual(t.all_lines(), expected + [">"])

    def test_a_very_long_line(self):
        with Demo(columns=80, rows=10) as t:
            t.type("x" * 20000)
            t.key("Enter")
            t.said('<line "' + "x" * 20000 + '">')


class C_Locale(unittest.TestCase):
    def test_bytes_are_shown_and_come_back(self):
        with Demo(env={"LC_ALL": "C"}) as t:
            t.type("grün")
            t.wait_for("> gr\\xc3\\xbcn")
            t.key("Left", "Left", "Left", "Backspace", "Enter")
            t.wait_for(lambda: b'<line "g\xc3\xbcn">' in t.raw)


class Editrc(unittest.TestCase):
    def test_vi(self):
        with with_editrc("bind -v\n") as home, Demo(home=home) as t:
            t.type("one two")
            t.wait_for_prompt("> one two")
            t.key("Escape")
            t.wait_for(lambda: t.at() == ("> one two", 8))
            t.type("b")
            t.wait_for(lambda: t.at() == ("> one two", 6))
            t.type("x")
            t.wait_for(lambda: t.at() == ("> one wo", 6))
            t.type("0itwo ")
            t.wait_for(lambda: t.at() == ("> two one wo", 6))
            t.key("Escape")
            t.type("$a!")
            t.wait_for_prompt("> two one wo!")
            t.key("Enter")
            t.said('<line "two one wo!">')

    def test_vi_starts_no_other_editor(self):
        with with_editrc("bind -v\n") as home, Demo(home=home) as t:
            t.type("abc\033v")
            t.output("still there\n")
            t.wait_for_screen(["still there", "> abc"])

    def test_vi_put_where_nothing_is(self):
        with with_editrc("bind -v\n") as home, Demo(home=home, rows=5, columns=20) as t:
            for keys in ("\033yyp", "\033yyP", "abc\033yypp", "\0332.", "\033u", "\033[A"):
                t.type(keys)
                t.output("x\n")
            t.key("C-c")
            t.said("<interrupt")

    def test_vi_with_arrows_in_insert_mode(self):
        with with_editrc("bind -v\n") as home, Demo(home=home) as t:
            t.type("abc")
            t.key("Left", "Left")
            t.type("X")
            t.wait_for(lambda: t.at() == ("> aXbc", 4))
            t.key("Home")
            t.type("Y")
            t.key("End")
            t.type("Z")
            t.wait_for_prompt("> YaXbcZ")
            t.paste("one\ntwo")
            t.wait_for_screen(["> YaXbcZone", "two"])

    def test_vi_recalls_by_k_and_searches(self):
        with with_editrc("bind -v\n") as home, Demo(home=home) as t:
            for text in ("first", "second", "third"):
                t.send("a " + text)
            t.output("ready\n")
            t.wait_for("ready")
            t.key("Escape")
            t.type("kk")
            t.wait_for("> second")
            t.type("j")
            t.wait_for("> third")
            t.type("/fir\r")
            t.wait_for("> first")
            t.key("C-c")
            t.wait_for("<interrupt")
            t.wait_for_prompt()
            t.type("insert again")
            t.wait_for_prompt("> insert again")

    def test_its_bindings_are_above_ours(self):
        text = 'bind "^R" ed-move-to-beg\ndemo:bind "^T" ed-move-to-end\nother:bind "^E" ed-move-to-beg\n'
        with with_editrc(text) as home, Demo(home=home) as t:
            t.type("abc")
            t.key("C-r")
            t.wait_for(lambda: t.at() == ("> abc", 2))
            t.key("C-t")
            t.wait_for(lambda: t.at() == ("> abc", 5))
            t.key("Left", "C-e")
            t.wait_for(lambda: t.at() == ("> abc", 5))

    def test_its_bindings_of_sequences_are_above_ours(self):
        with with_editrc('bind "\\e[15~" ed-move-to-beg\nbind "^[[D" ed-move-to-beg\n') as home, \
                Demo(home=home) as t:
            t.type("abc")
            t.key("F5")
            t.wait_for(lambda: t.at() == ("> abc", 2))
            t.key("Right", "Right", "Left")
            t.wait_for(lambda: t.at() == ("> abc", 2))

    def test_bindings_in_vi(self):
        with with_editrc('bind -v\nbind "^T" ed-move-to-beg\n') as home, Demo(home=home) as t:
            t.type("abc")
            t.key("C-t")
            t.wait_for(lambda: t.at() == ("> abc", 2))

    def test_editing_can_be_switched_off(self):
        with with_editrc("edit off\n") as home, Demo(home=home, dumb=True) as t:
            t.line("abc")
            t.said('<line "abc">')
            self.assertNotIn(b"\033", t.raw)


class Recall(unittest.TestCase):
    def fill(self, t, *texts):
        for text in texts:
            t.send("a " + text.replace("\\", "\\\\").replace("\n", "\\n"))
        t.output("ready\n")
        t.wait_for("ready")
        t.wait_for_prompt()

    def test_up_and_down(self):
        with Demo() as t:
            self.fill(t, "one", "two", "three")
            t.type("")
            for key, line in (("Up", "three"), ("Up", "two"), ("Up", "one"), ("Up", "one"),
                              ("Down", "two"), ("Down", "three"), ("Down", "")):
                t.key(key)
                t.wait_for_prompt("> " + line)

    def test_what_was_typed_comes_back(self):
        with Demo() as t:
            self.fill(t, "print(1)", "x = 2", "print(2)")
            t.type("pri")
            t.key("Up")
            t.wait_for_prompt("> print(2)")
            t.key("Up")
            t.wait_for_prompt("> print(1)")
            t.key("Down", "Down")
            t.wait_for_prompt("> pri")

    def test_entries_with_the_same_beginning(self):
        for older, younger in (("PgUp", "PgDn"), ("M-p", "M-n"), ("Up", "Down"), ("C-p", "C-n")):
            with self.subTest(key=older), Demo() as t:
                self.fill(t, "for a", "print(1)", "for b", "print(2)", "for b", "x")
                t.type("for")
                t.key(older)
                t.wait_for_prompt("> for b")
                t.key(older)
                t.wait_for_prompt("> for a")
                t.key(older)
                t.key(younger)
                t.wait_for_prompt("> for b")

    def test_only_what_stands_before_the_cursor_counts(self):
        with Demo() as t:
            self.fill(t, "alpha", "beta")
            t.type("a rest")
            t.key("Home", "Right", "PgUp")
            t.wait_for_prompt("> alpha")

    def test_block_is_one_entry(self):
        with Demo() as t:
            self.fill(t, "before", "for i = 1, 3 do\n  print(i)\nend", "after")
            t.key("Up", "Up")
            t.wait_for_screen(["ready", "> for i = 1, 3 do", "  print(i)", "end"])
            t.key("Up")
            t.wait_for_screen(["ready", "> before"])
            t.key("Down")
            t.wait_for_screen(["ready", "> for i = 1, 3 do", "  print(i)", "end"])
            t.key("Left", "Left", "Up")  # the line is edited: now it is a block to move in
            t.wait_for(lambda: t.at() == ("  print(i)", 1))
            t.key("End", "Left")
            t.type(" + 1")
            t.key("Enter")
            t.said('<line "for i = 1, 3 do\\n  print(i + 1)\\nend">')

    def test_no_duplicates_in_a_row(self):
        with Demo() as t:
            t.line("same")
            t.line("same")
            t.line("other")
            t.line("same")
            t.said('<line "other">')
            t.wait_for_prompt()
            for line in ("same", "other", "same", "same"):
                t.key("Up")
                t.wait_for_prompt("> " + line)


class Search(unittest.TestCase):
    def start(self, t):
        for text in ("queue_put(q, 1)", "print('queue')", "x = 1", "grün = 3"):
            t.send("a " + text)
        t.output("ready\n")
        t.wait_for("ready")
        t.wait_for_prompt()

    def test_finds_while_typing(self):
        with Demo() as t:
            self.start(t)
            t.key("C-r")
            t.wait_for_prompt("> ".replace("> ", "(search) : "))
            t.type("que")
            t.wait_for(lambda: t.at() == ("(search) que: print('queue')", 21))
            t.key("C-r")
            t.wait_for(lambda: t.at() == ("(search) que: queue_put(q, 1)", 14))
            t.key("C-s")
            t.wait_for("(search) que: print('queue')")
            t.type("ue_")
            t.wait_for("(search) queue_: queue_put(q, 1)")
            t.key("Backspace")
            t.wait_for("(search) queue: print('queue')")
            t.type("xx")
            t.wait_for("(no such search) queuexx:")
            t.key("Backspace", "Backspace", "Enter")
            t.said('''<line "print('queue')">''')
            t.wait_for_prompt()

    def test_is_left_with_the_line_by_other_keys(self):
        with Demo() as t:
            self.start(t)
            t.key("C-r")
            t.type("gr")
            t.wait_for("(search) gr: grün = 3")
            t.key("End")
            t.type("0")
            t.wait_for_prompt("> grün = 30")

    def test_escape_keeps_the_line(self):
        with Demo() as t:
            self.start(t)
            t.key("C-r")
            t.type("x =")
            t.wait_for("(search) x =: x = 1")
            t.key("Escape")
            t.wait_for("> x = 1")
            t.type("9")
            t.wait_for("> 9x = 1")

    def test_cancelled_it_gives_the_line_back(self):
        with Demo() as t:
            self.start(t)
            t.type("half")
            t.key("Left", "C-r")
            t.type("x")
            t.wait_for("(search) x: x = 1")
            t.key("C-g")
            t.wait_for(lambda: t.at() == ("> half", 5))

    def test_ctrl_c_drops_the_line(self):
        for leave in ((), ("C-e",), ("Escape",)):
            with self.subTest(leave=leave), Demo() as t:
                self.start(t)
                t.key("C-r")
                t.type("que")
                t.wait_for("(search) que: print('queue')")
                t.key(*leave)
                t.wait_for("print('queue')")
                t.key("C-c")
                t.said('''<interrupt "print('queue')">''')
                t.wait_for_prompt()
                t.line("next")
                t.said('<line "next">')

    def test_the_pattern_of_last_time(self):
        with Demo() as t:
            self.start(t)
            t.key("C-r")
            t.type("x =")
            t.key("Enter")
            t.said('<line "x = 1">')
            t.wait_for_prompt()
            t.key("C-r", "C-r")
            t.wait_for("(search) x =: x = 1")

    def test_without_any_history(self):
        with Demo() as t:
            t.key("C-r", "C-r")
            t.type("abc")
            t.key("Backspace", "C-r", "C-s", "Up", "Down")
            t.wait_for("(no such search) ab:")
            t.key("C-g")
            t.wait_for_prompt()


class Completion(unittest.TestCase):
    def test_inserts_what_all_have_in_common(self):
        with Demo() as t:
            t.type("x al")
            t.key("Tab")
            t.wait_for_prompt("> x alp")
            t.type("hab")
            t.key("Tab")
            t.wait_for_prompt("> x alphabet")

    def test_second_tab_lists_above_the_prompt(self):
        with Demo(columns=40) as t:
            t.type("al")
            t.key("Tab")
            t.wait_for_prompt("> alp")
            t.key("Tab", "Tab")
            t.wait_for_screen(["alpha     alphabet  alpine", "> alp"])

    def test_list_fits_the_width(self):
        for columns in (80, 40, 20, 8):
            with self.subTest(columns=columns), Demo(columns=columns) as t:
                t.key("Left")
                t.type("item0")
                t.key("Tab", "Tab")
                t.said("item08_long")
                t.wait_for_prompt("> item0")

    def test_never_splits_a_character(self):
        with Demo() as t:
            t.type("gr")
            t.key("Tab")
            t.wait_for_prompt("> grün")
            t.key("Tab", "Tab")
            t.wait_for("grün      grünspan")

    def test_in_the_middle_of_a_line(self):
        with Demo() as t:
            t.type("bet x")
            t.key("Left", "Left", "Tab")
            t.wait_for(lambda: t.at() == ("> beta x", 6))

    def test_nothing_is_found(self):
        with Demo() as t:
            t.type("zzz")
            t.key("Tab", "Tab")
            t.type("!")
            t.wait_for_prompt("> zzz!")
            self.assertIn(b"\a", t.raw)

    def test_indents_where_nothing_stands(self):
        with Demo() as t:
            t.key("Tab")
            t.wait_for_prompt(">   ")
            t.key("Tab")
            t.type("x")
            t.wait_for_prompt(">     x")

    def test_with_output_held(self):
        with Demo() as t:
            t.output("half")
            t.type("alp")
            t.key("Tab", "Tab")
            t.wait_for_screen(["alpha     alphabet  alpine", "> alp"])
            t.output(" line\n")
            t.wait_for_screen(["alpha     alphabet  alpine", "half line", "> alp"])


class Paste(unittest.TestCase):
    def test_is_not_run_until_enter(self):
        with Demo() as t:
            t.paste("one\ntwo\nthree\n")
            t.wait_for_screen(["> one", "two", "three"])
            t.key("Enter")
            t.said('<line "one\\ntwo\\nthree">')

    def test_tabs_stay_and_nothing_is_completed(self):
        with Demo() as t:
            t.paste("al\tx")
            t.wait_for_screen(["> al    x"])
            t.key("Enter")
            t.said('<line "al\tx">')

    def test_within_a_line(self):
        with Demo() as t:
            t.type("()")
            t.key("Left")
            t.type("\033[200~1,\r\n2\x07\033[A\033[201~")
            t.wait_for_screen(["> (1,", "2[A)"])

    def test_of_very_much(self):
        with Demo(rows=10) as t:
            text = "\n".join("line %d = %s" % (n, "grün" * 10) for n in range(2000))
            t.paste(text)
            t.wait_for("line 1999")
            t.key("Enter")
            t.said('<line "' + text.replace("\n", "\\n") + '">')

    def test_of_too_much(self):
        with Demo() as t:
            t.type("x")
            t.paste("1234567\n" * (1 << 17) + "x\n")
            t.wait_for_screen(["(too long to be pasted)", "> x"])
            t.key("Enter")
            t.said('<line "x">')

    def test_moving_in_a_block_higher_than_the_screen(self):
        with Demo(rows=6, columns=30) as t:
            t.paste("\n".join("日本 line %d" % n for n in range(40)))
            t.wait_for(lambda: t.at() == ("日本 line 39", 12))
            for _ in range(600):
                t.key("C-b")
            t.wait_for(lambda: t.at() == ("> 日本 line 0", 2))
            for _ in range(600):
                t.key("C-f")
            t.wait_for(lambda: t.at() == ("日本 line 39", 12))
            for n in range(60):
                t.type("word%d " % n)
            t.wait_for(lambda: t.at() == ("9", 2))
            t.key("C-a", "C-k", "C-y", "Enter")
            t.said("日本 line 38\\n日本 line 39word0 ")

    def test_into_nothing_shown(self):
        with Demo(prompt="") as t:
            t.output("Lines? ")
            t.wait_for("Lines?")
            t.paste("a\nb")
            t.wait_for_screen(["Lines? a", "b"])
            t.key("Enter")
            t.said('<line "a\\nb">')

    def test_in_a_search(self):
        with Demo() as t:
            t.send("a needle = 1")
            t.key("C-r")
            t.paste("needle")
            t.wait_for("(search) needle: needle = 1")

    def test_its_end_never_comes(self):
        with Demo() as t:
            t.type("\033[200~abc")
            t.wait_for_prompt("> abc")
            t.type("d")
            t.wait_for_prompt("> abcd")

    def test_marks_are_switched_off_at_the_end(self):
        with Demo() as t:
            self.assertIn(b"\033[?2004h", t.raw)
            t.key("C-d")
            t.exit_status()
            t.lines()
            self.assertGreater(t.raw.rfind(b"\033[?2004l"), t.raw.rfind(b"\033[?2004h"))


if __name__ == "__main__":
    unittest.main()
