/*
 * base/meter.h - how much memory a run has, counted where a process takes it.
 *
 * The run's processes share one meter; each takes from it in steps, when its arena grows, and gives back
 * when that shrinks. What a process has taken is also noted beside it, so that its reaper can give it back
 * when it dies without a word. A kill between the two counts a step too many, for ever.
 */
#ifndef SBX_BASE_METER_H
#define SBX_BASE_METER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* In shared memory. */
struct meter {
  int64_t limit;        /* bytes; written before the first fork; 0: none */
  _Atomic int64_t used; /* bytes; all */
  _Atomic int64_t
      shared; /* bytes that no process has for itself: the supervisor, as it last saw them */
};

/* A process and the meter. */
struct meter_place {
  struct meter *meter;   /* NULL: nothing is counted */
  _Atomic int64_t *mine; /* bytes; written by the process, and by its reaper */
};

static inline bool meter_over(const struct meter *m, int64_t more) {
  return atomic_load(&m->used) + atomic_load(&m->shared) + more > m->limit;
}

/* Take so many bytes. False: the limit is in the way, and nothing was taken. */
static inline bool meter_take(const struct meter_place *p, int64_t bytes) {
  if (meter_over(p->meter, bytes))
    return false;
  atomic_fetch_add(&p->meter->used, bytes);
  atomic_fetch_add(p->mine, bytes);
  return true;
}

static inline void meter_give(const struct meter_place *p, int64_t bytes) {
  atomic_fetch_sub(p->mine, bytes);
  atomic_fetch_sub(&p->meter->used, bytes);
}

/* The process has ended: give back what it had. Async-signal-safe. */
static inline void meter_ended(const struct meter_place *p) {
  atomic_fetch_sub(&p->meter->used, atomic_exchange(p->mine, 0));
}

#endif
