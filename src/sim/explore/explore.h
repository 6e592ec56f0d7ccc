/*
 * sim/explore/explore.h - every interleaving of a simulated run.
 *
 * What a process does next depends only on the answers that it got, so each sequence of answers, a
 * history, runs once in Lua (history.h). An interleaving is then a path in a graph: a state is the
 * world (world.h) together with the history of each process; an edge is a step of one process. States
 * that are equal are one, also when different paths lead to them, so a loop that comes back to where
 * it was is a circle in the graph. Before it asks, a process forgets its garbage (sim.c, tidy), so that a loop that makes
 * something in each round comes back, too.
 *
 * A step is an op by which processes can influence one another. Others are done at once, since their
 * order decides nothing: making objects, spawning, joining a process that has ended, being joined,
 * handles, marks, reading the clock; and ending, unless the process holds something, or processes may be
 * killed. If somebody asks how processes stand, which has ended first, or, by join_all, which of several has
 * failed first, the run is explored again with ends as steps.
 * The clock moves only when nobody can go on. Unless somebody reads it, or has a deadline from before an earlier wait (a timer
 * that was made before a sleep; the second wait of a wait_for), states do not say what time it is, only for how long each
 * process has waited.
 */
#ifndef SBX_SIM_EXPLORE_EXPLORE_H
#define SBX_SIM_EXPLORE_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sim.h"

#define EXPLORE_NONE UINT32_MAX

struct token; /* sim/explore/token.h */

/*
 * A change of the script, to explore it as if that were made: does it cure it? The change is made to what
 * processes ask for, not to the text of the script.
 */
enum explore_cure_kind {
  CURE_NONE,
  CURE_ONE_STEP,  /* what is done in some lines, from an op of the first line on, is one step */
  CURE_LOCK_ORDER /* locks that are taken one after the other are taken as they were made */
};

struct explore_lines {
  char source[WHERE_MAX]; /* the file, as in exploration_where */
  int first, last;
  enum op_kind begins; /* the op of the first line with which it begins */
};

enum { CURE_LINES = 2 };

struct explore_cure {
  enum explore_cure_kind kind;
  struct explore_lines lines[CURE_LINES]; /* ONE_STEP: each of these; first 0: none */
};

struct explore_progress {
  uint32_t states, histories;
  bool found; /* an interleaving that ends badly */
};

/* A process that goes on and on, and asks for nothing. */
struct explore_endless {
  char process[NAME_MAX_BYTES + 24]; /* its name, with its number */
  char where[WHERE_MAX];             /* "x.lua:7"; "": not known */
  uint32_t after;                    /* its history before; EXPLORE_NONE: main had none yet */
};

struct policy; /* base/policy.h */

struct explore_options {
  uint64_t seed;
  const struct policy
      *policy; /* whose sources a story may show (base/policy_path.h); NULL: all. Borrowed */
  struct arena *arena;
  uint32_t states_max; /* 0: 2,000,000 */
  size_t bytes_max;    /* 0: 2 GiB */
  double seconds_max;  /* 0: no limit */
  bool merge_relock;   /* as in struct world_options */
  bool clock;          /* states say what time it is */
  uint32_t kills;      /* so many processes, but not main, may be killed, each before any step */
  bool bounded;        /* only interleavings with at most so many preemptions: */
  uint32_t preemptions;
  /* One path only: all that could be done next is found, and the step of the token is taken. Its
   * `clock` must be that of above. NULL: every path. */
  const struct token *follow;
  const struct explore_cure *cure; /* borrowed as long as the exploration; NULL: as it is */
  struct explore_endless *endless; /* filled with EXPLORE_NOTHING; NULL: nobody asks. Borrowed */
  /* Called now and then. True: stop, and tell what is known. */
  bool (*progress)(void *ctx, const struct explore_progress *so_far);
  void *ctx;
};

/* How an interleaving ends, or what it never comes out of. */
enum explore_end {
  EXPLORE_OPEN, /* it goes on: the state has steps, or was not looked at */
  EXPLORE_WELL,
  EXPLORE_ERROR,    /* the exit status is not 0, or a process failed, and nobody looked at that */
  EXPLORE_DEADLOCK, /* processes wait, and nobody can go on */
  EXPLORE_HELD,     /* it ends well, but a process ended with a lock held */
  EXPLORE_STUCK,    /* it never ends, and some process that is not a daemon waits for ever */
  EXPLORE_STARVES,  /* of no state, see exploration_circle */
  EXPLORE_LIVELOCK  /* likewise */
};

