'use strict';
(() => {
// Names come from the trace and may contain anything: they become text nodes, never markup.
const $ = id => document.getElementById(id);
const el = (tag, attrs = {}, ...kids) => {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs))
    if (k.startsWith('on')) e[k] = v;
    else if (v === true) e.setAttribute(k, '');
    else if (v !== false && v != null) e.setAttribute(k, v);
  e.append(...kids.flat().filter(k => k != null && k !== '' && k !== false));
  return e;
};
const RUN = 0, QUEUE = 1, LOCK = 2, SLEEP = 3, JOIN = 4, STOP = 5, IDLE = 6, STATES = 7;
const NAMES = ['running', 'waits for a queue', 'waits for a lock or event', 'sleeps', 'waits for a process', 'stopped', 'waits for a line of the prompt'];
const SHORT = ['running', 'queue', 'lock', 'sleep', 'join', 'stopped', 'prompt'];
const WAITED = 1, SEVERAL = 2, SELECT = 4, TIMEOUT = 8, REFUSED = 16, UNFINISHED = 32, GAPS = 64, SPAN = 32768;

// -- words

const fix = (x, d) => x.toFixed(d);
const time = ns => {
  const a = Math.abs(ns), f = (x, u) => fix(x, Math.abs(x) < 10 ? 2 : Math.abs(x) < 100 ? 1 : 0) + '\u00a0' + u;
  return a >= 999.5e6 ? (a < 1e11 ? f(ns / 1e9, 's') : fix(ns / 1e9, 0) + '\u00a0s') : a >= 999.5e3 ? f(ns / 1e6, 'ms')
    : a >= 999.5 ? f(ns / 1e3, '\u00b5s') : ns === 0 ? '0\u00a0s' : fix(ns, 0) + '\u00a0ns';
};
const clock = (ns, step) => {
  const u = step >= 1e9 ? [1e9, 's', 0] : step >= 1e6 && ns >= 1e9 ? [1e9, 's', step >= 1e8 ? 1 : step >= 1e7 ? 2 : 3]
    : step >= 1e6 ? [1e6, 'ms', 0] : step >= 1e3 ? [1e6, 'ms', step >= 1e5 ? 1 : step >= 1e4 ? 2 : 3]
    : [1e3, '\u00b5s', step >= 100 ? 1 : step >= 10 ? 2 : 3];
  return ns === 0 ? '0' : fix(ns / u[0], u[2]) + '\u00a0' + u[1];
};
const count = n => n.toLocaleString('en');
const many = (n, word, plural) => count(n) + ' ' + (n === 1 ? word : plural || word + 's');
const percent = x => x > 0 && x < 0.001 ? '<0.1\u00a0%' : fix(100 * x, x < 0.1 ? 1 : 0) + '\u00a0%';

// -- the data: see look/trace/html_data.h

