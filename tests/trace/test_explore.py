"""The page of an exploration, in a browser without network: the schedule, the slider, choosing the next step, the tree."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import browser

SANDBOX = os.environ["SANDBOX"]
SCRIPTS = os.path.join(os.environ["SANDBOX_SOURCE"], "tests", "explore")

HOSTILE = """
local q = queue { name = '</script><b>"&\\\\' }
spawn({ name = 'wri"<b>' }, function() q:put "</script>" end)
spawn({ name = '<i>' }, function() q:put "<!--" end)
assert(q:get() == "<!--", "it is </script><img src=x>") q:get()
"""


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sandbox-explore-")
        cls.browser = browser.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        shutil.rmtree(cls.folder)

    def open(self, *args, **how):
        page = os.path.join(self.folder, "x.html")
        done = subprocess.run([SANDBOX, "--explore", "--trace", page, *args], capture_output=True, text=True, timeout=120)
        self.assertIn(done.returncode, (0, 5), done.stderr)
        self.browser.open(page, **how)
        self.clean()

    def script(self, name, **how):
        self.open(os.path.join(SCRIPTS, name), **how)

    def js(self, text):
        return self.browser.run(text)

    def text(self, css):
        return self.js(f"document.querySelector({css!r}).textContent")

    def press(self, css, words):
        found = self.js(f"(() => {{ const b = [...document.querySelectorAll({css!r})].find(b => b.textContent.includes({words!r}) || "
                        f"b.getAttribute('aria-label') === {words!r}); if (b) b.click(); return !!b; }})()")
        self.assertTrue(found, (css, words))

    def clean(self):
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual([r for r in self.browser.requests() if not r.startswith("file://")], [])
        self.assertEqual(self.js("document.documentElement.dataset.ready"), "yes")

    def test_the_failing_schedule_is_shown(self):
        self.script("dining.lua")
        self.assertIn("168 interleavings", self.text("#found"))
        self.assertIn("A deadlock: 3 steps", self.text("#found"))
        self.assertIn("goes round in a circle", self.text("#found"))
        self.assertEqual(self.text("#schedule .now"), "3 of 3")
        self.assertEqual(self.js("document.querySelectorAll('#schedule circle.dot').length"), 3)
        self.assertEqual(self.js("document.querySelectorAll('#schedule line.last').length"), 1)
        self.assertIn("nobody can ever go on", self.text("#next"))
        self.assertIn("philosopher1#2 waits", self.text("#next"))
        self.assertEqual(self.js("[...document.querySelectorAll('#next tr')].map(r => r.textContent)"),
                         ["fork1 lockheld by philosopher1#2", "fork2 lockheld by philosopher2#3", "fork3 lockheld by philosopher3#4"])
        self.assertEqual(self.js("document.querySelectorAll('#next tr.new').length"), 1)
        self.assertEqual(self.js("document.querySelectorAll('#source li.on').length"), 1)

    def test_the_slider_and_the_keys_move_through_it(self):
        self.script("lost_update.lua")
        steps = self.js("+document.querySelector('input[type=range]').max")
        self.assertEqual(self.text("#schedule .now"), f"{steps} of {steps}")
        self.js("(() => { const r = document.querySelector('input[type=range]'); r.value = 1; r.dispatchEvent(new Event('input')); })()")
        self.assertEqual(self.text("#schedule .now"), f"1 of {steps}")
        for key, at in (("ArrowRight", 2), ("Home", 0), ("ArrowLeft", 0), ("End", steps), ("ArrowRight", steps)):
            self.js("document.activeElement.blur()")
            self.browser.call("Input.dispatchKeyEvent", type="keyDown", key=key)
            self.assertEqual(self.text("#schedule .now"), f"{at} of {steps}", key)
        self.press("#schedule button", "one step back")
        self.assertEqual(self.text("#schedule .now"), f"{steps - 1} of {steps}")
        self.assertEqual(self.js("document.querySelectorAll('.strip button').length"), steps + 1)

    def test_another_schedule_is_chosen_step_by_step(self):
        self.script("dining.lua")
        self.press("#found button", "From the beginning")
        self.assertEqual(self.text("#schedule .now"), "0 of 0")
        for _ in range(100):
            if not self.js("!!document.querySelector('#next .next button')"):
                break
            self.js("document.querySelector('#next .next button').click()")
        self.assertIn("it ends well", self.text("#next .next"))
        self.assertEqual(self.text("#schedule .now"), "12 of 12")
        self.press("#found button", "A deadlock")
        self.press("#schedule button", "to the beginning")
        self.press("#next button", "philosopher1#2")
        self.assertIn("You have left this schedule", self.text("#found"))
        self.clean()

    def test_the_tree_is_opened_and_leads_there(self):
        self.script("dining.lua")
        before = self.js("document.querySelectorAll('.tree li').length")
        self.js("document.querySelector('.tree .twig[aria-expanded=false]').click()")
        self.assertGreater(self.js("document.querySelectorAll('.tree li').length"), before)
        self.assertIn("deadlock", self.text(".tree"))
        self.js("document.querySelector('.tree .go').click()")
        self.assertEqual(self.text("#schedule .now"), "1 of 1")

    def test_what_was_put_and_taken_is_joined(self):
        self.script("early_sentinel.lua")
        self.assertGreater(self.js("document.querySelectorAll('#schedule path.arrow').length"), 0)

    def test_a_circle(self):
        self.script("starving_writer.lua")
        self.assertIn("can be repeated for ever", self.text("#found"))

    def test_nothing_wrong(self):
        self.open("-e", "local q = queue() spawn(function() q:put(1) end) print(q:get())")
        self.assertIn("No process fails", self.text("#found"))
        self.press("#next .next button", "put")
        self.press("#next .next button", "get")
        self.assertEqual(self.text("#schedule .out"), "1\n")

    def test_hundreds_of_steps_of_a_program_that_is_too_long_for_all(self):
        self.open("--explore=60000", "-e", """
            local count, list = sandbox.value(0), {}
            for i = 1, 4 do list[i] = spawn(function() for _ = 1, 100 do count:set(count:get() + 1) end end) end
            assert(sandbox.join_all(list))
            assert(count:get() == 400, "an addition was lost")""")
        self.assertIn("not all", self.text("#found"))
        self.assertGreater(self.js("document.querySelectorAll('#schedule circle.dot').length"), 700)
        self.assertEqual(self.js("document.documentElement.scrollWidth - innerWidth"), 0)
        self.press("#schedule button", "to the beginning")
        self.assertIn("unknown", self.text("#next"))

    def test_names_are_never_markup(self):
        self.open("-e", HOSTILE)
        self.assertEqual(self.js("document.querySelectorAll('main b, main i, main img').length"
                                 " - document.querySelectorAll('#next b, .why b').length"), 0)
        self.assertIn('wri"<b>', self.text("#schedule"))

    def test_in_both_themes_and_on_a_phone(self):
        for name, how in (("dining.lua", {"dark": True}), ("one_condition.lua", {"width": 390, "height": 844, "touch": True, "scale": 2})):
            self.script(name, **how)
            self.assertEqual(self.js("document.documentElement.scrollWidth - innerWidth"), 0, (name, how))
            self.assertEqual(self.js("document.documentElement.dataset.theme"), "dark" if how.get("dark") else "light")


if __name__ == "__main__":
    if not browser.program():
        print("no browser: skipped", file=sys.stderr)
        sys.exit(77)
    unittest.main()
