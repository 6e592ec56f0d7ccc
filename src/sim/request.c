/* sim/request.c - see request.h. */
#include "sim/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "object/quiet.h"

/* -- words -------------------------------------------------------------------------------------- */

/* The fixed part of a request. Every byte of it is written, so equal requests are equal bytes. */
struct fixed {
  uint64_t kind, number, count, flags;
  int64_t deadline_ns;
  struct object_ref object, ref, lock;
  uint64_t value[2], expected[2]; /* kind, bits */
  uint64_t hash, max, order;
  int64_t transport, exit_code, line;
  uint64_t sync_count, sync_max, sync_type;
  uint64_t sub_count;
};

enum fixed_flag {
  HAS_VALUE = 1,
  IS_NONE = 2,
  WANTS_OUT = 4,
  IS_DAEMON = 8,
  IS_QUIET = 16,
  STDIN_TOO = 32,
  IS_RECURSIVE = 64,
  HAS_RESULT = 128,
  HAS_REPORT = 256,
  HAS_ACTION = 512,
  OF_FLOATS = 1024,
  IS_REDELIVERING = 2048,
  IS_LATE = 4096
};

/* The parts of changing length, in this order: each its length, then its bytes. */
enum part {
  PART_DATA,
  PART_REFS,
  PART_EXPECTED,
  PART_KEY,
  PART_NAME,
  PART_WHERE,
  PART_REPORT,
  PART_SOURCE,
  PARTS
};

struct parts {
  struct {
    const void *at, *more;
    size_t len, more_len;
  } of[PARTS];
};

static void put_number(uint64_t to[2], const struct number *n) {
  to[0] = (uint64_t)n->kind;
  memcpy(&to[1], n->kind == NUMBER_FLOAT ? (const void *)&n->f : (const void *)&n->i, 8);
  if (n->kind == NUMBER_NONE)
    to[1] = 0;
}

static struct number get_number(const uint64_t from[2]) {
  struct number n = {.kind = NUMBER_NONE};
  if (from[0] == NUMBER_INTEGER)
    n.kind = NUMBER_INTEGER;
  else if (from[0] == NUMBER_FLOAT)
    n.kind = NUMBER_FLOAT;
  memcpy(n.kind == NUMBER_FLOAT ? (void *)&n.f : (void *)&n.i, &from[1], 8);
  return n;
}

/* -- writing ------------------------------------------------------------------------------------ */

static void set_part(struct parts *p, enum part part, const void *at, size_t len) {
  p->of[part].at = at;
  p->of[part].len = at ? len : 0;
}

static void set_text(struct parts *p, enum part part, const char *text) {
  set_part(p, part, text, text ? strlen(text) + 1 : 0);
}

static void set_object(struct fixed *f, const struct op *op, object_ref_fn *ref_of) {
  if (op->object && op->kind != OP_PROCESS_SPAWN)
    ref_of(op->object, &f->object);
}

static void set_value(struct fixed *f, struct parts *p, const struct op *op) {
  const struct value_args *v = op->value;
  if (!v)
    return;
  f->flags |= HAS_VALUE | (v->none ? (uint64_t)IS_NONE : 0);
  put_number(f->value, &v->number);
  put_number(f->expected, &v->expected);
  f->hash = v->hash;
  set_part(p, PART_EXPECTED, v->expected_data, v->expected_len);
  set_part(p, PART_KEY, v->key, v->key_len);
  set_part(p, PART_REFS, v->refs, v->ref_count * sizeof *v->refs);
}

static void set_spawn(struct fixed *f, struct parts *p, const struct spawn_request *s) {
  f->flags |= (s->daemon ? (uint64_t)IS_DAEMON : 0) | (s->quiet ? (uint64_t)IS_QUIET : 0) |
              (s->stdin_too ? (uint64_t)STDIN_TOO : 0);
  set_text(p, PART_NAME, s->name);
  set_text(p, PART_WHERE, s->where);
}

static void set_end(struct fixed *f, struct parts *p, const struct end_request *e) {
  f->exit_code = e->exit_code;
  if (e->result) {
    f->flags |= HAS_RESULT;
    set_part(p, PART_DATA, e->result->data, e->result->len);
  }
  if (e->refs)
    set_part(p, PART_REFS, e->refs->sent, e->refs->count * sizeof *e->refs->sent);
  if (e->report) {
    f->flags |= HAS_REPORT;
    set_part(p, PART_REPORT, e->report->data, e->report->len);
  }
}

