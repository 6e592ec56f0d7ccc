/*
 * sim/explore/token.h - a schedule in a few characters: sbx1:7f3a9c21:v:2>p2,3>p1~4d1e
 *
 * A token names a path through the interleavings of a script (explore.h). Its parts:
 *   sbx1       the form of the token, and which steps there are
 *   7f3a9c21   hash of the script's text
 *   v          what is explored: v, then c if states say what time it is, e if ends of processes are steps,
 *              d if states say which items of queues were marked as done, f if it is a function (sandbox.explore), not a whole script
 *   2>p2       deviations: step 2 (from 1) is taken by process 2 (in the order of spawning, 0 is main).
 *              2>p2.1: it is a select, and takes the second of the ops that are ready. 2!p2: the
 *              process is killed. At all others the process of the step before goes on if it can, else the lowest one
 *   @7+6       behind step 7 begins a circle of 6 steps, and behind that the schedule ends
 *   4d1e       checksum over all steps: the process and the kind of its op
 *
 * Without a circle a schedule goes on to its end, or to where it comes back to a place where it was before: then it
 * never ends.
 */
#ifndef SBX_SIM_EXPLORE_TOKEN_H
#define SBX_SIM_EXPLORE_TOKEN_H

#include "base/buf.h"
#include "sim/explore/explore.h"

struct token_turn {
  uint32_t step, process;
  uint32_t choice; /* of a select: which of its steps, from 0 */
  bool kill;
};

struct token {
  uint32_t script; /* hash */
  bool clock, ends, done, function;
  struct token_turn *turns; /* the deviations, by step; owned */
  uint32_t loop, round;     /* of a circle: the steps before it, and in it; round 0: none */
  uint32_t count, kills;    /* kills: so many turns are */
  uint16_t sum;
};

/* Hash of a text that follows another one; TOKEN_HASH_NONE: of the first. */
#define TOKEN_HASH_NONE UINT32_C(2166136261)
uint32_t token_hash(uint32_t before, const void *text, size_t len);

/* Read a token. NULL, and *ret is to be released; else what is wrong with it, in words that follow "the
 * token ". */
const char *token_parse(const char *text, struct token *ret);
void token_release(struct token *t);

/*
 * Append the token of a path of the exploration, as exploration_path gives it, to `out`, without a
 * terminating zero. `loop`: from there on it is a circle; EXPLORE_NONE: it is none. `script`: the hash;
 * `function`: of its text. -SBX_ENOMEM
 */
int token_write(const struct exploration *x, const uint32_t *path, uint32_t len, uint32_t loop,
                uint32_t script, bool function, struct buf *out);

/* The name of a kind: "LOCK_ACQUIRE". */
const char *token_kind_name(enum op_kind kind);

#endif
