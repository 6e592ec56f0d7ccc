/*
 * host/told.h - a story while it is made of an exploration; private to host.
 *
 * explore_story.c tells the steps, told_names.c the texts and names, told_end.c how it ends. The
 * exploration is only looked at: each step is told by itself, from the state before and the one after.
 */
#ifndef SBX_HOST_TOLD_H
#define SBX_HOST_TOLD_H

#include <stdio.h>

#include "host/explore_story.h"
#include "sim/world.h"

struct told {
  struct story story;
  struct story_process *processes;
  struct story_object *objects;
  struct object_ref *refs; /* of each object */
  uint32_t object_count, object_cap;
  struct story_step *steps;
  char **texts; /* that the others borrow */
  uint32_t text_count, text_cap;
  bool no_memory;
  /* while it is made */
  struct exploration *x;
  struct world *w;
  FILE *file; /* of the script: the one that was read last */
  char file_name[WHERE_MAX];
};

/* A story without steps, to be filled. -SBX_ENOMEM */
int told_open(struct exploration *x, const char *script, struct told **ret);
/* Let go of what only its making needs. */
void told_close(struct told *t);

/* The step `e` from a state. `before`: the process of the step before; STORY_NONE. */
void told_step(struct told *t, uint32_t state, const struct explore_step *e, uint32_t before,
               struct story_step *s);

/* What came of trying the cure; releases `said`. */
void told_checked(struct told *t, struct buf *said);

/* A call that was told before the script's own name of its object was known: "queue#1:put(2)". */
void told_name_call(struct told *t, struct story_step *step);

/* -- told_names.c: texts live as long as the story; "" without memory, and t->no_memory ---------- */

const char *told_keep(struct told *t, const void *text, size_t len);
const char *told_keep_text(struct told *t, const char *text);
const char *told_keep_buf(struct told *t, struct buf *b); /* and releases it */
/* Line `number` of a file, without the blanks around it; NULL: it is not there. */
const char *told_keep_line(struct told *t, const char *path, int number);

/* For exploration_visit: what the process calls the object `ref`, among the variables of the function
 * that called; `name` is untouched if it has no name there. */
struct naming {
  const struct object_ref *ref;
  char name[64];
};

void told_find_name(void *ctx, const struct op *op);

/* The number of an object, new or not; STORY_NONE: it is none that is told of. `variable`: what the
 * script calls it where it was met; "". t->w is a world with it. */
uint32_t told_object(struct told *t, const struct object_ref *ref, const char *variable);
/* Its state as a short text, in the world t->w; NULL: it has none. */
const char *told_state(struct told *t, const struct object_ref *ref);

/* -- told_end.c ---------------------------------------------------------------------------------- */

/* The processes of a state, with their names. -SBX_ENOMEM */
int told_processes(struct told *t, uint32_t state);
/* What went wrong in the last state, and what those that are left wait for. */
void told_finish(struct told *t, uint32_t state, enum explore_end end);

#endif
