/*
 * tests/conformance/conformance.h - every backend against the machines of src/object.
 *
 * A sequence is random: some objects, some processes, and ops that these are told to do, one after
 * the other or a few at once. What the machines allow is kept as a set of states (model.h): all
 * that the world can be in after what was heard so far. Each answer of the backend, each process
 * that is seen to wait, and each look at an object cuts the set down; when nothing is left, the
 * backend has done what no order of the ops explains. When in all states that are left a process
 * must go on, and no answer comes, a wake-up was lost.
 *
 *    conformance.h   the words of both sides
 *    model.c         the set of states, and what may follow from each
 *    laws.c          what the machines mean, said another way: they could be wrong on both sides
 *    driver.c        sequences, their settling, the report and its shrinking
 *    backend_os.c    real processes
 *    backend_sim.c   the simulator's world
 *    backend_net.c   real processes, with their objects in an engine
 *    test_*.c        one program for each type: its objects, and how its ops are drawn
 *
 * HOW TO NAME ANOTHER BACKEND: write backend_NAME.c with one `struct conformance_backend`, declare
 * it below, and add it to the list `backends` in driver.c. The programs then run on it with
 * CONFORMANCE_BACKEND=NAME. Nothing else knows what a backend is.
 *
 * Environment, for runs by hand:
 *    CONFORMANCE_OPS=N      ops for each type (100,000, or as many as a minute takes; fewer under
 *                           sanitizers)
 *    CONFORMANCE_SEED=N     seed of the first sequence (1)
 *    CONFORMANCE_BACKEND=S  (os, sim, net)
 *    CONFORMANCE_TRACE=1    each step to stderr
 *    CONFORMANCE_SHRINK=0   tell a failure as it came, and do not look for a shorter one
 */
#ifndef TEST_CONFORMANCE_H
#define TEST_CONFORMANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "object/number.h"
#include "object/op.h"

enum { THINGS_MAX = 5, PROCS_MAX = 5, SUBS_MAX = 4, KEYS = 4, ELEMENTS_MAX = 4, RUN_MAX = 4 };

/* -- what a sequence is about ------------------------------------------------------------------ */

/* An object of a sequence. */
struct thing {
  enum object_type type;
  bool recursive;      /* LOCK */
  bool mail;           /* QUEUE: the mailbox of the process with the same number; made by whoever asks for it */
  bool action;         /* BARRIER */
  bool floats;         /* ARRAY */
  uint64_t count, max; /* as in struct sync_options; QUEUE: max */
  int transport;       /* QUEUE */
  bool redeliver;      /* QUEUE */
  int other;           /* PIPE: the other end; CONDITION: its lock */
};

struct setup {
  uint64_t seed; /* for what is chance in a backend: the same sequence again has the same */
  int thing_count, proc_count;
  struct thing things[THINGS_MAX];
  bool heals;   /* processes are killed, or leave: then waits may take until the others look by
                   themselves. If not, each wake-up must come by itself */
  bool whole_runs; /* of the backend */
  bool dropped; /* the maker drops the objects, when the processes have been made */
};

/* -- what a process is told ---------------------------------------------------------------------
 */

enum patience {
  POLL,   /* a deadline that is over */
  TIMED,  /* one that comes soon */
  PATIENT /* none */
};

/* A run of ops (perform_run): items put have numbers in a row, and those taken are told as one number. */
static inline uint64_t run_item(uint64_t so_far, uint64_t item) { return so_far * 1000003 + item; }

/* Besides the kinds of ops. */
enum { DO_DROP = OP_COUNT, DO_LEAVE };

/* One op; in a select one of several. Two stand for what a script does: PROCESS_MAIL is p:send, and puts the item into the
 * mailbox of a process, or answers -SBX_EGONE; QUEUE_GET of a mailbox is `receive`. */
struct step {
  int kind;
  int thing;     /* of THINGS; PROCESS_*: a process */
  uint64_t item; /* what it puts, sets, sends: number of a message, or the number itself */
};

