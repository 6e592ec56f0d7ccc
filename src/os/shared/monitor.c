/* os/shared/monitor.c - see monitor.h. */
#include "os/shared/monitor.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "os/shared/spin.h"

enum {
  SLICE_NS = 100 * 1000 * 1000,      /* the first; each is twice as long as the one before */
  SLICE_MOST_NS = 800 * 1000 * 1000, /* shorter than the grace after an interrupt */
  LOCK_ROUNDS = 12,                  /* attempts awake before a sleep */
  LOCK_PAUSES = 8                    /* between two */
};

#ifndef NDEBUG

/* A stack of at most a few, private to the process. */
static enum lock_rank held_ranks[4];
static int held_count;

void lock_rank_push(enum lock_rank rank) {
  assert(held_count < 4 && (held_count == 0 || held_ranks[held_count - 1] < rank));
  held_ranks[held_count++] = rank;
}

void lock_rank_pop(enum lock_rank rank) {
  assert(held_count > 0 && held_ranks[held_count - 1] == rank);
  (void)rank;
  held_count--;
}

void monitor_forget_ranks(void) { held_count = 0; }

#endif

int mutex_init(pthread_mutex_t *m) {
  pthread_mutexattr_t attr;
  if (pthread_mutexattr_init(&attr))
    return -SBX_ENOMEM;
  pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
  int rc = pthread_mutex_init(m, &attr);
  pthread_mutexattr_destroy(&attr);
  return rc ? -SBX_ENOMEM : 0;
}

/* One attempt that lasts at most a slice. */
static int lock_slice(pthread_mutex_t *m, int64_t until_ns) {
  struct timespec t = {.tv_sec = until_ns / NS_PER_SECOND, .tv_nsec = until_ns % NS_PER_SECOND};
  return pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &t);
}

/* A holder that runs lets go soon: sooner than a sleep and a wake-up take. */
static int lock_awake(pthread_mutex_t *m) {
  int rc = EBUSY;
  if (spin_processors() < 2)
    return rc;
  for (int round = 0; rc == EBUSY && round < LOCK_ROUNDS; round++) {
    for (int i = 0; i < LOCK_PAUSES; i++)
      spin_pause();
    rc = pthread_mutex_trylock(m);
  }
  return rc;
}

static int lock_asleep(pthread_mutex_t *m, int64_t deadline_ns, const volatile int *interrupted) {
  int rc = EBUSY;
  int64_t slice = 0;
  while (rc == EBUSY || rc == ETIMEDOUT) {
    int64_t now = clock_now_ns();
    if (slice > 0 && now >= deadline_ns)
      return -SBX_ETIMEDOUT;
    bool first = slice == 0; /* has its time even if there is none: a holder that runs lets go, and
                                a release must not be lost because of an interrupt */
    if (!first && interrupted && *interrupted)
      return -SBX_EINTERRUPTED;
    slice = first ? SLICE_NS : slice < SLICE_MOST_NS ? 2 * slice : SLICE_MOST_NS;
    rc = lock_slice(m, first || now + slice < deadline_ns ? now + slice : deadline_ns);
  }
  return rc;
}

int mutex_lock_slow(pthread_mutex_t *m, int tried, enum lock_rank rank, int64_t deadline_ns,
                    const volatile int *interrupted) {
  int rc = tried == EBUSY ? lock_awake(m) : tried;
  if (rc == EBUSY && (rc = lock_asleep(m, deadline_ns, interrupted)) < 0)
    return rc;
  if (rc == EOWNERDEAD)
    rc = pthread_mutex_consistent(m); /* the state is whole: see the top of monitor.h */
  assert(rc == 0);
  lock_rank_push(rank);
  return 0;
}

int monitor_init(struct monitor *m) {
  memset(m, 0, sizeof *m);
  return mutex_init(&m->mutex);
}

int monitor_lock(struct monitor *m, enum lock_rank rank, int64_t deadline_ns,
                 const volatile int *interrupted) {
  return mutex_lock(&m->mutex, rank, deadline_ns, interrupted);
}

void monitor_unlock(struct monitor *m, enum lock_rank rank) { mutex_unlock(&m->mutex, rank); }

uint64_t *monitor_next(const struct monitor *m, uint64_t *copies, size_t stride, size_t words) {
  const uint64_t *now = monitor_state(m, copies, stride);
  uint64_t *next = copies + ((m->generation + 1) & 1) * stride;
  memcpy(next, now, words * sizeof *next);
  return next;
}

void monitor_commit(struct monitor *m) {
  atomic_store_explicit(&m->generation, m->generation + 1, memory_order_release);
}

uint64_t monitor_read(const struct monitor *m, const uint64_t *copies, size_t stride, size_t words,
                      uint64_t *ret) {
  /*
   * The copy of generation g is overwritten only while g + 1 is current and g + 2 is being written;
   * so if the generation is still g afterwards, what was copied is whole. Word by word through
   * volatile: a torn copy is thrown away by the second look, whose load must not move before the
   * copying (fence, pairs with the release in commit). Only code that has broken out of Lua can write so fast that no
   * look comes to an end; it gets a torn copy.
   */
  for (int tries = 0;; tries++) {
    uint64_t g = atomic_load_explicit(&m->generation, memory_order_acquire);
    const volatile uint64_t *state = copies + (g & 1) * stride;
    for (size_t i = 0; i < words; i++)
      ret[i] = state[i];
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&m->generation, memory_order_relaxed) == g || tries == LOOKS_MOST)
      return g;
  }
}
