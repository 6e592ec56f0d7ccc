/*
 * os/wait.c - the one place where a process sleeps.
 *
 * Whoever waits, for whatever, waits for descriptors here; before it sleeps it publishes its op in
 * its record, so that the supervisor and the reports know who waits for what, and where in the
 * script.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "os/wait.h"

bool deadline_passed(int64_t deadline_ns) {
  return deadline_ns != SBX_FOREVER && clock_now_ns() >= deadline_ns;
}

void wait_publish(struct os_backend *b, const struct op *op) {
  struct process_record *me = my_record(b);
  if (op->locate)
    op->locate(op->locate_ctx, me->where);
  atomic_store(&me->op_slot, op->object ? op->object->slot : 0);
  atomic_store(&me->op_serial, op->object ? op->object->serial : 0);
  atomic_store(&me->op_deadline_ns, op->deadline_ns);
  atomic_store(&me->op_since_ns, clock_now_ns());
  atomic_store(&me->op_kind, op->kind); /* last: it makes the rest valid */
}

void wait_withdraw(struct os_backend *b) { atomic_store(&my_record(b)->op_kind, OP_NONE); }

void wait_interrupted(struct os_backend *b) { atomic_store(&my_record(b)->op_since_ns, 0); }

int wait_fds(struct os_backend *b, const struct op *op, struct pollfd *fds, nfds_t n,
             int64_t deadline_ns) {
  struct timespec left;
  sigset_t block, old;
  if (b->interrupted)
    return -SBX_EINTERRUPTED;
  wait_publish(b, op);
  /*
   * Signals are blocked from the last look at `interrupted` until ppoll sleeps, which unblocks them
   * atomically: otherwise a Ctrl-C just before the sleep would be seen only after it.
   */
  sigemptyset(&block);
  sigaddset(&block, SIGINT);
  sigaddset(&block, SIGCHLD);
  sigprocmask(SIG_BLOCK, &block, &old);
  FAULT("wait.before-poll");
  int rc = b->interrupted ? -1 : ppoll(fds, n, clock_left(deadline_ns, &left), &old);
  int saved = errno;
  sigprocmask(SIG_SETMASK, &old, NULL);
  if (b->interrupted) {
    wait_interrupted(b);
    return -SBX_EINTERRUPTED;
  }
  wait_withdraw(b);
  if (rc == 0)
    return -SBX_ETIMEDOUT;
  return rc < 0 && saved != EINTR ? error_from_errno(saved) : 0;
}

int wait_sleep(struct os_backend *b, const struct op *op) {
  int rc = 0;
  while (rc == 0)
    rc = wait_fds(b, op, NULL, 0, op->deadline_ns);
  return rc == -SBX_ETIMEDOUT ? 0 : rc;
}
