"""What sandbox --completions prints, in zsh on a terminal. bash and fish need none: cli/options_spec.lua."""

import os
import shutil
import tempfile
import unittest

from terminal import Terminal

FOLDER = os.path.dirname(os.environ["SANDBOX"])
ZSH = shutil.which("zsh")


@unittest.skipUnless(ZSH, "zsh is not installed")
class Zsh(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="zsh-")
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("one.lua", "two.txt"):
            open(os.path.join(self.folder, name), "w").close()
        self.t = t = Terminal([ZSH, "-f", "-i"], columns=120, rows=70, cwd=self.folder,
                              env={"PATH": FOLDER + ":" + os.environ["PATH"]})
        self.addCleanup(t.close)
        self.said("print begun", "begun")
        self.said("PS1='%% ' zle_highlight=(none); autoload -Uz compinit && compinit -u -D && "
                  "eval \"$(sandbox --completions zsh)\" && print loaded", "loaded")

    def said(self, command, answer):
        self.t.line(command)
        self.t.wait_for(lambda: answer in self.t.lines())

    def offers(self, typed, expected):
        """The words that Tab offers behind `typed`, or the line that it makes of it, are these."""
        t = self.t
        t.line("clear; print cleared")
        t.wait_for(lambda: t.lines()[0] == "cleared" and t.at()[0] == "%")
        t.type(typed)
        t.wait_for(lambda: t.at()[0] == "% " + typed.rstrip())
        t.key("Tab")

        def offered():
            rows = [r for r in t.lines() if r]
            words = sorted(w for r in rows[2:] for w in ([r.split()[0]] if " -- " in r else r.split()))
            return words or next((r[2:] for r in rows if r.startswith("% ")), None)
        try:
            t.wait_for(lambda: offered() == expected)
        except AssertionError:
            self.assertEqual(offered(), expected)
        t.key("C-u")

    def test_options(self):
        self.offers("sandbox --spe", "sandbox --speed=")
        self.offers("sandbox --shake", ["--shake", "--shake-same", "--shake-token"])
        self.offers("sandbox --output ", ["raw", "tag"])
        self.offers("sandbox --stats=", "sandbox --stats=json")
        self.offers("sandbox --trace ", ["one.lua", "two.txt"])

    def test_commands(self):
        self.offers("sandbox tra", "sandbox trace")
        self.offers("sandbox check --t", ["--table", "--timeout"])
        self.offers("sandbox trace --st", "sandbox trace --stats=")
        self.offers("sandbox trace ", ["one.lua", "two.txt"])

    def test_behind_the_script_are_its_own_arguments(self):
        self.offers("sandbox one.lua tw", "sandbox one.lua two.txt")
        self.t.line("clear")
        self.t.wait_for(lambda: self.t.lines()[0] == "%")
        self.t.type("sandbox one.lua --sp")
        self.t.key("Tab")
        self.t.type("!")
        self.t.wait_for(lambda: self.t.at()[0] in ("% sandbox one.lua --sp!", "% sandbox one.lua --speed=!"))
        self.assertEqual(self.t.at()[0], "% sandbox one.lua --sp!")
        self.t.key("C-u")


if __name__ == "__main__":
    unittest.main()
