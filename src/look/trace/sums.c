/* look/trace/sums.c - sums over a finished model, and labels. See model.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/model_internal.h"
#include "look/trace/record.h"
#include "look/words.h"

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

/* The sum of two times that are not negative; those of a file may be anything. */
static int64_t add_times(int64_t a, int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; }

/* -- the whole run --------------------------------------------------------------------------- */

static int times_ascend(const void *a, const void *b) {
  const int64_t *t = a, *u = b;
  return ORDER(*t, *u);
}

/* The most processes that were there at once; 0 without memory. */
static uint32_t most_alive(const struct trace_model *m) {
  uint32_t n = m->process_count, most = 0, ended = 0;
  int64_t *ends = malloc((n + 1u) * sizeof *ends);
  if (!ends)
    return 0;
  for (uint32_t i = 0; i < n; i++)
    ends[i] = m->processes[i].end_ns;
  qsort(ends, n, sizeof *ends, times_ascend);
  for (uint32_t i = 0; i < n; i++) { /* by their begins */
    while (ended < n && ends[ended] < m->processes[i].begin_ns)
      ended++;
    most = i + 1 - ended > most ? i + 1 - ended : most;
  }
  free(ends);
  return most;
}

/* What was done in the time in which processes ran. One that waits for a processor does nothing, so
 * it is no more than the CPU time, if that is known. */
static int64_t work_of(const struct trace_facts *f, int64_t ran_ns) {
  double cpu_ns = (double)f->cpu_ns * f->speed;
  return f->cpu_ns >= 0 && cpu_ns < (double)ran_ns ? (int64_t)cpu_ns : ran_ns;
}

void trace_sum(const struct trace_model *m, struct trace_sums *ret) {
  int64_t ran_ns = 0, slept_ns = 0;
  *ret = (struct trace_sums){
      .processes = m->process_count, .most_alive = most_alive(m), .wall_ns = m->facts.end_ns};
  for (uint32_t i = 0; i < m->process_count; i++) {
    const struct trace_process *p = &m->processes[i];
    ret->messages += p->items_in;
    ran_ns = add_times(ran_ns, p->spent_ns[TRACE_RUNNING]);
    slept_ns = add_times(slept_ns, p->spent_ns[TRACE_SLEEP]);
  }
  ret->busy_ns = add_times(work_of(&m->facts, ran_ns), slept_ns);
  for (uint32_t i = 0; i < m->event_count; i++)
    ret->ops += m->events[i].count;
  ret->speed_up = ret->wall_ns > 0 ? (double)ret->busy_ns / (double)ret->wall_ns : 0;
}

/* -- waits ----------------------------------------------------------------------------------- */

/* A wait of the model, to be gathered with its like. */
struct single {
  uint64_t key; /* what it waited for */
  uint32_t where, process, event;
  int64_t ns;
};

static int by_key(const void *a, const void *b) {
  const struct single *s = a, *t = b;
  int order = ORDER(s->key, t->key);
  if (!order)
    order = ORDER(s->where, t->where);
  return order ? order : ORDER(s->process, t->process);
}

static int longest_first(const void *a, const void *b) {
  const struct trace_wait *w = a, *v = b;
  int order = ORDER(v->total_ns, w->total_ns);
  if (!order)
    order = ORDER(w->object, v->object);
  return order ? order : ORDER(w->where, v->where);
}

/* Waits for somebody else: a sleep is none, nor is a prompt without a line. */
static bool is_wait(const struct trace_model *m, const struct trace_span *s) {
  return s->event != TRACE_NONE && m->events[s->event].kind != OP_CLOCK_SLEEP &&
         s->state != TRACE_IDLE;
}

static uint32_t list_waits(const struct trace_model *m, struct single *list) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < m->process_count; i++)
    for (uint32_t k = 0; k < m->processes[i].span_count; k++) {
      const struct trace_span *s = &m->spans[m->processes[i].span_first + k];
      if (!is_wait(m, s))
        continue;
      const struct trace_event *e = &m->events[s->event];
      list[count++] = (struct single){
          .key = (uint64_t)trace_names_process(e->kind) << 32 | e->object,
          .where = e->where,
          .process = i,
          .event = s->event,
          .ns = s->to_ns - s->from_ns,
      };
    }
  return count;
}

