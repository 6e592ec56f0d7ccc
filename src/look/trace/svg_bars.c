/*
 * look/trace/svg_bars.c - what processes did, in their rows; see svg_internal.h.
 *
 * A span of at least WIDE columns is a bar of its own; the others are summed for each column, which then
 * shows the state that took most of it. All bars of one state in one row are one <path>. If there are too
 * many of them, columns become wider.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/svg_internal.h"

/* The bars of one state in a row, as the data of a path. */
struct bars {
  struct buf path[TRACE_STATES];
  uint32_t count;
  int rc;
};

static void bars_release(struct bars *b) {
  for (int s = 0; s < TRACE_STATES; s++)
    buf_release(&b->path[s]);
}

/* At the prompt, nothing is drawn. */
static void add_bar(struct bars *b, uint32_t state, double x, double y, double w, double h) {
  if (state == TRACE_IDLE)
    return;
  b->count++;
  if (b->rc == 0)
    b->rc = buf_format(&b->path[state], "M%.1f %.1fh%.1fv%.1fh-%.1fz", x, y, w, h, w);
}

/* Nanoseconds in each state for each column. */
struct sums {
  int64_t (*of)[TRACE_STATES]; /* owned */
  int count;
  double width_ns;
};

static int sums_open(struct sums *s, const struct drawing *d, int column) {
  s->count = PLOT / column + 1;
  s->width_ns = (double)d->end_ns / PLOT * column;
  s->of = calloc((size_t)s->count, sizeof *s->of);
  return s->of ? 0 : -SBX_ENOMEM;
}

static void sums_add(struct sums *s, int64_t from_ns, int64_t to_ns, uint32_t state) {
  int a = (int)((double)from_ns / s->width_ns), b = (int)((double)to_ns / s->width_ns);
  b = b < s->count ? b : s->count - 1;
  for (int i = a < 0 ? 0 : a; i <= b; i++) {
    int64_t left = (int64_t)(i * s->width_ns), right = (int64_t)((i + 1) * s->width_ns);
    int64_t f = from_ns > left ? from_ns : left, t = to_ns < right ? to_ns : right;
    s->of[i][state] += t > f ? t - f : 0;
  }
}

/* The state that took most of a column; TRACE_STATES: nothing was there. */
static uint32_t longest(const int64_t column[TRACE_STATES]) {
  uint32_t best = TRACE_STATES;
  for (uint32_t s = 0; s < TRACE_STATES; s++)
    if (column[s] > 0 && (best == TRACE_STATES || column[s] > column[best]))
      best = s;
  return best;
}

static bool is_wide(const struct drawing *d, const struct trace_span *s) {
  return svg_x(d, s->to_ns) - svg_x(d, s->from_ns) >= WIDE * d->column;
}

/* One process: wide spans, and between them columns. */
static void draw_process(const struct drawing *d, const struct row *r, struct bars *b) {
  const struct trace_process *p = &r->m->processes[r->first];
  double inset = r->height > 20 ? 4 : 2, y = r->y + inset, h = r->height - 2 * inset;
  struct sums sums;
  if (b->rc == 0)
    b->rc = sums_open(&sums, d, d->column);
  if (b->rc)
    return;
  for (uint32_t i = p->span_first; i < p->span_first + p->span_count; i++) {
    const struct trace_span *s = &r->m->spans[i];
    if (!is_wide(d, s))
      sums_add(&sums, s->from_ns, s->to_ns, s->state);
  }
  for (int i = 0, end; i < sums.count; i = end) {
    uint32_t state = longest(sums.of[i]);
    for (end = i + 1; end < sums.count && longest(sums.of[end]) == state;)
      end++;
    if (state < TRACE_STATES)
      add_bar(b, state, GUTTER + i * d->column, y, (end - i) * d->column, h);
  }
  for (uint32_t i = p->span_first; i < p->span_first + p->span_count; i++) {
    const struct trace_span *s = &r->m->spans[i];
    double x = svg_x(d, s->from_ns);
    if (is_wide(d, s))
      add_bar(b, s->state, x, y, svg_x(d, s->to_ns) - x - 0.8, h);
  }
  free(sums.of);
}

