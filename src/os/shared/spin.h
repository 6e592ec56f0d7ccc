/*
 * os/shared/spin.h - waiting awake for a moment, where that pays.
 *
 * A sleep and a wake-up take longer than most items are apart. So a process that finds nothing spins
 * for some tens of microseconds before it sleeps, if another processor may be working on it
 * meanwhile. When spinning has not paid lately it does so more seldom, down to one wait in some
 * hundreds. Each try is long enough for the other process to wake up and answer: two processes that
 * both sleep could not find out otherwise that spinning has begun to pay.
 */
#ifndef SBX_OS_SHARED_SPIN_H
#define SBX_OS_SHARED_SPIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What one process has learned about one kind of wait. Zeroed: nothing yet. */
struct spin {
  uint32_t skip;     /* waits that are not watched before the next try */
  uint32_t skipping; /* how many those were at first; grows when a try is in vain, else shrinks */
  bool known;        /* not the first wait */
};

/* One wait, of `spin`; it may watch several times, until its time is up. Zeroed but for `spin`. */
struct spin_wait {
  struct spin *spin; /* borrowed */
  int64_t until_ns;  /* 0: did not watch yet */
  bool over;
};

/* Tell the processor that this is a busy loop. */
static inline void spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

/* Processors that this process may use, as known; at least 1. */
int spin_processors(void);

/* A forked child, or a process that changed its affinity: look again. */
void spin_forget(void);

/*
 * Watch two words until one of them is not `was` any more: returns true; or the time to watch is
 * up: false, and from then on at once.
 *   crowded      more processes live than there are processors: it has to prove itself first
 *   deadline_ns  it is not watched longer than this, either
 */
bool spin_watch(struct spin_wait *w, const _Atomic uint64_t *const words[2], const uint64_t was[2],
                bool crowded, int64_t deadline_ns);

/*
 * The first of many items came to a reader that takes nothing but items: wait 2 microseconds more,
 * without a look. A reader that takes each item at once takes the cache line from the writer for
 * each, and both are slower by half (measured: 3.7 and 6.5 million integers a second).
 */
void spin_linger(void);

/* What was waited for came. */
void spin_won(struct spin_wait *w);

#endif
