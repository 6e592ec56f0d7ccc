/*
 * os/shared/hand.h - handles in the hands of a process: received, and not decoded yet.
 *
 * A process that takes a message holds what the message names from before the commit on, so that
 * nothing is without a holder while it is decoded. The bit in the control block (`held`) is that of
 * any other holding.
 */
#ifndef SBX_OS_SHARED_HAND_H
#define SBX_OS_SHARED_HAND_H

#include "os/shared/self.h"

/*
 * What is done here for objects of all types needs to know of their handles and descriptors. These
 * functions stand higher (os/queue, os/sync); os/backend.c puts them together.
 */
struct holding_ops {
  /* Does a handle of this process hold the object of a slot? */
  bool (*by_handle)(const struct os_backend *b, uint32_t slot);
  /* Get the descriptors without which the object is of no use, and lay them by for the handle that
   * will come of it. 0, as broker_request; an object that is gone is no error. */
  int (*fetch)(struct os_backend *b, const struct op *op, const struct object_ref *ref);
  /* See that the supervisor has the descriptors of an object that this process holds. As
   * broker_request. */
  int (*keep)(struct os_backend *b, const struct op *op, const struct object_ref *ref);
  /* Close what was laid by for an object, and what was for all. */
  void (*drop_laid_by)(struct os_backend *b, const struct object_ref *ref);
  void (*drop_all_laid_by)(struct os_backend *b);
  /* The process sleeps, and b->queue_grown: give back shared memory that is not in use. */
  void (*trim)(struct os_backend *b);
  /* Give back what the last object of a claimed record has stored. */
  void (*recycle)(struct os_backend *b, uint32_t slot);
};

/* Hold the objects that a message names; what is gone already is left out. `refs` may stand
 * anywhere. */
void hand_take(struct os_backend *b, const void *refs, uint32_t count);
void hand_drop(struct os_backend *b, const struct object_ref *ref);
/* In a child just forked: they are its parent's. */
void hand_forget(struct os_backend *b);

/* This process holds the object of a slot no more, but perhaps in its hands. */
void hand_release(struct os_backend *b, uint32_t slot);

/*
 * Ask for the descriptors that make the objects known here (what objects_fetch does); send those of
 * objects that `op` is going to send (os_perform, before the op). Deadline and interrupts are the
 * op's.
 */
int hand_fetch(struct os_backend *b, const struct op *op, const struct object_ref *refs,
               uint32_t count);
int hand_export(struct os_backend *b, const struct op *op);
int hand_export_refs(struct os_backend *b, const struct op *op, const struct object_ref *refs,
                     uint32_t count);

#endif
