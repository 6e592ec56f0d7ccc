// Names come from the script and may contain anything: they become text nodes, never markup.
const $ = id => document.getElementById(id);
const fill = (e, attrs, kids) => {
  for (const [k, v] of Object.entries(attrs))
    if (k.startsWith('on')) e[k] = v;
    else if (v === true) e.setAttribute(k, '');
    else if (v !== false && v != null) e.setAttribute(k, v);
  e.append(...kids.flat().filter(k => k != null && k !== '' && k !== false));
  return e;
};
const el = (tag, attrs = {}, ...kids) => fill(document.createElement(tag), attrs, kids);
const svg = (tag, attrs = {}, ...kids) => fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attrs, kids);
const D = JSON.parse($('data').textContent);
const S = D.strings, P = D.processes, O = D.objects, H = D.histories, F = D.failures;
const WELL = 1, ENDS = ['the limit was reached: nobody knows what follows', 'it ends well', 'it ends wrong', 'deadlock: nobody can ever go on',
  'it ends, and a lock is still held', 'it never ends'];
const KINDS = { error: 'An error', deadlock: 'A deadlock', held: 'A lock stays held', stuck: 'It never ends', starves: 'Starvation',
  livelock: 'A livelock' };
const VAIN = 1, ABANDONED = 2, OPEN = 4;
const count = n => n >= 1e15 ? 'about ' + n.toPrecision(3) : n.toLocaleString('en');
const many = (n, word) => count(n) + ' ' + word + (n === 1 ? '' : 's');
const percent = p => p === 0 ? '0 %' : p >= 1 ? '100 %' : p < 0.001 ? '<0.1 %' : p > 0.999 ? '>99.9 %' : (100 * p).toFixed(p < 0.1 ? 1 : 0) + ' %';
const fails = p => p < 0 ? 'unknown' : percent(p) + ' fail';

const state = i => {
  const [end, p, ways, histories, objects, steps] = D.states[i];
  return { i, end, p, ways, histories, objects, steps: steps && steps.map(([process, to, result, printed, flags], k) =>
    ({ k, process, to, result: S[result], printed: S[printed], flags })) };
};
const asks = history => {
  if (history == null || history < 0) return null;
  const [call, verb, object, source, line] = H[history];
  return { call: S[call], verb: S[verb], object, source, line };
};

// -- the walk: the steps that are taken, and the one that is looked at

let failure = F.length ? 0 : -1, walk = [], at = 0;
// The step k of each state, from the first on: what is taken, and between which states.
const follow = ks => {
  const taken = [];
  let s = state(0);
  for (const k of ks) {
    const step = s.steps && s.steps[k];
    if (!step) break;
    const to = state(step.to);
    taken.push({ ...step, from: s, into: to, asks: asks(s.histories[step.process]) });
    s = to;
  }
  return taken;
};
const here = () => at ? walk[at - 1].into : state(0);
const take = k => {
  if (!(walk[at] && walk[at].k === k)) walk = follow([...walk.slice(0, at).map(w => w.k), k]);
  at = Math.min(at + 1, walk.length);
  draw();
};
const move = to => {
  at = Math.max(0, Math.min(walk.length, to));
  draw();
};
const choose = i => {
  failure = i;
  walk = i < 0 ? [] : follow(F[i].path);
  at = i < 0 ? 0 : walk.length;
  draw();
};

// -- parts

const risk = p => el('span', { class: 'p', style: p < 0 ? '' : `background:hsl(${Math.round(130 * (1 - p))} 65% 32%)`,
  title: p < 0 ? 'not all that can follow was tried' : 'to fail from there, if each step is drawn' }, fails(p));
