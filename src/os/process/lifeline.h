/*
 * os/process/lifeline.h - no process of the tree outlives the supervisor.
 */
#ifndef SBX_OS_PROCESS_LIFELINE_H
#define SBX_OS_PROCESS_LIFELINE_H

#include "os/shared/self.h"

/* Make the pipe; only the supervisor keeps its write end, which is the caller's. 0 or an error. */
int lifeline_create(struct os_backend *b, int *ret_write);

/* Give up what lifeline_create gave to `b`. */
void lifeline_close(struct os_backend *b);

/*
 * A process may be stopped before its first step, and its parent in the middle of the fork. So both
 * make the child the owner of its description, whichever comes first:
 *   parent  lifeline_open, lifeline_fork_begin; fork; lifeline_fork_end
 *   child   lifeline_enter
 * From then on the kernel sends SIGKILL to the child when the supervisor is gone, even if it is
 * stopped or blocks every signal: O_ASYNC with F_SETSIG on a description of its own (fcntl(2)).
 */

/* A description for the next child. 0, or an error of open(2): without /proc there is none. */
int lifeline_open(const struct os_backend *b, int *ret);

/* Until lifeline_fork_end the end of the supervisor does not kill the calling process: it wakes it,
 * should it be stopped, so that it can kill its child. */
void lifeline_fork_begin(const struct os_backend *b);

/* The fork has returned `pid` (-1: it failed), and `fd` is not needed here any more. Dies with the
 * child if the supervisor is gone. */
void lifeline_fork_end(const struct os_backend *b, int fd, pid_t pid);

/* The first step of the child, `self`. Dies at once if the supervisor is gone already. */
void lifeline_enter(struct os_backend *b, int fd, pid_t self);

#endif
