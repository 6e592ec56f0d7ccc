/*
 * os/process/process.h - processes: join, signal, reap, leave. How they begin: spawn.h.
 */
#ifndef SBX_OS_PROCESS_PROCESS_H
#define SBX_OS_PROCESS_PROCESS_H

#include <signal.h>

#include "os/shared/broker.h"
#include "os/shared/self.h"
#include "os/shared/wait.h"

/* OP_PROCESS_JOIN: wait for the end; appends the result, if one was published, to op->out. 0,
 * -SBX_ETIMEDOUT, -SBX_EINTERRUPTED, -SBX_ESELF, -SBX_EGONE. */
int process_join(struct os_backend *b, struct op *op);

/* The same without waiting, for a select, which sleeps by process_arm. Asks the
 * kernel nothing: -SBX_ETIMEDOUT while the reaper has not said that it ended. */
int process_try_join(struct os_backend *b, struct op *op);
/* Name what wakes when the process may have ended. */
int process_arm(struct os_backend *b, struct op *op, struct wait_set *w);

/* OP_PROCESS_SIGNAL: send op->number. Nothing happens if it has ended. After SIGSTOP the process
 * does nothing more when this returns. 0, -SBX_EGONE, -SBX_ESYSTEM */
int process_signal(struct os_backend *b, struct op *op);

int process_describe(struct os_backend *b, const struct object *p, struct process_info *ret);

/*
 * Flush, store the result, the handles in it and the text that reports a failure, become EXITED. Each
 * may be NULL; a failure without a text is reported by what its record says. A failure to store is
 * returned, and nothing is published.
 */
int process_publish(struct os_backend *b, const struct buf *result, const struct op_refs *refs,
                    const struct buf *report, int exit_code);

/* Keep the SIGCHLD handler, which reaps, out of the table of children. Returns the signals that were
 * blocked before, for children_unlock. */
sigset_t children_lock(void);
void children_unlock(const sigset_t *old);

/* Reap one child if it has ended, by the table's index. Async-signal-safe. Signals must be blocked.
 */
bool process_reap(struct os_backend *b, uint32_t index);

/* Reap every child that has ended: what the SIGCHLD handler does. */
void process_reap_all(struct os_backend *b);

/* OP_PROCESS_AWAIT: wait for the children that are not daemons, then end those that are.
 * -SBX_EINTERRUPTED */
int process_wait_children(struct os_backend *b, struct op *op);

/* The calling process reached a limit of the run: have the supervisor end it, and wait for that. */
void process_over(struct os_backend *b, enum broker_kind what) __attribute__((noreturn));

#endif
