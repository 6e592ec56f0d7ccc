"""The commands of the line editor, in emacs' and in vi's keys: what each does to a line."""

import os
import tempfile
import unittest

from demo import Demo


class Line(unittest.TestCase):
    editrc = ""

    def demo(self, editrc=None, **options):
        home = tempfile.TemporaryDirectory(prefix="terminal-")
        self.addCleanup(home.cleanup)
        with open(os.path.join(home.name, ".editrc"), "w", encoding="utf-8") as f:
            f.write(self.editrc if editrc is None else editrc)
        return Demo(home=home.name, **options)

    def check(self, *steps, editrc=None):
        """Pairs: what is typed, with <key> for a key by name, and the line with | where the cursor
        is."""
        with self.demo(editrc) as t:
            for typed, expected in steps:
                self.press(t, typed)
                self.at(t, expected)

    def press(self, t, typed):
        while typed:
            text, _, rest = typed.partition("<")
            if text:
                t.type(text)
            name, _, typed = rest.partition(">")
            if name:
                t.key(*name.split())

    def at(self, t, expected):
        before, after = expected.split("|")
        wanted = (("> " + before + after).rstrip(), 2 + len(before))
        try:
            t.wait_for(lambda: t.at() == wanted)
        except AssertionError as error:
            raise AssertionError("not at %r: %s" % (expected, error)) from None


class Emacs(Line):
    def test_kills_in_a_row_are_one_text(self):
        self.check(("one two three<C-a M-d M-d>", "| three"), ("<C-y>", "one two| three"),
                   ("<C-e C-w C-w>", "one |"), ("<C-y>", "one two three|"))

    def test_older_kills(self):
        self.check(("one<C-u>two<C-u>three<C-u>", "|"), ("<C-y>", "three|"), ("<M-y>", "two|"),
                   ("<M-y>", "one|"), ("<M-y>", "three|"), ("x<M-y>", "threex|"),
                   ("<C-y>", "threexthree|"))

    def test_yanking_is_undone_as_a_whole(self):
        self.check(("one<C-w C-y C-y>", "oneone|"), ("<C-_>", "one|"))

    def test_kill_to_the_end_and_everything(self):
        self.check(("one two<M-b C-k>", "one |"), ("<C-u>", "|"), ("<C-y>", "one two|"))

    def test_a_word_before_the_cursor(self):
        self.check(("one two.x(y<M-Backspace>", "one two.x(|"), ("<M-Backspace>", "one |"),
                   ("<C-y>", "one two.x(y|"))

    def test_undo_and_redo(self):
        self.check(("one two<C-a>x", "x|one two"), ("<C-_>", "|one two"), ("<C-_>", "one |"),
                   ("<C-x C-u>", "|"), ("<C-_>", "|"), ("<M-_ M-_>", "one two|"),
                   ("<M-_>", "x|one two"), ("<M-_>", "x|one two"))

    def test_undo_of_each_kind_of_change(self):
        for change, changed in (("<Backspace>", "one tw|"), ("<C-w>", "one |"), ("<C-u>", "|"),
                                ("<C-t>", "one tow|"), ("<C-v C-a>", "one two^A|")):
            with self.subTest(change=change):
                self.check(("one two" + change, changed), ("<C-_>", "one two|"),
                           ("<M-_>", changed))

    def test_recalled_lines_are_undone_too(self):
        with self.demo() as t:
            t.send("a older")
            t.type("o")
            t.key("Up")
            self.at(t, "older|")
            t.key("C-_")
            self.at(t, "o|")

    def test_transpose(self):
        self.check(("abc<C-t>", "acb|"), ("<C-b C-b C-t>", "ca|b"), ("<C-a C-t>", "|cab"),
                   ("<C-u>a<C-t>", "a|"))

    def test_case(self):
        self.check(("éins zwei DREI vier<C-a M-u>", "ÉINS| zwei DREI vier"),
                   ("<M-c>", "ÉINS Zwei| DREI vier"), ("<M-l>", "ÉINS Zwei drei| vier"),
                   ("<C-a M-2 M-l>", "éins zwei| drei vier"), ("<C-_>", "|ÉINS Zwei drei vier"))

    def test_counts(self):
        self.check(("<M-5>x", "xxxxx|"), ("<M-1>2-", "xxxxx------------|"),
                   ("<M-1>2<Backspace>", "xxxxx|"), ("<M-2 C-b>", "xxx|xx"), ("<M-9 C-d>", "xxx|"),
                   ("<M-0>y", "xxx|"), ("1", "xxx1|"), ("<M-9 C-b>", "|xxx1"))

    def test_a_count_is_for_one_command(self):
        self.check(("one two three<M-2 M-b>", "one |two three"), ("<M-b>", "|one two three"),
                   ("<M-2 M-d>", "| three"))

    def test_mark(self):
        self.check(("one two<C-a>", "|one two"), ("<M-f>\0", "one| two"), ("<End>", "one two|"),
                   ("<C-x C-x>", "one| two"), ("<C-x C-x>", "one two|"),
                   ("<M-w C-y>", "one two two|"))

    def test_kill_to_the_mark(self):
        self.check(("one two three<M-b>\0<M-b C-x>k", "one |three"), ("<C-y>", "one two |three"),
                   editrc='bind "^Xk" em-kill-region\n')

    def test_quoted_insert(self):
        self.check(("a<C-v C-a C-q Tab>b", "a^A   b|"), ("<Backspace Backspace>", "a^A|"),
                   ("<C-v Escape>x", "a^A^[x|"))

    def test_copy_of_the_word_before(self):
        self.check(("one two\033\x1f", "one twotwo|"))

    def test_capital_letters_after_escape(self):
        self.check(("one two<M-B M-U>", "one TWO|"))

    def test_unknown_keys_only_beep(self):
        with self.demo() as t:
            t.type("ab")
            before = t.raw.count(b"\a")
            t.type("\033q\x18q\x07\033\033[A")
            t.wait_for(lambda: t.raw.count(b"\a") >= before + 4)
            self.at(t, "ab|")

    def test_a_wide_screenful_of_undo(self):
        with self.demo(columns=20, rows=5) as t:
            t.paste("\n".join("line %d 日本" % n for n in range(30)))
            t.key("C-u")
            self.at(t, "|")
            t.key("C-_")
            t.wait_for(lambda: t.at() == ("line 29 日本", 12))


