/*
 * os/shared/names.h - what is stored keeps alive what it names.
 *
 * A handle that was sent is stored somewhere until it is received: in an item of a queue, in a
 * value or a dict, in the result of a process. Nobody may hold its object meanwhile. So a table
 * says which holder names which object:
 *
 *   holder                     the name counts as long as
 *   a queue                    its last item that names the object is not gone (carry_gone)
 *   a value, a dict            the count of such names in it is not 0
 *   the result of a process    its record still has the result
 *   a process: its mailbox     it lives (control.mail says which, there is no cell)
 *
 * and in each case the holder can be reached itself: a living process holds it, or something that
 * can be reached names it. What cannot be reached is garbage, also in circles; a sweep finds it, as
 * a collector does. So it need not be noticed that a message is lost: a queue is dropped, a reader is
 * killed between the get and the last byte.
 *
 * A sweep takes no lock. It must not lose what changes hands while it looks. A process moves an
 * object from A to B in three steps:
 *   1. B holds it, or names it    2. moved = the number of the sweep of the day    3. A lets go
 * A sweep takes a new number first. Then: an object that was reachable at its end, and not moved
 * since its begin, was held all the time by the same holder, and so was seen. What was moved it
 * counts as held, also after its end: an object that was made meanwhile was moved before it was
 * stored. A fork moves all that the parent holds; those are counted (`forks`), and a sweep
 * that met one looks again.
 *
 * Kill safety: a name is added before what is stored is committed, under the lock of the holder. A
 * kill in between leaves a name too many. Of a queue it counts no more when its log is empty, and goes with the next item
 * that carries handles; a value or a dict counts again (sync_record.naming).
 *
 * A cell's `count` has a generation above it, which grows when the cell is given up: so no process
 * changes a cell that has another owner by now.
 */
#ifndef SBX_OS_SHARED_NAMES_H
#define SBX_OS_SHARED_NAMES_H

#include "os/shared/self.h"

/* Who names: an object, or the result of a process. */
uint64_t names_of_object(uint32_t slot, uint64_t serial);
uint64_t names_of_result(uint32_t slot, uint64_t serial);

/*
 * Item `number` of a queue names these, which the caller holds. Caller holds the queue's put side.
 * 0 or -SBX_ENAMES, and then nothing is changed.
 */
int names_add_item(struct control *c, uint64_t queue, const struct object_ref *refs, uint32_t n,
                   uint64_t number);
/* It was not put after all. */
void names_take_back(struct control *c, uint64_t queue, const struct object_ref *refs, uint32_t n,
                     uint64_t number);

/* The same of any other holder, by counts; the caller holds its lock, or is the process. */
int names_add(struct control *c, uint64_t holder, const struct object_ref *refs, uint32_t n);
void names_remove(struct control *c, uint64_t holder, const struct object_ref *refs, uint32_t n);
/* The holder names nothing. */
void names_clear(struct control *c, uint64_t holder);

/* An object is about to be entered where no cell says it (a mailbox): a sweep has to look. */
void names_note(struct control *c, const struct object_ref *ref);

/* Step 2: after an object got a new holder, and before it loses the old one. */
static inline void names_moved(struct control *c, uint32_t slot) {
  uint64_t now = atomic_load(&c->sweeps), old = atomic_load(&c->objects[slot].moved);
  while (old < now && !atomic_compare_exchange_weak(&c->objects[slot].moved, &old, now))
    ;
}

/*
 * Does anybody hold an object, or could still receive it? Those are two looks, first at the holders,
 * then at what is stored, and what is received in between is seen by neither. So a moment is taken
 * before the first, and whatever changed hands since then counts as stored.
 */
struct names_moment {
  uint64_t sweep, forks;
};
static inline struct names_moment names_moment(struct control *c) {
  return (struct names_moment){atomic_fetch_add(&c->sweeps, 1) + 1, atomic_load(&c->forks)};
}

/* What can be reached: by anybody at all, and through something stored. */
struct names_reach {
  uint64_t sweep; /* its number */
  uint64_t reached[OBJECT_WORDS], stored[OBJECT_WORDS];
};

static inline bool names_has(const uint64_t words[OBJECT_WORDS], uint32_t slot) {
  return words[slot / 64] >> (slot % 64) & 1;
}

/*
 * Mark what a process holds, and what belongs to it. A handle that it has received, but not decoded,
 * is held alone: of a pipe's end without the queues, though the process will send through them.
 */
void names_held_by(const struct control *c, uint32_t process, uint64_t ret[OBJECT_WORDS]);

/* Look. Where that comes to no end, since others are busy, everything named counts as reached, and
 * false is returned. */
bool names_look(struct control *c, struct names_reach *ret);

/* Could a process still receive a handle of this object, or did one receive it since that moment? */
bool names_stored(struct control *c, uint32_t slot, struct names_moment since);

/* Give up the records of all that were stored and cannot be reached any more, what is stored in
 * them, and their names. Returns how many. Takes no lock. */
uint32_t names_sweep(struct os_backend *b);

#endif