/* Many processes: for each column how many are in each state, above one another. */
static void draw_group(const struct drawing *d, const struct run *run, uint32_t row,
                       struct bars *b) {
  const struct row *r = &run->rows[row];
  struct sums sums;
  if (b->rc == 0)
    b->rc = sums_open(&sums, d, GROUP_COLUMN);
  if (b->rc)
    return;
  for (uint32_t i = 0; i < run->m->process_count; i++)
    if (run->row_of[i] == row)
      for (uint32_t k = 0; k < run->m->processes[i].span_count; k++) {
        const struct trace_span *s = &run->m->spans[run->m->processes[i].span_first + k];
        sums_add(&sums, s->from_ns, s->to_ns, s->state);
      }
  int64_t most = 1;
  for (int i = 0; i < sums.count; i++) {
    int64_t sum = 0;
    for (int s = 0; s < TRACE_STATES; s++)
      sum += sums.of[i][s];
    most = sum > most ? sum : most;
  }
  for (int i = 0; i < sums.count; i++) {
    double y = r->y + r->height - 3;
    for (uint32_t s = 0; s < TRACE_STATES; s++) {
      double h = (double)sums.of[i][s] / (double)most * (r->height - 6);
      y -= h;
      if (h >= 0.05)
        add_bar(b, s, GUTTER + i * GROUP_COLUMN, y, GROUP_COLUMN, h);
    }
  }
  free(sums.of);
}

static void draw_row(const struct drawing *d, const struct run *run, uint32_t row, struct bars *b) {
  if (run->rows[row].members > 1)
    draw_group(d, run, row, b);
  else
    draw_process(d, &run->rows[row], b);
}

/* Widen the columns until there are not too many bars. */
void svg_choose_column(struct drawing *d) {
  for (d->column = 1; d->column < 16 && d->rc == 0; d->column *= 2) {
    uint32_t count = 0;
    for (unsigned i = 0; i < d->run_count; i++)
      for (uint32_t k = 0; k < d->runs[i].row_count && d->rc == 0; k++) {
        struct bars b = {0};
        if (d->runs[i].rows[k].members == 1)
          draw_row(d, &d->runs[i], k, &b);
        count += b.count;
        d->rc = b.rc;
        bars_release(&b);
      }
    if (count <= BARS_MAX)
      break;
  }
}

void svg_bars(struct drawing *d, const struct run *run, uint32_t row) {
  struct bars b = {0};
  draw_row(d, run, row, &b);
  for (int s = 0; s < TRACE_STATES && b.rc == 0 && d->rc == 0; s++)
    if (b.path[s].len) {
      d->used[s] = true;
      PUT(d, "<path class=\"b%d\" d=\"%.*s\"/>\n", s, (int)b.path[s].len,
          (const char *)b.path[s].data);
    }
  d->rc = d->rc ? d->rc : b.rc;
  bars_release(&b);
}

/* -- words on bars --------------------------------------------------------------------------- */

/* "sleep 3.00 s", "put jobs#1" */
static void tell_span(const struct trace_model *m, const struct trace_span *s, char ret[160]) {
  char label[LABEL_MAX] = "", text[32];
  const struct trace_event *e = s->event == TRACE_NONE ? NULL : &m->events[s->event];
  *ret = '\0';
  if (s->state == TRACE_IDLE)
    return;
  if (s->state == TRACE_SLEEP)
    snprintf(ret, 160, "sleep %s", svg_time(text, s->to_ns - s->from_ns));
  else if (e)
    snprintf(ret, 160, "%s %s", trace_verb_on(m, e->kind, e->object),
             trace_event_label(m, e, label, sizeof label));
  else
    snprintf(ret, 160, "%s", s->state == TRACE_STOPPED ? "stopped" : "");
}

void svg_words(struct drawing *d, const struct row *r) {
  const struct trace_process *p = &r->m->processes[r->first];
  if (r->members > 1 || r->height < 16)
    return;
  for (uint32_t i = p->span_first; i < p->span_first + p->span_count; i++) {
    const struct trace_span *s = &r->m->spans[i];
    double x = svg_x(d, s->from_ns), w = svg_x(d, s->to_ns) - x;
    char text[160];
    if (w < 48)
      continue;
    tell_span(r->m, s, text);
    if (!*text)
      continue;
    PUT(d, "<text class=\"w w%d\" x=\"%d\" y=\"%d\">", (int)s->state, svg_px(x) + 6,
        r->y + r->height / 2 + 4);
    svg_text(d, text, (size_t)((w - 10) / 6.6));
    PUT(d, "</text>\n");
  }
}

/* -- the rest of a row ----------------------------------------------------------------------- */