static void gather(const struct trace_model *m, const struct single *list, uint32_t count,
                   struct trace_wait *ret, uint32_t *ret_count) {
  struct trace_wait *w = NULL;
  for (uint32_t i = 0; i < count; i++) {
    const struct single *s = &list[i], *before = i ? s - 1 : NULL;
    bool same = before && before->key == s->key && before->where == s->where;
    if (!same) {
      w = &ret[(*ret_count)++];
      *w = (struct trace_wait){.kind = m->events[s->event].kind,
                               .object = m->events[s->event].object,
                               .where = s->where};
    }
    w->waits += !same || before->event != s->event;
    w->processes += !same || before->process != s->process;
    w->total_ns = add_times(w->total_ns, s->ns);
    w->longest_ns = s->ns > w->longest_ns ? s->ns : w->longest_ns;
  }
}

int trace_waits(const struct trace_model *m, struct trace_wait **ret, uint32_t *ret_count) {
  struct single *list = malloc((m->span_count + 1u) * sizeof *list);
  struct trace_wait *waits = calloc(m->span_count + 1u, sizeof *waits);
  if (!list || !waits) {
    free(list);
    free(waits);
    return -SBX_ENOMEM;
  }
  uint32_t count = list_waits(m, list);
  *ret_count = 0;
  qsort(list, count, sizeof *list, by_key);
  gather(m, list, count, waits, ret_count);
  free(list);
  qsort(waits, *ret_count, sizeof *waits, longest_first);
  *ret = waits;
  return 0;
}

/* -- depths ---------------------------------------------------------------------------------- */

/* A run of ops is shown by so many changes, fewer in a large trace: about POINTS in all. */
enum { STEPS_MIN = 2, STEPS_MAX = 64, POINTS = 200000 };

/* Puts before gets. */
static bool is_before(const struct trace_depth *d, const struct trace_depth *e) {
  return d->t_ns < e->t_ns || (d->t_ns == e->t_ns && d->items > e->items);
}

/* The end of the ascending run that begins at `from`. */
static uint32_t run_end(const struct trace_depth *list, uint32_t from, uint32_t count) {
  uint32_t at = from + 1;
  while (at < count && !is_before(&list[at], &list[at - 1]))
    at++;
  return at < count ? at : count;
}

/* Merge two neighbouring runs, [a, b) and [b, end). */
static void merge_runs(const struct trace_depth *from, struct trace_depth *to, uint32_t a,
                       uint32_t b, uint32_t end) {
  for (uint32_t at = a, second = b; at < end; at++) {
    bool take_second = second < end && (a == b || is_before(&from[second], &from[a]));
    to[at] = take_second ? from[second++] : from[a++];
  }
}

/* Sort by merging the runs there are: the list consists of one for each process, or little more.
 * `other` has room for as many. Returns the one of both that is sorted. */
static struct trace_depth *sort_depths(struct trace_depth *list, struct trace_depth *other,
                                       uint32_t count) {
  while (run_end(list, 0, count) < count) {
    for (uint32_t a = 0, b, end; a < count; a = end) {
      b = run_end(list, a, count);
      end = b < count ? run_end(list, b, count) : b;
      merge_runs(list, other, a, b, end);
    }
    struct trace_depth *swap = list;
    list = other;
    other = swap;
  }
  return list;
}

static bool concerns(const struct trace_model *m, const struct trace_event *e, uint32_t object) {
  if (e->object == TRACE_NONE || !trace_event_change(e))
    return false;
  return (e->kind == OP_PIPE_SEND ? m->objects[e->object].peer : e->object) == object;
}

static uint32_t steps_of(const struct trace_event *e, uint32_t most) {
  return e->count < most ? e->count : most;
}

/* `count` changes in equal parts over the event's duration. */
static void add_steps(const struct trace_event *e, uint32_t steps, struct trace_depth *ret) {
  uint32_t done = 0;
  int change = trace_event_change(e);
  for (uint32_t i = 0; i < steps; i++) {
    uint32_t until = (uint32_t)((uint64_t)e->count * (i + 1) / steps);
    double part = steps > 1 ? (double)i / (double)(steps - 1) : 1;
    ret[i] = (struct trace_depth){.t_ns = e->t_ns + (int64_t)(part * (double)e->duration_ns),
                                  .items = change * (int64_t)(until - done)};
    done = until;
  }
}

