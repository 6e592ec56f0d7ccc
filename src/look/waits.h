/*
 * look/waits.h - who waits for whom, and who can never go on: concluded from a snapshot alone.
 *
 * Each object's file says whether an op is enabled in the state that the snapshot shows, and which
 * processes could let it go on (object/help.h). Everything else follows. A table (waits.c) names the
 * ops that this is known of; a process that sleeps in another op, such as a mere sleep, counts as
 * running.
 *
 * Deadlock is the largest set of processes that sleep, without a deadline, in ops that cannot go on
 * and that only members of the set could let go on. A process is not in it if it runs, is stopped,
 * sleeps for a time, or was seen in two different sleeps (see `steady` in look/snapshot.h); so there
 * are no false alarms. Signals are not counted: a person, or a process outside of the set, may still
 * kill a process that another one joins.
 */
#ifndef SBX_LOOK_WAITS_H
#define SBX_LOOK_WAITS_H

#include "base/buf.h"
#include "look/snapshot.h"

/*
 * Fill `stuck` of every process. The snapshot needs its queues; one that is not settled proves
 * nothing about a part of the processes, so there is no answer but STUCK_NO.
 *   helper  id of a process that counts as one that could help everybody, if only it did something
 *           (the idle prompt): those whom nobody else could help are STUCK_HELP; 0: there is none
 * Returns 0 or -SBX_ENOMEM (nothing is filled).
 */
int waits_find(struct snapshot *s, uint64_t helper);

/* Is it a pool's worker that waits for a task? Whatever becomes of it, it is not to blame. */
bool waits_idly(const struct snapshot *s, uint32_t process);

/* Is everybody who lives stuck for ever? After waits_find. */
bool waits_all_stuck(const struct snapshot *s);

/*
 * Divide the stuck processes into parts that have nothing to do with one another: in different
 * parts, neither could help the other.
 *   part  room for process_count numbers: those of the same part have the same one
 */
void waits_parts(const struct snapshot *s, uint32_t *part);

/*
 * The processes that could make the op of `process` go on: their numbers, ascending, at most `max`
 * of them in `ret` (may be NULL with 0). Returns how many there are; none for one that runs.
 */
uint32_t waits_for(const struct snapshot *s, uint32_t process, uint32_t *ret, uint32_t max);

/* May somebody be among them whom the snapshot does not know: a message in some queue names it? */
bool waits_for_unknown(const struct snapshot *s, uint32_t process);

/*
 * A chain of stuck processes from `first` on, each waiting for the next; whoever waits with one of
 * them is not in it, too. Returns its length, at most `max`; 0 if `first` is not stuck.
 * `ret_closed` says whether somebody in it waits for somebody before him: then there is a cycle.
 */
uint32_t waits_chain(const struct snapshot *s, uint32_t first, uint32_t *ret, uint32_t max,
                     bool *ret_closed);

/* -- words ------------------------------------------------------------------------------------- */

/* "main", or "writer#2". 0 or -SBX_ENOMEM, as all that follow. */
int waits_tell_process(const struct snapshot *s, uint32_t process, struct buf *out);

/* "queue jobs#1", "queue#1", "a#2": what one that sleeps waits for; nothing for a mere sleep.
 * brief  "jobs#1" for the first */
int waits_tell_object(const struct snapshot *s, uint32_t process, bool brief, struct buf *out);

/*
 * A sentence without its full stop about one that sleeps, and those that wait for the same thing at
 * the same line: "main waits in get at x.lua:3 for queue#1, which nobody else can fill"; "w#2 to
 * w#9 wait in join at x.lua:9 for c#4".
 *   helper  as for waits_find: it is called "you"
 */
int waits_tell(const struct snapshot *s, uint32_t process, uint64_t helper, struct buf *out);

/*
 * Such sentences about a chain from `first` on, divided by semicolons.
 *   told        one for each process: those marked are left out; all who are told of are marked
 *   ret_closed  as for waits_chain
 */
int waits_tell_chain(const struct snapshot *s, uint32_t first, uint64_t helper, bool *told,
                     bool *ret_closed, struct buf *out);

/*
 * The lines of a report, each behind a newline and two blanks: those sentences, in the order of
 * their chains; and what happened last to each object that is waited for: "lock left#1: taken by
 * a#2 at x.lua:4".
 *   about  one for each process: shall it be told of? The idle are only counted.
 */
int waits_report(const struct snapshot *s, const bool *about, struct buf *out);

#endif
