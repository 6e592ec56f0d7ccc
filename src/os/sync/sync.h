/*
 * os/sync/sync.h - locks, semaphores, events, ...: one mechanism for all of them.
 *
 * A synchronisation object is a record in the control block and nothing else: a state of a few
 * words in two copies under a monitor, and a line of the processes that wait. A machine says what the
 * words mean (object/sync.h); here is the loop around it:
 *
 *   under the monitor  enabled?  yes: apply to the other copy, wake, commit
 *                                no:  join the line (os/shared/line.h)
 *   outside            sleep until woken, or time to look again
 *
 * A process that is killed holds up no other: the monitor is robust, a change is one store, and a
 * process that waits for another (the owner of a lock) sleeps on its pidfd, too, once it has waited
 * for a moment.
 *
 * A lock that no process waits for has a shorter way (os/sync/quick.h).
 *
 * Fairness is the rule of object/fair.h (line_must_yield).
 *
 * Handles hold the record by a bit (control.h, `held`), as they hold queues; there are no
 * descriptors, so a handle can be sent to any process of the run. A forked child holds what its
 * parent holds, but owns nothing: an owner is slot and serial.
 *
 * A condition has a lock, which is a record of its own: a holder of the condition holds the lock.
 */
#ifndef SBX_OS_SYNC_SYNC_H
#define SBX_OS_SYNC_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "object/sync.h"
#include "os/shared/self.h"
#include "os/shared/store.h"
#include "os/shared/wait.h"

/* -- holding (sync_hold.c) --------------------------------------------------------------------- */

/* How this process holds the object of a slot. */
struct sync_hold {
  uint32_t refs;    /* struct objects of this process */
  uint32_t forks;   /* the backend's count when it made the object */
  uint64_t process; /* serial of the process that made it; a forked child's differs */
  bool owed;        /* its last handle was dropped while it was taken: it is given up at the end */
  uint8_t *map; /* DICT: its table, ARRAY: its elements, in this process; NULL: not mapped yet */
  struct extent mapped;
};

/* Make an object. -SBX_ENOMEM, -SBX_EOBJECTS; nothing is leaked on failure. */
int sync_create(struct os_backend *b, const struct sync_options *o, uint32_t *ret_slot,
                uint64_t *ret_serial);
/* Hold an object that a message names. -SBX_EGONE, -SBX_EDATA (it is of another type), -SBX_ENOMEM
 */
int sync_import(struct os_backend *b, const struct object_ref *ref);
/* One reference less; the last one of all processes frees the record. */
void sync_drop(struct os_backend *b, uint32_t slot, uint64_t serial);
/* Claim a record for a new object, of any type, and give back what its last object has stored. 0 or
 * -SBX_EOBJECTS */
int sync_claim(struct os_backend *b, uint32_t *ret_slot, uint64_t *ret_serial);
/* Give back what the last object of a record that is claimed has stored. */
void sync_recycle(struct os_backend *b, uint32_t slot);

/* Does a handle of this process hold the synchronisation object of a slot? */
static inline bool sync_by_handle(const struct os_backend *b, uint32_t slot) {
  return b->holds && b->holds[slot].refs > 0;
}

/* No other process can hold the object of a slot that this process holds. */
bool sync_is_private(const struct os_backend *b, uint32_t slot);

/* What the object of a slot tells of itself, but for its id. */
void sync_describe(const struct control *c, uint32_t slot, struct sync_info *ret);

/* -- ops (sync.c) ------------------------------------------------------------------------------ */

/*
 * Perform an op of a synchronisation object: what its machine returns, -SBX_ETIMEDOUT,
 * -SBX_EINTERRUPTED.
 *   sync_perform       all is in the machine's words: semaphores, events, barriers
 *   lock_perform       an op of a lock, or of the lock of the condition op->object
 *   condition_perform  a wait also releases and acquires the lock, which must be held:
 *                      -SBX_ENOTHELD
 *   value_perform, dict_perform  contents are stored outside of the words (os/shared/store.h)
 */
int sync_perform(struct os_backend *b, struct op *op);
int lock_perform(struct os_backend *b, struct op *op);
int condition_perform(struct os_backend *b, struct op *op);
int value_perform(struct os_backend *b, struct op *op);
int dict_perform(struct os_backend *b, struct op *op);

/* The calling process leaves by itself: it gives up what it owns, and wakes those that wait. */
void sync_leave_held(struct os_backend *b, enum sync_end how);
static inline void sync_leave_all(struct os_backend *b, enum sync_end how) {
  if (b->holds) /* else it never held any */
    sync_leave_held(b, how);
}

/*
 * For select, in turns: poll is one look, at which the op is done if it can be (-SBX_ETIMEDOUT: it
 * cannot); arm joins the line, and names what else wakes, or says "at once" when the op can be done
 * by now; disarm leaves the line. Only for ops that do not change anything before they are done:
 * acquire, and wait for an event.
 */
int sync_poll(struct os_backend *b, struct op *op);
int sync_arm(struct os_backend *b, struct op *op, struct wait_set *w);
void sync_disarm(struct os_backend *b, struct op *op);

/* -- for reports ------------------------------------------------------------------------------- */

/* The processes without which those that wait for the object cannot go on (who_of); how many. 0:
 * none in particular, any process could help. */
uint32_t sync_owners(const struct control *c, uint32_t slot, uint64_t ret[SYNC_WORDS]);

/* Has `who` (as in object/sync.h) the object in its hands, which will be taken from it when it
 * ends? */
bool sync_find_forgotten(const struct control *c, uint32_t slot, uint64_t who,
                         struct forgotten *ret);

/* What was found out about one object (sync_world_ops.outsiders), which takes long. */
struct sync_outsiders {
  bool known, some;
  uint32_t slot;
};

/*
 * A process sleeps in an op of the object: could it go on now?
 *   patient    it has no deadline, and is not one of the ops of a select
 *   outsiders  kept between the calls for the processes of one snapshot
 */
bool sync_could_go_on(const struct control *c, uint32_t slot, uint32_t process, enum op_kind kind,
                      bool patient, struct sync_outsiders *outsiders);

#endif
