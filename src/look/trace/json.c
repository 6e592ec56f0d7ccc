/*
 * look/trace/json.c - see json.h.
 *
 * Each row of `traceEvents` is put together in `line`, which is handed to the sink when it is long.
 * The first failure stays in `rc`, and all that follows is dropped.
 */
#include "look/trace/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/json_text.h"
#include "look/trace/lanes.h"
#include "look/trace/thin.h"

enum { LABEL_BYTES = 128, PAGE_BYTES = 64 * 1024, NO_SLICE = LANES };

struct writer {
  const struct trace_model *m;
  const struct trace_sink *sink;
  int rc;
  struct buf page;
  uint8_t *lanes; /* owned; of each event, NO_SLICE: it is an instant */
};

/* -- rows ------------------------------------------------------------------------------------ */

static void flush(struct writer *w) {
  if (w->rc == 0 && w->page.len > 0)
    w->rc = w->sink->write(w->sink->ctx, w->page.data, w->page.len);
  w->page.len = 0;
}

static void put(struct writer *w, const char *s) {
  if (w->rc == 0)
    w->rc = buf_append(&w->page, s, strlen(s));
}

static void put_string(struct writer *w, const char *s) {
  if (w->rc == 0)
    w->rc = json_string(&w->page, s);
}

/* At least `least` digits. */
static void put_digits(struct writer *w, uint64_t n, int least) {
  char digits[24];
  size_t at = sizeof digits;
  for (; n > 0 || least > 0; n /= 10, least--)
    digits[--at] = (char)('0' + n % 10);
  if (w->rc == 0)
    w->rc = buf_append(&w->page, digits + at, sizeof digits - at);
}

static void put_unsigned(struct writer *w, uint64_t n) { put_digits(w, n, 1); }

static void put_number(struct writer *w, double d) {
  if (w->rc == 0)
    w->rc = json_number(&w->page, d);
}

static void put_micros(struct writer *w, int64_t ns) {
  uint64_t positive = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
  if (ns < 0)
    put(w, "-");
  put_digits(w, positive / 1000, 1);
  put(w, ".");
  put_digits(w, positive % 1000, 3);
}

/* A thread of a process is one of its lanes; numbers of processes have 32 bits. */
static uint64_t thread_of(const struct trace_model *m, uint32_t process, unsigned lane) {
  return (uint64_t)lane << 32 | m->processes[process].id;
}

/* A row begins: `ph` and `cat` need no escapes; thread 0: the run's. It may get fields, and ends
 * with "}". */
static void row(struct writer *w, const char *ph, const char *cat, const char *name,
                uint64_t thread) {
  if (w->page.len > PAGE_BYTES)
    flush(w);
  put(w, ",\n{\"ph\":\"");
  put(w, ph);
  put(w, "\",\"cat\":\"");
  put(w, cat);
  put(w, "\",\"name\":");
  put_string(w, name);
  put(w, ",\"pid\":1,\"tid\":");
  put_unsigned(w, thread);
}

static void at(struct writer *w, int64_t t_ns) {
  put(w, ",\"ts\":");
  put_micros(w, t_ns);
}

/* A field of text in `args`, unless it is "". */
static void text_field(struct writer *w, const char *name, const char *text) {
  if (!*text)
    return;
  if (w->rc == 0 && w->page.data[w->page.len - 1] != '{')
    put(w, ",");
  put(w, name);
  put_string(w, text);
}

/* A field of a number, unless it is 0. */
static void number_field(struct writer *w, const char *name, uint64_t n) {
  if (!n)
    return;
  if (w->rc == 0 && w->page.data[w->page.len - 1] != '{')
    put(w, ",");
  put(w, name);
  put_unsigned(w, n);
}

static void name_thread(struct writer *w, const char *what, const char *name, uint64_t thread) {
  row(w, "M", "__metadata", what, thread);
  put(w, ",\"args\":{\"name\":");
  put_string(w, name);
  put(w, "}}");
}

/* -- processes ------------------------------------------------------------------------------- */

static void put_life(struct writer *w, uint32_t index) {
  const struct trace_process *p = &w->m->processes[index];
  char label[LABEL_BYTES], parent[LABEL_BYTES] = "";
  trace_process_label(w->m, index, label, sizeof label);
  if (p->parent != TRACE_NONE)
    trace_process_label(w->m, p->parent, parent, sizeof parent);
  name_thread(w, "thread_name", label, thread_of(w->m, index, 0));
  row(w, "X", "process", label, thread_of(w->m, index, 0));
  at(w, p->begin_ns);
  put(w, ",\"dur\":");
  put_micros(w, p->end_ns - p->begin_ns);
  put(w, ",\"args\":{");
  text_field(w, "\"end\":", trace_end_words[p->how]);
  text_field(w, "\"parent\":", parent);
  text_field(w, "\"spawned at\":", p->spawned_at);
  if (p->host[0])
    text_field(w, "\"host\":", p->host);
  text_field(w, "\"failure\":", p->failure);
  if (p->how == TRACE_KILLED)
    number_field(w, "\"signal\":", (uint64_t)p->signal);
  put(w, "}}");
}

