/*
 * host/shake.h - --shake: run a script many times, each time with other pauses, until a run goes wrong.
 *
 * Each run is a process forked from this one, which has not begun anything: it becomes the supervisor of
 * a run like any other. Its stdout and stderr go into files in memory, so nothing is shown of a run that
 * went well, and nothing waits for a reader. The process of the run judges it when it is over; of one that went
 * wrong it shows the output, then what --trace and its like ask for. This process then tells what went
 * wrong, and how to have the same pauses again.
 *
 * What is wrong: an exit status that is not 0 (an error in main, a failure that nobody joined, a deadlock
 * of all), a deadlock of some, a lock that a process held when it ended, a run that takes too long; with
 * --shake-same also an output that differs from that of a run without pauses, lines in any order.
 */
#ifndef SBX_HOST_SHAKE_H
#define SBX_HOST_SHAKE_H

#include "host/options.h"
#include "os/supervisor/supervisor.h"

/* One of the runs, in its own process. */
struct shaken_run;

/* Run the script once; called in a process of its own. Returns an exit status. */
typedef int shaken_run_fn(struct shaken_run *r, void *ctx);

/*
 * The whole of --shake.
 *   once  performs a run: it tells the supervisor with shake_prepare what is special, and says with
 *         shake_over how it ended
 * Returns the exit status: 0; EXIT_SHAKE if a run went wrong; EXIT_USAGE after a message, EXIT_LUA_ERROR
 * if the script does not compile; 128+n if signal n ended it.
 */
int shake_run(const struct options *o, int argc, char **argv, shaken_run_fn *once, void *ctx);

/* The pauses, the seed, the time limit, and the wish to know what was wrong. `s` is used until shake_over. */
void shake_prepare(struct shaken_run *r, struct supervisor_options *s);

/*
 * The run is over: judge it.
 *   status  what supervisor_run returned
 * Returns whether its traces are to be shown: what it wrote is shown then.
 */
bool shake_over(struct shaken_run *r, int status);

/* In main of the run: close what is not its business. */
void shake_forget(const struct shaken_run *r);

#endif