const decode = number => {
  const R = JSON.parse($('run' + number).textContent);
  const text = atob($('data' + number).textContent), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  $('data' + number).remove();
  let at = 0;
  const num = () => {
    let b = bytes[at++], n = b & 127;
    if (b < 128) return n;
    b = bytes[at++]; n |= (b & 127) << 7;
    if (b < 128) return n;
    b = bytes[at++]; n |= (b & 127) << 14;
    if (b < 128) return n;
    for (let f = 2097152; b > 127; f *= 128) { b = bytes[at++]; n += (b & 127) * f; }
    return n;
  };
  const int = () => { const n = num(); return n % 2 ? -(n + 1) / 2 : n / 2; };
  const F = R.facts, U = F.unit, N = F.told;
  R.number = number;
  R.kinds = R.kinds.map(([verb, state, process, change], k) => ({ verb, state, process, change, k }));
  const signal = R.kinds.find(k => k.verb === 'signal');
  R.sites = R.sites.map(([k, flags, target, where]) => {
    const kind = R.kinds[k], ok = !(flags & (TIMEOUT | REFUSED | UNFINISHED));
    return { kind, flags, target, where: R.strings[where] || '', numbered: kind.change || kind === signal,
      change: ok ? kind.change : 0, sleep: kind.state === SLEEP, next: 1 };
  });
  R.objects = R.objects.map(([label, type, max, made, peer]) => ({ label, max, made, peer, type: R.types[type] }));
  R.processes = R.processes.map(([label, name, parent, begin, end, how, code, sig, worker, at, failure, out, got, id, spent], i) =>
    ({ label, name, parent, begin, end, how, code, sig, worker, at, failure, out, got, id, spent, i, kids: [] }));
  const T = R.evT = new Float64Array(N), D = R.evD = new Float64Array(N), S = R.evS = new Uint32Array(N);
  const C = R.evC = new Uint32Array(N), I = R.evI = new Float64Array(N);
  let e = 0;
  for (const p of R.processes) {
    p.e0 = e;
    let t = 0;
    for (let n = num(); n > 0; n--, e++) {
      const s = S[e] = num(), site = R.sites[s];
      t += num();
      T[e] = t * U;
      D[e] = num() * U;
      C[e] = site.flags & SEVERAL ? num() : 1;
      if (site.numbered) {
        I[e] = site.next + int();
        site.next = I[e] + C[e];
      }
    }
    p.e1 = e;
  }
  // Spans: those that are events, and stretches; in between the process runs.
  const room = 2 * (N + F.stretches) + R.processes.length;
  const from = new Float64Array(room), to = new Float64Array(room), state = new Uint8Array(room), of = new Int32Array(room);
  let left = num(), n = 0, who = left ? num() : -1, mark = 0;
  const add = (f, t, s, ev) => { if (t > f) { from[n] = f; to[n] = t; state[n] = s; of[n++] = ev; } };
  for (const p of R.processes) {
    p.i0 = n;
    let here = p.begin, k = p.e0, stretch = null;
    mark = 0;
    for (;;) {
      if (!stretch && who === p.i) {
        const f = (mark + num()) * U, t = f + num() * U;
        mark = t / U;
        stretch = [f, t, num(), num() - 1];
        who = --left ? num() : -1;
      }
      while (k < p.e1 && !(R.sites[S[k]].flags & SPAN)) k++;
      const event = k < p.e1 && (!stretch || T[k] < stretch[0]);
      if (!event && !stretch) break;
      const f = event ? T[k] : stretch[0], t = event ? T[k] + D[k] : stretch[1];
      add(here, f, RUN, -1);
      add(Math.max(here, f), t, event ? R.sites[S[k]].kind.state : stretch[2], event ? k : stretch[3] < 0 ? -1 : p.e0 + stretch[3]);
      here = Math.max(here, t);
      if (event) k++; else stretch = null;
    }
    add(here, p.end, RUN, -1);
    p.i1 = n;
  }
  R.from = from.subarray(0, n); R.to = to.subarray(0, n); R.state = state.subarray(0, n); R.of = of.subarray(0, n);
  const sums = R.sums = new Float64Array(STATES * ((n >> 6) + 1)); // of 64 spans each
  for (let i = 0; i < n; i++) sums[STATES * (i >> 6) + state[i]] += to[i] - from[i];
  // Of a run of ops only the begin and the end are known: depths are a guess then.
  const rough = new Set(R.sites.filter(s => s.change && s.target >= 0 && s.flags & SEVERAL).map(s => s.kind.verb === 'send' ? R.objects[s.target].peer : s.target));
  R.queues = R.queues.map(object => {
    const n = num(), bins = num(), t = new Float64Array(n), lo = new Float64Array(n), hi = new Float64Array(n), v = new Float64Array(n);
    let now = 0, items = 0, peak = 0, area = 0, full = 0;
    const max = R.objects[object].max;
    for (let i = 0; i < n; i++) {
      const d = num() * U;
      area += items * d;
      if (max && items >= max) full += d;
      t[i] = now += d;
      lo[i] = hi[i] = v[i] = items += int();
      if (bins) { hi[i] += num(); v[i] = items += num(); }
      peak = Math.max(peak, hi[i]);
    }
    area += items * (F.end - now);
    if (max && items >= max) full += F.end - now;
    return { object, t, lo, hi, v, peak, max, bins, about: rough.has(object) ? 'about ' : '', mean: area / (F.end || 1), full, label: R.objects[object].label };
  });
  const byId = (a, b) => a.id - b.id; // as they were spawned
  for (const p of R.processes) if (p.parent >= 0) R.processes[p.parent].kids.push(p);
  for (const p of R.processes) p.kids.sort(byId);
  R.roots = R.processes.filter(p => p.parent < 0).sort(byId);
  const script = F.command.split(/\s+/).find(w => w.endsWith('.lua'));
  R.name = script ? script.replace(/.*\//, '') : F.command || 'a run';
  const folder = script ? script.replace(/[^/]*$/, '') : '';
  R.short = w => folder && w.startsWith(folder) ? w.slice(folder.length) : w;
  R.spent = NAMES.map((_, s) => R.processes.reduce((a, p) => a + p.spent[s], 0));
  R.life = R.spent.reduce((a, b) => a + b, 0);
  R.notes = R.marks.filter(k => !k[3]);
  R.counters = [...new Set(R.marks.filter(k => k[3]).map(k => k[2]))].map(s => ({
    label: R.strings[s], points: R.marks.filter(k => k[3] && k[2] === s && k[4] != null).map(k => [k[0], k[4]]) }));
  return R;
};
const runs = [decode(0)];
if ($('run1')) runs.push(decode(1));
if (runs.length > 1 && runs[0].name === runs[1].name) runs.forEach((R, i) => { R.name += i ? ' (second)' : ' (first)'; });
const END = Math.max(...runs.map(R => R.facts.end), 1);
const used = NAMES.map((_, s) => s).filter(s => s === RUN || runs.some(R => R.spent[s] > 0));

// The first index in [i, end) of an ascending array whose value is greater than x.
const after = (list, i, end, x) => {
  while (i < end) { const k = (i + end) >> 1; if (list[k] > x) end = k; else i = k + 1; }
  return i;
};
const target = (R, site) => site.target < 0 ? '' : site.kind.process ? R.processes[site.target].label : R.objects[site.target].label;
const outcome = (R, e) => { const f = e < 0 ? 0 : R.sites[R.evS[e]].flags; return f & TIMEOUT ? 'timeout' : f & REFUSED ? 'closed, broken or interrupted' : ''; };
const eventText = (R, e) => {
  const s = R.sites[R.evS[e]], t = target(R, s), c = R.evC[e];
  let text = s.kind.verb + (s.sleep ? ' ' + time(R.evD[e]) : '') + (t && ' ' + t);
  if (s.kind.verb === 'signal') text = ({ 2: 'interrupt', 9: 'kill', 15: 'terminate', 18: 'resume', 19: 'pause' }[R.evI[e]] || 'signal ' + R.evI[e]) + ' ' + t;
  else if (c > 1) text += ', ' + count(c) + ' times' + (s.numbered && R.evI[e] ? ', items from ' + R.evI[e] : '');
  else if (s.change && R.evI[e]) text += ', item ' + count(R.evI[e]);
  return text + (s.flags & SELECT ? ' (select)' : '');
};
const spanAt = (R, p, t) => { const i = after(R.to, p.i0, p.i1, t); return i < p.i1 && R.from[i] <= t ? i : -1; };
const spanText = (R, i) => {
  const e = R.of[i], s = R.state[i];
  if (e < 0 || s === IDLE) return s === RUN ? 'runs' : NAMES[s];
  return (s === SLEEP ? 'sleeps: ' : 'waits: ') + eventText(R, e);
};
const spanWhere = (R, i) => R.of[i] < 0 ? '' : R.sites[R.evS[R.of[i]]].where;
const spanTell = (R, p, i) => `${p.label} ${spanText(R, i)}\n${time(R.to[i] - R.from[i])}, from ${time(R.from[i])} to ${time(R.to[i])}` +
  (spanWhere(R, i) ? '\nat ' + R.short(spanWhere(R, i)) : '') + (outcome(R, R.of[i]) && !view.guess ? '\nin vain: ' + outcome(R, R.of[i]) : '');
const endText = p => p.how === 1 ? 'returned' : p.how === 2 ? (p.failure ? 'failed: ' + p.failure : 'left with status ' + p.code)
  : p.how === 3 ? 'killed by signal ' + p.sig : p.how === 4 ? 'ended with its parent, as a daemon' : 'alive at the end';
const failed = p => p.how === 2 || p.how === 3;

// -- colours

const theme = {};
const paint = (name, w, h, draw) => {
  const c = el('canvas'), r = window.devicePixelRatio || 1;
  c.width = w * r; c.height = h * r;
  const x = c.getContext('2d');
  x.scale(r, r);
  draw(x);
  return c;
};
// A tile of 8 by 8 for each state, so that colours are not needed to tell them apart.
const tiles = [
  null,
  x => { for (const d of [-8, 0, 8]) { x.moveTo(d - 1, 9); x.lineTo(d + 9, -1); } },
  x => { x.moveTo(-1, -1); x.lineTo(9, 9); x.moveTo(-1, 9); x.lineTo(9, -1); },
  x => { x.rect(1.5, 1.5, 1, 1); x.rect(5.5, 5.5, 1, 1); },
  x => { x.moveTo(0, 2); x.lineTo(8, 2); x.moveTo(0, 6); x.lineTo(8, 6); },
  x => { x.moveTo(0, 3); x.lineTo(8, 3); x.moveTo(0, 5.5); x.lineTo(8, 5.5); }
];
const tile = (x, s) => {
  if (!tiles[s]) return;
  x.beginPath();
  x.strokeStyle = theme.e[s];
  x.lineWidth = s === STOP ? 1.4 : 1;
  x.globalAlpha = s === STOP ? 1 : s === LOCK ? 0.6 : s === SLEEP ? 0.55 : 0.45;
  tiles[s](x);
  x.stroke();
  x.globalAlpha = 1;
};
const readTheme = () => {
  const css = getComputedStyle(document.documentElement), v = n => css.getPropertyValue('--' + n).trim();
  for (const n of ['bg', 'card', 'fg', 'dim', 'line', 'soft', 'accent', 'bad', 'full', 'fill', 'mark']) theme[n] = v(n);
  theme.s = NAMES.map((_, i) => v('s' + i));
  theme.e = NAMES.map((_, i) => v('e' + i));
  theme.t = NAMES.map((_, i) => v('t' + i));
  const rgb = h => { h = h.length < 5 ? h.replace(/[^#]/g, '$&$&') : h; return (255 << 24 | parseInt(h.slice(5, 7), 16) << 16 | parseInt(h.slice(3, 5), 16) << 8 | parseInt(h.slice(1, 3), 16)) >>> 0; };
  theme.px = theme.s.map(rgb);
  theme.px[STOP] = rgb(theme.e[STOP]);
  const r = window.devicePixelRatio || 1, ctx = el('canvas').getContext('2d');
  theme.pattern = NAMES.map((_, s) => {
    if (!tiles[s]) return null;
    const p = ctx.createPattern(paint('', 8, 8, x => tile(x, s)), 'repeat');
    p.setTransform(new DOMMatrix([1 / r, 0, 0, 1 / r, 0, 0]));
    return p;
  });
};
const font = (x, size, bold) => { x.font = `${bold ? '600 ' : ''}${size}px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif`; };
const fitted = new Map();
const fit = (x, text, width) => {
  const key = text + '\n' + Math.floor(width) + x.font;
  let s = fitted.get(key);
  if (s != null) return s;
  s = text;
  if (x.measureText(s).width > width) {
    let a = 0, b = s.length;
    while (a < b) { const k = (a + b + 1) >> 1; if (x.measureText(s.slice(0, k) + '\u2026').width <= width) a = k; else b = k - 1; }
    s = a ? s.slice(0, a) + '\u2026' : '';
  }
  if (fitted.size > 5000) fitted.clear();
  fitted.set(key, s);
  return s;
};
// A name that is too long keeps its number: "a lock aro\u2026#6".
const fitLabel = (x, text, width) => {
  const m = /#\d+$/.exec(text);
  return m && x.measureText(text).width > width ? fit(x, text.slice(0, m.index), width - x.measureText(m[0]).width) + m[0] : fit(x, text, width);
};
const box = (x, l, t, w, h, r) => { x.beginPath(); x.roundRect(l, t, w, h, r); };

// -- what is shown, by all charts

const view = { from: 0, to: END, now: null, guess: false, pick: null, hover: null };
const charts = [];
let due = false;
const redraw = () => {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; for (const c of charts) if (c.seen) c.draw(); });
};
// A chart is drawn while it can be seen.
const watch = (chart, host) => {
  charts.push(chart);
  new ResizeObserver(redraw).observe(host);
  new IntersectionObserver(list => { chart.seen = list[list.length - 1].isIntersecting; redraw(); }, { rootMargin: '200px' }).observe(host);
};
const setView = (from, to) => {
  let w = Math.min(Math.max(to - from, 200), END * 1.02);
  from = Math.min(Math.max(from, -0.01 * END), Math.max(END * 1.01 - w, -0.01 * END));
  view.from = from; view.to = from + w;
  redraw();
};
const zoom = (f, at = (view.from + view.to) / 2) => setView(at - (at - view.from) * f, at + (view.to - at) * f);
const pan = part => { const d = (view.to - view.from) * part; setView(view.from + d, view.to + d); };
const all = () => setView(-0.005 * END, END * 1.01);
view.from = -0.005 * END; view.to = END * 1.01;

// -- rows: processes, the children below their parent; many of one name are one row

const open = new Set();
const rowsOf = R => {
  const rows = [];
  if (runs.length > 1) rows.push({ R, head: true, h: 34 });
  if (R.notes.length) rows.push({ R, marks: true, h: 22 });
  const put = (p, depth) => rows.push({ R, ps: [p], p, depth, label: p.label, h: 0 });
  const walk = (list, depth) => {
    const done = new Set(), named = new Map();
    for (const p of list) { if (!named.has(p.name)) named.set(p.name, []); named.get(p.name).push(p); }
    for (const p of list) {
      if (done.has(p.name)) continue;
      const group = named.get(p.name);
      if (group.length > (p.worker ? 3 : 12)) {
        const key = R.number + ':' + p.parent + ':' + p.name;
        done.add(p.name);
        rows.push({ R, ps: group, group: key, depth, label: `${p.name || 'process'} \u00d7${group.length}`, h: 44 });
        if (!open.has(key)) {
          const below = group.flatMap(q => q.kids);
          if (below.length) walk(below, depth + 1);
          continue;
        }
        for (const q of group) { put(q, depth + 1); walk(q.kids, depth + 2); }
        continue;
      }
      put(p, depth);
      walk(p.kids, depth + 1);
    }
  };
  walk(R.roots, 0);
  const n = rows.length, h = n <= 4 ? 40 : n <= 12 ? 32 : n <= 40 ? 24 : 18;
  for (const r of rows) if (r.p) r.h = h;
  return rows;
};

// Sum the time in each state for each column of a chart; spans of at least `wide` columns are listed instead.
const sweep = (R, p, from, k, W, acc, wide, list) => {
  const end = from + W / k, X = R.to, F = R.from, S = R.state;
  let i = after(X, p.i0, p.i1, from);
  while (i < p.i1 && F[i] < end) {
    if ((i & 63) === 0 && i + 64 <= p.i1 && F[i] >= from) {
      const c = Math.floor((F[i] - from) * k);
      if ((X[i + 63] - from) * k < c + 1) {
        const b = STATES * (i >> 6);
        for (let s = 0; s < STATES; s++) acc[s * W + c] += R.sums[b + s] * k;
        i += 64;
        continue;
      }
    }
    const a = Math.max(0, (F[i] - from) * k), b = Math.min(W, (X[i] - from) * k), s = S[i] * W;
    if (b - a >= wide) list.push(i);
    else {
      const c = Math.floor(a), d = Math.min(Math.floor(b), W - 1);
      if (c === d) acc[s + c] += b - a;
      else {
        acc[s + c] += c + 1 - a;
        for (let q = c + 1; q < d; q++) acc[s + q] += 1;
        acc[s + d] += b - d;
      }
    }
    i++;
  }
};
let image = null;
// Columns of several states: their shares, from the bottom; `most`: the time of a full column.
const columns = (ctx, acc, W, x0, y0, h, most, clipped) => {
  if (!image || image.width !== W || image.height !== h) image = ctx.createImageData(W, h);
  const px = new Uint32Array(image.data.buffer), order = [RUN, SLEEP, JOIN, QUEUE, LOCK, STOP, IDLE];
  px.fill(0);
  for (let c = 0, first = -1; c <= W; c++) {
    let sum = 0;
    if (c < W) for (let s = 0; s < STATES; s++) sum += acc[s * W + c];
    if (sum > 0.02) {
      if (first < 0) first = c;
      let y = h, done = 0;
      const full = most ? Math.max(most, sum) : sum;
      for (const s of order) {
        const v = acc[s * W + c];
        if (v <= 0) continue;
        done += v;
        const top = Math.min(y - (v / full > 0.1 ? 1 : 0), h - Math.round(done / full * h));
        for (const color = theme.px[s]; y > top && y > 0;) px[--y * W + c] = color;
      }
    } else if (first >= 0) {
      ctx.putImageData(image, x0, y0, first, 0, c - first, h);
      first = -1;
    }
  }
};

// -- a chart: a gutter with names, an axis, tracks below one another

const gutterOf = w => w < 560 ? 92 : 168;
class Chart {
  constructor(host, label, rows, axis = true) {
    this.rows = rows; this.top = axis ? 26 : 0;
    this.host = el('div', { class: 'chart' });
    this.pad = el('div');
    this.canvas = el('canvas', { tabindex: 0, role: 'application', 'aria-roledescription': 'chart', 'aria-label': label });
    this.host.append(this.canvas, this.pad);
    host.append(this.host);
    this.events();
    watch(this, this.host);
    this.host.addEventListener('scroll', redraw);
  }
  t(x) { return view.from + (x - this.g) / this.k; }
  x(t) { return this.g + (t - view.from) * this.k; }
  rowAt(y) { y += this.host.scrollTop; return y < this.host.scrollTop + this.top ? null : this.rows.find(r => y >= r.y && y < r.y + r.h) || null; }
  draw() {
    let y = this.top;
    for (const r of this.rows) { r.y = y; y += r.h; }
    const W = this.host.clientWidth, total = y + 6, H = Math.min(total, this.limit || 1e9), r = window.devicePixelRatio || 1;
    if (!W) return;
    const c = this.canvas, ctx = this.ctx = this.ctx || c.getContext('2d');
    this.host.style.maxHeight = H + 2 + 'px';
    this.pad.style.height = total - H + 'px';
    if (c.width !== Math.round(W * r) || c.height !== Math.round(H * r)) { c.width = Math.round(W * r); c.height = Math.round(H * r); c.style.height = H + 'px'; }
    Object.assign(this, { W, H, r, g: gutterOf(W) });
    this.w = W - this.g - 8;
    this.k = this.w / (view.to - view.from);
    ctx.setTransform(r, 0, 0, r, 0, 0);
    ctx.fillStyle = theme.card;
    ctx.fillRect(0, 0, W, H);
    ctx.textBaseline = 'middle';
    const ticks = this.ticks();
    ctx.fillStyle = theme.soft;
    for (const [t] of ticks) ctx.fillRect(Math.round(this.x(t)), this.top, 1, H);
    const off = this.host.scrollTop;
    this.shown = this.rows.filter(q => q.y + q.h > off + this.top && q.y < off + H);
    this.paint(ctx, off);
    if (view.now != null) this.playhead(ctx);
    else if (view.hover != null) { ctx.fillStyle = theme.dim; ctx.fillRect(Math.round(this.x(view.hover)), this.top, 1, H); }
    ctx.fillStyle = theme.card;
    ctx.fillRect(this.g + this.w + 1, 0, 8, H);
    ctx.fillRect(0, 0, this.g, H);
    for (const q of this.shown) this.label(ctx, q, q.y - off);
    if (this.top) {
      ctx.fillStyle = theme.card;
      ctx.fillRect(0, 0, W, this.top);
      ctx.fillStyle = theme.line;
      ctx.fillRect(0, this.top - 1, W, 1);
      font(ctx, 11);
      ctx.textAlign = 'center';
      for (const [t, text] of ticks) {
        const x = this.x(t), half = ctx.measureText(text).width / 2;
        ctx.fillStyle = theme.dim;
        ctx.fillRect(Math.round(x), this.top - 5, 1, 4);
        if (x - half > this.g - 12 && x + half < W) ctx.fillText(text, x, 11);
      }
    }
    ctx.fillStyle = theme.line;
    ctx.fillRect(this.g - 1, 0, 1, H);
  }
  ticks() {
    const want = (view.to - view.from) / Math.max(2, this.w / 100);
    let step = 10 ** Math.floor(Math.log10(want));
    step *= want / step > 5 ? 10 : want / step > 2 ? 5 : want / step > 1 ? 2 : 1;
    const list = [];
    for (let i = Math.max(0, Math.ceil(view.from / step)); i * step <= Math.min(view.to, END * 1.005) && list.length < 200; i++) list.push([i * step, clock(i * step, step)]);
    return list;
  }
  playhead(ctx) {
    const x = this.x(view.now);
    if (view.guess) {
      const l = Math.max(x, this.g), hidden = this.g + this.w - l;
      ctx.fillStyle = theme.soft;
      ctx.fillRect(l, this.top, hidden, this.H);
      if (hidden > 40 && this.top) { ctx.fillStyle = theme.dim; font(ctx, 28, true); ctx.textAlign = 'center'; ctx.fillText('?', l + hidden / 2, this.top + (this.H - this.top) / 2); }
    }
    ctx.fillStyle = theme.accent;
    ctx.fillRect(Math.round(x) - 1, 0, 2, this.H);
  }
  label(ctx, q, y) {
    ctx.textAlign = 'left';
    ctx.fillStyle = theme.fg;
    font(ctx, 12);
    ctx.fillText(fit(ctx, q.label || '', this.g - 12), 6, y + q.h / 2);
  }
  paint() {}
  tell() { return ''; }
  click() {}
  key() { return false; }
  events() {
    const c = this.canvas, down = new Map();
    let moved = 0, range = null;
    const at = e => { const b = c.getBoundingClientRect(); return [e.clientX - b.left, e.clientY - b.top]; };
    c.addEventListener('wheel', e => {
      const focused = document.activeElement === c, scrolls = this.pad.offsetHeight > 0;
      if (e.ctrlKey || e.metaKey || (focused && !scrolls && !e.shiftKey && Math.abs(e.deltaY) > Math.abs(e.deltaX))) {
        e.preventDefault();
        zoom(Math.exp(Math.max(-1, Math.min(1, e.deltaY * (e.deltaMode ? 0.06 : 0.002)))), this.t(at(e)[0]));
      } else if (Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey) {
        e.preventDefault();
        pan((e.deltaX || e.deltaY) * (e.deltaMode ? 16 : 1) / this.w);
      }
    }, { passive: false });
    c.addEventListener('pointerdown', e => {
      if (e.button) return;
      down.set(e.pointerId, at(e));
      moved = 0;
      range = e.shiftKey ? this.t(at(e)[0]) : null;
      c.setPointerCapture(e.pointerId);
    });
    c.addEventListener('pointermove', e => {
      const [x, y] = at(e), old = down.get(e.pointerId);
      if (!old) { this.hover(x, y, e); return; }
      if (down.size === 2) {
        const other = [...down].find(([id]) => id !== e.pointerId)[1];
        const was = Math.abs(old[0] - other[0]), is = Math.abs(x - other[0]);
        if (was > 8 && is > 8) zoom(was / is, this.t((x + other[0]) / 2));
      } else if (range == null) {
        moved += Math.abs(x - old[0]);
        if (moved > 3) { c.classList.add('drag'); $('tip').hidden = true; pan((old[0] - x) / this.w); }
      } else moved += Math.abs(x - old[0]);
      down.set(e.pointerId, [x, y]);
    });
    const up = e => {
      const [x, y] = at(e);
      if (!down.delete(e.pointerId)) return;
      c.classList.remove('drag');
      if (range != null && moved > 6) setView(Math.min(range, this.t(x)), Math.max(range, this.t(x)));
      else if (moved <= 3 && e.type === 'pointerup') this.click(x, y);
      range = null;
    };
    c.addEventListener('pointerup', up);
    c.addEventListener('pointercancel', up);
    c.addEventListener('pointerleave', () => { $('tip').hidden = true; view.hover = null; redraw(); });
    c.addEventListener('dblclick', e => this.dive(...at(e)));
    c.addEventListener('keydown', e => {
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      const k = e.key;
      if (k === '+' || k === '=' || k === 'w') zoom(0.6);
      else if (k === '-' || k === 's') zoom(1 / 0.6);
      else if (k === 'a' || (k === 'ArrowLeft' && e.shiftKey)) pan(-0.25);
      else if (k === 'd' || (k === 'ArrowRight' && e.shiftKey)) pan(0.25);
      else if (k === '0' || k === 'Home') all();
      else if (!this.key(k)) return;
      e.preventDefault();
    });
  }
  dive() { all(); }
  hover(x, y, e) {
    const tip = $('tip'), text = x >= this.g && x <= this.g + this.w ? this.tell(this.rowAt(y), this.t(x), x, y) : '';
    view.hover = x >= this.g && x <= this.g + this.w ? this.t(x) : null;
    if (view.guess && view.now != null && view.hover > view.now) { tip.hidden = true; return; }
    tip.hidden = !text;
    if (text) {
      tip.textContent = text;
      const w = tip.offsetWidth, h = tip.offsetHeight;
      tip.style.left = Math.max(4, Math.min(e.clientX + 14, innerWidth - w - 6)) + 'px';
      tip.style.top = (e.clientY + 18 + h > innerHeight ? e.clientY - h - 10 : e.clientY + 18) + 'px';
    }
    redraw();
  }
}

// -- the Gantt chart

let arrows = true;
class Gantt extends Chart {
  constructor(host, detail, share = 0.72) {
    super(host, 'What each process did when. Up and down choose a process, left and right what it did; plus and minus zoom.', []);
    this.detail = detail;
    this.share = share;
    this.arrange();
  }
  arrange() {
    this.rows = runs.flatMap(rowsOf);
    this.of = runs.map(R => new Array(R.processes.length)); // the row of each process
    for (const q of this.rows) if (q.ps) for (const p of q.ps) if (q.p || !this.of[q.R.number][p.i]) this.of[q.R.number][p.i] = q;
    this.limit = Math.max(320 * this.share + 60, Math.round(innerHeight * this.share));
  }
  paint(ctx, off) {
    const r = this.r, W = Math.round(this.w * r), x0 = Math.round(this.g * r), acc = new Float32Array(STATES * W);
    this.texts = [];
    ctx.save();
    ctx.beginPath(); ctx.rect(this.g, this.top, this.w, this.H); ctx.clip();
    for (const R of runs) this.ends(ctx, R, off);
    this.links(ctx, off);
    for (const q of this.shown) if (q.ps) {
      const y = q.y - off, inset = q.h > 30 ? 6 : q.h > 20 ? 3 : 2, top = Math.round((y + inset) * r), h = Math.round((q.h - 2 * inset) * r);
      const list = [];
      acc.fill(0);
      for (const p of q.ps) if (p.end >= view.from && p.begin <= view.to) sweep(q.R, p, view.from, this.k * r, W, acc, q.p ? 3 * r : Infinity, list);
      columns(ctx, acc, W, x0, top, h, q.p ? 0 : this.most(q));
      for (const i of list) this.span(ctx, q, i, y + inset, q.h - 2 * inset);
      for (const p of q.p ? q.ps : []) this.badge(ctx, p, y, q.h);
    } else if (q.marks) this.marks(ctx, q, q.y - off);
    if (arrows) this.items(ctx, off);
    for (const t of this.texts) this.text(ctx, ...t);
    this.picked(ctx, off);
    ctx.restore();
  }
  most(q) {
    if (q.most == null) {
      const steps = q.ps.flatMap(p => [[p.begin, 1], [p.end, -1]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      let n = 0;
      q.most = 1;
      for (const [, d] of steps) q.most = Math.max(q.most, n += d);
    }
    return q.most;
  }
  // Where a run has ended there is nothing more.
  ends(ctx, R, off) {
    const rows = this.rows.filter(q => q.R === R);
    if (!rows.length) return;
    const a = rows[0].y - off, b = rows[rows.length - 1].y + rows[rows.length - 1].h - off, x = this.x(R.facts.end);
    if (runs.length > 1) {
      const l = this.x(0);
      ctx.fillStyle = theme.soft;
      ctx.fillRect(l, a + 5, Math.max(0, x - l), 24);
      ctx.fillStyle = theme.line;
      ctx.fillRect(0, Math.round(b), this.W, 1);
      font(ctx, 13, true);
      const text = time(R.facts.end), w = ctx.measureText(text).width;
      ctx.fillStyle = theme.fg;
      ctx.textAlign = 'right';
      ctx.fillText(text, Math.min(Math.max(x - 8, this.g + w + 8), this.g + this.w - 6), a + 17);
    }
    ctx.fillStyle = theme.dim;
    for (let y = a + 4; y < b; y += 6) ctx.fillRect(Math.round(x), y, 1, 3);
  }
  rect(i, R) {
    const l = Math.max(this.x(R.from[i]), this.g - 12), e = Math.min(this.x(R.to[i]), this.g + this.w + 12);
    const a = Math.round(l * this.r) / this.r;
    return [a, Math.max(1 / this.r, Math.round(e * this.r) / this.r - a)];
  }
  span(ctx, q, i, y, h) {
    const R = q.R, s = R.state[i], [x, w] = this.rect(i, R), gap = w > 5 ? 1 : 0, round = w > 8 ? 3 : 0;
    box(ctx, x, y, w - gap, h, round);
    ctx.fillStyle = theme.s[s];
    ctx.fill();
    if (theme.pattern[s] && w > 6) { ctx.fillStyle = theme.pattern[s]; ctx.fill(); }
    if (s !== RUN && w > 4) { box(ctx, x + 0.5, y + 0.5, w - gap - 1, h - 1, round); ctx.strokeStyle = theme.e[s]; ctx.lineWidth = 1; ctx.stroke(); }
    if (w < 34 || h < 12) return;
    const e = R.of[i], from = Math.max(x, this.g) + 7, room = Math.min(x + w, this.g + this.w) - from - 7;
    const text = e < 0 ? (s === RUN ? (w > 70 ? 'runs ' + time(R.to[i] - R.from[i]) : '') : NAMES[s])
      : s === SLEEP ? 'sleep ' + time(R.to[i] - R.from[i]) : R.sites[R.evS[e]].kind.verb + ' ' + target(R, R.sites[R.evS[e]]);
    if (room < 20 || !text) return;
    this.texts.push([text, from, y + h / 2, room, s, h > 22 ? 12 : 11]);
  }
  text(ctx, text, x, y, room, s, size) {
    font(ctx, size, true);
    const cut = fit(ctx, text, room);
    if (cut.length < 3) return;
    ctx.textAlign = 'left';
    box(ctx, x - 4, y - 8, ctx.measureText(cut).width + 8, 16, 3);
    ctx.fillStyle = theme.s[s];
    ctx.fill();
    ctx.fillStyle = theme.t[s];
    ctx.fillText(cut, x, y + 0.5);
  }
  badge(ctx, p, y, h) {
    if (!failed(p)) return;
    const x = this.x(p.end), m = y + h / 2, d = Math.min(6, h / 3);
    ctx.strokeStyle = theme.bad; ctx.fillStyle = theme.bad; ctx.lineWidth = 2.5;
    ctx.beginPath();
    if (p.how === 3) { ctx.moveTo(x + 3, m - d); ctx.lineTo(x + 3 + 2 * d, m + d); ctx.moveTo(x + 3 + 2 * d, m - d); ctx.lineTo(x + 3, m + d); }
    else { ctx.moveTo(x + 6, m - d - 1); ctx.lineTo(x + 6, m + 1); ctx.moveTo(x + 6, m + d - 1); ctx.lineTo(x + 6, m + d + 1); }
    ctx.stroke();
  }
  middle(R, i, off) { const q = this.of[R.number][i]; return q ? q.y + q.h / 2 - off : null; }
  // A parent begins a child, and waits for its end.
  links(ctx, off) {
    let n = 0;
    ctx.strokeStyle = theme.dim; ctx.lineWidth = 1.2;
    for (const q of this.shown) if (q.p && q.p.parent >= 0 && n++ < 400) {
      const R = q.R, p = q.p, parent = R.processes[p.parent], y = q.y + q.h / 2 - off, top = this.middle(R, p.parent, off);
      if (top == null) continue;
      const curve = (x, dash) => { ctx.setLineDash(dash); ctx.beginPath(); ctx.moveTo(x, top); ctx.lineTo(x, y); ctx.stroke(); };
      if (p.begin >= view.from && p.begin <= view.to) curve(this.x(p.begin), []);
      const i = after(R.to, parent.i0, parent.i1, p.end - 1), e = i < parent.i1 && R.state[i] === JOIN ? R.of[i] : -1;
      if (e >= 0 && p.how && R.sites[R.evS[e]].target === p.i && p.end >= view.from && p.end <= view.to) curve(this.x(p.end), [2, 3]);
    }
    ctx.setLineDash([]);
  }
  marks(ctx, q, y) {
    let edge = -1e9;
    font(ctx, 11);
    ctx.textAlign = 'left';
    for (const [t, p, s] of q.R.notes) {
      const x = this.x(t);
      if (t < view.from || t > view.to) continue;
      ctx.fillStyle = theme.mark;
      ctx.beginPath(); ctx.moveTo(x, y + 6); ctx.lineTo(x + 7, y + 10.5); ctx.lineTo(x, y + 15); ctx.fill();
      ctx.fillRect(x - 0.5, y + 6, 1, q.h - 4);
      if (x > edge) {
        const text = fit(ctx, q.R.strings[s], 220);
        ctx.fillStyle = theme.fg;
        ctx.fillText(text, x + 10, y + 11);
        edge = x + 22 + ctx.measureText(text).width;
      }
    }
  }
  // Items on their way, if not more than 2,000 are in sight.
  items(ctx, off) {
    const list = [];
    for (const R of runs) {
      let n = 0;
      for (const p of R.processes) n += after(R.evT, p.e0, p.e1, view.to) - after(R.evT, p.e0, p.e1, view.from);
      if (n > 6000) continue;
      for (const p of R.processes) {
        const last = after(R.evT, p.e0, p.e1, view.to + (view.to - view.from));
        for (let e = Math.max(p.e0, after(R.evT, p.e0, p.e1, view.from) - 1); e < last; e++)
          if (R.sites[R.evS[e]].change < 0 && R.evI[e]) for (const item of putsOf(R, e)) list.push([R, p.i, ...item]);
        if (list.length > 2000) return;
      }
    }
    const few = list.length < 60;
    const curve = (x1, y1, x2, y2, s) => {
      const d = Math.min(60, Math.max(14, (x2 - x1) / 3));
      ctx.moveTo(x1, y1); ctx.bezierCurveTo(x1 + d, y1 + s * 4, x2 - d, y2 - s * 4, x2, y2);
    };
    const line = (list, color, width) => { ctx.beginPath(); for (const a of list) curve(...a); ctx.strokeStyle = color; ctx.lineWidth = width; ctx.stroke(); };
    const ways = [];
    for (const [R, to, from, put, got] of list) {
      const x1 = this.x(put), x2 = this.x(got) - 1, edge = this.of[R.number][from].h / 2 - 4;
      const y1 = this.middle(R, from, off), y2 = this.middle(R, to, off), s = Math.sign(y2 - y1);
      if (!s || x2 < this.g || x1 > this.g + this.w || (!few && this.folded(R, from, to))) continue;
      if (view.guess && view.now != null && got > view.now) continue;
      ways.push([x1, y1 + s * edge, x2, y2 - s * edge, s]);
    }
    if (!few) ctx.globalAlpha = 0.45;
    for (const part of few ? ways.map(w => [w]) : [ways]) {
      if (few) line(part, theme.card, 4);
      line(part, theme.accent, few ? 1.6 : 1);
    }
    ctx.fillStyle = theme.accent;
    if (few) for (const [x1, y1, x2, y2] of ways) {
      ctx.beginPath(); ctx.arc(x1, y1, 3, 0, 7); ctx.fill();
      ctx.beginPath(); ctx.moveTo(x2 + 2, y2); ctx.lineTo(x2 - 6, y2 - 4); ctx.lineTo(x2 - 6, y2 + 4); ctx.fill();
    }
    ctx.globalAlpha = 1;
  }
  folded(R, ...list) { return list.some(i => !this.of[R.number][i].p); }
  picked(ctx, off) {
    const k = view.pick;
    if (!k) return;
    const q = this.of[k.R.number][k.p.i];
    if (!q) return;
    ctx.strokeStyle = theme.accent; ctx.lineWidth = 2.5;
    const [x, w] = k.i < 0 ? [this.g, this.w] : this.rect(k.i, k.R);
    box(ctx, x - 1, q.y - off + 1.5, w + 2, q.h - 3, 5);
    ctx.stroke();
  }
  label(ctx, q, y) {
    const m = y + q.h / 2, small = this.g < 120, left = 8 + (q.depth ? Math.min(q.depth, small ? 2 : 4) * (small ? 6 : 12) : 0);
    ctx.textAlign = 'left';
    ctx.fillStyle = theme.fg;
    if (q.head) {
      font(ctx, small ? 12 : 14, true);
      ctx.fillText(fit(ctx, q.R.name, this.g - 14), 8, y + 17);
      return;
    }
    if (q.marks) { font(ctx, 11); ctx.fillStyle = theme.dim; ctx.fillText('marks', 8, y + 11); return; }
    font(ctx, q.h > 20 ? 13 : 12, q.depth === 0);
    const bad = q.p && (failed(q.p) || stuck(q.R).has(q.p.i));
    if (bad) ctx.fillStyle = theme.bad;
    const text = (q.group ? (open.has(q.group) ? '\u25be ' : '\u25b8 ') : '') + q.label;
    ctx.fillText(fitLabel(ctx, text, this.g - left - 8), left, m + 0.5);
  }
  at(q, t) {
    if (!q || !q.p) return null;
    const i = spanAt(q.R, q.p, t);
    return i < 0 ? null : { R: q.R, p: q.p, i };
  }
  tell(q, t) {
    const k = this.at(q, t);
    if (k) return spanTell(k.R, k.p, k.i);
    if (q && q.group) {
      const here = NAMES.map(() => 0);
      for (const p of q.ps) { const i = spanAt(q.R, p, t); if (i >= 0) here[q.R.state[i]]++; }
      const parts = here.map((n, s) => n ? n + ' ' + SHORT[s] : '').filter(Boolean);
      return parts.length ? q.label + ' at ' + time(t) + '\n' + parts.join(', ') : '';
    }
    if (q && q.marks) {
      const near = q.R.notes.filter(k => Math.abs(k[0] - t) * this.k < 8);
      return near.slice(0, 6).map(k => `${q.R.strings[k[2]]} (${q.R.processes[k[1]].label}, ${time(k[0])})`).join('\n');
    }
    return '';
  }
  show(k) {
    view.pick = k;
    this.detail.textContent = !k ? '' : k.i < 0 ? `${k.p.label}: ${endText(k.p)}` : spanTell(k.R, k.p, k.i).replace(/\n/g, '; ');
    redraw();
  }
  click(x, y) {
    const q = this.rowAt(y);
    if (q && q.group && x < this.g) { open.has(q.group) ? open.delete(q.group) : open.add(q.group); gantts.forEach(g => g.arrange()); redraw(); return; }
    this.show(x < this.g ? q && q.p && { R: q.R, p: q.p, i: -1 } : this.at(q, this.t(x)));
  }
  dive(x, y) {
    const k = x > this.g && this.at(this.rowAt(y), this.t(x));
    if (k) this.into(k); else all();
  }
  into(k) { const f = k.R.from[k.i], d = k.R.to[k.i] - f; setView(f - d * 0.15, f + d * 1.15); }
  key(k) {
    const list = this.rows.filter(q => q.p || q.group), pick = view.pick;
    let n = pick ? list.findIndex(q => q.R === pick.R && q.ps.includes(pick.p)) : -1;
    if (k === 'Escape') this.show(null);
    else if (k === 'Enter' || k === ' ') {
      const q = list[n];
      if (q && q.group && !q.p) { open.add(q.group); gantts.forEach(g => g.arrange()); redraw(); } else if (pick && pick.i >= 0) this.into(pick);
    } else if (k === 'ArrowDown' || k === 'ArrowUp') {
      n = Math.max(0, Math.min(list.length - 1, n + (k === 'ArrowDown' ? 1 : -1)));
      const q = list[n], t = pick && pick.i >= 0 ? (pick.R.from[pick.i] + pick.R.to[pick.i]) / 2 : view.from, p = q.ps[0];
      const i = Math.max(spanAt(q.R, p, t), t < p.begin || t > p.end ? p.i0 : -1);
      this.show({ R: q.R, p, i: i < p.i1 ? i : -1 });
      const y = q.y - this.host.scrollTop;
      if (y < this.top) this.host.scrollTop = q.y - this.top; else if (y + q.h > this.H) this.host.scrollTop = q.y + q.h - this.H;
    } else if ((k === 'ArrowLeft' || k === 'ArrowRight') && pick) {
      const { R, p } = pick, i = Math.max(p.i0, Math.min(p.i1 - 1, (pick.i < 0 ? p.i0 - 1 : pick.i) + (k === 'ArrowRight' ? 1 : -1)));
      this.show({ R, p, i });
      const w = view.to - view.from;
      if (R.to[i] < view.from || R.from[i] > view.to) setView(R.from[i] - w / 2, R.from[i] + w / 2);
    } else return false;
    return true;
  }
}
const stuck = R => R.stuck = R.stuck || new Set(R.edges.filter(e => e[1]).map(e => e[0]));
// The puts of what a get has got: process, time of the put, time of the get.
const putsOf = (R, e) => {
  if (!R.puts) {
    R.firsts = R.processes.map(p => p.e0);
    const lists = new Map();
    for (const p of R.processes) for (let k = p.e0; k < p.e1; k++) {
      const s = R.sites[R.evS[k]];
      if (s.change <= 0 || !R.evI[k] || s.target < 0) continue;
      const q = s.kind.verb === 'send' ? R.objects[s.target].peer : s.target;
      if (!lists.has(q)) lists.set(q, []);
      lists.get(q).push(R.evI[k] * 1048576 + k);
    }
    R.puts = new Map([...lists].map(([q, l]) => [q, Float64Array.from(l).sort()]));
  }
  const list = R.puts.get(R.sites[R.evS[e]].target), found = [], owner = k => after(R.firsts, 0, R.firsts.length, k) - 1;
  if (!list) return found;
  const size = k => R.sites[R.evS[k]].flags & GAPS ? 1 : R.evC[k];
  const when = (k, n) => R.evC[k] < 2 ? R.evT[k] + R.evD[k] : R.evT[k] + (n - R.evI[k]) / (R.evC[k] - 1) * R.evD[k];
  const first = R.evI[e], end = first + size(e);
  for (let i = Math.max(0, after(list, 0, list.length, first * 1048576 + 1048575) - 1); i < list.length && found.length < 50; i++) {
    const k = list[i] % 1048576, n = Math.max(first, R.evI[k]);
    if (n >= end) break;
    if (n < R.evI[k] + size(k)) found.push([owner(k), when(k, n), when(e, n)]);
  }
  return found;
};

// -- queues and counters

class Depths extends Chart {
  constructor(host, rows) { super(host, 'How many items each queue held. Plus and minus zoom.', rows); }
  paint(ctx, off) {
    ctx.save();
    ctx.beginPath(); ctx.rect(this.g, this.top, this.w, this.H); ctx.clip();
    for (const q of this.shown) {
      const y = q.y - off, h = q.h - 22, base = y + q.h - 8;
      ctx.fillStyle = theme.line;
      ctx.fillRect(this.g, Math.round(base), this.w, 1);
      if (q.queue) this.queue(ctx, q, base, h); else this.counter(ctx, q, base, h);
    }
    ctx.restore();
  }
  queue(ctx, q, base, h) {
    const d = q.queue, most = Math.max(d.peak, Math.min(d.max || 0, d.peak * 3 || 1), 1), Y = v => base - v / most * h, px = 1 / this.r;
    let i = Math.max(0, after(d.t, 0, d.t.length, view.from) - 1);
    const bar = (l, r, a, b) => {
      if (r <= l) return;
      ctx.fillStyle = d.max && b >= d.max ? theme.full : theme.fill;
      ctx.globalAlpha = 0.45;
      ctx.fillRect(l, Y(a), r - l, base - Y(a));
      ctx.globalAlpha = 1;
      ctx.fillRect(l, Y(b), r - l, Math.max(1.5, Y(a) - Y(b)));
    };
    // Points that fall into one pixel are drawn as one.
    while (i < d.t.length && d.t[i] < view.to) {
      const x = this.x(d.t[i]);
      let lo = d.lo[i], hi = d.hi[i], v = d.v[i++];
      while (i < d.t.length && this.x(d.t[i]) < x + px) { lo = Math.min(lo, d.lo[i]); hi = Math.max(hi, d.hi[i]); v = d.v[i++]; }
      const e = this.x(i < d.t.length ? Math.min(d.t[i], view.to) : Math.min(q.R.facts.end, view.to));
      if (hi > lo) bar(x, x + px, lo, hi);
      bar(x, e, v, v);
    }
    if (d.max && d.max <= most) {
      ctx.strokeStyle = theme.full; ctx.lineWidth = 1.3; ctx.setLineDash([5, 4]);
      ctx.beginPath(); ctx.moveTo(this.g, Math.round(Y(d.max)) - 0.5); ctx.lineTo(this.x(q.R.facts.end), Math.round(Y(d.max)) - 0.5); ctx.stroke();
      ctx.setLineDash([]);
    }
  }
  counter(ctx, q, base, h) {
    const p = q.counter.points, lo = q.lo, span = q.hi - lo || 1;
    ctx.strokeStyle = theme.mark; ctx.fillStyle = theme.mark; ctx.lineWidth = 1.6;
    ctx.beginPath();
    let last = null;
    for (const [t, v] of p) {
      const x = this.x(t), y = base - (v - lo) / span * h;
      if (last == null) ctx.moveTo(x, y); else { ctx.lineTo(x, last); ctx.lineTo(x, y); }
      last = y;
    }
    if (last != null) ctx.lineTo(this.x(q.R.facts.end), last);
    ctx.stroke();
    if (p.length < 200) for (const [t, v] of p) { ctx.beginPath(); ctx.arc(this.x(t), base - (v - lo) / span * h, 2.5, 0, 7); ctx.fill(); }
  }
  label(ctx, q, y) {
    ctx.textAlign = 'left';
    ctx.fillStyle = theme.fg;
    font(ctx, 12, true);
    ctx.fillText(fitLabel(ctx, q.label, this.g - 14), 8, y + q.h / 2 - 8);
    font(ctx, 11);
    ctx.fillStyle = theme.dim;
    ctx.fillText(fit(ctx, q.queue ? `at most ${q.queue.about}${count(q.queue.peak)}${q.queue.max ? ' of ' + count(q.queue.max) : ''}` : `${+q.lo.toPrecision(4)} to ${+q.hi.toPrecision(4)}`, this.g - 14), 8, y + q.h / 2 + 9);
  }
  tell(q, t) {
    if (!q) return '';
    if (q.queue) { const d = q.queue, i = after(d.t, 0, d.t.length, t) - 1; return `${q.label}: ${d.about}${many(i < 0 ? 0 : d.v[i], 'item')} at ${time(t)}`; }
    const p = q.counter.points.filter(k => k[0] <= t).pop();
    return p ? `${q.label}: ${p[1]} at ${time(t)}` : '';
  }
}

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
  } else if (A.life) {
    const n = A.processes.length, f = speed(A);
    s.append(el('p', { class: 'say' }, many(n, 'process', 'processes'), n === 1 ? ' did ' : ' did together ', el('b', {}, time(A.facts.busy)), ' of work in ', el('b', {}, time(A.facts.end)),
      f > 1.05 ? [': ', el('b', {}, fix(f, 1) + ' times as fast'), ' as one after the other.'] : '.'));
  }
  const list = R => {
    const F = R.facts;
    return [['Time', time(F.end), F.speed !== 1 ? `of a clock ${+F.speed.toPrecision(3)} times as fast` : F.clock && 'clock ' + F.clock],
      ['Speed-up', fix(speed(R), 2) + ' \u00d7', `work of ${time(F.busy)} / ${time(F.end)}`],
      ['Processes', count(R.processes.length), 'at most ' + F.most + ' at once'],
      ['Messages', count(F.messages), many(F.ops, 'op')],
      ['CPU', F.cpu < 0 ? '?' : time(F.cpu), F.cpu < 0 ? 'not known' : 'of all processes'],
      ['Seed', F.seed, F.began ? new Date(F.began).toISOString().slice(0, 19).replace('T', ' ') + ' UTC' : ''],
      ['Exit status', F.status < 0 ? '?' : String(F.status), F.status < 0 ? 'the run was cut off' : F.status ? 'failure' : 'success'],
      ['Events lost', count(F.lost), 'of ' + count(F.events + F.lost)]];
  };
  if (B) s.append(el('details', {}, el('summary', {}, 'All facts'), table('', ['', ...runs.map(R => R.name)], list(A).map((row, i) => el('tr', {}, th(row[0]), runs.map(R => { const [, v, small] = list(R)[i]; return td(v, small && el('span', { class: 'hint' }, ' ' + small)); }))))));
  else s.append(el('dl', { class: 'tiles' }, list(A).map(([k, v, small]) => el('div', {}, el('dt', {}, k), el('dd', { class: v.length > 9 ? 'long' : null }, v, small && el('small', {}, small))))));
  for (const R of runs) {
    const F = R.facts, who = B ? R.name + ': ' : '';
    if (F.lost) s.append(el('p', { class: 'note' }, who + `${many(F.lost, 'event')} came faster than they were read, and are lost: what is shown has gaps.`));
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
  const some = rows.some(r => r.queue && r.queue.max);
  const s = section('queues', runs.some(R => R.counters.length) ? 'Queues and counters' : 'Queues', 'How many items waited in each queue.' + (some ? ' The dashed line is its capacity: at it, a put has to wait.' : '') +
    (rows.some(r => r.queue && r.queue.about) ? ' Runs of ops were merged, so that numbers within them are a guess: --trace-detail all tells each.' : ''));
  for (const r of rows) if (runs.length > 1) r.label = r.label + ' (' + r.R.name + ')';
  new Depths(s, rows);
  const list = rows.filter(r => r.queue);
  if (list.length) s.append(el('details', {}, el('summary', {}, 'As a table'), table('Queues', ['Queue', 'Made at', ['Capacity'], ['Most items'], ['On average'], ['Time full']], list.map(({ label, queue: q, R }) =>
    el('tr', {}, th(label), td(place(R, R.objects[q.object].made)), num(q.max ? count(q.max) : 'none'), num(q.about, count(q.peak)), num(q.about, q.mean.toPrecision(3)), num(q.max ? time(q.full) + ', ' + percent(q.full / (R.facts.end || 1)) : '\u2013'))))));
};

const waitTarget = (R, k, t) => t < 0 ? (R.kinds[k].process ? 'any child' : 'one of several') : R.kinds[k].process ? R.processes[t].label : R.objects[t].label;
const madeAt = (R, k, t) => t < 0 ? null : R.kinds[k].process ? R.processes[t].at && 'spawned at ' + R.processes[t].at : R.objects[t].made && 'made at ' + R.objects[t].made;
// An object may have the name of a process: its type follows, unless that is its name.
const typeOf = o => o && !o.label.startsWith(o.type + '#') ? el('small', { class: 'type' }, ' ' + o.type) : '';
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
  const s = section('lines', 'Busiest lines', 'Where in the program time was spent waiting.', true);
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
    return [longTable(many(R.processes.length, 'process', 'processes'), ['Process', 'Spawned at', ['Began'], ['Lived'], 'Time', ['Put'], ['Got'], 'End'], R.processes, row, 20),
      R.notes.length ? el('details', {}, el('summary', {}, many(R.notes.length, 'mark')), table('', [['Time'], 'Process', 'Mark'], R.notes.slice(0, 500).map(k => el('tr', {}, num(time(k[0])), td(R.processes[k[1]].label), td(R.strings[k[2]]))))) : null].filter(Boolean);
  });
};

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
})();
