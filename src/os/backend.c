/* os/backend.c - the tables of the OS backend, its handlers of signals, and how handles name
 * objects. */
#include "os/backend.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "os/ops.h"
#include "os/process/process.h"
#include "os/process/program.h"
#include "os/process/stdin.h"
#include "os/process/steer.h"
#include "os/queue/pipe.h"
#include "os/queue/queue.h"
#include "os/shared/ask.h"
#include "os/shared/broker.h"
#include "os/shared/hand.h"
#include "os/shared/proc.h"
#include "os/supervisor/failures.h"
#include "os/supervisor/snapshot.h"
#include "os/sync/sync.h"

static struct os_backend *os_of(struct backend *b) { return (struct os_backend *)b; }

static bool is_sync(enum object_type type) { return sync_machine_of(type) != NULL; }

/* -- ops ------------------------------------------------------------------------------------- */

/* What the op sends can be received anywhere. */
static int export_sent(struct os_backend *b, const struct op *op) {
  bool sends = (op->refs && op->refs->count) || (op->value && op->value->ref_count);
  for (uint32_t i = 0; i < op->sub_count && !sends; i++)
    sends = op->subs[i].refs && op->subs[i].refs->count;
  int rc = sends ? supervisor_ensure(b) : 0;
  return sends && rc == 0 ? hand_export(b, op) : rc;
}

static int os_perform(struct backend *base, struct op *op) {
  struct os_backend *b = os_of(base);
  if (op->kind != OP_QUEUE_GET)
    b->got_from = NULL;
  if (op->refs || op->value || op->sub_count) {
    int rc = export_sent(b, op);
    if (rc)
      return rc;
  }
  return os_op_of(op->kind)->perform(b, op);
}

/* -- objects --------------------------------------------------------------------------------- */

static int object_new(enum object_type type, uint32_t slot, uint64_t serial, struct object **ret) {
  struct object *o = malloc(sizeof *o);
  if (!o)
    return -SBX_ENOMEM;
  *o = (struct object){.type = type, .slot = slot, .serial = serial};
  *ret = o;
  return 0;
}

static int os_queue_open(struct backend *base, const struct queue_options *options,
                         struct object **ret) {
  struct os_backend *b = os_of(base);
  struct object *o;
  int rc = object_new(OBJECT_QUEUE, 0, 0, &o);
  if (rc)
    return rc;
  if ((rc = queue_create(b, options, &o->queue))) {
    free(o);
    return rc;
  }
  o->slot = o->queue->slot;
  o->serial = o->queue->serial;
  *ret = o;
  return 0;
}

static int os_pipe_open(struct backend *base, const char *name, struct object *ret[2]) {
  struct object *a, *other;
  int rc = object_new(OBJECT_PIPE, 0, 0, &a);
  if (rc)
    return rc;
  rc = object_new(OBJECT_PIPE, 0, 0, &other);
  if (rc == 0 && (rc = pipe_create(os_of(base), name, a, other)))
    free(other);
  if (rc) {
    free(a);
    return rc;
  }
  ret[0] = a;
  ret[1] = other;
  return 0;
}

static int os_pipe_info(struct backend *base, struct object *end, struct queue_info *ret) {
  pipe_describe(os_of(base), end, ret);
  return 0;
}

static int os_sync_open(struct backend *base, const struct sync_options *options,
                        struct object **ret) {
  struct object *o;
  int rc = object_new(options->type, 0, 0, &o);
  if (rc)
    return rc;
  if ((rc = sync_create(os_of(base), options, &o->slot, &o->serial))) {
    free(o);
    return rc;
  }
  *ret = o;
  return 0;
}

static int os_sync_info(struct backend *base, struct object *o, struct sync_info *ret) {
  sync_describe(os_of(base)->control, o->slot, ret);
  ret->id = o->serial;
  return 0;
}

static int os_queue_info(struct backend *base, struct object *o, struct queue_info *ret) {
  queue_describe(os_of(base), o->queue, ret);
  return 0;
}

