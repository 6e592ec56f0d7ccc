/* look/trace/stats.c - a run in numbers: what they are, and as text. As JSON: stats_json.c. See stats.h.
 */
#include "look/trace/stats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/stats_internal.h"
#include "look/trace/words.h"

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

/* -- collecting ------------------------------------------------------------------------------ */

static int most_items_first(const void *a, const void *b) {
  const struct stats_queue *q = a, *r = b;
  int order = ORDER(r->items, q->items);
  return order ? order : ORDER(q->object, r->object);
}

/* Where an item goes that this event puts: the queue, or the other end of the pipe. */
static uint32_t queue_of(const struct trace_model *m, const struct trace_event *e) {
  if (e->object == TRACE_NONE || trace_event_change(e) <= 0)
    return TRACE_NONE;
  return e->kind == OP_PIPE_SEND ? m->objects[e->object].peer : e->object;
}

static int find_queues(const struct trace_model *m, struct stats *s) {
  s->queues = calloc(m->object_count + 1u, sizeof *s->queues);
  if (!s->queues)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < m->object_count; i++)
    s->queues[i].object = i;
  for (uint32_t i = 0; i < m->event_count; i++) {
    uint32_t queue = queue_of(m, &m->events[i]);
    if (queue != TRACE_NONE)
      s->queues[queue].items += m->events[i].count;
  }
  for (uint32_t i = 0; i < m->object_count; i++)
    if (m->objects[i].type == OBJECT_QUEUE || s->queues[i].items > 0)
      s->queues[s->queue_count++] = s->queues[i];
  if (s->queue_count > 0)
    qsort(s->queues, s->queue_count, sizeof *s->queues, most_items_first);
  return 0;
}

static int find_most(const struct trace_model *m, struct stats_queue *q) {
  struct trace_depth *depths;
  uint32_t count;
  int rc = trace_depths(m, q->object, &depths, &count);
  if (rc)
    return rc;
  for (uint32_t i = 0; i < count; i++)
    q->most = depths[i].items > q->most ? depths[i].items : q->most;
  free(depths);
  return 0;
}

int stats_collect(const struct trace_model *m, uint32_t queues, struct stats *ret) {
  struct stats s = {0};
  trace_sum(m, &s.sums);
  for (uint32_t i = 0; i < m->process_count; i++)
    s.ends[m->processes[i].how]++;
  int rc = trace_waits(m, &s.waits, &s.wait_count);
  if (rc == 0)
    rc = find_queues(m, &s);
  for (uint32_t i = 0; i < s.queue_count && i < queues && rc == 0; i++)
    rc = find_most(m, &s.queues[i]);
  if (rc)
    stats_release(&s);
  else
    *ret = s;
  return rc;
}

void stats_release(struct stats *s) {
  free(s->waits);
  free(s->queues);
  *s = (struct stats){0};
}

/* -- lines of the summary -------------------------------------------------------------------- */

enum { WAITS_SHOWN = 5, QUEUES_SHOWN = 8, PROCESSES_SHOWN = 16, LABEL_MAX = 512 };

struct page {
  const struct trace_model *m;
  const struct stats *s;
  const struct style *style;
  struct buf *out; /* borrowed */
};

static int append(struct buf *out, const char *text) { return buf_append(out, text, strlen(text)); }

/* A line, in a colour unless it is NULL. */
static int put_line(const struct page *p, const char *color, const struct buf *text) {
  bool colored = color && p->style->color;
  int rc = colored ? append(p->out, color) : 0;
  if (rc == 0 && text->len)
    rc = words_cut(p->out, (const char *)text->data, text->len, p->style->columns, p->style->ascii);
  if (rc == 0 && colored)
    rc = append(p->out, style_plain);
  return rc ? rc : append(p->out, "\n");
}

/* Each returns a line's text behind its word; nothing if there is nothing to say. */
typedef int line_fn(const struct page *p, struct buf *text);

static int tell_time(const struct page *p, struct buf *text) {
  const struct trace_facts *f = &p->m->facts;
  char time[WORDS_MAX];
  int rc = append(text, words_duration(p->s->sums.wall_ns, p->style->ascii, time));
  double real_ns = f->speed > 0 ? (double)p->s->sums.wall_ns / f->speed : 0;
  if (rc == 0 && f->speed != 1 && real_ns < 9e18)
    rc = buf_format(text, " at --speed %.6g (%s of real time)", f->speed,
                    words_duration((int64_t)real_ns, p->style->ascii, time));
  if (rc == 0 && f->cpu_ns >= 0)
    rc = buf_format(text, ", %s of CPU", words_duration(f->cpu_ns, p->style->ascii, time));
  return rc;
}