struct explore_step {
  uint32_t to;     /* state */
  uint32_t answer; /* text: what the process was answered; 0: its op is not over */
  uint16_t process;
  bool kill;  /* the process is killed; no answer */
  bool clock; /* somebody reads the clock in it, or before the next step */
};

struct explore_state {
  uint32_t first, count; /* of the steps */
  uint8_t end;           /* enum explore_end */
  bool looked_at;        /* its steps are known */
  bool unread;           /* EXPLORE_WELL: items of a queue were never read */
  bool stuck;            /* time goes on and on, and nobody ever takes a step */
  double ways;           /* interleavings from here to an end; < 0: without end */
  double bad_ways;       /* of those, the ones that end badly */
  double p_bad;          /* to end badly, if each step is drawn; < 0: unknown, not all was tried */
};

struct explore_outcome {
  uint32_t state;   /* an end of this kind */
  uint8_t end;      /* enum explore_end */
  bool unread;      /* as of its states */
  double ways;      /* interleavings that end so */
  int status;       /* of main */
  const char *text; /* what the processes printed on stdout, in the order of their numbers */
  size_t len;
};

struct exploration;

enum explore_stop {
  STOP_COMPLETE,
  STOP_STATES,
  STOP_BYTES,
  STOP_SECONDS,
  STOP_ASKED,
  STOP_SPAWNS,   /* a process spawns, makes objects, or sleeps, without an end that is seen, and takes no step */
  STOP_BOUND,    /* all was tried that has not more preemptions than were asked for */
  STOP_FOLLOWED, /* only the path of a token was to be followed */
  STOP_ENDLESS,  /* a process computes for seconds without an op */
  STOP_KILLS,    /* kills were asked for, and none was tried: a defect of the explorer */
  STOP_CLOCK     /* only time would end a circle, and it stands there: see judge.c */
};

/* Instead of a result: the script reads the clock, so explore again with `clock`, in a new arena.
   Or a process goes on and on before the first step of all: see explore_watch. */
enum { EXPLORE_READS_CLOCK = 1, EXPLORE_NOTHING = 2 };

/* Explore. 0; EXPLORE_READS_CLOCK; EXPLORE_NOTHING; -SBX_ENOMEM. *ret is the caller's. */
int explore(const struct explore_options *o, int (*body)(struct backend *b, void *ctx),
            void *body_ctx, struct exploration **ret);
void exploration_free(struct exploration *x);

/* What a real run may do otherwise, and was not tried. */
enum explore_note {
  NOTE_ORDER = 1,   /* `pairs` and `next` have gone through keys in an order that is another in each run */
  NOTE_SIGNALS = 2, /* a process was killed, terminated or interrupted by another: here at once, in a run a moment later */
  NOTE_GARBAGE = 4  /* there are weak tables or finalizers, and here garbage is collected before each op */
};
/* Of the exploration that is under way, if there is one. */
void explore_note(enum explore_note note);

struct explore_sum {
  enum explore_stop stop;
  uint32_t states, histories, processes; /* processes: at most in a state */
  uint32_t steps;
  uint32_t preemptions, kills; /* as in the options */
  uint32_t kill_steps;         /* of the steps: kills */
  double ways, bad_ways;       /* interleavings; < 0: without end */
  bool timed;                  /* somebody waited until some time had passed */
  uint32_t notes;              /* of enum explore_note */
  bool circles;                /* an interleaving may go on for ever */
  bool harmless;               /* in some a process fails only since the script interrupted it */
  bool cure_used;              /* the cure has changed something */
  bool cure_unsure;            /* but at some place it could not be made as it is meant */
  size_t bytes;
  double seconds;
};
void exploration_sum(const struct exploration *x, struct explore_sum *ret);
/* Of its options. */
const struct policy *exploration_policy(const struct exploration *x);

/* States: 0 is the first. */
const struct explore_state *exploration_state(const struct exploration *x, uint32_t state);
const struct explore_step *exploration_steps(const struct exploration *x, uint32_t state);

