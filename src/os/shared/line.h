/*
 * os/shared/line.h - the processes that wait for an object, and how they are woken.
 *
 * A line is the object's wait queue. A process that must wait joins it, sleeps in wait_fds, and looks
 * again when a signal wakes it. No descriptor is needed, and a process may stand in several lines at
 * once, with one ticket: the number by which a line is ordered.
 *
 * The line is changed by the holder of the object's lock alone, and joined before that lock is let
 * go after the look that made the process wait: so a later change sees it. A change signals BEFORE
 * it commits: a process that is woken takes the lock to look, and so sees the commit; or, if the
 * changer was killed in between, the old state. A kill costs a spurious wake, never a lost one.
 *
 * A place is one word, the process and the low bits of its ticket; so one that belongs to a process
 * that is gone, or no longer waits, shows by its record. Such places are used again.
 *
 * A process that leaves the line, whether it got what it waited for or gave up, wakes the next one
 * if that could go on (sync.c, leave): so one signal, to the first, is enough for each change.
 *
 * A woken process may be killed or stopped before it acts, and then nobody wakes the next. So those
 * in line look again by themselves, every LINE_SLICE_NS and more rarely when they are many. Nothing
 * else relies on these looks: the tests of wake-ups take them out ("line.slice").
 */
#ifndef SBX_OS_SHARED_LINE_H
#define SBX_OS_SHARED_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "os/shared/self.h"

/* A process in line; ticket 0: none. */
struct line_place {
  uint64_t ticket;
  uint32_t slot;
};

enum { LINE_NOWHERE = -1 };

/* Join a line. Returns the place, or LINE_NOWHERE when it is full: then look again from time to
 * time. */
int line_join(struct os_backend *b, struct line *l);
void line_leave(struct os_backend *b, struct line *l, int place);
/* The same without the object's lock, which cannot be had: the place stays, but tells of nobody. */
void line_vanish(struct os_backend *b);
/* Where the calling process stands; LINE_NOWHERE. */
int line_find(const struct os_backend *b, const struct line *l);

/* The ticket of the calling process; 0 when it stands in no line. */
uint64_t line_ticket(const struct os_backend *b);

/* The living process in line with the lowest ticket above `after`. */
struct line_place line_next(const struct control *c, const struct line *l, uint64_t after);

/* Is this process there? */
bool line_has(const struct control *c, const struct line *l, uint32_t slot);

/* How many there are. */
uint64_t line_count(const struct control *c, const struct line *l, uint64_t after);

/* Signal the first `count` with tickets above `after`; not the calling process. */
void line_wake(const struct os_backend *b, struct line *l, uint64_t count, uint64_t after);

/* The calling process, which stands in line, has looked, and stays. */
void line_looked(const struct os_backend *b, struct line *l);

/* Must the calling process, with its ticket or none, let another go first? Yes if one before it has waited for long, lives, and
 * is not stopped: those that are stopped or dead are passed over, and keep nobody behind them waiting. */
bool line_must_yield(const struct os_backend *b, const struct line *l);

/* The ticket of the first that lives and is not stopped; of those that came but now the latter is not
 * asked. 0: none. */
uint64_t line_first_able(const struct control *c, const struct line *l);

/* When to look again at the latest. `looks` counts the looks so far. */
int64_t line_look_again_ns(const struct line *l, int place, unsigned looks);

/*
 * Can the process do nothing any more? The record tells; `thorough` asks the system, too, which
 * knows of a death before it is reaped.
 */
bool process_gone(const struct control *c, uint64_t who, bool thorough);

#endif