static const char *result_of(const struct trace_event *e) {
  return e->flags & TRACE_TIMEOUT      ? "timed out"
         : e->flags & TRACE_REFUSED    ? "refused"
         : e->flags & TRACE_UNFINISHED ? "unfinished"
         : e->flags & TRACE_AGAIN      ? "came back"
                                       : "";
}

static void put_args(struct writer *w, const struct trace_event *e, const char *object) {
  put(w, ",\"args\":{");
  text_field(w, "\"op\":", trace_verb_on(w->m, e->kind, e->object));
  text_field(w, "\"object\":", object);
  number_field(w, trace_item_change(e->kind) ? "\"item\":" : "\"number\":", e->n);
  number_field(w, "\"ops\":", e->count > 1 ? e->count : 0);
  text_field(w, "\"where\":", w->m->strings[e->where]);
  text_field(w, "\"result\":", result_of(e));
  put(w, "}}");
}

static void put_event(struct writer *w, uint32_t event, int64_t end_ns) {
  const struct trace_event *e = &w->m->events[event];
  char object[LABEL_BYTES], name[2 * LABEL_BYTES];
  unsigned lane = w->lanes[event];
  trace_event_label(w->m, e, object, sizeof object);
  snprintf(name, sizeof name, "%s%s%s", trace_verb_on(w->m, e->kind, e->object), *object ? " " : "",
           object);
  row(w, lane == NO_SLICE ? "i" : "X", e->flags & TRACE_WAITED ? "wait" : "op", name,
      thread_of(w->m, e->process, lane == NO_SLICE ? 0 : lane));
  at(w, e->t_ns);
  if (lane == NO_SLICE) {
    put(w, ",\"s\":\"t\"");
  } else {
    put(w, ",\"dur\":");
    put_micros(w, end_ns - e->t_ns);
  }
  put_args(w, e, object);
}

/* When an event's slice ends. Arrows need a slice: the shortest, if it takes no time, and nothing
 * else begins meanwhile. */
static int64_t slice_end(const struct trace_model *m, uint32_t event) {
  const struct trace_event *e = &m->events[event];
  const struct trace_process *p = &m->processes[e->process];
  int64_t end = lanes_end_of(m, e);
  bool last = event + 1 == p->event_first + p->event_count;
  bool alone = last || m->events[event + 1].t_ns > e->t_ns;
  return end == e->t_ns && alone && e->n && trace_event_change(e) ? end + 1 : end;
}

static void name_lanes(struct writer *w, uint32_t process, unsigned lanes) {
  char label[LABEL_BYTES], name[2 * LABEL_BYTES];
  trace_process_label(w->m, process, label, sizeof label);
  snprintf(name, sizeof name, "%s: runs of ops", label);
  for (unsigned lane = 1; lane < LANES; lane++)
    if (lanes & 1u << lane)
      name_thread(w, "thread_name", name, thread_of(w->m, process, lane));
}

static void put_process(struct writer *w, struct lanes *lanes, uint32_t index) {
  const struct trace_process *p = &w->m->processes[index];
  unsigned known = 0;
  struct lane_slice slice;
  put_life(w, index);
  for (uint32_t i = p->event_first; i < p->event_first + p->event_count && w->rc == 0; i++) {
    int64_t end_ns = slice_end(w->m, i);
    while (lanes_close(lanes, w->m->events[i].t_ns, &slice) >= 0)
      ;
    int lane = end_ns > w->m->events[i].t_ns ? lanes_open(lanes, w->m, i, end_ns) : NO_SLICE;
    if (lane < 0)
      w->rc = lane;
    w->lanes[i] = lane < 0 ? NO_SLICE : (uint8_t)lane;
    known |= 1u << w->lanes[i];
    put_event(w, i, end_ns);
  }
  while (lanes_close(lanes, INT64_MAX, &slice) >= 0)
    ;
  name_lanes(w, index, known);
}

/* -- items, depths, marks, edges ------------------------------------------------------------- */

static void put_arrow_end(struct writer *w, const char *ph, uint32_t event, uint64_t id,
                          int64_t t_ns) {
  row(w, ph, "item", "item", thread_of(w->m, w->m->events[event].process, w->lanes[event]));
  at(w, t_ns);
  put(w, ",\"id\":");
  put_unsigned(w, id);
  put(w, *ph == 'f' ? ",\"bp\":\"e\"}" : "}");
}

/* An arrow begins with the slice, and ends just before the end of the other, so that both are open
 * then. */
static void put_arrows(struct writer *w) {
  for (uint32_t i = 0; i < w->m->item_count && w->rc == 0; i++) {
    const struct trace_item *item = &w->m->items[i];
    if (w->lanes[item->from] == NO_SLICE || w->lanes[item->to] == NO_SLICE)
      continue;
    put_arrow_end(w, "s", item->from, i + 1, w->m->events[item->from].t_ns);
    put_arrow_end(w, "f", item->to, i + 1, slice_end(w->m, item->to) - 1);
  }
}