static int os_process_info(struct backend *base, struct object *o, struct process_info *ret) {
  return process_describe(os_of(base), o, ret);
}

static int os_process_self(struct backend *base, struct object **ret) {
  struct os_backend *b = os_of(base);
  return object_new(OBJECT_PROCESS, b->slot, b->serial, ret);
}

static int os_process_parent(struct backend *base, struct object **ret) {
  struct os_backend *b = os_of(base);
  const struct process_record *me = my_record(b);
  if (b->slot == 0 || !control_process_stamp(b->control, me->spawner, me->spawner_serial))
    return -SBX_EGONE;
  return object_new(OBJECT_PROCESS, me->spawner, me->spawner_serial, ret);
}

static int by_serial(const void *x, const void *y) {
  const struct child *a = x, *b = y;
  return a->serial < b->serial ? -1 : a->serial > b->serial;
}

static int os_children(struct backend *base, int (*visit)(void *, struct object *), void *ctx) {
  struct os_backend *b = os_of(base);
  sigset_t chld, old;
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  sigprocmask(SIG_BLOCK, &chld, &old);
  process_reap_all(b);
  uint32_t n = b->child_count;
  struct child *list = malloc((n ? n : 1) * sizeof *list);
  if (list && n)
    memcpy(list, b->children, n * sizeof *list);
  sigprocmask(SIG_SETMASK, &old, NULL);
  int rc = list ? 0 : -SBX_ENOMEM;
  if (list)
    qsort(list, n, sizeof *list, by_serial);
  for (uint32_t i = 0; i < n && rc == 0; i++) {
    struct object *o;
    if ((rc = object_new(OBJECT_PROCESS, list[i].slot, list[i].serial, &o)) == 0) {
      o->own_child = true;
      rc = visit(ctx, o);
    }
  }
  free(list);
  return rc;
}

static int os_descendants(struct backend *base, const struct object *p,
                          int (*visit)(void *, struct object *), void *ctx) {
  struct os_backend *b = os_of(base);
  int rc = 0;
  for (uint32_t i = 0; i < control_process_end(b->control) && rc == 0; i++) {
    struct object *o;
    uint64_t serial = control_process_descends(b->control, i, p->slot, p->serial);
    if (serial && (rc = object_new(OBJECT_PROCESS, i, serial, &o)) == 0)
      rc = visit(ctx, o);
  }
  return rc;
}

static void os_object_ref(const struct object *o, struct object_ref *ret) {
  *ret = (struct object_ref){.type = (uint32_t)o->type, .slot = o->slot, .serial = o->serial};
}

static int os_objects_export(struct backend *base, const struct op *op,
                             const struct object_ref *refs, uint32_t count) {
  int rc = supervisor_ensure(os_of(base));
  return rc ? rc : hand_export_refs(os_of(base), op, refs, count);
}

static int os_objects_fetch(struct backend *base, const struct op *op,
                            const struct object_ref *refs, uint32_t count) {
  return hand_fetch(os_of(base), op, refs, count);
}

static void os_object_landed(struct backend *base, const struct object_ref *ref) {
  hand_drop(os_of(base), ref);
}

static int os_object_import(struct backend *base, const struct object_ref *ref,
                            struct object **ret) {
  struct os_backend *b = os_of(base);
  struct object *o;
  bool sync = is_sync((enum object_type)ref->type);
  if (ref->type != OBJECT_QUEUE && ref->type != OBJECT_PROCESS && !sync)
    return -SBX_EDATA;
  int rc = object_new((enum object_type)ref->type, ref->slot, ref->serial, &o);
  if (rc)
    return rc;
  if (o->type == OBJECT_QUEUE)
    rc = queue_hold(b, ref->slot, ref->serial, &o->queue);
  else if (o->type == OBJECT_PIPE)
    rc = pipe_import(b, ref, o);
  else if (sync)
    rc = sync_import(b, ref);
  else if (ref->slot >= PROCESS_SLOTS)
    rc = -SBX_EDATA;
  else
    for (uint32_t i = 0; i < b->child_count; i++)
      o->own_child |= b->children[i].serial == ref->serial;
  if (rc) {
    free(o);
    return rc;
  }
  *ret = o;
  return 0;
}

