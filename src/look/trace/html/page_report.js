// page_report.js - the sections of the page.
// -- all processes, and the part that the charts show

class Overview {
  constructor(host) {
    const c = this.canvas = el('canvas'), go = e => {
      const b = c.getBoundingClientRect(), t = (e.clientX - b.left - this.g) / (b.width - this.g - 8) * END, w = view.to - view.from;
      setView(t - w / 2, t + w / 2);
    };
    host.append(c);
    watch(this, host);
    c.addEventListener('pointerdown', e => { c.setPointerCapture(e.pointerId); this.on = true; go(e); });
    c.addEventListener('pointermove', e => this.on && go(e));
    c.addEventListener('pointerup', () => { this.on = false; });
  }
  // How many processes were in each state, a strip for each run.
  strips(W, H, w, g, r) {
    return paint('', W, H, x => {
      const n = Math.round(w * r), h = H / runs.length;
      runs.forEach((R, i) => {
        const acc = new Float32Array(STATES * n);
        let most = 0;
        for (const p of R.processes) sweep(R, p, 0, n / END, n, acc, Infinity, null);
        for (let k = 0; k < n; k++) { let s = 0; for (let q = 0; q < STATES; q++) s += acc[q * n + k]; most = Math.max(most, s); }
        columns(x, acc, n, Math.round(g * r), Math.round((i * h + 4) * r), Math.round((h - 8) * r), most || 1);
        font(x, 11);
        x.textBaseline = 'middle';
        x.fillStyle = theme.dim;
        x.fillText(fit(x, runs.length > 1 ? R.name : g > 120 ? 'all processes' : 'all', g - 14), 8, i * h + h / 2);
      });
    });
  }
  draw() {
    const c = this.canvas, r = window.devicePixelRatio || 1, W = c.parentNode.clientWidth, H = runs.length > 1 ? 60 : 42, ctx = c.getContext('2d');
    if (!W) return;
    const g = this.g = gutterOf(W), w = W - g - 8, key = W + r + theme.card, X = t => g + Math.max(0, Math.min(1, t / END)) * w;
    if (this.key !== key) { this.key = key; this.picture = this.strips(W, H, w, g, r); }
    c.width = Math.round(W * r); c.height = Math.round(H * r); c.style.height = H + 'px';
    ctx.drawImage(this.picture, 0, 0);
    ctx.scale(r, r);
    const a = X(view.from), b = X(view.to);
    if (view.guess && view.now != null) { ctx.fillStyle = theme.soft; ctx.fillRect(X(view.now), 0, W, H); }
    ctx.fillStyle = theme.card; ctx.globalAlpha = 0.7;
    ctx.fillRect(g, 0, a - g, H); ctx.fillRect(b, 0, g + w - b, H);
    ctx.globalAlpha = 1;
    if (b - a < w - 2) { ctx.strokeStyle = theme.accent; ctx.lineWidth = 2; ctx.strokeRect(a, 1, Math.max(2, b - a), H - 2); }
    if (view.now != null) { ctx.fillStyle = theme.accent; ctx.fillRect(X(view.now) - 1, 0, 2, H); }
  }
}

// -- the sections

const main = $('main');
const future = [];
const section = (id, title, hint, hides) => {
  const s = el('section', { id, 'aria-labelledby': id + '-t' }, el('h2', { id: id + '-t' }, title), hint && el('p', { class: 'hint' }, hint));
  if (hides) { s.classList.add('future'); s.append(el('p', { class: 'veil' }, 'Hidden while you guess: this tells what comes next.')); }
  main.append(s);
  $('nav').append(el('a', { href: '#' + id }, title));
  return s;
};
const table = (caption, heads, rows, cls) => el('div', { class: 'scroll' }, el('table', { class: cls }, el('caption', {}, caption),
  el('thead', {}, el('tr', {}, heads.map(h => el('th', { scope: 'col', class: Array.isArray(h) ? 'n' : null }, h)))),
  el('tbody', {}, rows)));
