/* os/shared/trace.c - see trace.h. */
#include "os/shared/trace.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/error.h"
#include "base/fault.h"
#include "os/shared/broker.h"
#include "os/shared/self.h"

/* -- the area -------------------------------------------------------------------------------- */

/* From which detail on an op is recorded that did not wait; one that waited always is. */
enum level {
  LEVEL_ALWAYS = TRACE_DETAIL_WAIT,
  LEVEL_MERGED = TRACE_DETAIL_MERGED,
  LEVEL_ALL = TRACE_DETAIL_ALL,
  LEVEL_NEVER
};

static enum level level_of(enum op_kind kind) {
  const struct op_description *about = op_describe(kind);
  switch (kind) {
  case OP_PROCESS_SPAWN:
  case OP_PROCESS_SIGNAL:
  case OP_MARK:
    return LEVEL_ALWAYS;
  case OP_PROCESS_AWAIT:
    return LEVEL_ALL;
  case OP_PROCESS_END:  /* its reaper tells more */
  case OP_PROCESS_MAIL: /* its object is a queue; see trace_made */
  case OP_HANDLE_EXPORT:
  case OP_HANDLE_FETCH:
  case OP_HANDLE_IMPORT:
  case OP_HANDLE_LAND:
  case OP_HANDLE_RELEASE:
  case OP_FAILURE_NEW:
  case OP_FAILURE_COUNT:
  case OP_FAILURE_JOIN:
  case OP_FAILURE_LOOK:
    return LEVEL_NEVER;
  default:
    if (strcmp(about->verb, "new") == 0)
      return LEVEL_ALWAYS;
    return about->writes & ON_OBJECT || about->blocks ? LEVEL_MERGED : LEVEL_ALL;
  }
}

