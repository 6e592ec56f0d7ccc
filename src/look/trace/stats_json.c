/* look/trace/stats_json.c - a run in numbers, as JSON; see stats.h. */
#include <inttypes.h>
#include <string.h>

#include "look/json_text.h"
#include "look/trace/stats.h"
#include "look/trace/stats_internal.h"

enum { LIST_MAX = 50, LABEL_MAX = 512 };

/* A text that is being written. */
struct writer {
  struct buf *out; /* borrowed */
  int rc;          /* 0 or -SBX_ENOMEM, of anything done so far */
  bool first;      /* of its object or array: no comma before it */
  bool line;       /* the next member begins a line */
};

/* -- syntax ---------------------------------------------------------------------------------- */

static void raw(struct writer *w, const char *text) {
  if (w->rc == 0)
    w->rc = buf_append(w->out, text, strlen(text));
}

/* The name of a member. */
static void name(struct writer *w, const char *member) {
  raw(w, w->first ? "" : w->line ? ",\n" : ",");
  w->first = w->line = false;
  if (w->rc == 0)
    w->rc = buf_format(w->out, "\"%s\":", member);
}

/* Begin an object or an array; a row of a list has a line of its own. */
static void begin(struct writer *w, const char *bracket) {
  raw(w, bracket);
  w->first = true;
}

static void row(struct writer *w) {
  raw(w, w->first ? "\n  {" : ",\n  {");
  w->first = true;
}

static void end(struct writer *w, const char *bracket) {
  raw(w, bracket);
  w->first = false;
}

/* -- members --------------------------------------------------------------------------------- */

static void string(struct writer *w, const char *member, const char *value) {
  name(w, member);
  if (w->rc == 0)
    w->rc = json_string(w->out, value);
}

/* "" is none. */
static void string_or_null(struct writer *w, const char *member, const char *value) {
  if (*value) {
    string(w, member, value);
  } else {
    name(w, member);
    raw(w, "null");
  }
}

static void integer(struct writer *w, const char *member, uint64_t value) {
  name(w, member);
  if (w->rc == 0)
    w->rc = buf_format(w->out, "%" PRIu64, value);
}

static void integer_or_null(struct writer *w, const char *member, int64_t value, bool known) {
  name(w, member);
  if (w->rc == 0)
    w->rc = known ? buf_format(w->out, "%" PRId64, value) : buf_append(w->out, "null", 4);
}

static void number(struct writer *w, const char *member, double value) {
  name(w, member);
  if (w->rc == 0)
    w->rc = json_number(w->out, value);
}

static void seconds(struct writer *w, const char *member, int64_t ns, bool known) {
  name(w, member);
  if (w->rc == 0)
    w->rc = known ? json_seconds(w->out, ns) : buf_append(w->out, "null", 4);
}

static void boolean(struct writer *w, const char *member, bool value) {
  name(w, member);
  raw(w, value ? "true" : "false");
}

/* -- the run --------------------------------------------------------------------------------- */

static void put_facts(struct writer *w, const struct trace_facts *f, const struct trace_sums *s) {
  static const char *const details[] = {
      [TRACE_DETAIL_WAIT] = "wait", [TRACE_DETAIL_MERGED] = "merged", [TRACE_DETAIL_ALL] = "all"};
  string(w, "command", f->command);
  string(w, "version", f->version);
  integer(w, "seed", f->seed);
  number(w, "speed", f->speed);
  string(w, "clock", f->clock);
  string(w, "detail", details[f->detail]);
  seconds(w, "started", f->wall_ns, f->wall_ns != 0);
  integer_or_null(w, "exit_status", f->exit_status, f->exit_status >= 0);
  w->line = true;
  seconds(w, "seconds", s->wall_ns, true);
  seconds(w, "cpu_seconds", f->cpu_ns, f->cpu_ns >= 0);
  seconds(w, "busy_seconds", s->busy_ns, true);
  number(w, "speed_up", s->speed_up);
  integer(w, "most_alive", s->most_alive);
  integer(w, "messages", s->messages);
  integer(w, "operations", s->ops);
  integer(w, "events_lost", f->lost);
  integer(w, "names_lost", f->nameless);
  boolean(w, "oldest_dropped", f->cut);
  string_or_null(w, "deadlock", f->deadlock);
}

static void put_ends(struct writer *w, const struct stats *s) {
  static const enum trace_end order[] = {TRACE_DONE, TRACE_FAILED, TRACE_KILLED, TRACE_LEFT_BEHIND,
                                         TRACE_ALIVE};
  name(w, "ends");
  begin(w, "{");
  for (size_t i = 0; i < sizeof order / sizeof *order; i++)
    integer(w, trace_end_words[order[i]], s->ends[order[i]]);
  end(w, "}");
}

/* -- lists ----------------------------------------------------------------------------------- */