const section = (id, title, hint) => {
  const body = el('div');
  $('main').append(el('section', { id, 'aria-label': title }, el('h2', {}, title), hint && el('p', { class: 'hint' }, hint), body));
  $('nav').append(el('a', { href: '#' + id }, title));
  return body;
};
const what = step => (step.asks ? step.asks.call : 'goes on') + (step.result && step.result !== 'true' ? ' \u2192 ' + step.result : '');
const aside = step => step.flags & VAIN ? 'nobody waits: lost' : step.flags & OPEN ? 'and waits' : step.flags & ABANDONED ? 'from one that had ended' : '';
const line = a => a && a.line ? 'line ' + a.line : '';

// Which put a get took, and which release, notify or set let another go on: pairs of numbers of steps.
const arrows = () => {
  const pairs = [], sent = new Map(), taken = new Map(), freed = new Map();
  walk.forEach((w, i) => {
    const a = w.asks;
    if (!a || a.object < 0) return;
    const type = O[a.object][1], frees = a.verb === 'acquire' ? 'release' : type === 'event' ? 'set' : 'notify';
    const list = map => map.get(a.object) || map.set(a.object, []).get(a.object);
    if (type === 'queue') {
      if (a.verb === 'put') list(sent).push(i);
      else if ((a.verb === 'get' || a.verb === 'take') && !w.result.startsWith('nil, ')) {
        list(taken).push(i);
        const from = list(sent)[list(taken).length - 1];
        if (from != null) pairs.push([from, i]);
      }
    } else if (a.verb === 'release' || a.verb === 'notify' || type === 'event' && a.verb === 'set') {
      if (!(w.flags & VAIN)) freed.set(a.object + a.verb, i);
    } else if ((a.verb === 'acquire' || a.verb === 'wait') && !(w.flags & OPEN) && freed.has(a.object + frees)) {
      const from = freed.get(a.object + frees);
      if (walk[from].process !== w.process) pairs.push([from, i]);
      if (type !== 'event') freed.delete(a.object + frees);
    }
  });
  return pairs;
};

const ROW = 24, TOP = 30;
const diagram = () => {
  const shown = P.map((_, i) => i).filter(i => walk.some(w => w.process === i) || here().histories[i] >= 0);
  const width = i => Math.max(P[i].length, ...walk.filter(w => w.process === i).map(w => (what(w) + '   ' + (aside(w) || line(w.asks))).length)) * 7.7 + 40;
  const x = new Map();
  let right = 44;
  for (const i of shown) { x.set(i, right); right += Math.min(420, width(i)); }
  const y = i => TOP + i * ROW + ROW / 2, height = TOP + walk.length * ROW + 10, kids = [];
  for (const i of shown) {
    kids.push(svg('text', { class: 'head', x: x.get(i) + 10, y: 20 }, P[i]));
    kids.push(svg('line', { class: 'life', x1: x.get(i), x2: x.get(i), y1: TOP, y2: height - 6 }));
  }
  // A stretch in which a process could not take a step.
  for (const i of shown) {
    for (let k = 0; k < walk.length; k++) {
      const s = walk[k].from;
      if (s.histories[i] >= 0 && s.steps && !s.steps.some(t => t.process === i))
        kids.push(svg('line', { class: 'wait', x1: x.get(i), x2: x.get(i), y1: y(k) - ROW / 2 + 3, y2: y(k) + ROW / 2 - 3 }));
    }
  }
  walk.forEach((w, i) => {
    const g = svg('g', { class: i >= at ? 'ahead' : '' });
    if (i && w.from.p >= 0 && w.from.p < 1 && w.into.p >= 1)
      g.append(svg('line', { class: 'last', x1: 8, x2: right, y1: y(i) + ROW / 2, y2: y(i) + ROW / 2 }));
    g.append(svg('text', { class: 'num', x: 30, y: y(i) + 4 }, String(i + 1)));
    g.append(svg('circle', { class: 'dot', cx: x.get(w.process), cy: y(i), r: 4.5 }));
    const rest = aside(w) || line(w.asks);
    g.append(svg('text', { x: x.get(w.process) + 10, y: y(i) + 4 }, what(w), svg('tspan', { class: 'res', dx: 8 }, rest)));
    kids.push(g);
  });
  for (const [a, b] of arrows()) {
    const x1 = x.get(walk[a].process), x2 = x.get(walk[b].process), bend = x1 === x2 ? 16 : 0, side = Math.sign(x2 - x1) || -1;
    kids.push(svg('path', { class: 'arrow', d: `M${x1} ${y(a) + 5}C${x1 - bend} ${y(a) + ROW} ${x2 - bend} ${y(b) - ROW} ${x2 - side * 6} ${y(b) - 4}` }));
    kids.push(svg('circle', { class: 'tip', cx: x2 - side * 6, cy: y(b) - 4, r: 2.5 }));
  }
  walk.forEach((w, i) => kids.push(svg('rect', { class: i === at - 1 ? 'row on' : 'row', x: 0, y: y(i) - ROW / 2, width: right, height: ROW, onclick: () => move(i + 1) },
    svg('title', {}, `step ${i + 1}: ${P[w.process]} ${what(w)} ${aside(w)} ${line(w.asks)}`))));
  return svg('svg', { width: right + 10, height, viewBox: `0 0 ${right + 10} ${height}`, role: 'img',
    'aria-label': `${many(walk.length, 'step')}, a column for each process` }, ...kids);
};