struct request {
  int proc;
  struct step step;
  enum patience patience;
  uint64_t count;    /* RELEASE, NOTIFY; ARRAY_*: which element; DO_LEAVE: the exit code */
  bool all;          /* GET: another of a batch; TASK_DONE: all that it has in hand. Of queues with redeliver */
  int many;          /* ARRAY_COPY; PUT, GET: of a run, if more than 1 */
  bool half;         /* ARRAY_*: what it brings is a half more than step.item */
  bool is_number;    /* of step.item: VALUE_*, DICT_* */
  uint64_t expected; /* CAS, AWAIT: as item */
  bool expects_number, expects_none;
  bool looked; /* AWAIT: it has looked, and expects what it has seen */
  uint8_t key; /* DICT_* */
  bool none;   /* DICT_*: remove the key */
  uint32_t sub_count;
  struct step subs[SUBS_MAX]; /* SELECT */
};

/* The looks that are drawn among other ops; they answer `count` and `item` as the `count` and
 * `number` of struct look, and `same` as its `closed`. */
bool is_look(int kind);

/* Does an op of this kind compare with something? */
static inline bool expects(int kind) {
  return kind == OP_VALUE_CAS || kind == OP_VALUE_AWAIT || kind == OP_DICT_CAS ||
         kind == OP_DICT_AWAIT || kind == OP_ARRAY_CAS;
}

static inline bool is_array_op(int kind) { return kind >= OP_ARRAY_NEW && kind <= OP_ARRAY_COPY; }

/* Does an op of this kind name a process? One that is asked for by its name is told by that of its place. */
static inline bool names_process(int kind) {
  return kind == OP_PROCESS_JOIN || kind == OP_PROCESS_LOOK || kind == OP_PROCESS_MAIL;
}

/* op.number of a GET or a TASK_DONE. */
static inline int hand_number(const struct request *r, int kind) {
  return !r->all ? 0 : kind == OP_QUEUE_GET ? QUEUE_GET_MORE : QUEUE_DONE_ALL;
}

static inline bool is_hand_op(int kind) { return kind == OP_QUEUE_GET || kind == OP_QUEUE_TASK_DONE; }

/* Of a put into a queue without room: is it done only if a reader waits? */
static inline bool is_brief(const struct request *r) {
  return r->patience == POLL || r->step.kind == OP_SELECT;
}

/* The number that an op of an array brings. */
static inline struct number array_brings(const struct request *r) {
  return r->half ? (struct number){.kind = NUMBER_FLOAT, .f = (double)r->step.item + 0.5}
                 : (struct number){.kind = NUMBER_INTEGER, .i = (int64_t)r->step.item};
}

/* What it answers. What an op does not return is 0, so that answers can be compared as bytes. */
struct answer {
  int32_t rc;
  int32_t number; /* SELECT: which; of a run how many were done */
  uint64_t count; /* BARRIER_WAIT */
  uint64_t item;  /* number of a message, the number, of DICT_ALL the sum of all; PROCESS_FIND: it is the n-th that was made
                   * in the sequence */
  uint8_t is_number;
  uint8_t abandoned, same, none;
  uint8_t pad[4];
};

/* What of an op's results is part of the answer; `kind` of the one that was done. */
void answer_trim(struct answer *a, const struct request *r);

/* What an object tells of itself. */
struct look {
  uint64_t
      number;     /* LOCK: 1 + its holder; PROCESS: enum process_status; EVENT, BARRIER: its flag */
  uint64_t count; /* depth, units, parties that wait, items, keys */
  uint64_t waiting; /* processes in line; of a CONDITION those not yet notified */
  uint64_t closed;
};

/* -- messages -----------------------------------------------------------------------------------
 */

/* Message number n: a length and bytes that depend on n alone. Lengths around every limit there is.
 */
uint32_t message_len(uint64_t number);
void message_make(uint64_t number, uint8_t *to);
/* Whose bytes are these? UINT64_MAX: nobody's. */
uint64_t message_read(const uint8_t *data, uint64_t len);

