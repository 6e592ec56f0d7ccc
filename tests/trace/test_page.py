"""The HTML page of a trace, in a browser without network: what it shows, and that it can be worked with by mouse, keyboard
and screen reader, in both themes, on a phone and on paper. Runs are made up by draw.c; DRAW is that program."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import browser

DRAW = os.environ["DRAW"]
SLOW = float(os.environ.get("SANDBOX_SLOW", "1"))
SAMPLES = ["serial", "process", "queue", "producers", "philosophers", "pool", "empty", "hostile", "lost", "stopped", "crowd", "merged"]
STATES = 7  # the last is that of a prompt without a line: it is to be faint

SECTIONS = {
    "serial": ["Facts", "What each process did", "Who waited for what", "Processes", "Replay"],
    "queue": ["Facts", "What each process did", "Queues", "Who waited for what", "Lines that waited", "Processes", "Replay"],
    "producers": ["Facts", "What each process did", "Queues and counters", "Who waited for what", "Lines that waited", "Processes",
                  "Replay"],
    "philosophers": ["Facts", "What each process did", "Who waited for what", "Deadlock", "Lines that waited", "Processes",
                     "Replay"],
}

# The colours on the first chart, and how many of its pixels have them.
COLOURS = """(() => {
  const c = document.querySelector('#chart .chart canvas'), n = new Map();
  const px = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  for (let i = 0; i < px.length; i += 4) {
    const key = '#' + [px[i], px[i + 1], px[i + 2]].map(v => v.toString(16).padStart(2, '0')).join('');
    n.set(key, (n.get(key) || 0) + 1);
  }
  return Object.fromEntries(n);
})()"""


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(a, b):
    a, b = sorted((luminance(a), luminance(b)))
    return (b + 0.05) / (a + 0.05)


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sandbox-page-")
        cls.browser = browser.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        shutil.rmtree(cls.folder)

    def draw(self, *samples, what="html"):
        """Write the picture of samples; returns its path."""
        path = os.path.join(self.folder, "-".join(samples).replace(":", "_") + "." + what)
        self.seconds = float(subprocess.run([DRAW, what, path, *samples], check=True, capture_output=True, text=True).stdout)
        return path

    def open(self, *samples, **how):
        self.page = self.draw(*samples)
        self.browser.open(self.page, **how)
        return self.browser

    def run_js(self, text):
        return self.browser.run(text)

    def click(self, css, name):
        """Press the button with this text or label."""
        self.run_js(f"[...document.querySelectorAll({css!r})].find(b => b.textContent === {name!r} || "
                    f"b.getAttribute('aria-label') === {name!r}).click()")
        self.browser.frame()

    def key(self, key, shift=False):
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" and len(key) == 1 else {}
            self.browser.call("Input.dispatchKeyEvent", type=kind, key=key, modifiers=8 if shift else 0, **text)
        self.browser.frame()

    def mouse(self, kind, x, y, **more):
        self.browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def view(self):
        return self.run_js("[trace.view.from, trace.view.to]")

    def chart(self):
        """Scroll to the chart; returns its canvas: left, top, width, height."""
        self.run_js("document.getElementById('chart').scrollIntoView({behavior: 'instant'})")
        self.browser.frame()
        return self.run_js("(() => { const b = document.querySelector('#chart .chart canvas').getBoundingClientRect();"
                           " return [b.left, b.top, b.width, b.height]; })()")

    def clean(self):
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual([r for r in self.browser.requests() if not r.startswith("file://")], [])
        self.assertEqual(self.run_js("document.documentElement.dataset.ready"), "yes")

    # -- what is there

    def test_sections(self):
        for sample, titles in SECTIONS.items():
            self.open(sample)
            self.assertEqual(self.run_js("[...document.querySelectorAll('h2')].map(h => h.textContent)"), titles, sample)
            self.assertEqual(self.run_js("[...document.querySelectorAll('nav a')].map(a => a.textContent)"), titles)
            self.clean()

    def test_every_sample_in_both_themes_and_on_a_phone(self):
        for sample in SAMPLES:
            for how in ({}, {"dark": True}, {"width": 390, "height": 844, "touch": True, "scale": 2}):
                self.open(sample, **how)
                self.run_js("trace.charts.forEach(c => c.draw())")
                self.clean()
                self.assertEqual(self.run_js("document.documentElement.scrollWidth - innerWidth"), 0, (sample, how))
                self.assertEqual(self.run_js("document.documentElement.dataset.theme"), "dark" if how.get("dark") else "light")

    def test_the_data_is_what_was_written(self):
        for sample in SAMPLES:
            self.open(sample)
            wrong = self.run_js("""trace.runs.flatMap(R => R.processes.flatMap(p => {
              const sum = new Array(7).fill(0);
              let at = p.begin, bad = [];
              for (let i = p.i0; i < p.i1; i++) {
                sum[R.state[i]] += R.to[i] - R.from[i];
                if (Math.abs(R.from[i] - at) > R.facts.unit) bad.push(p.label + ' has a gap');
                at = R.to[i];
              }
              const off = (p.i1 - p.i0 + 1) * R.facts.unit;
              return bad.concat(sum.map((v, s) => Math.abs(v - p.spent[s]) <= off ? '' : p.label + ' ' + s + ': ' + v).filter(Boolean));
            }))""")
            self.assertEqual(wrong, [], sample)

    def test_numbers_of_a_run(self):
        self.open("process")
        text = self.run_js("document.getElementById('facts').innerText")
        for part in ("9.02\xa0s", "1.78 ×", "16.0\xa0s", "at most 3 at once", "42", "31.0\xa0ms"):
            self.assertIn(part, text)

    def test_losses_are_told(self):
        self.open("lost")
        text = self.run_js("document.getElementById('facts').innerText")
        for part in ("12,345", "gaps", "1 name or line had no room", "--trace-limit", "20 times as fast"):
            self.assertIn(part, text)

    def test_two_runs_on_one_axis(self):
        self.open("serial", "process")
        self.assertEqual(self.run_js("document.querySelector('h1').textContent"), "serial.lua beside process.lua")
        self.assertIn("1.8 times as fast", self.run_js("document.querySelector('.say').textContent"))
        rows = self.run_js("trace.charts[0].rows.map(r => [r.R.number, r.head ? r.R.name : r.label])")
        self.assertEqual(rows, [[0, "serial.lua"], [0, "main"], [1, "process.lua"], [1, "main"], [1, "download#2"], [1, "download#3"]])
        self.assertGreater(self.view()[1], 16e9)
        # Each section is there for either run: buttons choose.
        table = "document.querySelector('#processes div:not([hidden]) > .scroll tbody').rows.length"
        self.assertEqual(self.run_js(table), 3)
        self.click("#processes button", "serial.lua")
        self.assertEqual(self.run_js(table), 1)
        self.clean()

    def test_hostile_names(self):
        self.open("hostile")
        self.clean()
        self.assertEqual([e for e in self.browser.events if e.get("method") == "Page.javascriptDialogOpening"], [])
        self.assertEqual(self.run_js("document.querySelectorAll('img, main b > b, main script, main svg:not(.wf)').length"), 0)
        self.assertIn("</script><script>alert(1)</script>.lua", self.run_js("document.title"))
        self.assertIn("</script><b>\"'&amp;\\n", self.run_js("document.querySelector('#processes table').textContent"))
        self.assertIn("<img src=x onerror=alert(1)>#1 queue", self.run_js("document.querySelector('#waits table').textContent"))

    def test_deadlock(self):
        self.open("philosophers")
        self.assertEqual(self.run_js("document.querySelectorAll('#deadlock svg .wf-stuck rect').length"), 11)
        self.assertIn("wait for each other", self.run_js("document.querySelector('#deadlock pre').textContent"))
        self.assertEqual(self.run_js("[...document.querySelectorAll('#processes tbody tr')].filter(r => "
                                     "r.textContent.includes('in the deadlock')).length"), 6)
        self.open("queue")
        self.assertIsNone(self.run_js("document.getElementById('deadlock')"))

    def test_waits(self):
        self.open("producers")
        row = self.run_js("[...document.querySelector('#waits tbody').rows[0].cells].map(c => c.textContent)")
        self.assertEqual(row[:5], ["counter#1 queue", "put", "producers.lua:20", "9", "3"])
        self.assertEqual(self.run_js("document.querySelector('#waits .heat tbody').rows.length"), 5)
        self.open("queue")
        self.assertIn("assert(join(reader))", self.run_js("document.querySelector('#lines').textContent"))

    def test_the_colours_of_what_happened_are_on_the_chart(self):
        for sample, states in (("stopped", (0, 2, 4, 5)), ("queue", (3, 4)), ("producers", (0, 1, 3, 4))):
            for dark in (False, True):
                self.open(sample, dark=dark)
                seen = self.run_js(COLOURS)
                css = self.run_js(f"[...Array({STATES})].map((_, s) => getComputedStyle(document.documentElement).getPropertyValue('--s' + s).trim())")
                for s in range(STATES):
                    colour = css[s] if len(css[s]) == 7 else "#" + "".join(2 * c for c in css[s][1:])
                    if s in states:
                        self.assertGreater(seen.get(colour, 0), 100, (sample, dark, s))
                    elif s < 5 and not (s == 0 and sample == "queue"):  # 5 is the colour of the paper
                        self.assertLess(seen.get(colour, 0), 20, (sample, dark, s))

    # -- work with it

    def test_zoom_and_pan_by_mouse(self):
        self.open("producers")
        left, top, width, height = self.chart()
        x, y, whole = left + width / 2, top + height / 2, self.view()
        self.mouse("mouseWheel", x, y, deltaX=0, deltaY=-300, modifiers=2)
        self.browser.frame()
        near = self.view()
        self.assertLess(near[1] - near[0], 0.7 * (whole[1] - whole[0]))
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        for step in range(1, 11):
            self.mouse("mouseMoved", x - 10 * step, y, button="left", buttons=1)
        self.mouse("mouseReleased", x - 100, y, button="left", clickCount=1)
        self.browser.frame()
        moved = self.view()
        self.assertAlmostEqual(moved[1] - moved[0], near[1] - near[0], delta=1e3)
        self.assertGreater(moved[0], near[0] + 0.05 * (near[1] - near[0]))
        # A page is scrolled by the wheel, as long as the chart was not chosen.
        self.run_js("document.activeElement.blur()")
        self.mouse("mouseWheel", x, y, deltaX=0, deltaY=120)
        self.browser.frame()
        self.assertEqual(self.view(), moved)
        self.click("#chart button", "Show all")
        self.assertEqual(self.view(), whole)
        self.click("#chart button", "Zoom in")
        self.click("#chart button", "Later")
        self.assertLess(self.view()[1] - self.view()[0], whole[1] - whole[0])
        self.clean()

    def test_tooltip_and_choice(self):
        self.open("queue")
        left, top, width, height = self.chart()
        row = self.run_js("trace.charts[0].rows.findIndex(r => r.label === 'write#2')")
        y = top + self.run_js(f"trace.charts[0].rows[{row}].y + trace.charts[0].rows[{row}].h / 2")
        x = left + self.run_js("trace.charts[0].x(4e9)")
        self.mouse("mouseMoved", x, y)
        self.browser.frame()
        self.assertIn("write#2 sleeps: sleep 3.00", self.run_js("document.getElementById('tip').textContent"))
        self.assertIn("queue.lua:10", self.run_js("document.getElementById('tip').textContent"))
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1)
        self.browser.frame()
        self.assertIn("write#2 sleeps", self.run_js("document.querySelector('.detail').textContent"))

    def test_keyboard(self):
        self.open("queue")
        self.chart()
        self.run_js("document.querySelector('#chart .chart canvas').focus()")
        whole = self.view()
        detail = "document.querySelector('.detail').textContent"
        self.assertEqual(self.run_js("document.querySelector('.detail').getAttribute('aria-live')"), "polite")
        for key, says in (("ArrowDown", "main runs"), ("ArrowRight", "main waits: join write#2"), ("ArrowDown", "write#2"),
                          ("ArrowRight", "write#2"), ("ArrowUp", "main")):
            self.key(key)
            self.assertIn(says, self.run_js(detail), key)
        self.key("+")
        near = self.view()
        self.assertLess(near[1] - near[0], whole[1] - whole[0])
        self.key("d")
        self.assertGreater(self.view()[0], near[0])
        self.key("0")
        self.assertEqual(self.view(), whole)
        self.key("Enter")  # to what is chosen
        self.assertLess(self.view()[1] - self.view()[0], whole[1] - whole[0])
        self.key("Escape")
        self.assertEqual(self.run_js(detail), "")
        self.clean()

    def test_groups_open(self):
        self.open("crowd")
        left, top, width, height = self.chart()
        rows = self.run_js("trace.charts[0].rows.map(r => r.label)")
        self.assertEqual(rows, ["main", "visitor ×400", "guest ×100"])
        y = top + self.run_js("trace.charts[0].rows[1].y + 10")
        self.mouse("mousePressed", left + 30, y, button="left", clickCount=1)
        self.mouse("mouseReleased", left + 30, y, button="left", clickCount=1)
        self.browser.frame()
        self.assertGreater(self.run_js("trace.charts[0].rows.length"), 400)
        self.assertGreater(self.run_js("document.querySelector('#chart .chart').scrollHeight"), 5000)
        self.assertLess(self.run_js("document.querySelector('#chart .chart').clientHeight"), 900)
        self.clean()

    def test_arrows_show_items(self):
        for sample, items in (("queue", 3), ("producers", 12), ("merged", 60)):
            self.open(sample)
            found = self.run_js("""(() => { let n = 0; const c = trace.charts[0], f = CanvasRenderingContext2D.prototype;
              const old = f.bezierCurveTo; f.bezierCurveTo = function (...a) { n++; old.apply(this, a); };
              c.draw(); f.bezierCurveTo = old; return n; })()""")
            self.assertEqual(found, items if sample == "merged" else 2 * items, sample)  # few have an edge of the paper's colour

    def test_guesses_are_called_so(self):
        self.open("merged")
        text = self.run_js("document.getElementById('queues').textContent")
        self.assertIn("--trace-detail all", text)
        self.assertIn("about ", text)
        self.open("queue")
        self.assertNotIn("about ", self.run_js("document.getElementById('queues').textContent"))

    def test_replay(self):
        self.open("queue")
        time = "document.querySelector('#replay .now').textContent"
        line = "[...document.querySelectorAll('.src li.on')].map(l => l.textContent)"
        self.click("#replay button", "Next step")
        self.assertEqual(self.run_js(time), "0\xa0s")
        for _ in range(5):  # new, spawn, join, put, sleep
            self.click("#replay button", "Next step")
        self.assertIn("    sleep(3)write#2", self.run_js(line))
        self.assertIn("assert(join(writer))main", self.run_js(line))
        self.run_js("(() => { const s = document.querySelector('#replay input'); s.value = 7000; s.oninput(); })()")
        self.assertEqual(self.run_js(time), "12.6\xa0s")
        self.assertIn("    sleep(3)read#3", self.run_js(line))
        self.assertIn("queue#1■□□1 item", self.run_js("document.querySelector('.cards').textContent"))
        self.assertIn("get queue#1, item 2", self.run_js("document.querySelector('.log').textContent"))
        self.click("#replay button", "Step back")
        self.assertIn("12.0\xa0s", self.run_js(time))
        self.click("#replay button", "End")
        self.assertEqual(self.run_js("trace.view.now"), None)
        self.clean()

    def test_what_next_hides_what_follows(self):
        self.open("philosophers")
        self.click("#replay button", "What next?")
        hidden = "['facts', 'waits', 'deadlock', 'lines', 'processes'].map(id => document.getElementById(id).innerText)"
        for text in self.run_js(hidden):
            self.assertIn("Hidden while you guess", text)
            self.assertLess(len(text), 100)
        self.run_js("trace.charts.forEach(c => c.draw())")
        red = "getComputedStyle(document.documentElement).getPropertyValue('--s2').trim()"
        self.assertLess(self.run_js(COLOURS).get(self.run_js(red), 0), 5)
        self.assertNotIn("deadlock", self.run_js("document.getElementById('replay').innerText"))
        self.click("#replay button", "What next?")
        self.assertGreater(min(len(t) for t in self.run_js(hidden)), 100)
        self.clean()

    def test_play(self):
        self.open("queue")
        self.click("#replay button", "▶ Play")
        self.run_js("new Promise(f => { const look = () => trace.view.now > 1e8 ? f() : setTimeout(look, 10); look(); })")
        self.click("#replay button", "❚❚ Pause")
        now = self.run_js("trace.view.now")
        self.browser.frame()
        self.assertEqual(self.run_js("trace.view.now"), now)

    # -- for everybody

    def test_theme_button(self):
        self.open("queue")
        light = self.run_js("getComputedStyle(document.body).backgroundColor")
        self.click("#theme", "Dark")
        self.assertNotEqual(self.run_js("getComputedStyle(document.body).backgroundColor"), light)
        self.click("#theme", "Light")
        self.assertEqual(self.run_js("getComputedStyle(document.body).backgroundColor"), light)

    def test_contrast(self):
        for dark in (False, True):
            self.open("queue", dark=dark)
            names = ["card", "bg", "soft", "fg", "dim", "accent", "bad", "link", "mark"] + [k + str(s) for k in "set" for s in range(STATES)]
            css = self.run_js(f"Object.fromEntries({names}.map(n => [n, getComputedStyle(document.documentElement).getPropertyValue('--' + n).trim()]))")
            css = {n: c if len(c) == 7 else "#" + "".join(2 * d for d in c[1:]) for n, c in css.items()}
            for text in ("fg", "dim", "accent", "bad", "link", "mark"):
                self.assertGreaterEqual(contrast(css[text], css["card"]), 4.5, (dark, text))
            self.assertGreaterEqual(contrast(css["dim"], css["soft"]), 4.5, dark)
            for s in range(STATES):
                self.assertGreaterEqual(contrast(css[f"t{s}"], css[f"s{s}"]), 4.5, (dark, s))  # words on bars
                if s < 6:
                    self.assertGreaterEqual(max(contrast(css[f"{k}{s}"], css["card"]) for k in "se"), 3, (dark, s))  # bars

    def test_states_differ_without_colours(self):
        self.open("queue")
        tiles = self.run_js("""trace.tiles.map(p => { const c = document.createElement('canvas'), x = c.getContext('2d');
          c.width = c.height = 16; if (p) { x.fillStyle = p; x.fillRect(0, 0, 16, 16); }
          return [...x.getImageData(0, 0, 16, 16).data].filter((_, i) => i % 4 === 3).map(a => a > 40 ? 1 : 0).join(''); })""")
        self.assertEqual(len(set(tiles[:6])), 6)

    def test_screen_reader(self):
        for sample in ("queue", "producers", "philosophers"):
            self.open(sample)
            self.assertEqual(self.run_js("document.documentElement.lang"), "en")
            self.assertEqual(self.run_js("document.querySelectorAll('main section:not([aria-labelledby])').length"), 0)
            self.assertEqual(self.run_js("document.querySelectorAll('th:not([scope])').length"), 0)
            self.assertEqual(self.run_js("[...document.querySelectorAll('canvas')].filter(c => !c.getAttribute('aria-label') && "
                                         "!c.closest('[aria-hidden]')).length"), 0)
            nodes = self.browser.call("Accessibility.getFullAXTree")["nodes"]
            for n in nodes:
                if n.get("role", {}).get("value") in ("button", "slider", "link", "application", "combobox") and not n.get("ignored"):
                    self.assertTrue(n.get("name", {}).get("value"), n)
        names = [n.get("name", {}).get("value", "") for n in nodes if n.get("role", {}).get("value") in ("img", "image", "SvgRoot")]
        self.assertIn("Which process waits for what", names)

    def test_print(self):
        self.open("producers", dark=True)
        self.run_js("trace.setView(1e9, 2e9)")
        self.browser.pdf(os.path.join(self.folder, "page.pdf"))
        self.assertGreater(os.path.getsize(os.path.join(self.folder, "page.pdf")), 20000)
        self.browser.frame()
        self.assertEqual(self.view(), [1e9, 2e9])  # as before
        self.assertEqual(self.run_js("document.documentElement.dataset.theme"), "dark")
        self.clean()

    # -- much

    def pictures(self, view):
        """The milliseconds that a picture takes, of n; `view` sets the view of the i-th."""
        n, before = 20, self.browser.busy()
        self.run_js(f"""(() => {{ const w = trace.runs[0].facts.end;
          for (let i = 0; i < {n}; i++) {{ {view} for (const c of trace.charts) if (c.seen) c.draw(); }} }})()""")
        return 1000 * (self.browser.busy() - before) / n

    def open_busy(self, *samples):
        """Open a page; returns the seconds that showing it takes."""
        before = self.browser.busy()
        self.open(*samples)
        after = self.browser.busy()
        return after - before if after > before else after

    def test_a_million_events(self):
        shown = self.open_busy("big:1000000")
        self.assertLess(self.seconds, 1.5 * SLOW, "writing")
        self.assertLess(shown, 2 * SLOW, "showing")
        self.assertLess(os.path.getsize(self.page), 9e6)
        self.assertEqual(self.run_js("trace.runs[0].evT.length"), 1000000)
        self.clean()
        print(f"written in {self.seconds:.2f} s, shown in {shown:.2f} s", end="", file=sys.stderr)
        self.chart()
        for part in (1, 0.5, 0.1, 0.001, 1e-5):
            each = self.pictures(f"trace.setView(w * 0.2 + i * w * {part} / 50, w * 0.2 + i * w * {part} / 50 + w * {part});")
            print(f", {each:.0f} ms", end="", file=sys.stderr)
            self.assertLess(each, 50 * SLOW, part)
        print(" a picture; ", end="", file=sys.stderr)

    def test_more_than_a_million_events(self):
        self.open("big:1200000")
        self.assertLess(os.path.getsize(self.page), 15e6)
        self.assertIn("open the .pftrace", self.run_js("document.getElementById('facts').innerText"))
        self.assertIn("1,200,000", self.run_js("document.getElementById('facts').innerText"))
        wrong = self.run_js("""trace.runs[0].processes.filter(p => { const R = trace.runs[0], sum = new Array(7).fill(0);
          for (let i = p.i0; i < p.i1; i++) sum[R.state[i]] += R.to[i] - R.from[i];
          return sum.some((v, s) => Math.abs(v - p.spent[s]) > 1e3); }).map(p => p.label)""")
        self.assertEqual(wrong, [])
        self.clean()

    def test_ten_thousand_processes(self):
        shown = self.open_busy("many:10000")
        self.assertLess(shown, 2 * SLOW)
        self.clean()
        self.chart()
        each = self.pictures("trace.setView(i * 1e8, 4e9);")
        self.assertLess(each, 50 * SLOW)
        print(f"shown in {shown:.2f} s, {each:.0f} ms a picture; ", end="", file=sys.stderr)
        self.run_js("document.querySelector('#chart .chart').scrollTop = 1e9")
        self.browser.frame()
        self.assertGreater(self.run_js("trace.charts[0].shown[0].p.i"), 9000)
        self.click("#processes button", "Show all 10,001")
        self.assertEqual(self.run_js("document.querySelector('#processes tbody').rows.length"), 10001)

    # -- the other pictures

    def test_svg(self):
        for sample in SAMPLES:
            for what in ("svg", "graph"):
                path = self.draw(sample, what=what)
                root = xml.etree.ElementTree.parse(path).getroot()
                self.assertTrue(root.tag.endswith("svg"))
                svg = os.path.join(self.folder, f"{sample}-{what}.svg")
                os.rename(path, svg)
                for dark in (False, True):
                    self.browser.open(svg, dark=dark)
                    self.assertEqual(self.browser.complaints(), [])
                    self.assertEqual([r for r in self.browser.requests() if not r.startswith("file://")], [])


if __name__ == "__main__":
    if not browser.program():
        print("skipped: there is no Chromium (Debian: chromium)")
        sys.exit(77)
    unittest.main()
