/*
 * os/shared/wait.h - the one place where a process sleeps.
 */
#ifndef SBX_OS_SHARED_WAIT_H
#define SBX_OS_SHARED_WAIT_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "os/shared/self.h"

/*
 * Tells a process to look again at what it waits for. It is a signal that is ignored by default, so
 * it does no harm to a process that was given the pid meanwhile.
 */
enum { WAKE_SIGNAL = SIGURG };

/*
 * Sleep until one of `fds` is ready, the deadline passes or a signal arrives, be it after the last
 * wait_fds; publishes the op before. `fds` may be NULL with n 0. Returns 0 (look again, spurious
 * wake-ups happen), -SBX_ETIMEDOUT, -SBX_EINTERRUPTED.
 */
int wait_fds(struct os_backend *b, const struct op *op, struct pollfd *fds, nfds_t n,
             int64_t deadline_ns);

/*
 * What a sleeper looks at: descriptors and times, named by the objects that it waits for (their
 * `arm` functions). Adding cannot fail for good: what there is no memory for is looked at again
 * after a short time.
 */
enum { WAIT_INLINE = 8, WAIT_SLICE_NS = 5 * 1000 * 1000 };

struct wait_set {
  struct pollfd *fds; /* `own_fds`, or owned */
  nfds_t n, cap;
  bool *close; /* parallel to fds: close it afterwards */
  int64_t deadline_ns;
  struct pollfd own_fds[WAIT_INLINE];
  bool own_close[WAIT_INLINE];
};

void wait_set_init(struct wait_set *w, int64_t deadline_ns);
/* Wake when `fd` is readable. `close`: it is the set's. */
void wait_set_add(struct wait_set *w, int fd, bool close);
/* Wake at that time, at the latest. */
void wait_set_until(struct wait_set *w, int64_t time_ns);
/* Wake after a slice: what is waited for has no descriptor now. */
void wait_set_slice(struct wait_set *w);
/*
 * Sleep as wait_fds, and release the set. A time of the set that passes before the op's deadline is
 * a wake-up: 0 is returned.
 */
int wait_set_sleep(struct os_backend *b, const struct op *op, struct wait_set *w);
void wait_set_release(struct wait_set *w);

/* Tell in this process's record what it waits for, and that it does no more. wait_fds does it by
 * itself. */
void wait_publish(struct os_backend *b, const struct op *op);
void wait_withdraw(struct os_backend *b);
/* An interrupt ended the wait: the op stays told, for the summary of the run, but as one that is
 * over. */
void wait_interrupted(struct os_backend *b);

/*
 * Lock a mutex, a monitor, for an op, until its deadline. A process that waits for longer than a
 * slice, since the holder is stopped, publishes that. Returns what mutex_lock returns.
 */
int wait_mutex_slow(struct os_backend *b, pthread_mutex_t *m, int tried, enum lock_rank rank,
                    const struct op *op);
static inline int wait_mutex(struct os_backend *b, pthread_mutex_t *m, enum lock_rank rank,
                             const struct op *op) {
  int tried = pthread_mutex_trylock(m);
  if (tried)
    return wait_mutex_slow(b, m, tried, rank, op);
  lock_rank_push(rank);
  return 0;
}
int wait_monitor(struct os_backend *b, struct monitor *m, enum lock_rank rank, const struct op *op);

/* OP_CLOCK_SLEEP. 0 or -SBX_EINTERRUPTED. */
int wait_sleep(struct os_backend *b, struct op *op);

/* Is the deadline reached? A deadline of SBX_FOREVER never is. */
bool deadline_passed(int64_t deadline_ns);

#endif
