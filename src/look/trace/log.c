/* look/trace/log.c - see log.h. */
#include "look/trace/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/model_internal.h"
#include "object/queue.h"

/* -- writing --------------------------------------------------------------------------------- */

int trace_log_append(struct buf *to, enum log_kind kind, const void *a, size_t a_len, const void *b,
                     size_t b_len, const void *c, size_t c_len) {
  static const char padding[8];
  const struct log_chunk head = {.magic = LOG_MAGIC,
                                 .kind = (uint16_t)kind,
                                 .version = LOG_VERSION,
                                 .len = a_len + b_len + c_len};
  size_t total = (size_t)log_chunk_size(&head);
  if (buf_reserve(to, total))
    return -SBX_ENOMEM;
  buf_append(to, &head, sizeof head);
  buf_append(to, a, a_len);
  if (b_len)
    buf_append(to, b, b_len);
  if (c_len)
    buf_append(to, c, c_len);
  return buf_append(to, padding, total - sizeof head - (size_t)head.len);
}

/* -- reading --------------------------------------------------------------------------------- */

/* What was done to a queue, as far as it is left out. */
struct left_out {
  uint64_t first_put, first_get; /* the numbers of the first items in the log; 0: not known */
  uint64_t puts, gets;
};

struct reading {
  struct trace_model *m;
  const struct log_view *view;
  struct left_out *left_out; /* owned; by ids of objects */
  uint32_t left_out_cap;
  int64_t oldest_ns; /* of all events, also of those that are left out */
  struct trace_facts facts;
  struct log_begin begin;
  uint32_t *texts; /* owned: numbers of texts in the log -> of the model's strings */
  uint32_t text_cap;
  bool begun, ended;
  int64_t far_error_ns; /* of the clocks of other hosts; -1: there are none */
};

/* A text at `at` that ends within `len` bytes, or NULL. */
static const char *text_at(const uint8_t *data, size_t len, size_t at) {
  return at < len && memchr(data + at, 0, len - at) ? (const char *)data + at : NULL;
}

/* Machine time as the run's: nanoseconds. */
static int64_t scale(const struct reading *r, double ns) {
  const double most = (double)(INT64_C(1) << 61); /* differences of times can be formed */
  double run_ns = ns * r->begin.speed;
  if (run_ns > most || run_ns < -most)
    return run_ns < 0 ? -(INT64_C(1) << 61) : INT64_C(1) << 61;
  return (int64_t)(run_ns < 0 ? run_ns - 0.5 : run_ns + 0.5);
}

static int64_t run_time(const struct reading *r, int64_t t_ns) {
  int64_t since;
  if (__builtin_sub_overflow(t_ns, r->begin.start_ns, &since))
    return scale(r, (double)t_ns - (double)r->begin.start_ns);
  return scale(r, (double)since);
}

static uint32_t string_of(const struct reading *r, uint32_t text) {
  return text < r->text_cap ? r->texts[text] : 0;
}

static int read_begin(struct reading *r, const uint8_t *data, size_t len) {
  if (len < sizeof r->begin)
    return -SBX_EDATA;
  memcpy(&r->begin, data, sizeof r->begin);
  const char *command = text_at(data, len, sizeof r->begin);
  const char *version = command ? text_at(data, len, sizeof r->begin + strlen(command) + 1) : NULL;
  if (!version || !(r->begin.speed > 0) || !isfinite(r->begin.speed))
    return -SBX_EDATA;
  r->begun = true;
  r->facts.command = command;
  r->facts.version = version;
  r->facts.speed = r->begin.speed;
  r->facts.seed = r->begin.seed;
  r->facts.wall_ns = r->begin.wall_ns;
  r->facts.detail = r->begin.detail <= TRACE_DETAIL_ALL ? (enum trace_detail)r->begin.detail
                                                        : TRACE_DETAIL_MERGED;
  return 0;
}

static int read_text(struct reading *r, const uint8_t *data, size_t len) {
  uint32_t number;
  const char *text = text_at(data, len, sizeof number);
  if (!text)
    return -SBX_EDATA;
  memcpy(&number, data, sizeof number);
  if (number >= TRACE_IDS_MAX)
    return -SBX_EDATA;
  uint32_t *string = trace_by_id(&r->texts, &r->text_cap, number, sizeof *string);
  return string ? trace_add_string(r->m, text, string) : -SBX_ENOMEM;
}

static int add_begin(struct reading *r, const struct trace_record *k) {
  const struct trace_process p = {.id = k->object,
                                  .parent = (uint32_t)k->n,
                                  .name = r->m->strings[string_of(r, k->where)],
                                  .spawned_at = r->m->strings[string_of(r, (uint32_t)(k->n >> 32))],
                                  .failure = "",
                                  .begin_ns = run_time(r, k->t_ns),
                                  .end_ns = -1,
                                  .worker = (k->flags & TRACE_WORKER) != 0};
  return trace_add_process(r->m, &p);
}

