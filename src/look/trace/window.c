/*
 * look/trace/window.c - a part of a model as a model of its own; see model.h.
 *
 * Rows of the model are added to a new one with their ids, as a reader of a log does, and finished.
 */
#include <stdlib.h>

#include "base/error.h"
#include "look/trace/model_internal.h"

struct window {
  const struct trace_model *m;
  struct trace_model *out;
  int64_t from_ns, to_ns;
  bool *used;            /* owned: objects that an event in the window names */
  struct before *before; /* owned, by objects */
};

/* What was done to a queue before. */
struct before {
  uint64_t puts, gets;
};

static bool lived(const struct window *w, uint32_t process) {
  const struct trace_process *p = &w->m->processes[process];
  return p->begin_ns <= w->to_ns &&
         (p->end_ns > w->from_ns || p->how == TRACE_ALIVE || p->begin_ns >= w->from_ns);
}

/* The id of a process that is in the window; 0: it is not, or there is none. */
static uint32_t process_id(const struct window *w, uint32_t process) {
  return process != TRACE_NONE && lived(w, process) ? w->m->processes[process].id : 0;
}

static uint32_t object_id(const struct window *w, uint32_t object) {
  return object != TRACE_NONE ? w->m->objects[object].id : 0;
}

/* Times in the window begin at 0. */
static int64_t shift(const struct window *w, int64_t t_ns) {
  return t_ns > w->from_ns ? t_ns - w->from_ns : 0;
}

static bool reaches_end(const struct window *w) { return w->to_ns >= w->m->facts.end_ns; }

static int copy_string(const struct window *w, uint32_t string, uint32_t *ret) {
  return trace_add_string(w->out, w->m->strings[string], ret);
}

/* -- events ---------------------------------------------------------------------------------- */

static int64_t end_of(const struct window *w, const struct trace_event *e) {
  return e->flags & TRACE_UNFINISHED ? w->m->processes[e->process].end_ns
                                     : e->t_ns + e->duration_ns;
}

/* The time of op number `i` of a run: they are taken as spread evenly. */
static int64_t time_of(const struct trace_event *e, uint32_t i) {
  double part = e->count > 1 ? (double)i / (double)(e->count - 1) : 0;
  return e->t_ns + (int64_t)(part * (double)e->duration_ns);
}

/* How many ops of a run were done before a time. */
static uint32_t ops_before(const struct trace_event *e, int64_t t_ns) {
  if (t_ns <= e->t_ns)
    return 0;
  if (t_ns > e->t_ns + e->duration_ns)
    return e->count;
  uint32_t n = (uint32_t)((double)(t_ns - e->t_ns) / (double)e->duration_ns * (e->count - 1));
  while (n < e->count && time_of(e, n) < t_ns)
    n++;
  return n;
}

/* Keep those ops of a run that are in the window; false: there is none. */
static bool cut_run(const struct window *w, struct trace_event *e) {
  uint32_t first = ops_before(e, w->from_ns), end = ops_before(e, w->to_ns + 1);
  if (first >= end)
    return false;
  int64_t from = time_of(e, first), to = time_of(e, end - 1);
  bool gaps = e->flags & TRACE_GAPS;
  e->n = e->n == 0 || (gaps && first > 0) ? 0 : e->n + first;
  e->count = end - first;
  e->t_ns = from;
  e->duration_ns = to - from;
  if (e->count == 1)
    e->flags &= (uint16_t) ~(TRACE_SEVERAL | TRACE_GAPS);
  return true;
}

/* One op, which most often waited: its effect comes at its end. */
static bool cut_one(const struct window *w, struct trace_event *e) {
  int64_t end = end_of(w, e);
  if (e->t_ns > w->to_ns || end < w->from_ns)
    return false;
  if (end > w->to_ns) {
    e->flags = (uint16_t)((e->flags & ~(TRACE_TIMEOUT | TRACE_REFUSED)) | TRACE_UNFINISHED);
    e->n = 0;
    end = w->to_ns;
  }
  e->t_ns = e->t_ns > w->from_ns ? e->t_ns : w->from_ns;
  e->duration_ns = end - e->t_ns;
  return true;
}

static bool cut(const struct window *w, struct trace_event *e) {
  return e->count == 1 ? cut_one(w, e) : cut_run(w, e);
}

/* The queue that an event puts into or gets from, if it does; those of pipes have no bound, and are
 * left to what the items' numbers tell. */
