// page_replay.js - the run step by step; and the begin of it all.
// -- replay

const replay = () => {
  const s = section('replay', 'Replay', 'Go through the run step by step. With \u201cWhat next?\u201d all that comes later is hidden: guess, then step.');
  let R = runs[0], playing = 0;
  const slider = el('input', { type: 'range', min: 0, max: 10000, value: 0, 'aria-label': 'Time' }), shown = el('span', { class: 'now' }, '\u2013');
  const step = (label, text, f) => el('button', { type: 'button', title: label, 'aria-label': label, onclick: f }, text);
  const play = el('button', { type: 'button', 'aria-pressed': 'false', onclick: () => run(!playing) }, '\u25b6 Play');
  const guess = el('button', { type: 'button', 'aria-pressed': 'false', onclick: () => {
    view.guess = !view.guess;
    guess.setAttribute('aria-pressed', String(view.guess));
    document.body.classList.toggle('guess', view.guess);
    go(view.now == null ? 0 : view.now);
  } }, 'What next?');
  const stop = el('button', { type: 'button', onclick: () => { run(false); if (view.guess) guess.click(); view.now = null; show(); } }, 'End');
  const pickRun = runs.length > 1 && el('select', { 'aria-label': 'Run', onchange: e => { R = runs[e.target.value]; file = null; go(view.now || 0); } }, runs.map((q, i) => el('option', { value: i }, q.name)));
  const src = el('ol', { class: 'src', tabindex: 0, 'aria-label': 'Source' }), cards = el('ul', { class: 'cards' }), log = el('ul', { class: 'log', 'aria-live': 'polite' }), name = el('h3', {}, '');
  let file = null, rows = [];
  const chartHost = el('div');
  s.append(el('div', { class: 'bar' }, pickRun, step('Step back', '\u25c0', () => move(-1)), play, step('Next step', 'Next \u25b6', () => move(1)), slider, shown, guess, stop),
    chartHost, el('div', { class: 'two' }, el('div', {}, name, src), el('div', {}, cards, log)));
  gantts.push(new Gantt(chartHost, el('p'), 0.32));
  // The next or last moment at which something begins or ends.
  const move = d => {
    const t = view.now == null ? (d > 0 ? -1 : R.facts.end) : view.now;
    let best = d > 0 ? R.facts.end : 0;
    const take = x => { if (d > 0 ? x > t && x < best : x < t && x > best) best = x; };
    for (const p of R.processes) {
      take(p.begin); take(p.end);
      for (const [list, a, b] of [[R.from, p.i0, p.i1], [R.to, p.i0, p.i1], [R.evT, p.e0, p.e1]]) {
        let i = after(list, a, b, d > 0 ? t : t - 1e-3);
        if (d < 0) i--;
        if (i >= a && i < b) take(list[i]);
      }
    }
    run(false);
    go(best);
  };
  const run = on => {
    playing = on ? performance.now() : 0;
    play.setAttribute('aria-pressed', String(!!on));
    play.textContent = on ? '\u275a\u275a Pause' : '\u25b6 Play';
    if (!on) return;
    if (view.now == null || view.now >= R.facts.end) go(0);
    let before = playing;
    const tick = t => {
      if (!playing) return;
      go(Math.min(R.facts.end, view.now + Math.max(0, t - before) / 20000 * R.facts.end));
      before = t;
      if (view.now >= R.facts.end) run(false); else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  };
  const go = t => {
    view.now = t;
    if (t < view.from || t > view.to) { const w = view.to - view.from; setView(t - w / 2, t + w / 2); }
    show();
  };
  slider.oninput = () => { run(false); go(slider.value / 10000 * R.facts.end); };
  const whereOf = (p, i, t) => {
    if (i >= 0 && spanWhere(R, i)) return [spanWhere(R, i), true];
    for (let e = after(R.evT, p.e0, p.e1, t) - 1, n = 0; e >= p.e0 && n < 64; e--, n++) if (R.sites[R.evS[e]].where) return [R.sites[R.evS[e]].where, false];
    return ['', false];
  };
  const load = path => {
    if (file === path) return;
    file = path;
    const source = R.sources.find(q => q[0] === path);
    rows = source ? source[1].replace(/\n$/, '').split('\n').map(l => el('li', {}, el('span', { class: 'code' }, l))) : [];
    src.replaceChildren(...rows);
    name.textContent = R.short(path || '');
    src.parentNode.hidden = !rows.length;
  };
  const show = () => {
    const t = view.now, here = [], log2 = [];
    slider.value = t == null ? 0 : t / (R.facts.end || 1) * 10000;
    slider.setAttribute('aria-valuetext', t == null ? 'not started' : time(t));
    shown.textContent = t == null ? '\u2013' : time(t);
    redraw();
    if (file == null) load(R.sources.length ? R.sources[0][0] : '');
    for (const p of t == null ? [] : R.processes) {
      if (p.begin > t) continue;
      const i = spanAt(R, p, t), ended = t >= p.end && (p.how > 0 || t > p.end);
      here.push({ p, i, ended, at: ended ? ['', false] : whereOf(p, i, t), s: i < 0 ? RUN : R.state[i] });
      const e1 = after(R.evT, p.e0, p.e1, t);
      for (let e = e1 - 1, n = 0; e >= p.e0 && n < 6; e--, n++) {
        const end = R.evT[e] + R.evD[e];
        if (end <= t) log2.push([end, `${p.label}: ${eventText(R, e)}${R.evD[e] && !R.sites[R.evS[e]].sleep ? ' (waited ' + time(R.evD[e]) + ')' : ''}${outcome(R, e) && ': ' + outcome(R, e)}`]);
      }
      if (p.begin <= t && p.parent >= 0) log2.push([p.begin, p.label + ' begins']);
      if (ended) log2.push([p.end, p.label + ' ' + endText(p)]);
    }
    log2.sort((a, b) => b[0] - a[0]);
    log.replaceChildren(...log2.slice(0, 5).map(([at, text]) => el('li', {}, time(at) + '  ' + text)));
    const alive = here.filter(h => !h.ended), files = alive.map(h => h.at[0].replace(/:\d+$/, '')).filter(f => R.sources.some(q => q[0] === f));
    if (files.length && !files.includes(file)) load(files[0]);
    for (const r of rows) { r.className = ''; while (r.children.length > 1) r.lastChild.remove(); }
    let first = null;
    for (const h of alive) {
      const m = /^(.*):(\d+)$/.exec(h.at[0]), r = m && m[1] === file && rows[m[2] - 1];
      if (!r) continue;
      r.className = h.at[1] ? 'on' : r.className || 'ran';
      if (r.children.length < 6) r.append(chip(h));
      first = first || r;
    }
    if (first && (first.offsetTop < src.scrollTop || first.offsetTop + first.offsetHeight > src.scrollTop + src.clientHeight)) src.scrollTop = first.offsetTop - src.clientHeight / 3;
    const list = [...alive, ...here.filter(h => h.ended)].slice(0, 16);
    cards.replaceChildren(...(t == null ? [el('li', {}, 'Press Play or Next, or move the slider.')] : list.map(h => el('li', {}, chip(h), h.ended ? endText(h.p) : h.i < 0 ? 'begins' : spanText(R, h.i)))),
      ...(t == null ? [] : R.queues.slice(0, 6).map(q => {
        const i = after(q.t, 0, q.t.length, t) - 1, n = i < 0 ? 0 : q.v[i], most = Math.min(q.max || Math.max(q.peak, 1), 24);
        return el('li', {}, el('b', {}, q.label), el('span', { class: 'slots', 'aria-hidden': 'true' }, '\u25a0'.repeat(Math.min(n, most)) + '\u25a1'.repeat(Math.max(0, most - n))), many(n, 'item'));
      })), here.length > 16 ? el('li', {}, `and ${here.length - 16} more`) : '');
  };
  const chip = h => el('span', { class: 'chip', style: h.ended ? 'border-color:var(--line);color:var(--dim)' : `background:var(--s${h.s});color:var(--t${h.s});border-color:var(--e${h.s})` }, h.p.label);
  show();
};

// -- begin

document.title = runs.map(R => R.name).join(' and ') + ' \u2013 sandbox trace';
$('title').textContent = runs.map(R => R.name).join(' beside ');
$('sub').textContent = runs.map(R => R.facts.command).join('  \u00b7  ') + (runs[0].facts.version ? '  \u00b7  sandbox ' + runs[0].facts.version : '');
const setTheme = dark => {
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  $('theme').textContent = dark ? 'Light' : 'Dark';
  readTheme();
  paintLegends();
  redraw();
};
const scheme = matchMedia('(prefers-color-scheme:dark)');
let dark = scheme.matches;
$('theme').onclick = () => setTheme(dark = !dark);
scheme.addEventListener('change', e => setTheme(dark = e.matches));
facts(); chart(); queues(); waits(); deadlock(); lines(); processes(); replay();
setTheme(dark);
for (const c of charts) c.draw();
addEventListener('resize', () => { gantts.forEach(g => g.arrange()); redraw(); });
let kept = null;
addEventListener('beforeprint', () => {
  kept = { ...view };
  all();
  setTheme(false);
  for (const c of charts) { c.kept = c.limit; c.limit = 0; c.draw(); }
});
addEventListener('afterprint', () => {
  for (const c of charts) c.limit = c.kept;
  if (kept) setView(kept.from, kept.to);
  setTheme(dark);
});
// For tests: what is shown.
window.trace = { runs, view, setView, charts, get tiles() { return theme.pattern; } };
document.documentElement.dataset.ready = 'yes';
