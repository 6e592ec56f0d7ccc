/*
 * host/replay_internal.h - the parts of host/replay.h.
 *
 *   replay_token.c  the token of a schedule, and the command that replays it
 *   replay.c        the path of a token; the turns of real processes
 *   replay_show.c   a simulated replay: what the processes print, and how it ends
 */
#ifndef SBX_HOST_REPLAY_INTERNAL_H
#define SBX_HOST_REPLAY_INTERNAL_H

#include "base/arena.h"
#include "host/replay.h"
#include "sim/explore/explore.h"

/* What is followed. */
struct followed {
  struct arena *arena;
  struct exploration *x;
  struct explore_followed f;
};

/* Follow the token of the command line. 0 or an exit status, after a message; on 0 the caller has to forget it. */
int replay_follow(struct script *script, struct followed *p);
void replay_forget(struct followed *p);
/* It comes back to where it was, or time goes on and nobody ever takes a step. */
bool replay_never_ends(const struct followed *p);

/* The path is not that of the token: say where. Returns the exit status. */
int replay_tell_difference(const struct followed *p);

#endif
