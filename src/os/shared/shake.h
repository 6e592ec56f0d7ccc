/*
 * os/shared/shake.h - pauses before ops, so that orders come up that are rare otherwise (--shake).
 *
 * A race shows when a process is late at one place: between a test and what was decided by it, between
 * two locks. Left to itself, the system preempts a process there perhaps once in ten thousand runs. So
 * each process of a shaken run pauses now and then before an op that another process could notice, or
 * that could notice what another one did (by the rows of object/ops.def).
 *
 * The pauses are drawn from the seed of the shaking, the seed of the process (which stands for the path
 * of spawns to it) and the number of its ops so far: the same run has the same pauses again. What
 * the system does meanwhile is not repeated.
 *
 *   random  each op pauses with some probability, for a time of mixed length
 *   pct     each process has a priority, which says how long it pauses before each op; at a few of its
 *           ops it pauses for long, so that others overtake it, and gets another one. (After
 *           Burckhardt et al., probabilistic concurrency testing; there a scheduler obeys the
 *           priorities, here they are only times.)
 *
 * A process pauses for at most SHAKE_MOST_NS in all. A run that is not shaken does not even ask: the
 * backend's table is another one.
 */
#ifndef SBX_OS_SHARED_SHAKE_H
#define SBX_OS_SHARED_SHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "object/op.h"

struct os_backend;

enum shake_mode { SHAKE_NONE, SHAKE_RANDOM, SHAKE_PCT };

enum {
  SHAKE_LEVELS = 4, /* random: from many pauses to few; pct: from few places to many */
  SHAKE_CHANGES = SHAKE_LEVELS,
  SHAKE_YIELD_NS = 1, /* this long: only let others go first */
  SHAKE_LONGEST_NS = 15 * (int)NS_PER_MS,
  SHAKE_MOST_NS = 300 * (int)NS_PER_MS
};

struct shake_options {
  enum shake_mode mode;
  unsigned level; /* below SHAKE_LEVELS */
  uint64_t seed;
};

/* The pauses of one process. */
struct shake_plan {
  struct shake_options o;
  uint64_t process;                /* its seed */
  uint64_t op;                     /* ops so far */
  int64_t left_ns;                 /* of all its pauses */
  int64_t step_ns;                 /* pct: the pause before each op */
  uint64_t changes[SHAKE_CHANGES]; /* pct: the ops with a long pause and a new priority; 0: none */
};

/* A plan for the process with this seed. Pure, as shake_next is. */
void shake_plan_begin(struct shake_plan *p, const struct shake_options *o, uint64_t process);

/* How long to pause before the next op, in nanoseconds: 0 (at once) to SHAKE_LONGEST_NS. */
int64_t shake_next(struct shake_plan *p);

/* Can an op of this kind influence another process, or be influenced by it? */
bool shake_concerns(enum op_kind kind);

/* Before main is forked: let the ops of it and of its descendants pause. -SBX_ENOMEM */
int shake_install(struct os_backend *b, const struct shake_options *o);

/* Free what shake_install made, in the process that called it. */
void shake_release(struct os_backend *b);

#endif
