"""step(fn) at the prompt: a person is the scheduler of a function, on a copy of the session."""

import os
import re
import unittest

from terminal import PromptCase, Terminal, descendants

PROGRAM = os.environ["SANDBOX"]

TWICE = ("function twice() local n = sandbox.value(0) kept[1] = 'spoiled' "
         "local function add() n:set(n:get() + 1) end sandbox.join_all { spawn(add), spawn(add) } "
         "assert(n:get() == 2, 'lost') end")


def cpu_seconds(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
            user, system = f.read().rsplit(")", 1)[1].split()[11:13]
            return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0


# The address sanitizer knows which bytes of an arena are in use, which a simulator's images do not restore.
@unittest.skipIf(os.environ.get("SANDBOX_SANITIZED"), "sanitizers warn of the simulator's images")
class Step(PromptCase):
    def begin(self):
        t = self.start(columns=100, rows=60)
        self.run_line(t, "kept = {7}")
        self.run_line(t, TWICE)
        t.line("token = step(twice)")
        self.asked(t, 1)
        return t

    def asked(self, t, times):
        t.wait_for(lambda: sum(l.startswith("step>") for l in t.all_lines()) == times)

    def answer(self, t, line, times):
        t.line(line)
        self.asked(t, times)

    def shown(self, t):
        return "\n".join(t.all_lines())

    def test_steps_are_taken_undone_and_named_by_a_token(self):
        t = self.begin()
        self.assertIn("step 1: 6 interleavings from here, 4 end wrong", self.shown(t))
        self.answer(t, "1", 2)
        self.answer(t, "f", 3)
        self.assertIn("it ends wrong\n  repl:2:1: lost", self.shown(t))
        self.answer(t, "u 4", 4)
        self.assertIn("step 3: 3 interleavings from here, 2 end wrong", self.shown(t))
        self.answer(t, "1 and more", 5)  # is no command
        self.assertIn("undo the last step", self.shown(t))
        self.answer(t, "b 1", 6)
        self.answer(t, "r 10", 7)
        self.assertIn("it ends wrong", self.shown(t).rsplit("step>", 2)[1])
        self.answer(t, "t", 8)
        token = re.search(r"replay\('(sbx1:\S+)', f\)", self.shown(t)).group(1)
        t.line("q")
        t.wait_for_prompt()
        self.assertEqual(self.run_line(t, "token"), ['"%s"' % token])
        self.assertIn("  wrong: repl:2:1: lost\n", "\n".join(self.run_line(t, "replay(token, twice)")))

    def test_the_session_is_untouched(self):
        t = self.begin()
        self.answer(t, "r 20", 2)
        t.line("q")
        t.wait_for_prompt()
        self.assertEqual(self.run_line(t, "kept[1]"), ["7"])
        self.assertEqual(self.run_line(t, "#sandbox.children()"), ["0"])

    def test_an_interrupt_leaves_it_and_the_session_goes_on(self):
        t = self.begin()
        self.answer(t, "1", 2)
        t.key("C-c")
        t.wait_for_prompt()
        self.assertEqual(self.run_line(t, "type(token)"), ['"string"'])
        self.assertEqual(self.run_line(t, "kept[1]"), ["7"])

    def test_an_interrupt_ends_a_run_with_its_exit_status(self):
        script = "sandbox.join_all { spawn(sleep, 1), spawn(sleep, 1) }"
        for strict in ([], ["--strict=lua"], ["--strict"]):
            with self.subTest(strict=strict), Terminal([PROGRAM, *strict, "--step", "-e", script]) as t:
                t.wait_for("step>")
                t.key("C-c")
                self.assertEqual(t.exit_status(), 130)
                self.assertNotIn(b"\\x0d", t.raw)  # the progress of the exploration, where it cannot be shown

    def test_an_interrupt_before_there_is_anything_to_explore(self):
        for option in "--step", "--explore":
            with self.subTest(option=option), Terminal([PROGRAM, option, "-e", "print 'it begins' while true do end"]) as t:
                t.wait_for(lambda: cpu_seconds(t.pid) > 0.2)
                t.key("C-c")
                self.assertEqual(t.exit_status(), 130)
                t.wait_for("interrupted")

    def test_an_interrupt_of_explore_leaves_what_was_found(self):
        t = self.start(columns=100)
        self.run_line(t, "function big() local n = sandbox.value(0) local function add() for _ = 1, 100 do "
                         "n:set(n:get() + 1) end end sandbox.join_all { spawn(add), spawn(add), spawn(add), spawn(add) } end")
        before = descendants(t.pid)
        t.line("r = explore(big)")
        t.wait_for(lambda: any(cpu_seconds(p) > 0.1 for p in descendants(t.pid) - before))
        t.key("C-c")
        t.wait_for_prompt()
        self.assertEqual(self.run_line(t, "r.ok, r.complete"), ["true, false"])

    def test_what_it_refuses(self):
        t = self.start(columns=100)
        self.assertIn("function expected", "\n".join(self.run_line(t, "step(5)")))
        self.assertIn("table of options expected", "\n".join(self.run_line(t, "step(print, 5)")))
        self.assertIn("step", "\n".join(self.run_line(t, "?step")))

    def test_a_report_in_a_narrow_terminal(self):
        t = Terminal([PROGRAM, "--explore", "-e",
                      "local e = sandbox.event() spawn(function() sleep(1) e:set() end) e:wait() print('a line of the script itself, as it is')"],
                     columns=40, rows=40)
        self.addCleanup(t.close)
        self.assertEqual(t.exit_status(), 0)
        lines = [l.rstrip() for l in t.all_lines()]
        self.assertIn("-e: 1 interleaving of 2 processes, all", lines)
        at = lines.index("sleeps and timeouts are in virtual time,")
        self.assertEqual(lines[at + 1], "  in which steps take no time: the")


if __name__ == "__main__":
    unittest.main()