// The first rows of many; a button shows the rest.
const longTable = (caption, heads, list, row, first) => {
  const t = table(caption, heads, list.slice(0, first).map(row));
  if (list.length > first) t.append(el('button', { type: 'button', onclick: e => { e.target.remove(); t.querySelector('tbody').append(...list.slice(first).map(row)); } }, `Show all ${count(list.length)}`));
  return t;
};
const td = (...kids) => el('td', {}, ...kids);
const num = (...kids) => el('td', { class: 'n' }, ...kids);
const th = (...kids) => el('th', { scope: 'row' }, ...kids);
const code = s => s ? el('code', {}, s) : '';
const place = (R, w) => w ? el('code', { title: w }, R.short(w)) : '';
const meter = (parts, total) => el('span', { class: 'meter', 'aria-hidden': 'true' }, parts.map(([s, v]) => v > 0 ? el('i', { style: `width:${100 * v / (total || 1)}%;background:var(--s${s})` }) : ''));
// One part for each run; with two, buttons choose which is seen.
const perRun = (host, make) => {
  const first = runs.length > 1 && runs[1].processes.length > runs[0].processes.length ? 1 : 0;
  const parts = runs.map(R => el('div', { hidden: R.number !== first }, make(R)));
  if (runs.length > 1) host.append(el('div', { class: 'bar', role: 'group', 'aria-label': 'Run' }, runs.map((R, i) => el('button', { type: 'button', 'aria-pressed': String(i === first), onclick: e => {
    parts.forEach((p, k) => { p.hidden = k !== i; });
    for (const b of e.target.parentNode.children) b.setAttribute('aria-pressed', String(b === e.target));
  } }, R.name))));
  host.append(...parts);
};
const legend = () => el('ul', { class: 'legend' }, used.map(s => {
  const c = el('canvas', { width: 52, height: 28, 'aria-hidden': 'true', 'data-state': s });
  const part = runs.length === 1 && runs[0].life ? runs[0].spent[s] / runs[0].life : null;
  return el('li', {}, c, NAMES[s], part != null && el('small', {}, percent(part)));
}));
const paintLegends = () => document.querySelectorAll('.legend canvas').forEach(c => {
  const s = +c.dataset.state, x = c.getContext('2d');
  x.setTransform(2, 0, 0, 2, 0, 0);
  x.fillStyle = theme.s[s]; x.fillRect(0, 0, 26, 14);
  const p = x.createPattern(paint('', 8, 8, y => tile(y, s)), 'repeat'), r = window.devicePixelRatio || 1;
  if (tiles[s]) { p.setTransform(new DOMMatrix([1 / r, 0, 0, 1 / r, 0, 0])); x.fillStyle = p; x.fillRect(0, 0, 26, 14); }
  x.strokeStyle = theme.e[s]; x.strokeRect(0.5, 0.5, 25, 13);
});