class Editrc(Line):
    def test_text_for_a_key(self):
        self.check(("a<C-t>b", "aéxyb|"), ("<C-o>", "|aéxyb"),
                   editrc='bind -s ^T éxy\nbind -s ^O "\\e[H"\n')

    def test_a_key_that_types_itself_ends(self):
        with self.demo("bind -s a aa\n") as t:
            t.type("a")
            t.wait_for(lambda: b"\a" in t.raw)
            t.key("C-c")
            t.said("<interrupt")

    def test_removed_and_renamed_keys(self):
        self.check(("abc<C-a>", "abc|"), ("<Up>", "|abc"), ("<C-g>", "abc|"),
                   editrc="bind -r ^A\nbind -k up ed-move-to-beg\nbind '\\007' ed-move-to-end\n")

    def test_octal_and_other_notations(self):
        self.check(("abc<C-o>", "|abc"), ("<M-x>", "abc|"), ("<C-x>x", "|abc"),
                   ("<C-x C-u>", "|"),
                   editrc='bind "\\17" ed-move-to-beg\nbind M-x ed-move-to-end\n'
                          'bind "\\^x" ed-insert\nbind "^Xx" ed-move-to-beg\n')

    def test_a_key_that_began_others_begins_none(self):
        self.check(("abc<C-x>", "|abc"), ("<C-e C-x>", "|abc"), editrc="bind ^X ed-move-to-beg\n")

    def test_what_is_not_known_is_skipped(self):
        self.check(("abc<C-t>", "|abc"), editrc='bind\nbind ^T\nbind -z\nbind ^T no-such-command\n'
                   'settc xn\nsetty\nhistory size 3\nedit\n"unclosed\nbind ^T ed-move-to-beg\n'
                   '[: bind ^T ed-move-to-end\n:bind ^T ed-move-to-end\n# bind ^T ed-move-to-end')

    def test_programs_by_pattern(self):
        self.check(("abc<C-t>", "|abc"), ("<C-o>", "abc|"),
                   editrc="d.*o:bind ^T ed-move-to-beg\nem:bind ^O ed-move-to-end\n"
                          "^emo:bind ^O ed-unassigned\n")

    def test_emacs_after_vi(self):
        self.check(("abc<C-a>", "|abc"), editrc="bind -v\nbind -e\n")

    def test_longer_than_escape_in_vi(self):
        self.check(("abc<Escape>", "ab|c"), ("0", "|abc"), ("iX<F5>", "|Xabc"), ("Y", "Y|Xabc"),
                   editrc='bind -v\nbind "\\e[15~" ed-move-to-beg\nbind "\\eq" ed-move-to-end\n')

    def test_bindings_of_vis_command_mode(self):
        self.check(("abc<Escape>", "ab|c"), ("Z", "|abc"), ("q", "|"),
                   editrc="bind -v\nbind -a Z ed-move-to-beg\nbind -a -s q dd\n")

    def test_edit_on(self):
        self.check(("abc<C-a>", "|abc"), editrc="edit off\nedit on\n")


