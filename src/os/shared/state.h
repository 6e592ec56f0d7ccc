/*
 * os/shared/state.h - the state of other processes, for one that may not read /proc: a strict run's files
 * are held by Landlock, and /proc/PID is among them. The supervisor may, and is asked.
 */
#ifndef SBX_OS_SHARED_STATE_H
#define SBX_OS_SHARED_STATE_H

#include "os/shared/self.h"

/* From now on, in this process and its children, proc_state asks the supervisor when /proc tells nothing. */
void state_by_supervisor(struct os_backend *b);

/* In the supervisor: it was asked about this process. */
void state_tell(struct control *c, uint32_t slot, uint64_t serial);

#endif
