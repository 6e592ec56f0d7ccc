/*
 * tests/conformance/laws.h - what the machines mean, said another way.
 *
 * The model does what the machines of src/object say, and so does src/os: a machine that is wrong
 * would be wrong on both sides. So each step of the model is held against laws, which know nothing
 * of words and tickets but what an object tells (`describe`) before and after.
 */
#ifndef TEST_CONFORMANCE_LAWS_H
#define TEST_CONFORMANCE_LAWS_H

#include "conformance.h"

#include "object/process.h"
#include "object/queue.h"
#include "object/sync.h"

/* An object as it tells of itself, and as its line stands. */
struct told {
  struct sync_info info;
  bool holder_gone;
  uint64_t standing; /* bit p: process p stands in line */
  uint64_t free;     /* of these, the ones that can go on */
  uint64_t passes;   /* BARRIER: of these, the ones that will be told that the round is complete */
  uint64_t first;    /* the bit of the first in line; 0: none */
  struct queue_state queue;
  uint64_t items; /* entries of its contents, without those that are in hands */
  bool older[PROCS_MAX]; /* QUEUE: an item came back that is older than something in hand */
  uint64_t in_hand[PROCS_MAX]; /* QUEUE: how many, with redeliver */
  struct number number;
  bool floats; /* ARRAY */
  uint64_t elements[ELEMENTS_MAX]; /* bits */
  bool gone_members; /* somebody that has part in it is gone */
  uint64_t members;  /* bit p: process p has part in it: of a SEMAPHORE, it has units; it reads or writes */
};

/* One step: process `proc`, known as `who`, has done an op of an object, or waits in it. */
struct lawful {
  int kind;
  enum object_type type;
  int proc;
  uint64_t who;
  uint64_t count;        /* as the op was given it */
  bool patient, entered; /* it stands in line now, and did not before */
  bool stood;            /* it stood in line before */
  bool sub;              /* it is one op of a select, which the line does not tell of */
  bool heard;            /* PIPE_*: somebody could receive what is sent */
  int rc;
  struct number brings;
  bool brings_none, expected; /* CAS: it was as expected */
  struct answer answer;
  const struct request *request; /* ARRAY_* */
};

/* NULL, or the law that is broken. */
const char *law_of_step(const struct lawful *l, const struct told *before,
                        const struct told *after);

/* Process `proc` goes without having done the op. */
const char *law_of_give_up(enum object_type type, int proc, bool could_go, const struct told *before,
                           const struct told *after);

/* A wait of a condition is over: what came of the wait for a notify, and what it returns. */
const char *law_of_relock(int awaited, int result);

/* The state of a process that has ended: killed, or left with an exit code. */
const char *law_of_status(const struct process_state *s, enum end how, int exit_code);

/* How a process has ended. */
struct ended {
  int proc;
  uint64_t who;
  bool killed, failed; /* neither: it has left well */
  bool held;           /* it had the object until then */
};

const char *law_of_end(enum object_type type, const struct ended *e, const struct told *before,
                       const struct told *after);

#endif
