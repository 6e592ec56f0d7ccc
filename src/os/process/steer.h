/*
 * os/process/steer.h - what a person does to a process from outside, by its record alone: signals, and
 * whether its output is shown. Takes no lock; any process may.
 */
#ifndef SBX_OS_PROCESS_STEER_H
#define SBX_OS_PROCESS_STEER_H

#include "os/shared/control.h"

/*
 * Send a signal. SIGINT, SIGTERM and SIGKILL mark the end as expected: it is no failure of the run.
 * SIGINT and SIGTERM reach a process that is paused, too: it goes on.
 * Nothing happens if it has ended. 0, -SBX_EGONE (the record has another owner), -SBX_ESYSTEM.
 */
int steer_signal(struct control *c, uint32_t slot, uint64_t serial, int signal);

/* Show no line of it any more, or show them again. 0 or -SBX_EGONE. Main's are always shown. */
int steer_mute(struct control *c, uint32_t slot, uint64_t serial, bool mute);

/* Show the lines of this process alone (and main's), also if it was muted; serial 0: of all that are
 * not muted. 0 or -SBX_EGONE. */
int steer_follow(struct control *c, uint32_t slot, uint64_t serial);

#endif
