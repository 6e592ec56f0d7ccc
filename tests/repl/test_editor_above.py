"""Rows above the prompt that are no output: bars of progress."""

import unittest

from demo import Demo


class Above(unittest.TestCase):
    def above(self, t, *rows):
        t.send("b " + "\\n".join(rows))

    def shows(self, t, expected, cursor):
        """Until the screen is these lines, and the cursor is there."""
        t.wait_for_screen(expected)
        t.wait_for(lambda: t.cursor() == cursor)

    def test_they_stand_above_the_prompt(self):
        with Demo() as t:
            self.above(t, "one 10%", "two 20%")
            self.shows(t, ["one 10%", "two 20%", ">"], (2, 2))
            t.type("abc")
            self.shows(t, ["one 10%", "two 20%", "> abc"], (2, 5))
            self.above(t, "one 30%", "two 20%", "three")
            self.shows(t, ["one 30%", "two 20%", "three", "> abc"], (3, 5))
            t.output("news\n")
            self.shows(t, ["news", "one 30%", "two 20%", "three", "> abc"], (4, 5))
            self.above(t, "three")
            self.shows(t, ["news", "three", "> abc"], (2, 5))
            self.above(t)
            self.shows(t, ["news", "> abc"], (1, 5))

    def test_a_finished_line_leaves_them(self):
        with Demo() as t:
            self.above(t, "row")
            t.type("abc\r")
            self.shows(t, ["> abc", '<line "abc">', "row", ">"], (3, 2))
            t.type("x")
            t.key("C-c")
            self.shows(t, ["> abc", '<line "abc">', "> x^C", '<interrupt "x">', "row", ">"], (5, 2))

    def test_half_a_line_of_output_waits(self):
        with Demo() as t:
            self.above(t, "row")
            t.output("half")
            t.output(" more\nnext")
            self.shows(t, ["half more", "row", ">"], (2, 2))
            t.send("f")
            self.shows(t, ["half more", "next", "row", ">"], (3, 2))

    def test_without_a_prompt_output_ends_below_them(self):
        with Demo() as t:
            t.send("p ")
            t.output("first\n")
            self.above(t, "row 1")
            self.shows(t, ["first", "row 1"], (2, 0))
            t.output("Name? ")
            self.shows(t, ["first", "row 1", "Name?"], (2, 6))
            self.above(t, "row 2")
            self.shows(t, ["first", "row 2", "Name?"], (2, 6))
            t.output("quick, ")
            self.shows(t, ["first", "row 2", "Name? quick,"], (2, 13))
            t.type("Ann")
            self.shows(t, ["first", "row 2", "Name? quick, Ann"], (2, 16))
            t.output("meanwhile\n")
            self.shows(t, ["first", "meanwhile", "row 2", "Name? quick, Ann"], (3, 16))
            t.type("\r")
            self.shows(t, ["first", "meanwhile", "Name? quick, Ann", '<line "Ann">', "row 2"], (5, 0))
            self.above(t)
            t.output("end")
            self.shows(t, ["first", "meanwhile", "Name? quick, Ann", '<line "Ann">', "end"], (4, 3))

    def test_a_line_that_draws_itself_has_none_below(self):
        with Demo() as t:
            t.send("p ")
            self.above(t, "row")
            t.output("step 1\r")
            t.wait_for(lambda: t.lines()[0] == "step 1")
            self.assertEqual(t.lines()[1], "")
            t.output("step 2\r")
            t.wait_for(lambda: t.lines()[0] == "step 2")
            t.output("done  \n")
            self.shows(t, ["done", "row"], (2, 0))

    def test_the_prompt_keeps_its_colours(self):
        with Demo("--color") as t:
            t.send("p \\e[31mred\\e[m> ")
            t.wait_for_prompt("red> ")
            self.above(t, "row")
            self.shows(t, ["row", "red>"], (1, 5))
            colors = [[t.screen.buffer[y][x].fg for x in range(4)] for y in range(2)]
            self.assertEqual(colors, [["default"] * 4, ["red"] * 3 + ["default"]])
            self.assertFalse(t.screen.buffer[0][0].bold)

    def test_more_rows_than_the_screen(self):
        with Demo(rows=6) as t:
            self.above(t, *["row %d" % i for i in range(10)])
            self.shows(t, ["row %d" % i for i in range(5, 10)] + [">"], (5, 2))
            t.output("news\n")
            t.type("a\r")
            t.wait_for(lambda: '<line "a">' in t.all_lines())
            self.above(t)
            t.wait_for(lambda: t.all_lines() == ["news", "> a", '<line "a">', ">"])

    def test_other_sizes(self):
        with Demo() as t:
            self.above(t, "r" * 30, "s" * 30)
            t.type("abc")
            self.shows(t, ["r" * 30, "s" * 30, "> abc"], (2, 5))
            t.resize(20, 24)
            self.above(t, "r" * 15, "s" * 15)
            self.shows(t, ["r" * 15, "s" * 15, "> abc"], (2, 5))
            t.resize(80, 24)
            self.above(t, "r" * 30, "s" * 30)
            self.shows(t, ["r" * 30, "s" * 30, "> abc"], (2, 5))

    def test_another_program_and_a_stop(self):
        with Demo() as t:
            self.above(t, "row")
            self.shows(t, ["row", ">"], (1, 2))
            t.send("z")
            t.wait_for_screen([])
            self.above(t, "another row")
            t.wait_for_screen([])
            t.send("g")
            self.shows(t, ["another row", ">"], (1, 2))
            t.send("q")
            t.wait_for("bye")
            self.assertEqual(t.all_lines(), ['<stop "">', "bye"])

    def test_dumb(self):
        with Demo("--dumb", dumb=True, prompt="> ") as t:
            self.above(t, "row")
            t.output("news\n")
            t.wait_for("news")
            self.assertNotIn("row", t.text())


if __name__ == "__main__":
    unittest.main()
