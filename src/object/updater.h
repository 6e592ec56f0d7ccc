/*
 * object/updater.h - what values and dicts share: one process at a time, the updater, may run a
 * function that changes the object. The first word of the state names it; 0: there is none.
 */
#ifndef SBX_OBJECT_UPDATER_H
#define SBX_OBJECT_UPDATER_H

#include "base/error.h"
#include "object/sync.h"

enum { UPDATER = 0 };

/* A process that wants to change the object waits while the updater lives. The updater itself does
 * not wait: for it, a change is an error. */
static inline bool updater_lets(const uint64_t *s, const struct sync_step *step,
                                const struct sync_world *w) {
  return s[UPDATER] == 0 || s[UPDATER] == step->who || !op_describe(step->kind)->blocks ||
         world_gone(w, s[UPDATER]);
}

/* Not by an updater, which would wait for itself. */
static inline int updater_may_watch(const uint64_t *s, const struct sync_step *step) {
  return s[UPDATER] == step->who ? -SBX_EUPDATING : 0;
}

/* AWAIT: is the value another than the one that the process has looked at? The world compares. A
 * report, which has no op, may say no: each change wakes all that wait for one. */
static inline bool updater_sees_news(const uint64_t *s, const struct sync_step *step) {
  return s[UPDATER] == step->who || (step->op && !step->op->value->same);
}

/* It is going to be another: wake the processes that wait for that. */
static inline void updater_news(struct sync_step *step) { step->wake_second = (uint64_t)SYNC_ALL; }

static inline bool updater_second(enum op_kind kind) {
  return kind == OP_VALUE_AWAIT || kind == OP_DICT_AWAIT;
}

static inline bool updater_helps(enum op_kind kind, const struct bystander *other) {
  return updater_second(kind) ? other->reaches : helps_if_it_owns(kind, other);
}

/* A change outside an update. It also lets the next waiter go on. */
static inline int updater_pass(const uint64_t *s, struct sync_step *step) {
  step->wake = 1;
  return s[UPDATER] == step->who ? -SBX_EUPDATING : 0;
}

static inline int updater_begin(uint64_t *s, struct sync_step *step) {
  if (s[UPDATER] == step->who)
    return -SBX_EUPDATING;
  s[UPDATER] = step->who;
  return 0;
}

static inline int updater_end(uint64_t *s, struct sync_step *step) {
  if (s[UPDATER] != step->who)
    return -SBX_ENOTHELD;
  s[UPDATER] = 0;
  step->wake = 1;
  return 0;
}

static inline bool updater_leave(uint64_t *s, struct sync_step *step) {
  return updater_end(s, step) == 0;
}

static inline void updater_canonical(uint64_t *s, const struct sync_world *w) {
  if (s[UPDATER] != 0 && world_gone(w, s[UPDATER]))
    s[UPDATER] = 0; /* it has changed nothing, and nobody is told */
}

static inline uint32_t updater_watch(const uint64_t *s, uint64_t ret[SYNC_WORDS]) {
  ret[0] = s[UPDATER];
  return s[UPDATER] != 0;
}

#endif
