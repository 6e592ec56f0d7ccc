/* look/trace/merge.c - see merge.h. */
#include "look/trace/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/model_internal.h"
#include "look/trace/texts.h"

enum { FIRST_OBJECT = 1 << 17, MAIN = 1 };

/* Numbers by numbers, from 1; 0: none. */
struct numbers {
  uint32_t *list; /* owned */
  uint32_t count;
};

/* When processes ended, by their ids. */
struct ends {
  struct end {
    int64_t t_ns;
    bool known;
  } * list; /* owned */
  uint32_t count;
};

struct one_log {
  const struct far_log *of;
  struct numbers processes, objects, texts;
  bool done;
};

struct merging {
  struct buf *more;
  struct one_log *logs; /* owned */
  uint32_t count;
  struct ends ends;
  uint32_t last_process, last_object, last_text;
  int rc; /* -SBX_ENOMEM */
};

/* -- numbers ---------------------------------------------------------------------------------- */

/* As trace_by_id, which `m` remembers to have failed. */
static void *element(struct merging *m, void *array, uint32_t *cap, uint32_t id, size_t size) {
  void *at = m->rc ? NULL : trace_by_id(array, cap, id, size);
  if (!at && id < TRACE_IDS_MAX)
    m->rc = -SBX_ENOMEM;
  return at;
}

static uint32_t *number_at(struct merging *m, struct numbers *n, uint32_t at) {
  return element(m, &n->list, &n->count, at, sizeof *n->list);
}

/* The run's number for one of a log's own; drawn when it is met first. */
static uint32_t number_of(struct merging *m, struct numbers *n, uint32_t own, uint32_t *last) {
  uint32_t *at = own ? number_at(m, n, own) : NULL;
  if (at && *at == 0)
    *at = ++*last;
  return at ? *at : 0;
}

static void note_end(struct merging *m, uint32_t process, int64_t t_ns) {
  struct end *end = element(m, &m->ends.list, &m->ends.count, process, sizeof *end);
  if (end)
    *end = (struct end){.t_ns = t_ns, .known = true};
}

/* NULL: it is not known. */
static const struct end *end_of(const struct merging *m, uint32_t process) {
  bool known = process < m->ends.count && m->ends.list[process].known;
  return known ? &m->ends.list[process] : NULL;
}

/* -- chunks ------------------------------------------------------------------------------------ */

static void put(struct merging *m, enum log_kind kind, const void *a, size_t a_len, const void *b,
                size_t b_len) {
  if (m->rc == 0)
    m->rc = trace_log_append(m->more, kind, a, a_len, b, b_len, NULL, 0);
}

static void put_record(struct merging *m, uint32_t process, const struct trace_record *k) {
  const struct log_records head = {.process = process, .count = 1};
  put(m, LOG_RECORDS, &head, sizeof head, k, sizeof *k);
}

static void put_host(struct merging *m, const struct far_log *of, uint32_t process) {
  put(m, LOG_HOST, &process, sizeof process, of->host, strlen(of->host) + 1);
}

static uint32_t process_of(struct merging *m, struct one_log *log, uint32_t own) {
  return number_of(m, &log->processes, own, &m->last_process);
}

static uint32_t text_of(struct merging *m, struct one_log *log, uint32_t own) {
  return number_of(m, &log->texts, own, &m->last_text);
}

static uint32_t object_of(struct merging *m, struct one_log *log, uint32_t own) {
  return own & TRACE_OUTSIDE ? own : number_of(m, &log->objects, own, &m->last_object);
}

/* -- one log -------------------------------------------------------------------------------------- */

static void take_begin(struct merging *m, struct one_log *log, struct trace_record *k) {
  bool known = k->object == MAIN; /* it stands in its spawner's log */
  k->object = process_of(m, log, k->object);
  k->where = text_of(m, log, k->where);
  k->n =
      (uint64_t)text_of(m, log, (uint32_t)(k->n >> 32)) << 32 | process_of(m, log, (uint32_t)k->n);
  if (!known || log->of->serial == 0)
    put_record(m, k->object, k);
  put_host(m, log->of, k->object);
}

