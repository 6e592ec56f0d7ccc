/* os/backend.c - the tables of the OS backend. */
#include "os/backend.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child_code.h"
#include "base/error.h"
#include "os/objects.h"
#include "os/ops.h"
#include "os/process/delayed.h"
#include "os/process/process.h"
#include "os/process/program.h"
#include "os/process/signals.h"
#include "os/process/stdin.h"
#include "os/process/steer.h"
#include "os/queue/queue.h"
#include "os/shared/ask.h"
#include "os/shared/broker.h"
#include "os/shared/cgroup.h"
#include "os/shared/hand.h"
#include "os/shared/proc.h"
#include "os/shared/results.h"
#include "os/supervisor/snapshot.h"
#include "os/sync/sync.h"

static struct os_backend *os_of(struct backend *b) { return (struct os_backend *)b; }

static void os_note_where(struct backend *base, const char *where) {
  struct process_record *me = my_record(os_of(base));
  strncpy(me->where, where, WHERE_MAX - 1);
  atomic_fetch_or(&me->flags, FLAG_INTERRUPTED);
}

/* -- ops ------------------------------------------------------------------------------------- */

/* Does the op send handles, its subs aside? */
static bool sends(const struct op *op) {
  return (op->refs && op->refs->count) || (op->value && op->value->ref_count);
}

/* What the op sends can be received anywhere. Apart, so that os_perform has few registers to save. */
__attribute__((noinline)) static int export_sent(struct os_backend *b, const struct op *op) {
  bool any = sends(op);
  for (uint32_t i = 0; i < op->sub_count && !any; i++)
    any = sends(&op->subs[i]);
  int rc = any ? supervisor_ensure(b) : 0;
  return any && rc == 0 ? hand_export(b, op) : rc;
}

enum { SLACK = 4096 }; /* bytes of a ring that are never in use */

/* No queue, and not all values and results together, may have more memory than the run: is it the run's
 * limit that was met? Then the run ends. */
static void check_memory(struct os_backend *b, const struct op *op, int rc) {
  const struct control *c = b->control;
  uint64_t limit = (uint64_t)c->memory.limit;
  bool met = rc == -SBX_ESTORE
                 ? c->log_limit >= limit
                 : op->object && c->queues[op->object->slot].log_limit + SLACK >= limit;
  if (met)
    process_over(b, BROKER_MEMORY);
}

CHILD_CODE
static int os_perform(struct backend *base, struct op *op) {
  struct os_backend *b = os_of(base);
  delayed_flush();
  if (b->got_from && op->kind != OP_QUEUE_GET) {
    const struct op_description *about = op_describe(op->kind);
    if ((about->writes & ON_OBJECT) || about->blocks)
      b->got_from = NULL;
  }
  if (sends(op) || op->sub_count) {
    int rc = export_sent(b, op);
    if (rc)
      return rc;
  }
  int rc = os_op_of(op->kind)->perform(b, op);
  if ((rc == -SBX_ECAP || rc == -SBX_ESTORE) && b->control->memory.limit)
    check_memory(b, op, rc);
  return rc;
}

static int os_perform_run(struct backend *base, struct op *ops, uint32_t count,
                          uint32_t *ret_done) {
  struct os_backend *b = os_of(base);
  delayed_flush();
  if (ops->kind != OP_QUEUE_PUT)
    return queue_get_run(b, ops, count, ret_done);
  b->got_from = NULL;
  return queue_put_run(b, ops, count, ret_done);
}

static void os_object_ref(const struct object *o, struct object_ref *ret) {
  *ret = (struct object_ref){.type = (uint32_t)o->type, .slot = o->slot, .serial = o->serial};
}

/* -- the calling process --------------------------------------------------------------------- */

static int os_process_self(struct backend *base, struct object **ret) {
  struct os_backend *b = os_of(base);
  return object_new(OBJECT_PROCESS, b->slot, b->serial, ret);
}

static uint64_t os_id(struct backend *base) { return os_of(base)->serial; }

static void os_decide(struct backend *base, int exit_code) {
  struct os_backend *b = os_of(base);
  atomic_store(&b->control->main_status, exit_code & 0xff);
  broker_tell(b, BROKER_LEAVING);
}

/* Without room for the text, the trace has the exit status alone. */
static void os_failed(struct backend *base, const char *message) {
  struct os_backend *b = os_of(base);
  struct buf text = {0};
  if (b->trace && buf_append(&text, message, strlen(message)) == 0)
    results_store_report(b, b->slot, &text);
  buf_release(&text);
}