static void set_sync(struct fixed *f, struct parts *p, const struct sync_options *o,
                     object_ref_fn *ref_of) {
  f->flags |= (o->recursive ? (uint64_t)IS_RECURSIVE : 0) | (o->action ? (uint64_t)HAS_ACTION : 0) |
              (o->floats ? (uint64_t)OF_FLOATS : 0);
  f->sync_type = o->type;
  f->sync_count = o->count;
  f->sync_max = o->max;
  set_text(p, PART_NAME, o->name);
  if (o->lock)
    ref_of(o->lock, &f->lock);
}

/* What the union of an op holds, by its kind. */
static void set_union(struct fixed *f, struct parts *p, const struct op *op,
                      object_ref_fn *ref_of) {
  switch (op->kind) {
  case OP_PROCESS_SPAWN:
    set_spawn(f, p, op->spawn);
    break;
  case OP_PROCESS_END:
    set_end(f, p, op->end);
    break;
  case OP_FAILURE_NEW:
    f->flags |= HAS_REPORT;
    f->order = op->failure->order;
    set_part(p, PART_REPORT, op->failure->report->data, op->failure->report->len);
    break;
  case OP_HANDLE_IMPORT:
  case OP_HANDLE_LAND:
  case OP_FAILURE_COUNT:
  case OP_FAILURE_JOIN:
  case OP_FAILURE_LOOK:
    f->ref = *op->ref;
    break;
  case OP_QUEUE_NEW:
    f->max = op->new_queue->max;
    f->transport = op->new_queue->transport;
    f->flags |= op->new_queue->redeliver ? (uint64_t)IS_REDELIVERING : 0;
    set_text(p, PART_NAME, op->new_queue->name);
    break;
  case OP_PIPE_NEW:
    set_text(p, PART_NAME, op->new_pipe->name);
    break;
  case OP_MARK:
    set_text(p, PART_NAME, op->mark->name);
    put_number(f->value, &op->mark->value);
    break;
  default:
    if (op_makes_sync(op->kind))
      set_sync(f, p, op->new_sync, ref_of);
  }
}

bool op_makes_sync(enum op_kind kind) {
  switch (kind) {
  case OP_LOCK_NEW:
  case OP_SEMAPHORE_NEW:
  case OP_EVENT_NEW:
  case OP_CONDITION_NEW:
  case OP_BARRIER_NEW:
  case OP_VALUE_NEW:
  case OP_DICT_NEW:
  case OP_PROGRESS_NEW:
  case OP_RWLOCK_NEW:
  case OP_LATCH_NEW:
  case OP_ARRAY_NEW:
    return true;
  default:
    return false;
  }
}

static int put_parts(const struct parts *p, struct buf *out) {
  int rc = 0;
  for (int i = 0; i < PARTS && rc == 0; i++) {
    uint64_t len = p->of[i].len + p->of[i].more_len;
    rc = buf_append(out, &len, sizeof len);
    if (rc == 0 && p->of[i].len)
      rc = buf_append(out, p->of[i].at, p->of[i].len);
    if (rc == 0 && p->of[i].more_len)
      rc = buf_append(out, p->of[i].more, p->of[i].more_len);
  }
  return rc;
}

int request_write(const struct op *op, object_ref_fn *ref_of, struct buf *out) {
  struct fixed f;
  struct parts p = {0};
  memset(&f, 0, sizeof f);
  f.kind = op->kind;
  f.number = (uint64_t)(int64_t)op->number;
  f.count = op->count;
  f.deadline_ns = op_describe(op->kind)->blocks ? op->deadline_ns : 0;
  f.flags = (op->out ? (uint64_t)WANTS_OUT : 0) | (op->late ? (uint64_t)IS_LATE : 0);
  f.sub_count = op->kind == OP_SELECT ? op->sub_count : 0;
  set_part(&p, PART_DATA, op->data, op->len);
  p.of[PART_DATA].more = op->more;
  p.of[PART_DATA].more_len = op->more ? op->more_len : 0;
  if (op->refs && op->refs->count)
    set_part(&p, PART_REFS, op->refs->sent, op->refs->count * sizeof *op->refs->sent);
  if (op->place) {
    f.line = op->place->line;
    set_text(&p, PART_SOURCE, op->place->source);
  }
  set_object(&f, op, ref_of);
  set_value(&f, &p, op);
  set_union(&f, &p, op, ref_of);
  int rc = buf_append(out, &f, sizeof f);
  if (rc == 0)
    rc = put_parts(&p, out);
  for (uint32_t i = 0; i < f.sub_count && rc == 0; i++)
    rc = request_write(&op->subs[i], ref_of, out);
  return rc;
}

