"""Bars of progress on a terminal in memory: at the bottom, with all output above them, whole."""

import os
import re
import shutil
import tempfile
import time
import unittest

from terminal import Terminal

PROGRAM = os.environ["SANDBOX"]

# A script waits at go() until the test lets it go on.
GO = """
local gate = assert(io.open("/dev/fd/%d"))
local function go() return gate:read("l") end
"""

BAR = r"^(\w+ +)?(\d+)% \|[^|]*\| +(\d+)/(\d+)"


def bar(line):
    """(label, percent, count, total) of a row that is a bar; else None."""
    found = re.match(BAR, line)
    return found and ((found.group(1) or "").strip(), *map(int, found.groups()[1:]))


class Gated(unittest.TestCase):
    """Scripts and the prompt have a gate, through which the test lets them go."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="bars-")
        self.addCleanup(shutil.rmtree, self.folder)
        reading, self.writing = os.pipe()
        self.reading = reading
        self.addCleanup(os.close, self.writing)
        self.addCleanup(os.close, reading)

    def script(self, text):
        path = os.path.join(self.folder, "script.lua")
        with open(path, "w", encoding="utf-8") as f:
            f.write(GO % self.reading + text)
        return path

    def start(self, text, *options, **where):
        t = Terminal([PROGRAM, *options, self.script(text)], pass_fds=(self.reading,), **where)
        self.addCleanup(t.close)
        return t

    def go(self):
        os.write(self.writing, b"\n")


class Bars(Gated):
    """Below what is printed, of a script."""

    def shows(self, t, output, *bars):
        """Until the screen is these lines of output, the row of the cursor, and these bars."""
        def there():
            lines = t.lines()
            while lines and not lines[-1]:
                lines.pop()
            shown = [bar(line) for line in lines[len(output):]]
            row = t.cursor()[0]
            wanted = [None] * (row + 1 - len(output)) + list(bars)
            return lines[:len(output)] == list(output) and shown == wanted
        try:
            t.wait_for(there)
        except AssertionError:
            raise AssertionError("expected %r, and %r, but the screen is\n%s"
                                 % (output, bars, t.picture())) from None

    # -- where things stand

    def test_a_bar_stands_below_output(self):
        for columns in (40, 80):
            with self.subTest(columns=columns):
                t = self.start("""
                    print("first")
                    local bar <close> = sandbox.progress { total = 8, label = "work" }
                    go() bar:add() print("second")
                    go() bar:set(6)
                    go() bar:set(2)
                """, columns=columns)
                self.shows(t, ["first"], ("work", 0, 0, 8))
                self.assertEqual(t.cursor(), (1, 0))
                self.go()
                self.shows(t, ["first", "second"], ("work", 12, 1, 8))
                self.assertEqual(t.cursor(), (2, 0))
                self.assertTrue(all(len(line) < columns for line in t.lines()), t.picture())
                self.go()
                self.shows(t, ["first", "second"], ("work", 75, 6, 8))
                self.go()
                self.assertEqual(t.exit_status(), 0)
                self.assertEqual([bar(line) for line in t.all_lines()], [None, None, ("work", 25, 2, 8)])
                self.assertTrue(t.all_lines()[2].endswith("stopped"), t.picture())
                self.assertEqual(t.cursor(), (3, 0))

    def test_a_line_may_be_unfinished(self):
        t = self.start("""
            local bar <close> = sandbox.progress { total = 2, label = "work" }
            io.write("one, ") io.flush()
            go() io.write("two") io.flush()
            go() io.stderr:write(", three") bar:add()
            go() print(".")
            go()
        """)
        for text, count in (("one,", 0), ("one, two", 0), ("one, two, three", 1), ("one, two, three.", 1)):
            self.shows(t, [text], ("work", 50 * count, count, 2))
            self.go()
        self.assertEqual(t.exit_status(), 0)
        self.assertEqual(t.all_lines()[0], "one, two, three.")

    def test_a_program_has_the_terminal_alone(self):
        """os.execute: what the program prints is not overwritten, and no bar stands in it."""
        wait = os.path.join(self.folder, "go-on")
        t = self.start("""
            print("first")
            local bar <close> = sandbox.progress { total = 8, label = "work" }
            bar:add() go()
            os.execute("echo one; while [ ! -e '%s' ]; do sleep 0.05; done; echo two")
            go()
        """ % wait)
        self.shows(t, ["first"], ("work", 12, 1, 8))
        self.go()
        t.wait_for("one")
        for _ in range(5):  # some looks of the supervisor
            time.sleep(0.1)
            t.look()
            self.assertEqual([l for l in t.lines() if l], ["first", "one"])
        with open(wait, "w", encoding="ascii"):
            pass
        self.shows(t, ["first", "one", "two"], ("work", 12, 1, 8))
        self.go()
        self.assertEqual(t.exit_status(), 0)
        self.assertEqual(t.all_lines()[:3], ["first", "one", "two"])

    def test_what_is_typed_stands_above(self):
        t = self.start("""
            local bar <close> = sandbox.progress { total = 2, label = "work" }
            io.write("Name? ") io.flush()
            local name = io.read()
            bar:add()
            print("Hello " .. name)
            go()
        """)
        self.shows(t, ["Name?"], ("work", 0, 0, 2))
        self.assertEqual(t.cursor(), (0, 6))
        t.type("ab")
        t.wait_for(lambda: t.lines()[0] == "Name? ab")
        t.type("c\n")
        self.shows(t, ["Name? abc", "Hello abc"], ("work", 50, 1, 2))
        self.go()
        self.assertEqual(t.exit_status(), 0)
        self.assertEqual(t.all_lines()[:2], ["Name? abc", "Hello abc"])

    def test_output_of_many_is_whole_and_in_order(self):
        text = """
            local bar <close> = sandbox.progress { total = 400, label = "work" }
            local list = {}
            for w = 1, 4 do
              list[w] = spawn(function()
                for i = 1, 100 do
                  io.write(("worker %d line %d "):format(w, i), ("x"):rep(i % 50), "\\n")
                  bar:add()
                  if i % 10 == 0 then sleep(0.05) end
                end
              end)
            end
            sandbox.join_all(list)
            go()
        """
        for options in ((), ("--output", "tag")):
            with self.subTest(options=options):
                t = self.start(text, *options)
                t.wait_for(lambda: bar(t.lines()[-1]) == ("work", 100, 400, 400))
                self.go()
                self.assertEqual(t.exit_status(), 0)
                seen = {w: 0 for w in range(1, 5)}
                for line in t.all_lines()[:-1]:
                    found = re.fullmatch(r"(?:\[\S+#\d+\] )?worker (\d) line (\d+) ?(x*)", line)
                    self.assertTrue(found, (line, t.picture()))
                    w, i = int(found.group(1)), int(found.group(2))
                    self.assertEqual(i, seen[w] + 1)
                    self.assertEqual(len(found.group(3)), i % 50)
                    seen[w] = i
                self.assertEqual(set(seen.values()), {100})
                self.assertEqual(bar(t.all_lines()[-1]), ("work", 100, 400, 400))

    def test_more_bars_than_the_screen_has_rows(self):
        t = self.start("""
            local bars = {}
            for i = 1, 30 do bars[i] = sandbox.progress { total = 30, label = ("b%d"):format(i) } bars[i]:set(i) end
            print("ready")
            go() print("one more line")
            go() for i = 1, 28 do bars[i]:close() end
            go()
        """)

        def shown():
            return [bar(line) for line in t.lines()[2:23]]
        first = [("b%d" % i, 100 * i // 30, i, 30) for i in range(1, 22)]
        t.wait_for(lambda: t.lines()[:2] == ["ready", ""] and shown() == first and t.lines()[23] == "+ 9 more" and
                   t.cursor() == (1, 0))
        self.go()
        t.wait_for(lambda: t.all_lines()[:2] == ["ready", "one more line"] and shown() == first and
                   t.lines()[23] == "+ 9 more" and t.cursor() == (1, 0))
        self.go()
        t.wait_for(lambda: [bar(line) for line in t.lines()[-2:]] == [("b29", 96, 29, 30), ("b30", 100, 30, 30)])
        self.assertEqual([bar(line) for line in t.all_lines()[2:30]],
                         [("b%d" % i, 100 * i // 30, i, 30) for i in range(1, 29)])
        self.go()
        self.assertEqual(t.exit_status(), 0)
        self.assertEqual([bar(line) for line in t.all_lines()[-2:]], [("b29", 96, 29, 30), ("b30", 100, 30, 30)])

    def test_the_end_stands_above_what_is_printed_next(self):
        t = self.start("""
            for i = 1, 20 do
              local bar <close> = sandbox.progress { total = i, label = "bar" .. i }
              bar:add(i)
              bar:close()
              print("after " .. i)
            end
        """)
        self.assertEqual(t.exit_status(), 0)
        self.assertEqual([bar(line) or line for line in t.all_lines()],
                         [x for i in range(1, 21) for x in (("bar%d" % i, 100, i, i), "after %d" % i)])

    # -- ends

    def test_a_process_with_a_bar_is_killed(self):
        t = self.start("""
            local own <close> = sandbox.progress { total = 4, label = "own" }
            local ready = queue()
            local p = spawn({ quiet = true }, function()
              local bar <close> = sandbox.progress { total = 10, label = "child" }
              bar:add(3)
              ready:put(true)
              sleep(1000)
            end)
            ready:get()
            go() p:kill() p:join()
            go() own:add(2)
            go()
        """)
        self.shows(t, [], ("own", 0, 0, 4), ("child", 30, 3, 10))
        self.go()

        def ended():
            lines = t.lines()
            return bar(lines[0]) == ("child", 30, 3, 10) and lines[1] == "" and bar(lines[2]) == ("own", 0, 0, 4)
        t.wait_for(ended)
        self.assertTrue(t.lines()[0].endswith("stopped"), t.picture())
        self.go()
        t.wait_for(lambda: bar(t.lines()[2]) == ("own", 50, 2, 4))
        self.go()
        self.assertEqual(t.exit_status(), 0)
        self.assertEqual([bar(line) for line in t.all_lines()], [("child", 30, 3, 10), ("own", 50, 2, 4)])

    def test_ctrl_c(self):
        t = self.start("""
            local bar <close> = sandbox.progress { total = 4, label = "work" }
            local ready = queue()
            local p = spawn({ name = "sleep" }, function() ready:put(true) sleep(1000) end)
            ready:get()
            bar:add()
            p:join()
        """)
        self.shows(t, [], ("work", 25, 1, 4))
        t.key("C-c")  # perhaps before main waits in join, and its child in sleep
        self.assertEqual(t.exit_status(), 130)
        lines = t.all_lines()
        self.assertEqual([bar(line.removeprefix("^C")) for line in lines if "work" in line], [("work", 25, 1, 4)])
        self.assertRegex("".join(lines),  # lines are broken where they are full, perhaps at a blank
                         r"stoppedsandbox: interrupted: main ?(in join ?at \S+|running); ?sleep#2 ?(in sleep ?at ?\S+|running)$")

    def test_the_run_ends_with_open_bars(self):
        t = self.start("""
            bars = {}
            for i = 1, 3 do bars[i] = sandbox.progress { total = 4, label = "b" .. i } bars[i]:add(i) end
            spawn({ daemon = true }, function() local own = sandbox.progress { label = "endless" } own:add(7) sleep(1000) end)
            go() print("last words")
            os.exit(7)
        """)
        t.wait_for("endless")
        self.go()
        self.assertEqual(t.exit_status(), 7)
        lines = t.all_lines()
        self.assertEqual(lines[0], "last words")
        self.assertEqual(sorted(bar(line) for line in lines[1:] if bar(line)),  # they close one after the other
                         [("b1", 25, 1, 4), ("b2", 50, 2, 4), ("b3", 75, 3, 4)])
        self.assertEqual(sum(bool(re.match(r"endless +7 ", line)) for line in lines), 1)
        self.assertEqual((len(lines), t.cursor()), (5, (5, 0)))

    def test_failures_are_reported_above(self):
        t = self.start("""
            local bar <close> = sandbox.progress { total = 4, label = "work" }
            spawn(error, "boom")
            go()
        """)
        t.wait_for("spawned at")
        t.wait_for(lambda: bar(t.lines()[t.cursor()[0] + 1]) == ("work", 0, 0, 4))
        self.go()
        self.assertEqual(t.exit_status(), 3)
        lines = t.all_lines()
        self.assertRegex(lines[0], r"^sandbox: boom \(process ")
        self.assertEqual(bar(lines[-1]), ("work", 0, 0, 4))

    # -- the terminal

    def test_other_sizes(self):
        t = self.start("""
            local bar <close> = sandbox.progress { total = 4, label = "work" }
            local other <close> = sandbox.progress { total = 8, label = "other" }
            print("a line")
            go()
        """)
        self.shows(t, ["a line"], ("work", 0, 0, 4), ("other", 0, 0, 8))
        for columns, rows in ((40, 24), (120, 10), (30, 3), (80, 24)):
            t.resize(columns, rows)
            wanted = [("work", 0, 0, 4), ("other", 0, 0, 8)] if rows > 3 else ["+ 2 more"]

            def there():
                below = t.lines()[t.cursor()[0] + 1:]
                return [bar(line) or line for line in below if line] == wanted
            t.wait_for(there)
            self.assertTrue(all(len(line) < columns for line in t.lines()), t.picture())
            above = t.lines()[:t.cursor()[0] + 1]
            self.assertEqual([line for line in above if line and line != "a line"], [], t.picture())
        self.go()
        self.assertEqual(t.exit_status(), 0)

    def test_without_utf_8(self):
        t = self.start("""
            local bar <close> = sandbox.progress { total = 2, label = "wörk \\xff" }
            bar:add()
            go()
        """, env={"LC_ALL": "C"})
        t.wait_for(lambda: re.match(r"^w\?rk \?  50% \[#+-+\]  1/2", t.lines()[1]))
        self.assertTrue(all(byte < 0x80 for byte in t.raw))
        self.go()
        self.assertEqual(t.exit_status(), 0)

    def test_dumb_terminal_gets_lines(self):
        t = self.start("""
            local bar <close> = sandbox.progress { total = 2, label = "work" }
            bar:add()
            go()
        """, env={"TERM": "dumb"})
        t.wait_for("work: 50% 1/2, ")
        self.go()
        self.assertEqual(t.exit_status(), 0)
        self.assertNotIn(b"\033", t.raw)
        self.assertIn("stopped", t.all_lines()[-1])

    def test_ten_drawings_a_second_and_no_more(self):
        t = self.start("""
            local bar <close> = sandbox.progress { total = 2^53, label = "work" }
            local stop = sandbox.now() + 1.5
            repeat bar:add() until sandbox.now() > stop
        """)
        begun = time.monotonic()
        self.assertEqual(t.exit_status(), 0)
        seconds = time.monotonic() - begun
        drawings = t.raw.count(b"\0337")
        self.assertLessEqual(drawings, 11 * seconds + 3)
        self.assertGreater(drawings, 2)

    def test_ctrl_z_and_fg(self):
        script = self.script("""
            local bar <close> = sandbox.progress { total = 4, label = "work" }
            print("running")
            go() bar:add() print("again")
            go()
        """)
        t = Terminal(["bash", "--norc", "--noprofile", "-i"], env={"PS1": "$ "}, pass_fds=(self.reading,))
        self.addCleanup(t.close)
        t.wait_for_prompt("$ ")
        t.line("%s %s" % (PROGRAM, script))
        t.wait_for(lambda: "running" in t.lines() and bar(t.lines()[t.cursor()[0] + 1]) == ("work", 0, 0, 4))
        t.key("C-z")
        t.wait_for("Stopped")
        t.wait_for_prompt("$ ")
        self.assertEqual([line for line in t.lines() if bar(line)], [], t.picture())
        t.line("echo from the shell")
        t.wait_for(lambda: "from the shell" in t.all_lines())
        t.line("fg")
        t.wait_for(lambda: bar(t.lines()[t.cursor()[0] + 1]) == ("work", 0, 0, 4))
        self.go()
        t.wait_for(lambda: "again" in t.lines() and bar(t.lines()[t.cursor()[0] + 1]) == ("work", 25, 1, 4))
        self.go()
        t.wait_for_prompt("$ ")
        self.assertEqual([bar(line) for line in t.lines() if bar(line)], [("work", 25, 1, 4)])

    def test_in_the_background_it_draws_nothing(self):
        script = self.script("""
            local bar <close> = sandbox.progress { total = 4, label = "work" }
            bar:add()
            print("in the background")
            go()
        """)
        t = Terminal(["bash", "--norc", "--noprofile", "-i"], env={"PS1": "$ "}, pass_fds=(self.reading,))
        self.addCleanup(t.close)
        t.wait_for_prompt("$ ")
        t.line("%s %s &" % (PROGRAM, script))
        t.wait_for("in the background")
        t.line("fg")
        t.wait_for(lambda: bar(t.lines()[t.cursor()[0] + 1]) == ("work", 25, 1, 4))
        self.assertNotIn(b"\0337", t.raw[:t.raw.index(b"fg\r\n")])
        self.go()
        t.wait_for_prompt("$ ")


class AtThePrompt(Gated):
    """Bars stand above the line that is typed."""

    def prompt(self, **where):
        t = Terminal([PROGRAM], pass_fds=(self.reading,), **where)
        self.addCleanup(t.close)
        t.wait_for_prompt()
        t.line((GO % self.reading).replace("\n", " ").replace("local ", ""))
        t.wait_for_prompt()
        t.line('print(("-"):rep(9))')
        t.wait_for("-" * 9)
        t.wait_for_prompt()
        return t

    def ends(self, t, *expected):
        """Until the screen ends with these lines and bars."""
        def there():
            lines = t.all_lines()[-len(expected):]
            return [bar(line) or line for line in lines] == list(expected)
        try:
            t.wait_for(there)
        except AssertionError:
            raise AssertionError("expected %r at the end, but the screen is\n%s" % (expected, t.picture())) from None

    def test_while_a_chunk_runs_and_after(self):
        for columns in (40, 80):
            with self.subTest(columns=columns):
                t = self.prompt(columns=columns)
                t.line("b = sandbox.progress { total = 4, label = 'work' } go() print('one') b:add() io.write('two, ') io.flush() go() print('three')")
                self.ends(t, ("work", 0, 0, 4))
                self.go()
                self.ends(t, "one", ("work", 25, 1, 4), "two,")
                t.type("typed")
                self.ends(t, "one", ("work", 25, 1, 4), "two, typed")
                t.key("C-u")
                self.ends(t, "one", ("work", 25, 1, 4), "two,")
                self.go()
                self.ends(t, "one", "two, three", ("work", 25, 1, 4), ">")
                t.wait_for_prompt()
                t.line("b:set(3)")
                self.ends(t, ("work", 75, 3, 4), ">")
                t.type("print(1")
                self.ends(t, ("work", 75, 3, 4), "> print(1")
                t.line(")")
                self.ends(t, "> print(1)", "1", ("work", 75, 3, 4), ">")
                t.wait_for_prompt()
                t.line("b:close() print('after')")
                self.ends(t, ("work", 75, 3, 4), "after", ">")
                self.assertTrue(t.all_lines()[-3].endswith("stopped"), t.picture())
                self.assertEqual(sum(line.startswith("work") for line in t.all_lines()), 1, t.picture())
                t.wait_for_prompt()
                t.key("C-d")
                self.assertEqual(t.exit_status(), 0)

    def test_processes_print_meanwhile(self):
        t = self.prompt()
        t.line("b = sandbox.progress { total = 100, label = 'work' } for w = 1, 4 do spawn(function() "
               "for i = 1, 25 do print('line', i) b:add() sleep(0.01) end end) end")
        self.ends(t, ("work", 100, 100, 100), ">")
        lines = t.all_lines()
        for w in range(1, 5):
            own = [l for l in lines if re.match(r"\[\S+#%d\] line" % (w + 1), l)]
            self.assertEqual([l.split()[-1] for l in own], [str(i) for i in range(1, 26)], t.text())
        self.assertEqual(sum("work" in line for line in lines[-101:]), 1, t.text())

    def test_a_killed_process(self):
        t = self.prompt()
        t.line("p = spawn({quiet = true, name = 'child'}, function() local b = sandbox.progress { label = 'child', total = 3 } b:add(2) sleep(1000) end)")
        self.ends(t, ("child", 66, 2, 3), ">")
        t.line(":kill child")
        self.ends(t, ("child", 66, 2, 3), ">")
        t.wait_for(lambda: any(line.endswith("stopped") for line in t.all_lines()))
        self.assertEqual(sum(bar(line) is not None for line in t.all_lines()), 1, t.picture())

    def test_a_bar_turns_into_a_line_at_once(self):
        """It is not seen twice, nor not at all."""
        t = self.prompt()
        t.line("p = spawn(function() local b <close> = sandbox.progress { total = 4, label = 'work' } b:add() go() end)")
        self.ends(t, ("work", 25, 1, 4), ">")
        t.type("x")
        self.ends(t, ("work", 25, 1, 4), "> x")
        start = len(t.raw)
        self.go()
        t.wait_for(lambda: b"stopped" in t.raw[start:])
        self.ends(t, "> x")
        t.type("y")
        t.wait_for_prompt("> xy")
        before, _, after = bytes(t.raw[start:]).partition(b"stopped")
        self.assertNotIn(b"work", after)
        self.assertEqual(before.rpartition(b"\033[J")[2].count(b"work"), 1, before)

    def test_no_bar_counts_what_is_not_shown_yet(self):
        t = self.prompt()
        t.line("b = sandbox.progress { label = 'work' } stop = sandbox.now() + 1.5 list = {} for w = 1, 4 do list[w] = spawn("
               "function() repeat print('a line') b:add() sleep(0.001) until sandbox.now() > stop end) end sandbox.join_all(list) "
               "print('the' .. ' end')")
        t.said("the end")
        shown, drawn = 0, 0
        for what, count in re.findall(rb"(a line\r|work +(\d+) )", bytes(t.raw)):
            shown += not count
            drawn += bool(count)
            self.assertLessEqual(int(count or 0), shown)
        self.assertGreater(drawn, 5)

    def test_ctrl_c_ctrl_d_and_objects(self):
        t = self.prompt()
        t.line("b = sandbox.progress { total = 4, label = 'work' } b:add() sleep(1000)")
        self.ends(t, ("work", 25, 1, 4))
        t.key("C-c")
        t.wait_for("interrupted")
        self.ends(t, ("work", 25, 1, 4), ">")
        t.line("objects()")
        t.wait_for(lambda: any(re.search(r"progress +work +1 of 4", line) for line in t.all_lines()))
        self.ends(t, ("work", 25, 1, 4), ">")
        t.key("C-d")
        self.assertEqual(t.exit_status(), 0)
        self.assertEqual(bar(t.all_lines()[-1]), ("work", 25, 1, 4))
        self.assertTrue(t.all_lines()[-1].endswith("stopped"), t.picture())

    def test_ctrl_z_and_fg(self):
        t = Terminal(["bash", "--norc", "--noprofile", "-i"], env={"PS1": "$ "})
        self.addCleanup(t.close)
        t.wait_for_prompt("$ ")
        t.line(PROGRAM)
        t.wait_for_prompt()
        t.line("b = sandbox.progress { total = 4, label = 'work' }")
        self.ends(t, ("work", 0, 0, 4), ">")
        t.key("C-z")
        t.wait_for("Stopped")
        t.wait_for_prompt("$ ")
        self.assertEqual([line for line in t.lines() if bar(line)], [], t.picture())
        t.line("fg")
        self.ends(t, ("work", 0, 0, 4), ">")

    def test_other_sizes_and_many(self):
        t = self.prompt()
        t.line("bs = {} for i = 1, 30 do bs[i] = sandbox.progress { total = 30, label = 'b' .. i } bs[i]:set(i) end")
        first = [("b%d" % i, 100 * i // 30, i, 30) for i in range(1, 21)]
        self.ends(t, *first, "+ 10 more", ">")
        t.resize(40, 10)
        self.ends(t, *first[:6], "+ 24 more", ">")
        self.assertTrue(all(len(line) < 40 for line in t.lines()), t.picture())

    def test_dumb(self):
        t = Terminal([PROGRAM], env={"TERM": "dumb"})
        self.addCleanup(t.close)
        t.wait_for_prompt()
        t.type("b = sandbox.progress { total = 4, label = 'work' } b:add()\n")
        t.wait_for("work: 25% 1/4")
        t.type("b:close()\n")
        t.wait_for(lambda: any(line.endswith("stopped") for line in t.all_lines()))
        self.assertNotIn(b"\033", t.raw)


if __name__ == "__main__":
    unittest.main()