/* The process's row, which came before, most often the last one. */
static struct trace_process *find_process(struct trace_model *m, uint32_t id) {
  for (uint32_t i = m->process_count; i-- > 0;)
    if (m->processes[i].id == id)
      return &m->processes[i];
  return NULL;
}

static int note_end(struct reading *r, const struct trace_record *k) {
  struct trace_process *p = find_process(r->m, k->object);
  if (!p) { /* its begin was lost: that is as early as what else is known of it */
    const struct trace_process row = {
        .id = k->object, .name = "", .spawned_at = "", .failure = "", .begin_ns = INT64_MAX};
    if (trace_add_process(r->m, &row))
      return -SBX_ENOMEM;
    p = &r->m->processes[r->m->process_count - 1];
  }
  p->end_ns = run_time(r, k->t_ns);
  p->exit_code = (int)(uint32_t)k->n;
  p->signal = (int)(uint32_t)(k->n >> 32);
  p->how = k->flags & TRACE_LEFT ? TRACE_LEFT_BEHIND
           : p->signal           ? TRACE_KILLED
           : p->exit_code        ? TRACE_FAILED
                                 : TRACE_DONE;
  return 0;
}

static int add_object(struct reading *r, const struct trace_record *k, enum object_type type) {
  const struct trace_object o = {.id = k->object,
                                 .type = type,
                                 .name = r->m->strings[string_of(r, k->where)],
                                 .made_at = r->m->strings[string_of(r, k->duration)],
                                 .max = type == OBJECT_QUEUE ? queue_places(k->n) : 0,
                                 .meets = type == OBJECT_QUEUE && queue_meets(k->n),
                                 .peer = type == OBJECT_PIPE ? (uint32_t)k->n : 0};
  return trace_add_object(r->m, &o);
}

/* -- what is left out ------------------------------------------------------------------------ */

static uint64_t smaller(uint64_t n, uint64_t other) { return n && n < other ? n : other; }

static void count(struct reading *r, const struct trace_event *e, bool left_out) {
  int change = e->n ? trace_event_change(e) : 0;
  if (!change || op_describe(e->kind)->type != OBJECT_QUEUE)
    return;
  struct left_out *of = trace_by_id(&r->left_out, &r->left_out_cap, e->object, sizeof *of);
  if (!of)
    return;
  uint64_t *first = change > 0 ? &of->first_put : &of->first_get;
  *first = smaller(*first, e->n);
  *(change > 0 ? &of->puts : &of->gets) += left_out ? e->count : 0;
}

/* Is it over, and of no use for what comes later? */
static bool leave_out(struct reading *r, const struct trace_event *e) {
  int64_t end = e->t_ns + e->duration_ns;
  r->oldest_ns = e->t_ns < r->oldest_ns ? e->t_ns : r->oldest_ns;
  bool ret =
      end < r->view->from_ns && e->kind != OP_PROCESS_SIGNAL && !(e->flags & TRACE_UNFINISHED);
  if (r->view->from_ns > 0)
    count(r, e, ret);
  return ret;
}

/* What was put before the first item that the log tells of was put, and what is left out. */
static void set_before(const struct reading *r) {
  for (uint32_t i = 0; i < r->m->object_count; i++) {
    struct trace_object *o = &r->m->objects[i];
    if (o->type != OBJECT_QUEUE || o->id >= r->left_out_cap)
      continue;
    const struct left_out *of = &r->left_out[o->id];
    o->puts = of->first_put ? of->first_put - 1 + of->puts : 0;
    o->gets = of->first_get ? of->first_get - 1 + of->gets : 0;
  }
}

/* -- records --------------------------------------------------------------------------------- */

static int add_mark(struct reading *r, uint32_t process, const struct trace_record *k) {
  struct trace_mark mark = {.t_ns = run_time(r, k->t_ns),
                            .process = process,
                            .name = string_of(r, k->where),
                            .counter = (k->flags & TRACE_VALUE) != 0};
  if (mark.counter)
    memcpy(&mark.value, &k->n, sizeof mark.value);
  return mark.t_ns < r->view->from_ns ? 0 : trace_add_mark(r->m, &mark);
}

static int add_event(struct reading *r, uint32_t process, const struct trace_record *k) {
  struct trace_event e = {.t_ns = run_time(r, k->t_ns),
                          .duration_ns = scale(r, (double)trace_record_duration(k)),
                          .kind = k->kind,
                          .flags = k->flags & TRACE_FLAG_MASK & ~TRACE_VALUE,
                          .process = process,
                          .object = k->object,
                          .count = 1,
                          .n = k->n};
  if (e.flags & TRACE_SEVERAL) {
    e.count = k->where ? k->where : 1;
    if (e.count == 1)
      e.flags &= (uint16_t) ~(TRACE_SEVERAL | TRACE_GAPS);
  } else {
    e.where = string_of(r, k->where);
  }
  return leave_out(r, &e) ? 0 : trace_add_event(r->m, &e);
}

