"""The prompt as a person uses it: the real program, on a terminal in memory."""

import os
import re
import shutil
import subprocess
import tempfile
import termios
import time
import unittest

from terminal import PromptCase, Terminal, children, descendants, state_of

PROGRAM = os.environ["SANDBOX"]
SOURCE = os.environ["SANDBOX_SOURCE"]


class Prompt(PromptCase):
    def run_line(self, t, line):
        return "\n".join(super().run_line(t, line))

    # -- evaluation

    def test_values(self):
        t = self.start()
        for typed, shown in (("1 + 1", "2"), ("'a' .. 'b'", '"ab"'), ("{1, 2, {x = 1}}", "{1, 2, {x = 1}}"),
                             ("= 7", "7"), ("return 1, nil", "1, nil"), ("_", "1"), ("_3", "7")):
            self.assertEqual(self.run_line(t, typed), shown, typed)

    def test_several_lines_are_one_chunk_and_one_record(self):
        t = self.start()
        t.line("for i = 1, 2 do")
        t.wait_for_prompt(">> ")
        t.line("print(i * 10)")
        t.wait_for_prompt(">> ")
        t.line("end")
        t.wait_for_prompt()
        self.assertIn("10\n20", t.text())
        t.key("Up")
        t.wait_for(lambda: t.at()[0] == "end")
        t.key("Enter")
        t.wait_for(lambda: t.text().count("10\n20") == 2)

    def test_error_has_no_frames_of_the_prompt(self):
        t = self.start()
        shown = self.run_line(t, "local function f() error('boo') end f()")
        self.assertIn("repl:1:1: boo", shown)
        self.assertNotIn("sandbox", shown)

    def test_traceback_of_the_session_has_no_frames_of_the_prompt(self):
        t = self.start(columns=100)
        self.assertEqual(self.run_line(t, ":bt main"), "stack traceback:\n        (none)")
        self.assertEqual(self.run_line(t, "function f() bt() end f()"),
                         "stack traceback:\n        repl:2:1: in function 'f'\n        repl:2:1: in main chunk")
        self.assertEqual(self.run_line(t, "bt('main')"), "stack traceback:\n        repl:3:1: in main chunk")
        self.run_line(t, "q = queue() function g() q:get() end")
        t.line("coroutine.wrap(function() g() end)()")
        t.line(":bt main")
        t.wait_for("[C]: in ?\n        repl:5:1: in main chunk")
        self.assertIn("waiting in get at repl:4:1", t.text())
        self.assertNotIn("[sandbox", t.text())
        t.key("C-c")
        t.wait_for_prompt()
        self.run_line(t, "p = spawn({daemon = true}, sleep, 1000)")
        self.assertRegex(self.run_line(t, ":ps"), r"main +prompt [^:\n]*\n")  # at no place of a script

    def test_a_traceback_leaves_the_time_of_a_wait_alone(self):
        t = self.start(columns=100)
        self.run_line(t, "q = queue() p = spawn({name='waiter', daemon=true}, function() q:get() end)")
        seconds = r"waiter +in get +queue#\d+ +[1-9]\d*s"  # SINCE
        t.wait_for(lambda: re.search(seconds, self.run_line(t, ":ps")))
        t.line(":bt waiter")
        t.wait_for("[waiter#2] waiting in get")
        self.assertRegex(self.run_line(t, ":ps"), seconds)

    def test_traceback_of_a_process_that_is_stopped(self):
        t = self.start(columns=100)
        self.run_line(t, "p = spawn({name='still', daemon=true}, function() while true do end end)")
        self.run_line(t, "p:pause()")
        self.assertIn("bt: it is stopped, and shows its traceback when it goes on (resume)",
                      self.run_line(t, ":bt still"))
        self.assertIn("it is stopped", self.run_line(t, "bt(p)"))
        t.line("queue():get()")
        t.line(":bt 2")
        t.wait_for(lambda: t.text().count("it is stopped") == 3)
        t.key("C-c")
        t.wait_for_prompt()
        self.run_line(t, ":resume still")
        t.wait_for("[still#2] running")

    def test_tab_completes_the_names_of_processes(self):
        t = self.start()
        self.run_line(t, "p = spawn({name = 'sleeper', daemon = true}, sleep, 1000)")
        t.type(":bt sle\t")
        t.wait_for(lambda: t.at()[0].startswith("> :bt sleeper"))
        t.key("Enter")
        t.wait_for("[sleeper#2] waiting in sleep")

    def test_unfinished_output_does_not_touch_the_prompt(self):
        t = self.start()
        self.assertEqual(self.run_line(t, "io.write('abc')").splitlines()[0], "abc")

    # -- the prompt of a session's own

    def ask(self, t, line, prompt):
        """Type a line; then this is the prompt, in another row."""
        before = len(t.all_lines())
        t.line(line)
        t.wait_for(lambda: len(t.all_lines()) > before or t.cursor()[0] >= before)
        t.wait_for_prompt(prompt)

    def test_prompt_comes_once_for_each_chunk(self):
        """It is not drawn and taken away again before the next line is read."""
        t = self.start()
        for chunk in ["sleep(0.2)", "spawn(sleep, 0.1):join() sleep(0.1)", "x = 1"]:
            self.run_line(t, chunk)
            t.type("y")
            t.wait_for(lambda: t.at()[0] == "> y")
            shown = t.raw.rpartition(chunk.encode())[2].replace(b"\033[1m>\033[m y", b"")
            self.assertEqual(shown.count(b"\033[1m>\033[m "), 1, bytes(shown))
            t.key("Backspace")
            t.wait_for_prompt()

    def test_prompt_is_a_global(self):
        t = self.start()
        self.ask(t, "_PROMPT, _PROMPT2 = 'lua> ', '... '", "lua> ")
        self.ask(t, "x = 1 +", "... ")
        self.ask(t, "2", "lua> ")
        self.ask(t, "x", "lua> ")
        self.assertEqual(t.all_lines()[-2], "3")
        self.ask(t, "x = (", "... ")
        t.key("C-c")
        t.wait_for_prompt("lua> ")
        self.ask(t, "_PROMPT, _PROMPT2 = nil", "> ")
        self.ask(t, "x = (", ">> ")

    def test_prompt_may_be_any_value(self):
        t = self.start()
        self.ask(t, "_PROMPT = 5", "5")
        self.ask(t, "_PROMPT = false", "false")
        self.ask(t, "n = 0 _PROMPT = setmetatable({}, {__tostring = function() n = n + 1 return n .. '> ' end})",
                 "1> ")
        self.ask(t, "", "2> ")
        self.ask(t, "n", "3> ")
        self.ask(t, "error('boom', 0)", "4> ")
        self.ask(t, ":ps", "5> ")
        self.ask(t, "?ps", "6> ")
        self.ask(t, "_PROMPT = ''", "")
        self.ask(t, "_PROMPT = ('x'):rep(1e6)", "x" * 64)  # the last row of 1,024

    def test_prompt_that_cannot_be_had(self):
        t = self.start(columns=100)
        self.ask(t, "_PROMPT = setmetatable({}, {__tostring = function() error('no prompt', 0) end})", "> ")
        self.ask(t, "1 + 1", "> ")
        self.assertEqual(t.text().count("_PROMPT: no prompt"), 1)  # told once
        self.ask(t, "_PROMPT = setmetatable({}, {__tostring = function() return {} end})", "> ")
        t.line("_PROMPT = setmetatable({}, {__tostring = function() while true do end end}) print('set')")
        t.wait_for("\nset")
        t.key("C-c")
        t.wait_for_prompt("> ")
        self.ask(t, "_PROMPT = nil", "> ")
        self.run_line(t, "rawset(_G, 'x', setmetatable(_G, {__index = function(_, k) error('no ' .. k) end}) and 1)")
        self.assertEqual(self.run_line(t, "x"), "1")
        self.ask(t, "rawset(_G, '_PROMPT', '$ ')", "$ ")

    def test_prompt_has_the_width_of_its_characters(self):
        t = self.start(columns=20)
        self.ask(t, "_PROMPT='\u00e9\u65e5\u672c\u8a9e> '", "\u00e9\u65e5\u672c\u8a9e> ")
        t.type("0123456789abc")
        t.wait_for(lambda: t.at() == ("bc", 2))
        t.key("Home", "Right")
        t.wait_for(lambda: t.cursor()[1] == 10)
        t.key("C-c")
        self.ask(t, "_PROMPT='\\xff> '", "\\xff> ")

    def test_prompt_has_colors_that_take_no_columns(self):
        for arguments, colors in ((), ["green", "default"]), (("--color=never",), ["default", "default"]):
            t = self.start(*arguments)
            self.ask(t, "_PROMPT = '\\27[32mlua\\27[m> \\27[2J\\1\\27]0;title\\7\\2'", "lua> ")
            t.type("abc")
            t.wait_for(lambda: t.at() == ("lua> abc", 8))
            row = t.screen.buffer[t.cursor()[0]]
            self.assertEqual([row[0].fg, row[3].fg], colors)
            self.assertFalse(row[0].bold or row[3].bold)
            self.assertEqual(row[5].fg, "default")
            t.key("C-r")
            t.wait_for(lambda: "lua>" not in t.at()[0])
            t.key("C-c", "C-c")
            t.wait_for_prompt("lua> ")
            self.ask(t, "_PROMPT = '\\27[31mlua> '", "lua> ")
            red = "red" if arguments == () else "default"  # the prompt before has the same text
            t.wait_for(lambda: t.at() == ("lua>", 5) and t.screen.buffer[t.cursor()[0]][0].fg == red)

    def test_prompt_of_init_and_of_a_new_session(self):
        home = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, home)
        os.makedirs(home + "/config/sandbox")
        with open(home + "/config/sandbox/init.lua", "w") as init:
            init.write("_PROMPT = 'mine> '")
        t = Terminal([PROGRAM], home=home)
        self.addCleanup(t.close)
        t.wait_for_prompt("mine> ")
        self.ask(t, "_PROMPT = 'other> '", "other> ")
        t.line("os.execute('kill -9 $PPID')")
        t.wait_for_prompt("mine> ")

    def test_prompt_of_a_dumb_terminal(self):
        t = self.start(env={"TERM": "dumb"})
        self.ask(t, "_PROMPT = '\\27[32m$ '", "$ ")
        self.ask(t, "1", "$ ")
        self.assertNotIn(b"\033", t.raw.replace(b"\\27", b""))

    # -- while a chunk runs

    def test_input_of_a_chunk_and_lines_typed_too_early(self):
        t = self.start()
        t.line("a = io.read() b = queue():get(0.5)")
        t.line("for the chunk")
        t.line("a, 'early'")
        t.wait_for('"for the chunk", "early"')

    def test_commands_while_a_chunk_waits(self):
        t = self.start(columns=100)
        self.run_line(t, "q = queue{name='jobs'}")
        t.line("q:get()")
        t.line(":ps")
        t.wait_for(lambda: re.search(r"main +in get +jobs#1", t.text()))
        t.line(":queues")
        t.wait_for(lambda: re.search(r"1 +jobs +0", t.text()))
        t.line(":bt 1")
        t.wait_for("[main#1] waiting in get at ")
        t.wait_for("in method 'get'")
        t.line(":watch #q 0.1")
        t.wait_for("#q = 0")
        t.key("C-c")
        t.wait_for_prompt()

    def test_objects_and_who_has_them(self):
        t = self.start(columns=120, rows=40)
        self.run_line(t, "lock, go, both = sandbox.lock{name='ledger'}, sandbox.event(), sandbox.barrier(2)")
        self.run_line(t, "count, stock, slots = sandbox.value(42), sandbox.dict{a=1, b=2}, sandbox.semaphore(2, 5)")
        self.run_line(t, "changed, left = sandbox.condition(), sandbox.pipe{name='talk'}")
        self.run_line(t, "spawn({name='writer'}, function() lock:acquire() go:wait() end)")
        self.run_line(t, "repeat until tostring(lock):find 'held'")
        self.run_line(t, "spawn({name='next'}, function() lock:acquire() end)")
        self.run_line(t, "repeat until tostring(lock):find 'waiting'")
        for command in (":objects", "objects()"):
            t.line(command)
            t.wait_for(lambda: re.search(r"lock +ledger +held +writer#2 +next#3 +acquire +repl:4:1", t.text()))
            for row in (r"event +not set +writer#2", r"barrier +0 of 2 came", r"value +42", r"dict +2 keys",
                        r"semaphore +2 of 5", r"condition +with lock#\d+", r"pipe +talk +0 sent"):
                t.wait_for(lambda: re.search(row, t.text()))
            self.run_line(t, "for _ = 1, 40 do print() end")
        t.line("queue():get()") # also while a chunk runs
        t.line(":objects")
        t.wait_for(lambda: re.search(r"lock +ledger +held +writer#2", t.text()))
        t.key("C-c")
        t.wait_for_prompt()

    def test_the_report_of_a_deadlock_is_broken_between_words(self):
        script = ("local jobs = queue { name = 'jobs' } "
                  "spawn({ name = 'consumer' }, function() for v in jobs:items() do end end):join()")
        t = Terminal([PROGRAM, "-e", script], columns=44)
        self.addCleanup(t.close)
        t.wait_for("queue jobs#1: nothing was ever put")
        self.assertRegex(t.text(), r"(?m)^  consumer#2 waits in get at .*\n    \S")
        for word in ("consumer#2", "queue", "closed", "items()"):
            self.assertRegex(t.text(), r"(?m)(^|\s)" + re.escape(word) + r"(\s|:|;|$)")

    def test_a_deadlock_of_others_is_told_and_nothing_ends(self):
        t = self.start(columns=120)
        self.run_line(t, "a, b, both = sandbox.lock(), sandbox.lock(), sandbox.barrier(2)")
        self.run_line(t, "take = function(x, y) x:acquire() both:wait() y:acquire() end")
        self.run_line(t, "spawn({name='left'}, take, a, b) spawn({name='right'}, take, b, a)")
        t.wait_for("warning: deadlock: 2 of 3 processes can never go on")
        t.wait_for("right#3 waits in acquire at repl:2:1 for lock#1, which only left#2 can release")
        t.wait_for("lock#2: taken by right#3")  # the report comes in pieces; these are its last lines
        t.wait_for("lock#1: taken by left#2")
        self.assertEqual(self.run_line(t, "6 * 7").splitlines()[0], "42")

    def test_a_chunk_that_nobody_can_help_is_told(self):
        t = self.start(columns=120)
        told = "warning: deadlock, unless you help: main can never go on; Ctrl-C interrupts it"
        for chunk in (1, 2):
            t.line("queue():get()")
            t.wait_for(lambda: t.text().count(told) == chunk)
            t.wait_for(f"main waits in get at repl:{chunk}:1 for queue#{chunk}, which nobody else can fill")
            t.key("C-c")
            t.wait_for_prompt()
        self.run_line(t, "jobs = queue { name = 'jobs' } p = spawn(function() return jobs:get() end)")
        for chunk in (1, 2):
            t.line("p:join()")
            t.wait_for(lambda: t.text().count("2 of 2 processes can never go on; Ctrl-C interrupts main") == chunk)
            t.key("C-c")
            t.wait_for_prompt()
        self.run_line(t, "jobs:put(42)")
        self.assertEqual(self.run_line(t, "p:join()").splitlines()[0], "true, 42")

    def test_inquiries_while_a_chunk_computes(self):
        t = self.start()
        t.line("n = 0 while true do n = n + 1 end")
        t.line(":watch n>1000 0.1")
        t.wait_for("n>1000 = true")
        t.key("C-c")
        t.wait_for("interrupted!")
        t.wait_for_prompt()

    # -- Ctrl-C

    def test_ctrl_c_interrupts_the_chunk_wherever_it_is(self):
        t = self.start()
        self.run_line(t, "never = queue() background = spawn(function() never:get() end)")
        for text in ("while true do end", "queue():get()", "sleep(1000)", "background:join()",
                     "while true do pcall(function() while true do end end) end",
                     "coroutine.wrap(function() while true do end end)()",
                     "table.sort({1, 2, 3}, function() while true do end end)",
                     "while true do xpcall(sleep, print, 1000) end", "io.read()"):
            before = t.text().count("interrupted!")
            t.line("print('it ' .. 'runs') " + text)
            t.wait_for(lambda: "it runs" in t.all_lines()[-1] or "it runs" in t.all_lines()[-2])
            t.key("C-c")
            t.wait_for_prompt()
            if text != "io.read()":
                handled = text.count("print")  # a message handler sees it, but cannot stop it
                self.assertEqual(t.text().count("interrupted!"), before + 1 + handled, text)
        self.assertNotRegex(t.text(), r"repl:\d+:1: repl")  # the place is told once
        self.assertEqual(self.run_line(t, "background:status()"), '"running"')

    def test_the_place_of_an_interrupt_is_that_of_the_chunk(self):
        t = self.start(columns=120, rows=50)
        self.run_line(t, "pool = sandbox.pool(2)")
        def waits():
            return len(re.findall(r"main +in \w+", t.text()))
        def shown_again():
            t.line(":ps")
            time.sleep(0.05)
            return waits() > before
        for i, text in enumerate(("pool:map(sleep, {100, 100})", "pool:starmap(sleep, {{100}})", "return pool:map(sleep, {100})",
                                  "for _ in pool:imap(sleep, {100}) do end", "pool:submit(sleep, 100):result()",
                                  "do local p <close> = sandbox.pool(1) p:submit(sleep, 100) end",
                                  "sandbox.join_all {spawn(sleep, 100)}")):
            before = waits()
            t.line(text)
            t.wait_for(shown_again)
            t.key("C-c")
            t.wait_for("repl:%d:1: interrupted!" % (i + 2))
            t.wait_for_prompt()

    def test_errors_of_commands_have_no_place_of_the_prompt(self):
        t = self.start()
        for line in (":follow 99", "follow(99)", ":peek queue() -1", "unwatch()"):
            shown = self.run_line(t, line)
            self.assertNotIn("[sandbox ", shown)
            self.assertEqual(self.run_line(t, "print(_e)"), shown, line)
        self.assertEqual(shown, "nothing is watched")
        self.assertEqual(self.run_line(t, "unwatch(3)"), "nothing is watched under this number")

    def test_a_process_that_computes_has_no_place(self):
        t = self.start(columns=200)
        self.run_line(t, "sleep(0)")
        t.line("while true do end")
        t.line(":ps")
        t.wait_for(lambda: re.search(r"main +running", t.text()))
        self.assertNotIn("repl:", t.text())
        t.key("C-c")
        t.wait_for("interrupted!")

    def test_a_pool_that_was_interrupted_anywhere_works_on(self):
        t = self.start()
        self.run_line(t, "pool, me, list = sandbox.pool(2), sandbox.self(), {1, 2, 3, 4, 5, 6}")
        self.run_line(t, "function square(x) return x * x end")
        self.run_line(t, "function later() spawn({daemon = true, quiet = true}, function() "
                         "sleep(math.random() * 0.01) me:interrupt() end) end")
        for _ in range(10):
            for text in ("pool:map(square, list, 1)",
                         "for i, v in pool:imap_unordered(square, list, 2) do assert(v == i * i) end",
                         "assert(pool:submit(square, 3):result() == 9)",
                         "for i in pool:imap(square, function() return 3 end) do if i == 20 then break end end"):
                shown = self.run_line(t, "later() while true do " + text + " end")
                self.assertIn("interrupted!", shown)
                shown = self.run_line(t, "for _ = 1, 200 do squares = pool:map(square, list, 1) "  # one may be under way
                                         "if tostring(pool):find(' 0 tasks') then break end sleep(0.01) end")
                self.assertEqual(shown, "", text)
                shown = self.run_line(t, "table.concat(squares, ' '), tostring(pool):match('%d+ tasks')")
                self.assertEqual(shown.splitlines()[-1], '"1 4 9 16 25 36", "0 tasks"', text)
        self.assertEqual(self.run_line(t, "pool:close() print(pool:join(5))"), "true")

    def interrupt_until(self, t, text):
        """Ctrl-C until something is said; those that come fast one after the other count as one."""
        def said():
            if text in t.text():
                return True
            t.key("C-c")
            time.sleep(0.05)
        t.wait_for(said)

    def test_second_ctrl_c_warns_and_the_third_starts_a_new_session(self):
        t = self.start(columns=100)
        self.run_line(t, "x = 1 background = spawn({name='back'}, function() sleep(1000) end)")
        endless = "string.find(string.rep('x', 200000), '.-.-.-.-.-b')"
        t.line(endless)
        t.wait_for(lambda: t.at()[0] == "")
        self.interrupt_until(t, "the chunk does not stop; Ctrl-C once more kills the session, and its globals are lost")
        self.assertNotIn("the session was killed", t.text())
        self.interrupt_until(t, "the session was killed and starts again")
        t.wait_for_prompt()
        self.assertEqual(self.run_line(t, "x"), "nil")
        t.line(":ps")
        t.wait_for(lambda: re.search(r"2 +back", t.text()))

    def test_a_chunk_that_stops_late_costs_no_globals(self):
        t = self.start(columns=100)
        self.run_line(t, "x = 1")
        t.line("while true do string.find(string.rep('x', 200), '.-.-.-b') end")
        t.wait_for(lambda: t.at()[0] == "")
        t.key("C-c")
        t.wait_for_prompt()
        self.assertEqual(self.run_line(t, "x"), "1")

    def test_half_a_line_is_dropped(self):
        t = self.start()
        t.type("x = 12")
        t.key("C-c")
        t.wait_for("x = 12^C")
        t.wait_for_prompt()
        self.assertEqual(self.run_line(t, "x"), "nil")

    # -- background output

    def test_three_chatty_processes_leave_the_line_alone(self):
        t = self.start(columns=60)
        self.run_line(t, "go = sandbox.event()")
        self.run_line(t, "for i = 1, 3 do spawn({name = 'p' .. i}, function() go:wait() "
                         "for n = 1, 100 do print(('line %d'):format(n)) end end) end")
        typed = "-- half a line that is longer than the terminal is wide, so it is wrapped 日本"
        t.type("go:set() sleep(0.2) ")
        t.key("Enter")
        t.type(typed)
        t.wait_for(lambda: t.text().count("] line ") == 300)
        t.wait_for(lambda: "".join(l for l in t.all_lines()[-2:]) == "> " + typed)
        for i in (1, 2, 3):
            numbers = re.findall(r"\[p%d#\d+\] line (\d+)$" % i, t.text(), re.M)
            self.assertEqual(numbers, [str(n) for n in range(1, 101)])

    def test_mute_and_follow(self):
        t = self.start()
        self.run_line(t, "q, r = queue(), queue()")
        self.run_line(t, "p = spawn({name='p'}, function() for v in q:items() do print(v) r:put(1) end end)")
        self.run_line(t, "mute(p) q:put('unheard') r:get() mute(p, false) q:put('heard') r:get()")
        t.wait_for("[p#2] heard")
        self.assertNotIn("[p#2] unheard", t.text())

    # -- the end

    def test_ctrl_d_tells_who_runs_and_leaves(self):
        t = self.start()
        self.run_line(t, "p = spawn({name='still'}, function() sleep(1000) end)")
        pid = int(self.run_line(t, "p.pid"))
        t.key("C-d")
        t.wait_for("still#2")
        t.wait_for_prompt()
        t.key("C-d")
        self.assertEqual(t.exit_status(), 0)
        self.assertFalse(os.path.exists("/proc/%d" % pid))
        self.assertTrue(t.is_restored())

    def test_ctrl_d_drops_an_input_that_is_not_complete(self):
        t = self.start()
        self.run_line(t, "kept = 41")
        t.line("x =")
        t.wait_for(lambda: re.search(r"^>> $|^>>$", t.text(), re.M))
        t.key("C-d")
        t.wait_for("not complete, and is dropped")
        t.wait_for_prompt()
        self.assertEqual(self.run_line(t, "kept + 1"), "42")
        t.key("C-d")
        self.assertEqual(t.exit_status(), 0)

    def test_exit_status(self):
        t = self.start()
        t.line("os.exit(7)")
        self.assertEqual(t.exit_status(), 7)
        self.assertTrue(t.is_restored())

    def test_a_killed_session_starts_again(self):
        t = self.start()
        pid = int(self.run_line(t, "sandbox.getpid()"))
        os.kill(pid, 9)
        t.wait_for("killed by signal 9")
        t.line("40 + 2")  # perhaps before the new one is ready
        t.wait_for(lambda: re.search(r"^42$", t.text(), re.M))
        t.wait_for_prompt()

    def test_the_terminal_is_restored_when_the_program_is_killed(self):
        t = self.start()
        t.type("half")
        t.wait_for("> half")
        t.wait_for(lambda: t.modes()[6][termios.VINTR] == b"\0")  # the editor has made them its own
        os.kill(t.pid, 9)
        self.assertEqual(t.exit_status(), 137)
        t.wait_for(t.is_restored)

    # -- the rest of a day

    def test_saved_lines_run(self):
        t = self.start()
        for line in ("q = queue()", "p = spawn(function() q:put('hello') end)", "oops(", ):
            t.line(line)
        t.key("C-c")
        for line in ("nonsense()", "q:get() .. '!'", "ps()", "save('s.lua')"):
            t.line(line)
        t.wait_for("saved")
        r = subprocess.run([PROGRAM, os.path.join(t.home, "s.lua")], capture_output=True, text=True)
        self.assertEqual((r.returncode, r.stdout, r.stderr), (0, "hello!\n", ""))

    def test_script_then_prompt(self):
        with open(os.path.join(os.environ.get("TMPDIR", "/tmp"), "prompt-%d.lua" % os.getpid()), "w") as f:
            f.write("greeting = ... print('ran', arg[1]) error('late')")
        self.addCleanup(os.unlink, f.name)
        t = self.start("-i", f.name, "word")
        self.assertIn("ran     word", t.text())
        self.assertIn("late", t.text())
        self.assertEqual(self.run_line(t, "greeting"), '"word"')

    def test_dumb_terminal_gets_no_escapes(self):
        t = self.start(env={"TERM": "dumb"})
        self.run_line(t, "{1}")
        self.run_line(t, "p = spawn(function() print 'from p' end) p:join()")
        t.key("C-d")
        self.assertEqual(t.exit_status(), 0)
        self.assertNotIn(b"\033", t.raw)
        self.assertTrue(t.raw.endswith(b"> \r\n"), t.raw[-20:])

    def test_help_in_a_narrow_terminal(self):
        for arguments in (["--help"], ["--help", "all"], ["trace", "--help"], ["check", "--help"], ["agent", "--help"]):
            with self.subTest(arguments=arguments):
                t = Terminal([PROGRAM, *arguments], columns=40, rows=60)
                self.addCleanup(t.close)
                self.assertEqual(t.exit_status(), 0)
                lines = bytes(t.raw).decode().split("\r\n")
                self.assertLessEqual(max(map(len, lines)), 40, lines)
                self.assertTrue(lines[0].startswith("Usage: sandbox"), lines)

    def test_no_prompt_when_there_is_something_else_to_do(self):
        for arguments, printed in ((["-e", "print(7)"], "7"), (["-v"], "Lua.org")):
            t = Terminal([PROGRAM, *arguments])
            self.addCleanup(t.close)
            self.assertEqual(t.exit_status(), 0)
            self.assertIn(printed, t.text())
            self.assertFalse(any(l.startswith(">") for l in t.all_lines()))

    def test_no_color(self):
        t = self.start(env={"NO_COLOR": "1"})
        self.run_line(t, "{1, 'x'}")
        self.assertNotRegex(t.raw, rb"\033\[[0-9;]*m")

    def test_narrow_terminal(self):
        t = self.start(columns=40)
        self.run_line(t, "q = queue{name='a-rather-long-name'}")
        self.run_line(t, "p = spawn({name='consumer-of-things'}, function() q:get() end)")
        self.run_line(t, "ps()")
        self.run_line(t, "waits()")
        self.assertIn("consumer", t.text())

    def test_a_thousand_processes_leave_nothing_behind(self):
        t = self.start()
        session = int(self.run_line(t, "sandbox.getpid()"))

        def descriptors(pid):
            return len(os.listdir("/proc/%d/fd" % pid))

        def memory(pid):  # KiB, whether a child that is about to end shares it or not
            with open("/proc/%d/status" % pid) as f:
                return sum(int(l.split()[1]) for l in f if l.startswith(("RssAnon", "VmSwap")))
        self.run_line(t, "function many() for i = 1, 100 do spawn(function() end):join() end collectgarbage() end")
        for _ in range(7):  # as many as the run has records, and some more
            self.run_line(t, "many()")
        before = [descriptors(t.pid), descriptors(session)]
        kib = [memory(t.pid), memory(session)]
        for _ in range(10):
            self.run_line(t, "many()")
        t.wait_for(lambda: all(descriptors(pid) <= was for pid, was in zip((t.pid, session), before)))
        if not os.environ.get("SANDBOX_SANITIZED"):  # sanitizers keep what is freed
            for was, pid in zip(kib, (t.pid, session)):
                self.assertLess(memory(pid), was + 1024)