int trace_area_create(enum trace_detail detail, uint32_t max_procs, struct trace_area **ret) {
  /* Twice as many as can live: those of the dead are drained a little later. */
  uint32_t rings = max_procs < TRACE_RINGS_MOST / 2 ? 2 * max_procs : TRACE_RINGS_MOST;
  if (rings < TRACE_RINGS_LEAST)
    rings = TRACE_RINGS_LEAST;
  size_t size = sizeof(struct trace_area) + rings * sizeof(struct trace_ring);
  struct trace_area *a = FAULT("trace.map")
                             ? MAP_FAILED
                             : mmap(NULL, size, PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (a == MAP_FAILED)
    return -SBX_ENOMEM;
  a->ring_count = rings;
  a->detail = detail;
  for (int kind = 0; kind < OP_COUNT; kind++)
    a->level[kind] = (unsigned char)level_of((enum op_kind)kind);
  *ret = a;
  return 0;
}

void trace_unclaim(struct trace_area *a, struct trace_ring *ring) {
  if (ring)
    atomic_store(&a->owners[ring - a->rings], 0);
}

/* -- the process ----------------------------------------------------------------------------- */

static uint32_t text(struct trace_area *a, const char *s) {
  return s ? trace_text_number(&a->texts, s) : 0;
}

void trace_begin(struct os_backend *b, struct trace_ring *ring) {
  const struct process_record *me = my_record(b);
  trace_writer_begin(&b->writer, ring);
  if (!ring)
    return;
  struct trace_area *a = b->trace;
  uint64_t above = me->depth || b->serial != 1 ? me->spawner_serial : 0;
  trace_write(&b->writer, &(struct trace_record){.t_ns = clock_now_ns(),
                                                 .kind = TRACE_RECORD_BEGIN,
                                                 .flags = trace_begin_flags(me),
                                                 .object = (uint32_t)b->serial,
                                                 .where = text(a, me->name),
                                                 .n = (uint64_t)text(a, me->spawned_at) << 32 |
                                                      (uint32_t)above});
}

/* What is recorded of an op; for a select, of the one that it did. */
static void describe(const struct op *op, int rc, struct trace_record *r) {
  bool chosen = op->kind == OP_SELECT && op->number >= 0 && (uint32_t)op->number < op->sub_count;
  if (chosen)
    op = &op->subs[op->number];
  *r = (struct trace_record){
      .kind = op->kind == OP_QUEUE_TAKE ? OP_QUEUE_GET : (uint16_t)op->kind,
      .flags = (uint16_t)((chosen ? TRACE_SELECT : 0) | (rc == 0                ? 0
                                                         : rc == -SBX_ETIMEDOUT ? TRACE_TIMEOUT
                                                                                : TRACE_REFUSED)),
      .object = op->object ? (uint32_t)op->object->serial : 0,
      .n = rc == 0 ? op->item : 0,
  };
  if (op->kind == OP_QUEUE_GET && rc == 0 && op->abandoned)
    r->flags |= TRACE_AGAIN;
  if (op->kind == OP_QUEUE_MEET && rc) { /* its putter took the item back */
    r->kind = OP_QUEUE_GET;
    r->flags = 0;
    r->n = op->ticket;
  }
}

/* Ops that make something, or are told for what else they are. */
static void describe_more(struct trace_area *a, const struct op *op, struct trace_record *r) {
  if (op->locate && strcmp(op_describe(op->kind)->verb, "new") == 0) {
    char where[WHERE_MAX];
    op->locate(op->locate_ctx, where);
    r->duration = text(a, where);
  }
  switch (op->kind) {
  case OP_PROCESS_SPAWN:
    r->where = text(a, op->spawn->where);
    break;
  case OP_PROCESS_SIGNAL:
    r->n = (uint64_t)op->number;
    break;
  case OP_MARK:
    r->where = text(a, op->mark->name);
    if (op->mark->value.kind != NUMBER_NONE) {
      double value =
          op->mark->value.kind == NUMBER_FLOAT ? op->mark->value.f : (double)op->mark->value.i;
      memcpy(&r->n, &value, sizeof r->n);
      r->flags |= TRACE_VALUE;
    }
    break;
  case OP_QUEUE_NEW:
    r->where = text(a, op->new_queue->name);
    r->n = op->new_queue->max;
    break;
  case OP_PIPE_NEW:
    r->where = text(a, op->new_pipe->name);
    break;
  default:
    r->where = text(a, op->new_sync->name);
  }
}

/* The two ends, each with the other's number. */
static void record_pipe(struct os_backend *b, const struct op *op, struct trace_record *r) {
  const struct pipe_request *p = op->new_pipe;
  for (int i = 0; i < 2; i++) {
    r->object = (uint32_t)p->ends[i]->serial;
    r->n = p->ends[1 - i]->serial;
    trace_write(&b->writer, r);
  }
}

static void record_always(struct os_backend *b, const struct op *op, struct trace_record *r) {
  describe_more(b->trace, op, r);
  if (r->flags & (TRACE_REFUSED | TRACE_TIMEOUT))
    return;
  r->t_ns = clock_now_ns();
  if (op->kind == OP_PIPE_NEW)
    record_pipe(b, op, r);
  else if (op->kind != OP_PROCESS_SPAWN || op->number == 1) /* the child tells of itself */
    trace_write(&b->writer, r);
}

static void record_wait(struct os_backend *b, const struct op *op, struct trace_record *r) {
  r->t_ns = op->since_ns;
  r->flags |= TRACE_WAITED;
  r->where = text(b->trace, my_record(b)->where);
  trace_record_last(r, clock_now_ns() - op->since_ns);
  trace_seal(&b->writer);
  trace_write(&b->writer, r);
}

static void observe_closely(struct os_backend *b, const struct op *op, int rc) {
  struct trace_area *a = b->trace;
  struct trace_record r;
  unsigned level = a->level[op->kind];
  if ((op->since_ns == 0 && level > a->detail) || op->kind == OP_PROCESS_MAIL ||
      rc == -SBX_ELENT) /* the TAKE that follows counts */
    return;
  describe(op, rc, &r);
  if (op->since_ns) {
    record_wait(b, op, &r);
  } else if (level == LEVEL_ALWAYS) {
    record_always(b, op, &r);
  } else if (a->detail == TRACE_DETAIL_ALL) {
    r.t_ns = clock_now_ns();
    trace_write(&b->writer, &r);
  } else {
    uint32_t epoch = atomic_load_explicit(&a->epoch, memory_order_relaxed);
    uint64_t key = trace_run_key(r.kind, r.flags, r.object);
    if (!trace_run_extend(&b->writer, key, r.n, epoch, clock_now_ns))
      trace_run_begin(&b->writer, key, r.n, epoch, clock_now_ns());
  }
}

/* The supervisor is to drain before it is time. It is asked once, so that no other notice is lost
 * over it. */
static void ask_to_drain(struct os_backend *b) {
  uint32_t was = 0;
  if (atomic_compare_exchange_strong(&b->trace->asked, &was, 1) &&
      !broker_notify(b, BROKER_DRAIN, b->slot, b->serial))
    atomic_store(&b->trace->asked, 0);
}

/*
 * In full detail each op counts, so a process whose ring is nearly full waits until the supervisor has read from it. A
 * supervisor that is stopped, or cannot write, must not stop the run: after AWAIT_MOST_NS the process goes on, and loses
 * records, as in other details, until the supervisor reads again.
 */
static void await_reader(struct os_backend *b) {
  static const int64_t AWAIT_MOST_NS = INT64_C(10000000000);
  static const struct timespec nap = {.tv_nsec = 200000};
  struct trace_writer *w = &b->writer;
  uint64_t taken = atomic_load_explicit(&w->ring->taken, memory_order_relaxed);
  if (!trace_is_nearly_full(w) || w->gave_up == taken + 1)
    return;
  int64_t until = clock_now_ns() + AWAIT_MOST_NS;
  while (trace_is_nearly_full(w)) {
    if (clock_now_ns() > until) {
      w->gave_up = atomic_load_explicit(&w->ring->taken, memory_order_relaxed) + 1;
      return;
    }
    ask_to_drain(b);
    nanosleep(&nap, NULL);
  }
}

struct trace_ring *trace_claim(struct os_backend *b, uint32_t slot, uint64_t serial) {
  struct trace_area *a = b->trace;
  for (uint32_t i = 0; i < b->trace_rings; i++) {
    uint64_t was = 0;
    if (atomic_load_explicit(&a->owners[i], memory_order_relaxed) == 0 &&
        atomic_compare_exchange_strong(&a->owners[i], &was, trace_owner(slot, serial))) {
      if (i >= b->trace_rings / 2)
        ask_to_drain(b);
      return &a->rings[i];
    }
  }
  ask_to_drain(b);
  atomic_fetch_add(&a->untraced, 1);
  return NULL;
}

/* Apart, so that the common case has no registers to save. */
__attribute__((noinline)) static int observe_slowly(struct os_backend *b, const struct op *op,
                                                    int rc) {
  if (!b->writer.ring)
    return rc;
  observe_closely(b, op, rc);
  if (trace_is_filling(&b->writer)) {
    ask_to_drain(b);
    if (b->trace->detail == TRACE_DETAIL_ALL)
      await_reader(b);
  }
  return rc;
}

/* The common case first: an op like the last ones, that did not wait. Kinds of ops that are not merged
 * have no runs. */
static int observe(void *observer, const struct op *op, enum op_phase phase, int rc) {
  struct os_backend *b = observer;
  (void)phase;
  if (rc == 0 && op->since_ns == 0 && op->object) {
    uint32_t epoch = atomic_load_explicit(&b->trace->epoch, memory_order_relaxed);
    uint64_t key = trace_run_key(op->kind, 0, (uint32_t)op->object->serial);
    if (trace_run_count(&b->writer, key, op->item, epoch))
      return rc;
  }
  return observe_slowly(b, op, rc);
}

void trace_made(struct os_backend *b, const struct op *op) {
  if (b->trace)
    observe_slowly(b, op, 0);
}

void trace_install(struct os_backend *b, struct trace_area *a) {
  b->trace = a;
  b->trace_rings = a->ring_count;
  backend_observe(&b->base, observe, b, false);
}

/* -- the reaper ------------------------------------------------------------------------------ */

/* The process is gone, so its ring is the reaper's; what it has not sealed will not change. */
static void write_dead(struct trace_ring *ring, const struct trace_record *r) {
  struct trace_writer w;
  trace_writer_begin(&w, ring);
  trace_write(&w, r);
}

/* Killed in a wait: the record that it could not write. */
static void write_wait(struct trace_area *a, struct trace_ring *ring,
                       const struct process_record *p, int64_t now) {
  int64_t since = atomic_load(&p->op_since_ns);
  uint32_t kind = atomic_load(&p->op_kind);
  if (kind == OP_NONE || kind >= OP_COUNT || since == 0)
    return;
  struct trace_record r = {.t_ns = since,
                           .kind = (uint16_t)kind,
                           .flags = TRACE_WAITED | TRACE_UNFINISHED,
                           .object = (uint32_t)atomic_load(&p->op_serial),
                           .where = trace_text_number(&a->texts, p->where)};
  if (kind == OP_SELECT && p->select_count > 0) {
    r.kind = (uint16_t)p->select[0].kind;
    r.object = (uint32_t)p->select[0].serial;
    r.flags |= TRACE_SELECT;
  }
  trace_record_last(&r, now - since);
  write_dead(ring, &r);
}

/* It did not end by itself: its parent took it along, or it was there when the run was ended (Ctrl-C, a time limit). */
static bool was_left(const struct process_record *p, const siginfo_t *info) {
  uint32_t flags = atomic_load(&p->flags);
  bool exited = info->si_code == CLD_EXITED;
  if (flags & (FLAG_CAUGHT | FLAG_RUN_ENDS))
    return !exited || info->si_status != 0;
  return !exited && info->si_status == SIGKILL && flags & FLAG_LEFT;
}

void trace_ended(const struct os_backend *b, uint32_t slot, uint64_t serial,
                 const siginfo_t *info) {
  struct trace_area *a = b->trace;
  const struct process_record *p = &b->control->processes[slot];
  uint64_t owner = trace_owner(slot, serial);
  uint32_t i = 0;
  while (i < b->trace_rings && atomic_load(&a->owners[i]) != owner)
    i++;
  if (i == b->trace_rings)
    return;
  int64_t now = clock_now_ns();
  bool exited = info->si_code == CLD_EXITED;
  if (!exited)
    write_wait(a, &a->rings[i], p, now);
  write_dead(&a->rings[i],
             &(struct trace_record){.t_ns = now,
                                    .kind = TRACE_RECORD_END,
                                    .flags = was_left(p, info) ? TRACE_LEFT : 0,
                                    .object = (uint32_t)serial,
                                    .n = exited ? (uint32_t)info->si_status
                                                : (uint64_t)(uint32_t)info->si_status << 32});
}