static void os_object_release(struct backend *base, struct object *o) {
  struct os_backend *b = os_of(base);
  if (!o)
    return;
  if (o->type == OBJECT_QUEUE) {
    bool exported = atomic_load(&b->control->queues[o->slot].exported);
    queue_drop(b, o->queue);
    if (exported)
      broker_notify(b, BROKER_RELEASE, o->slot, o->serial);
  } else if (o->type == OBJECT_PIPE) {
    pipe_drop(b, o);
  } else if (is_sync(o->type)) {
    sync_drop(b, o->slot, o->serial);
  } else if (o->keeper && control_process_stamp(b->control, o->slot, o->serial)) {
    atomic_fetch_or(&b->control->processes[o->slot].flags, FLAG_RELEASED);
  }
  free(o);
}

/* -- the calling process --------------------------------------------------------------------- */

static uint64_t os_id(struct backend *base) { return os_of(base)->serial; }

static int os_publish(struct backend *base, const struct buf *result, const struct op_refs *refs,
                      const struct buf *report, int exit_code) {
  return process_publish(os_of(base), result, refs, report, exit_code);
}

static int os_task_failing(struct backend *base, const struct buf *report, uint64_t order,
                           struct object_ref *ret) {
  return failures_of_task(os_of(base), report, order, ret);
}

static void os_task_failed(struct backend *base, const struct object_ref *ref) {
  failures_task_failed(os_of(base), ref);
}

static void os_failure_joined(struct backend *base, const struct object_ref *ref) {
  failures_joined(os_of(base)->control, ref);
}

static void os_failure_looked(struct backend *base, const struct object_ref *ref) {
  failures_looked(os_of(base)->control, ref);
}

static void os_decide(struct backend *base, int exit_code) {
  struct os_backend *b = os_of(base);
  atomic_store(&b->control->main_status, exit_code & 0xff);
  broker_notify(b, BROKER_LEAVING, 0, 0);
}

static int os_wait_children(struct backend *base) { return process_wait_children(os_of(base)); }

static unsigned os_take_interrupt(struct backend *base) {
  struct os_backend *b = os_of(base);
  unsigned was = (unsigned)b->interrupted;
  b->interrupted = 0;
  return was;
}

static void os_leave(struct backend *base) { os_of(base)->leaving = true; }

static unsigned os_questions(struct backend *base) {
  return atomic_load(&my_record(os_of(base))->question);
}

static void os_answered(struct backend *base, unsigned questions) {
  ask_answered(my_record(os_of(base)), questions);
}

static void os_note_where(struct backend *base, const char *where) {
  struct process_record *me = my_record(os_of(base));
  strncpy(me->where, where, WHERE_MAX - 1);
  atomic_fetch_or(&me->flags, FLAG_INTERRUPTED);
}

static uint64_t os_seed(struct backend *base) { return my_record(os_of(base))->seed; }

static bool os_quiet(struct backend *base) { return my_record(os_of(base))->flags & FLAG_QUIET; }

static int os_program_start(struct backend *base, const char *command, enum program_mode mode,
                            struct program *ret) {
  return program_start(os_of(base), command, mode, ret);
}

static int os_program_finish(struct backend *base, struct program *p, bool hurry, int *ret_status) {
  return program_finish(os_of(base), p, hurry, ret_status);
}

__attribute__((noreturn)) static void os_exit(struct backend *base, int exit_code) {
  (void)base;
  _exit(exit_code);
}

/* -- the run --------------------------------------------------------------------------------- */

static int64_t os_now(struct backend *base) {
  (void)base;
  return clock_now_ns();
}