/* The changes, each by itself, in the order of events. *ret: for the caller to free. */
static int list_changes(const struct trace_model *m, uint32_t object, struct trace_depth **ret,
                        uint32_t *ret_count) {
  uint32_t events = 0, count = 0;
  for (uint32_t i = 0; i < m->event_count; i++)
    events += concerns(m, &m->events[i], object);
  uint32_t most = events ? POINTS / events : 0;
  most = most < STEPS_MIN ? STEPS_MIN : most > STEPS_MAX ? STEPS_MAX : most;
  for (uint32_t i = 0; i < m->event_count; i++)
    count += concerns(m, &m->events[i], object) ? steps_of(&m->events[i], most) : 0;
  struct trace_depth *list = malloc((count + 1u) * sizeof *list);
  if (!list)
    return -SBX_ENOMEM;
  count = 0;
  for (uint32_t i = 0; i < m->event_count; i++)
    if (concerns(m, &m->events[i], object)) {
      uint32_t steps = steps_of(&m->events[i], most);
      add_steps(&m->events[i], steps, list + count);
      count += steps;
    }
  *ret = list;
  *ret_count = count;
  return 0;
}

static int64_t capacity_of(const struct trace_object *o) {
  return o->max > 0 && o->max < INT64_MAX ? (int64_t)o->max : INT64_MAX;
}

/* What the trace begins with. */
static int64_t items_before(const struct trace_object *o) {
  uint64_t items = o->puts > o->gets ? o->puts - o->gets : 0;
  return items < UINT32_MAX ? (int64_t)items : UINT32_MAX;
}

int trace_depths(const struct trace_model *m, uint32_t object, struct trace_depth **ret,
                 uint32_t *ret_count) {
  struct trace_depth *list, *other;
  uint32_t count;
  int rc = list_changes(m, object, &list, &count);
  if (rc)
    return rc;
  if (!(other = malloc((count + 1u) * sizeof *other))) {
    free(list);
    return -SBX_ENOMEM;
  }
  struct trace_depth *sorted = sort_depths(list, other, count);
  free(sorted == list ? other : list);
  int64_t sum = items_before(&m->objects[object]), most = capacity_of(&m->objects[object]);
  if (sum > 0) { /* there is room for one more */
    memmove(sorted + 1, sorted, count++ * sizeof *sorted);
    sorted[0] = (struct trace_depth){0};
  }
  /* Times of two processes, and those within a run, are not exact: a sum may be wrong for a moment,
   * but not for good. */
  for (uint32_t i = 0; i < count; i++) {
    sum += sorted[i].items;
    sorted[i].items = sum < 0 ? 0 : sum > most ? most : sum;
  }
  *ret = sorted;
  *ret_count = count;
  return 0;
}

bool trace_has_hosts(const struct trace_model *m) {
  for (uint32_t i = 0; i < m->process_count; i++)
    if (m->processes[i].host[0])
      return true;
  return false;
}

/* -- labels ---------------------------------------------------------------------------------- */

char *trace_process_label(const struct trace_model *m, uint32_t process, char *ret, size_t size) {
  if (process >= m->process_count) {
    snprintf(ret, size, "?");
    return ret;
  }
  const struct trace_process *p = &m->processes[process];
  bool main = p->id == 1 && p->parent == TRACE_NONE && p->name[0];
  if (main)
    snprintf(ret, size, "%s", p->name);
  else
    snprintf(ret, size, "%s#%u%s%s", p->name[0] ? p->name : "process", p->id, p->host[0] ? "@" : "",
             p->host);
  return ret;
}

char *trace_object_label(const struct trace_model *m, uint32_t object, char *ret, size_t size) {
  if (object >= m->object_count) {
    snprintf(ret, size, "?");
    return ret;
  }
  const struct trace_object *o = &m->objects[object];
  if (words_name_has_number(o->name))
    snprintf(ret, size, "%s", o->name);
  else
    snprintf(ret, size, "%s#%u", o->name[0] ? o->name : object_type_word(o->type),
             o->id & ~TRACE_HERE);
  return ret;
}

char *trace_event_label(const struct trace_model *m, const struct trace_event *e, char *ret,
                        size_t size) {
  if (e->object == TRACE_NONE) {
    ret[0] = '\0';
    return ret;
  }
  return trace_names_process(e->kind) ? trace_process_label(m, e->object, ret, size)
                                      : trace_object_label(m, e->object, ret, size);
}
