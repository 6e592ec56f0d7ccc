/*
 * os/shared/wait.c - the one place where a process sleeps.
 *
 * Every wait, for any object, is a wait for descriptors here. Before it sleeps, a process publishes
 * its op in its record, so that the supervisor and the reports know what it waits for, and where in
 * the script.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/memory.h"
#include "os/shared/hand.h"
#include "os/shared/wait.h"

bool deadline_passed(int64_t deadline_ns) {
  if (deadline_ns == SBX_FOREVER || deadline_ns <= 0) /* a poll needs no clock */
    return deadline_ns <= 0;
  return clock_now_ns() >= deadline_ns;
}

static void publish_entries(struct process_record *me, const struct op *op) {
  for (uint32_t i = 0; i < op->sub_count && i < SELECT_SHOWN; i++) {
    const struct op *sub = &op->subs[i];
    me->select[i] = (struct select_entry){.kind = sub->kind};
    if (sub->object) {
      me->select[i].slot = sub->object->slot;
      me->select[i].serial = sub->object->serial;
    }
  }
  me->select_count = op->sub_count;
}

/* A process that is woken, looks in vain and sleeps again still waits since its first sleep. */
static int64_t since(const struct op *op) {
  int64_t *since_ns = (int64_t *)(uintptr_t)&op->since_ns; /* no part of what is asked for */
  if (*since_ns == 0)
    *since_ns = clock_now_ns();
  return *since_ns;
}

void wait_publish(struct os_backend *b, const struct op *op) {
  struct process_record *me = my_record(b);
  if (op->locate)
    op->locate(op->locate_ctx, me->where);
  if (op->kind == OP_SELECT)
    publish_entries(me, op);
  if (op->kind == OP_PROCESS_FIND)
    snprintf(me->sought, sizeof me->sought, "%.*s", (int)op->len, (const char *)op->data);
  atomic_store(&me->op_slot, op->object ? op->object->slot : 0);
  atomic_store(&me->op_serial, op->object ? op->object->serial : 0);
  atomic_store(&me->op_number,
               op->kind == OP_QUEUE_MEET ? (uint32_t)op->ticket : (uint32_t)op->number);
  atomic_store(&me->op_deadline_ns, op->deadline_ns);
  atomic_store(&me->op_since_ns, since(op));
  atomic_store(&me->op_kind, op->kind); /* last: it makes the rest valid */
}

void wait_withdraw(struct os_backend *b) { atomic_store(&my_record(b)->op_kind, OP_NONE); }

void wait_interrupted(struct os_backend *b) { atomic_store(&my_record(b)->op_since_ns, 0); }

static bool keeps(const struct os_backend *b) {
  return memory_keeps() || b->queue_grown || (b->base.keeps && b->base.keeps(b->base.signal_ctx));
}

static void keep_nothing(struct os_backend *b) {
  memory_keep_nothing();
  if (b->queue_grown)
    b->holdings->trim(b);
  if (b->base.keep_nothing)
    b->base.keep_nothing(b->base.signal_ctx);
}

/* Sleep; a process that sleeps for a second does not need the memory that it keeps in reserve. */
static int sleep_on(struct os_backend *b, struct pollfd *fds, nfds_t n, int64_t deadline_ns,
                    const sigset_t *unblocked) {
  enum { KEEP_NS = 1000 * 1000 * 1000 };
  struct timespec left;
  int64_t until_ns = keeps(b) ? clock_now_ns() + KEEP_NS : SBX_FOREVER;
  if (until_ns < deadline_ns) {
    int rc = ppoll(fds, n, clock_left(until_ns, &left), unblocked);
    if (rc)
      return rc;
    keep_nothing(b);
  }
  return ppoll(fds, n, clock_left(deadline_ns, &left), unblocked);
}

/*
 * The supervisor ends the run, and interrupts one process after another. A process that it has not come to yet waits here for its
 * interrupt: else it would go on with what the others leave behind, as it never could in the run. After a second it
 * goes on: it was just being born, and was left out.
 */
static void await_the_end(struct os_backend *b) {
  static const struct timespec nap = {.tv_nsec = 1000 * 1000};
  enum { NAPS = 1000 };
  for (int i = 0; atomic_load(&b->control->ending) && !b->leaving && !b->left_out &&
                  !(atomic_load(&my_record(b)->flags) & FLAG_RUN_ENDS);
       i++) {
    b->left_out = i == NAPS;
    nanosleep(&nap, NULL);
  }
}

