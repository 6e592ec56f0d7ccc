/*
 * object/sync.h - what the synchronisation objects mean, without any I/O.
 *
 * A lock, a semaphore, an event, ... is a machine: a row of functions over a state of a few words.
 * A backend keeps the state where it likes, and has one loop for all of them (os/sync/sync.h):
 *
 *   enabled?  yes: apply, which says how many of those who wait may now go on
 *             no:  wait in line, and ask again when told
 *
 * Vocabulary
 *   who     a process, in one word; 0 is nobody
 *   line    the processes that wait for the object, each with a ticket
 *   ticket  a number that grows: who came first has the lower one; 0 is "not in line". An object
 *           that lets many go at once remembers the newest ticket of that moment: so all who waited
 *           then go on, whatever happens to the object before they look
 *   gone    a process that can do nothing any more, whether it left or was killed
 *
 * What a machine must know of the processes around it, it asks the world. The same questions can be
 * answered by a simulation.
 */
#ifndef SBX_OBJECT_SYNC_H
#define SBX_OBJECT_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "object/op.h"

enum {
  SYNC_WORDS = 48,    /* most words that a state has */
  SYNC_ENTERED = 1,   /* of apply: the state has changed, and now the op waits in line */
  SYNC_SAME = 3,      /* of apply: done, and nothing has changed */
  SYNC_ABANDONED = 1, /* instead of a process: one that is gone, whoever it was */
  SYNC_ALL = -1       /* for sync_step.wake: everybody in line */
};

/* A process, in one word. */
static inline uint64_t who_of(uint32_t slot, uint64_t serial) { return serial << 16 | slot; }
static inline uint32_t who_slot(uint64_t who) { return (uint32_t)(who & 0xffff); }
static inline uint64_t who_serial(uint64_t who) { return who >> 16; }

/* One op as the machines see it. */
struct sync_step {
  enum op_kind kind;
  struct op *op; /* borrowed; for those whose ops have more than these fields */
  uint64_t who;
  uint64_t ticket;     /* 0: not in line */
  bool patient;        /* it would wait for ever */
  uint64_t count;      /* as in struct op; LOCK_*: levels, 0 counts as 1, and RELEASE tells */
  bool abandoned;      /* out: as in struct op */
  int result;          /* out: what an op that apply performed returns */
  uint64_t wake;       /* out: so many in line may now go on; (uint64_t)SYNC_ALL */
  uint64_t wake_after; /* out: not counting tickets up to this one */
};

/* What a machine asks of the world. */
struct sync_world {
  const struct sync_world_ops *ops;
  void *ctx;
};

struct sync_world_ops {
  /* Is this process gone? */
  bool (*gone)(void *ctx, uint64_t who);
  /* The n-th ticket (from 1) of the living in line after `after`; of fewer the last, of none 0. */
  uint64_t (*nth)(void *ctx, uint64_t after, uint64_t n);
  /* How many of the living are in line after `after`. */
  uint64_t (*count)(void *ctx, uint64_t after);
  /* The newest ticket of all. */
  uint64_t (*newest)(void *ctx);
  /* Put the process whose step it is in line; its new ticket, 0 when the line is full. */
  uint64_t (*enter)(void *ctx);
  /* Is there a process that may still come, or will give up in time? True also when it would take
   * long to know. */
  bool (*outsiders)(void *ctx);
};

/* How a process leaves that can still say so. */
enum sync_end {
  END_OF_CODE, /* it runs nothing any more, but how it ends is not known yet */
  END_WELL,
  END_FAILED /* with an error */
};

struct sync_machine {
  enum object_type type;
  /* How many words of the state are in use. */
  uint32_t (*words)(const uint64_t *s);
  /* The state of a new object; `s` is zeroed. */
  void (*init)(uint64_t *s, const struct sync_options *o);
  /* Can the op go on now, be it to succeed or to fail? */
  bool (*enabled)(const uint64_t *s, const struct sync_step *step, const struct sync_world *w);
  /* Perform an op that is enabled. 0, SYNC_ENTERED, or -SBX_*, and the state is unchanged. */
  int (*apply)(uint64_t *s, struct sync_step *step, const struct sync_world *w);
  /* The op is tired of waiting. True: the state has changed. NULL: it never does. */
  bool (*give_up)(uint64_t *s, struct sync_step *step, const struct sync_world *w);
  /* step->who leaves by itself, and gives up what it has. True: the state has changed. NULL: it
   * never does. */
  bool (*leave)(uint64_t *s, struct sync_step *step, enum sync_end how);
  /* The processes whose end may let others go on; how many. NULL: it never does. */
  uint32_t (*watch)(const uint64_t *s, uint64_t ret[SYNC_WORDS]);
  /* Nobody but these can let others go on. */
  bool watch_only;
  /*
   * Write the same state the same way, however it came about: tickets become ranks in the line,
   * processes that are gone become one, lists are sorted, and words that mean nothing are 0. What a
   * canonical state does from then on is what the state would have done. The line is to be
   * renumbered by its ranks, too (1 for the first of the living).
   */
  void (*canonical)(uint64_t *s, const struct sync_world *w);
  /* Fill what the state tells. */
  void (*describe)(const uint64_t *s, const struct sync_world *w, struct sync_info *ret);
  /* First come, first served, one by one: nobody overtakes who has waited for long. */
  bool in_order;
};

/* The machine of a type; NULL if it is no synchronisation object. */
const struct sync_machine *sync_machine_of(enum object_type type);

static inline bool world_gone(const struct sync_world *w, uint64_t who) {
  return who == SYNC_ABANDONED || w->ops->gone(w->ctx, who);
}

/* How many of the living in line have tickets up to this one. */
static inline uint64_t world_rank(const struct sync_world *w, uint64_t ticket) {
  return w->ops->count(w->ctx, 0) - w->ops->count(w->ctx, ticket);
}

/* Sort words, of which there are few. */
void sync_sort(uint64_t *words, uint64_t count);

/*
 * May the process of a step take the object without a look at the line? Yes if the machine keeps no
 * order, if the op never waits, and if the process owns the object already. Otherwise it goes
 * behind those that fair_must_yield (object/fair.h) names.
 */
bool sync_passes_line(const struct sync_machine *m, const uint64_t *s,
                      const struct sync_step *step);

extern const struct sync_machine lock_machine, semaphore_machine, event_machine;
extern const struct sync_machine condition_machine, barrier_machine, value_machine, dict_machine,
    pipe_machine;

#endif