static void take_end(struct merging *m, struct one_log *log, struct trace_record *k) {
  bool known = k->object == MAIN;
  k->object = process_of(m, log, k->object);
  if (known)
    return;
  put_record(m, k->object, k);
  note_end(m, k->object, k->t_ns);
}

static void take_op(struct merging *m, struct one_log *log, uint32_t process,
                    struct trace_record *k) {
  enum op_kind kind = (enum op_kind)k->kind;
  bool new = trace_record_is_new(k);
  if (!(k->flags & TRACE_SEVERAL))
    k->where = text_of(m, log, k->where);
  if (new)
    k->duration = text_of(m, log, k->duration);
  if (kind == OP_PIPE_NEW)
    k->n = object_of(m, log, (uint32_t)k->n);
  k->object =
      trace_names_process(kind) ? process_of(m, log, k->object) : object_of(m, log, k->object);
  put_record(m, process, k);
}

static void take_record(struct merging *m, struct one_log *log, uint32_t process,
                        struct trace_record *k) {
  k->t_ns += log->of->shift_ns;
  if (k->kind == TRACE_RECORD_BEGIN)
    take_begin(m, log, k);
  else if (k->kind == TRACE_RECORD_END)
    take_end(m, log, k);
  else if (k->kind > OP_NONE && k->kind < OP_COUNT)
    take_op(m, log, process, k);
}

static void take_records(struct merging *m, struct one_log *log, const uint8_t *data, size_t len) {
  struct log_records head;
  if (len < sizeof head)
    return;
  memcpy(&head, data, sizeof head);
  uint32_t process = process_of(m, log, head.process);
  if (head.lost) {
    const struct log_records lost = {.process = process, .lost = head.lost};
    put(m, LOG_RECORDS, &lost, sizeof lost, NULL, 0);
  }
  for (size_t at = sizeof head; at + sizeof(struct trace_record) <= len;
       at += sizeof(struct trace_record)) {
    struct trace_record k;
    memcpy(&k, data + at, sizeof k);
    take_record(m, log, process, &k);
  }
}

/* A chunk of a number and a text. */
static void take_named(struct merging *m, struct one_log *log, enum log_kind kind,
                       const uint8_t *data, size_t len) {
  uint32_t own, number;
  if (len < sizeof own)
    return;
  memcpy(&own, data, sizeof own);
  if (kind == LOG_FAILURE && own == MAIN)
    return; /* told of what stands for it */
  number = kind == LOG_TEXT ? text_of(m, log, own) : process_of(m, log, own);
  put(m, kind, &number, sizeof number, data + sizeof own, len - sizeof own);
}

static void take_chunks(struct merging *m, struct one_log *log, struct log_far *far) {
  const struct far_log *of = log->of;
  struct log_chunk c;
  const uint8_t *data;
  size_t at = 0;
  while (m->rc == 0 && trace_log_next(of->chunks, of->len, &at, &c, &data)) {
    if (c.kind == LOG_RECORDS)
      take_records(m, log, data, (size_t)c.len);
    else if (c.kind == LOG_TEXT || c.kind == LOG_FAILURE)
      take_named(m, log, c.kind, data, (size_t)c.len);
    else if (c.kind == LOG_END && c.len >= sizeof(struct log_end)) {
      struct log_end end;
      memcpy(&end, data, sizeof end);
      far->cut = 0;
      far->cpu_ns = end.cpu_ns;
      far->lost += end.untraced;
      far->nameless += end.nameless;
    }
  }
}

