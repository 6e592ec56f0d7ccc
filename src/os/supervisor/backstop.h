/*
 * os/supervisor/backstop.h - the end of a strict run whose supervisor is held up.
 *
 * Limits are the supervisor's work. It may be kept from that: by a pipe that is full of reports and that nobody reads, or
 * by code that has broken out of Lua and changes shared memory while it is read. So a timer begins when the time of the
 * run is over. When the supervisor has not come back to its loop for some seconds then, its process ends as a run at its
 * time limit does, and the processes of the run end with it: by their namespace, or by their lifelines.
 */
#ifndef SBX_OS_SUPERVISOR_BACKSTOP_H
#define SBX_OS_SUPERVISOR_BACKSTOP_H

#include <stdint.h>

/*
 * One at a time in a process, since it is a signal handler that ends it.
 *   time_ns  of the run, from now on
 *   status   the exit status at a time limit
 */
void backstop_begin(int64_t time_ns, int status);

/* The supervisor is back in its loop. */
void backstop_hold_off(void);

/* Only the supervisor is left. In a run that has ended before its time limit it may take as long as it likes to write; after
 * the limit it is to be called when the last line is written. */
void backstop_end(void);

#endif
