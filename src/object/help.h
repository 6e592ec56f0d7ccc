/*
 * object/help.h - who could let a waiting op go on: the question that each object's file answers.
 *
 * An op that is not enabled goes on when another process does something to its object. Which
 * process could? The machine says so by `helps`, from what it is told of one other process, the
 * bystander. "Yes" means that it could come about, one day, by some op or by the bystander's end;
 * "no" is a proof that it cannot. So a yes too many hides a deadlock, and a no too many is a false
 * alarm. Wait-for reports (look/waits.h) draw their graph from these answers.
 */
#ifndef SBX_OBJECT_HELP_H
#define SBX_OBJECT_HELP_H

#include <stdbool.h>

#include "object/op.h"

/* Another process, as an object sees it. */
struct bystander {
  bool is_it;   /* the object is this process */
  bool owned;   /* somebody owns the object: a lock's holder, an updater (sync_machine.watch) */
  bool owns;    /* and this process does */
  bool reaches; /* it has a handle, or could get one: a message that is stored names the object */
  bool waits;   /* it stands in the object's line, and may leave it: when its time is up, say */
};

/* Could the process let an op of this kind, which cannot go on now, go on one day? */
typedef bool helps_fn(enum op_kind kind, const struct bystander *other);

/* Of a type of object; NULL: nobody does, but time. */
helps_fn *helps_of(enum object_type type);

/* Of objects that every process with a handle can change. */
static inline bool helps_if_it_reaches(enum op_kind kind, const struct bystander *other) {
  (void)kind;
  return other->reaches;
}

/* Of objects whose owner alone can let them go. Between two owners, anybody can be the next. */
static inline bool helps_if_it_owns(enum op_kind kind, const struct bystander *other) {
  (void)kind;
  return other->owned ? other->owns : other->reaches;
}

#endif