static int add_idle(struct reading *r, uint32_t process, const struct trace_record *k) {
  const struct trace_event e = {.t_ns = run_time(r, k->t_ns),
                                .duration_ns = scale(r, (double)trace_record_duration(k)),
                                .kind = OP_NONE,
                                .flags = TRACE_WAITED,
                                .process = process,
                                .count = 1};
  return leave_out(r, &e) ? 0 : trace_add_event(r->m, &e);
}

/* The number of an object in the model. In a run with an engine, those that are not there have numbers of their own. */
static uint32_t object_number(struct reading *r, enum op_kind kind, uint32_t number) {
  if (number & TRACE_OUTSIDE)
    return number & ~TRACE_OUTSIDE;
  return number && r->begin.engine && !trace_names_process(kind) ? number | TRACE_HERE : number;
}

static int add_record(struct reading *r, uint32_t process, struct trace_record *k) {
  if (k->kind == TRACE_RECORD_BEGIN)
    return add_begin(r, k);
  if (k->kind == TRACE_RECORD_END)
    return note_end(r, k);
  if (k->kind == TRACE_RECORD_IDLE)
    return add_idle(r, process, k);
  if (k->kind == OP_NONE || k->kind >= OP_COUNT)
    return 0; /* of a later version */
  k->object = object_number(r, k->kind, k->object);
  if (k->kind == OP_PIPE_NEW)
    k->n = object_number(r, k->kind, (uint32_t)k->n);
  const struct op_description *about = op_describe(k->kind);
  if (k->kind == OP_MARK)
    return add_mark(r, process, k);
  if (trace_record_is_new(k) && about->type > OBJECT_PROCESS)
    return k->object ? add_object(r, k, about->type) : 0;
  return add_event(r, process, k);
}

static int read_records(struct reading *r, const uint8_t *data, size_t len) {
  struct log_records head;
  if (len < sizeof head)
    return -SBX_EDATA;
  memcpy(&head, data, sizeof head);
  if (head.count != (len - sizeof head) / sizeof(struct trace_record))
    return -SBX_EDATA;
  bool late = true; /* what was lost would not have been left out */
  for (uint32_t i = 0; i < head.count; i++) {
    struct trace_record k;
    memcpy(&k, data + sizeof head + i * sizeof k, sizeof k);
    if (i == 0)
      late = run_time(r, k.t_ns) >= r->view->from_ns;
    int rc = add_record(r, head.process, &k);
    if (rc)
      return rc;
  }
  r->facts.lost += late ? head.lost : 0;
  return 0;
}

/* FAILURE, HOST: a text about a process. */
static int read_about(struct reading *r, enum log_kind kind, const uint8_t *data, size_t len) {
  uint32_t id, string;
  const char *text = text_at(data, len, sizeof id);
  if (!text)
    return -SBX_EDATA;
  memcpy(&id, data, sizeof id);
  struct trace_process *p = find_process(r->m, id);
  if (!p)
    return 0;
  int rc = trace_add_string(r->m, text, &string);
  if (rc == 0)
    *(kind == LOG_HOST ? &p->host : &p->failure) = r->m->strings[string];
  return rc;
}

static int read_edge(struct reading *r, const uint8_t *data, size_t len) {
  struct log_edge edge;
  uint32_t where = 0;
  const char *text = text_at(data, len, sizeof edge);
  if (!text)
    return -SBX_EDATA;
  memcpy(&edge, data, sizeof edge);
  int rc = trace_add_string(r->m, text, &where);
  const struct trace_edge e = {.process = edge.process,
                               .object = edge.object,
                               .kind = edge.kind < OP_COUNT ? edge.kind : 0,
                               .holder = edge.holder,
                               .where = where,
                               .stuck = edge.stuck != 0};
  return rc ? rc : trace_add_edge(r->m, &e);
}

static int read_end(struct reading *r, const uint8_t *data, size_t len) {
  struct log_end end;
  if (len < sizeof end)
    return -SBX_EDATA;
  memcpy(&end, data, sizeof end);
  r->facts.end_ns = run_time(r, end.end_ns);
  r->facts.cpu_ns = end.cpu_ns;
  r->facts.exit_status = end.exit_status;
  r->facts.lost += end.untraced; /* how much each did is not known; so it is one, at least */
  r->facts.cut |= end.cut != 0;
  r->facts.nameless = end.nameless;
  return 0;
}