const strip = () => [state(0), ...walk.map(w => w.into)].map((s, i) => el('button', { type: 'button', class: i === at ? 'on' : '',
  style: `height:${Math.max(3, Math.round(40 * s.p))}px`, title: `after ${many(i, 'step')}: ${fails(s.p)}`, 'aria-label': `after ${many(i, 'step')}: ${fails(s.p)}`,
  onclick: () => move(i) }));

const worldTable = () => {
  const now = here(), before = at ? walk[at - 1].from : null;
  const rows = O.map(([name, type], i) => ({ name, type, i, text: S[now.objects[i]] || '', old: before ? S[before.objects[i]] || '' : null }))
    .filter(r => r.text !== '' || r.old);
  return el('table', {}, el('caption', {}, 'Objects; what the last step changed is marked'), el('tbody', {}, rows.map(r =>
    el('tr', { class: r.old != null && r.old !== r.text ? 'new' : '' }, el('th', { scope: 'row' }, r.name, ' ', el('span', { class: 'type' }, r.type)),
      el('td', {}, el('code', {}, r.text || '\u2013'))))));
};

const next = () => {
  const s = here(), items = [];
  if (!s.steps)
    return [el('li', { class: 'end' }, s.end > WELL ? ENDS[s.end] : 'What follows is not in this page: ', risk(s.p))];
  if (!s.steps.length)
    items.push(el('li', { class: s.end > WELL ? 'end bad' : 'end' }, ENDS[s.end]));
  for (const step of s.steps) {
    const a = asks(s.histories[step.process]), chosen = walk[at] && walk[at].k === step.k;
    items.push(el('li', {}, el('button', { type: 'button', class: chosen ? 'taken' : '', onclick: () => take(step.k) },
      el('b', {}, P[step.process]), '  ', el('code', {}, a ? a.call : 'goes on')), risk(D.states[step.to][1]),
      el('span', { class: 'type' }, line(a), chosen && ', as in this schedule')));
  }
  s.histories.forEach((h, i) => {
    if (h < 0 || s.steps.some(t => t.process === i)) return;
    const a = asks(h);
    items.push(el('li', { class: 'blocked' }, `${P[i]} waits: `, el('code', {}, a.call), ' ', line(a)));
  });
  return items;
};

// -- the tree of choices: a twig is opened by its button

