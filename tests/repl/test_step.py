"""step(fn) at the prompt: a person is the scheduler of a function, on a copy of the session."""

import os
import re
import unittest

from terminal import PromptCase, Terminal

TWICE = ("function twice() local n = sandbox.value(0) kept[1] = 'spoiled' "
         "local function add() n:set(n:get() + 1) end sandbox.join_all { spawn(add), spawn(add) } "
         "assert(n:get() == 2, 'lost') end")


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

    def test_an_interrupt_of_explore_leaves_what_was_found(self):
        t = self.start(columns=100)
        self.run_line(t, "function big() local n = sandbox.value(0) local function add() for _ = 1, 100 do "
                         "n:set(n:get() + 1) end end sandbox.join_all { spawn(add), spawn(add), spawn(add), spawn(add) } end")
        t.line("print('begins') r = explore(big)")
        t.wait_for("\nbegins")
        t.key("C-c")
        t.wait_for_prompt()
        self.assertEqual(self.run_line(t, "r.ok, r.complete"), ["true, false"])

    def test_what_it_refuses(self):
        t = self.start(columns=100)
        self.assertIn("function expected", "\n".join(self.run_line(t, "step(5)")))
        self.assertIn("table of options expected", "\n".join(self.run_line(t, "step(print, 5)")))
        self.assertIn("step", "\n".join(self.run_line(t, "?step")))

    def test_a_report_in_a_narrow_terminal(self):
        t = Terminal([os.environ["SANDBOX"], "--explore", "-e",
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
