/* look/trace/derive.c - what follows from the rows of a model: the states of its processes, and the
 * way of its items. See model.h. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/model_internal.h"
#include "look/words.h"

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

enum trace_state trace_state_of(enum op_kind kind) {
  if (kind == OP_NONE)
    return TRACE_IDLE;
  switch (op_describe(kind)->type) {
  case OBJECT_PROCESS:
    return TRACE_JOIN;
  case OBJECT_CLOCK:
    return TRACE_SLEEP;
  case OBJECT_NONE: /* select; handles on their way */
  case OBJECT_QUEUE:
  case OBJECT_PIPE:
    return TRACE_QUEUE;
  default:
    return TRACE_LOCK;
  }
}

const char *const trace_end_words[TRACE_ENDS] = {[TRACE_ALIVE] = "alive",
                                                 [TRACE_DONE] = "done",
                                                 [TRACE_FAILED] = "failed",
                                                 [TRACE_KILLED] = "killed",
                                                 [TRACE_LEFT_BEHIND] = "ended"};

const char *trace_verb(enum op_kind kind) {
  return kind == OP_NONE ? "prompt" : op_describe(kind)->verb;
}

const struct whole_verb *trace_whole_verb(const struct trace_model *m, enum op_kind kind,
                                          uint32_t object) {
  return object < m->object_count && !trace_names_process(kind)
             ? words_whole_verb(kind, m->objects[object].name)
             : NULL;
}

const char *trace_verb_on(const struct trace_model *m, enum op_kind kind, uint32_t object) {
  const struct whole_verb *whole = trace_whole_verb(m, kind, object);
  return whole ? whole->verb : trace_verb(kind);
}

bool trace_names_process(enum op_kind kind) { return op_describe(kind)->type == OBJECT_PROCESS; }

int trace_item_change(enum op_kind kind) {
  switch (kind) {
  case OP_QUEUE_PUT:
  case OP_PIPE_SEND:
    return 1;
  case OP_QUEUE_GET:
  case OP_QUEUE_TAKE:
  case OP_PIPE_RECV:
    return -1;
  default:
    return 0;
  }
}

/* When an item came back is not recorded: it is not counted from when it was taken first. */
int trace_event_change(const struct trace_event *e) {
  return e->flags & (TRACE_TIMEOUT | TRACE_REFUSED | TRACE_UNFINISHED | TRACE_AGAIN)
             ? 0
             : trace_item_change(e->kind);
}

/* -- when a process was stopped -------------------------------------------------------------- */

struct stop {
  uint32_t process;
  int64_t from_ns, to_ns;
};

struct stops {
  struct stop *list; /* owned; by process, then time */
  uint32_t count, cap;
};

static int signals_by_time(const void *a, const void *b) {
  const struct trace_event *const *e = a, *const *f = b;
  int order = ORDER((*e)->object, (*f)->object);
  return order ? order : ORDER((*e)->t_ns, (*f)->t_ns);
}

static bool steers(const struct trace_event *e) {
  return e->kind == OP_PROCESS_SIGNAL && e->object != TRACE_NONE &&
         (e->n == SIGNAL_PAUSE || e->n == SIGNAL_RESUME);
}

/* From a pause to the next resume, or to the end. */
static int pair_signals(const struct trace_model *m, const struct trace_event **list,
                        uint32_t count, struct stops *ret) {
  for (uint32_t i = 0; i < count; i++) {
    const struct trace_event *e = list[i];
    if (e->n != SIGNAL_PAUSE)
      continue;
    struct stop s = {e->object, e->t_ns, m->processes[e->object].end_ns};
    while (i + 1 < count && list[i + 1]->object == e->object)
      if (list[++i]->n == SIGNAL_RESUME) {
        s.to_ns = list[i]->t_ns;
        break;
      }
    if (trace_grow(&ret->list, &ret->cap, ret->count, sizeof s))
      return -SBX_ENOMEM;
    ret->list[ret->count++] = s;
  }
  return 0;
}

static int find_stops(const struct trace_model *m, struct stops *ret) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < m->event_count; i++)
    count += steers(&m->events[i]);
  if (count == 0)
    return 0;
  const struct trace_event **list = malloc(count * sizeof *list);
  if (!list)
    return -SBX_ENOMEM;
  count = 0;
  for (uint32_t i = 0; i < m->event_count; i++)
    if (steers(&m->events[i]))
      list[count++] = &m->events[i];
  qsort(list, count, sizeof *list, signals_by_time);
  int rc = pair_signals(m, list, count, ret);
  free(list);
  return rc;
}

/* -- spans ----------------------------------------------------------------------------------- */

struct spanner {
  struct trace_model *m;
  struct trace_process *p;
  const struct stop *stop, *stops_end; /* those of the process that are still to come */
  int64_t at_ns;                       /* so far its spans reach */
  uint32_t cap;
};

