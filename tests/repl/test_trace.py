"""What happened, at the prompt: charts, numbers, marks, files. The real program, on a terminal in memory."""

import json
import os
import re
import time
import unittest
import xml.dom.minidom

from terminal import PromptCase, Terminal

PROGRAM = os.environ["SANDBOX"]


class Trace(PromptCase):
    def row(self, chart, name):
        """The cells of a process in a chart."""
        rows = [l for l in chart if re.match(re.escape(name) + r"(\s|$)", l)]
        self.assertEqual(len(rows), 1, "\n".join(chart))
        axis = next(l for l in chart if "├" in l)
        return rows[0][axis.index("├"):]

    # -- timeline

    def test_timeline_of_the_last_chunk(self):
        t = self.start(columns=80)
        self.assertEqual(self.run_line(t, "timeline()"), ["timeline: nothing has been done yet"])
        self.run_line(t, "p = spawn({name='long'}, sleep, 0.4) q = spawn({name='short'}, sleep, 0.2) p:join()")
        for _ in range(2):  # what shows something is not shown
            chart = self.run_line(t, "timeline()")
            self.assertRegex(chart[0], r"^p = spawn.*…: 3 processes, \d+ms; one by one: .*\(1\.\dx\)$")
            main, long, short = [self.row(chart, name) for name in ("main", "long#2", "short#3")]
            self.assertRegex(main, r"^[^░]*░{20,}[^░]*$")  # a join
            self.assertRegex(long, r"^[^·]*·{20,}[^·]*$")
            self.assertLess(short.count("·"), long.count("·") * 0.7)
            self.assertEqual(chart[-1], "█ runs  · sleeps  ░ waits in join")
            self.assertTrue(all(len(l) <= 80 for l in chart))
            self.run_line(t, "x = 1")  # what does nothing neither
            self.run_line(t, "ps()")
        self.run_line(t, ":timeline")
        self.assertIn("long#2", t.text())

    def test_timeline_in_a_narrow_terminal_without_colors(self):
        t = self.start("--color=never", columns=40)
        self.run_line(t, "spawn(sleep, 0.2):join()")
        chart = self.run_line(t, "timeline()")
        self.assertTrue(all(len(l) <= 40 for l in chart))
        self.assertRegex(self.row(chart, "main"), r"░{10,}")
        self.assertEqual(len([c for c in chart[2] if c in "├┼"]), 5)

    def test_a_terminal_that_shows_no_utf8(self):
        t = self.start(env={"LC_ALL": "C"})
        self.run_line(t, "sleep(0.2)")
        chart = self.run_line(t, "timeline()")
        self.assertRegex(chart[3], r"^main .*\.{40,}")
        self.assertTrue("\n".join(chart).isascii())

    def test_what_a_chunk_left_running_is_in_it(self):
        t = self.start()
        self.run_line(t, "q = queue() p = spawn({name='reader'}, function() q:get() end)")

        def drawn():
            chart = self.run_line(t, "timeline()")
            return len(self.row(chart, "main")) < 5 and chart  # at the prompt, nothing is drawn
        chart = t.wait_for(drawn)
        self.assertRegex(self.row(chart, "reader#2"), r"▒{40,}$")  # it waits, until now
        self.run_line(t, "q:put(1) p:join()")
        chart = self.run_line(t, "timeline()")
        self.assertRegex(chart[0], r"^q:put\(1\) p:join\(\): 2 processes, ")

    def test_timeline_of_the_last_seconds(self):
        t = self.start()
        self.run_line(t, "sleep(0.3)")
        time.sleep(0.5)
        chart = self.run_line(t, "timeline(0.4)")
        self.assertRegex(chart[0], r"^the last ([4-9]\d\dms|\d\.\d\ds): 1 process, \1$")
        self.assertNotIn("·", self.row(chart, "main"))
        chart = self.run_line(t, ":timeline 60")
        self.assertRegex(chart[0], r"^the last (\d\.\d\ds|\d+ms): ")  # so long is the run
        self.assertIn("·", self.row(chart, "main"))
        self.assertEqual(self.run_line(t, "timeline(0)"), ["timeline: the seconds must be a number above 0"])
        self.assertEqual(self.run_line(t, ":timeline x"), ["timeline: the seconds must be a number above 0"])
        self.assertEqual(self.run_line(t, ":timeline -1"), ["timeline: the seconds must be a number above 0"])

    def test_timeline_of_a_chunk_that_runs(self):
        t = self.start()
        self.run_line(t, "q = queue{max=2, name='jobs'}")
        self.run_line(t, "w = spawn({name='writer', daemon=true}, function() for i = 1, 9 do q:put(i) end end)")
        t.line("queue():get()")
        t.line(":timeline")
        t.wait_for("queue():get(): 2 processes, ")
        t.wait_for(lambda: re.search(r"^jobs#1 max 2 +.*█{20,}$", t.text(), re.M))  # the writer may begin late
        t.wait_for(lambda: re.search(r"^main .*▒{20,}$", t.text(), re.M))
        t.line(":stats")
        t.wait_for(lambda: re.search(r"^put jobs#1 .*repl:2:1$", t.text(), re.M))
        t.line(":marks")
        t.wait_for("no marks: ")
        t.line(":timeline {}")  # an expression is the session's
        t.wait_for("timeline: the seconds must be a number above 0")
        t.key("C-c")
        t.wait_for_prompt()

    def test_timeline_of_a_chunk_that_computes(self):
        t = self.start()
        t.line("while true do end")
        t.line(":timeline")
        t.wait_for(lambda: re.search(r"^main +█{40,}$", t.text(), re.M))
        t.key("C-c")
        t.wait_for("interrupted!")
        t.wait_for_prompt()

    def test_a_script_before_the_prompt(self):
        t = self.start("-i", "-e", "spawn({name='child'}, sleep, 0.2):join()", columns=140)  # the title may tell more
        chart = self.run_line(t, "timeline()")
        self.assertIn("sandbox -e 'spawn(", chart[0])
        self.assertIn("░", self.row(chart, "main"))

    def test_a_session_that_starts_again(self):
        t = self.start()
        self.run_line(t, "p = spawn({name='survivor'}, sleep, 100)")
        t.line("require 'sandbox' os.execute('kill -KILL ' .. sandbox.getpid())")
        t.wait_for("starts again")
        t.wait_for_prompt()
        self.run_line(t, "spawn({name='new'}, sleep, 0.1):join()")
        chart = self.run_line(t, "timeline()")
        self.assertRegex("\n".join(chart), r"(?m)^new#\d")
        self.assertRegex("\n".join(chart), r"(?m)^survivor#2 +·")
        chart = self.run_line(t, "timeline(60)")
        self.assertRegex("\n".join(chart), r"(?m)^main .*✗")

    def test_speed(self):
        t = self.start("--speed=100")
        self.run_line(t, "sleep(20)")
        chart = self.run_line(t, "timeline()")
        self.assertRegex(chart[0], r"^sleep\(20\): 1 process, 2\d\.\ds at --speed 100")

    def test_watched(self):
        t = self.start()
        self.run_line(t, "q = queue() w = spawn({name='writer'}, function() while true do q:put(1) sleep(0.05) end end)")
        t.line("for v in q:items() do sleep(0.02) end")
        t.line(":watch timeline() 0.1")
        t.wait_for(lambda: t.lines()[0].startswith("for v in q:items()") and "any key ends this" in t.lines())
        first = t.lines()[0]
        t.wait_for(lambda: t.lines()[0] != first)  # it goes on
        t.type("x")
        t.said("\033[?1049l")  # what was there before comes back, which pyte does not do
        t.key("C-c")
        t.wait_for("interrupted!")
        t.wait_for_prompt()

        def waits_too():
            """main does; its row is whole when the one below it has begun."""
            rows = re.search(r"^main(.*)\nwriter", t.text(), re.M)
            return rows and "█" not in rows.group(1)[-8:]
        for line in ("watch('timeline(2)', 0.1)", ":watch timeline(2)"):
            t.line(line)
            t.wait_for(lambda: t.lines()[0].startswith("the last ") and "any key ends this" in t.lines())
            t.wait_for(waits_too)
            t.type("x")
            t.wait_for_prompt()
        self.assertEqual(self.run_line(t, "watch('timeline(x)')"),
                         ["watch: timeline() or timeline(seconds) can be watched"])
        self.assertEqual(self.run_line(t, ":watch timeline 0.001"),
                         ["watch: the seconds must be from 0.05 to 86400"])
        t.line(":kill writer")

    def test_dumb_terminal(self):
        t = Terminal([PROGRAM], env={"TERM": "dumb"})
        self.addCleanup(t.close)
        t.wait_for(">")
        t.line("sleep(0.2)")
        t.line("timeline()")
        t.wait_for("sleep(0.2): 1 process, ")
        t.line(":watch timeline()")
        t.wait_for(lambda: t.text().count("sleep(0.2): 1 process, ") == 2)
        t.line("os.exit(0)")
        self.assertEqual(t.exit_status(), 0)
        self.assertNotIn(b"\033", t.raw)

    # -- numbers, marks

    def test_stats(self):
        t = self.start(columns=100)
        self.run_line(t, "q = queue() p = spawn({name='reader'}, function() for i = 1, 3 do q:get() end end)")
        self.run_line(t, "for i = 1, 3 do sleep(0.1) q:put(i) end p:join()")
        shown = "\n".join(self.run_line(t, "stats()"))
        self.assertIn("for i = 1, 3 do sleep(0.1)", shown)
        self.assertRegex(shown, r"processes +2, at most 2 at once: 1 done, 1 alive")
        self.assertRegex(shown, r"messages +3;")
        self.assertRegex(shown, r"(?m)^get queue#1 .* repl:1:1$")
        self.assertRegex(self.run_line(t, "stats('x')")[0], "the seconds must be a number above 0")

    def test_marks(self):
        t = self.start()
        self.assertEqual(self.run_line(t, "marks()"), ["no marks: sandbox.mark(name [, value]) makes them"])
        self.run_line(t, "before = sandbox.now() sandbox.mark('begin') sandbox.mark('load', 0.25) after = sandbox.now()")
        self.run_line(t, "spawn({name='child'}, sandbox.mark, 'mine', 7):join()")
        lines = self.run_line(t, "marks()")
        self.assertEqual(lines[0].split(), ["TIME", "PROCESS", "NAME", "VALUE"])
        self.assertEqual([l.split()[1:] for l in lines[1:]],
                         [["main", "begin"], ["main", "load", "0.25"], ["child#2", "mine", "7"]])
        times = [float(l.split()[0]) for l in lines[1:]]
        self.assertEqual(times, sorted(times))
        before, after = (float(self.run_line(t, name)[0]) for name in ("before", "after"))
        self.assertTrue(before - 0.01 <= times[0] <= after + 0.01, (before, times[0], after))
        time.sleep(0.3)
        self.assertEqual(self.run_line(t, "marks(0.1)"), ["no marks: sandbox.mark(name [, value]) makes them"])
        self.run_line(t, "for i = 1, 150 do sandbox.mark('many', i) end")
        lines = self.run_line(t, ":marks")
        self.assertEqual(lines[0], "the last 100 of 153 marks")
        self.assertEqual([l.split()[-1] for l in lines[2:]], [str(i) for i in range(51, 151)])

    # -- files

    def test_files(self):
        t = self.start()
        self.run_line(t, "q = queue()")
        self.run_line(t, "p = spawn({name='</script>'}, function() q:get() end) sleep(0.1) q:put(1) p:join()")
        for name, begin in (("x.html", b"<!doctype html>"), ("x.svg", b"<svg "), ("x.pftrace", b""), ("x.json", b"{")):
            shown = self.run_line(t, "trace('%s')" % name)
            self.assertRegex(shown[0], r"^wrote %s: 2 processes, .*s, \d+ KB$" % re.escape(name))
            with open(os.path.join(t.home, name), "rb") as f:
                text = f.read()
            self.assertTrue(text.startswith(begin), text[:40])
            os.remove(os.path.join(t.home, name))
        self.assertRegex(self.run_line(t, ":trace part.json 0.05")[0], r"^wrote part\.json: [12] process(es)?, 5\d\.?\dms")
        with open(os.path.join(t.home, "part.json")) as f:
            json.load(f)
        self.run_line(t, ":trace page.html")
        with open(os.path.join(t.home, "page.html")) as f:
            self.assertIn("repl:2", f.read())  # what was typed is there, for the lines of it

    def test_files_that_cannot_be_written(self):
        t = self.start(columns=120)
        extension = "a trace is a file whose name ends in .html, .svg, .pftrace or .json"
        os.mkdir(os.path.join(t.home, "folder.svg"))
        for line, message in (("trace('x.png')", "trace: 'x.png': " + extension),
                              (":trace x", "trace: 'x': " + extension),
                              ("trace('none/x.svg')", "trace: 'none/x.svg': No such file or directory"),
                              ("trace('folder.svg')", "trace: 'folder.svg': it is a directory"),
                              ("trace('x.svg', 0)", "trace: the seconds must be a number above 0"),
                              (":trace x.svg -3", "trace: the seconds must be a number above 0"),
                              ("trace()", "trace wants the name of a file: trace('run.html'); .svg, .pftrace and"),
                              ("waits('x.png')", "waits: 'x.png': the picture is a file whose name ends in"),
                              (":waits none/x.svg", "waits: 'none/x.svg': No such file or directory"),
                              ("waits(5)", "waits: the name of a file is wanted")):
            self.assertIn(message, " ".join(self.run_line(t, line)), line)
        self.assertEqual(sorted(n for n in os.listdir(t.home) if n.endswith(("svg", "new", "png"))), ["folder.svg"])

    def test_the_picture_of_who_waits_for_whom(self):
        t = self.start(columns=120)
        self.run_line(t, "a, b, both = sandbox.lock{name='fork'}, sandbox.lock(), sandbox.barrier(2)")
        self.run_line(t, "take = function(x, y) x:acquire() both:wait() y:acquire() end")
        self.run_line(t, "spawn({name='left'}, take, a, b) spawn({name='right'}, take, b, a)")
        t.wait_for("warning: deadlock: 2 of 3 processes can never go on")
        t.wait_for_prompt()
        for line in ("waits('w.svg')", ":waits w.svg"):
            self.assertEqual(self.run_line(t, line), ["wrote w.svg: 2 processes in it wait"])
            path = os.path.join(t.home, "w.svg")
            text = xml.dom.minidom.parse(path).documentElement.toxml()
            for word in ("left#2", "right#3", "fork#"):
                self.assertIn(word, text)
            os.remove(path)
        # A picture that cannot be written leaves the old one.
        self.run_line(t, "waits('w.svg')")
        before = os.stat(path).st_ino
        self.run_line(t, "waits('w.svg')")
        self.assertNotEqual(os.stat(path).st_ino, before)  # another file took its place
        os.mkdir(path + ".part")
        self.assertIn("waits: 'w.svg': Is a directory", "\n".join(self.run_line(t, "waits('w.svg')")))
        self.assertIn("fork#", xml.dom.minidom.parse(path).documentElement.toxml())
        t.line("queue():get()")
        t.line(":waits busy.svg")
        t.wait_for("wrote busy.svg: 3 processes in it wait")
        t.key("C-c")
        t.wait_for_prompt()
        # it is still stuck, whenever nobody just looks whether it is
        t.wait_for(lambda: "deadlock: left#2 waits for " in "\n".join(self.run_line(t, "timeline(60)")))
        self.run_line(t, ":kill left")
        t.wait_for(lambda: "deadlock" not in "\n".join(self.run_line(t, "timeline(0.3)")))

    def test_the_trace_of_the_command_line(self):
        t = self.start("--trace", "run.svg", "--timeline")
        self.run_line(t, "spawn({name='child'}, sleep, 0.1):join()")
        self.assertTrue(os.path.exists(os.path.join(t.home, "run.svg.part")))
        self.assertIn("child#2", "\n".join(self.run_line(t, "timeline()")))
        self.assertIn("wrote now.svg", self.run_line(t, ":trace now.svg")[0])
        t.key("C-d")
        self.assertEqual(t.exit_status(), 0)
        with open(os.path.join(t.home, "run.svg")) as f:
            self.assertIn("child#2", f.read())
        self.assertFalse(os.path.exists(os.path.join(t.home, "run.svg.part")))
        self.assertIn("sandbox: 2 processes", t.text())

    # -- what it costs

    def switches(self, pid):
        with open("/proc/%d/status" % pid) as f:
            return sum(int(l.split()[1]) for l in f if "ctxt_switches" in l)

    def test_an_idle_prompt_sleeps(self):
        """The supervisor polls while something is recorded, and nearly not when nothing is."""
        t = self.start()
        self.run_line(t, "sleep(0.1)")

        def wakes(most, seconds):
            """Is there a time of so many seconds in which it wakes at most so often?"""
            until = time.monotonic() + 60
            while time.monotonic() < until:
                before = self.switches(t.pid)
                time.sleep(seconds)  # a rate is measured: it takes its time
                if self.switches(t.pid) - before <= most:
                    return True
            return False
        self.assertTrue(wakes(8, 3))
        self.run_line(t, "p = spawn({daemon=true}, sleep, 1000)")
        self.assertTrue(wakes(20, 3))

    def test_what_is_kept_is_bounded(self):
        t = self.start("--trace-limit", "200K")
        self.run_line(t, "q = queue() function fill() for i = 1, 300 do q:put(i) q:get() sleep(0) end end")
        self.run_line(t, "sandbox.mark('old')")
        fds = "/proc/%d/fd/" % t.pid

        log = next(fds + n for n in os.listdir(fds) if "memfd:sandbox trace" in os.readlink(fds + n))
        while os.stat(log).st_size < 3 << 20:
            self.run_line(t, "for _ = 1, 5 do fill() end")
            self.assertLess(512 * os.stat(log).st_blocks, 1 << 20)  # dropped parts are holes
        self.assertEqual(self.run_line(t, "marks()")[0], "no marks: sandbox.mark(name [, value]) makes them")
        self.run_line(t, "fill()")
        chart = self.run_line(t, "timeline()")
        self.assertNotIn("oldest", "\n".join(chart))  # of this chunk, nothing was dropped
        self.assertIn("--trace-limit", "\n".join(self.run_line(t, "timeline(600)")))