static int tell_speed_up(const struct page *p, struct buf *text) {
  char time[WORDS_MAX];
  if (p->s->sums.processes < 2 || p->s->sums.speed_up < 0.95) /* in a deadlock it says nothing */
    return 0;
  return buf_format(text, "%.1f: one by one, what ran and slept would take %s", p->s->sums.speed_up,
                    words_duration(p->s->sums.busy_ns, p->style->ascii, time));
}

static int tell_processes(const struct page *p, struct buf *text) {
  static const enum trace_end order[] = {TRACE_DONE, TRACE_FAILED, TRACE_KILLED, TRACE_LEFT_BEHIND,
                                         TRACE_ALIVE};
  char count[WORDS_MAX], most[WORDS_MAX];
  int rc = buf_format(text, "%s, at most %s at once", words_count(p->s->sums.processes, count),
                      words_count(p->s->sums.most_alive, most));
  bool first = true;
  for (size_t i = 0; i < sizeof order / sizeof *order && rc == 0; i++)
    if (p->s->ends[order[i]] > 0) {
      rc = buf_format(text, "%s %s %s", first ? ":" : ",", words_count(p->s->ends[order[i]], count),
                      trace_end_words[order[i]]);
      first = false;
    }
  return rc;
}

static int tell_messages(const struct page *p, struct buf *text) {
  char count[WORDS_MAX], ops[WORDS_MAX];
  return buf_format(text, "%s; %s in all", words_count(p->s->sums.messages, count),
                    words_plural(p->s->sums.ops, "operation", ops));
}

static int tell_run(const struct page *p, struct buf *text) {
  const struct trace_facts *f = &p->m->facts;
  int rc = buf_format(text, "seed %" PRIu64 ", clock ", f->seed);
  if (rc == 0)
    rc = words_text(text, f->clock, p->style->ascii);
  if (rc == 0 && f->exit_status >= 0)
    rc = buf_format(text, ", exit status %d", f->exit_status);
  return rc;
}

static int tell_deadlock(const struct page *p, struct buf *text) {
  return words_deadlock(p->m) ? append(text, "each process waited for another process") : 0;
}

static int tell_lost(const struct page *p, struct buf *text) {
  char count[WORDS_MAX];
  const struct trace_facts *f = &p->m->facts;
  int rc = f->lost ? append(text, words_plural(f->lost, "event", count)) : 0;
  if (rc == 0 && f->nameless)
    rc = buf_format(text, "%s%s", f->lost ? ", " : "", words_nameless(f->nameless, count));
  if (rc == 0 && text->len)
    rc = append(text, " lost");
  if (rc == 0 && f->cut)
    rc = buf_format(text, "%sthe oldest dropped (--trace-limit)", text->len ? ", " : "");
  return rc;
}

static int put_summary(const struct page *p) {
  static const struct {
    const char *word, *color;
    line_fn *tell;
  } lines[] = {{"time", NULL, tell_time},
               {"speed-up", NULL, tell_speed_up},
               {"processes", NULL, tell_processes},
               {"messages", NULL, tell_messages},
               {"run", NULL, tell_run},
               {"deadlock", style_red, tell_deadlock},
               {"incomplete", style_yellow, tell_lost}};
  struct buf text = {0};
  int rc = words_text(&text, p->m->facts.command, p->style->ascii);
  if (rc == 0 && text.len)
    rc = put_line(p, style_bold, &text);
  for (size_t i = 0; i < sizeof lines / sizeof *lines && rc == 0; i++) {
    struct buf told = {0};
    rc = lines[i].tell(p, &told);
    text.len = 0;
    if (rc == 0 && told.len)
      rc = buf_format(&text, "%-10s ", lines[i].word);
    if (rc == 0)
      rc = buf_append(&text, told.data, told.len);
    if (rc == 0 && told.len)
      rc = put_line(p, lines[i].color, &text);
    buf_release(&told);
  }
  buf_release(&text);
  return rc;
}

/* -- tables ---------------------------------------------------------------------------------- */

enum {
  CELL_COLUMNS = 96,
  LABEL_COLUMNS = 24
}; /* what fits into a cell of a table, as bytes, too */

static void cell_shown(struct table *t, const char *color, struct buf *shown, int rc) {
  if (rc)
    t->rc = rc;
  table_cell(t, color, "%.*s", (int)shown->len, shown->len ? (const char *)shown->data : "");
  buf_release(shown);
}

static void cell_text(struct table *t, const struct page *p, const char *color, const char *text) {
  struct buf all = {0}, shown = {0};
  int rc = words_text(&all, text, p->style->ascii);
  if (rc == 0 && all.len)
    rc = words_cut(&shown, (const char *)all.data, all.len, CELL_COLUMNS, p->style->ascii);
  buf_release(&all);
  cell_shown(t, color, &shown, rc);
}