static int read_far(struct reading *r, const uint8_t *data, size_t len) {
  struct log_far far;
  if (len < sizeof far)
    return -SBX_EDATA;
  memcpy(&far, data, sizeof far);
  bool over = r->facts.exit_status >= 0; /* else the rest may still come */
  r->facts.lost += far.lost + (over && far.cut);
  r->facts.nameless += far.nameless;
  r->facts.cpu_ns = r->facts.cpu_ns < 0 || far.cpu_ns < 0 ? -1 : r->facts.cpu_ns + far.cpu_ns;
  r->far_error_ns = far.error_ns > r->far_error_ns ? far.error_ns : r->far_error_ns;
  return 0;
}

static int read_chunk(struct reading *r, enum log_kind kind, const uint8_t *data, size_t len) {
  switch (kind) {
  case LOG_BEGIN:
    return read_begin(r, data, len);
  case LOG_TEXT:
    return read_text(r, data, len);
  case LOG_RECORDS:
    return read_records(r, data, len);
  case LOG_FAILURE:
  case LOG_HOST:
    return read_about(r, kind, data, len);
  case LOG_DEADLOCK:
    r->facts.deadlock = text_at(data, len, 0) ? (const char *)data : "";
    return 0;
  case LOG_EDGE:
    return read_edge(r, data, len);
  case LOG_END:
    return read_end(r, data, len);
  case LOG_SKIP:
    r->facts.cut |= len > 0;
    return 0;
  case LOG_FORGET:
    r->facts.deadlock = "";
    r->m->edge_count = 0;
    return 0;
  case LOG_FAR:
    return read_far(r, data, len);
  }
  return 0;
}

bool trace_log_next(const void *bytes, size_t len, size_t *at, struct log_chunk *ret,
                    const uint8_t **ret_data) {
  const uint8_t *log = bytes;
  if (len - *at < sizeof *ret)
    return false;
  memcpy(ret, log + *at, sizeof *ret);
  size_t left = len - *at - sizeof *ret;
  if (ret->magic != LOG_MAGIC || ret->len > left)
    return false;
  *ret_data = log + *at + sizeof *ret;
  uint64_t size = log_chunk_size(ret);
  *at = size > len - *at ? len : *at + (size_t)size;
  return true;
}

static int check_first(const uint8_t *log, size_t len, const char **ret_reason) {
  struct log_chunk first;
  const uint8_t *data;
  size_t at = 0;
  if (!trace_log_next(log, len, &at, &first, &data) || first.kind != LOG_BEGIN) {
    *ret_reason = len ? "it is not a trace of sandbox" : "it is empty";
    return -SBX_EDATA;
  }
  if (first.version != LOG_VERSION) {
    *ret_reason = "another version of sandbox has written it";
    return -SBX_EDATA;
  }
  return 0;
}

static int read_chunks(struct reading *r, const uint8_t *log, size_t len) {
  struct log_chunk chunk;
  const uint8_t *data;
  size_t at = 0;
  int rc = 0;
  while (rc == 0 && trace_log_next(log, len, &at, &chunk, &data))
    rc = read_chunk(r, chunk.kind, data, (size_t)chunk.len);
  return rc;
}

int trace_log_read_part(const void *log, size_t len, const struct log_view *view,
                        struct trace_model *ret, const char **ret_reason) {
  struct reading r = {.m = ret, .view = view, .oldest_ns = INT64_MAX, .far_error_ns = -1};
  char clock[64];
  *ret = (struct trace_model){0};
  int rc = check_first(log, len, ret_reason);
  if (rc == 0)
    rc = trace_model_new(ret);
  if (rc)
    return rc;
  r.facts = ret->facts;
  r.facts.clock = "monotonic";
  rc = read_chunks(&r, log, len);
  if (rc == 0 && view->more_len > 0)
    rc = read_chunks(&r, view->more, view->more_len);
  if (rc == -SBX_EDATA)
    *ret_reason = "it is damaged";
  r.facts.cut &= view->from_ns < r.oldest_ns; /* else it is not missed */
  set_before(&r);
  if (r.far_error_ns >= 0) {
    snprintf(clock, sizeof clock, "monotonic, hosts to %.2f ms", (double)r.far_error_ns / 1e6);
    r.facts.clock = clock;
  }
  if (rc == 0)
    rc = trace_set_facts(ret, &r.facts);
  if (rc == 0)
    rc = trace_model_finish(ret);
  free(r.texts);
  free(r.left_out);
  if (rc)
    trace_model_release(ret);
  return rc;
}

int trace_log_read(const void *log, size_t len, struct trace_model *ret, const char **ret_reason) {
  return trace_log_read_part(log, len, &(struct log_view){0}, ret, ret_reason);
}
