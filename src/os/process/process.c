/* os/process/process.c - see process.h. */
#include "os/process/process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child_code.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/pidfd.h"
#include "base/text.h"
#include "os/process/copier.h"
#include "os/process/failure.h"
#include "os/process/output.h"
#include "os/process/steer.h"
#include "os/queue/queue.h"
#include "os/shared/broker.h"
#include "os/shared/hand.h"
#include "os/shared/names.h"
#include "os/shared/proc.h"
#include "os/shared/results.h"
#include "os/shared/trace.h"
#include "os/shared/turns.h"
#include "os/sync/sync.h"

/* -- end ------------------------------------------------------------------------------------- */

/* The result in the store, and its handles named by it. */
static int store_result(struct os_backend *b, const struct buf *result,
                        const struct op_refs *refs) {
  const struct op op = {.kind = OP_NONE, .deadline_ns = SBX_FOREVER};
  const uint64_t holder = names_of_result(b->slot, b->serial);
  int rc = hand_export_refs(b, &op, refs->sent, refs->count);
  if (rc == 0)
    rc = names_add(b->control, holder, refs->sent, refs->count);
  if (rc == 0 && (rc = results_store(b, b->slot, result, refs)))
    names_remove(b->control, holder, refs->sent, refs->count);
  return rc;
}

CHILD_CODE
int process_publish(struct os_backend *b, const struct buf *result, const struct op_refs *refs,
                    const struct buf *report, int exit_code) {
  struct process_record *me = my_record(b);
  output_flush_all(); /* before anybody can learn that it ended */
  copier_settle(b);
  sync_leave_all(b, exit_code ? END_FAILED : END_WELL);
  queue_leave_all(b, exit_code == 0);
  if (result && result->len > 0) {
    int rc = refs && refs->count ? store_result(b, result, refs)
                                 : results_store(b, b->slot, result, NULL);
    if (rc)
      return rc;
  }
  if (report) {
    int rc = results_store_report(b, b->slot, report);
    if (rc)
      return rc;
  }
  FAULT("exit.before-publish");
  me->exit_code = exit_code;
  if (exit_code)
    me->failed_ns = clock_now_ns();
  control_process_advance(b->control, b->slot, b->serial, PHASE_EXITED);
  if (exit_code) /* its spawner, which may be stopped, need not reap it for that */
    failure_note(b);
  if (b->queues) /* what need not be called stays out of a child's memory: each page of code costs */
    queue_unmap_all(b);
  return 0;
}

sigset_t children_lock(void) {
  sigset_t chld, old;
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  sigprocmask(SIG_BLOCK, &chld, &old);
  return old;
}

void children_unlock(const sigset_t *old) { sigprocmask(SIG_SETMASK, old, NULL); }

/*
 * The record is filled while the zombie still stands for its pid, and only then reaped: a reaper
 * that is killed in between leaves the zombie to the supervisor, and the record true.
 */
bool process_reap(struct os_backend *b, uint32_t index) {
  struct child c = b->children[index];
  siginfo_t info = {0};
  if (waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0)
    return false;         /* it lives */
  if (info.si_pid == 0) { /* ECHILD: it was reaped elsewhere, against the rules */
    info.si_code = CLD_EXITED;
    info.si_status = b->control->processes[c.slot].exit_code;
  }
  b->children[index] = b->children[--b->child_count];
  if (b->trace)
    trace_ended(b, c.slot, c.serial, &info);
  if (control_process_ended(b->control, c.slot, c.serial, &info))
    broker_notify(b, BROKER_FAILURE, c.slot, c.serial);
  waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOHANG);
  return true;
}

void process_reap_all(struct os_backend *b) {
  while (b->child_count > 0) {
    siginfo_t info = {0};
    uint32_t i;
    /* Peek at any child that ended: it may be one of os.execute or io.popen, which is not ours to
     * reap. */
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid == 0)
      return;
    for (i = 0; i < b->child_count && b->children[i].pid != info.si_pid; i++)
      continue;
    if (i < b->child_count) {
      process_reap(b, i);
      continue;
    }
    for (i = b->child_count; i-- > 0;) /* it hides the others: ask for each */
      process_reap(b, i);
    return;
  }
}

/* -- join ------------------------------------------------------------------------------------ */

static bool has_ended(const struct control *c, const struct object *p) {
  const struct process_state s = {
      .phase = (enum process_phase)stamp_phase(control_process_stamp(c, p->slot, p->serial))};
  return process_enabled(&s, OP_PROCESS_JOIN);
}

