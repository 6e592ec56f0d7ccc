/*
 * os/shared/turns.h - real processes take their steps in a given order (--replay).
 *
 * The order is a list in shared memory, made before the run. A process that performs an op which is a
 * step (object/quiet.h) waits until it is its turn, performs it, and gives the turn on. Ops that are
 * no steps are not held up. An op that the list does not have waits until the list is done: in the
 * schedule it waits for ever. After the list everything runs freely.
 *
 * Turns change what perform() does: turns_install puts another table of functions in front of the
 * backend's. Without it there is no cost. Ops of several steps give the turn on in their middle:
 * turns_between.
 *
 * Nor can a process give its turn on that ends or stops itself: whoever waits does so when it has.
 *
 * The simulator has a process forget its garbage before each step, and a real one does so now and then. So what a handle had
 * found out may be known here and not there: a mailbox. The turn of asking for it is left out then.
 *
 * A process that is killed at a turn kills itself when it has come to the op that is named there, and waits for
 * its turn. If that op is none that waits for turns, a join, say, another process that waits for a turn kills
 * it, as soon as it sleeps in that op. Either way the turn is over when the process has been reaped.
 *
 * Whoever does something else than the list says, or does not come for TURNS_PATIENCE_NS, has made the
 * run differ: the first such step is written down, everything runs freely, and the run is ended.
 */
#ifndef SBX_OS_SHARED_TURNS_H
#define SBX_OS_SHARED_TURNS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "object/op.h"

struct os_backend;

enum {
  TURNS_MAX = 1 << 18,
  TURNS_PROCESSES = 4096,
  TURNS_TEXT = 64,
  TURNS_DIFFERENCE = 512,
  TURNS_NOBODY = -1 /* as a number of a process, in unsigned */
};
#define TURNS_PATIENCE_NS (5 * NS_PER_SECOND)

enum turn_flag {
  TURN_GOES_ON = 1, /* the op is not over with this step */
  TURN_LATE = 2,    /* it times out in this step */
  TURN_KILL = 4,    /* the process is killed where it asks for the op */
  TURN_QUIET = 8,   /* of a kill: the op is no step, so the process may sleep in it */
  TURN_SELF = 16,   /* a signal to itself: it may end, or stop, in the middle of its turn */
  TURN_SPARE = 32   /* it asks for a mailbox: a real process may know it from before, and not ask */
};

struct turn {
  uint32_t process; /* number, in the order of spawning; 0: main */
  uint16_t kind;    /* enum op_kind */
  uint16_t flags;   /* enum turn_flag */
  uint32_t
      about; /* of a PROCESS_LOOK: whose status; of a PROCESS_JOIN: whose end; else TURNS_NOBODY */
  int32_t number;        /* of a SELECT: which of its ops is done */
  char what[TURNS_TEXT]; /* "acquire lock#1" */
};

/* Processes are known by who spawned them, and as which of its children. */
struct turns_process {
  uint32_t spawner, nth;
  _Atomic uint64_t who; /* once it is spawned; 0: not yet */
  char name[TURNS_TEXT];
};

struct turns {
  uint32_t count, process_count;
  _Atomic uint32_t at;      /* the turn that somebody has, or is to take */
  _Atomic int64_t since_ns; /* since then */
  _Atomic uint32_t differs; /* 0; 1: it is being written; 2: `difference` */
  char difference[TURNS_DIFFERENCE];
  struct turns_process processes[TURNS_PROCESSES];
  struct turn list[TURNS_MAX];
};

/* Empty, in memory that processes forked later share; NULL without memory. */
struct turns *turns_new(void);
void turns_free(struct turns *t);

/* Has the run gone as the list says? To be called after the run; else `ret` gets what differs. The processes of a strict
 * run are not trusted, and nor is what they can write: nothing of it is followed out of the list. */
bool turns_done(struct turns *t, char ret[TURNS_DIFFERENCE]);

/* Take turns, in this process and all that it forks. -SBX_ENOMEM; to be released */
int turns_install(struct os_backend *b, struct turns *t);
void turns_release(struct os_backend *b);

/*
 * In the middle of an op, which is now in line: its present step is done, if the list says that the op
 * goes on. Gives the turn on, waits for the next turn of the op, and sets its deadline as the list
 * says. Returns false if nothing of that is so, and the op is to wait as usual.
 */
bool turns_between(struct os_backend *b, struct op *op);

/* The present step is done, and what is left of the op is none. */
void turns_pass(struct os_backend *b);

/* Which of its ops a select does in its present turn; 0 if the list does not say it. */
uint32_t turns_choice(const struct os_backend *b, const struct op *op);

/* Does the op time out, by its present turn? */
bool turns_is_late(const struct os_backend *b);

/* Does the op not end with its present turn? */
bool turns_goes_on(const struct os_backend *b);

#endif
