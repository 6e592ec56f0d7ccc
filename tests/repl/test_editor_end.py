"""Interrupts, the end, and that the terminal is as it was, however it came to that."""

import os
import signal
import termios
import unittest

from demo import PROGRAM, Demo
from terminal import Terminal, children


def is_gone(pid):
    """No such process, or a zombie whose parent has better things to do."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


class Interrupt(unittest.TestCase):
    def test_drops_the_line_and_says_what_it_was(self):
        with Demo() as t:
            t.type("half a line")
            t.key("Left", "Left", "C-c")
            t.wait_for_screen(["> half a line^C", '<interrupt "half a line">', ">"])
            t.key("C-c")
            t.wait_for_screen(["> half a line^C", '<interrupt "half a line">', "> ^C",
                               '<interrupt "">', ">"])

    def test_of_a_wrapped_line_and_a_block(self):
        with Demo(columns=20) as t:
            t.paste("one\ntwo\n" + "x" * 30)
            t.key("Up", "C-c")
            t.said('<interrupt "one\\ntwo\\n' + "x" * 30 + '">')
            self.assertEqual(t.all_lines()[:4], ["> one", "two", "x" * 20, "x" * 10 + "^C"])

    def test_by_signal_has_the_same_effect(self):
        with Demo() as t:
            t.type("abc")
            t.wait_for_prompt("> abc")
            os.kill(t.pid, signal.SIGINT)
            t.wait_for_screen(["> abc^C", '<interrupt "abc">', ">"])

    def test_keeps_its_place_among_the_keys(self):
        with Demo() as t:
            t.type("one\x03two\rthree\x03four\r")
            t.said('<line "four">')
            said = [l for l in t.all_lines() if l.startswith("<")]
            self.assertEqual(said, ['<interrupt "one">', '<line "two">', '<interrupt "three">',
                                    '<line "four">'])

    def test_where_nothing_is_shown(self):
        with Demo(prompt="") as t:
            t.output("Name? ")
            t.wait_for("Name?")
            t.key("C-c")
            t.wait_for_screen(["Name? ^C", '<interrupt "">'])

    def test_between_two_reads_ends_the_next(self):
        with Demo() as t:
            t.type("kept")
            t.wait_for_prompt("> kept")
            t.send("j")
            t.wait_for_screen(['<stop "">', "> kept^C", '<interrupt "kept">', ">"])

    def test_while_a_key_is_waited_for_in_vi(self):
        with Demo() as t:
            with open(os.path.join(t.home, ".editrc"), "w", encoding="ascii") as f:
                f.write("bind -v\n")
            with Demo(home=t.home) as vi:
                for keys in ("abc\033f", "abc\033d", "abc\033r", "abc\0332", "abc\033/x"):
                    vi.type(keys)
                    vi.key("C-c")
                    vi.wait_for(lambda: vi.at() == (">", 2))
                    vi.type("ok\r")
                    vi.said('<line "ok">')
                    vi.wait_for_prompt()

    def test_after_ctrl_v_and_a_half_sequence(self):
        for keys in ("\x16", "\033", "\033["):
            with self.subTest(keys=keys), Demo() as t:
                t.type("abc" + keys)
                t.key("C-c")
                t.said("<interrupt")
                t.wait_for_prompt()


class Leave(unittest.TestCase):
    def test_ctrl_d(self):
        with Demo() as t:
            t.key("C-d")
            self.assertEqual(t.exit_status(), 0)
            t.wait_for_screen([">", "bye"])
            self.assertTrue(t.is_restored())

    def test_ctrl_d_in_vi(self):
        with Demo() as outer:
            with open(os.path.join(outer.home, ".editrc"), "w", encoding="ascii") as f:
                f.write("bind -v\n")
            for keys in ("\x04", "\033\x04"):
                with Demo(home=outer.home) as t:
                    t.type(keys)
                    self.assertEqual(t.exit_status(), 0)

    def test_keys_that_come_too_late_are_left_for_the_next_program(self):
        with Terminal(["/bin/sh", "-c", "%s; cat" % PROGRAM]) as t:
            t.wait_for_prompt()
            t.type("\x04for cat\n")
            t.wait_for(lambda: "for cat" in t.all_lines())

    def test_through_finish_while_a_line_is_typed(self):
        with Demo() as t:
            t.type("abc")
            t.wait_for_prompt("> abc")
            t.send("q", wait=False)
            self.assertEqual(t.exit_status(), 0)
            t.wait_for_screen(['<stop "">', "bye"])
            self.assertTrue(t.is_restored())

    def test_the_terminal_goes_away(self):
        with Demo() as t:
            pid, guards = t.pid, children(t.pid)
            os.kill(pid, signal.SIGCONT)
            t.hang_up()
            self.assertIn(t.exit_status(), (0, 128 + signal.SIGHUP))
            for guard in guards:
                t.wait_for(lambda: is_gone(guard))


class Guard(unittest.TestCase):
    def test_modes_while_editing_and_after(self):
        with Demo() as t:
            during = t.modes()
            self.assertFalse(during[3] & (termios.ECHO | termios.ICANON))
            self.assertTrue(during[1] & termios.OPOST)
            for number in (termios.VINTR, termios.VSUSP):
                self.assertEqual(during[6][number], b"\0")
            self.assertNotEqual(during[6][termios.VQUIT], b"\0")
            t.type("abc")
            t.wait_for("abc")
            t.key("Enter")
            t.said("<line")
            t.wait_for_prompt()
            self.assertEqual(t.modes(), during)

    def test_a_killed_editor_leaves_the_terminal_as_it_was(self):
        for signal_number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGQUIT):
            with self.subTest(signal=signal_number), Demo() as t:
                t.type("abc")
                t.wait_for_prompt("> abc")
                guards = children(t.pid)
                self.assertEqual(len(guards), 1)
                self.assertFalse(t.is_restored())
                os.kill(t.pid, signal_number)
                t.wait_for(t.is_restored)
                t.wait_for(lambda: is_gone(guards[0]))
                t.wait_for(lambda: t.raw.rfind(b"\033[?2004l") > t.raw.rfind(b"\033[?2004h"))

    def test_goes_with_the_editor(self):
        with Demo() as t:
            guard = children(t.pid)[0]
            t.key("C-d")
            self.assertEqual(t.exit_status(), 0)
            t.wait_for(lambda: is_gone(guard))

    def test_minds_no_signal_but_the_last(self):
        with Demo() as t:
            guard = children(t.pid)[0]
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT,
                           signal.SIGTSTP, signal.SIGTTOU):
                os.kill(guard, number)
            self.assertEqual(children(t.pid), [guard])
            os.kill(t.pid, signal.SIGKILL)
            t.wait_for(t.is_restored)

    def test_its_absence_does_no_harm(self):
        with Demo() as t:
            os.kill(children(t.pid)[0], signal.SIGKILL)
            t.type("abc")
            t.key("Enter")
            t.said('<line "abc">')
            t.key("C-d")
            self.assertEqual(t.exit_status(), 0)
            self.assertTrue(t.is_restored())

    def test_holds_nothing_but_the_terminal(self):
        with Demo() as t:
            guard = children(t.pid)[0]
            def held():
                folder = "/proc/%d/fd" % guard
                return sorted(os.readlink(folder + "/" + fd).split(":")[0]
                              for fd in os.listdir(folder))
            t.wait_for(lambda: len(held()) == 3)
            self.assertEqual([name for name in held() if name.startswith("/dev/pts/")],
                             [os.ttyname(t.slave)])
            self.assertNotIn("pipe", held())

    def test_leaves_modes_alone_that_are_not_the_editors(self):
        with Demo() as t:
            guard = children(t.pid)[0]
            os.kill(t.pid, signal.SIGSTOP)
            other = t.modes()
            other[3] |= termios.ECHO
            other[6][termios.VINTR] = b"\x03"
            termios.tcsetattr(t.slave, termios.TCSANOW, other)
            other = t.modes()
            os.kill(t.pid, signal.SIGKILL)
            t.wait_for(lambda: is_gone(guard))
            self.assertEqual(t.modes(), other)

    def test_modes_that_were_odd_before_are_odd_again(self):
        with Terminal(["/bin/sh", "-c", "stty -echo -ixon intr ^G && %s; cat" % PROGRAM]) as t:
            t.wait_for_prompt()
            t.key("C-d")
            t.wait_for("bye")
            t.wait_for(lambda: not t.modes()[3] & termios.ECHO and
                       t.modes()[6][termios.VINTR] == b"\x07" and t.modes()[3] & termios.ICANON)


class Pause(unittest.TestCase):
    def test_another_program_has_the_terminal(self):
        with Demo() as t:
            t.type("abc")
            t.wait_for_prompt("> abc")
            t.send("z")
            t.wait_for(t.is_restored)
            t.wait_for_screen([])
            t.output("kept\n")
            t.send("g")
            t.wait_for_screen(["kept", "> abc"])
            self.assertFalse(t.is_restored())
            t.type("d\r")
            t.said('<line "abcd">')

    def test_changes_of_its_modes_last(self):
        with Demo() as t:
            t.send("z")
            t.wait_for(t.is_restored)
            modes = t.modes()
            modes[0] &= ~termios.IXON
            termios.tcsetattr(t.slave, termios.TCSANOW, modes)
            t.send("g")
            t.wait_for_prompt()
            t.key("C-d")
            t.exit_status()
            self.assertEqual(t.modes(), modes)


class Job(unittest.TestCase):
    """Under a shell with job control."""

    def shell(self, **options):
        t = Terminal(["bash", "--norc", "--noprofile", "-i"], env={"PS1": "$ ", **options})
        t.wait_for_prompt("$ ")
        t.line(PROGRAM)
        t.wait_for_prompt()
        return t

    def test_ctrl_z_and_fg(self):
        with self.shell() as t:
            t.type("half a line")
            t.wait_for_prompt("> half a line")
            t.key("C-z")
            t.wait_for("Stopped")
            t.wait_for_prompt("$ ")
            t.line("echo from the shell")
            t.wait_for(lambda: "from the shell" in t.all_lines())
            t.line("fg")
            t.wait_for_prompt("> half a line")
            t.type("!\r")
            t.said('<line "half a line!">')
            t.key("C-d")
            t.wait_for("bye")
            t.wait_for_prompt("$ ")

    def test_a_stop_signal_from_elsewhere(self):
        with self.shell() as t:
            t.type("abc")
            t.wait_for_prompt("> abc")
            job = children(t.pid)[0]
            os.kill(job, signal.SIGTSTP)
            t.wait_for("Stopped")
            t.wait_for_prompt("$ ")
            t.line("fg")
            t.wait_for_prompt("> abc")

    def test_killed_under_a_shell(self):
        with self.shell() as t:
            os.kill(children(t.pid)[0], signal.SIGKILL)
            t.wait_for("Killed")
            t.wait_for_prompt("$ ")
            t.line("stty -a")
            t.wait_for("intr = ^C")
            t.line("echo typed is shown once")
            t.wait_for(lambda: "typed is shown once" in t.all_lines())
            self.assertIn("$ echo typed is shown once", t.all_lines())

    def test_where_nobody_would_continue_it_goes_on(self):
        with Demo() as t:  # its parent is in another session: the group is orphaned
            t.type("abc")
            t.key("C-z")
            t.type("d\r")
            t.said('<line "abcd">')


class Dumb(unittest.TestCase):
    def test_never_an_escape_sequence(self):
        for options, env in ((("--dumb",), {}), ((), {"TERM": "dumb"})):
            with self.subTest(options=options), Demo(*options, dumb=True, prompt="> ", env=env) as t:
                if not options:
                    continue  # what TERM says is for the owner to see
                t.type("abc\n")
                t.said('<line "abc">')
                t.wait_for_prompt()
                t.output("news\nhalf")
                t.wait_for_screen(["> abc", '<line "abc">', ">", "news", "half"])
                t.output(" more\n")
                t.send("p new> ")
                t.wait_for_prompt("new> ")
                t.type("x")
                t.type("\n")
                t.said('<line "x">')
                t.key("C-d")
                self.assertEqual(t.exit_status(), 0)
                t.wait_for("bye")
                self.assertNotIn(b"\033", t.raw)
                self.assertTrue(t.is_restored())

    def test_modes_are_left_alone(self):
        with Demo("--dumb", dumb=True) as t:
            self.assertTrue(t.is_restored())
            self.assertEqual(children(t.pid), [])

    def test_ctrl_c(self):
        with Demo("--dumb", dumb=True) as t:
            t.type("half")
            t.key("C-c")
            t.said('<interrupt "">')
            t.wait_for_prompt()
            t.line("whole")
            t.said('<line "whole">')

    def test_the_end_after_half_a_line(self):
        with Demo("--dumb", dumb=True) as t:
            t.type("half")
            t.key("C-d", "C-d")
            t.said('<line "half">')
            t.wait_for_prompt()
            t.key("C-d")
            t.wait_for_screen(["> half", '<line "half">', ">", "bye"])

    def test_stop_and_prompt_without_change(self):
        with Demo("--dumb", dumb=True) as t:
            t.send("s")
            t.said("<stop")
            t.wait_for_screen([">", '<stop "">', ">"])

    def test_without_a_terminal(self):
        with Terminal(["/bin/sh", "-c", "printf 'one\\ntwo' | %s --prompt ''" % PROGRAM]) as t:
            t.wait_for_screen(['<line "one">', '<line "two">', "bye"])
            self.assertEqual(t.exit_status(), 0)

    def test_with_output_to_a_file(self):
        with Terminal(["/bin/sh", "-c", "%s >out; cat -v out" % PROGRAM]) as t:
            t.type("one\n\x04")
            t.wait_for(lambda: '> <line "one">' in t.text())
            self.assertNotIn("^[", t.text())


if __name__ == "__main__":
    unittest.main()