static uint32_t at_most(uint32_t count) { return count < LIST_MAX ? count : LIST_MAX; }

static const char *type_of(const struct trace_model *m, const struct trace_wait *wait) {
  if (wait->object == TRACE_NONE)
    return "";
  bool process = trace_names_process(wait->kind);
  return object_type_word(process ? OBJECT_PROCESS : m->objects[wait->object].type);
}

static void put_wait(struct writer *w, const struct trace_model *m, const struct trace_wait *wait) {
  const struct trace_event e = {.kind = wait->kind, .object = wait->object};
  char label[LABEL_MAX];
  row(w);
  string(w, "op", trace_verb_on(m, wait->kind, wait->object));
  string_or_null(w, "object", trace_event_label(m, &e, label, sizeof label));
  string_or_null(w, "type", type_of(m, wait));
  string_or_null(w, "where", m->strings[wait->where]);
  integer(w, "waits", wait->waits);
  integer(w, "processes", wait->processes);
  seconds(w, "seconds", wait->total_ns, true);
  seconds(w, "longest", wait->longest_ns, true);
  end(w, "}");
}

static void put_waits(struct writer *w, const struct trace_model *m, const struct stats *s) {
  name(w, "waits");
  begin(w, "[");
  for (uint32_t i = 0; i < at_most(s->wait_count); i++)
    put_wait(w, m, &s->waits[i]);
  end(w, "]");
  integer(w, "waits_more", s->wait_count - at_most(s->wait_count));
}

static void put_queue(struct writer *w, const struct trace_model *m, const struct stats_queue *q) {
  const struct trace_object *o = &m->objects[q->object];
  row(w);
  integer(w, "id", o->id);
  string_or_null(w, "name", o->name);
  string(w, "type", object_type_word(o->type));
  string_or_null(w, "made_at", o->made_at);
  integer(w, "items", q->items);
  integer(w, "most", q->most > 0 ? (uint64_t)q->most : 0);
  name(w, "capacity");
  if (w->rc == 0)
    w->rc = o->max > 0 ? buf_format(w->out, "%" PRIu64, trace_capacity(o))
                       : buf_append(w->out, "null", 4);
  end(w, "}");
}

static void put_queues(struct writer *w, const struct trace_model *m, const struct stats *s) {
  name(w, "queues");
  begin(w, "[");
  for (uint32_t i = 0; i < at_most(s->queue_count); i++)
    put_queue(w, m, &s->queues[i]);
  end(w, "]");
  integer(w, "queues_more", s->queue_count - at_most(s->queue_count));
}

static void put_process(struct writer *w, const struct trace_model *m,
                        const struct trace_process *p) {
  static const char *const states[TRACE_STATES] = {
      [TRACE_RUNNING] = "running", [TRACE_QUEUE] = "queue", [TRACE_LOCK] = "lock",
      [TRACE_SLEEP] = "sleep",     [TRACE_JOIN] = "join",   [TRACE_STOPPED] = "stopped",
      [TRACE_IDLE] = "prompt"};
  bool parent = p->parent != TRACE_NONE;
  row(w);
  integer(w, "id", p->id);
  string_or_null(w, "name", p->name);
  integer_or_null(w, "parent", parent ? m->processes[p->parent].id : 0, parent);
  string_or_null(w, "spawned_at", p->spawned_at);
  seconds(w, "begin", p->begin_ns, true);
  seconds(w, "end", p->end_ns, true);
  string(w, "how", trace_end_words[p->how]);
  bool left = p->how == TRACE_DONE || p->how == TRACE_FAILED;
  integer_or_null(w, "exit_code", p->exit_code, left);
  integer_or_null(w, "signal", p->signal, p->how == TRACE_KILLED);
  string_or_null(w, "failure", p->failure);
  if (p->host[0])
    string_or_null(w, "host", p->host);
  boolean(w, "worker", p->worker);
  for (int i = 0; i < TRACE_STATES; i++)
    seconds(w, states[i], p->spent_ns[i], true);
  integer(w, "items_out", p->items_out);
  integer(w, "items_in", p->items_in);
  end(w, "}");
}

int stats_json(const struct trace_model *m, struct buf *out) {
  struct writer w = {.out = out};
  struct stats s;
  int rc = stats_collect(m, LIST_MAX, &s);
  if (rc)
    return rc;
  begin(&w, "{");
  put_facts(&w, &m->facts, &s.sums);
  put_ends(&w, &s);
  w.line = true;
  put_waits(&w, m, &s);
  w.line = true;
  put_queues(&w, m, &s);
  w.line = true;
  name(&w, "processes");
  begin(&w, "[");
  for (uint32_t i = 0; i < m->process_count; i++)
    put_process(&w, m, &m->processes[i]);
  end(&w, "]");
  end(&w, "}\n");
  stats_release(&s);
  return w.rc;
}
