"""Scripts on a terminal: what they write without a newline is seen when a person must see it."""

import os
import re
import unittest

from terminal import Terminal

PROGRAM = os.environ["SANDBOX"]


class Questions(unittest.TestCase):
    def start(self, script, *arguments):
        t = Terminal([PROGRAM, *arguments, "-e", script])
        self.addCleanup(t.close)
        return t

    def answered(self, t, question, answer="yes"):
        """Answer when the question is there; what the screen is at the end."""
        t.wait_for(question)
        t.line(answer)
        self.assertEqual(t.exit_status(), 0)
        return t.all_lines()

    def test_a_question_is_seen_before_the_answer(self):
        ask = "print('got', io.read())"
        for write in ("io.stderr:write('Su', 're', 1, '? ')", "io.output(io.stderr) io.write('Sure1? ')",
                      "io.write('Sure', 1, '? ')", "io.stderr:write('Su') io.stderr:write('re1? ')",
                      "io.stdout:setvbuf('no') io.stdout:write('Sure1? ')",
                      "io.stderr:setvbuf('no') io.stderr:write('Sure1? ')", "io.stderr:setvbuf('full') "
                      "io.stderr:write('Sure1? ')"):
            for others in ("", "spawn({daemon=true}, sleep, 1000) "):
                for arguments in ((), ("--output", "tag")):
                    lines = self.answered(self.start(others + write + ask, *arguments), "Sure1?")
                    self.assertEqual(lines, ["Sure1? yes", "got     yes"], write)

    def test_a_question_of_a_process_that_was_given_stdin(self):
        script = """spawn({name = 'asker', stdin = true}, function()
            io.stderr:write('Su') io.stderr:write('re? ')
            local answer = io.read()
            io.stderr:write('you said ', answer, '\\n')
        end):join()"""
        self.assertEqual(self.answered(self.start(script), "Sure?"), ["Sure? yes", "you said yes"])
        lines = self.answered(self.start(script, "--output", "tag"), "Sure?")
        self.assertEqual(lines, ["[asker#2] Sure? yes", "[asker#2] you said yes"])

    def test_a_question_at_the_prompt(self):
        t = Terminal([PROGRAM])
        self.addCleanup(t.close)
        t.wait_for_prompt()
        t.line("spawn({daemon = true}, sleep, 1000) io.stderr:write('Su', 're? ') x = io.read()")
        t.wait_for("\nSure?")
        t.line("yes")
        t.wait_for_prompt()
        t.line("#x")
        t.wait_for("\n3")

    def test_progress_is_seen_while_main_computes_sleeps_or_waits(self):
        for meanwhile in ("while true do end", "sleep(1000)", "queue():get()", "os.execute('exec sleep 1000')"):
            script = "spawn({daemon = true}, sleep, 1000) for _ = 1, 3 do io.stderr:write('.') end " + meanwhile
            self.start(script).wait_for("...")

    def test_lines_of_others_do_not_stand_behind_an_unfinished_one(self):
        t = self.start("""
            local go = queue()
            local p = spawn({daemon = true}, function() while go:get() do io.stderr:write('a', ' line\\n') end end)
            io.stderr:write('..') go:put(1) p = p or nil
            while #go > 0 do sleep(0.01) end
            io.read()
            io.stderr:write('..') io.stderr:write('. end\\n') io.stderr:write('Sure? ')
            io.read()
            spawn(print, 'later'):join()""")
        t.wait_for("a line")
        t.line("go on")
        self.assertEqual(self.answered(t, "Sure?"), ["..", "a line", "go on", "... end", "Sure? yes", "later"])

    def test_lines_of_processes_stay_whole_beside_progress(self):
        t = self.start("""
            local list = {}
            for i = 1, 4 do
              list[i] = spawn(function()
                for _ = 1, 100 do io.stderr:write('w') io.stderr:write(i) io.stderr:write(' end\\n') end
              end)
            end
            repeat
              io.stderr:write('.')
              local alive = false
              for i = 1, 4 do alive = alive or list[i]:alive() end
            until not alive""")
        self.assertEqual(t.exit_status(), 0)
        lines = [line for line in t.all_lines() if not re.fullmatch(r"\.*", line)]
        self.assertEqual(sorted(lines), sorted("w%d end" % i for i in range(1, 5) for _ in range(100)))

    # -- Ctrl-C, which reaches all processes at once

    def test_a_process_that_ctrl_c_ends_before_the_supervisor_looks_is_no_failure(self):
        script = """spawn({name = 'child'}, function()
            local x <close> = setmetatable({}, {__close = function() print 'closed' end})
            print 'go' sleep(100)
        end):join()"""
        for _ in range(20):
            t = self.start(script)
            t.wait_for("go")
            t.key("C-c")
            self.assertEqual(t.exit_status(), 130)
            lines = [l for l in t.all_lines() if "sandbox: " in l or "child" in l]
            self.assertEqual(len(lines), 1, t.all_lines())
            self.assertRegex(lines[0], r"sandbox: interrupted: main .*; child#2 ")


if __name__ == "__main__":
    unittest.main()