class Vi(Line):
    editrc = "bind -v\n"

    def edit(self, text, *steps):
        """In command mode, at the beginning of the text."""
        self.check((text + "<Escape>0", "|" + text), *steps)

    def test_motions(self):
        self.edit("foo.bar (x, y_1) z", ("w", "foo|.bar (x, y_1) z"), ("2w", "foo.bar |(x, y_1) z"),
                  ("W", "foo.bar (x, |y_1) z"), ("e", "foo.bar (x, y_|1) z"),
                  ("b", "foo.bar (x, |y_1) z"), ("3b", "foo.bar |(x, y_1) z"),
                  ("B", "|foo.bar (x, y_1) z"), ("E", "foo.ba|r (x, y_1) z"),
                  ("%", "foo.bar (x, y_1|) z"), ("%", "foo.bar |(x, y_1) z"),
                  ("$", "foo.bar (x, y_1) |z"), ("0", "|foo.bar (x, y_1) z"),
                  ("3l", "foo|.bar (x, y_1) z"), ("2h", "f|oo.bar (x, y_1) z"),
                  (" ", "fo|o.bar (x, y_1) z"), ("5|", "foo.|bar (x, y_1) z"),
                  ("99l", "foo.bar (x, y_1) |z"))

    def test_first_character_that_is_no_blank(self):
        self.edit("  abc", ("$", "  ab|c"), ("^", "  |abc"), ("0", "|  abc"))

    def test_finding_characters(self):
        self.edit("a.b.c.d.e", ("f.", "a|.b.c.d.e"), (";", "a.b|.c.d.e"), ("2;", "a.b.c.d|.e"),
                  (",", "a.b.c|.d.e"), ("F.", "a.b|.c.d.e"), ("t.", "a.b.|c.d.e"),
                  (";", "a.b.c.|d.e"), ("T.", "a.b.c.|d.e"), ("h;", "a.b.|c.d.e"),
                  ("fz", "a.b.|c.d.e"), ("3F.", "a.b.|c.d.e"))

    def test_operators_with_motions(self):
        text = "foo(bar, baz) x"
        for keys, expected in (("dw", "|(bar, baz) x"), ("d2w", "|bar, baz) x"),
                               ("2dw", "|bar, baz) x"), ("dW", "|baz) x"), ("de", "|(bar, baz) x"),
                               ("dE", "| baz) x"), ("d$", "|"), ("D", "|"), ("dfb", "|ar, baz) x"),
                               ("dtb", "|bar, baz) x"), ("3ld%", "foo| x"), ("$db", "foo(bar, baz|x"),
                               ("$d2b", "foo(bar, |x"), ("$dB", "foo(bar, |x"), ("$d0", "|x"),
                               ("$dFb", "foo(bar, |x"), ("$dTb", "foo(bar, b|x"), ("dd", "|"),
                               ("dl", "|oo(bar, baz) x"), ("d3l", "|(bar, baz) x"),
                               ("$dh", "foo(bar, baz)|x"), ("2x", "|o(bar, baz) x"),
                               ("$2X", "foo(bar, baz|x"), ("fbd;", "foo(|az) x"), ("d1\x1b", "|" + text),
                               ("dq", "|" + text), ("d\x1b", "|" + text), ("dy", "|" + text),
                               ("$x", "foo(bar, baz)| "), ("dfz", "|) x")):
            with self.subTest(keys=keys):
                self.edit(text, (keys, expected))

    def test_changes_with_motions(self):
        text = "foo(bar, baz) x"
        for keys, expected in (("cwX", "X|(bar, baz) x"), ("c3wX", "X|, baz) x"), ("ccX", "X|"),
                               ("CX", "X|"), ("wSX", "X|"), ("sX", "X|oo(bar, baz) x"),
                               ("3sX", "X|(bar, baz) x"), ("f,cbX", "foo(X|, baz) x"),
                               ("ct,X", "X|, baz) x"), ("f cwX", "foo(bar,X|baz) x"),
                               ("IX", "X|foo(bar, baz) x"), ("AX", "foo(bar, baz) xX|"),
                               ("aX", "fX|oo(bar, baz) x"), ("wiX", "fooX|(bar, baz) x"),
                               ("RXYZ!", "XYZ!|bar, baz) x"), ("$RXYZ", "foo(bar, baz) XYZ|")):
            with self.subTest(keys=keys):
                self.edit(text, (keys, expected))

    def test_yank_and_put(self):
        self.edit("foo bar", ("ywP", "|foo foo bar"), ("$p", "foo foo bar|foo "))
        self.edit("foo bar", ("wye0P", "|barfoo bar"), ("3p", "b|barbarbararfoo bar"))
        self.edit("foo bar", ("wY0P", "|barfoo bar"))
        self.edit("ab", ("xp", "b|a"), ("yyP", "b|baa"))
        self.edit("foo bar", ("wyb", "|foo bar"), ("$p", "foo bar|foo "))

    def test_replace_and_case(self):
        self.edit("foo bar", ("rX", "|Xoo bar"), ("3rY", "YY|Y bar"), ("9rZ", "YY|Y bar"),
                  ("r\x1b", "YY|Y bar"), ("0~", "y|YY bar"), ("9~", "yyy BA|R"))

    def test_undo(self):
        self.edit("foo bar", ("dwd$", "|"), ("u", "|bar"), ("u", "|foo bar"), ("u", "|"), ("u", "|"))
        self.edit("foo bar", ("cwone<Backspace>X<Escape>", "on|X bar"), ("u", "|foo bar"))
        self.edit("foo bar", ("xxxU", "|"))

    def test_repeat(self):
        self.edit("a b c d e f g", ("dw", "|b c d e f g"), (".", "|c d e f g"), ("2.", "|e f g"),
                  ("u", "|c d e f g"), ("w.", "c |e f g"))
        self.edit("a b c d", ("cwXY<Escape>", "X|Y b c d"), ("w.", "XY X|Y c d"),
                  ("w..", "XY XY XX|Y d"))
        self.edit("aaaaaaaa", ("3x", "|aaaaa"), (".", "|aa"), ("1.", "|a"))
        self.edit("abc", ("ix<Escape>", "|xabc"), ("ll.", "xa|xbc"), ("A!<Escape>", "xaxbc|!"),
                  ("0.", "xaxbc!|!"))
        self.edit("a.b.c", ("df.", "|b.c"), (".", "|c"), (".", "|c"))
        self.edit("abcdef", ("rX", "|Xbcdef"), ("l.", "X|Xcdef"), ("l~", "XXC|def"), (".", "XXCD|ef"))
        self.edit("abc", ("yyp", "a|abcbc"), (".", "aa|abcbcbc"))
        self.edit("abc", (".", "|abc"))

    def test_repeat_of_a_paste(self):
        with self.demo() as t:
            t.type("i")
            t.key("Escape")
            t.type("a")
            t.paste("one\ttwo")
            t.key("Escape")
            t.type("0.")
            t.key("Enter")
            t.said('<line "ione\ttwoone\ttwo">')

    def test_insert_mode_keys(self):
        self.check(("one two<C-w>", "one |"), ("<Backspace C-h>", "on|"), ("<C-u>", "|"),
                   ("a<C-v C-a>b", "a^Ab|"), ("<C-y>", "a^Ab^Y|"))

    def test_moving_at_the_ends_keeps_the_cursor_on_a_character(self):
        self.edit("abc", ("h", "|abc"), ("$l", "ab|c"), ("w", "ab|c"), ("x", "a|b"), ("xx", "|"),
                  ("x", "|"), ("p", "|a"), ("P", "|aa"))

    def test_escape_in_command_mode_cancels(self):
        self.edit("abc", ("$<Escape Escape>", "ab|c"), ("2<Escape>x", "a|b"))

    def test_history_by_number_and_search_again(self):
        with self.demo() as t:
            for text in ("one x", "two", "three x", "four"):
                t.send("a " + text)
            t.key("Escape")
            for keys, line in (("G", "one x"), ("2G", "two"), ("+", "three x"), ("-", "two"),
                               ("/x\r", "three x"), ("n", "one x"), ("N", "three x"),
                               ("/four\r", "four"), ("?x\r", "four"), ("G?x\r", "one x")):
                t.type(keys)
                t.wait_for(lambda line=line: t.at()[0] == "> " + line)


if __name__ == "__main__":
    unittest.main()
