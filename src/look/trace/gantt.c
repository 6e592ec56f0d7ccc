/* look/trace/gantt.c - the layout of charts: which lines there is room for. See gantt.h. */
#include "look/trace/gantt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/width.h"
#include "look/trace/gantt_internal.h"

enum { NAMES_MAX = 16, AROUND = 6 /* lines that the rows of processes leave free */ };

static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};

/* -- the plan: which lines there is room for -------------------------------------------------- */

struct plan {
  struct gantt_rows rows;
  uint32_t *queues; /* owned */
  uint32_t queue_count, queues_shown;
  bool summary, times, axis, marks, legend, deadlock, lost, cut, clock;
};

/* Which signs the chart may need, more or less. */
static void guess_signs(const struct trace_model *m, bool ret[GANTT_SIGNS]) {
  for (uint32_t i = 0; i < m->process_count; i++) {
    const struct trace_process *p = &m->processes[i];
    for (int k = 0; k < TRACE_STATES; k++)
      ret[k] |= p->spent_ns[k] > 0;
    ret[TRACE_RUNNING] |= p->begin_ns == p->end_ns; /* drawn so, since it was there */
    ret[GANTT_KILLED] |= p->how == TRACE_KILLED;
    ret[GANTT_FAILED] |= p->how == TRACE_FAILED;
  }
}

static bool take(int *room, int lines) {
  if (*room < lines)
    return false;
  *room -= lines;
  return true;
}

static bool is_incomplete(const struct trace_facts *f) { return f->lost > 0 || f->nameless > 0; }

/* What must be there besides the rows of processes, and one line each for what else there is. */
static int count_around(const struct canvas *c, const struct plan *p, int legend_needs) {
  const struct trace_facts *f = &c->m->facts;
  return 3 + legend_needs + words_deadlock(c->m) + is_incomplete(f) + f->cut +
         trace_has_hosts(c->m) + gantt_has_marks(c->m) + (p->queue_count > 0);
}

static int count_legend(const struct canvas *c, const struct plan *p) {
  struct legend legend;
  bool used[GANTT_SIGNS] = {false};
  guess_signs(c->m, used);
  legend_make(c, used, p->queue_count > 0, &legend);
  return legend_lines(&legend, c->columns);
}

/* The rows of processes come first, then what explains them, then the rest. */
static void plan_lines(const struct canvas *c, struct plan *p, int lines) {
  int legend_needs = count_legend(c, p), around = count_around(c, p, legend_needs);
  int most = lines - AROUND > 1 ? lines - AROUND : 1, room = lines > 1 ? lines - 1 : 1;
  int rows = p->rows.count < (uint32_t)most ? (int)p->rows.count : most;
  const struct trace_facts *f = &c->m->facts;
  if (rows > room - around)
    rows = room - around > 1 ? room - around : 1;
  take(&room, rows);
  p->times = take(&room, 1);
  p->legend = take(&room, legend_needs);
  p->deadlock = words_deadlock(c->m) && take(&room, 1);
  p->lost = is_incomplete(f) && take(&room, 1);
  p->cut = f->cut && take(&room, 1);
  p->clock = trace_has_hosts(c->m) && take(&room, 1);
  p->axis = p->times && take(&room, 1);
  p->summary = take(&room, 1);
  p->marks = gantt_has_marks(c->m) && take(&room, 1);
  while (p->queues_shown < p->queue_count && take(&room, 1))
    p->queues_shown++;
  gantt_rows_limit(&p->rows, (uint32_t)rows);
}

/* The lines that it would take if there were room for all. */
static int lines_wanted(const struct canvas *c, const struct plan *p) {
  int around = 1 + count_around(c, p, count_legend(c, p)) + (int)p->queue_count;
  return (int)p->rows.count + (around > AROUND ? around : AROUND);
}

static void plan_release(struct plan *p) {
  gantt_rows_release(&p->rows);
  free(p->queues);
}

/* -- rows ------------------------------------------------------------------------------------ */