static int64_t os_wall(struct backend *base) {
  (void)base;
  return clock_wall_ns();
}

static const struct run_clock *os_clock(struct backend *base) {
  return &os_of(base)->control->clock;
}

static const uint8_t *os_key(struct backend *base) { return os_of(base)->control->key; }

static int os_unjoined_failures(struct backend *base) {
  return (int)control_unjoined_failures(os_of(base)->control);
}

static int os_look(struct backend *base, unsigned parts, struct snapshot *ret) {
  return snapshot_take(os_of(base)->control, parts, ret);
}

static bool is_stopped(const struct control *c, uint32_t slot) {
  char state = proc_state(c->processes[slot].pid);
  return state == 'T' || state == 't';
}

static int os_steer(struct backend *base, enum steer what, uint32_t slot, uint64_t serial,
                    int64_t deadline_ns) {
  struct control *c = os_of(base)->control;
  switch (what) {
  case STEER_KILL:
    return steer_signal(c, slot, serial, SIGKILL);
  case STEER_PAUSE:
    return steer_signal(c, slot, serial, SIGSTOP);
  case STEER_RESUME:
    return steer_signal(c, slot, serial, SIGCONT);
  case STEER_MUTE:
    return steer_mute(c, slot, serial, true);
  case STEER_UNMUTE:
    return steer_mute(c, slot, serial, false);
  case STEER_FOLLOW:
    return steer_follow(c, slot, serial);
  case STEER_STACK:
    return ask(c, slot, serial, QUESTION_STACK, is_stopped(c, slot) ? 0 : deadline_ns);
  case STEER_INQUIRE:
    return ask(c, slot, serial, QUESTION_LUA, 0);
  }
  return -SBX_EINVAL;
}

/* -- the tables ------------------------------------------------------------------------------ */

static const struct object_ops os_objects = {
    .perform = os_perform,
    .queue_open = os_queue_open,
    .queue_info = os_queue_info,
    .pipe_open = os_pipe_open,
    .pipe_info = os_pipe_info,
    .sync_open = os_sync_open,
    .sync_info = os_sync_info,
    .process_info = os_process_info,
    .process_parent = os_process_parent,
    .children = os_children,
    .descendants = os_descendants,
    .objects_export = os_objects_export,
    .objects_fetch = os_objects_fetch,
    .object_landed = os_object_landed,
    .object_import = os_object_import,
    .object_ref = os_object_ref,
    .object_release = os_object_release,
};

static const struct self_ops os_self = {
    .id = os_id,
    .process_self = os_process_self,
    .publish = os_publish,
    .exit = os_exit,
    .task_failing = os_task_failing,
    .task_failed = os_task_failed,
    .failure_joined = os_failure_joined,
    .failure_looked = os_failure_looked,
    .quiet = os_quiet,
    .decide = os_decide,
    .wait_children = os_wait_children,
    .program_start = os_program_start,
    .program_finish = os_program_finish,
    .take_interrupt = os_take_interrupt,
    .leave = os_leave,
    .questions = os_questions,
    .answered = os_answered,
    .note_where = os_note_where,
    .seed = os_seed,
};

static const struct run_ops os_run = {
    .now = os_now,
    .wall = os_wall,
    .clock = os_clock,
    .key = os_key,
    .unjoined_failures = os_unjoined_failures,
    .look = os_look,
    .steer = os_steer,
};

struct os_backend *backend_new(struct control *c) {
  struct os_backend *b = calloc(1, sizeof *b);
  if (!b)
    return NULL;
  b->base.objects = &os_objects;
  b->base.self = &os_self;
  b->base.run = &os_run;
  b->control = c;
  b->slot = 0;
  b->serial = 1;
  b->lifeline_shared = b->lifeline_dir = b->lifeline_own = -1;
  b->results = b->broker = b->null = -1;
  stdin_prepare(b); /* else the first spawn does; but descriptors are counted, to find leaks */
  return b;
}
