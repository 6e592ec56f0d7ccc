/*
 * sim/world.h - what the processes of a simulated run share: objects, processes, the clock. Pure.
 *
 * The meaning of each op is that of the machines in src/object; here are their states, the wait
 * queues, who holds what, and the steps of ops that have several. Nothing waits, and nothing here
 * knows Lua, stacks or images. A process asks for an op (request.h); whoever drives the run asks
 * which processes can go on (world_can), and lets one take a step (world_step), until it has its
 * answer.
 *
 * A world can be written as bytes and read again. The bytes are canonical: worlds that behave
 * equally from then on are equal bytes, as far as the machines can tell (sync_machine.canonical).
 *
 * Steps. An op is one step, but:
 *   - CONDITION_WAIT: enter and release the lock; be woken up, or time out; have the lock again
 *     (object/compose.h). Being woken up and taking the lock is one step when `merge_relock` is set
 *   - BARRIER_WAIT: arrive; leave. The last to arrive does both at once
 *   - RWLOCK_READ and WRITE, of one that is taken: join the line; have it
 *   - EVENT_WAIT, of an event that is not set: join the line; leave. So a process may come too late
 *     for a set that is followed by a clear. The same in a SELECT
 *   - PROCESS_AWAIT: give up locks and the like, if it has any; wait for the children
 *   - where the order of arrival does not matter, there is no line: an op waits from when it is
 *     asked for, which is no step
 * Time: a step takes none. The clock moves by world_advance alone.
 */
#ifndef SBX_SIM_WORLD_H
#define SBX_SIM_WORLD_H

#include "object/process.h"
#include "sim/request.h"

struct world;
struct snapshot;

/* How a process stands. */
struct world_process {
  uint64_t serial; /* main's is 1 */
  uint64_t spawner;
  enum process_phase phase; /* object/process.h; ENDED: it takes no more steps */
  bool daemon, quiet, stopped, expected, joined, looked;
  int exit_code, signal;
  bool failed;      /* it is not main, ended badly, not on purpose, and nobody joined it so far */
  const char *name; /* borrowed until the next call */
  const char *where;
};

struct world_options {
  uint64_t seed;
  int64_t wall_ns;   /* the time of day at the beginning, since 1970 */
  bool merge_relock; /* see above */
  bool forgets_done; /* world_save: nobody asks which items of a queue were marked as done */
};

/* A world in which main runs, serial 1, and nothing else exists. -SBX_ENOMEM */
int world_new(const struct world_options *o, struct world **ret);
void world_free(struct world *w);

/* Append its canonical bytes; it is the same world afterwards. -SBX_ENOMEM */
int world_save(struct world *w, struct buf *out);
/* Replace everything in `w` by what world_save wrote. -SBX_ENOMEM, -SBX_EDATA */
int world_load(struct world *w, const uint8_t *bytes, size_t len);

/* -- processes: by their number, from 0, in the order in which they were spawned ---------------- */

uint32_t world_count(const struct world *w);
void world_process(const struct world *w, uint32_t i, struct world_process *ret);

/* Failures of processes and of tasks that nobody joined: as run_ops.unjoined_failures. */
uint32_t world_unjoined(const struct world *w);

/*
 * The exit status of a run that ends here: that of main, if it has ended and that is not 0; else WORLD_UNJOINED if there are
 * failures that nobody joined; else 0. --sim and --replay judge a run by it, and by whether it is a deadlock.
 */
enum { WORLD_UNJOINED = 3 };
int world_exit_status(const struct world *w);

/* -- ops ---------------------------------------------------------------------------------------- */

/*
 * Process `i`, which waits for nothing, asks for an op. It joins the wait queue if it has to. `r`
 * must be given again to the functions below, with the same contents.
 */
int world_ask(struct world *w, uint32_t i, const struct request *r);

enum world_can {
  WORLD_WAITS, /* not now */
  WORLD_GOES,  /* it can take a step: its op, or a step of it */
  WORLD_ENDS   /* it can take a step, by which its op times out, or is interrupted */
};

/* Could it take a step? Changes nothing. WORLD_WAITS for a process that is stopped or has ended. */
enum world_can world_can(struct world *w, uint32_t i, const struct request *r);

enum { WORLD_GOES_ON = 1 }; /* of world_step: its op is not over yet */