class Documents(unittest.TestCase):
    """A session that a document shows is typed, and must come out as it stands there."""

    def session(self, document):
        with open(os.path.join(SOURCE, document)) as f:
            text = f.read()
        block = re.search(r"<!-- test: prompt -->\n```text\n(.*?)```", text, re.S).group(1)
        return block.splitlines()

    def same(self, lines):
        """What may differ: how long somebody has waited, and white space in columns."""
        text = re.sub(r"\b\d+\.\ds\b", "0.0s", " ".join(" ".join(lines).split()))
        return text

    def await_sleep(self, t):
        """Until all processes of the run have slept for a while, or are stopped."""
        looks = 0

        def all_asleep():
            nonlocal looks
            looks = looks + 1 if all(state_of(p) in "ST" for p in descendants(t.pid)) else 0
            return looks == 25
        t.wait_for(all_asleep)

    def type_session(self, document):
        """The terminal in which the document's session was typed."""
        lines = self.session(document)
        t = Terminal([PROGRAM], columns=100, rows=60)
        self.addCleanup(t.close)
        t.wait_for_prompt()
        shown_before = len(t.all_lines()) - 1
        for i, line in enumerate(lines):
            if not line.startswith("> "):
                continue
            if line == "> waits()":
                self.await_sleep(t)  # a reader types slower than two processes fall asleep
            t.line(line[2:])
            expected = lines[:i + 1]
            for follows in lines[i + 1:]:
                if follows.startswith("> "):
                    break
                expected.append(follows)
            t.wait_for(lambda: self.same(t.all_lines()[shown_before:-1]) == self.same(expected)
                       and t.at()[0] == ">")
        return t

    def test_readme(self):
        self.type_session("README.md")

    def test_page(self):
        t = self.type_session("src/doc/prompt.md")
        saved = os.path.join(t.home, "experiment.lua")
        for _ in range(3):
            r = subprocess.run([PROGRAM, saved], capture_output=True, text=True, timeout=20)
            self.assertEqual((r.returncode, r.stderr), (0, ""))
            self.assertRegex(r.stdout, r"^queue: jobs#1 \(8 of 100 items\)\n(did\t1\n)?(7\n42|8\n48)\n$")


