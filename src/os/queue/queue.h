/*
 * os/queue/queue.h - the queue of real processes: a pipe of records, and a log for what the pipe cannot
 * take.
 *
 * What a script may rely on
 *   1. When put returns, the item is in the queue for everybody; len, empty and full are exact.
 *   2. A writer may put any amount and exit before anybody reads.
 *   3. Kill any process at any instruction: at most the item in its own hands is lost; no other is
 * lost, doubled or torn, nobody hangs, len stays exact.
 *   4. close ends the stream: readers drain it, then get -SBX_ECLOSED.
 *
 * How
 *   An item travels through the pipe or through the log (os/queue/log.h). In the pipe it is one record of
 * 512 bytes, if it fits one: such a write is all or nothing, and FIONREAD / 512 is the kernel's
 * exact count (pipe(7)). The log needs no system call. Readers empty the pipe first, and as long as
 * the log is not empty nothing is put into the pipe; so the order is FIFO. Where both are possible,
 * `transport` decides: "pipe" takes the pipe, "shm" the log. "auto" takes the pipe when a reader is
 * asleep, since only the kernel can wake it, and then the item itself is the wake-up; and the log
 * when readers are awake. Who finds nothing watches for a moment before he sleeps, where that pays;
 * and who takes one item after the other lets some gather meanwhile (os/shared/spin.h).
 *
 *   Two sides, two locks (put before get, when both are needed), so that a producer and a consumer
 * do not meet. One commit point per op: the pipe's write or read, or the release store of a side's
 * generation (os/shared/side.h). Each side reads the other's words as seldom as it can, and remembers them
 * in `seen`: the head, the tail and the room there was only grow, so what was seen may be old, and
 * errs to the safe side. A reader takes all of the log that it has seen before it looks again.
 *
 *   put.pipe is odd while a write to the pipe may be going on, and grows by 2 with each, whether it
 * succeeds or its writer dies. get.pipe grows by 2 with each read, and is set to put.pipe when the
 * pipe is found empty after an even count. So it never counts more than was read, and when both are
 * equal the pipe is empty: no system call is needed to know. A reader loads the log's tail BEFORE
 * put.pipe: otherwise it could miss an older record in the pipe and take a younger item from the
 * log.
 *
 *   Bells are eventfds: one for readers that sleep while the log fills (the pipe wakes them by
 * itself), one for writers of a bounded queue. A bell is rung BEFORE the commit it announces: a
 * kill between the two costs a spurious wake, never a lost one. It is silenced only under both
 * locks, when there is nothing to announce. `rung` says "rung already": set after ringing, cleared
 * before silencing, so that a kill in between errs to a needless ring. `asleep` is a hint and no
 * more: a reader went to sleep, and nothing went through the pipe since.
 *
 *   An item that carries handles is marked (in its length, in its entry's head), and ends with a
 * trailer: the handles (struct object_ref), and a struct carried. Its number tells when the queue
 * names them no more (os/shared/names.h).
 */
#ifndef SBX_OS_QUEUE_QUEUE_H
#define SBX_OS_QUEUE_QUEUE_H

#include <stdint.h>

#include "object/queue.h"
#include "os/queue/log.h"
#include "os/shared/self.h"
#include "os/shared/spin.h"
#include "os/shared/wait.h"

enum {
  RECORD_BYTES = 512,    /* divides PIPE_BUF and the page */
  RECORD_HEAD = 4,       /* the item's length */
  RECORD_MARK = 1 << 30, /* in it: the item carries handles */
  RECORD_ITEM_MAX = RECORD_BYTES - RECORD_HEAD,
  LEND_BYTES = 16 << 10 /* an item so large is shown where it lies, to who asks for it */
};

/* The descriptors of a queue, in the order in which they travel. */
enum queue_fd { FD_LOG, FD_GET_BELL, FD_PUT_BELL, FD_PIPE_READ, FD_PIPE_WRITE, QUEUE_FDS };

/* A queue as one process holds it. */
struct queue {
  struct queue *next;
  uint32_t slot;
  uint64_t serial;
  uint32_t refs;       /* struct objects of this process; 0: laid by (queue_share.c) */
  uint32_t forks;      /* the backend's count when it came to this process */
  int fds[QUEUE_FDS];  /* owned; the log's belongs to `log` */
  struct log_ring log; /* closed when refs is 0 */
  struct spin get_spin, put_spin;
};

/* Make a queue. -SBX_EMFILE, -SBX_ENOMEM, -SBX_EOBJECTS; nothing is leaked on failure. */
int queue_create(struct os_backend *b, const struct queue_options *o, struct queue **ret);