/* The label of a row, and what is appended to it. */
static void label_row(const struct canvas *c, const struct plan *p, uint32_t row, char label[512],
                      char more[WORDS_MAX]) {
  const struct gantt_row *r = &p->rows.rows[row];
  const struct trace_process *first = &c->m->processes[p->rows.members[r->first]];
  char count[WORDS_MAX];
  words_count(r->count, count);
  *more = '\0';
  if (p->rows.rest && row == p->rows.count - 1) {
    snprintf(label, 512, "+ %s more", count);
  } else if (r->count > 1) {
    snprintf(label, 512, "%s", first->name[0] ? first->name : "worker");
    snprintf(more, WORDS_MAX, " %s%.20s", c->ascii ? "x" : "×", count);
  } else {
    trace_process_label(c->m, p->rows.members[r->first], label, 512);
  }
}

static int put_cells(struct canvas *c, const struct gantt_cell *cells, bool used[GANTT_SIGNS]) {
  int rc = 0;
  for (int i = 0; i < c->scale.width && rc == 0; i++) {
    const struct gantt_cell *cell = &cells[i];
    if (cell->sign == GANTT_BLANK) {
      rc = canvas_put(c, NULL, " ");
      continue;
    }
    const struct gantt_sign *g = &gantt_signs[cell->sign];
    bool part = cell->sign == TRACE_RUNNING && !c->ascii;
    used[cell->sign] = true;
    rc = canvas_put(c, g->color, c->ascii ? g->ascii : part ? eighths[cell->eighths] : g->utf8);
  }
  return rc ? rc : canvas_end(c);
}

static int put_rows(struct canvas *c, const struct plan *p, bool used[GANTT_SIGNS]) {
  struct gantt_cell *cells = malloc((size_t)c->scale.width * sizeof *cells);
  int rc = cells ? 0 : -SBX_ENOMEM;
  for (uint32_t i = 0; i < p->rows.count && rc == 0; i++) {
    char label[512], more[WORDS_MAX];
    label_row(c, p, i, label, more);
    rc = gantt_fill(c->m, &p->rows, i, &c->scale, !c->ascii, cells);
    if (rc == 0)
      rc = canvas_name(c, NULL, label, more);
    if (rc == 0)
      rc = put_cells(c, cells, used);
  }
  free(cells);
  return rc;
}

/* -- the chart ------------------------------------------------------------------------------- */

/* The widest label that a label in the plan could have, at most NAMES_MAX. */
static int measure(const struct canvas *c, const char *label, const char *more, int *ret) {
  struct buf text = {0};
  int rc = words_label(&text, label, more, NAMES_MAX, c->ascii);
  int width = rc == 0 && text.len ? width_of((const char *)text.data, text.len) : 0;
  *ret = width > *ret ? width : *ret;
  buf_release(&text);
  return rc;
}

static int measure_names(const struct canvas *c, const struct plan *p, int *ret) {
  char label[512], more[WORDS_MAX];
  int rc = p->marks ? measure(c, "marks", "", ret) : 0;
  for (uint32_t i = 0; i < p->rows.count && rc == 0; i++) {
    label_row(c, p, i, label, more);
    rc = measure(c, label, more, ret);
  }
  for (uint32_t i = 0; i < p->queues_shown && rc == 0; i++) {
    trace_object_label(c->m, p->queues[i], label, sizeof label);
    rc = measure(c, label, gantt_capacity(&c->m->objects[p->queues[i]], more), ret);
  }
  return rc;
}

static int draw_run(struct canvas *c, const struct plan *p, bool used[GANTT_SIGNS]) {
  int rc = p->marks ? gantt_marks(c) : 0;
  if (rc == 0)
    rc = put_rows(c, p, used);
  for (uint32_t i = 0; i < p->queues_shown && rc == 0; i++)
    rc = gantt_queue(c, p->queues[i]);
  return rc;
}

static int draw_notes(struct canvas *c, const struct plan *p) {
  int rc = p->deadlock ? gantt_deadlock(c) : 0;
  if (rc == 0 && p->lost)
    rc = gantt_lost(c);
  if (rc == 0 && p->cut)
    rc = gantt_cut(c);
  if (rc == 0 && p->clock)
    rc = gantt_clock(c);
  return rc;
}

static int draw_axis(struct canvas *c, const struct plan *p) {
  int rc = p->times ? gantt_times(c) : 0;
  return rc == 0 && p->axis ? gantt_axis(c) : rc;
}

