"""The line editor alone: tests/repl/editor_demo.c on a terminal, and its pipe for commands."""

import os
import select
import socket

from terminal import Terminal

PROGRAM = os.environ["EDITOR_DEMO"]


class Demo(Terminal):
    def __init__(self, *options, prompt="> ", dumb=False, **terminal):
        self.commands, theirs = socket.socketpair()
        super().__init__([PROGRAM, "--commands", str(theirs.fileno()), "--prompt", prompt,
                          *options], pass_fds=(theirs.fileno(),), **terminal)
        theirs.close()
        if not dumb:
            self.said("\033[?2004h")  # before, the terminal itself would show what is typed
        if prompt:
            self.wait_for_prompt(prompt)

    def send(self, command, wait=True):
        """One of the commands that editor_demo.c lists, with \\n and \\e in its text; until it was
        carried out."""
        self._write(self.commands, command.encode() + b"\n")
        if wait:
            self.wait_for(lambda: select.select([self.commands], [], [], 0.01)[0])
            self.commands.recv(1)
            self.look()

    def output(self, text):
        self.send("o " + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\033", "\\e"))

    def close(self):
        self.commands.close()
        super().close()
