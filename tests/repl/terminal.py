"""A program on a terminal in memory, for tests of what a person types and sees.

    with Terminal([program], columns=40) as t:
        t.wait_for_prompt()
        t.type("print(1)")
        t.key("Enter")
        t.wait_for("1")

What the program writes is fed to pyte, a terminal emulator; tests ask for what the screen shows.
Nothing sleeps for a fixed time: wait_for polls until the screen is as it should be, or fails with a
picture of it. What lines, at, cursor, text and picture tell is the screen at the last look, and only
wait_for, look, exit_status and typing look. So what is asserted after a wait is asserted of the very
screen that was waited for, not of one that the program is just drawing anew. pyte does not lay lines
out anew when it is resized; XTERM_VERSION says so, since xterm does not either (reflow=True leaves it
out).
"""

import fcntl
import os
import select
import shutil
import signal
import struct
import tempfile
import termios
import time
import unittest

import pyte
from wcwidth import wcwidth

TIMEOUT = 20 * int(os.environ.get("SANDBOX_SLOW", "1"))

KEYS = {
    "Enter": "\r", "Tab": "\t", "Escape": "\033", "Backspace": "\x7f", "Space": " ",
    "Up": "\033[A", "Down": "\033[B", "Right": "\033[C", "Left": "\033[D",
    "Home": "\033[H", "End": "\033[F", "Delete": "\033[3~", "PgUp": "\033[5~", "PgDn": "\033[6~",
    "C-Left": "\033[1;5D", "C-Right": "\033[1;5C", "F5": "\033[15~",
}


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def descendants(pid):
    return {p for child in children(pid) for p in {child} | descendants(child)}


def state_of(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]


class Screen(pyte.HistoryScreen):
    """Keeps what has scrolled off, as text."""

    def scrolled(self):
        return ["".join(row[x].data for x in range(self.columns)).rstrip()
                for row in self.history.top]

    def shown(self):
        """pyte's own `display` fails while one half of a wide character is overwritten and the other is not."""
        return [self.row_shown(self.buffer[y]).rstrip() for y in range(self.lines)]

    def row_shown(self, row):
        text, wide = [], False
        for x in range(self.columns):
            data = row[x].data
            if data or not wide:
                text.append(data or " ")
            wide = data >= "\u1100" and wcwidth(data[0]) == 2
        return "".join(text)