/* Of a process or an object: its number stays if the name is cut. */
static void cell_label(struct table *t, const struct page *p, const char *label) {
  struct buf shown = {0};
  int rc = words_label(&shown, label, "", LABEL_COLUMNS, p->style->ascii);
  cell_shown(t, NULL, &shown, rc);
}

static void cell_time(struct table *t, const struct page *p, int64_t ns) {
  char text[WORDS_MAX];
  table_cell(t, NULL, "%s", ns > 0 ? words_duration(ns, p->style->ascii, text) : "");
}

static void cell_count(struct table *t, uint64_t n) {
  char text[WORDS_MAX];
  table_cell(t, NULL, "%s", words_count(n, text));
}

static void cell_unless_none(struct table *t, uint64_t n) {
  if (n > 0)
    cell_count(t, n);
  else
    table_cell(t, NULL, "%s", "");
}

/* "+ 12 more" */
static int put_more(const struct page *p, uint32_t all, uint32_t shown) {
  char count[WORDS_MAX];
  return all > shown ? buf_format(p->out, "+ %s more\n", words_count(all - shown, count)) : 0;
}

static uint32_t at_most(uint32_t count, uint32_t most) { return count < most ? count : most; }

/* "put counter#1", "join writer#2" */
static void cell_wait(struct table *t, const struct page *p, const struct trace_wait *w) {
  const struct trace_event e = {.kind = w->kind, .object = w->object};
  char label[LABEL_MAX], text[LABEL_MAX + 32];
  trace_event_label(p->m, &e, label, sizeof label);
  snprintf(text, sizeof text, "%s%s%s", trace_verb_on(p->m, w->kind, w->object),
           label[0] ? " " : "", label);
  cell_label(t, p, text);
}

static int put_waits(const struct page *p) {
  static const struct table_column columns[] = {
      {.title = "longest waits", .least = 12},
      {.title = "total", .align = TABLE_RIGHT},
      {.title = "longest", .align = TABLE_RIGHT, .rank = 1},
      {.title = "waits", .align = TABLE_RIGHT, .rank = 2},
      {.title = "processes", .align = TABLE_RIGHT, .rank = 3},
      {.title = "at", .least = 10, .tail = true}};
  struct table t;
  if (p->s->wait_count == 0)
    return 0;
  table_begin(&t, columns, sizeof columns / sizeof *columns);
  for (uint32_t i = 0; i < at_most(p->s->wait_count, WAITS_SHOWN); i++) {
    const struct trace_wait *w = &p->s->waits[i];
    cell_wait(&t, p, w);
    cell_time(&t, p, w->total_ns);
    cell_time(&t, p, w->longest_ns);
    cell_count(&t, w->waits);
    cell_count(&t, w->processes);
    cell_text(&t, p, style_dim, p->m->strings[w->where]);
  }
  int rc = append(p->out, "\n");
  int rc_table = table_end(&t, p->style, p->out);
  rc = rc ? rc : rc_table;
  return rc ? rc : put_more(p, p->s->wait_count, WAITS_SHOWN);
}

static int put_queues(const struct page *p) {
  static const struct table_column columns[] = {
      {.title = "queues", .least = 12},
      {.title = "items", .align = TABLE_RIGHT},
      {.title = "most at once", .align = TABLE_RIGHT},
      {.title = "capacity", .align = TABLE_RIGHT},
      {.title = "made at", .least = 10, .tail = true, .rank = 1}};
  struct table t;
  if (p->s->queue_count == 0)
    return 0;
  table_begin(&t, columns, sizeof columns / sizeof *columns);
  for (uint32_t i = 0; i < at_most(p->s->queue_count, QUEUES_SHOWN); i++) {
    const struct stats_queue *q = &p->s->queues[i];
    const struct trace_object *o = &p->m->objects[q->object];
    char label[LABEL_MAX];
    cell_label(&t, p, trace_object_label(p->m, q->object, label, sizeof label));
    cell_count(&t, q->items);
    cell_count(&t, q->most > 0 ? (uint64_t)q->most : 0);
    if (o->meets)
      cell_count(&t, trace_capacity(o));
    else
      cell_unless_none(&t, o->max);
    cell_text(&t, p, style_dim, o->made_at);
  }
  int rc = append(p->out, "\n");
  int rc_table = table_end(&t, p->style, p->out);
  rc = rc ? rc : rc_table;
  return rc ? rc : put_more(p, p->s->queue_count, QUEUES_SHOWN);
}