CHILD_CODE
static unsigned os_take_interrupt(struct backend *base) {
  struct os_backend *b = os_of(base);
  unsigned was = (unsigned)b->interrupted;
  b->interrupted = 0;
  return was;
}

static void os_leave(struct backend *base) { os_of(base)->leaving = true; }

CHILD_CODE
static unsigned os_questions(struct backend *base) {
  delayed_flush_late();
  return atomic_load(&my_record(os_of(base))->question);
}

static void os_answered(struct backend *base, unsigned questions) {
  ask_answered(my_record(os_of(base)), questions);
}

CHILD_CODE
static unsigned os_block_signals(struct backend *base) {
  (void)base;
  return signals_block();
}

CHILD_CODE
static void os_unblock_signals(struct backend *base, unsigned blocked) {
  (void)base;
  signals_unblock(blocked);
}

static int os_processors(struct backend *base) {
  cpu_set_t set;
  (void)base;
  return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

static int os_share(struct backend *base) {
  int all = os_processors(base), granted = cgroup_processors("");
  return granted && granted < all ? granted : all;
}

static int os_processor(struct backend *base, int n) {
  cpu_set_t set;
  (void)base;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  for (size_t cpu = 0; n >= 0 && cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set) && n-- == 0)
      return (int)cpu;
  return -1;
}

CHILD_CODE
static uint64_t os_seed(struct backend *base) { return my_record(os_of(base))->seed; }

/* Its report is stored, though not printed, where a trace tells it. */
static bool os_quiet(struct backend *base) {
  struct os_backend *b = os_of(base);
  return !b->trace && my_record(b)->flags & FLAG_QUIET;
}

static int os_program_start(struct backend *base, const char *command, enum program_mode mode,
                            struct program *ret) {
  return program_start(os_of(base), command, mode, ret);
}

static int os_program_finish(struct backend *base, struct program *p, bool hurry, int *ret_status) {
  return program_finish(os_of(base), p, hurry, ret_status);
}

static void os_files(struct backend *base, size_t bytes) {
  struct os_backend *b = os_of(base);
  struct control *c = b->control;
  if (c->files_limit && atomic_fetch_add(&c->files, bytes) + bytes > c->files_limit)
    process_over(b, BROKER_FILES);
}

__attribute__((noreturn)) static void os_over(struct backend *base) {
  process_over(os_of(base), BROKER_MEMORY);
}

CHILD_CODE
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
    .run = os_perform_run,
    .object_ref = os_object_ref,
};

static const struct self_ops os_self = {
    .id = os_id,
    .process_self = os_process_self,
    .exit = os_exit,
    .files = os_files,
    .over = os_over,
    .quiet = os_quiet,
    .decide = os_decide,
    .failed = os_failed,
    .program_start = os_program_start,
    .program_finish = os_program_finish,
    .take_interrupt = os_take_interrupt,
    .leave = os_leave,
    .questions = os_questions,
    .answered = os_answered,
    .note_where = os_note_where,
    .seed = os_seed,
    .block_signals = os_block_signals,
    .unblock_signals = os_unblock_signals,
    .processors = os_processors,
    .share = os_share,
    .processor = os_processor,
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

/* -- handles, for os/shared/hand.h ------------------------------------------------------------ */

static bool by_handle(const struct os_backend *b, uint32_t slot) {
  return sync_by_handle(b, slot) || queue_by_handle(b, slot);
}

static const struct holding_ops holdings = {
    .by_handle = by_handle,
    .fetch = queue_share_fetch,
    .keep = queue_share_keep,
    .drop_laid_by = queue_share_drop,
    .drop_all_laid_by = queue_share_drop_all,
    .trim = queue_trim_all,
    .recycle = sync_recycle,
};

struct os_backend *backend_new(struct control *c) {
  struct os_backend *b = aligned_alloc(alignof(struct os_backend), sizeof *b);
  uint32_t *hands = calloc(OBJECT_SLOTS, sizeof *hands);
  if (!b || !hands) {
    free(b);
    free(hands);
    return NULL;
  }
  *b = (struct os_backend){.hands = hands, .child_cap = FEW_CHILDREN};
  b->children = b->few;
  b->base.objects = &os_objects;
  b->base.self = &os_self;
  b->base.run = &os_run;
  b->control = c;
  b->holdings = &holdings;
  b->slot = 0;
  b->serial = 1;
  b->lifeline_shared = b->lifeline_dir = b->lifeline_own = -1;
  b->results = b->broker = b->null = -1;
  stdin_prepare(b); /* else the first spawn does; but descriptors are counted, to find leaks */
  return b;
}