class Terminal:
    """Starts `argv` on a terminal of its own.

    env adds to a small environment (None removes a name), with HOME and the XDG folders in a
    temporary folder; home names one that is kept. pass_fds are inherited.
    """

    def __init__(self, argv, columns=80, rows=24, env=None, home=None, pass_fds=(), cwd=None,
                 reflow=False):
        self.folder = None if home else tempfile.mkdtemp(prefix="terminal-")
        self.home = home or self.folder
        self.screen = Screen(columns, rows, history=100000)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self.status = None
        self.master, self.slave = os.openpty()
        self._set_size(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        environment = self._environment(env or {}, reflow)
        self.pid = os.fork()
        if self.pid == 0:
            self._become(argv, environment, pass_fds, cwd)
        os.set_blocking(self.master, False)

    def _environment(self, env, reflow):
        kept = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LUA_PATH", "LUA_CPATH", "LSAN_OPTIONS")
        result = {name: os.environ[name] for name in kept if name in os.environ}
        result.update(TERM="xterm-256color", LC_ALL="C.UTF-8", HOME=self.home,
                      XDG_STATE_HOME=os.path.join(self.home, "state"),
                      XDG_CONFIG_HOME=os.path.join(self.home, "config"),
                      XDG_DATA_HOME=os.path.join(self.home, "data"))
        if not reflow:
            result["XTERM_VERSION"] = "XTerm(0)"
        result.update(env)
        return {name: value for name, value in result.items() if value is not None}

    def _become(self, argv, environment, pass_fds, cwd):
        try:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(self.slave, fd)
            for name in os.listdir("/proc/self/fd"):
                if int(name) > 2 and int(name) not in pass_fds:
                    try:
                        os.close(int(name))
                    except OSError:
                        pass
            for fd in pass_fds:
                os.set_inheritable(fd, True)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.chdir(cwd or self.home)
            os.execvpe(argv[0], argv, environment)
        finally:
            os._exit(127)

    # -- typing

    def type(self, text):
        """Keys as they are, unhurried: the program reads while we write."""
        self._write(self.master, text if isinstance(text, bytes) else text.encode())

    def _write(self, fd, data):
        """All of it, while the program reads; it fails if the program does not."""
        until = time.monotonic() + TIMEOUT
        while data:
            _, writable, _ = select.select([], [fd], [], 0.1)
            if writable:
                fileno = fd if isinstance(fd, int) else fd.fileno()
                data = data[os.write(fileno, data[:1024]):]
                until = time.monotonic() + TIMEOUT
            elif self.poll() is not None or time.monotonic() > until:
                raise AssertionError("nobody reads what is typed:\n" + self.picture())
            self._pump(0)

    def key(self, *names):
        """Keys by name: "C-c", "M-b", "Enter", "Up", ..."""
        for name in names:
            if name in KEYS:
                self.type(KEYS[name])
            elif name.startswith("M-"):
                rest = name[2:]
                self.type("\033" + KEYS.get(rest, rest))
            elif name.startswith("C-") and len(name) == 3:
                self.type(chr(ord(name[2].upper()) ^ 0x40))
            else:
                raise ValueError("no such key: " + name)

    def line(self, text):
        self.type(text + "\r")

    def paste(self, text):
        """As a terminal with bracketed paste does it."""
        self.type("\033[200~" + text.replace("\n", "\r") + "\033[201~")

    # -- the terminal

    def _set_size(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self._pump(0)
        self.screen.resize(rows, columns)
        self._set_size(columns, rows)

    def modes(self):
        """The terminal's settings; `before` are those at the start."""
        return termios.tcgetattr(self.slave)

    def is_restored(self):
        return self.modes() == self.before

    def hang_up(self):
        """The terminal's window is closed."""
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1

    # -- looking

    def _pump(self, seconds):
        """Take what comes within so many seconds. Returns whether anything did."""
        if self.master < 0:
            return False
        readable, _, _ = select.select([self.master], [], [], seconds)
        if not readable:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.raw += data
        self.stream.feed(data)
        return True

    def look(self):
        """At all that the program has written so far."""
        while self._pump(0):
            pass

    def lines(self):
        """The screen, line by line."""
        return self.screen.shown()

    def all_lines(self):
        """The same with what has scrolled off above, without empty lines at the end."""
        lines = self.lines()
        result = self.screen.scrolled() + lines
        while result and not result[-1]:
            result.pop()
        return result

    def text(self):
        return "\n".join(self.all_lines())

    def cursor(self):
        """(row, column), from 0."""
        return self.screen.cursor.y, self.screen.cursor.x

    def at(self):
        """The line in which the cursor is, and its column."""
        row, column = self.cursor()
        return self.lines()[row], column

    def picture(self):
        frame = "+" + "-" * self.screen.columns + "+"
        return "\n".join([frame] + ["|%s" % line for line in self.lines()] +
                         [frame, "cursor at row %d, column %d" % self.cursor()])

    def wait_for(self, what, timeout=TIMEOUT):
        """Until `what` is in the text (screen and above), or if it is a function, until it says
        so; returns its result."""
        until = time.monotonic() + timeout
        while True:
            self.look()
            result = what() if callable(what) else what in self.text()
            if result:
                return result
            if time.monotonic() > until:
                wanted = what if isinstance(what, str) else "what was asked for"
                raise AssertionError("%r did not come:\n%s" % (wanted, self.picture()))
            self._pump(0.02)

    def said(self, text):
        """Until the program has written this, however the screen has broken it into rows."""
        self.wait_for(lambda: text.encode() in self.raw)

    def wait_for_prompt(self, line="> "):
        """Until the cursor stands behind `line`, which is all there is in its row."""
        def there():
            return self.at() == (line.rstrip(), sum(max(wcwidth(c), 0) for c in line))
        try:
            self.wait_for(there)
        except AssertionError:
            raise AssertionError("no prompt %r:\n%s" % (line, self.picture())) from None

    def wait_for_screen(self, expected, timeout=TIMEOUT):
        """Until the whole screen, without empty lines at the end, is these lines."""
        expected = list(expected)
        while expected and not expected[-1]:
            expected.pop()

        def same():
            lines = self.lines()
            while lines and not lines[-1]:
                lines.pop()
            return lines == expected
        try:
            self.wait_for(same, timeout)
        except AssertionError:
            raise AssertionError("expected\n%s\nbut the screen is\n%s" %
                                 ("\n".join("|" + l for l in expected), self.picture())) from None

    # -- the end

    def poll(self):
        """The exit status if it has ended, 128+n for a signal; else None."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = (os.WEXITSTATUS(status) if os.WIFEXITED(status)
                               else 128 + os.WTERMSIG(status))
        return self.status

    def exit_status(self, timeout=TIMEOUT):
        """Wait for the end."""
        self.wait_for(lambda: self.poll() is not None, timeout)
        self.look()
        return self.status

    def close(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = 128 + signal.SIGKILL
        if self.master >= 0:
            os.close(self.master)
            os.close(self.slave)
            self.master = self.slave = -1
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def rows_of(text, columns):
    """The rows of a line on the screen, without blanks at their ends."""
    rows, width = [""], 0
    for c in text:
        width += max(wcwidth(c), 0)
        if width > columns:
            rows.append("")
            width = max(wcwidth(c), 0)
        rows[-1] += c
    return [row.rstrip() for row in rows]


class PromptCase(unittest.TestCase):
    """Tests of the prompt of the program under test."""

    def start(self, *arguments, **options):
        t = Terminal([os.environ["SANDBOX"], *arguments], **options)
        self.addCleanup(t.close)
        t.wait_for_prompt()
        return t

    PROMPTS = (">",)  # as they stand in a row

    def run_line(self, t, line):
        """Type a line at the prompt, wait for the next prompt, return the lines that came in between."""
        def at_prompt():
            row, column = t.at()
            return row in self.PROMPTS and column == len(row) + 1 and row

        def echo():
            """The row in which the line that was typed begins; what comes meanwhile moves it down."""
            lines = t.all_lines()
            for i in range(first, len(lines)):
                if [row.rstrip() for row in lines[i:i + len(typed)]] == typed:
                    return i
            return None

        def came():
            """All lines up to the next prompt."""
            at = echo()
            lines = t.all_lines()
            return at is not None and at_prompt() and len(lines) > at + len(typed) and lines
        prompt = t.wait_for(at_prompt)
        first, typed = len(t.all_lines()) - 1, rows_of(prompt + " " + line, t.screen.columns)
        t.line(line)
        lines = t.wait_for(came)
        return lines[echo() + len(typed):-1]
