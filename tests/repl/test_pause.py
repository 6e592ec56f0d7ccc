"""sandbox.pause() on a terminal: the prompt in the middle of a script."""

import os
import re
import shutil
import tempfile
import unittest

from terminal import PromptCase, Terminal

PROGRAM = os.environ["SANDBOX"]
SOURCE = os.environ["SANDBOX_SOURCE"]


class Pause(PromptCase):
    PROMPTS = (">", "paused>")

    def start_script(self, text, columns=100, prompt="paused> ", name="script.lua"):
        folder = tempfile.mkdtemp(prefix="pause-")
        self.addCleanup(shutil.rmtree, folder)
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
        t = Terminal([PROGRAM, "-i", name], columns=columns, cwd=folder)
        self.addCleanup(t.close)
        t.wait_for_prompt(prompt)
        return t

    def run_line(self, t, line):
        return "\n".join(super().run_line(t, line))

    def prompt(self, t):
        return t.at()[0]

    def test_locals_can_be_read_and_changed(self):
        t = self.start_script("""local outer = "o"
local function f(a, ...)
  local b = a * 2
  local a = a + 1 -- hides the other one
  do local gone = 1 end
  sandbox.pause()
  return a, b, outer, ...
end
print("result", f(4, 5))
""")
        self.assertIn("paused at script.lua:6; :continue goes on", t.text())
        self.assertEqual(self.run_line(t, ":locals"), "b = 8\na = 5\nouter = \"o\"")
        self.assertEqual(self.run_line(t, "a, b"), "5, 8")
        self.assertEqual(self.run_line(t, "a, b, outer = a + 1, {}, 'changed'"), "")
        self.assertEqual(self.run_line(t, "a, b"), "6, {}")
        self.assertEqual(self.run_line(t, "b = 'b' fresh = 7"), "")
        self.assertEqual(self.run_line(t, "gone"), "nil")
        self.assertIn("result  6       b       changed 5", self.run_line(t, ":continue"))
        self.assertEqual(self.prompt(t), ">")
        self.assertEqual(self.run_line(t, "fresh, a"), "7, nil")

    def test_locals_of_a_chunk_are_those_that_were_typed(self):
        t = self.start_script("sandbox.pause()\n")
        self.run_line(t, ":continue")
        self.run_line(t, "local mine = 1 sandbox.pause()")
        self.assertEqual(self.run_line(t, ":locals"), "mine = 1")
        t.type("__re")
        t.key("Tab", "C-u")
        self.assertEqual(self.run_line(t, "mine"), "1")
        self.assertNotIn("__repl", "\n".join(t.all_lines()))

    def test_where_it_is(self):
        t = self.start_script("local function f()\n  sandbox.pause()\nend\n\nf()\nprint('end')\n")
        stack = ("stack traceback:\n        script.lua:2: in local 'f'\n        script.lua:5: in main chunk\n"
                 "        [C]: in ?")
        for typed in (":bt", "bt()", ":bt main"):
            self.assertEqual(self.run_line(t, typed), stack, typed)
        self.assertEqual(self.run_line(t, ":src"), "  1  local function f()\n> 2    sandbox.pause()\n  3  end\n"
                         "  4\n  5  f()\n  6  print('end')")

    def test_other_processes_go_on_and_errors_leave_the_pause(self):
        t = self.start_script("""local n = sandbox.value(0)
spawn({ daemon = true }, function() while true do n:add(1) sleep(0.01) end end)
local function f() return n:get() end
sandbox.pause()
print("after")
""")
        self.assertIn("return n:get() end", self.run_line(t, ":src f"))
        before = int(self.run_line(t, "f()"))
        t.wait_for(lambda: int(self.run_line(t, "f()")) > before)
        self.assertIn("boom", self.run_line(t, "error('boom')"))
        self.assertIn("there is no command :contnue; did you mean :continue?", self.run_line(t, ":contnue"))
        t.line("while true do end")
        t.wait_for(lambda: self.prompt(t) == "")
        t.key("C-c")
        t.wait_for_prompt("paused> ")
        self.assertIn("after", self.run_line(t, ":continue"))

    def test_pauses_again_and_within_each_other(self):
        t = self.start_script("for i = 1, 2 do sandbox.pause() end\nprint('done')\n")
        self.assertEqual(self.run_line(t, "i"), "1")
        self.run_line(t, "function f(x) sandbox.pause() return x end")
        self.assertIn("paused at repl:2:1", self.run_line(t, "print('f gave', f(i + 10))"))
        self.assertEqual(self.run_line(t, "i, x"), "nil, 11")
        self.run_line(t, "x = 'new'")
        self.assertIn("f gave  new", self.run_line(t, ":continue"))
        self.assertEqual(self.run_line(t, "i, x"), "1, nil")
        self.run_line(t, ":continue")
        self.assertEqual(self.run_line(t, "i"), "2")
        self.assertIn("done", self.run_line(t, ":continue"))
        self.assertEqual(self.prompt(t), ">")
        self.assertIn("nothing is paused: sandbox.pause() stops a script that runs with -i",
                      self.run_line(t, ":continue"))
        self.assertIn("nothing is paused", self.run_line(t, ":locals"))

    def test_in_a_coroutine(self):
        t = self.start_script("""local co = coroutine.wrap(function(x)
  local y = x + 1
  sandbox.pause()
  coroutine.yield(y)
end)
print("y", co(1))
""")
        self.assertEqual(self.run_line(t, ":locals"), "x = 1\ny = 2")
        self.assertIn("script.lua:3: in function <script.lua:1>\n        (a coroutine, resumed by:)",
                      self.run_line(t, ":bt"))
        self.run_line(t, "y = 50")
        self.assertIn("y       50", self.run_line(t, ":continue"))

    def test_an_error_after_a_pause_is_reported(self):
        t = self.start_script("sandbox.pause()\nerror('too bad')\n")
        self.assertIn("too bad", self.run_line(t, ":continue"))
        self.assertEqual(self.prompt(t), ">")
        self.assertEqual(self.run_line(t, "1 + 1"), "2")

    def test_leaving_at_a_pause_ends_the_run(self):
        t = self.start_script("sandbox.pause()\nprint('not' .. ' reached')\n")
        t.key("C-d")
        self.assertEqual(t.exit_status(), 0)
        self.assertNotIn("not reached", t.text())

    def test_names_are_completed(self):
        t = self.start_script("local delivery_time = 3\nsandbox.pause()\n")
        t.type("deliv")
        t.key("Tab")
        t.wait_for(lambda: t.at()[0] == "paused> delivery_time")

    def test_a_process_stops_and_says_so(self):
        t = self.start_script("""local done = sandbox.event()
local p = spawn({ name = "worker" }, function()
  sandbox.pause()
  done:set()
end)
function is_done() return done:is_set(), p:status() end
sandbox.pause()
""")
        t.wait_for("[worker#2] paused at script.lua:3; :resume 2 lets it go on")
        t.wait_for(lambda: self.run_line(t, "is_done()") == 'false, "stopped"')
        self.run_line(t, "resume(2)")
        t.wait_for(lambda: self.run_line(t, "is_done()").startswith("true"))

    def test_what_the_prompt_evaluates_by_itself_cannot_pause(self):
        t = self.start(columns=120)
        self.run_line(t, "function f() sandbox.pause() end")
        self.run_line(t, "watch('f()', 0.1)")
        t.wait_for("what the prompt evaluates meanwhile cannot be paused")
        self.run_line(t, "unwatch()")

    def test_the_page(self):
        with open(os.path.join(SOURCE, "src/doc/prompt.md")) as f:
            script, session = re.search(r"<!-- test: pause -->\n```lua\n(.*?)```\n```text\n(.*?)```", f.read(),
                                        re.S).groups()
        t = self.start_script(script, name="basket.lua")
        for line in session.splitlines():
            if line.startswith("paused> "):
                self.run_line(t, line[len("paused> "):])

        def same(lines):
            return " ".join(" ".join(lines).split())
        self.assertEqual(same(t.all_lines()[1:]), same(session.splitlines()))


if __name__ == "__main__":
    unittest.main()
