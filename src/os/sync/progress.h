/*
 * os/sync/progress.h - progress, which processes move and the supervisor shows.
 *
 * The supervisor holds each progress, too, by a bit in `control.shown`: so that the record stays
 * until the supervisor has shown what the progress has come to, also if its processes are gone by
 * then. It is told of a new one, and of the end of one, by a message; between the two it looks by
 * itself, so that to move the count takes no call of the system.
 */
#ifndef SBX_OS_SYNC_PROGRESS_H
#define SBX_OS_SYNC_PROGRESS_H

#include "os/shared/self.h"

/* PROGRESS_ADD, SET, CLOSE. A close returns when the supervisor has shown the end, if that does not
 * take long. 0 or -SBX_ECLOSED */
int progress_perform(struct os_backend *b, struct op *op);

/* There is no record left: wait until the supervisor lets go of some that are closed, ten seconds at
 * most. False: there are none, it did not, or there is an interrupt. */
bool progress_relieve(struct os_backend *b);

/* -- for os/sync ------------------------------------------------------------------------------ */

/* A record was filled for a progress; and others can reach it by now. */
void progress_begin(struct control *c, uint32_t slot);
void progress_made(struct os_backend *b, uint32_t slot);
/* The supervisor holds it. */
bool progress_is_shown(const struct control *c, uint32_t slot);
/* The calling process ends; and: it has no handle of this one any more, which is closed if it was
 * the last. */
void progress_leave(struct os_backend *b, uint32_t slot);
void progress_dropped(struct os_backend *b, uint32_t slot);

/* -- for the supervisor ----------------------------------------------------------------------- */

struct progress_shown {
  struct sync_info info; /* name, count, max, set */
  int64_t begun_ns;      /* CLOCK_MONOTONIC */
};

/* Look at the one of a slot that is shown. False: there is none, any more. */
bool progress_read(const struct control *c, uint32_t slot, struct progress_shown *ret);
/* Its end was shown: let go of it. Afterwards, once for all of them, tell the processes that wait
 * for that. */
void progress_was_shown(struct os_backend *b, uint32_t slot);
void progress_tell_shown(struct control *c);

#endif