static void reap_now(struct os_backend *b, const struct object *p) {
  sigset_t old = children_lock();
  for (uint32_t i = 0; i < b->child_count; i++)
    if (b->children[i].serial == p->serial) {
      process_reap(b, i);
      break;
    }
  children_unlock(&old);
}

/*
 * Its pidfd wakes anybody; when it cannot be had (no descriptor left), and while the reaper, who
 * alone learns how it ended, has not said so yet, the wait is a short slice.
 */
int process_arm(struct os_backend *b, struct op *op, struct wait_set *w) {
  const struct object *p = op->object;
  struct pollfd end = {.fd = pidfd_open_of(b->control->processes[p->slot].pid), .events = POLLIN};
  bool open = end.fd >= 0;
  bool dead = open && poll(&end, 1, 0) > 0;
  if (dead && p->own_child)
    reap_now(b, p);
  if (has_ended(b->control, p)) { /* or the pid may be somebody else's by now */
    wait_set_until(w, 0);
  } else if (open && !dead) {
    wait_set_add(w, end.fd, true);
    return 0;
  } else {
    wait_set_slice(w);
  }
  if (open)
    close(end.fd);
  return 0;
}

static int wait_until_ended(struct os_backend *b, struct op *op) {
  const struct object *p = op->object;
  int rc = 0;
  for (;;) {
    if (p->own_child)
      reap_now(b, p);
    if (!control_process_stamp(b->control, p->slot, p->serial))
      return -SBX_EGONE;
    if (has_ended(b->control, p))
      return 0;
    if (control_process_unborn(b->control, p->slot, p->serial))
      return -SBX_EGONE;
    if (rc || deadline_passed(op->deadline_ns))
      return rc ? rc : -SBX_ETIMEDOUT;
    struct wait_set w;
    wait_set_init(&w, op->deadline_ns);
    process_arm(b, op, &w);
    rc = wait_set_sleep(b, op, &w);
  }
}

/* The process has ended: append its result, if its outcome is wanted. */
static int outcome(struct os_backend *b, const struct op *op) {
  uint32_t slot = op->object->slot;
  if (op->number)
    return 0;
  uint32_t flags = atomic_fetch_or(&b->control->processes[slot].flags, FLAG_JOINED);
  return op->out && (flags & FLAG_RESULT) ? results_load(b, slot, op) : 0;
}

static int check_joinable(const struct os_backend *b, const struct object *p) {
  if (p->serial == b->serial)
    return -SBX_ESELF;
  if (control_process_unborn(b->control, p->slot, p->serial))
    return -SBX_EGONE;
  return control_process_stamp(b->control, p->slot, p->serial) ? 0 : -SBX_EGONE;
}

int process_try_join(struct os_backend *b, struct op *op) {
  int rc = check_joinable(b, op->object);
  if (rc)
    return rc;
  return has_ended(b->control, op->object) ? outcome(b, op) : -SBX_ETIMEDOUT;
}

int process_join(struct os_backend *b, struct op *op) {
  int rc = check_joinable(b, op->object);
  if (rc)
    return rc;
  rc = wait_until_ended(b, op);
  return rc ? rc : outcome(b, op);
}

/* A signal is on its way for a moment. A process that was told to stop does nothing more when this
 * returns, unless the kernel is busy for it for long (a disk). */
static void await_stop(const struct os_backend *b, const struct object *p) {
  enum { TRIES = 1000 };
  const struct timespec pause = {.tv_nsec = 100 * 1000};
  pid_t pid = b->control->processes[p->slot].pid;
  for (int i = 0; i < TRIES && pid != getpid(); i++) {
    char state = proc_state(pid);
    if (state == 0 || !strchr("RSD", state) || has_ended(b->control, p))
      return;
    nanosleep(&pause, NULL);
  }
}

int process_signal(struct os_backend *b, struct op *op) {
  static_assert(SIGNAL_INTERRUPT == SIGINT && SIGNAL_KILL == SIGKILL &&
                    SIGNAL_TERMINATE == SIGTERM && SIGNAL_RESUME == SIGCONT &&
                    SIGNAL_PAUSE == SIGSTOP,
                "the numbers of ops are the system's");
  int rc = steer_signal(b->control, op->object->slot, op->object->serial, op->number);
  if (rc == 0 && op->number == SIGSTOP && !b->control->processes[op->object->slot].host[0])
    await_stop(b, op->object);
  return rc;
}

