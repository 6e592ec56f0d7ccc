/*
 * look/trace/svg.c - see svg.h.
 *
 * The picture is drawn in two passes: rows are chosen and placed, then written. In a row, a span of
 * at least WIDE columns is a bar of its own; the others are summed for each column, which then shows
 * the state that took most of it. All bars of one state in one row are one <path>. If there are too
 * many of them, columns become wider.
 */
#include "look/trace/svg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/xml_text.h"

enum {
  WIDTH = 960,
  GUTTER = 150,
  PLOT = WIDTH - GUTTER - 16,
  TOP = 30, /* the axis */
  WIDE = 3,
  ROWS_MAX = 60,
  FOLD_WORKERS = 3, /* so many are shown one by one */
  FOLD_OTHERS = 12,
  BARS_MAX = 4000,
  ARROWS_MAX = 150,
  QUEUES_MAX = 6,
  QUEUE_HEIGHT = 46,
  GROUP_COLUMN = 4,
  LABEL_MAX = 80,
};

struct row {
  const struct trace_model *m;
  uint32_t first;   /* process; of a group the first one */
  uint32_t group;   /* class of processes; TRACE_NONE: one alone */
  uint32_t members; /* of a group */
  int depth, y, height;
};

/* What is drawn of one model. */
struct run {
  const struct trace_model *m;
  uint32_t *class_of; /* owned; processes of one name below parents of one class */
  uint32_t *row_of;   /* owned; of each process: its row */
  struct row *rows;   /* owned */
  uint32_t row_count;
  uint32_t queues[QUEUES_MAX], queue_count;
  int y, bottom; /* of its rows; queues are below */
};

struct drawing {
  const struct trace_sink *out;
  struct buf text;
  struct run runs[2];
  unsigned run_count;
  int64_t end_ns;
  int column; /* pixels */
  int height;
  bool used[TRACE_STATES];
  int rc;
};

/* -- writing --------------------------------------------------------------------------------- */

#define PUT(d, ...)                                                                                \
  do {                                                                                             \
    if ((d)->rc == 0)                                                                              \
      (d)->rc = buf_format(&(d)->text, __VA_ARGS__);                                               \
  } while (0)

static void put_text(struct drawing *d, const char *s, size_t most) {
  if (d->rc == 0)
    d->rc = xml_cut(&d->text, s, most, false);
}

/* "3.20 s", "250 ms" */
static char *put_time(char ret[32], int64_t ns) {
  static const struct {
    int64_t ns;
    const char *unit;
  } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "\xc2\xb5s"}, {1, "ns"}};
  size_t i = 0;
  while (i < 3 && ns < units[i].ns)
    i++;
  double n = (double)ns / (double)units[i].ns;
  snprintf(ret, 32, "%.*f %s", i == 3 || n >= 100 ? 0 : n >= 10 ? 1 : 2, n, units[i].unit);
  for (char *c = ret; *c; c++) /* whatever the locale is */
    *c = *c == ',' ? '.' : *c;
  return ret;
}

/* As put_time, without digits that say nothing: "2 s", "0.5 s". */
static char *put_tick(char ret[32], int64_t ns) {
  char *space = strchr(put_time(ret, ns), ' '), *end = space;
  if (memchr(ret, '.', (size_t)(space - ret))) {
    while (end[-1] == '0')
      end--;
    end -= end[-1] == '.';
    memmove(end, space, strlen(space) + 1);
  }
  return ret;
}

static double x_of(const struct drawing *d, int64_t ns) {
  return GUTTER + (double)ns / (double)d->end_ns * PLOT;
}

static int px(double x) { return (int)(x + 0.5); }

/* -- rows ------------------------------------------------------------------------------------ */

/* The parent, if it is before the process in the list, as it is in a sane trace. */
static uint32_t parent_of(const struct trace_model *m, uint32_t i) {
  uint32_t parent = m->processes[i].parent;
  return parent < i ? parent : TRACE_NONE;
}

