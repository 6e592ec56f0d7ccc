/*
 * object/sync.h - the state machines of the synchronisation objects. Pure.
 *
 * A lock, a semaphore, an event, ... is a machine: a row of functions over a state of a few words.
 * A backend keeps the state where it likes and runs one loop for all of them (os/sync/sync.h):
 *
 *   enabled?  yes: apply, which says how many waiters may now go on
 *             no:  join the wait queue, and ask again when woken up
 *
 * Vocabulary
 *   who     a process, in one word; 0 is nobody
 *   line    the wait queue of the object: the waiting processes, each with a ticket
 *   second  a line besides, for ops that wait for something else than the others: they are woken apart,
 *           and hold up nobody in the first. Tickets are of both
 *   ticket  a growing number: an earlier waiter has a lower one; 0 is "not waiting". An object that
 *           releases many waiters at once stores the newest ticket of that moment as a bound: all
 *           that waited then go on, whatever happens to the object before they look
 *   gone    a process that can do nothing any more, whether it left or was killed
 *
 * What a machine needs to know about the processes around it, it asks the world (struct
 * sync_world), so that a simulation can answer the same questions.
 */
#ifndef SBX_OBJECT_SYNC_H
#define SBX_OBJECT_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "object/help.h"
#include "object/op.h"

enum {
  SYNC_WORDS = 48,    /* most words that a state may have */
  SYNC_ENTERED = 1,   /* from apply: the state has changed, and now the op waits in the queue */
  SYNC_SAME = 3,      /* from apply: done, and nothing has changed */
  SYNC_ABANDONED = 1, /* in place of a process: one that is gone, no matter which */
  SYNC_ALL = -1       /* for sync_step.wake: all waiters */
};

/* A process, in one word. */
static inline uint64_t who_of(uint32_t slot, uint64_t serial) { return serial << 16 | slot; }
static inline uint32_t who_slot(uint64_t who) { return (uint32_t)(who & 0xffff); }
static inline uint64_t who_serial(uint64_t who) { return who >> 16; }

/* One op as a machine sees it. */
struct sync_step {
  enum op_kind kind;
  struct op *op; /* borrowed; for machines that need more than the fields here */
  uint64_t who;
  uint64_t ticket;      /* 0: not waiting */
  bool patient;         /* it would wait without end */
  uint64_t count;       /* as in struct op; LOCK_*: levels, where 0 means 1; RELEASE returns how
                          many it released */
  bool abandoned;       /* out: as in struct op */
  int result;           /* out: what an op returns that apply completed */
  uint64_t wake;        /* out: so many waiters may now go on; (uint64_t)SYNC_ALL */
  uint64_t wake_after;  /* out: not counting waiters with tickets up to this one */
  uint64_t wake_second; /* out: so many of the second line; (uint64_t)SYNC_ALL */
};

/* What a machine can ask about the world. */
struct sync_world {
  const struct sync_world_ops *ops;
  void *ctx;
};

struct sync_world_ops {
  /* Is this process gone? */
  bool (*gone)(void *ctx, uint64_t who);
  /* The ticket of the n-th living waiter (from 1) after `after`; the last if there are fewer, 0 if
   * none. */
  uint64_t (*nth)(void *ctx, uint64_t after, uint64_t n);
  /* The number of living waiters after `after`. */
  uint64_t (*count)(void *ctx, uint64_t after);
  /* The lowest ticket of the waiters in the first or second line that live and are not stopped, or
   * not for long; 0: there is none. */
  uint64_t (*first)(void *ctx, bool second);
  /* The newest ticket handed out. */
  uint64_t (*newest)(void *ctx);
  /* Put the calling process into the wait queue; returns its new ticket, 0 when the queue is
   * full. */
  uint64_t (*enter)(void *ctx);
  /* Is there a process that may still arrive, or whose wait will time out? Also true when finding
   * out would take long. */
  bool (*outsiders)(void *ctx);
};

