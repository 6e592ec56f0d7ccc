/*
 * os/lifeline.h - no process of the tree outlives the supervisor.
 */
#ifndef SBX_OS_LIFELINE_H
#define SBX_OS_LIFELINE_H

#include "os/self.h"

/* Make the pipe; only the supervisor keeps its write end, which is the caller's. 0 or an error. */
int lifeline_create(struct os_backend *b, int *ret_write);

/* Give up what lifeline_create gave to `b`. */
void lifeline_close(struct os_backend *b);

/*
 * From now on the kernel sends SIGKILL to the calling process, `self`, when the supervisor is gone,
 * even if it is stopped or blocks every signal: O_ASYNC with F_SETSIG on a description of its own
 * (fcntl(2)). Dies at once if it is gone already.
 */
int lifeline_attach(struct os_backend *b, pid_t self);

#endif
