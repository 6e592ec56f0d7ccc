"""The line editor alone: tests/repl/editor_demo.c on a terminal, and its pipe for commands."""

import os

from terminal import Terminal

PROGRAM = os.environ.get("EDITOR_DEMO", "")


class Demo(Terminal):
    def __init__(self, *options, prompt="> ", **terminal):
        read_end, self.commands = os.pipe()
        super().__init__([PROGRAM, "--commands", str(read_end), "--prompt", prompt, *options],
                         pass_fds=(read_end,), **terminal)
        os.close(read_end)
        if prompt and "--dumb" not in options and terminal.get("env", {}).get("TERM") != "dumb":
            self.wait_for_prompt(prompt)

    def send(self, command):
        """One of the commands that editor_demo.c lists, with \\n and \\e in its text."""
        data = command.encode() + b"\n"
        while data:
            data = data[os.write(self.commands, data):]
            self._pump(0)

    def output(self, text):
        self.send("o " + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\033", "\\e"))

    def close(self):
        if self.commands >= 0:
            os.close(self.commands)
            self.commands = -1
        super().close()
