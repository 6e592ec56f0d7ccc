/*
 * os/shared/monitor.h - the kill-safe container of shared state: a robust mutex, two copies, a generation.
 *
 * The copies belong to the caller: words of any number, of which the second copy stands `stride`
 * words after the first. `generation & 1` selects the current copy. A change is written to the other
 * copy and committed by one release store of `generation`; so a process killed at any instruction
 * leaves the old state or the new one, never a mixture. After EOWNERDEAD there is nothing to repair:
 * pthread_mutex_consistent(3), and on.
 *
 * Lives in the control block, which is never unmapped (glibc BZ#14485). Processes are made by
 * fork(): the owner of a robust mutex made by raw clone3 would never yield EOWNERDEAD.
 */
#ifndef SBX_OS_SHARED_MONITOR_H
#define SBX_OS_SHARED_MONITOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOOKS_MOST = 1 << 16 }; /* of a reader without the lock, should each be disturbed */

/* Locks are taken in the order of their rank, and debug builds check it. */
enum lock_rank { RANK_NONE = 0, RANK_QUEUE_PUT = 30, RANK_QUEUE_GET = 31, RANK_SYNC = 40 };

struct monitor {
  pthread_mutex_t mutex;
  _Atomic uint64_t generation; /* holder of mutex: release, the commit; readers: acquire */
};

/* Make a monitor in zeroed or abandoned shared memory; nobody else may know it yet. 0 or
 * -SBX_ENOMEM. */
int monitor_init(struct monitor *m);

/* The mutex alone, for callers that bring their own container (os/shared/side.h). 0 or -SBX_ENOMEM. */
int mutex_init(pthread_mutex_t *m);

/*
 * Lock, waiting until `deadline_ns` at least and in slices of 100 ms, later up to 800, so that an
 * interrupt is seen and a holder that is stopped costs a timeout, not a hang. However near the
 * deadline, one slice is waited: a holder that runs lets go within microseconds, and a poll should
 * not fail for that. For a moment it waits awake, if there is another processor on which the holder
 * may run.
 *   interrupted  looked at between slices; NULL: never
 * Returns 0, -SBX_ETIMEDOUT or -SBX_EINTERRUPTED.
 */
int mutex_lock_slow(pthread_mutex_t *m, int tried, enum lock_rank rank, int64_t deadline_ns,
                    const volatile int *interrupted); /* `tried`: what a trylock returned */

/* The ranks that the process holds: debug builds check their order. */
#ifdef NDEBUG
static inline void lock_rank_push(enum lock_rank rank) { (void)rank; }
static inline void lock_rank_pop(enum lock_rank rank) { (void)rank; }
#else
void lock_rank_push(enum lock_rank rank);
void lock_rank_pop(enum lock_rank rank);
#endif

static inline int mutex_lock(pthread_mutex_t *m, enum lock_rank rank, int64_t deadline_ns,
                             const volatile int *interrupted) {
  int tried = pthread_mutex_trylock(m);
  if (tried)
    return mutex_lock_slow(m, tried, rank, deadline_ns, interrupted);
  lock_rank_push(rank);
  return 0;
}

static inline void mutex_unlock(pthread_mutex_t *m, enum lock_rank rank) {
  lock_rank_pop(rank);
  pthread_mutex_unlock(m);
}

/* The same for a monitor. */
int monitor_lock(struct monitor *m, enum lock_rank rank, int64_t deadline_ns,
                 const volatile int *interrupted);
void monitor_unlock(struct monitor *m, enum lock_rank rank);

/* The current copy. Holder only. */
static inline uint64_t *monitor_state(const struct monitor *m, uint64_t *copies, size_t stride) {
  return copies + (m->generation & 1) * stride;
}

/* The other copy, to be changed: its first `words` words are filled with the current state. Holder
 * only; nothing is changed until monitor_commit. */
uint64_t *monitor_next(const struct monitor *m, uint64_t *copies, size_t stride, size_t words);

/* Make what monitor_next returned the current state. */
void monitor_commit(struct monitor *m);

/* A consistent copy of the first `words` words, without the lock. Returns the generation that it
 * belongs to. */
uint64_t monitor_read(const struct monitor *m, const uint64_t *copies, size_t stride, size_t words,
                      uint64_t *ret);

/* A forked child holds no lock, whatever its parent's thread held. */
#ifdef NDEBUG
static inline void monitor_forget_ranks(void) {}
#else
void monitor_forget_ranks(void);
#endif

#endif