void process_over(struct os_backend *b, enum broker_kind what) {
  const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
  char where[WHERE_MAX] = "";
  if (b->base.locate)
    b->base.locate(b->base.signal_ctx, where);
  if (where[0] != '\0')
    b->base.self->note_where(&b->base, where);
  if (b->slot != NO_PROCESS)
    atomic_store(&my_record(b)->op_kind, OP_NONE);
  for (;;) { /* a supervisor that is busy may miss a notice */
    broker_notify(b, what, b->slot, b->serial);
    nanosleep(&pause, NULL);
  }
}

/* -- status ---------------------------------------------------------------------------------- */

int process_describe(struct os_backend *b, const struct object *p, struct process_info *ret) {
  const struct process_record *r = &b->control->processes[p->slot];
  uint64_t stamp = control_process_stamp(b->control, p->slot, p->serial);
  if (!stamp)
    return -SBX_EGONE;
  struct process_state s = control_process_state(r, stamp_phase(stamp));
  *ret = (struct process_info){.status = process_status_of(&s),
                               .pid = r->pid,
                               .id = (uint32_t)p->serial,
                               .exit_code = s.phase < PHASE_ENDED || s.signal ? -1 : s.exit_code,
                               .signal = s.phase < PHASE_ENDED ? 0 : s.signal,
                               .daemon = r->flags & FLAG_DAEMON,
                               .expected = r->flags & FLAG_EXPECTED,
                               .has_result = r->flags & FLAG_RESULT};
  memcpy(ret->name, r->name, sizeof ret->name);
  memcpy(ret->spawned_at, r->spawned_at, sizeof ret->spawned_at);
  memcpy(ret->host, r->host, sizeof ret->host);
  if (s.phase < PHASE_ENDED && proc_state(r->pid) == 'T') /* maybe before its first step */
    ret->status = PROCESS_STOPPED;
  return 0;
}

/* -- children at the end --------------------------------------------------------------------- */

static bool is_daemon(struct os_backend *b, const struct child *c) {
  return b->control->processes[c->slot].flags & FLAG_DAEMON;
}

/* A child that is not a daemon and lives, as an object; false if there is none. */
static bool next_to_wait_for(struct os_backend *b, struct object *ret) {
  sigset_t old = children_lock();
  bool found = false;
  for (uint32_t i = 0; i < b->child_count && !found; i++)
    if (!is_daemon(b, &b->children[i])) {
      *ret = (struct object){.type = OBJECT_PROCESS,
                             .slot = b->children[i].slot,
                             .serial = b->children[i].serial,
                             .own_child = true};
      found = true;
    }
  children_unlock(&old);
  return found;
}

/* Of op.locate: until then, where an interrupt has hit the process is its place. */
static void locate_end(void *ctx, char where[WHERE_MAX]) {
  (void)ctx;
  text_copy(where, WHERE_MAX, "the end of the script");
}

CHILD_CODE
static int wait_children(struct os_backend *b, struct op *await) {
  struct object p;
  if (b->leaving) /* the whole run is: the supervisor sees to the children */
    return -SBX_EINTERRUPTED;
  sync_leave_all(b, END_OF_CODE); /* its code is at its end, and will release nothing any more */
  if (await->number)
    queue_leave_all(b, true);
  if (b->turns)
    turns_pass(b);
  if (b->child_count == 0)
    return 0;
  while (next_to_wait_for(b, &p)) {
    struct op op = {
        .kind = OP_PROCESS_JOIN, .object = &p, .deadline_ns = SBX_FOREVER, .locate = locate_end};
    int rc = wait_until_ended(b, &op);
    if (await->since_ns == 0)
      await->since_ns = op.since_ns;
    if (rc == -SBX_EINTERRUPTED)
      return rc;
  }
  sigset_t old = children_lock(); /* they stay in the table, unreaped: the pids are theirs */
  for (uint32_t i = 0; i < b->child_count; i++) {
    atomic_fetch_or(&b->control->processes[b->children[i].slot].flags, FLAG_EXPECTED | FLAG_LEFT);
    kill(b->children[i].pid, SIGKILL);
  }
  while (b->child_count > 0) {
    siginfo_t info;
    while (waitid(P_PID, (id_t)b->children[0].pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
      continue;
    process_reap(b, 0);
  }
  children_unlock(&old);
  return 0;
}

CHILD_CODE
int process_wait_children(struct os_backend *b, struct op *op) {
  int rc = wait_children(b, op);
  if (b->run_ends && b->slot == 0)
    b->run_ends(b);
  return rc;
}
