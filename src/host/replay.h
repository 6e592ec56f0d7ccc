/*
 * host/replay.h - --replay TOKEN: one interleaving of a script again, that --explore has told.
 *
 * The path is found in the simulator (sim/explore/token.h). With --sim that is all: what the processes
 * print is shown in the order of the steps. Without it, real processes take these steps.
 */
#ifndef SBX_HOST_REPLAY_H
#define SBX_HOST_REPLAY_H

#include "host/script.h"
#include "sim/explore/explore.h"

/* What is replayed is not what the token says. */
enum { EXIT_DIFFERS = 5 };

/* Print on stdout how to see a path of the script again. Nothing for a script from standard input. */
void replay_tell(const struct script *script, const struct exploration *x, const uint32_t *path,
                 uint32_t len);

/* Show the run in the simulator. Returns the exit status: that of such a run, or EXIT_DIFFERS. */
int replay_simulated(struct script *script);

#endif