/* Hold a queue whose descriptors came from elsewhere; takes them on success only. */
int queue_adopt(struct os_backend *b, uint32_t slot, uint64_t serial, const int fds[QUEUE_FDS],
                struct queue **ret);

/* The queue if this process holds it already, else NULL. Counts no reference. */
struct queue *queue_find(struct os_backend *b, uint32_t slot, uint64_t serial);

/* Hold a queue that a message, or an end of a pipe, names; queue_import if it was not laid by.
 * -SBX_EGONE, -SBX_EDATA, -SBX_EMFILE */
int queue_hold(struct os_backend *b, uint32_t slot, uint64_t serial, struct queue **ret);

/* One reference less; at none the descriptors are closed. */
void queue_drop(struct os_backend *b, struct queue *q);
/* The same of one that was laid by, and will not be used. */
void queue_drop_laid_by(struct os_backend *b, struct queue *q);

/* -- descriptors of queues, and of the queues of pipes (queue_share.c) ------------------------- */

/* Get the descriptors of a queue from the supervisor, and hold it. As broker_request; -SBX_EGONE */
int queue_import(struct os_backend *b, const struct op *op, uint32_t slot, uint64_t serial,
                 struct queue **ret);
/* For os/shared/hand.h, of an object of any type. */
bool queue_by_handle(const struct os_backend *b, uint32_t slot);
int queue_share_fetch(struct os_backend *b, const struct op *op, const struct object_ref *ref);
int queue_share_keep(struct os_backend *b, const struct op *op, const struct object_ref *ref);
void queue_share_drop(struct os_backend *b, const struct object_ref *ref);
void queue_share_drop_all(struct os_backend *b);

/*
 * Of a process that uses no queue any more, and ends: unmap the logs. What looks through all of its
 * memory at the end (memcheck's search for leaks) would read, and so fill, a quarter of the
 * machine's memory for each queue.
 */
void queue_unmap_all(struct os_backend *b);

/*
 * OP_QUEUE_PUT. 0, -SBX_ETIMEDOUT (full), -SBX_ECLOSED, -SBX_ECAP, -SBX_ENOSPC, -SBX_ETOOBIG,
 * -SBX_EINTERRUPTED. On failure the queue is unchanged.
 */
int queue_put(struct os_backend *b, struct op *op);

/* OP_QUEUE_GET. 0, -SBX_ETIMEDOUT (empty), -SBX_ECLOSED, -SBX_ENOMEM (the item stays),
 * -SBX_EINTERRUPTED, -SBX_ELENT (it is asked for, and the item is in the log and large). */
int queue_get(struct os_backend *b, struct op *op);

/* OP_QUEUE_TAKE. 0, -SBX_EAGAIN: what was lent is not the oldest item any more; -SBX_EINTERRUPTED.
 */
int queue_take(struct os_backend *b, struct op *op);

/* OP_QUEUE_PEEK: as get with a deadline in the past, but the item stays. With op->number n > 0: up
 * to n of the oldest items of one moment, each behind its length in 8 bytes. */
int queue_peek(struct os_backend *b, struct op *op);

/* OP_QUEUE_CLOSE. 0 or -SBX_EINTERRUPTED. */
int queue_close(struct os_backend *b, struct op *op);

/*
 * OP_QUEUE_TASK_DONE: one of the items that were got has been worked off. 0, or -SBX_ETASKS (more
 * often than items were got).
 */
int queue_task_done(struct os_backend *b, struct op *op);

/* OP_QUEUE_JOIN: wait until every item that was put has been marked so. 0, -SBX_ETIMEDOUT,
 * -SBX_EINTERRUPTED. */
int queue_join(struct os_backend *b, struct op *op);

/*
 * The state of one moment, without a lock: nothing has moved while the sides and the pipe were
 * read. When others are so busy that this does not come about, some moment in between has to do.
 *   pipe       any descriptor of the queue's pipe, -1: none is at hand
 *   ret_bytes  what the items occupy, in the pipe's records and the log's entries; may be NULL
 */
struct queue_state queue_look(const struct queue_record *r, int pipe, uint64_t *ret_bytes);

/*
 * PUT or GET could not go on: make sure of it, and name what wakes when it may. Returns 0 (sleep;
 * or look again, which the bell tells), or what a lock returned.
 */
int queue_arm(struct os_backend *b, struct op *op, struct wait_set *w);

void queue_describe(struct os_backend *b, struct queue *q, struct queue_info *ret);

#endif
