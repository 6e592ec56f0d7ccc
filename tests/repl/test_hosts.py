"""The prompt in a run over hosts: what other hosts do, and what is in the engine, in its tables."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from terminal import PromptCase, Terminal

PROGRAM = os.environ["SANDBOX"]


@unittest.skipUnless(shutil.which("redis-server"), "there is no redis-server here")
class Hosts(PromptCase):
    def background(self, *command, **options):
        p = subprocess.Popen(["timeout", "-s", "KILL", "250", *command], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, **options)
        self.addCleanup(lambda: (p.terminate(), p.wait()))
        return p

    def await_that(self, what, ready):
        for _ in range(1500):
            if ready():
                return
            time.sleep(0.02)
        self.fail("waited in vain for " + what)

    def listens(self, path):
        """The socket of a server is there before it listens."""
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(path) == 0

    def start_hosts(self):
        folder = tempfile.mkdtemp(prefix="hosts-")
        self.addCleanup(shutil.rmtree, folder, True)
        engine = os.path.join(folder, "redis")
        self.background("redis-server", "--port", "0", "--unixsocket", engine, "--save", "", "--dir", folder)
        self.await_that("redis-server", lambda: self.listens(engine))
        said = os.path.join(folder, "agent")
        with open(said, "w") as log:
            self.background(PROGRAM, "agent", "--name", "bert", "--slots", "2", "unix://" + engine, stderr=log)
        self.await_that("the agent", lambda: "ready" in open(said).read())
        t = Terminal([PROGRAM, "--engine", "unix://" + engine], columns=150)
        self.addCleanup(t.close)
        t.wait_for_prompt("> ")
        return t

    def rows_of(self, t, command, enough):
        """The table of a command, typed again until it tells enough."""
        for _ in range(300):
            text = self.run_text(t, command)
            if enough(text):
                return text
            time.sleep(0.1)
        self.fail(command + " shows\n" + text)

    def test_tables(self):
        t = self.start_hosts()
        self.run_line(t, 'q = sandbox.queue { name = "jobs", max = 2 } l = sandbox.lock { name = "key" } '
                         'e = sandbox.event { name = "go" }')
        self.run_line(t, 'p = spawn({ on = "bert", name = "maker" }, function() '
                         'local kid = spawn({ name = "kid" }, function() l:acquire() q:get() l:release() end) '
                         'e:wait() q:put(1) kid:join() end)')
        self.run_line(t, 'w = spawn({ name = "near" }, function() e:wait() end)')
        ps = self.rows_of(t, ":ps", lambda text: "jobs#1" in text and text.count("go#3") == 2)
        self.assertIn("HOST", ps)
        self.assertRegex(ps, r"maker +in wait +go#3 .*bert")
        self.assertRegex(ps, r"kid +in get +jobs#1 .*bert")
        self.assertRegex(ps, r"near +in wait +go#3")
        self.assertRegex(self.run_text(t, ":queues"), r"jobs +0 +2 +1 +kid#\d+@bert +engine")
        objects = self.run_text(t, ":objects")
        self.assertRegex(objects, r"lock +key +held +kid#\d+@bert")
        self.assertRegex(objects, r"event +go +not set +maker#\d+@bert, near#\d+")
        waits = self.run_text(t, ":waits")
        self.assertRegex(waits, r"kid#\d+@bert +get +jobs#1 .*anybody")
        self.assertNotIn("deadlock", waits)
        self.run_line(t, "e:set() p:join() w:join()")
        self.rows_of(t, ":ps", lambda text: "no other processes" in text)
        self.assertRegex(self.run_text(t, ":queues"), r"jobs +0 +2 +engine")

    def test_peek(self):
        t = self.start_hosts()
        self.run_line(t, 'spawn({ on = "bert" }, function(done) local q = sandbox.queue { name = "far" } '
                         'q:put("first") q:put({ 2 }) done:put(q) done:get() end, sandbox.queue { name = "done" })')
        self.rows_of(t, ":queues", lambda text: "far" in text and " 2 " in text)
        for line in (':peek "far"', 'peek("far", 5)', ":peek 2"):
            self.assertRegex(self.run_text(t, line), r"(?s)first.*2", line)
        self.assertNotIn("2", self.run_text(t, 'peek("far", 1)'))
        self.assertIn("no queue 'none' in the engine", self.run_text(t, ':peek "none"'))
        self.assertIn("no queue '9999' in the engine", self.run_text(t, ":peek 9999"))
        self.rows_of(t, ":queues", lambda text: "far" in text and " 2 " in text)  # nothing was taken

    def run_text(self, t, line):
        return "\n".join(self.run_line(t, line))


if __name__ == "__main__":
    unittest.main()
