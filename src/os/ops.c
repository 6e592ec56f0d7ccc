/*
 * os/ops.c - the table of ops; see ops.h.
 *
 * The rows are listed by object/ops.def, and each names a macro ROW_<kind>: an op without one does
 * not compile. Neither does an op that can block whose row does not say how a select waits for it
 * (ALONE: it does not), nor one that cannot block whose row does.
 */
#include "os/ops.h"

#include "base/child_code.h"
#include "base/error.h"
#include "os/mail.h"
#include "os/objects.h"
#include "os/process/failure.h"
#include "os/process/process.h"
#include "os/process/spawn.h"
#include "os/queue/pipe.h"
#include "os/queue/queue.h"
#include "os/select.h"
#include "os/sync/array.h"
#include "os/sync/progress.h"
#include "os/sync/sync.h"

CHILD_CODE
static int spawn(struct os_backend *b, struct op *op) {
  int rc = supervisor_ensure(b);
  return rc ? rc : process_spawn(b, op);
}

CHILD_CODE
static int end(struct os_backend *b, struct op *op) {
  const struct end_request *e = op->end;
  return process_publish(b, e->result, e->refs, e->report, e->exit_code);
}

/* The supervisor shows it. */
static int progress_new(struct os_backend *b, struct op *op) {
  int rc = supervisor_ensure(b);
  if (rc == 0)
    rc = objects_new_sync(b, op);
  for (bool some = true; rc == -SBX_EOBJECTS && some;) {
    some = progress_relieve(b);
    rc = objects_new_sync(b, op); /* also if there are none any more: they went just now */
  }
  return rc;
}

CHILD_CODE
static int await_children(struct os_backend *b, struct op *op) {
  return process_wait_children(b, op);
}

static int failure_new(struct os_backend *b, struct op *op) {
  return failure_of_task(b, op->failure->report, op->failure->order, &op->failure->failure);
}

static int failure_count(struct os_backend *b, struct op *op) {
  failure_counts(b, op->ref);
  return 0;
}

static int failure_join(struct os_backend *b, struct op *op) {
  failure_joined(b->control, op->ref);
  return 0;
}

static int failure_look(struct os_backend *b, struct op *op) {
  failure_looked(b->control, op->ref);
  return 0;
}

static int now(struct os_backend *b, struct op *op) {
  op->now_ns = b->base.run->now(&b->base);
  return 0;
}

static int wall(struct os_backend *b, struct op *op) {
  op->now_ns = b->base.run->wall(&b->base);
  return 0;
}

/* It is for the observer of perform. */
static int mark(struct os_backend *b, struct op *op) {
  (void)b;
  (void)op;
  return 0;
}

static int try_put(struct os_backend *b, struct op *op) {
  op->deadline_ns = 0;
  return queue_put(b, op);
}

static int try_get(struct os_backend *b, struct op *op) {
  op->deadline_ns = 0;
  return queue_get(b, op);
}

static int try_sleep(struct os_backend *b, struct op *op) {
  (void)b;
  return deadline_passed(op->deadline_ns) ? 0 : -SBX_ETIMEDOUT;
}

static int arm_sleep(struct os_backend *b, struct op *op, struct wait_set *w) {
  (void)b;
  wait_set_until(w, op->deadline_ns);
  return 0;
}

static int refuse(struct os_backend *b, struct op *op) {
  (void)b;
  (void)op;
  return -SBX_EINVAL;
}

/* How a select waits for it. */
#define ALONE refuse, NULL, NULL
#define IN_LINE sync_poll, sync_arm, sync_disarm
#define TRIED(try_now, arm) try_now, arm, NULL