/*
 * Take the step. Returns 0: its op is over, and *ret is the answer (to be released);
 * WORLD_GOES_ON; or -SBX_ENOMEM, and the world is to be thrown away.
 * SPAWN: the answer is the parent's (number 1, made); the child's number is the count of before, and
 * its answer is that of the parent with number 0 and nothing made. END: the process is EXITED with
 * its answer, and ended by world_exit.
 */
int world_step(struct world *w, uint32_t i, const struct request *r, struct answer *ret);

/* Process `i` left (after END, or without it), with this status, or by this signal (0: none): give
 * up what it held; ENDED. */
void world_exit(struct world *w, uint32_t i, int exit_code, int signal);

/* Process `i` is killed, which is no failure of the run. */
void world_kill(struct world *w, uint32_t i);

/* Does the process have interrupts (enum interrupt, or'ed) that it was not told yet? Taking them
 * clears them. A waiting op ends by them only if the caller says so by world_cancel. */
unsigned world_interrupts(const struct world *w, uint32_t i);
unsigned world_take_interrupts(struct world *w, uint32_t i);
/* The op that it waits in ends with -SBX_EINTERRUPTED. It steps out of line, or, in a condition's
 * wait, gives its notification on and takes the lock if it is free. *ret is the answer. */
int world_cancel(struct world *w, uint32_t i, const struct request *r, struct answer *ret);

/* -- the clock ---------------------------------------------------------------------------------- */

/* Nanoseconds since the run began. */
int64_t world_now(const struct world *w);

/* When the op of a process that waits times out, or its sleep is over; SBX_FOREVER: never. */
int64_t world_deadline(const struct world *w, uint32_t i, const struct request *r);

/* The same, also of a process that is stopped: it cannot go on then, but its time runs. */
int64_t world_asked_until(const struct world *w, uint32_t i, const struct request *r);

/*
 * Time goes by until `next_ns`, though the clock stands still: where deadlines are brought nearer instead. A wait for a condition
 * whose deadline comes before, while another process has the lock, is over; with merge_relock this is no step. `r`: what the
 * process asks.
 */
void world_goes_by(struct world *w, uint32_t i, const struct request *r, int64_t next_ns);

/* Move the clock to that time, which is not before now. */
void world_advance(struct world *w, int64_t now_ns);

/* -- for reports -------------------------------------------------------------------------------- */

/* A snapshot as the wait-for analysis wants it (look/waits.h): `asked[i]` is what process i waits in,
 * NULL: in nothing. `where` gives its line. -SBX_ENOMEM */
int world_look(struct world *w, const struct request *const *asked, const char *const *where,
               struct snapshot *ret);

/* An object: its type, and its name or "lock#3". False: there is none with this serial. */
bool world_name(const struct world *w, const struct object_ref *ref, char *to, size_t size);
/* Its state for people, short: "held by writer#2", "3 items", "5". For a value the bytes of it are in
 * `value` if they are a message (NULL: not wanted). */
bool world_describe(struct world *w, const struct object_ref *ref, char *to, size_t size,
                    struct buf *value);

/* The objects that exist, the oldest first: calls `visit` with each. */
void world_objects(const struct world *w, void (*visit)(void *ctx, const struct object_ref *ref),
                   void *ctx);

/* What a process, which is about to end, has not released; see struct forgotten. False: no more.
 * `at` counts up from 0. */
bool world_forgotten(const struct world *w, uint32_t i, uint32_t *at, struct forgotten *ret);

/* Has a process items of queues with redeliver in hand? */
bool world_has_in_hand(const struct world *w, uint32_t i);

/* Was there a queue with items that nobody had any more? */
bool world_unread(const struct world *w);

/*
 * The first failure that nobody joined, or looked at, but of a process that the script itself has ended: the number of its process,
 * UINT32_MAX of a task; and its report, NULL if there is none, as of a quiet process. False: there is none.
 */
bool world_first_failure(const struct world *w, uint32_t *ret_process, const uint8_t **ret,
                         size_t *ret_len);

/* Did a process end badly since the script interrupted it, and nobody looked at that? */
bool world_has_harmless(const struct world *w);

/* Failures that nobody looked at, in their order: their reports. `at` counts up from 0. */
bool world_report(const struct world *w, uint32_t *at, const uint8_t **ret, size_t *ret_len);

#endif
