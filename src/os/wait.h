/*
 * os/wait.h - the one place where a process sleeps.
 */
#ifndef SBX_OS_WAIT_H
#define SBX_OS_WAIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "os/self.h"

/*
 * Sleep until one of `fds` is ready, the deadline passes or a signal arrives; publishes the op
 * before. `fds` may be NULL with n 0. Returns 0 (look again, spurious wake-ups happen),
 * -SBX_ETIMEDOUT, -SBX_EINTERRUPTED.
 */
int wait_fds(struct os_backend *b, const struct op *op, struct pollfd *fds, nfds_t n,
             int64_t deadline_ns);

/* Tell in this process's record what it waits for, and that it does no more. wait_fds does it by
 * itself. */
void wait_publish(struct os_backend *b, const struct op *op);
void wait_withdraw(struct os_backend *b);
/* An interrupt ended the wait: the op stays told, for the summary of the run, but as one that is
 * over. */
void wait_interrupted(struct os_backend *b);

/* OP_CLOCK_SLEEP. 0 or -SBX_EINTERRUPTED. */
int wait_sleep(struct os_backend *b, const struct op *op);

/* Is the deadline reached? A deadline of SBX_FOREVER never is. */
bool deadline_passed(int64_t deadline_ns);

#endif