class Job(unittest.TestCase):
    """Under a shell with job control: Ctrl-Z and fg."""

    def start(self):
        t = Terminal(["bash", "--norc", "--noprofile", "-i"], env={"PS1": "$ "}, columns=100)
        self.addCleanup(t.close)
        t.wait_for_prompt("$ ")
        t.line(PROGRAM)
        t.wait_for_prompt()
        return t

    def spawn(self, t, name, body):
        t.line("%s = spawn({name='%s', daemon=true}, function() %s end) print('%s is', %s.pid)" %
               (name, name, body, name, name))
        return self.number_said(t, name + " is")

    def number_said(self, t, words):
        """The number behind these words, when the prompt stands below it."""
        return int(t.wait_for(lambda: re.search(r"^%s\s+(\d+)\n>$" % words, t.text(), re.M)).group(1))

    def await_states(self, t, expected):
        t.wait_for(lambda: all(state_of(pid) in states for pid, states in expected))

    def stop_and_continue(self, t, processes, paused):
        """Ctrl-Z: all stand still; fg: all but the paused one go on."""
        stopped = [(pid, "T") for pid in processes]
        t.key("C-z")
        t.wait_for_prompt("$ ")
        self.await_states(t, stopped + [(paused, "T")])
        t.line("fg")
        self.await_states(t, [(pid, "RS") for pid in processes] + [(paused, "T")])

    def sleepers(self, t):
        """The programs `sleep 1000` on this terminal."""
        count = 0
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % name, "rb") as f:
                    count += f.read() == b"sleep\x001000\x00" and os.getsid(int(name)) == os.getsid(t.pid)
            except OSError:  # it has ended meanwhile
                pass
        return count

    def test_the_whole_run_stops_and_goes_on(self):
        t = self.start()
        busy = self.spawn(t, "busy", "while true do end")
        nested = self.spawn(t, "nested", "q = queue() spawn(function() q:get() end) sleep(1000)")
        program = self.spawn(t, "program", "os.execute('exec sleep 1000')")
        paused = self.spawn(t, "paused", "while true do end")
        t.line("paused:pause() me = sandbox.self() print('I am', me.pid)")
        session = self.number_said(t, "I am")
        t.wait_for(lambda: children(nested) and children(program))
        everybody = [busy, nested, program, session] + children(nested) + children(program)
        for round in range(2):
            t.wait_for(lambda: t.at()[0].rstrip() == ">")
            self.stop_and_continue(t, everybody, paused)
        t.wait_for_prompt()

        t.line("while true do sleep(0.01) end")  # while a chunk runs
        t.wait_for(lambda: t.at()[0] == "")
        self.stop_and_continue(t, everybody, paused)
        t.key("C-c")
        t.wait_for_prompt()

        t.line("!sleep 1000")  # while another program has the terminal: before it has, the key would be the prompt's
        t.wait_for(lambda: self.sleepers(t) == 2)
        self.stop_and_continue(t, everybody, paused)
        t.key("C-c")
        t.wait_for_prompt()
        t.line("paused:resume()")
        self.await_states(t, [(paused, "R")])


if __name__ == "__main__":
    unittest.main()