const facts = () => {
  const s = section('facts', 'Facts', '', true), [A, B] = runs;
  const speed = R => R.facts.end > 0 ? R.facts.busy / R.facts.end : 0;
  if (B) {
    const [fast, slow] = A.facts.end <= B.facts.end ? [A, B] : [B, A];
    s.append(el('p', { class: 'say' }, el('b', {}, fast.name), ` takes ${time(fast.facts.end)}, ${slow.name} ${time(slow.facts.end)}: `,
      el('b', {}, `${fix(slow.facts.end / (fast.facts.end || 1), 1)} times as fast`), '.'));
    s.append(el('div', { class: 'race', 'aria-hidden': 'true' }, runs.flatMap(R => [el('span', {}, R.name), el('i', { class: R === slow ? 'slow' : null, style: `width:${100 * R.facts.end / END}%` }, time(R.facts.end))])));
  } else if (A.facts.deadlock) {
    s.append(el('p', { class: 'say' }, many(A.processes.length, 'process', 'processes'), ' stood still: each waited for another. The run ended after ', el('b', {}, time(A.facts.end)), '.'));
  } else if (A.life) {
    const n = A.processes.length, f = speed(A);
    s.append(el('p', { class: 'say' }, many(n, 'process', 'processes'), n === 1 ? ' did ' : ' did together ', el('b', {}, time(A.facts.busy)), ' of work in ', el('b', {}, time(A.facts.end)),
      f > 1.05 ? [': ', el('b', {}, fix(f, 1) + ' times as fast'), ' as one after the other.'] : '.'));
  }
  const list = R => {
    const F = R.facts;
    return [['Time', time(F.end), F.speed !== 1 ? `of a clock ${+F.speed.toPrecision(3)} times as fast` : F.clock && 'clock ' + F.clock],
      ['Speed-up', F.deadlock ? '\u2013' : fix(speed(R), 2) + ' \u00d7', `work of ${time(F.busy)} / ${time(F.end)}`],
      ['Processes', count(R.processes.length), 'at most ' + F.most + ' at once'],
      ['Messages', count(F.messages), many(F.ops, 'operation')],
      ['CPU', F.cpu < 0 ? '?' : time(F.cpu), F.cpu < 0 ? 'not known' : 'of all processes'],
      ['Seed', F.seed, F.began ? new Date(F.began).toISOString().slice(0, 19).replace('T', ' ') + ' UTC' : ''],
      ['Exit status', F.status < 0 ? '?' : String(F.status), F.status < 0 ? 'the run was cut off' : F.status === 4 && F.deadlock ? 'deadlock' : F.status ? 'failure' : 'success'],
      ['Events lost', count(F.lost), 'of ' + count(F.events + F.lost)]];
  };
  if (B) s.append(el('details', {}, el('summary', {}, 'All facts'), table('', ['', ...runs.map(R => R.name)], list(A).map((row, i) => el('tr', {}, th(row[0]), runs.map(R => { const [, v, small] = list(R)[i]; return td(v, small && el('span', { class: 'hint' }, ' ' + small)); }))))));
  else s.append(el('dl', { class: 'tiles' }, list(A).map(([k, v, small]) => el('div', {}, el('dt', {}, k), el('dd', { class: v.length > 9 ? 'long' : null }, v, small && el('small', {}, small))))));
  for (const R of runs) {
    const F = R.facts, who = B ? R.name + ': ' : '';
    if (F.lost) s.append(el('p', { class: 'note' }, who + `${many(F.lost, 'event')} came faster than they were read, and are lost: what is shown has gaps.` +
      (F.detail === 2 ? ' --trace-detail merged records runs of ops in one event, and loses fewer.' : '')));
    if (F.nameless) s.append(el('p', { class: 'note' }, who + `${many(F.nameless, 'name or line', 'names or lines')} had no room: a trace keeps 8,192 different ones.`));
    if (F.cut) s.append(el('p', { class: 'note' }, who + 'The oldest events were dropped, since the trace reached its limit (--trace-limit).'));
    if (F.merged) s.append(el('p', { class: 'note' }, who + `${count(F.events)} events are too many for a page: times below ${time(F.shortest)} are summed. For every event, open the .pftrace.`));
    if (F.deadlock) s.append(el('p', { class: 'note' }, who, el('a', { href: '#deadlock' }, 'The run ended in a deadlock.')));
  }
};

const gantts = [];
const chart = () => {
  const s = section('chart', 'What each process did', 'A row is a process, and time goes to the right.' + (runs.some(R => R.processes.length > 1) ? ' A line from row to row is a spawn or a join.' : '') + (runs.some(R => R.queues.length) ? ' An arrow is an item on its way through a queue.' : ''));
  const b = (label, text, f) => el('button', { type: 'button', title: label, 'aria-label': label, onclick: f }, text);
  const toggle = el('button', { type: 'button', 'aria-pressed': 'true', onclick: () => { arrows = !arrows; toggle.setAttribute('aria-pressed', String(arrows)); redraw(); } }, 'Arrows');
  s.append(el('div', { class: 'bar' }, b('Zoom in', '+', () => zoom(0.6)), b('Zoom out', '\u2212', () => zoom(1 / 0.6)), b('Earlier', '\u2190', () => pan(-0.25)), b('Later', '\u2192', () => pan(0.25)), b('Show all', 'All', all),
    runs.some(R => R.queues.length) && toggle, el('span', { class: 'sp' }), legend()));
  const over = el('div', { id: 'over', 'aria-hidden': 'true' });
  if (runs.some(R => R.processes.length > 1)) s.append(over);
  const detail = el('p', { class: 'detail', 'aria-live': 'polite' });
  gantts.push(new Gantt(s, detail));
  if (over.parentNode) new Overview(over);
  s.append(detail, el('p', { class: 'keys' }, 'Drag to move, ', el('kbd', {}, 'Ctrl'), ' + wheel to zoom (after a click the wheel alone), ', el('kbd', {}, 'Shift'), ' + drag for a part, double click for one bar. Keys: ',
    el('kbd', {}, '\u2191\u2193\u2190\u2192'), ' choose, ', el('kbd', {}, '+'), ' ', el('kbd', {}, '\u2212'), ' zoom, ', el('kbd', {}, 'A'), ' ', el('kbd', {}, 'D'), ' move, ', el('kbd', {}, '0'), ' all.'));
};

