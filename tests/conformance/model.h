/*
 * tests/conformance/model.h - the set of states that the machines of src/object allow.
 *
 * A state is that of all objects and of all processes, each with the op that it was told, how far
 * it is with it, and its place in lines. What a process may do next is one look at one object, with
 * the machines deciding; all orders of these are followed.
 */
#ifndef TEST_CONFORMANCE_MODEL_H
#define TEST_CONFORMANCE_MODEL_H

#include "conformance.h"

#include "object/compose.h"
#include "object/hands.h"
#include "object/process.h"
#include "object/queue.h"
#include "object/sync.h"

enum stage {
  STAGE_IDLE,
  STAGE_LOOKS, /* it has not looked yet; of a select: it looks at one after the other */
  STAGE_WAITS, /* in line, or asleep */
  STAGE_DONE   /* its answer is on its way */
};

struct model_thing {
  uint64_t words[SYNC_WORDS];
  struct queue_state queue; /* QUEUE; PIPE: what this end receives from */
  struct buf hands;         /* QUEUE: with redeliver, a struct queue_hand for each of the first items of the contents */
  struct buf contents;      /* items, keys, or the one message of a VALUE; of numbers of messages */
};

struct model_proc {
  enum stage stage;
  uint64_t who;
  uint64_t ticket, lines; /* bit t: it stands in the line of thing t */
  uint64_t lingers; /* of a select that is done: it may still be seen to stand there */
  struct condition_wait condition;
  uint64_t levels; /* CONDITION_WAIT: of the lock */
  struct select_scan scan;
  int run; /* how many ops of its run are to be done in this step */
  uint64_t arrival; /* BARRIER_WAIT: its place */
  bool interrupted;
  struct answer answer;
  struct process_state life;
  uint64_t result;
  uint64_t holds; /* bit t: it holds thing t */
};

struct model_state {
  struct model_thing things[THINGS_MAX];
  struct model_proc procs[PROCS_MAX];
  uint64_t newest;
  struct buf key; /* the canonical form */
};

struct model {
  const struct setup *setup;
  struct request requests[PROCS_MAX]; /* what each was told last */
  /* Times of the backend: of fairness. */
  int64_t told_ns[PROCS_MAX];
  int64_t seen_ns[PROCS_MAX]; /* seen to wait since then; 0: not */
  int64_t round_ns;           /* when the last process was told something */
  int64_t now_ns;
  struct model_state **states;
  uint32_t count, cap;
  const char *broken; /* a law (laws.h); NULL: none */
  bool closed;        /* all that may follow is in the set */
  bool crowded;       /* the set is too large to be followed */
};

void model_begin(struct model *m, const struct setup *s);
void model_release(struct model *m);

/* In all states: a process is told, interrupted, has ended, is made anew. */
void model_tell(struct model *m, const struct request *r);
void model_interrupt(struct model *m, int proc);
void model_end(struct model *m, int proc, enum end how);
void model_renew(struct model *m, int proc, uint64_t who);

/* Add all states that may follow. */
void model_close(struct model *m);

/* Keep the states in which a process has given this answer; it is idle then. In which it stands and
 * waits in an op of that kind. In which an object looks so. False: there are none; the set is as it
 * was. */
bool model_answered(struct model *m, int proc, const struct answer *a);
bool model_waiting(struct model *m, int proc, enum op_kind kind);
bool model_looks(struct model *m, int thing, const struct look *l);

/* Must this process go on by itself, in this state? Not for a deadline. */
bool model_must_move(const struct model *m, struct model_state *s, int proc);

/* Does time move it, in this state? */
bool model_has_deadline(const struct model *m, const struct model_state *s, int proc);

/* What stands behind a key of a dict. */
void model_read_dict(const struct model_state *s, int thing, uint8_t key, struct answer *ret);

/* For reports. */
void model_print(const struct model *m, const struct model_state *s);
void look_print(const struct look *l);
void request_print(const struct request *r);
void answer_print(const struct answer *a);
void model_look(const struct model *m, struct model_state *s, int thing, struct look *ret);

#endif
