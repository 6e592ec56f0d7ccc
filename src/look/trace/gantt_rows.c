/* look/trace/gantt_rows.c - rows of processes, and what their cells show; see gantt_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/gantt_internal.h"

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

/* -- time to cells --------------------------------------------------------------------------- */

struct scale scale_of(int64_t end_ns, int width) {
  struct scale s = {end_ns, width > 0 ? width : 1};
  if (s.span_ns < 8 * (int64_t)s.width)
    s.span_ns = 8 * (int64_t)s.width;
  return s;
}

int64_t scale_edge(const struct scale *s, int cell) {
  int64_t each = s->span_ns / s->width, rest = s->span_ns % s->width;
  return each * cell + rest * cell / s->width;
}

int scale_cell(const struct scale *s, int64_t t_ns) {
  if (t_ns <= 0)
    return 0;
  if (t_ns >= s->span_ns)
    return s->width - 1;
  int cell = (int)((double)t_ns / (double)s->span_ns * s->width);
  cell = cell < s->width ? cell : s->width - 1;
  while (scale_edge(s, cell) > t_ns)
    cell--;
  while (cell + 1 < s->width && scale_edge(s, cell + 1) <= t_ns)
    cell++;
  return cell;
}

/* -- which processes are in a row ------------------------------------------------------------ */

/* So many workers of a pool have a row each. */
enum { WORKERS_APART = 3 };

/* Rows are in the order in which processes were spawned, by id: the times of their begins depend on the
 * machine's scheduler. */
struct member {
  const struct trace_process *of;
  uint32_t process; /* its index */
  uint32_t leader;  /* id of the first process in its row */
};

static int by_pool(const void *a, const void *b) {
  const struct member *p = a, *q = b;
  int order = ORDER(p->of->parent, q->of->parent);
  if (!order)
    order = strcmp(p->of->name, q->of->name);
  return order ? order : ORDER(p->of->id, q->of->id);
}

static int by_leader(const void *a, const void *b) {
  const struct member *p = a, *q = b;
  int order = ORDER(p->leader, q->leader);
  return order ? order : ORDER(p->of->id, q->of->id);
}

static bool same_pool(const struct member *p, const struct member *q) {
  return p->of->parent == q->of->parent && strcmp(p->of->name, q->of->name) == 0;
}

/* Of workers, pool by pool. */
static void find_leaders(struct member *list, uint32_t count) {
  for (uint32_t i = 0, end; i < count; i = end) {
    for (end = i + 1; end < count && same_pool(&list[i], &list[end]);)
      end++;
    for (uint32_t k = i; k < end && end - i > WORKERS_APART; k++)
      list[k].leader = list[i].of->id;
  }
}

static void split(const struct member *list, uint32_t count, struct gantt_rows *ret) {
  for (uint32_t i = 0; i < count; i++) {
    ret->members[i] = list[i].process;
    if (i == 0 || list[i].leader != list[i - 1].leader)
      ret->rows[ret->count++] = (struct gantt_row){.first = i};
    ret->rows[ret->count - 1].count++;
  }
}

int gantt_rows_make(const struct trace_model *m, struct gantt_rows *ret) {
  uint32_t n = m->process_count, workers = 0, others = n;
  *ret = (struct gantt_rows){.members = malloc((n + 1u) * sizeof *ret->members),
                             .rows = malloc((n + 1u) * sizeof *ret->rows)};
  struct member *list = malloc((n + 1u) * sizeof *list);
  if (!ret->members || !ret->rows || !list) {
    gantt_rows_release(ret);
    free(list);
    return -SBX_ENOMEM;
  }
  for (uint32_t i = 0; i < n; i++) {
    struct member *at = m->processes[i].worker ? &list[workers++] : &list[--others];
    *at = (struct member){&m->processes[i], i, m->processes[i].id};
  }
  qsort(list, workers, sizeof *list, by_pool);
  find_leaders(list, workers);
  qsort(list, n, sizeof *list, by_leader);
  split(list, n, ret);
  free(list);
  return 0;
}

void gantt_rows_limit(struct gantt_rows *r, uint32_t most) {
  if (r->count <= most || most == 0)
    return;
  struct gantt_row *last = &r->rows[most - 1], *end = &r->rows[r->count - 1];
  last->count = end->first + end->count - last->first;
  r->count = most;
  r->rest = true;
}

void gantt_rows_release(struct gantt_rows *r) {
  free(r->members);
  free(r->rows);
  *r = (struct gantt_rows){0};
}

/* -- what happened in a cell ----------------------------------------------------------------- */

struct happened {
  double ns[TRACE_STATES];
  int64_t run_end; /* of the last time it ran */
  uint32_t runs;   /* how often it ran */
  bool runs_first; /* from the beginning of the cell on */
  bool runs_last;  /* until its end */
};

static void add_part(struct happened *h, enum trace_state state, int64_t from, int64_t to,
                     int64_t cell_from, int64_t cell_to) {
  h->ns[state] += (double)(to - from);
  if (state != TRACE_RUNNING)
    return;
  h->runs += h->runs == 0 || h->run_end != from;
  h->run_end = to;
  h->runs_first |= from == cell_from;
  h->runs_last |= to == cell_to;
}

