/*
 * object/calls.h - ops as functions: those whose arguments and answers are structures.
 *
 * Each fills a struct op and performs it. They return what perform returns, 0 or a code.
 */
#ifndef SBX_OBJECT_CALLS_H
#define SBX_OBJECT_CALLS_H

#include "object/op.h"

/* -- making: the caller owns *ret. -SBX_ENOMEM, -SBX_EOBJECTS, of queues and pipes -SBX_EMFILE -- */

int op_queue_new(struct backend *b, const struct queue_options *o, struct object **ret);
/* The ends are in `pipe`. */
int op_pipe_new(struct backend *b, struct pipe_request *pipe);
int op_sync_new(struct backend *b, const struct sync_options *o, struct object **ret);

/* -- reading ------------------------------------------------------------------------------------ */

int op_queue_look(struct backend *b, struct object *q, struct queue_info *ret);
/* The messages to be received at this end, as of a queue. */
int op_pipe_look(struct backend *b, struct object *end, struct queue_info *ret);
/* `type` is that of the object. */
int op_sync_look(struct backend *b, enum object_type type, struct object *o, struct sync_info *ret);
/* The same by a place in the script, as in struct op. */
int op_sync_look_at(struct backend *b, enum object_type type, struct object *o, locate_fn *locate,
                    void *locate_ctx, struct sync_info *ret);
/* -SBX_EGONE: its record is used again. */
int op_process_look(struct backend *b, struct object *p, struct process_info *ret);
/* Only who it is: what never changes. The rest of *ret is not meant. */
int op_process_who(struct backend *b, struct object *p, struct process_info *ret);
/* The process that spawned the calling one; the caller owns *ret. -SBX_EGONE: main has none; or it
 * has ended and its record is used again. */
int op_process_parent(struct backend *b, struct object **ret);
/* The living children. -SBX_ENOMEM, or what the visitor returned. */
int op_process_children(struct backend *b, const struct visitor *v);
/* The living processes below `p`, which may have ended. Those of a killed process whose record is
 * used again are not known. */
int op_process_descendants(struct backend *b, struct object *p, const struct visitor *v);

/* The machine's time as run_ops has it. Scripts read the clock in loops: without an observer nobody
 * needs the op as a structure. */
int64_t op_clock_observed(struct backend *b, enum op_kind kind);
static inline int64_t op_clock_now(struct backend *b) {
  return b->observe ? op_clock_observed(b, OP_CLOCK_NOW) : b->run->now(b);
}
static inline int64_t op_clock_wall(struct backend *b) {
  return b->observe ? op_clock_observed(b, OP_CLOCK_WALL) : b->run->wall(b);
}

/* -- handles ------------------------------------------------------------------------------------ */

/* Make the objects reachable for processes that never held them; an op that sends does it by itself.
 * Waits until the deadline of `by`. -SBX_ETIMEDOUT, -SBX_EINTERRUPTED, -SBX_EMFILE */
int op_handle_export(struct backend *b, const struct op *by, const struct object_ref *refs,
                     uint32_t count);
/* Have what it takes to hold the objects that a message has brought, before it is decoded. Waits
 * until the deadline of `by`, which took the message. An object that is gone is no error here.
 * -SBX_ETIMEDOUT, -SBX_EINTERRUPTED, -SBX_EMFILE */
int op_handle_fetch(struct backend *b, const struct op *by, const struct object_ref *refs,
                    uint32_t count);
/* Hold the object that `ref` names; the caller owns *ret. -SBX_EGONE, -SBX_EMFILE, -SBX_EDATA */
int op_handle_import(struct backend *b, const struct object_ref *ref, struct object **ret);
/* A handle of a message that an op took was decoded, or never will be. */
void op_handle_land(struct backend *b, const struct object_ref *ref);
/* Let go of one holding. `o` may be NULL. */
void op_handle_release(struct backend *b, struct object *o);

/* -- ends --------------------------------------------------------------------------------------- */

/* Write out what was printed, give up what this process has in its hands, publish what it leaves:
 * from then on it may only leave. -SBX_ENOSPC, -SBX_ESTORE: nothing was published. */
int op_process_end(struct backend *b, const struct end_request *end);
/* Wait for the children that are not daemons, end the others. -SBX_EINTERRUPTED */
int op_process_await(struct backend *b, bool well);

/* A task of a pool fails in the calling process: to be reported by this text, should nobody look at
 * it, and to be joined; *ret names the failure. It counts from op_failure_count on, which whoever
 * comes first calls: the caller, after it has told its owner, or the owner. -SBX_ENOSPC,
 * -SBX_ESTORE, -SBX_ERECORDS */
int op_failure_new(struct backend *b, const struct buf *report, uint64_t order,
                   struct object_ref *ret);
void op_failure_count(struct backend *b, const struct object_ref *failure);
/* A failure of a task was joined, which is told once. */
void op_failure_join(struct backend *b, const struct object_ref *failure);
/* Somebody looked at a failure, of a task or a process. */
void op_failure_look(struct backend *b, const struct object_ref *failure);

#endif