const tree = () => {
  const path = walk.map(w => w.k);
  const grow = (s, ks, on) => (s.steps || []).map(step => {
    const a = asks(s.histories[step.process]), to = state(step.to), mine = [...ks, step.k], along = on && path[ks.length] === step.k;
    const leaf = to.steps && !to.steps.length, kids = el('ul', { role: 'group' });
    let open = false;
    const twig = !leaf && to.steps && el('button', { type: 'button', class: 'twig', 'aria-expanded': 'false', 'aria-label': 'what follows' }, '+');
    const toggle = () => {
      open = !open;
      twig.textContent = open ? '\u2212' : '+';
      twig.setAttribute('aria-expanded', open);
      kids.replaceChildren(...(open ? grow(to, mine, along) : []));
    };
    if (twig) twig.onclick = toggle;
    if (twig && along && mine.length <= path.length) toggle();
    return el('li', {}, twig, el('button', { type: 'button', class: along && mine.length === at ? 'go on' : 'go', title: 'go there',
      onclick: () => { walk = follow(along ? path : mine); at = mine.length; draw(); } }, `${mine.length}  ${P[step.process]}  `, el('code', {}, a ? a.call : 'goes on')),
      ' ', risk(to.p), ' ', leaf && el('span', { class: to.end > WELL ? 'bad' : 'type' }, ENDS[to.end]), !to.steps && el('span', { class: 'type' }, 'not in this page'), kids);
  });
  return grow(state(0), [], true);
};

const source = () => {
  const s = here(), last = at ? walk[at - 1].asks : null;
  const where = new Map();
  s.histories.forEach((h, i) => {
    const a = asks(h);
    if (a && a.source >= 0) where.set(a.source + ':' + a.line, [...(where.get(a.source + ':' + a.line) || []), P[i]]);
  });
  const file = last && last.source >= 0 ? last.source : 0;
  if (!D.sources[file]) return null;
  const lines = D.sources[file][1].replace(/\n$/, '').split('\n');
  return el('ol', { class: 'src', tabindex: 0, 'aria-label': D.sources[file][0] }, lines.map((text, i) => {
    const who = where.get(file + ':' + (i + 1));
    return el('li', { class: last && last.source === file && last.line === i + 1 ? 'on' : '' }, el('span', { class: 'code' }, text || ' '),
      who && who.map(name => el('span', { class: 'chip', style: 'background:var(--s4);color:var(--t4)' }, name)));
  }));
};

// -- the page

const script = D.script;
document.title = script + ' explored';
$('title').textContent = script;
$('sub').textContent = 'every interleaving that was tried, and what goes wrong';

const about = section('found', 'What was found');
const verdict = D.report.split('\n')[0];
about.append(el('p', { class: 'verdict' }, verdict));
if (!F.length)
  about.append(el('p', { class: 'say' }, D.complete ? 'No process fails, every assertion holds, nobody waits for ever.' : 'Nothing went wrong in what was tried.'));
const pick = el('div', { class: 'pick', role: 'group', 'aria-label': 'schedules' });
const reason = el('div');
about.append(pick, reason);
const picks = F.map((f, i) => el('button', { type: 'button', onclick: () => choose(i) }, `${KINDS[f.kind]}: ${many(f.path.length, 'step')}`));
picks.push(el('button', { type: 'button', onclick: () => choose(-1) }, 'From the beginning, by hand'));
pick.append(...picks);

const run = section('schedule', 'The schedule', 'One row for each step, one column for each process. Red stretches: the process waits. Behind the dashed line nothing can be saved. Arrows: what was put and taken, released and acquired.');
const slider = el('input', { type: 'range', min: 0, max: 0, value: 0, 'aria-label': 'step', oninput: () => move(+slider.value) });
const now = el('span', { class: 'now', 'aria-live': 'polite' });
const button = (name, text, to) => el('button', { type: 'button', 'aria-label': name, title: name, onclick: () => move(to()) }, text);
const bars = el('div', { class: 'strip', role: 'group', 'aria-label': 'how likely a failure is after each step' });
const chart = el('div', { class: 'steps', tabindex: 0, 'aria-label': 'the steps' });
run.append(bars, el('div', { class: 'bar' }, button('to the beginning', '|\u25c0', () => 0), button('one step back', '\u25c0', () => at - 1), slider,
  button('one step on', '\u25b6', () => at + 1), button('to the end', '\u25b6|', () => walk.length), now), chart);