static int add_span(struct spanner *s, int64_t to_ns, enum trace_state state, uint32_t event) {
  struct trace_model *m = s->m;
  if (to_ns <= s->at_ns)
    return 0;
  if (trace_grow(&m->spans, &s->cap, m->span_count, sizeof *m->spans))
    return -SBX_ENOMEM;
  m->spans[m->span_count++] =
      (struct trace_span){.from_ns = s->at_ns, .to_ns = to_ns, .state = state, .event = event};
  s->p->spent_ns[state] += to_ns - s->at_ns;
  s->at_ns = to_ns;
  return 0;
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* Up to `to_ns` the process is in a state, unless it is stopped. */
static int advance(struct spanner *s, int64_t to_ns, enum trace_state state, uint32_t event) {
  to_ns = earlier(to_ns, s->p->end_ns);
  int rc = 0;
  while (rc == 0 && s->at_ns < to_ns) {
    if (s->stop == s->stops_end)
      return add_span(s, to_ns, state, event);
    rc = add_span(s, earlier(to_ns, s->stop->from_ns), state, event);
    if (rc == 0 && s->at_ns >= s->stop->from_ns)
      rc = add_span(s, earlier(to_ns, s->stop->to_ns), TRACE_STOPPED, TRACE_NONE);
    if (s->at_ns >= s->stop->to_ns)
      s->stop++;
  }
  return rc;
}

static int derive_spans(struct trace_model *m, const struct stops *stops) {
  struct spanner s = {.m = m};
  const struct stop *stop = stops->list, *end = stops->list + stops->count;
  for (uint32_t i = 0; i < m->process_count; i++) {
    struct trace_process *p = s.p = &m->processes[i];
    s.at_ns = p->begin_ns;
    while (stop < end && stop->process < i)
      stop++;
    s.stop = stop;
    while (stop < end && stop->process == i)
      stop++;
    s.stops_end = stop;
    p->span_first = m->span_count;
    int rc = 0;
    for (uint32_t k = p->event_first; k < p->event_first + p->event_count && rc == 0; k++) {
      const struct trace_event *e = &m->events[k];
      if (!(e->flags & TRACE_WAITED))
        continue;
      bool open = e->flags & TRACE_UNFINISHED;
      rc = advance(&s, e->t_ns, TRACE_RUNNING, TRACE_NONE);
      if (rc == 0)
        rc = advance(&s, open ? p->end_ns : e->t_ns + e->duration_ns, trace_state_of(e->kind), k);
    }
    if (rc == 0)
      rc = advance(&s, p->end_ns, TRACE_RUNNING, TRACE_NONE);
    if (rc)
      return rc;
    p->span_count = m->span_count - p->span_first;
  }
  return 0;
}

/* -- items ----------------------------------------------------------------------------------- */

/* Items of one queue that one event put or got: n, n + 1, ... */
struct batch {
  uint32_t queue, event;
  uint64_t n, count;
};

static int by_queue(const void *a, const void *b) {
  const struct batch *p = a, *q = b;
  int order = ORDER(p->queue, q->queue);
  return order ? order : ORDER(p->n, q->n);
}

/* A send goes into the queue that the other end receives from. */
static uint32_t queue_of(const struct trace_model *m, const struct trace_event *e) {
  return e->kind == OP_PIPE_SEND && e->object != TRACE_NONE ? m->objects[e->object].peer
                                                            : e->object;
}

/* When the item `n` of the event's was put or got. */
static int64_t time_of(const struct trace_event *e, uint64_t n) {
  if (e->count < 2)
    return e->t_ns + e->duration_ns;
  double part = (double)(n - e->n) / (double)(e->count - 1);
  return e->t_ns + (int64_t)(part * (double)e->duration_ns);
}

static int collect(const struct trace_model *m, int change, struct batch **ret,
                   uint32_t *ret_count) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < m->event_count; i++)
    count += m->events[i].n && trace_event_change(&m->events[i]) == change;
  struct batch *list = malloc((count + 1u) * sizeof *list);
  if (!list)
    return -SBX_ENOMEM;
  count = 0;
  for (uint32_t i = 0; i < m->event_count; i++) {
    const struct trace_event *e = &m->events[i];
    uint32_t queue = queue_of(m, e);
    if (e->n && trace_event_change(e) == change && queue != TRACE_NONE)
      list[count++] = (struct batch){queue, i, e->n, e->flags & TRACE_GAPS ? 1 : e->count};
  }
  qsort(list, count, sizeof *list, by_queue);
  *ret = list;
  *ret_count = count;
  return 0;
}

static int items_by_time(const void *a, const void *b) {
  const struct trace_item *p = a, *q = b;
  int order = ORDER(p->put_ns, q->put_ns);
  return order ? order : ORDER(p->n, q->n);
}

/* Is it the item that was matched last? A log that is damaged may have it twice. */
static bool is_last(const struct trace_model *m, uint32_t queue, uint64_t n) {
  const struct trace_item *last = m->item_count ? &m->items[m->item_count - 1] : NULL;
  return last && last->object == queue && last->n == n;
}