const queues = () => {
  const rows = runs.flatMap(R => [...R.queues.map(q => ({ R, queue: q, label: q.label, h: 84 })), ...R.counters.map(c => {
    const v = c.points.map(p => p[1]);
    return { R, counter: c, label: c.label, h: 72, lo: Math.min(0, ...v.slice(0, 9e4)), hi: Math.max(...v.slice(0, 9e4), 0) };
  })]);
  if (!rows.length) return;
  const some = rows.some(r => r.queue && r.queue.room), none = rows.some(r => r.queue && r.queue.max > r.queue.room);
  const told = rows.filter(r => r.queue), pipes = told.filter(r => r.R.objects[r.queue.object].peer >= 0).length;
  const titles = [pipes < told.length && 'queues', pipes && 'pipes', told.length < rows.length && 'counters'].filter(Boolean).join(', ').replace(/, ([^,]*)$/, ' and $1');
  const s = section('queues', titles[0].toUpperCase() + titles.slice(1), (told.length ? 'How many items waited in each.' : '') + (some ? ' The dashed line is its capacity: at it, a put has to wait.' : '') + (none ? ' In one of capacity 0, a put waits for its get.' : '') +
    (rows.some(r => r.queue && r.queue.about) ? ' Runs of ops were merged, so that numbers within them are a guess: --trace-detail all tells each.' : ''));
  for (const r of rows) if (runs.length > 1) r.label = r.label + ' (' + r.R.name + ')';
  new Depths(s, rows);
  if (told.length) s.append(el('details', {}, el('summary', {}, 'As a table'), table(titles, ['Name', 'Made at', ['Capacity'], ['Most items'], ['On average'], ['Time full']], told.map(({ label, queue: q, R }) =>
    el('tr', {}, th(label), td(place(R, R.objects[q.object].made)), num(q.max ? count(q.room) : 'none'), num(q.about, count(q.peak)), num(q.about, q.mean.toPrecision(3)), num(q.max ? time(q.full) + ', ' + percent(q.full / (R.facts.end || 1)) : '\u2013'))))));
};

const waitTarget = (R, k, t) => t < 0 ? (R.kinds[k].process ? 'any child' : 'one of several') : R.kinds[k].process ? R.processes[t].label : R.objects[t].label;
const madeAt = (R, k, t) => t < 0 ? null : R.kinds[k].process ? R.processes[t].at && 'spawned at ' + R.processes[t].at : R.objects[t].made && 'made at ' + R.objects[t].made;
// An object may have the name of a process: its type follows, unless that is its name.
const typeOf = o => o && o.type && !o.label.startsWith(o.type + '#') ? el('small', { class: 'type' }, ' ' + o.type) : '';
const waits = () => {
  const s = section('waits', 'Who waited for what', 'Sleeping is not waiting: it stands for work elsewhere.', true);
  perRun(s, R => {
    const total = R.waits.reduce((a, w) => a + w[5], 0) + R.waitsLeftOut[1], M = R.matrix;
    if (!R.waits.length) return [el('p', {}, 'No process had to wait for another.')];
    const row = ([k, t, where, n, ps, sum, longest]) => el('tr', {}, th(el('span', { title: madeAt(R, k, t) }, waitTarget(R, k, t)), R.kinds[k].process ? '' : typeOf(R.objects[t])), td(R.kinds[k].verb), td(place(R, R.strings[where])), num(count(n)), num(count(ps)), num(time(sum)), num(time(longest)),
      td(meter([[R.kinds[k].state, sum]], total), percent(sum / total)));
    const most = Math.max(...M.cells.map(c => c[2]), 1), grid = M.rows.map(() => []);
    for (const c of M.cells) grid[c[0]][c[1]] = c;
    const cell = c => !c ? td('') : el('td', { style: `background:color-mix(in srgb,var(--s${R.kinds[c[4]].state}) ${Math.round(8 + 55 * c[2] / most)}%,var(--card))`,
      title: `${R.processes[M.rows[c[0]]].label}: ${many(c[3], 'wait')}${c[5] > 0 ? ', longest at ' + R.short(R.strings[c[5]]) : ''}` }, time(c[2]), el('span', { class: 'sr' }, c[5] > 0 ? ' at ' + R.short(R.strings[c[5]]) : ''));
    const left = M.rowsLeftOut + M.columnsLeftOut;
    return [longTable('Longest waits first', ['For', 'In', 'At', ['Waits'], ['Processes'], ['Total'], ['Longest'], 'Share'], R.waits, row, 12),
      el('h3', {}, 'Each process, and what it waited for'),
      table(left ? `Those that waited longest; ${many(M.rowsLeftOut, 'process', 'processes')} and ${many(M.columnsLeftOut, 'object')} are left out` : '', ['Process', ...M.columns.map(([p, i]) => i < 0 ? (p ? 'any child' : 'one of several') : p ? R.processes[i].label : el('span', {}, R.objects[i].label, typeOf(R.objects[i])))],
        M.rows.map((p, r) => el('tr', {}, th(R.processes[p].label), M.columns.map((_, c) => cell(grid[r][c])))), 'heat')].filter(Boolean);
  });
};

