// page_chart.js - colours, what is shown, rows, and what all charts have in common.
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