/* One item for each two events that have one in common: the first of those. */
static int match(struct trace_model *m, const struct batch *puts, uint32_t put_count,
                 const struct batch *gets, uint32_t get_count) {
  uint32_t cap = 0;
  for (uint32_t i = 0, k = 0; i < put_count && k < get_count;) {
    const struct batch *p = &puts[i], *g = &gets[k];
    uint64_t first = p->n > g->n ? p->n : g->n;
    uint64_t put_end = p->n + p->count, get_end = g->n + g->count;
    if (p->queue == g->queue && first < put_end && first < get_end &&
        !is_last(m, p->queue, first)) {
      if (trace_grow(&m->items, &cap, m->item_count, sizeof *m->items))
        return -SBX_ENOMEM;
      m->items[m->item_count++] =
          (struct trace_item){.object = p->queue,
                              .n = first,
                              .from = p->event,
                              .to = g->event,
                              .put_ns = time_of(&m->events[p->event], first),
                              .got_ns = time_of(&m->events[g->event], first)};
    }
    bool put_first = p->queue != g->queue ? p->queue < g->queue : put_end <= get_end;
    i += put_first;
    k += !put_first;
  }
  if (m->item_count)
    qsort(m->items, m->item_count, sizeof *m->items, items_by_time);
  return 0;
}

static int derive_items(struct trace_model *m) {
  struct batch *puts = NULL, *gets = NULL;
  uint32_t put_count, get_count;
  int rc = collect(m, 1, &puts, &put_count);
  if (rc == 0)
    rc = collect(m, -1, &gets, &get_count);
  if (rc == 0)
    rc = match(m, puts, put_count, gets, get_count);
  free(puts);
  free(gets);
  return rc;
}

/* How many items were put or got before the first event that tells a number. `known`: by objects. */
static void derive_before(struct trace_model *m, int change, bool *known) {
  for (uint32_t i = 0; i < m->object_count; i++)
    known[i] = (change > 0 ? m->objects[i].puts : m->objects[i].gets) > 0;
  for (uint32_t i = 0; i < m->event_count; i++) {
    const struct trace_event *e = &m->events[i];
    uint32_t queue = queue_of(m, e);
    if (!e->n || trace_event_change(e) != change || queue == TRACE_NONE || known[queue])
      continue;
    uint64_t *before = change > 0 ? &m->objects[queue].puts : &m->objects[queue].gets;
    *before = *before && *before < e->n ? *before : e->n;
  }
  for (uint32_t i = 0; i < m->object_count; i++) {
    uint64_t *before = change > 0 ? &m->objects[i].puts : &m->objects[i].gets;
    *before -= !known[i] && *before; /* so far it was the number of the first */
  }
}

static int derive_puts_and_gets(struct trace_model *m) {
  bool *known = malloc((m->object_count + 1u) * sizeof *known);
  if (!known)
    return -SBX_ENOMEM;
  derive_before(m, 1, known);
  derive_before(m, -1, known);
  free(known);
  return 0;
}

static void count_items(struct trace_model *m) {
  for (uint32_t i = 0; i < m->event_count; i++) {
    const struct trace_event *e = &m->events[i];
    int change = trace_event_change(e);
    if (change > 0)
      m->processes[e->process].items_out += e->count;
    else if (change < 0)
      m->processes[e->process].items_in += e->count;
  }
}

/* -- workers of pools ------------------------------------------------------------------------ */

static int by_family(const void *a, const void *b) {
  const struct trace_process *const *p = a, *const *q = b;
  int order = ORDER((*p)->parent, (*q)->parent);
  return order ? order : strcmp((*p)->name, (*q)->name);
}

/* One that waited for a task is a worker, and so are its siblings of the same name. */
static int find_workers(struct trace_model *m) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < m->event_count; i++) {
    bool idle = strcmp(m->strings[m->events[i].where], WHERE_IDLE) == 0;
    m->processes[m->events[i].process].worker |= idle;
    found += idle;
  }
  struct trace_process **list = found ? malloc(m->process_count * sizeof *list) : NULL;
  if (!list)
    return found ? -SBX_ENOMEM : 0;
  for (uint32_t i = 0; i < m->process_count; i++)
    list[i] = &m->processes[i];
  qsort(list, m->process_count, sizeof *list, by_family);
  for (uint32_t i = 0, end; i < m->process_count; i = end) {
    bool worker = false;
    for (end = i; end < m->process_count && by_family(&list[i], &list[end]) == 0; end++)
      worker |= list[end]->worker;
    for (uint32_t k = i; k < end; k++)
      list[k]->worker = worker;
  }
  free(list);
  return 0;
}

int trace_derive(struct trace_model *m) {
  struct stops stops = {0};
  int rc = find_workers(m);
  if (rc == 0)
    rc = find_stops(m, &stops);
  if (rc == 0)
    rc = derive_spans(m, &stops);
  free(stops.list);
  count_items(m);
  if (rc == 0)
    rc = derive_puts_and_gets(m);
  return rc ? rc : derive_items(m);
}