/* The outcomes, those of most interleavings first; valid as long as `x`. Returns how many. */
uint32_t exploration_outcomes(const struct exploration *x, const struct explore_outcome **ret);

/*
 * The path to an end of a kind, with the fewest preemptions, then the shortest: the numbers of its
 * steps, each in its state. `ret` is the caller's, to be freed. Returns its length, EXPLORE_NONE if
 * there is no such end or no memory. `from`: the state where it begins, 0 for the first.
 */
uint32_t exploration_path(const struct exploration *x, uint32_t from, enum explore_end end,
                          uint32_t **ret, uint32_t *ret_preemptions);

/* The same to a state, from the first one. */
uint32_t exploration_path_to(const struct exploration *x, uint32_t state, uint32_t **ret,
                             uint32_t *ret_preemptions);

/* How the path of a token went, if one was followed. */
enum explore_differs {
  FOLLOW_WELL,
  FOLLOW_CANNOT, /* at the step behind the path, `process` is to go on, and cannot */
  FOLLOW_SHORT,  /* the path is over, and the token says what comes behind it */
  FOLLOW_SUM     /* these are not the steps that the token was made of */
};

struct explore_followed {
  const uint32_t *path; /* as of exploration_path; valid as long as the exploration */
  uint32_t len, state;  /* state: where it ends */
  enum explore_differs differs;
  uint32_t process;
  bool again; /* it comes back to where it was before: it never ends */
};
void exploration_followed(const struct exploration *x, struct explore_followed *ret);

/*
 * For a handler of signals, called once a second while explore runs: a process that computes for
 * seconds without an op is interrupted, and the exploration ends, STOP_ENDLESS. With `stop` it is
 * interrupted at once, STOP_ASKED. Async-signal-safe.
 */
void explore_watch(bool stop);

/* STOP_ENDLESS, STOP_SPAWNS: the process that computes. NULL: there is none. */
const struct explore_endless *exploration_endless(const struct exploration *x);

/*
 * A circle in which a process, the victim, waits for ever, though the others get their turns and
 * there is a way out. The path into it, and then once around, from step *ret_loop on; its numbers as
 * of exploration_path. EXPLORE_NONE: there is none, or no memory. *ret_livelock: the victim only waits
 * for others to end.
 */
uint32_t exploration_circle(const struct exploration *x, uint32_t **ret, uint32_t *ret_loop,
                            uint32_t *ret_victim, bool *ret_livelock);

/* The same of a state that never ends (EXPLORE_STUCK, with steps): once around, from there and back. */
uint32_t exploration_round(const struct exploration *x, uint32_t state, uint32_t **ret);

/* -- what a state is like ------------------------------------------------------------------------ */

struct world;

/* Put the world of a state into `w` (of world_new). */
int exploration_world(const struct exploration *x, uint32_t state, struct world *w);
/* The history of a process in a state; EXPLORE_NONE: it does not exist yet. */
uint32_t exploration_history(const struct exploration *x, uint32_t state, uint32_t process);

/* What the process of a history asks for (to be closed), and where: "x.lua:7". */
int exploration_request(const struct exploration *x, uint32_t history, struct request *ret);
void exploration_where(struct exploration *x, uint32_t history, char where[WHERE_MAX]);
/* It has left. */
bool exploration_left(const struct exploration *x, uint32_t history);
/* All that it printed so far on a stream, 1 or 2: appended to `out`. */
int exploration_printed(const struct exploration *x, uint32_t history, int stream, struct buf *out);

/* What a process printed between two of its histories (EXPLORE_NONE: from the beginning on), in its
 * order: calls `print`. Streams are 1 and 2. -SBX_ENOMEM */
int exploration_printed_since(const struct exploration *x, uint32_t before, uint32_t after,
                              int (*print)(void *ctx, int stream, const char *text, size_t len),
                              void *ctx);

/* An answer of a step (to be released). */
int exploration_answer(const struct exploration *x, uint32_t answer, struct answer *ret);

/* Let something look at the process of a history, which is present meanwhile, and asks for `op`. It
 * may change its memory, which is put right afterwards. */
void exploration_visit(struct exploration *x, uint32_t history,
                       void (*look)(void *ctx, const struct op *op), void *ctx);

#endif