class Readme(unittest.TestCase):
    """The chart that src/doc/prompt.md shows."""

    def shape(self, lines):
        """What a busy machine leaves alike: who has a row, its long states in their order, the legend, not the times."""
        def states(cells):
            long = "".join(m.group(1) for m in re.finditer(r"(.)\1*", cells) if len(m.group()) >= 4)
            return re.sub(r"(.)\1+", r"\1", long)
        title = next(i for i, l in enumerate(lines) if "one by one" in l)
        start = lines[title + 2].index("├")
        rows = lines[title + 3:-1]
        return [*lines[:title], re.sub(r"\d+\.\d+", "N", lines[title]), *((r[:start], states(r[start:])) for r in rows), lines[-1]]

    def test_session(self):
        with open(os.path.join(os.environ["SANDBOX_SOURCE"], "src/doc/prompt.md")) as f:
            block = re.search(r"<!-- test: timeline -->\n```text\n(.*?)```", f.read(), re.S).group(1)
        lines = block.splitlines()
        t = Terminal([PROGRAM])
        self.addCleanup(t.close)
        typed = [line[2:] for line in lines if line.startswith("> ")]
        for n, line in enumerate(typed, 1):
            t.wait_for_prompt()
            t.line(line)
            t.wait_for(lambda: sum(l.startswith(">") for l in t.all_lines()) > n)
        t.wait_for_prompt()
        shown = t.all_lines()[1:-1]
        self.assertEqual(self.shape(shown), self.shape(lines), "\n".join(shown))


if __name__ == "__main__":
    unittest.main()
