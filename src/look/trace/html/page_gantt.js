// page_gantt.js - the Gantt chart; how full queues are, and counters.
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
      const q = sentTo(R, s);
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
    ctx.fillText(fit(ctx, q.queue ? `at most ${q.queue.about}${count(q.queue.peak)}${q.queue.max ? ' of ' + count(q.queue.room) : ''}` : `${+q.lo.toPrecision(4)} to ${+q.hi.toPrecision(4)}`, this.g - 14), 8, y + q.h / 2 + 9);
  }
  tell(q, t) {
    if (!q) return '';
    if (q.queue) { const d = q.queue, i = after(d.t, 0, d.t.length, t) - 1; return `${q.label}: ${d.about}${many(i < 0 ? 0 : d.v[i], 'item')} at ${time(t)}`; }
    const p = q.counter.points.filter(k => k[0] <= t).pop();
    return p ? `${q.label}: ${p[1]} at ${time(t)}` : '';
  }
}
