/*
 * os/queue/pipe.h - two-way pipes: two queues, and two ends that say which is which.
 *
 * An end is an object of its own, without descriptors (it is held and sent as os/sync/sync.h says), so
 * that its holders are known. Closing it closes it for every process, as with a queue. For a receiver
 * it is as good as closed when nothing is left that could send (object/pipe.h): no other living
 * process holds the other end, and no message names it. A process that made both ends and never
 * shared them counts as one that could.
 *
 * A process that sleeps in recv watches one holder of the other end, any of them, by its pidfd; when
 * that one has died, it looks for the next. A process that drops an end without dying signals the
 * holders of the other.
 */
#ifndef SBX_OS_QUEUE_PIPE_H
#define SBX_OS_QUEUE_PIPE_H

#include "os/shared/self.h"
#include "os/shared/wait.h"

/* Make a pipe; its ends are given to `a` and `b_end`, zeroed objects of the caller's. -SBX_EMFILE,
 * -SBX_ENOMEM, -SBX_EOBJECTS; nothing is leaked on failure. */
int pipe_create(struct os_backend *b, const char *name, struct object *a, struct object *b_end);

/* Hold the end that `ref` names: fills the queues of `end`. -SBX_EGONE, -SBX_EMFILE, -SBX_EDATA */
int pipe_import(struct os_backend *b, const struct object_ref *ref, struct object *end);
void pipe_drop(struct os_backend *b, struct object *end);

/* OP_PIPE_SEND: as queue_put. -SBX_ECLOSED if either end was closed, -SBX_EGONE if nobody could
 * receive it: no living process holds the other end, and nothing stored names it. */
int pipe_send(struct os_backend *b, struct op *op);
/* OP_PIPE_RECV, OP_PIPE_POLL (takes nothing): as queue_get. -SBX_ECLOSED: nothing is left, and
 * nothing will come. */
int pipe_recv(struct os_backend *b, struct op *op);
/* OP_PIPE_CLOSE */
int pipe_close(struct os_backend *b, struct op *op);

/* For select: OP_PIPE_RECV without waiting; and what wakes when it may succeed. */
int pipe_try_recv(struct os_backend *b, struct op *op);
int pipe_arm(struct os_backend *b, struct op *op, struct wait_set *w);

void pipe_describe(struct os_backend *b, const struct object *end, struct queue_info *ret);

#endif