static void count_before(const struct window *w, const struct trace_event *e) {
  int change = trace_event_change(e);
  if (!change || e->object == TRACE_NONE || w->m->objects[e->object].type != OBJECT_QUEUE)
    return;
  uint64_t n = e->count == 1 ? end_of(w, e) < w->from_ns : ops_before(e, w->from_ns);
  *(change > 0 ? &w->before[e->object].puts : &w->before[e->object].gets) += n;
}

static int add_event(struct window *w, struct trace_event *e) {
  bool of_process = trace_names_process(e->kind);
  if (!of_process && e->object != TRACE_NONE)
    w->used[e->object] = true;
  e->object = of_process ? process_id(w, e->object) : object_id(w, e->object);
  e->process = w->m->processes[e->process].id;
  e->t_ns = shift(w, e->t_ns);
  int rc = copy_string(w, e->where, &e->where);
  return rc ? rc : trace_add_event(w->out, e);
}

static int add_events(struct window *w) {
  int rc = 0;
  for (uint32_t i = 0; i < w->m->event_count && rc == 0; i++) {
    struct trace_event e = w->m->events[i];
    count_before(w, &e);
    if (lived(w, e.process) && cut(w, &e))
      rc = add_event(w, &e);
  }
  return rc;
}

/* A process that is stopped when the window begins is stopped then. */
static int add_stops(struct window *w) {
  const struct trace_model *m = w->m;
  int rc = 0;
  for (uint32_t i = 0; i < m->process_count && rc == 0; i++) {
    const struct trace_process *p = &m->processes[i];
    const struct trace_span *s = &m->spans[p->span_first], *end = s + p->span_count;
    while (s < end && s->to_ns <= w->from_ns)
      s++;
    if (!lived(w, i) || s == end || s->state != TRACE_STOPPED || s->from_ns >= w->from_ns)
      continue;
    struct trace_event e = {.t_ns = w->from_ns,
                            .kind = OP_PROCESS_SIGNAL,
                            .process = i,
                            .object = i,
                            .count = 1,
                            .n = SIGNAL_PAUSE};
    rc = add_event(w, &e);
  }
  return rc;
}

/* -- the rest -------------------------------------------------------------------------------- */

static int add_process(struct window *w, uint32_t process) {
  struct trace_process p = w->m->processes[process];
  p.parent = process_id(w, p.parent);
  p.begin_ns = shift(w, p.begin_ns);
  if (p.how == TRACE_ALIVE || p.end_ns > w->to_ns) {
    p.how = TRACE_ALIVE;
    p.failure = "";
    p.end_ns = w->to_ns;
  }
  p.end_ns = shift(w, p.end_ns);
  p.items_out = p.items_in = 0;
  p.event_first = p.event_count = p.span_first = p.span_count = 0;
  for (int i = 0; i < TRACE_STATES; i++)
    p.spent_ns[i] = 0;
  return trace_add_process(w->out, &p);
}

static int add_processes(struct window *w) {
  int rc = 0;
  for (uint32_t i = 0; i < w->m->process_count && rc == 0; i++)
    if (lived(w, i))
      rc = add_process(w, i);
  return rc;
}

static int add_objects(struct window *w) {
  const struct trace_model *m = w->m;
  int rc = 0;
  for (uint32_t i = 0; i < m->object_count; i++)
    if (w->used[i] && m->objects[i].peer != TRACE_NONE)
      w->used[m->objects[i].peer] = true;
  for (uint32_t i = 0; i < m->object_count && rc == 0; i++) {
    struct trace_object o = m->objects[i];
    o.peer = object_id(w, o.peer);
    o.puts += w->before[i].puts;
    o.gets += w->before[i].gets;
    if (w->used[i])
      rc = trace_add_object(w->out, &o);
  }
  return rc;
}

static int add_marks(struct window *w) {
  int rc = 0;
  for (uint32_t i = 0; i < w->m->mark_count && rc == 0; i++) {
    struct trace_mark k = w->m->marks[i];
    if (k.t_ns < w->from_ns || k.t_ns > w->to_ns || !lived(w, k.process))
      continue;
    k.t_ns = shift(w, k.t_ns);
    k.process = w->m->processes[k.process].id;
    rc = copy_string(w, k.name, &k.name);
    if (rc == 0)
      rc = trace_add_mark(w->out, &k);
  }
  return rc;
}