int wait_fds(struct os_backend *b, const struct op *op, struct pollfd *fds, nfds_t n,
             int64_t deadline_ns) {
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
  sigaddset(&block, WAKE_SIGNAL);
  sigprocmask(SIG_BLOCK, &block, &old);
  FAULT("wait.before-poll");
  bool awake = b->interrupted || b->woken;
  FAULT("wait.at-poll");
  int rc = awake ? -1 : sleep_on(b, fds, n, deadline_ns, &old);
  int saved = awake ? EINTR : errno;
  b->woken = 0; /* the caller looks again now */
  sigprocmask(SIG_SETMASK, &old, NULL);
  await_the_end(b);
  if (b->interrupted) {
    wait_interrupted(b);
    return -SBX_EINTERRUPTED;
  }
  bool end = b->base.awake && b->base.awake(b->base.signal_ctx, op);
  wait_withdraw(b);
  if (end)
    return -SBX_EINTERRUPTED;
  if (rc == 0)
    return -SBX_ETIMEDOUT;
  return rc < 0 && saved != EINTR ? error_call("ppoll", saved) : 0;
}

/* -- what a sleeper looks at ----------------------------------------------------------------- */

void wait_set_init(struct wait_set *w, int64_t deadline_ns) {
  w->fds = w->own_fds;
  w->close = w->own_close;
  w->n = 0;
  w->cap = WAIT_INLINE;
  w->deadline_ns = deadline_ns;
}

static bool grow(struct wait_set *w) {
  nfds_t cap = 2 * w->cap;
  struct pollfd *fds = malloc(cap * (sizeof *fds + sizeof *w->close));
  if (!fds)
    return false;
  bool *flags = (bool *)(fds + cap);
  memcpy(fds, w->fds, w->n * sizeof *fds);
  memcpy(flags, w->close, w->n * sizeof *flags);
  if (w->fds != w->own_fds)
    free(w->fds);
  w->fds = fds;
  w->close = flags;
  w->cap = cap;
  return true;
}

void wait_set_add(struct wait_set *w, int fd, bool close_it) {
  if (w->n == w->cap && !grow(w)) {
    if (close_it)
      close(fd);
    wait_set_slice(w);
    return;
  }
  w->fds[w->n] = (struct pollfd){.fd = fd, .events = POLLIN};
  w->close[w->n++] = close_it;
}

void wait_set_until(struct wait_set *w, int64_t time_ns) {
  if (time_ns < w->deadline_ns)
    w->deadline_ns = time_ns;
}

void wait_set_slice(struct wait_set *w) {
  if (!FAULT("wait.slice"))
    wait_set_until(w, clock_now_ns() + WAIT_SLICE_NS);
}

void wait_set_release(struct wait_set *w) {
  for (nfds_t i = 0; i < w->n; i++)
    if (w->close[i])
      close(w->fds[i].fd);
  if (w->fds != w->own_fds)
    free(w->fds);
  wait_set_init(w, 0);
}

int wait_set_sleep(struct os_backend *b, const struct op *op, struct wait_set *w) {
  int rc = wait_fds(b, op, w->fds, w->n, w->deadline_ns);
  wait_set_release(w);
  return rc == -SBX_ETIMEDOUT && !deadline_passed(op->deadline_ns) ? 0 : rc;
}

int wait_mutex_slow(struct os_backend *b, pthread_mutex_t *m, int tried, enum lock_rank rank,
                    const struct op *op) {
  int rc = mutex_lock_slow(m, tried, rank, 0, &b->interrupted);
  if (rc != -SBX_ETIMEDOUT || deadline_passed(op->deadline_ns))
    return rc;
  wait_publish(b, op);
  rc = mutex_lock(m, rank, op->deadline_ns, &b->interrupted);
  if (rc == -SBX_EINTERRUPTED)
    wait_interrupted(b);
  else
    wait_withdraw(b);
  return rc;
}

int wait_monitor(struct os_backend *b, struct monitor *m, enum lock_rank rank,
                 const struct op *op) {
  return wait_mutex(b, &m->mutex, rank, op);
}

int wait_sleep(struct os_backend *b, struct op *op) {
  int rc = 0;
  while (rc == 0)
    rc = wait_fds(b, op, NULL, 0, op->deadline_ns);
  return rc == -SBX_ETIMEDOUT ? 0 : rc;
}