/* The host was lost, or the log is cut off: its processes ended with the first of them. */
static void end_rest(struct merging *m, struct one_log *log) {
  enum { KILL = 9 }; /* SIGKILL */
  const struct end *first = end_of(m, process_of(m, log, MAIN));
  if (!first)
    return;
  int64_t end_ns = first->t_ns;
  for (uint32_t own = MAIN + 1; own < log->processes.count; own++) {
    uint32_t id = log->processes.list[own];
    if (id == 0 || end_of(m, id))
      continue;
    const struct trace_record end = {.t_ns = end_ns,
                                     .kind = TRACE_RECORD_END,
                                     .flags = TRACE_LEFT,
                                     .object = id,
                                     .n = (uint64_t)KILL << 32};
    put_record(m, id, &end);
    note_end(m, id, end_ns);
  }
}

static void take_log(struct merging *m, struct one_log *log, uint32_t stand_in) {
  struct log_far far = {
      .cpu_ns = -1, .error_ns = log->of->error_ns, .lost = log->of->lost, .cut = 1};
  uint32_t *first = number_at(m, &log->processes, MAIN);
  log->done = true;
  if (!first)
    return;
  *first = stand_in;
  if (stand_in)
    put_host(m, log->of, stand_in);
  take_chunks(m, log, &far);
  end_rest(m, log);
  put(m, LOG_FAR, &far, sizeof far, log->of->host, strlen(log->of->host) + 1);
}

/* -- all of them ----------------------------------------------------------------------------------- */

/* What is to be known of the run's own log. */
static void scan(struct merging *m, const void *log, size_t len) {
  struct log_chunk c;
  const uint8_t *data;
  size_t at = 0;
  while (trace_log_next(log, len, &at, &c, &data))
    for (size_t k = sizeof(struct log_records);
         c.kind == LOG_RECORDS && k + sizeof(struct trace_record) <= c.len;
         k += sizeof(struct trace_record)) {
      struct trace_record r;
      memcpy(&r, data + k, sizeof r);
      if (r.kind == TRACE_RECORD_END)
        note_end(m, r.object, r.t_ns);
      if ((r.kind == TRACE_RECORD_BEGIN || r.kind == TRACE_RECORD_END) &&
          r.object > m->last_process)
        m->last_process = r.object;
    }
}

static struct one_log *find(struct merging *m, const char *id) {
  for (uint32_t i = 0; i < m->count; i++)
    if (strcmp(m->logs[i].of->id, id) == 0)
      return &m->logs[i];
  return NULL;
}

/* Is its stand-in known by now? Then its number, 0 if its parent's log has not come. */
static bool stand_in_of(struct merging *m, const struct far_log *of, uint32_t *ret) {
  struct one_log *parent = of->parent[0] ? find(m, of->parent) : NULL;
  *ret = 0;
  if (!of->parent[0])
    *ret = of->serial;
  else if (parent && parent->done)
    *ret = process_of(m, parent, of->serial);
  return !parent || parent->done;
}

int trace_log_merge(const void *log, size_t len, const struct far_log *logs, uint32_t count,
                    struct buf *more) {
  struct merging m = {.more = more,
                      .count = count,
                      .last_process = MAIN,
                      .last_object = FIRST_OBJECT,
                      .last_text = TEXT_CELLS};
  if (count == 0)
    return 0;
  m.logs = calloc(count, sizeof *m.logs);
  if (!m.logs)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < count; i++)
    m.logs[i].of = &logs[i];
  scan(&m, log, len);
  for (bool any = true; any && m.rc == 0;) {
    any = false;
    for (uint32_t i = 0; i < count; i++) {
      uint32_t stand_in;
      if (m.logs[i].done || !stand_in_of(&m, m.logs[i].of, &stand_in))
        continue;
      take_log(&m, &m.logs[i], stand_in);
      any = true;
    }
  }
  for (uint32_t i = 0; i < count; i++) {
    free(m.logs[i].processes.list);
    free(m.logs[i].objects.list);
    free(m.logs[i].texts.list);
  }
  free(m.logs);
  free(m.ends.list);
  return m.rc;
}