const printed = el('div', { class: 'out', 'aria-label': 'printed so far' });
run.append(el('h3', {}, 'Printed so far'), printed);

const choice = section('next', 'Choose the next step', 'You are the scheduler. To take a step back, use the slider above.');
const list = el('ul', { class: 'next' }), world = el('div', { class: 'scroll' });
choice.append(el('div', { class: 'two' }, list, world));

const twigs = section('tree', 'The tree of choices', 'Each step that could be taken, and how likely a failure is from there on.' +
  (D.cut ? ' Only the states near the failures are in this page.' : ''));
const root = el('ul', { class: 'tree' });
twigs.append(root);

const code = D.sources.length ? section('source', 'The script', 'Marked: the line of the last step. Beside a line: the processes that stand there.') : null;
section('report', 'The report').append(el('pre', {}, D.report.trimEnd()));

const drawReason = () => {
  const f = F[failure];
  const diverges = f && !walk.every((w, i) => w.k === f.path[i]);
  picks.forEach((b, i) => b.setAttribute('aria-pressed', i === (failure < 0 ? F.length : failure)));
  reason.replaceChildren();
  if (!f) return;
  const s = f.story;
  if (s.message) reason.append(el('p', { class: 'say' }, s.message, ' ', s.where && el('code', {}, s.where)));
  const waits = s.processes.filter(p => p.stuck && p.waits);
  if (!s.message && waits.length)
    reason.append(el('p', { class: 'say' }, waits.map(p => `${p.name} waits in ${p.waits}${p.where ? ' at ' + p.where : ''}`).join('; ')));
  if (s.why) reason.append(el('p', { class: 'why' }, el('b', {}, 'Why: '), s.why));
  if (s.cure) reason.append(el('p', { class: 'why' }, el('b', {}, 'Try: '), s.cure));
  if (s.checked) reason.append(el('p', { class: 'why' }, el('b', {}, 'Checked: '), s.checked));
  if (s.loop != null) reason.append(el('p', { class: 'why' }, `The steps from ${s.loop + 1} on can be repeated for ever.`));
  if (diverges) reason.append(el('p', { class: 'note' }, 'You have left this schedule. Its button above brings it back.'));
};

const draw = () => {
  const s = here();
  drawReason();
  slider.max = walk.length;
  slider.value = at;
  now.textContent = `${at} of ${walk.length}`;
  slider.setAttribute('aria-valuetext', at ? `step ${at}: ${P[walk[at - 1].process]} ${what(walk[at - 1])}` : 'nothing done yet');
  bars.replaceChildren(...strip());
  bars.classList.toggle('dense', walk.length > 200);
  chart.replaceChildren(diagram());
  const row = chart.querySelector('.on');
  if (row) chart.scrollTop = Math.max(0, +row.getAttribute('y') - chart.clientHeight / 2);
  printed.textContent = walk.slice(0, at).map(w => w.printed).join('');
  list.replaceChildren(el('li', {}, s.ways >= 0 ? many(s.ways, 'interleaving') + ' from here' : 'interleavings without end, or unknown', risk(s.p)), ...next());
  world.replaceChildren(worldTable());
  root.replaceChildren(...tree());
  if (code) code.replaceChildren(...[source()].filter(x => x));
  const on = code && code.querySelector('li.on');
  if (on) on.parentNode.scrollTop = on.offsetTop - on.parentNode.clientHeight / 2;
};

const theme = $('theme'), dark = matchMedia('(prefers-color-scheme:dark)');
const paint = to => {
  document.documentElement.dataset.theme = to;
  theme.textContent = to === 'dark' ? 'Light' : 'Dark';
};
theme.onclick = () => paint(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
paint(dark.matches ? 'dark' : 'light');
addEventListener('keydown', e => {
  if (e.ctrlKey || e.altKey || e.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) return;
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: walk.length }[e.key];
  if (to == null) return;
  e.preventDefault();
  move(to);
});
document.querySelector('.skip').href = '#schedule';
choose(failure);
document.documentElement.dataset.ready = 'yes';