/* -- opening ------------------------------------------------------------------------------------ */

struct reader {
  const uint8_t *at, *end;
};

static bool take(struct reader *r, void *to, size_t len) {
  if ((size_t)(r->end - r->at) < len)
    return false;
  memcpy(to, r->at, len);
  r->at += len;
  return true;
}

static bool take_part(struct reader *r, const uint8_t **ret, size_t *ret_len) {
  uint64_t len;
  if (!take(r, &len, sizeof len) || (uint64_t)(r->end - r->at) < len)
    return false;
  *ret = len ? r->at : NULL;
  *ret_len = (size_t)len;
  r->at += len;
  return true;
}

static void unfix(const struct fixed *f, struct request *r) {
  *r = (struct request){
      .kind = (enum op_kind)f->kind,
      .object = f->object,
      .deadline_ns = f->deadline_ns,
      .number = (int)(int64_t)f->number,
      .count = f->count,
      .wants_out = f->flags & WANTS_OUT,
      .late = f->flags & IS_LATE,
      .has_value = f->flags & HAS_VALUE,
      .none = f->flags & IS_NONE,
      .value = get_number(f->value),
      .expected = get_number(f->expected),
      .hash = f->hash,
      .daemon = f->flags & IS_DAEMON,
      .quiet = f->flags & IS_QUIET,
      .stdin_too = f->flags & STDIN_TOO,
      .sync = {.type = (enum object_type)f->sync_type,
               .recursive = f->flags & IS_RECURSIVE,
               .action = f->flags & HAS_ACTION,
               .floats = f->flags & OF_FLOATS,
               .count = f->sync_count,
               .max = f->sync_max},
      .lock = f->lock,
      .max = f->max,
      .transport = (int)f->transport,
      .redeliver = f->flags & IS_REDELIVERING,
      .ref = f->ref,
      .has_result = f->flags & HAS_RESULT,
      .exit_code = (int)f->exit_code,
      .order = f->order,
      .line = (int)f->line,
      .sub_count = (uint32_t)f->sub_count,
  };
}

static int open_one(struct reader *from, struct request *r) {
  struct fixed f;
  const uint8_t *at[PARTS];
  size_t len[PARTS];
  if (!take(from, &f, sizeof f))
    return -SBX_EDATA;
  unfix(&f, r);
  for (int i = 0; i < PARTS; i++)
    if (!take_part(from, &at[i], &len[i]))
      return -SBX_EDATA;
  r->data = at[PART_DATA];
  r->len = len[PART_DATA];
  r->refs = (const void *)at[PART_REFS];
  r->ref_count = (uint32_t)(len[PART_REFS] / sizeof *r->refs);
  r->expected_data = at[PART_EXPECTED];
  r->expected_len = len[PART_EXPECTED];
  r->key = at[PART_KEY];
  r->key_len = (uint32_t)len[PART_KEY];
  r->name = (const char *)at[PART_NAME];
  r->where = (const char *)at[PART_WHERE];
  r->report =
      f.flags & HAS_REPORT ? (at[PART_REPORT] ? at[PART_REPORT] : (const uint8_t *)"") : NULL;
  r->report_len = len[PART_REPORT];
  r->source = (const char *)at[PART_SOURCE];
  return 0;
}

int request_open(const uint8_t *message, size_t len, struct request *ret) {
  struct reader from = {message, message + len};
  int rc = open_one(&from, ret);
  if (rc || ret->sub_count == 0)
    return rc;
  if (ret->sub_count > len / sizeof(struct fixed))
    return -SBX_EDATA;
  ret->subs = ret->owned = calloc(ret->sub_count, sizeof *ret->subs);
  if (!ret->owned)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < ret->sub_count && rc == 0; i++) {
    rc = open_one(&from, &ret->subs[i]);
    ret->late |= ret->subs[i].late;
  }
  if (rc)
    request_close(ret);
  return rc;
}

void request_close(struct request *r) {
  free(r->owned);
  r->owned = r->subs = NULL;
}

bool request_joins_only(const struct request *r) {
  for (uint32_t i = 0; i < r->sub_count; i++)
    if (r->subs[i].kind != OP_PROCESS_JOIN)
      return false;
  return r->count == SELECT_ORDERED;
}

bool request_is_quiet(const struct request *r) {
  return op_is_quiet(r->kind, r->deadline_ns == SBX_FOREVER, request_joins_only(r));
}