static void add_span(struct happened *list, const struct scale *s, const struct trace_span *span) {
  int64_t from = span->from_ns < 0 ? 0 : span->from_ns;
  int64_t to = span->to_ns < s->span_ns ? span->to_ns : s->span_ns;
  for (int i = scale_cell(s, from); from < to; i++) {
    int64_t end = scale_edge(s, i + 1), until = to < end ? to : end;
    add_part(&list[i], span->state, from, until, scale_edge(s, i), end);
    from = until;
  }
}

/* -- what a cell shows ----------------------------------------------------------------------- */

static double lived(const struct happened *h) {
  double sum = 0;
  for (int i = 0; i < TRACE_STATES; i++)
    sum += h->ns[i];
  return sum;
}

static int longest(const struct happened *h) {
  int most = 0;
  for (int i = 1; i < TRACE_STATES; i++)
    if (h->ns[i] > h->ns[most])
      most = i;
  return most;
}

static double length_of(const struct scale *s, int cell) {
  return (double)(scale_edge(s, cell + 1) - scale_edge(s, cell));
}

static bool ran(const struct happened *list, const struct scale *s, int cell) {
  return cell >= 0 && cell < s->width && list[cell].runs > 0;
}

static bool ran_mostly(const struct happened *list, const struct scale *s, int cell) {
  return ran(list, s, cell) && list[cell].ns[TRACE_RUNNING] * 2 >= length_of(s, cell);
}

/*
 * Is what it ran in this cell to be drawn as such, though it is less than the whole cell?
 *   - the end of a long run, unless a part of a cell cannot be drawn (no `eighths`)
 *   - a short run, or some within a cell, between two cells without any; if an edge of a cell
 *     divides it, it is drawn in one of the two
 * Short runs in more cells than that are many: then the state counts that took most of the time.
 */
static bool stands_out(const struct happened *list, const struct scale *s, int cell, bool eighths) {
  const struct happened *h = &list[cell];
  if (h->runs == 0 || h->runs_last)
    return false;
  bool before = ran(list, s, cell - 1), after = ran(list, s, cell + 1);
  if (h->runs == 1 && h->runs_first && ran_mostly(list, s, cell - 1))
    return eighths;
  if (!before && !after)
    return h->runs == 1 || !ran_mostly(list, s, cell);
  int first = before ? cell - 1 : cell; /* of two */
  if ((before && after) || ran(list, s, first - 1) || ran(list, s, first + 2) ||
      ran_mostly(list, s, first) || ran_mostly(list, s, first + 1))
    return false;
  return list[first].runs_last == before;
}

static struct gantt_cell show(int sign) { return (struct gantt_cell){(uint8_t)sign, 8}; }

static struct gantt_cell show_run(const struct happened *h, double length) {
  double eighths = 8 * h->ns[TRACE_RUNNING] / length + 0.5;
  return (struct gantt_cell){TRACE_RUNNING, eighths < 1 ? 1 : eighths > 8 ? 8 : (uint8_t)eighths};
}

static void show_all(const struct happened *list, const struct scale *s, bool single, bool eighths,
                     struct gantt_cell *cells) {
  for (int i = 0; i < s->width; i++) {
    const struct happened *h = &list[i];
    double length = length_of(s, i);
    if (single && stands_out(list, s, i, eighths))
      cells[i] = show_run(h, length);
    else
      cells[i] = show(lived(h) * 2 < length ? GANTT_BLANK : longest(h));
  }
}

/* However short it lived, it is seen. */
static void show_shortest(const struct trace_process *p, const struct happened *list,
                          const struct scale *s, struct gantt_cell *cells) {
  int most = scale_cell(s, p->begin_ns);
  for (int i = 0; i < s->width; i++) {
    if (cells[i].sign != GANTT_BLANK)
      return;
    if (lived(&list[i]) > lived(&list[most]))
      most = i;
  }
  cells[most] = show(longest(&list[most]));
  if (cells[most].sign == TRACE_RUNNING)
    cells[most] = show_run(&list[most], length_of(s, most));
}

static void show_end(const struct trace_process *p, const struct scale *s,
                     struct gantt_cell *cells) {
  if (p->how != TRACE_KILLED && p->how != TRACE_FAILED)
    return;
  int64_t last = p->end_ns > p->begin_ns ? p->end_ns - 1 : p->begin_ns;
  cells[scale_cell(s, last)] = show(p->how == TRACE_KILLED ? GANTT_KILLED : GANTT_FAILED);
}

int gantt_fill(const struct trace_model *m, const struct gantt_rows *rows, uint32_t row,
               const struct scale *s, bool eighths, struct gantt_cell *cells) {
  const struct gantt_row *r = &rows->rows[row];
  struct happened *list = calloc((size_t)s->width, sizeof *list);
  if (!list)
    return -SBX_ENOMEM;
  for (uint32_t i = r->first; i < r->first + r->count; i++) {
    const struct trace_process *p = &m->processes[rows->members[i]];
    for (uint32_t k = 0; k < p->span_count; k++)
      add_span(list, s, &m->spans[p->span_first + k]);
  }
  show_all(list, s, r->count == 1, eighths, cells);
  show_shortest(&m->processes[rows->members[r->first]], list, s, cells);
  bool rest = rows->rest && row == rows->count - 1; /* too many to show how each ended */
  for (uint32_t i = r->first; i < r->first + r->count && !rest; i++)
    show_end(&m->processes[rows->members[i]], s, cells);
  free(list);
  return 0;
}
