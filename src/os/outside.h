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
 * Sleep in an op on objects outside, until `fd` is readable, until `until_ns`, or until one of the ops
 * of a SELECT that is about an object here may be done; as wait_set_sleep. Reports say what is waited for; that it
 * is for ever they cannot know. 0: look again; -SBX_EINTERRUPTED; -SBX_ETIMEDOUT: the op's deadline.
 *   ctx  the struct os_backend
 */
int outside_sleep(void *ctx, const struct op *op, int fd, int64_t until_ns);

/* The calling process is no process of the run, but looks after one: when the run ends it has a second to end by
 * itself, before it is killed like all others. */
void outside_spare(void *ctx);

/* A handle of an object outside; and free it. -SBX_ENOMEM */
int outside_make(void *ctx, enum object_type type, uint32_t slot, uint64_t serial,
                 struct object **ret);
void outside_drop(void *ctx, struct object *o);

#endif
