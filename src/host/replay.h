/*
 * host/replay.h - --replay TOKEN: one interleaving of a script again, that --explore has told.
 *
 * The path is found in the simulator (sim/explore/token.h). With --sim that is all: what the processes
 * print is shown in the order of the steps. Without it, real processes take these steps.
 */
#ifndef SBX_HOST_REPLAY_H
#define SBX_HOST_REPLAY_H

#include "os/shared/turns.h"
#include "os/supervisor/supervisor.h"

struct script; /* host/program.h */

/* What is replayed is not what the token says. */
enum { EXIT_DIFFERS = 5 };

/* Show the run in the simulator. Returns the exit status: that of such a run, or EXIT_DIFFERS. */
int replay_simulated(struct script *script);

/*
 * The steps for real processes, found in a process of its own, which simulates.
 *   o    those of the run that follows; if it is strict, the simulating is a run of its own in the same jail, with
 *        the same limits
 *   ret  the caller's
 * Returns 0, or an exit status after a message.
 */
int replay_prepare(struct script *script, const struct supervisor_options *o, struct turns **ret);

/* The run is over, with this status: tell where it differed. Returns the exit status. */
int replay_over(struct turns *t, int status);

#endif