static void put_counter(struct writer *w, const char *name, int64_t t_ns, const char *what,
                        double value) {
  row(w, "C", "counter", name, 0);
  at(w, t_ns);
  put(w, ",\"args\":{\"");
  put(w, what);
  put(w, "\":");
  put_number(w, value);
  put(w, "}}");
}

static void put_depths(struct writer *w, uint32_t object) {
  struct trace_depth *list;
  uint32_t count;
  char name[LABEL_BYTES];
  int rc = thin_depths(w->m, object, &list, &count);
  if (rc) {
    w->rc = rc;
    return;
  }
  trace_object_label(w->m, object, name, sizeof name);
  for (uint32_t i = 0; i < count && w->rc == 0; i++)
    put_counter(w, name, list[i].t_ns, "items", (double)list[i].items);
  free(list);
}

static void put_queues(struct writer *w) {
  uint32_t *queues, count;
  int rc = thin_queues(w->m, &queues, &count);
  if (rc) {
    w->rc = rc;
    return;
  }
  for (uint32_t i = 0; i < count && w->rc == 0; i++)
    put_depths(w, queues[i]);
  free(queues);
}

/* A counter is named after its process, too. JSON has no number that is not finite. */
static void put_mark(struct writer *w, const struct trace_mark *k) {
  const char *text = w->m->strings[k->name];
  char label[LABEL_BYTES], name[3 * LABEL_BYTES];
  if (k->counter && !isfinite(k->value))
    return;
  if (k->counter) {
    trace_process_label(w->m, k->process, label, sizeof label);
    snprintf(name, sizeof name, "%s of %s", text, label);
    put_counter(w, name, k->t_ns, "value", k->value);
    return;
  }
  row(w, "i", "mark", text, thread_of(w->m, k->process, 0));
  at(w, k->t_ns);
  put(w, ",\"s\":\"t\"}");
}

static void put_edge(struct writer *w, const struct trace_edge *e) {
  char label[LABEL_BYTES], name[2 * LABEL_BYTES];
  if (e->object != TRACE_NONE)
    trace_object_label(w->m, e->object, label, sizeof label);
  else
    trace_process_label(w->m, e->holder, label, sizeof label);
  snprintf(name, sizeof name, "%s: %s %s", e->stuck ? "deadlock" : "waits at the end",
           trace_verb_on(w->m, e->kind, e->object), label);
  row(w, "i", "edge", name, thread_of(w->m, e->process, 0));
  at(w, w->m->facts.end_ns);
  put(w, ",\"s\":\"t\",\"args\":{");
  text_field(w, "\"where\":", w->m->strings[e->where]);
  put(w, "}}");
}

/* -- all of it ------------------------------------------------------------------------------- */

static void put_facts(struct writer *w) {
  const struct trace_facts *f = &w->m->facts;
  static const char *const details[] = {"wait", "merged", "all"};
  char seed[24], status[16] = "";
  snprintf(seed, sizeof seed, "%" PRIu64, f->seed); /* a number of JSON may have 53 bits */
  if (f->exit_status >= 0)
    snprintf(status, sizeof status, "%d", f->exit_status);
  put(w, "{\"displayTimeUnit\":\"ns\",\n\"otherData\":{");
  text_field(w, "\"command\":", f->command);
  text_field(w, "\"version\":", f->version);
  text_field(w, "\"clock\":", f->clock);
  text_field(w, "\"seed\":", seed);
  text_field(w, "\"detail\":", details[f->detail]);
  text_field(w, "\"deadlock\":", f->deadlock);
  number_field(w, "\"events lost\":", f->lost);
  number_field(w, "\"names lost\":", f->nameless);
  if (f->cut)
    text_field(w, "\"cut\":", "the oldest events were dropped");
  text_field(w, "\"exit status\":", status);
  put(w, ",\"speed\":");
  put_number(w, f->speed);
  put(w, "},\n\"traceEvents\":[\n{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":1,\"args\":"
         "{\"name\":");
  put_string(w, *f->command ? f->command : "sandbox");
  put(w, "}}");
}

static void put_all(struct writer *w, struct lanes *lanes) {
  put_facts(w);
  for (uint32_t i = 0; i < w->m->process_count && w->rc == 0; i++)
    put_process(w, lanes, i);
  put_arrows(w);
  put_queues(w);
  for (uint32_t i = 0; i < w->m->mark_count && w->rc == 0; i++)
    put_mark(w, &w->m->marks[i]);
  for (uint32_t i = 0; i < w->m->edge_count && w->rc == 0; i++)
    put_edge(w, &w->m->edges[i]);
  put(w, "\n]}\n");
  flush(w);
}

int trace_json(const struct trace_model *m, const struct trace_sink *sink) {
  struct writer w = {.m = m, .sink = sink, .lanes = malloc(m->event_count + 1u)};
  struct lanes lanes = {0};
  if (!w.lanes)
    return -SBX_ENOMEM;
  put_all(&w, &lanes);
  lanes_release(&lanes);
  free(w.lanes);
  buf_release(&w.page);
  return w.rc;
}
