/*
 * os/shared/side.h - one side of a queue: a robust lock, and words that change all at once.
 *
 * The monitor's idea (os/shared/monitor.h) laid out for the queue's hot path. What the other side reads
 * (generation, `shown`, `pipe`) is one cache line, that it reads as seldom as it can; what the
 * holders of this side alone use is on others. A change writes the copies that are not current and
 * commits by one release store of `generation`: a process killed at any instruction leaves the old
 * words or the new ones.
 */
#ifndef SBX_OS_SHARED_SIDE_H
#define SBX_OS_SHARED_SIDE_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "os/shared/monitor.h"

enum { SIDE_SHOWN = 3, SIDE_OWN = 5, SIDE_SEEN = 3, CACHE_LINE = 64 };

struct side {
  alignas(128) pthread_mutex_t mutex;

  /* Hints, each right or on the safe side whenever its writer is killed: see os/queue/queue.h. */
  uint64_t seen[SIDE_SEEN]; /* holder: what it saw of the other side when it last looked */
  _Atomic uint32_t rung; /* holder, after it rang the other side's bell (1); holder of both, before
                            it silences that (0) */
  _Atomic uint32_t asleep; /* holder of both, before it sleeps (1); holder, when it woke it (0) */

  alignas(CACHE_LINE) _Atomic uint64_t
      generation;                /* holder: release, the commit; others: acquire */
  uint64_t shown[2][SIDE_SHOWN]; /* holder writes the copy that is not current; others side_read */
  _Atomic uint64_t pipe;         /* holder: what went through the pipe, see os/queue/queue.h */

  alignas(CACHE_LINE) uint64_t own[2][SIDE_OWN]; /* as `shown`, but holders only */
};

/* The holder's view of the current words. */
static inline const uint64_t *side_shown(const struct side *s) {
  return s->shown[atomic_load_explicit(&s->generation, memory_order_relaxed) & 1];
}

static inline const uint64_t *side_own(const struct side *s) {
  return s->own[atomic_load_explicit(&s->generation, memory_order_relaxed) & 1];
}

/* The next words. A change must fill all of both: they hold what was current before last. */
static inline uint64_t *side_next_shown(struct side *s) {
  return s->shown[(atomic_load_explicit(&s->generation, memory_order_relaxed) + 1) & 1];
}

static inline uint64_t *side_next_own(struct side *s) {
  return s->own[(atomic_load_explicit(&s->generation, memory_order_relaxed) + 1) & 1];
}

static inline void side_commit(struct side *s) {
  uint64_t g = atomic_load_explicit(&s->generation, memory_order_relaxed);
  atomic_store_explicit(&s->generation, g + 1, memory_order_release);
}

/* A commit that changes nothing, so that a process that watches the generation looks again. */
static inline void side_touch(struct side *s) {
  memcpy(side_next_shown(s), side_shown(s), sizeof s->shown[0]);
  memcpy(side_next_own(s), side_own(s), sizeof s->own[0]);
  side_commit(s);
}

/*
 * A consistent copy of `shown`, and of `own` if that is not NULL, without the lock. Returns the
 * generation it belongs to.
 */
static inline uint64_t side_read_all(const struct side *s, uint64_t shown[SIDE_SHOWN],
                                     uint64_t *own) {
  /*
   * The copy of generation g is overwritten only while g + 1 is current and g + 2 is being written;
   * so if the generation is still g afterwards, what was copied is whole. Word by word through
   * volatile: a torn copy is thrown away by the second look, whose load must not move before the
   * copying (fence, pairs with the release in side_commit). Only code that has broken out of Lua can write so fast that
   * no look comes to an end; it gets a torn copy.
   */
  for (int tries = 0;; tries++) {
    uint64_t g = atomic_load_explicit(&s->generation, memory_order_acquire);
    const volatile uint64_t *from = s->shown[g & 1], *from_own = s->own[g & 1];
    for (int i = 0; i < SIDE_SHOWN; i++)
      shown[i] = from[i];
    for (int i = 0; own && i < SIDE_OWN; i++)
      own[i] = from_own[i];
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&s->generation, memory_order_relaxed) == g || tries == LOOKS_MOST)
      return g;
  }
}

static inline uint64_t side_read(const struct side *s, uint64_t ret[SIDE_SHOWN]) {
  return side_read_all(s, ret, NULL);
}

#endif
