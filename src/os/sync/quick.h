/*
 * os/sync/quick.h - locks that no process waits for: one word instead of the monitor.
 *
 * Most locks are free when they are acquired, and have no waiters when they are released. The state of
 * such a lock stands in one word of its record, and both ops are one compare-and-swap of that word.
 *
 *   0               The monitor's copies are the state, and ops take the monitor (sync.c). So it is for
 *                   all other objects, for a lock with waiters, one that is held more than once, and one
 *                   whose holder is known to be gone.
 *   owner, OPEN     The word is the state: the owner holds the lock, once; or it is free (owner 0). The
 *                   copies are of an earlier time.
 *   the same, SHUT  The word is the state, and does not change any more: a holder of the monitor is
 *                   moving the state into the copies.
 *
 * Steps
 *   Q1  Acquire, release: (0, OPEN) becomes (owner, OPEN), and back, by compare-and-swap: THE COMMIT.
 *       Any process, without the monitor.
 *   Q2  Shut: the holder of the monitor, before it looks at the copies:
 *         a  OPEN becomes SHUT, by an atomic or: from here on Q1 fails
 *         b  the copies say what the word says, by monitor_commit
 *         c  the word becomes 0
 *   Q3  Open: the holder of the monitor, before it lets go, if the line is empty: the word says what the
 *       copies say.
 *
 * Why it holds
 *   Kills.     Q1 and Q3 are one store each. In Q2 the word is the state until c, and the next holder of
 *              the monitor does b and c again: b twice is the same as once.
 *   Wake-ups.  A process joins the line under the monitor, after Q2, and Q3 opens no lock with a line. So
 *              nobody waits for what Q1 releases; and Q1 overtakes nobody (object/fair.h).
 *   Deaths.    A holder that is gone stands in the word as it would in the copies. The next acquire
 *              fails in Q1, and asks the machine.
 *   Looking    without the monitor (quick_read): the word first, then the copies. If the word is 0, the
 *              copies were the state at that moment or later, since b comes before c.
 */
#ifndef SBX_OS_SYNC_QUICK_H
#define SBX_OS_SYNC_QUICK_H

#include "object/lock.h"
#include "os/shared/control.h"

enum { QUICK_OPEN = 1, QUICK_SHUT = 2, QUICK_BITS = 2 };

static inline uint64_t quick_word(uint64_t owner) { return owner << QUICK_BITS | QUICK_OPEN; }

/* What a word that is not 0 says. */
static inline void quick_says(uint64_t word, uint64_t *state) {
  state[LOCK_OWNER] = word >> QUICK_BITS;
  state[LOCK_DEPTH] = state[LOCK_OWNER] != 0;
}

/* Q1, for a lock: acquire (or release) it. False, and nothing has changed: ask the machine. */
bool quick_swap(struct sync_record *r, uint64_t who, bool acquire);

/* Q2 and Q3, holder of the monitor only; of any object. */
void quick_shut_slowly(struct sync_record *r);
void quick_open(struct sync_record *r);
static inline void quick_shut(struct sync_record *r) {
  if (atomic_load_explicit(&r->quick, memory_order_relaxed))
    quick_shut_slowly(r);
}

/* The first `words` words of an object's state, without the monitor. */
void quick_read(const struct sync_record *r, size_t words, uint64_t *ret);

#endif
