/*
 * os/objects.h - objects as this process holds them: made, looked at, named in messages, held,
 * released. Ops of all types of objects, for the rows of os/ops.c.
 */
#ifndef SBX_OS_OBJECTS_H
#define SBX_OS_OBJECTS_H

#include "os/shared/self.h"

/* A handle, which holds nothing yet. 0 or -SBX_ENOMEM; the caller owns *ret. */
int object_new(enum object_type type, uint32_t slot, uint64_t serial, struct object **ret);

/* NEW: op->object, or the ends in op->new_pipe. -SBX_EMFILE, -SBX_ENOMEM, -SBX_EOBJECTS */
int objects_new_queue(struct os_backend *b, struct op *op);
int objects_new_pipe(struct os_backend *b, struct op *op);
int objects_new_sync(struct os_backend *b, struct op *op);

/* LOOK: fill what op->..._info points to. Of a process -SBX_EGONE */
int objects_look_queue(struct os_backend *b, struct op *op);
int objects_look_pipe(struct os_backend *b, struct op *op);
int objects_look_sync(struct os_backend *b, struct op *op);
int objects_look_process(struct os_backend *b, struct op *op);

/* PROCESS_PARENT, CHILDREN, DESCENDANTS: new handles. */
int objects_parent(struct os_backend *b, struct op *op);
int objects_children(struct os_backend *b, struct op *op);
int objects_descendants(struct os_backend *b, struct op *op);

/* A new handle of a process that was found, or that others have spawned. -SBX_ENOMEM */
int objects_found(struct os_backend *b, uint32_t slot, uint64_t serial, struct object **ret);

/* HANDLE_*: see object/calls.h. */
int objects_export(struct os_backend *b, struct op *op);
int objects_fetch(struct os_backend *b, struct op *op);
int objects_import(struct os_backend *b, struct op *op);
int objects_land(struct os_backend *b, struct op *op);
int objects_release(struct os_backend *b, struct op *op);

#endif