/* How a process ends that can still say so itself. */
enum sync_end {
  END_OF_CODE, /* its code has finished, but how it ends is not known yet */
  END_WELL,
  END_FAILED /* with an error */
};

struct sync_machine {
  enum object_type type;
  /* The number of words of the state in use. */
  uint32_t (*words)(const uint64_t *s);
  /* Initialise a new object; `s` is zeroed. */
  void (*init)(uint64_t *s, const struct sync_options *o);
  /* Is the op enabled, whether it would succeed or fail? */
  bool (*enabled)(const uint64_t *s, const struct sync_step *step, const struct sync_world *w);
  /* Perform an op that is enabled. 0, SYNC_ENTERED, SYNC_SAME, or -SBX_* with the state
   * unchanged. */
  int (*apply)(uint64_t *s, struct sync_step *step, const struct sync_world *w);
  /* The op stops waiting. True: the state has changed. NULL: it never does. */
  bool (*give_up)(uint64_t *s, struct sync_step *step, const struct sync_world *w);
  /* The process step->who ends by itself and gives up what it holds. True: the state has changed.
   * NULL: it never does. */
  bool (*leave)(uint64_t *s, struct sync_step *step, enum sync_end how);
  /* The processes whose end may let waiters go on; returns how many. NULL: there are none. */
  uint32_t (*watch)(const uint64_t *s, uint64_t ret[SYNC_WORDS]);
  /* The op by which a process has the object in its hands, of which it will be relieved when it
   * ends; OP_NONE: it has not. NULL: nobody ever has. */
  enum op_kind (*taken_by)(const uint64_t *s, uint64_t who);
  /* Only those processes can let waiters go on. */
  bool watch_only;
  /* Do ops of this kind wait in the second line? NULL: there is none. */
  bool (*second)(enum op_kind kind);
  /* Could another process let an op that waits go on? See object/help.h. */
  helps_fn *helps;
  /*
   * Write equal states equally, however they came about: tickets become ranks in the wait queue,
   * processes that are gone become SYNC_ABANDONED, lists are sorted, and words without meaning are
   * 0. A canonical state behaves from then on as the original would have. The caller must renumber
   * the wait queue by its ranks, too (1 for the first living waiter).
   */
  void (*canonical)(uint64_t *s, const struct sync_world *w);
  /* Fill in what the state can tell. */
  void (*describe)(const uint64_t *s, const struct sync_world *w, struct sync_info *ret);
  /* First come, first served, one at a time: nobody overtakes a process that has waited for
   * long. */
  bool in_order;
};

/* Does an op of this kind wait in the second line? */
static inline bool sync_is_second(const struct sync_machine *m, enum op_kind kind) {
  return m->second && m->second(kind);
}

/* The machine of a type; NULL if it is not a synchronisation object. */
const struct sync_machine *sync_machine_of(enum object_type type);

static inline bool world_gone(const struct sync_world *w, uint64_t who) {
  return who == SYNC_ABANDONED || w->ops->gone(w->ctx, who);
}

/* The number of living waiters with tickets up to this one. */
static inline uint64_t world_rank(const struct sync_world *w, uint64_t ticket) {
  return w->ops->count(w->ctx, 0) - w->ops->count(w->ctx, ticket);
}

/* Words say how many others are in use, and machines believe them. Of words that another could have written, ask this
 * before a machine sees them. */
bool sync_is_sound(enum object_type type, const uint64_t *s);

/* Sort a few words. */
void sync_sort(uint64_t *words, uint64_t count);

/*
 * May the process of a step take the object without looking at the wait queue? Yes if the machine
 * keeps no order, if the op never waits, or if the process owns the object already. Otherwise it
 * goes behind a first waiter that is due (object/fair.h).
 */
bool sync_passes_line(const struct sync_machine *m, const uint64_t *s,
                      const struct sync_step *step);

extern const struct sync_machine lock_machine, semaphore_machine, event_machine;
extern const struct sync_machine condition_machine, barrier_machine, value_machine, dict_machine,
    progress_machine, pipe_machine, latch_machine, rwlock_machine, array_machine;

#endif