#define ROW_PROCESS_SPAWN spawn
#define ROW_PROCESS_JOIN process_join, TRIED(process_try_join, process_arm)
#define ROW_PROCESS_SIGNAL process_signal
#define ROW_PROCESS_LOOK objects_look_process
#define ROW_PROCESS_PARENT objects_parent
#define ROW_PROCESS_CHILDREN objects_children
#define ROW_PROCESS_DESCENDANTS objects_descendants
#define ROW_PROCESS_AWAIT await_children, ALONE
#define ROW_PROCESS_END end
#define ROW_PROCESS_MAIL process_mail, ALONE
#define ROW_PROCESS_FIND process_find, ALONE
#define ROW_FAILURE_NEW failure_new
#define ROW_FAILURE_COUNT failure_count
#define ROW_FAILURE_JOIN failure_join
#define ROW_FAILURE_LOOK failure_look
#define ROW_HANDLE_EXPORT objects_export, ALONE
#define ROW_HANDLE_FETCH objects_fetch, ALONE
#define ROW_HANDLE_IMPORT objects_import
#define ROW_HANDLE_LAND objects_land
#define ROW_HANDLE_RELEASE objects_release
#define ROW_QUEUE_NEW objects_new_queue
#define ROW_QUEUE_LOOK objects_look_queue
#define ROW_QUEUE_PUT queue_put, try_put, queue_arm, queue_disarm
#define ROW_QUEUE_MEET queue_meet, ALONE
#define ROW_QUEUE_GET queue_get, try_get, queue_arm, queue_disarm
#define ROW_QUEUE_TAKE queue_take
#define ROW_QUEUE_PEEK queue_peek
#define ROW_QUEUE_CLOSE queue_close
#define ROW_QUEUE_TASK_DONE queue_task_done
#define ROW_QUEUE_JOIN queue_join, ALONE
#define ROW_PIPE_NEW objects_new_pipe
#define ROW_PIPE_LOOK objects_look_pipe
#define ROW_PIPE_SEND pipe_send
#define ROW_PIPE_RECV pipe_recv, TRIED(pipe_try_recv, pipe_arm)
#define ROW_PIPE_POLL pipe_recv, ALONE
#define ROW_PIPE_CLOSE pipe_close
#define ROW_LOCK_NEW objects_new_sync
#define ROW_LOCK_LOOK objects_look_sync
#define ROW_LOCK_ACQUIRE lock_perform, IN_LINE
#define ROW_LOCK_RELEASE lock_perform
#define ROW_SEMAPHORE_NEW objects_new_sync
#define ROW_SEMAPHORE_LOOK objects_look_sync
#define ROW_SEMAPHORE_ACQUIRE sync_perform, IN_LINE
#define ROW_SEMAPHORE_RELEASE sync_perform
#define ROW_EVENT_NEW objects_new_sync
#define ROW_EVENT_LOOK objects_look_sync
#define ROW_EVENT_WAIT sync_perform, IN_LINE
#define ROW_EVENT_SET sync_perform
#define ROW_EVENT_CLEAR sync_perform
#define ROW_CONDITION_NEW objects_new_sync
#define ROW_CONDITION_LOOK objects_look_sync
#define ROW_CONDITION_WAIT condition_perform, ALONE
#define ROW_CONDITION_NOTIFY condition_perform
#define ROW_BARRIER_NEW objects_new_sync
#define ROW_BARRIER_LOOK objects_look_sync
#define ROW_BARRIER_WAIT sync_perform, ALONE
#define ROW_BARRIER_PASS sync_perform
#define ROW_BARRIER_ABORT sync_perform
#define ROW_BARRIER_RESET sync_perform
#define ROW_VALUE_NEW objects_new_sync
#define ROW_VALUE_LOOK objects_look_sync
#define ROW_VALUE_GET value_perform
#define ROW_VALUE_SET value_perform, ALONE
#define ROW_VALUE_ADD value_perform, ALONE
#define ROW_VALUE_CAS value_perform, ALONE
#define ROW_VALUE_UPDATE value_perform, ALONE
#define ROW_VALUE_AWAIT value_perform, ALONE
#define ROW_VALUE_REPLACE value_perform
#define ROW_VALUE_KEEP value_perform
#define ROW_DICT_NEW objects_new_sync
#define ROW_DICT_LOOK objects_look_sync
#define ROW_DICT_GET dict_perform
#define ROW_DICT_ALL dict_perform
#define ROW_DICT_SET dict_perform, ALONE
#define ROW_DICT_UPDATE dict_perform, ALONE
#define ROW_DICT_ADD dict_perform, ALONE
#define ROW_DICT_CAS dict_perform, ALONE
#define ROW_DICT_AWAIT dict_perform, ALONE
#define ROW_DICT_REPLACE dict_perform
#define ROW_DICT_KEEP dict_perform
#define ROW_PROGRESS_NEW progress_new
#define ROW_PROGRESS_LOOK objects_look_sync
#define ROW_PROGRESS_ADD progress_perform
#define ROW_PROGRESS_SET progress_perform
#define ROW_PROGRESS_CLOSE progress_perform
#define ROW_LATCH_NEW objects_new_sync
#define ROW_LATCH_LOOK objects_look_sync
#define ROW_LATCH_WAIT sync_perform, IN_LINE
#define ROW_LATCH_DOWN sync_perform
#define ROW_RWLOCK_NEW objects_new_sync
#define ROW_RWLOCK_LOOK objects_look_sync
#define ROW_RWLOCK_READ sync_perform, ALONE
#define ROW_RWLOCK_WRITE sync_perform, ALONE
#define ROW_RWLOCK_RELEASE sync_perform
#define ROW_ARRAY_NEW objects_new_sync
#define ROW_ARRAY_LOOK objects_look_sync
#define ROW_ARRAY_GET array_perform
#define ROW_ARRAY_SET array_perform
#define ROW_ARRAY_ADD array_perform
#define ROW_ARRAY_CAS array_perform
#define ROW_ARRAY_FILL array_perform
#define ROW_ARRAY_COPY array_perform
#define ROW_SELECT select_any, ALONE
#define ROW_CLOCK_SLEEP wait_sleep, TRIED(try_sleep, arm_sleep)
#define ROW_CLOCK_NOW now
#define ROW_CLOCK_WALL wall
#define ROW_MARK mark

/* ROW(blocks, what the macro of the row expands to) */
#define ROW_THAT_0(perform_)                                                                       \
  { .perform = perform_ }
#define ROW_THAT_1(perform_, try_, arm_, disarm_)                                                  \
  { .perform = perform_, .try_now = try_, .arm = arm_, .disarm = disarm_ }
#define ROW(blocks, ...) ROW_THAT_##blocks(__VA_ARGS__)

const struct os_op os_op_rows[OP_COUNT] = {
    [OP_NONE] = {.perform = refuse, .try_now = refuse},
#define OP(kind, type, blocks, verb, past, reads, writes) [OP_##kind] = ROW(blocks, ROW_##kind),
#include "object/ops.def"
};