/* Names are interned: equal ones have one address. */
static int find_classes(struct run *r, uint32_t *members) {
  const struct trace_model *m = r->m;
  uint32_t cap = 64;
  while (cap < 2 * m->process_count)
    cap *= 2;
  uint32_t *table = calloc(cap, sizeof *table); /* first process of a class + 1; 0: free */
  if (!table)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < m->process_count; i++) {
    uint32_t parent = parent_of(m, i), above = parent == TRACE_NONE ? 0 : r->class_of[parent] + 1;
    uint64_t hash = ((uint64_t)(uintptr_t)m->processes[i].name ^ (uint64_t)above << 40) *
                    UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(hash >> 32) & (cap - 1);
    for (; table[at]; at = (at + 1) & (cap - 1)) {
      uint32_t first = table[at] - 1, other = parent_of(m, first);
      if (m->processes[first].name == m->processes[i].name &&
          above == (other == TRACE_NONE ? 0 : r->class_of[other] + 1))
        break;
    }
    if (!table[at])
      table[at] = i + 1;
    r->class_of[i] = table[at] - 1;
    members[r->class_of[i]]++;
  }
  free(table);
  return 0;
}

static bool folds(const struct trace_model *m, uint32_t class, uint32_t members) {
  return members > (m->processes[class].worker ? FOLD_WORKERS : FOLD_OTHERS);
}

/* Add the row of a process, or of its group if that has none yet. */
static void add_row(struct run *r, uint32_t i, int depth, const uint32_t *members) {
  uint32_t class = r->class_of[i];
  bool group = folds(r->m, class, members[class]);
  for (uint32_t k = 0; group && k < r->row_count; k++)
    if (r->rows[k].group == class) {
      r->row_of[i] = k;
      return;
    }
  r->row_of[i] = r->row_count;
  r->rows[r->row_count++] = (struct row){.m = r->m,
                                         .first = i,
                                         .group = group ? class : TRACE_NONE,
                                         .members = group ? members[class] : 1,
                                         .depth = depth};
}

struct by_id {
  uint32_t id, process;
};

static int ids_descend(const void *a, const void *b) {
  const struct by_id *p = a, *q = b;
  return p->id < q->id ? 1 : p->id > q->id ? -1 : 0;
}

/* Each list of siblings in the order in which they were spawned: `head` has one place more, for those
 * without a parent. */
static int list_children(const struct trace_model *m, uint32_t *head, uint32_t *next) {
  uint32_t n = m->process_count;
  struct by_id *list = calloc(n + 1u, sizeof *list);
  if (!list)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < n; i++)
    list[i] = (struct by_id){m->processes[i].id, i};
  qsort(list, n, sizeof *list, ids_descend);
  for (uint32_t k = 0; k < n; k++) {
    uint32_t i = list[k].process, parent = parent_of(m, i);
    uint32_t *first = &head[parent == TRACE_NONE ? n : parent];
    next[i] = *first;
    *first = i;
  }
  free(list);
  return 0;
}

/* Processes in the order of a tree: the children below their parent. */
static int order_rows(struct run *r, const uint32_t *members) {
  uint32_t n = r->m->process_count;
  uint32_t *child = malloc((2 * (size_t)n + 2) * sizeof *child); /* first; [n]: of nobody */
  if (!child)
    return -SBX_ENOMEM;
  uint32_t *next = child + n + 1;
  memset(child, 0xff, (2 * (size_t)n + 2) * sizeof *child);
  int rc = list_children(r->m, child, next);
  int depth = 0;
  for (uint32_t at = rc ? TRACE_NONE : child[n]; at != TRACE_NONE;) {
    add_row(r, at, depth, members);
    if (child[at] != TRACE_NONE) {
      at = child[at];
      depth++;
      continue;
    }
    while (at != TRACE_NONE && next[at] == TRACE_NONE) {
      at = parent_of(r->m, at);
      depth--;
    }
    at = at == TRACE_NONE ? at : next[at];
  }
  free(child);
  return rc;
}

