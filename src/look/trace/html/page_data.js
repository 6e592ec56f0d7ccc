// page_data.js - words for numbers, and the data of the page: see look/trace/html_data.h.
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
const WAITED = 1, SEVERAL = 2, SELECT = 4, TIMEOUT = 8, REFUSED = 16, UNFINISHED = 32, GAPS = 64, AGAIN = 128, SPAN = 32768;

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

const byId = (a, b) => a.id - b.id; // processes as they were spawned
// The queue that an op of this place puts into: a pipe's end sends to the other one.
const sentTo = (R, s) => s.kind.verb === 'send' && R.objects[s.target].peer >= 0 ? R.objects[s.target].peer : s.target;

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
    const kind = R.kinds[k], ok = !(flags & (TIMEOUT | REFUSED | UNFINISHED | AGAIN));
    return { kind, flags, target, where: R.strings[where] || '', numbered: kind.change || kind === signal,
      change: ok ? kind.change : 0, sleep: kind.state === SLEEP, next: 1 };
  });
  R.objects = R.objects.map(([label, type, max, made, peer, room]) => ({ label, max, made, peer, room, type: R.types[type] }));
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
  const rough = new Set(R.sites.filter(s => s.change && s.target >= 0 && s.flags & SEVERAL).map(s => sentTo(R, s)));
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
    return { object, t, lo, hi, v, peak, max, room: R.objects[object].room, bins, about: rough.has(object) ? 'about ' : '', mean: area / (F.end || 1), full, label: R.objects[object].label };
  });
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
  else if ((s.change || s.flags & AGAIN) && R.evI[e]) text += ', item ' + count(R.evI[e]);
  return text + (s.flags & AGAIN ? ', which came back' : '') + (s.flags & SELECT ? ' (select)' : '');
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
  : p.how === 3 ? 'killed by signal ' + p.sig : p.how === 4 ? 'ended with its parent or with the run' : 'alive at the end';
const failed = p => p.how === 2 || p.how === 3;