/* Of a dict: what DICT_ALL tells, in any order. */
uint64_t entry_sum(uint8_t key, uint64_t item);

/* Of an array: what ARRAY_COPY tells, the bits of elements in their order. */
uint64_t elements_sum(const void *elements, size_t bytes);

/* -- a backend -----------------------------------------------------------------------------------
 */

enum end { END_KILLED, END_LEFT };

struct conformance_backend {
  const char *name;
  /* Call `body` in a process that has what the program needs; NULL: it needs nothing. Returns an exit status. */
  int (*host)(void (*body)(void *), void *arg);
  bool without_pipes; /* none can be made */
  bool whole_runs;    /* a run does as many ops by one commit as can be done; others may do fewer */
  /* Once in a program, before all else: false, it cannot run here, and has said why. And at its end.
   * NULL: nothing to do. */
  bool (*start)(void);
  void (*stop)(void);
  /* Make the objects of a sequence and its processes. One sequence at a time. */
  void (*begin)(const struct setup *s);
  /* Make a process in the place of one that has ended. */
  void (*renew)(int proc);
  /* Tell a process, which is idle, what to do. Does not wait for it. */
  void (*tell)(const struct request *r);
  /* An answer that has come, of one process, or of any (-1); waits for at most `patience_ns`.
   * False: none. */
  bool (*hear)(int proc, int64_t patience_ns, int *ret_proc, struct answer *ret);
  /* Is the process seen to wait in what it was told last? Then the kind of the op in which, as the
   * world would tell (a CONDITION_WAIT becomes LOCK_ACQUIRE), and OP_NONE else. A process that is
   * seen to wait stands in all lines that it needs. */
  enum op_kind (*waits)(int proc);
  /* Interrupt what the process does. */
  void (*interrupt)(int proc);
  /* Kill it (END_KILLED), or see to the end of one that was told DO_LEAVE; returns when it is known
   * to everybody. Answers that it gave before stay to be heard. */
  void (*end)(int proc, enum end how);
  /* Ask an object (thing >= 0) or a process (thing < 0: -1 - proc). False: it cannot be asked. */
  bool (*look)(int thing, struct look *ret);
  /* Let time pass. */
  void (*pass)(int64_t ns);
  int64_t (*now)(void);
  /* End all that is left of the sequence. */
  void (*over)(void);
};

/* The backend of this program. */
extern const struct conformance_backend *conformance_backend_used;

extern const struct conformance_backend os_conformance, sim_conformance, net_conformance;

/* -- a program -----------------------------------------------------------------------------------
 */

/* splitmix64, as random_next; a number below n. */
uint64_t draw(uint64_t *seed, uint64_t n);

/* What a driver lets `draw_request` know of the world: one of the states that are possible. */
struct hint {
  uint64_t item; /* of the thing that was asked for: its value, or front */
  bool is_number;
  bool none; /* hint_at: there is no such key */
  bool held; /* by the process that was asked for: a lock, an update */
};
struct hint hint_of(int proc, int thing);
/* Is the process to run the action of a barrier? */
bool hint_acts(int proc, int thing);
/* Of a key of a dict. */
struct hint hint_at(int thing, uint8_t key);
/* Does the process hold the thing, as far as it was told to drop it? */
bool holds(int proc, int thing);
uint64_t new_message(void);

struct conformance_case {
  const char *name;
  void (*set_up)(uint64_t *seed, struct setup *ret);
  /* Draw what r->proc is to do; all else is zeroed. */
  void (*draw)(uint64_t *seed, const struct setup *s, struct request *r);
  unsigned ends; /* of 1000 steps, how many are the end of a process, if setup.heals */
};

/* The main function of a program; of one whose handles travel, which takes what `host` of a backend gives. */
int conformance_main(const struct conformance_case *c);
int conformance_main_hosted(const struct conformance_case *c);

#endif