/* What is too much becomes one row at the end. */
static void cut_rows(struct run *r, uint32_t most) {
  if (r->row_count <= most)
    return;
  struct row *last = &r->rows[most - 1];
  uint32_t rest = 0;
  for (uint32_t i = 0; i < r->m->process_count; i++)
    if (r->row_of[i] >= most - 1) {
      r->row_of[i] = most - 1;
      rest++;
    }
  last->group = TRACE_NONE;
  last->members = rest;
  last->depth = 0;
  r->row_count = most;
}

static void choose_queues(struct run *r) {
  const struct trace_model *m = r->m;
  for (int bounded = 1; bounded >= 0; bounded--)
    for (uint32_t i = 0; i < m->object_count && r->queue_count < QUEUES_MAX; i++)
      if (m->objects[i].type == OBJECT_QUEUE && (m->objects[i].max > 0) == bounded)
        for (uint32_t k = 0; k < m->event_count; k++)
          if (m->events[k].object == i && trace_event_change(&m->events[k])) {
            r->queues[r->queue_count++] = i;
            break;
          }
}

static int open_run(struct run *r, const struct trace_model *m, uint32_t most) {
  size_t n = m->process_count + 1u;
  *r = (struct run){.m = m};
  r->class_of = calloc(n, sizeof *r->class_of);
  r->row_of = calloc(n, sizeof *r->row_of);
  r->rows = calloc(n, sizeof *r->rows);
  uint32_t *members = calloc(n, sizeof *members);
  int rc = r->class_of && r->row_of && r->rows && members ? 0 : -SBX_ENOMEM;
  if (rc == 0)
    rc = find_classes(r, members);
  if (rc == 0)
    rc = order_rows(r, members);
  free(members);
  if (rc == 0) {
    cut_rows(r, most);
    choose_queues(r);
  }
  return rc;
}

static void place_rows(struct drawing *d) {
  uint32_t rows = 0;
  for (unsigned i = 0; i < d->run_count; i++)
    rows += d->runs[i].row_count;
  int height = rows <= 8 ? 30 : rows <= 20 ? 24 : rows <= 40 ? 18 : 14, y = TOP;
  for (unsigned i = 0; i < d->run_count; i++) {
    struct run *r = &d->runs[i];
    y += i ? 14 : 0;
    r->y = y;
    y += 26; /* its name */
    for (uint32_t k = 0; k < r->row_count; k++) {
      r->rows[k].y = y;
      r->rows[k].height = r->rows[k].members > 1 ? (height > 34 ? height : 34) : height;
      y += r->rows[k].height;
    }
    r->bottom = y;
    y += (int)r->queue_count * QUEUE_HEIGHT;
  }
  d->height = y + 44; /* the legend */
}