static int draw_one(struct canvas *c, const struct plan *p) {
  bool used[GANTT_SIGNS] = {false};
  struct legend legend;
  int rc = p->summary ? gantt_summary(c) : 0;
  if (rc == 0)
    rc = draw_axis(c, p);
  if (rc == 0)
    rc = draw_run(c, p, used);
  legend_make(c, used, p->queues_shown > 0, &legend);
  if (rc == 0 && p->legend)
    rc = legend_put(c, &legend);
  return rc ? rc : draw_notes(c, p);
}

/* The axis above both; the legend below both. */
static int draw_two(struct canvas *c, const struct plan *plans) {
  bool used[GANTT_SIGNS] = {false};
  struct legend legend;
  int rc = draw_axis(c, &plans[0]);
  for (unsigned i = 0; i < c->count && rc == 0; i++) {
    c->m = c->all[i];
    if (i > 0)
      rc = canvas_end(c);
    if (rc == 0)
      rc = gantt_summary(c);
    if (rc == 0)
      rc = draw_run(c, &plans[i], used);
    if (rc == 0)
      rc = draw_notes(c, &plans[i]);
  }
  legend_make(c, used, plans[0].queues_shown + plans[1].queues_shown > 0, &legend);
  if (rc == 0)
    rc = canvas_end(c);
  if (rc == 0)
    rc = legend_put(c, &legend);
  return rc ? rc : gantt_compare(c);
}

static int clamp(int n, int least, int most) { return n < least ? least : n > most ? most : n; }

static int plan_rows(const struct canvas *c, struct plan *p) {
  int rc = gantt_rows_make(c->m, &p->rows);
  return rc ? rc : gantt_queues(c->m, &p->queues, &p->queue_count);
}

enum { CHARTS_MAX = 2, BETWEEN = 2 /* lines that two charts have and one has not */ };

/* Two share the screen: the shorter one gets what it needs. */
static void share_lines(struct canvas *c, const struct plan *plans, int ret[CHARTS_MAX]) {
  int lines = c->o->rows > 0 ? c->o->rows : 24, wanted[CHARTS_MAX];
  ret[0] = lines;
  if (c->count == 1)
    return;
  for (unsigned i = 0; i < c->count; i++) {
    c->m = c->all[i];
    wanted[i] = lines_wanted(c, &plans[i]);
  }
  lines -= BETWEEN;
  if (wanted[1] < lines / 2)
    ret[0] = clamp(wanted[0], 0, lines - wanted[1]);
  else
    ret[0] = clamp(wanted[0], 0, lines / 2);
  ret[1] = lines - ret[0];
}

static int draw_all(struct canvas *c, struct plan *plans) {
  int lines[CHARTS_MAX], rc = 0;
  for (unsigned i = 0; i < c->count && rc == 0; i++) {
    c->m = c->all[i];
    rc = plan_rows(c, &plans[i]);
  }
  if (rc == 0)
    share_lines(c, plans, lines);
  for (unsigned i = 0; i < c->count && rc == 0; i++) {
    c->m = c->all[i];
    plan_lines(c, &plans[i], lines[i]);
    rc = measure_names(c, &plans[i], &c->names);
  }
  c->scale = scale_of(c->end_ns, c->columns - c->names - 1);
  if (rc == 0)
    rc = c->count == 1 ? draw_one(c, &plans[0]) : draw_two(c, plans);
  return rc;
}

int gantt_draw(const struct trace_model *const models[], unsigned count,
               const struct gantt_options *o, struct buf *out) {
  int columns = clamp(o->columns > 0 ? o->columns : 80, GANTT_COLUMNS_MIN, GANTT_COLUMNS_MAX);
  struct canvas c = {
      .all = models, .count = count, .o = o, .columns = columns, .out = out, .ascii = !o->utf8};
  struct plan plans[CHARTS_MAX] = {0};
  for (unsigned i = 0; i < count; i++) {
    if (models[i]->process_count == 0)
      return buf_format(out, "no process was recorded\n");
    if (models[i]->facts.end_ns > c.end_ns)
      c.end_ns = models[i]->facts.end_ns;
  }
  int rc = draw_all(&c, plans);
  for (unsigned i = 0; i < count; i++)
    plan_release(&plans[i]);
  return rc;
}