/* "failed: x.lua:3: no such file", "killed, signal 9" */
static void cell_end(struct table *t, const struct page *p, const struct trace_process *of) {
  const char *color = of->how == TRACE_FAILED || of->how == TRACE_KILLED ? style_red : NULL;
  struct buf text = {0};
  int rc = append(&text, trace_end_words[of->how]);
  if (rc == 0 && of->how == TRACE_KILLED)
    rc = buf_format(&text, ", signal %d", of->signal);
  else if (rc == 0 && of->how == TRACE_FAILED && of->failure[0])
    rc = buf_format(&text, ": %s", of->failure);
  else if (rc == 0 && of->how == TRACE_FAILED)
    rc = buf_format(&text, ", status %d", of->exit_code);
  if (rc == 0)
    rc = buf_append_byte(&text, '\0');
  cell_text(t, p, color, rc ? "" : (const char *)text.data);
  t->rc = rc ? rc : t->rc;
  buf_release(&text);
}

static bool ended_badly(const struct trace_process *p) {
  return p->how == TRACE_FAILED || p->how == TRACE_KILLED;
}

static void sort_by_id(const struct trace_model *m, uint32_t *list, uint32_t count) {
  for (uint32_t i = 1; i < count; i++)
    for (uint32_t k = i; k > 0 && m->processes[list[k]].id < m->processes[list[k - 1]].id; k--) {
      uint32_t swap = list[k];
      list[k] = list[k - 1];
      list[k - 1] = swap;
    }
}

/* The processes to be shown, by id; if not all, then main and those that ended badly first. */
static uint32_t choose_processes(const struct trace_model *m, uint32_t ret[PROCESSES_SHOWN]) {
  uint32_t bad = 0, count = 0;
  for (uint32_t i = 1; i < m->process_count; i++)
    bad += ended_badly(&m->processes[i]);
  uint32_t others = bad < PROCESSES_SHOWN ? PROCESSES_SHOWN - 1 - bad : 0;
  for (uint32_t i = 0; i < m->process_count && count < PROCESSES_SHOWN; i++)
    if (i == 0 || ended_badly(&m->processes[i])) {
      ret[count++] = i;
    } else if (others > 0) {
      ret[count++] = i;
      others--;
    }
  sort_by_id(m, ret, count);
  return count;
}

static int put_processes(const struct page *p) {
  static const struct table_column columns[] = {
      {.title = "processes", .least = 10},
      {.title = "lived", .align = TABLE_RIGHT},
      {.title = "ran", .align = TABLE_RIGHT, .rank = 1},
      {.title = "queue", .align = TABLE_RIGHT, .rank = 2},
      {.title = "lock", .align = TABLE_RIGHT, .rank = 2},
      {.title = "slept", .align = TABLE_RIGHT, .rank = 2},
      {.title = "join", .align = TABLE_RIGHT, .rank = 2},
      {.title = "stopped", .align = TABLE_RIGHT, .rank = 2},
      {.title = "out", .align = TABLE_RIGHT, .rank = 4},
      {.title = "in", .align = TABLE_RIGHT, .rank = 3},
      {.title = "end", .least = 8}};
  struct table t;
  uint32_t list[PROCESSES_SHOWN], count = choose_processes(p->m, list);
  if (count == 0)
    return 0;
  table_begin(&t, columns, sizeof columns / sizeof *columns);
  for (uint32_t i = 0; i < count; i++) {
    const struct trace_process *of = &p->m->processes[list[i]];
    char label[LABEL_MAX];
    cell_label(&t, p, trace_process_label(p->m, list[i], label, sizeof label));
    cell_time(&t, p, of->end_ns - of->begin_ns);
    for (int k = 0; k <= TRACE_STOPPED; k++) /* a prompt without a line is not worth a column */
      cell_time(&t, p, of->spent_ns[k]);
    cell_unless_none(&t, of->items_out);
    cell_unless_none(&t, of->items_in);
    cell_end(&t, p, of);
  }
  int rc = append(p->out, "\n");
  int rc_table = table_end(&t, p->style, p->out);
  rc = rc ? rc : rc_table;
  return rc ? rc : put_more(p, p->m->process_count, PROCESSES_SHOWN);
}

int stats_text(const struct trace_model *m, const struct style *style, struct buf *out) {
  struct stats s;
  int rc = stats_collect(m, QUEUES_SHOWN, &s);
  if (rc)
    return rc;
  const struct page p = {m, &s, style, out};
  rc = put_summary(&p);
  if (rc == 0)
    rc = put_waits(&p);
  if (rc == 0)
    rc = put_queues(&p);
  if (rc == 0)
    rc = put_processes(&p);
  stats_release(&s);
  return rc;
}