const deadlock = () => {
  if (!runs.some(R => R.graph || R.facts.deadlock)) return;
  const dead = runs.some(R => R.facts.deadlock), s = section('deadlock', dead ? 'Deadlock' : 'Who waits at the end', dead ? 'Follow the arrows: each waits for the next, and the last one for the first. None can ever go on.' : 'Follow the arrows: from a process to what it waits for, and to the process that would have to act.', true);
  perRun(s, R => {
    const g = el('div', { class: 'graph' });
    g.innerHTML = R.graph; // drawn by look/trace/graph.c, which escapes all names
    return [R.graph ? g : el('p', {}, 'No process waits here.'), R.facts.deadlock && el('pre', {}, R.facts.deadlock)].filter(Boolean);
  });
};

const lineText = (R, where) => {
  const m = /^(.*):(\d+)$/.exec(where), src = m && R.sources.find(s => s[0] === m[1]);
  return src ? (src[1].split('\n')[m[2] - 1] || '').trim() : '';
};
const lines = () => {
  const by = R => {
    const map = new Map();
    for (const [k, , where, n, , sum] of R.waits) {
      const w = R.strings[where], l = map.get(w) || { w, n: 0, sum: 0, s: new Array(STATES).fill(0) };
      if (!w || w === '(idle)') continue; // a worker without a task is at no line
      l.n += n; l.sum += sum; l.s[R.kinds[k].state] += sum;
      map.set(w, l);
    }
    return [...map.values()].sort((a, b) => b.sum - a.sum).slice(0, 15);
  };
  if (!runs.some(R => by(R).length)) return;
  const s = section('lines', 'Lines that waited', 'Where in the program the time went, longest first.', true);
  perRun(s, R => {
    const list = by(R), top = list.length ? list[0].sum : 1;
    return [el('ol', { class: 'lines' }, list.map(l => el('li', {}, el('b', {}, time(l.sum)), ' in ', many(l.n, 'wait'), ' at ', place(R, l.w), lineText(R, l.w) && [': ', code(lineText(R, l.w))], meter(l.s.map((v, i) => [i, v]), top))))];
  });
};

const processes = () => {
  const s = section('processes', 'Processes', 'How each spent its time, and how it ended.', true);
  perRun(s, R => {
    const row = p => el('tr', {}, th(p.label), td(place(R, p.at)), num(time(p.begin)), num(time(p.end - p.begin)),
      td(meter(p.spent.map((v, k) => [k, v]), p.end - p.begin), el('span', { class: 'sr' }, p.spent.map((v, k) => v ? SHORT[k] + ' ' + time(v) : '').filter(Boolean).join(', '))),
      num(count(p.out)), num(count(p.got)), td(el('span', { class: failed(p) ? 'bad' : null }, stuck(R).has(p.i) ? 'in the deadlock' : endText(p))));
    return [longTable(many(R.processes.length, 'process', 'processes'), ['Process', 'Spawned at', ['Began'], ['Lived'], 'Time', ['Put'], ['Got'], 'End'], [...R.processes].sort(byId), row, 20),
      R.notes.length ? el('details', {}, el('summary', {}, many(R.notes.length, 'mark')), table('', [['Time'], 'Process', 'Mark'], R.notes.slice(0, 500).map(k => el('tr', {}, num(time(k[0])), td(R.processes[k[1]].label), td(R.strings[k[2]]))))) : null].filter(Boolean);
  });
};