/* -- bars ------------------------------------------------------------------------------------ */

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
  return x_of(d, s->to_ns) - x_of(d, s->from_ns) >= WIDE * d->column;
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
    double x = x_of(d, s->from_ns);
    if (is_wide(d, s))
      add_bar(b, s->state, x, y, x_of(d, s->to_ns) - x - 0.8, h);
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
static void choose_column(struct drawing *d) {
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

static void put_bars(struct drawing *d, const struct run *run, uint32_t row) {
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
    snprintf(ret, 160, "sleep %s", put_time(text, s->to_ns - s->from_ns));
  else if (e)
    snprintf(ret, 160, "%s %s", trace_verb(e->kind), trace_event_label(m, e, label, sizeof label));
  else
    snprintf(ret, 160, "%s", s->state == TRACE_STOPPED ? "stopped" : "");
}

static void put_words(struct drawing *d, const struct row *r) {
  const struct trace_process *p = &r->m->processes[r->first];
  if (r->members > 1 || r->height < 16)
    return;
  for (uint32_t i = p->span_first; i < p->span_first + p->span_count; i++) {
    const struct trace_span *s = &r->m->spans[i];
    double x = x_of(d, s->from_ns), w = x_of(d, s->to_ns) - x;
    char text[160];
    if (w < 48)
      continue;
    tell_span(r->m, s, text);
    if (!*text)
      continue;
    PUT(d, "<text class=\"w w%d\" x=\"%d\" y=\"%d\">", (int)s->state, px(x) + 6,
        r->y + r->height / 2 + 4);
    put_text(d, text, (size_t)((w - 10) / 6.6));
    PUT(d, "</text>\n");
  }
}

/* -- the rest of a row ----------------------------------------------------------------------- */

static void put_name(struct drawing *d, const struct run *run, uint32_t row) {
  const struct row *r = &run->rows[row];
  char label[LABEL_MAX];
  int indent = 10 + (r->depth < 4 ? r->depth : 4) * 10;
  bool more = r->members > 1 && r->group == TRACE_NONE;
  if (more)
    snprintf(label, sizeof label, "+ %" PRIu32 " more", r->members);
  else
    trace_process_label(run->m, r->first, label, sizeof label);
  if (r->group != TRACE_NONE) {
    const char *name = run->m->processes[r->first].name;
    snprintf(label, sizeof label, "%.60s \xc3\x97 %" PRIu32, *name ? name : "process", r->members);
  }
  PUT(d, "<text class=\"n%s\" x=\"%d\" y=\"%d\">", r->depth ? "" : " m", indent,
      r->y + r->height / 2 + 4);
  put_text(d, label, (size_t)(GUTTER - indent) / 7);
  PUT(d, "</text>\n");
}

/* Killed: a cross; failed: an exclamation mark. */
static void put_end(struct drawing *d, const struct row *r) {
  const struct trace_process *p = &r->m->processes[r->first];
  int x = px(x_of(d, p->end_ns)) + 3, y = r->y + r->height / 2;
  if (r->members > 1)
    return;
  if (p->how == TRACE_KILLED)
    PUT(d, "<path class=\"k\" d=\"M%d %dl8 8m0 -8l-8 8\"/>\n", x, y - 4);
  if (p->how == TRACE_FAILED)
    PUT(d, "<path class=\"k\" d=\"M%d %dv6m0 2v2\"/>\n", x + 2, y - 5);
}

static double middle(const struct run *run, uint32_t process) {
  const struct row *r = &run->rows[run->row_of[process]];
  return r->y + r->height / 2.0;
}

/* The parent waits for the end of this child, and goes on with it. */
static bool is_joined(const struct trace_model *m, uint32_t child) {
  const struct trace_process *p = &m->processes[child], *q = &m->processes[p->parent];
  for (uint32_t i = q->span_first; i < q->span_first + q->span_count; i++) {
    const struct trace_span *s = &m->spans[i];
    if (s->from_ns <= p->end_ns && s->to_ns >= p->end_ns && s->event != TRACE_NONE)
      return m->events[s->event].kind == OP_PROCESS_JOIN && m->events[s->event].object == child;
  }
  return false;
}

static void put_links(struct drawing *d, const struct run *run) {
  for (uint32_t i = 0; i < run->m->process_count; i++) {
    const struct trace_process *p = &run->m->processes[i];
    if (parent_of(run->m, i) == TRACE_NONE || run->rows[run->row_of[i]].members > 1)
      continue;
    double from = middle(run, p->parent), to = middle(run, i);
    PUT(d, "<path class=\"l\" d=\"M%.1f %.1fV%.1f\"/>", x_of(d, p->begin_ns), from, to);
    if (p->how != TRACE_ALIVE && is_joined(run->m, i))
      PUT(d, "<path class=\"l j\" d=\"M%.1f %.1fV%.1f\"/>", x_of(d, p->end_ns), to, from);
    PUT(d, "\n");
  }
}

static void put_items(struct drawing *d, const struct run *run) {
  const struct trace_model *m = run->m;
  if (m->item_count > ARROWS_MAX)
    return;
  for (uint32_t i = 0; i < m->item_count; i++) {
    const struct trace_item *t = &m->items[i];
    uint32_t from = m->events[t->from].process, to = m->events[t->to].process;
    const struct row *a = &run->rows[run->row_of[from]], *b = &run->rows[run->row_of[to]];
    if (a == b)
      continue;
    int sign = a->y < b->y ? 1 : -1;
    double x1 = x_of(d, t->put_ns), x2 = x_of(d, t->got_ns) - 1;
    double y1 = middle(run, from) + sign * (a->height / 2.0 - 3);
    double y2 = middle(run, to) - sign * (b->height / 2.0 - 3);
    double bend = (x2 - x1) / 3 > 12 ? (x2 - x1) / 3 : 12;
    PUT(d, "<path class=\"i\" d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\"/>", x1, y1, x1 + bend,
        y1 + sign * 3, x2 - bend, y2 - sign * 3, x2, y2);
    PUT(d,
        "<path class=\"a\" d=\"M%.1f %.1fl-6 -3v6z\"/><circle class=\"a\" cx=\"%.1f\" "
        "cy=\"%.1f\" r=\"2.4\"/>\n",
        x2 + 1, y2, x1, y1);
  }
}

/* Marks stand in the line of the run's name, each with as much of its text as there is room for. */
static void put_marks(struct drawing *d, const struct run *run) {
  const struct trace_model *m = run->m;
  double free_from = GUTTER, end = x_of(d, m->facts.end_ns) - 70;
  for (uint32_t i = 0; i < m->mark_count; i++) {
    const struct trace_mark *k = &m->marks[i];
    double x = x_of(d, k->t_ns), next = end;
    if (k->counter || x < free_from)
      continue;
    for (uint32_t j = m->mark_count - 1; j > i; j--)
      if (!m->marks[j].counter && x_of(d, m->marks[j].t_ns) > x + 40)
        next = x_of(d, m->marks[j].t_ns) < next ? x_of(d, m->marks[j].t_ns) : next;
    PUT(d, "<path class=\"o\" d=\"M%.1f %dv-13l7 4 -7 4\"/>", x, run->y + 20);
    free_from = x + 10;
    if (next - x < 40)
      continue;
    PUT(d, "<text class=\"t\" x=\"%.1f\" y=\"%d\">", x + 10, run->y + 16);
    put_text(d, m->strings[k->name], (size_t)((next - x - 14) / 6));
    PUT(d, "</text>\n");
    free_from = x + 40;
  }
}

/* -- queues ---------------------------------------------------------------------------------- */

/* Of a run of ops only the begin and the end are known: depths are a guess then. */
static bool is_rough(const struct trace_model *m, uint32_t queue) {
  for (uint32_t i = 0; i < m->event_count; i++)
    if (m->events[i].object == queue && m->events[i].count > 1 && trace_event_change(&m->events[i]))
      return true;
  return false;
}

static void put_queue(struct drawing *d, const struct run *run, uint32_t queue, int y) {
  const struct trace_object *o = &run->m->objects[queue];
  struct trace_depth *list;
  uint32_t count;
  char label[LABEL_MAX];
  if (d->rc == 0)
    d->rc = trace_depths(run->m, queue, &list, &count);
  if (d->rc)
    return;
  int64_t peak = 1;
  for (uint32_t i = 0; i < count; i++)
    peak = list[i].items > peak ? list[i].items : peak;
  int64_t top =
      o->max && o->max > (uint64_t)peak && o->max < 3 * (uint64_t)peak ? (int64_t)o->max : peak;
  double base = y + QUEUE_HEIGHT - 6, scale = (QUEUE_HEIGHT - 16) / (double)top;
  struct buf below = {0}, full = {0};
  for (uint32_t i = 0, end; i < count && d->rc == 0; i = end) {
    double x = x_of(d, list[i].t_ns);
    int64_t most = list[i].items;
    /* What falls into one pixel is one bar, of the most items. */
    for (end = i + 1; end < count && x_of(d, list[end].t_ns) < x + 1; end++)
      most = list[end].items > most ? list[end].items : most;
    double to = x_of(d, end < count ? list[end].t_ns : run->m->facts.end_ns);
    int64_t last = list[end - 1].items;
    bool dense = end - i > 1 && to - x > 2; /* then nothing for a while */
    double h = (double)(dense ? last : most) * scale;
    struct buf *into = o->max && (uint64_t)(dense ? last : most) >= o->max ? &full : &below;
    if (h > 0)
      d->rc = buf_format(into, "M%.1f %.1fv-%.1fh%.1fv%.1fz", x, base, h, to - x, h);
  }
  free(list);
  PUT(d, "<path class=\"g\" d=\"M%d %.1fH%d\"/>", GUTTER, base, GUTTER + PLOT);
  if (below.len)
    PUT(d, "<path class=\"q\" d=\"%.*s\"/>", (int)below.len, (const char *)below.data);
  if (full.len)
    PUT(d, "<path class=\"f\" d=\"%.*s\"/>", (int)full.len, (const char *)full.data);
  if (o->max && o->max <= (uint64_t)top)
    PUT(d, "<path class=\"c\" d=\"M%d %.1fH%.1f\"/>", GUTTER, base - (double)o->max * scale,
        x_of(d, run->m->facts.end_ns));
  PUT(d, "\n<text class=\"n m\" x=\"10\" y=\"%d\">", y + 20);
  put_text(d, trace_object_label(run->m, queue, label, sizeof label), (GUTTER - 10) / 7);
  PUT(d, "</text><text class=\"t\" x=\"10\" y=\"%d\">at most %s%" PRId64, y + 34,
      is_rough(run->m, queue) ? "about " : "", peak);
  if (o->max)
    PUT(d, " of %" PRIu64, o->max);
  PUT(d, "</text>\n");
  buf_release(&below);
  buf_release(&full);
}

/* -- the frame ------------------------------------------------------------------------------- */

static const char style[] =
    "<style>\n"
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
    "fill:#1b1f24}\n"
    ".h{font-weight:700;font-size:14px}.m{font-weight:600}.t{font-size:11px;fill:#57606a}\n"
    ".w{font-size:11px;font-weight:600;paint-order:stroke;stroke-width:4px;"
    "stroke-linejoin:round}\n"
    ".p{fill:#fff}.g{stroke:#d8dee4;fill:none}.l{stroke:#57606a;fill:none}.j{stroke-dasharray:2 "
    "3}\n"
    ".k{stroke:#b3201f;stroke-width:2.4;fill:none}.i{stroke:#7a3fd0;stroke-width:1.4;fill:none}"
    ".a{fill:#7a3fd0}.o{fill:#0f766e;stroke:#0f766e}\n"
    ".q{fill:#a08ade}.f{fill:#dc5a52}.c{stroke:#b3201f;stroke-dasharray:5 4;fill:none}\n"
    ".b0,.s0{fill:#1a7f43}.b1{fill:url(#p1)}.b2{fill:url(#p2)}.b3{fill:url(#p3)}.b4{fill:url(#p4)}"
    ".b5{fill:url(#p5)}\n"
    ".s1{fill:#f5cb42}.s2{fill:#c62f2b}.s3{fill:#d5dbe2}.s4{fill:#9cc4f2}.s5{fill:#fff}\n"
    ".e{fill:none;stroke-width:1}.e1{stroke:#94690a}.e2{stroke:#7d1513}.e3{stroke:#7b8794}"
    ".e4{stroke:#2f6db0}.e5{stroke:#57606a}\n"
    ".w1{fill:#2d2100;stroke:#f5cb42}.w2{fill:#fff;stroke:#c62f2b}.w3{fill:#24292f;stroke:#d5dbe2}"
    ".w4{fill:#06264a;stroke:#9cc4f2}.w5{fill:#24292f;stroke:#fff}\n"
    "@media (prefers-color-scheme:dark){\n"
    "text{fill:#e6edf3}.t{fill:#9aa6b2}.p{fill:#0e1116}.g{stroke:#30363d}.l{stroke:#9aa6b2}\n"
    ".k,.c{stroke:#ff8a80}.i{stroke:#c8a2ff}.a{fill:#c8a2ff}.o{fill:#4fd1c5;stroke:#4fd1c5}.q{fill:"
    "#7a68c4}.f{fill:#d8564e}\n"
    ".b0,.s0{fill:#3fb765}.s1{fill:#e5b93c}.s2{fill:#f0605a}.s3{fill:#4a545f}.s4{fill:#3877bd}"
    ".s5{fill:#161b22}\n"
    ".e1{stroke:#6b4e00}.e2{stroke:#6d0f0d}.e3{stroke:#98a4b0}.e4{stroke:#a9d0fb}"
    ".e5{stroke:#9aa6b2}\n"
    ".w1{fill:#241a00;stroke:#e5b93c}.w2{fill:#210303;stroke:#f0605a}.w3{fill:#fff;stroke:#4a545f}"
    ".w4{fill:#fff;stroke:#3877bd}.w5{fill:#e6edf3;stroke:#161b22}}\n"
    "</style>\n";

/* A tile for each state, so that colours are not needed to tell them apart. */
static const char patterns[] = "<defs>\n"
#define TILE(n, lines)                                                                             \
  "<pattern id=\"p" n "\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"               \
  "<rect class=\"s" n "\" width=\"8\" height=\"8\"/><path class=\"e e" n "\" opacity=\".5\" "      \
  "d=\"" lines "\"/></pattern>\n"
    TILE("1", "M-2 2l4 -4M0 8l8 -8M6 10l4 -4") TILE("2", "M0 0l8 8M0 8l8 -8")
        TILE("3", "M2 2h1v1h-1zM6 6h1v1h-1z") TILE("4", "M0 2.5h8M0 6.5h8")
            TILE("5", "M0 3h8M0 5.5h8") "</defs>\n";

/* "queue.lua" of "sandbox scripts/queue.lua 5" */
static void run_name(const struct trace_model *m, char *ret, size_t size) {
  const char *command = m->facts.command, *end = strstr(command, ".lua"), *begin = command;
  for (const char *c = command; end && c < end; c++)
    if (*c == ' ' || *c == '/')
      begin = c + 1;
  size_t len = end ? (size_t)(end - begin) + 4 : strlen(command);
  len = len < size ? len : size - 1;
  memcpy(ret, begin, len);
  ret[len] = '\0';
}

static void put_head(struct drawing *d) {
  char name[LABEL_MAX], text[32];
  PUT(d,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
      "%d\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">What each process "
      "did: ",
      WIDTH, d->height, WIDTH, d->height);
  for (unsigned i = 0; i < d->run_count; i++) {
    PUT(d, i ? " beside " : "");
    run_name(d->runs[i].m, name, sizeof name);
    put_text(d, name, LABEL_MAX);
  }
  PUT(d, "</title>\n<desc id=\"desc\">");
  for (unsigned i = 0; i < d->run_count; i++) {
    const struct trace_model *m = d->runs[i].m;
    struct trace_sums sums;
    trace_sum(m, &sums);
    PUT(d, "%s", i ? " " : "");
    put_text(d, m->facts.command, 200);
    PUT(d, ": %" PRIu32 " process%s", sums.processes, sums.processes == 1 ? "" : "es");
    PUT(d, ", %s", put_time(text, sums.wall_ns));
    PUT(d, ", speed-up %d.%02d.", (int)sums.speed_up, (int)(sums.speed_up * 100) % 100);
    if (m->facts.deadlock[0])
      PUT(d, " It ended in a deadlock.");
  }
  PUT(d, "</desc>\n");
  if (d->rc == 0)
    d->rc = buf_append(&d->text, style, sizeof style - 1);
  if (d->rc == 0)
    d->rc = buf_append(&d->text, patterns, sizeof patterns - 1);
  PUT(d, "<rect class=\"p\" width=\"%d\" height=\"%d\"/>\n", WIDTH, d->height);
}

/* A step of 1, 2 or 5 times a power of ten. */
static int64_t choose_step(int64_t end_ns) {
  int64_t step = 1;
  for (int i = 0; end_ns / step > 8; i++)
    step = i % 3 == 0 ? step * 2 : i % 3 == 1 ? step / 2 * 5 : step * 2;
  return step;
}

static void put_axis(struct drawing *d) {
  int64_t step = choose_step(d->end_ns);
  char text[32];
  for (int64_t t = 0; t <= d->end_ns; t += step) {
    double x = x_of(d, t);
    PUT(d,
        "<path class=\"g\" d=\"M%.1f %dV%d\"/><text class=\"t\" x=\"%.1f\" y=\"18\" "
        "text-anchor=\"middle\">%s</text>\n",
        x, TOP - 6, d->height - 38, x, t ? put_tick(text, t) : "0");
  }
}

static void put_legend(struct drawing *d) {
  static const char *const words[TRACE_STATES] = {
      "running", "waits for a queue",   "waits for a lock or event",
      "sleeps",  "waits for a process", "stopped"};
  int x = 10, y = d->height - 24;
  for (int s = 0; s < TRACE_STATES; s++) {
    if (!d->used[s])
      continue;
    PUT(d, "<rect class=\"b%d\" x=\"%d\" y=\"%d\" width=\"24\" height=\"13\"/>", s, x, y);
    if (s)
      PUT(d, "<rect class=\"e e%d\" x=\"%d\" y=\"%d\" width=\"24\" height=\"13\"/>", s, x, y);
    PUT(d, "<text x=\"%d\" y=\"%d\">%s</text>\n", x + 31, y + 11, words[s]);
    x += 31 + (int)strlen(words[s]) * 7 + 16;
  }
}

static void put_run(struct drawing *d, const struct run *run) {
  char name[LABEL_MAX], text[32];
  double end = x_of(d, run->m->facts.end_ns);
  run_name(run->m, name, sizeof name);
  PUT(d, "<text class=\"h\" x=\"10\" y=\"%d\">", run->y + 17);
  put_text(d, name, 18);
  PUT(d, "</text><text class=\"h\" x=\"%.1f\" y=\"%d\" text-anchor=\"end\">%s</text>",
      end > GUTTER + 60 ? end - 4 : GUTTER + 60.0, run->y + 17,
      put_time(text, run->m->facts.end_ns));
  PUT(d, "<path class=\"l j\" d=\"M%.1f %dV%d\"/>\n", end, run->y + 6, run->bottom);
  put_marks(d, run);
  put_links(d, run);
  for (uint32_t i = 0; i < run->row_count; i++) {
    put_name(d, run, i);
    put_bars(d, run, i);
    put_end(d, &run->rows[i]);
  }
  put_items(d, run);
  for (uint32_t i = 0; i < run->row_count; i++)
    put_words(d, &run->rows[i]);
  for (uint32_t i = 0; i < run->queue_count; i++)
    put_queue(d, run, run->queues[i], run->bottom + (int)i * QUEUE_HEIGHT);
}

int trace_svg(const struct trace_model *const models[], unsigned count,
              const struct trace_sink *out) {
  if (count < 1 || count > 2)
    return -SBX_EINVAL;
  struct drawing d = {.out = out, .run_count = count, .end_ns = 1};
  for (unsigned i = 0; i < count && d.rc == 0; i++) {
    d.rc = open_run(&d.runs[i], models[i], ROWS_MAX / count);
    if (models[i]->facts.end_ns > d.end_ns)
      d.end_ns = models[i]->facts.end_ns;
  }
  if (d.rc == 0)
    place_rows(&d);
  choose_column(&d);
  put_head(&d);
  put_axis(&d);
  for (unsigned i = 0; i < count; i++)
    put_run(&d, &d.runs[i]);
  put_legend(&d);
  PUT(&d, "</svg>\n");
  if (d.rc == 0)
    d.rc = out->write(out->ctx, d.text.data, d.text.len);
  for (unsigned i = 0; i < count; i++) {
    free(d.runs[i].class_of);
    free(d.runs[i].row_of);
    free(d.runs[i].rows);
  }
  buf_release(&d.text);
  return d.rc;
}
