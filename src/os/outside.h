/*
 * os/outside.h - for a backend in front of this one, whose objects are outside of this machine (src/net):
 * what it needs of the processes here.
 */
#ifndef SBX_OS_OUTSIDE_H
#define SBX_OS_OUTSIDE_H

#include "object/op.h"

/* The slot of an object that is outside: no record here has it. */
#define OUTSIDE_SLOT UINT32_MAX

/*
 * Sleep in an op on objects outside, until one of `fds` is readable (-1: none), until `until_ns`, or until one of the ops
 * of a SELECT that is about an object here may be done; as wait_set_sleep. In reports what is waited for has this slot: that it
 * is for ever, only those can know who see what is outside. 0: look again; -SBX_EINTERRUPTED; -SBX_ETIMEDOUT: the op's deadline.
 *   ctx  the struct os_backend
 */
int outside_sleep(void *ctx, const struct op *op, const int *fds, uint32_t count, int64_t until_ns);

/* The calling process is no process of the run, but looks after one: when the run ends it has a second to end by
 * itself, before it is killed like all others. */
void outside_spare(void *ctx);

/*
 * Of a process of this run, for somebody who asks from outside: by the record alone, and the results file.
 *   outside_outcome  as PROCESS_LOOK; and if it has ended, what it left is appended to `left` (NULL: it is not wanted). *ret_bound:
 *                    that names an object of this machine
 *   outside_signal   as PROCESS_SIGNAL
 *   outside_noted    as FAILURE_JOIN, FAILURE_LOOK
 * 0, -SBX_EGONE, -SBX_ENOMEM, -SBX_ESYSTEM
 */
int outside_outcome(void *ctx, const struct object_ref *p, struct process_info *ret,
                    struct buf *left, bool *ret_bound);
int outside_signal(void *ctx, const struct object_ref *p, int number);
void outside_noted(void *ctx, const struct object_ref *p, bool looked);

/* A handle of an object outside; and free it. -SBX_ENOMEM */
int outside_make(void *ctx, enum object_type type, uint32_t slot, uint64_t serial,
                 struct object **ret);
void outside_drop(void *ctx, struct object *o);

#endif