/* They tell how it ended. */
static int add_edges(struct window *w) {
  int rc = 0;
  for (uint32_t i = 0; i < w->m->edge_count && reaches_end(w) && rc == 0; i++) {
    struct trace_edge e = w->m->edges[i];
    if (e.process == TRACE_NONE || !lived(w, e.process))
      continue;
    if (e.object != TRACE_NONE)
      w->used[e.object] = true;
    e.process = process_id(w, e.process);
    e.holder = process_id(w, e.holder);
    e.object = object_id(w, e.object);
    rc = copy_string(w, e.where, &e.where);
    if (rc == 0)
      rc = trace_add_edge(w->out, &e);
  }
  return rc;
}

static int add_sources(struct window *w) {
  int rc = 0;
  for (uint32_t i = 0; i < w->m->source_count && rc == 0; i++)
    rc = trace_add_source(w->out, w->m->sources[i].path, w->m->sources[i].text,
                          w->m->sources[i].len);
  return rc;
}

static int set_facts(struct window *w) {
  struct trace_facts f = w->m->facts;
  bool whole = w->from_ns == 0 && reaches_end(w);
  if (f.wall_ns && f.speed > 0)
    f.wall_ns += (int64_t)((double)w->from_ns / f.speed);
  f.end_ns = w->to_ns - w->from_ns;
  if (!whole)
    f.cpu_ns = -1;
  if (!reaches_end(w)) {
    f.exit_status = -1;
    f.deadlock = "";
  }
  return trace_set_facts(w->out, &f);
}

/* -- how far something reaches --------------------------------------------------------------- */

/* When each process was spawned: as its spawner recorded it, which is a little before it began. For
 * the caller to free; NULL without memory. */
static int64_t *list_spawns(const struct trace_model *m) {
  int64_t *ret = malloc((m->process_count + 1u) * sizeof *ret);
  for (uint32_t i = 0; i < m->process_count && ret; i++)
    ret[i] = m->processes[i].begin_ns;
  for (uint32_t i = 0; i < m->event_count && ret; i++) {
    const struct trace_event *e = &m->events[i];
    if (e->kind == OP_PROCESS_SPAWN && e->object != TRACE_NONE && e->t_ns < ret[e->object])
      ret[e->object] = e->t_ns;
  }
  return ret;
}

/* Was it, or a process above it, spawned by that process in that time? */
static bool began_below(const struct trace_model *m, const int64_t *spawns, uint32_t i,
                        uint32_t process, int64_t from_ns, int64_t to_ns) {
  uint32_t steps = m->process_count; /* a damaged trace may have a cycle */
  for (uint32_t above; i != TRACE_NONE && steps-- > 0; i = above) {
    above = m->processes[i].parent;
    if (above != TRACE_NONE && m->processes[above].id == process && spawns[i] >= from_ns &&
        spawns[i] <= to_ns)
      return true;
  }
  return false;
}

int64_t trace_model_reach(const struct trace_model *m, uint32_t process, int64_t from_ns,
                          int64_t to_ns) {
  int64_t ret = to_ns, *spawns = list_spawns(m);
  for (uint32_t i = 0; i < m->process_count && spawns; i++)
    if (m->processes[i].end_ns > ret && began_below(m, spawns, i, process, from_ns, to_ns))
      ret = m->processes[i].end_ns;
  free(spawns);
  return ret;
}

/* -- the window ------------------------------------------------------------------------------ */

static int fill(struct window *w) {
  int rc = add_processes(w);
  if (rc == 0)
    rc = add_events(w);
  if (rc == 0)
    rc = add_stops(w);
  if (rc == 0)
    rc = add_marks(w);
  if (rc == 0)
    rc = add_edges(w);
  if (rc == 0)
    rc = add_objects(w);
  if (rc == 0)
    rc = add_sources(w);
  if (rc == 0)
    rc = set_facts(w);
  return rc ? rc : trace_model_finish(w->out);
}

int trace_model_window(const struct trace_model *m, int64_t from_ns, int64_t to_ns,
                       struct trace_model *ret) {
  struct window w = {.m = m, .out = ret, .from_ns = from_ns > 0 ? from_ns : 0, .to_ns = to_ns};
  if (w.to_ns > m->facts.end_ns)
    w.to_ns = m->facts.end_ns;
  if (w.from_ns > w.to_ns)
    w.from_ns = w.to_ns;
  int rc = trace_model_new(ret);
  if (rc)
    return rc;
  w.used = calloc(m->object_count + 1u, sizeof *w.used);
  w.before = calloc(m->object_count + 1u, sizeof *w.before);
  rc = w.used && w.before ? fill(&w) : -SBX_ENOMEM;
  free(w.used);
  free(w.before);
  if (rc)
    trace_model_release(ret);
  return rc;
}
