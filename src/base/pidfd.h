/*
 * base/pidfd.h - descriptors that stand for a process; glibc 2.31 has no wrappers for them yet.
 */
#ifndef SBX_BASE_PIDFD_H
#define SBX_BASE_PIDFD_H

#include <sys/types.h>

/* pidfd_open(2): readable when the process has ended. The caller owns it; -1 with errno. */
int pidfd_open_of(pid_t pid);

/* pidfd_send_signal(2): 0, or -1 with errno. */
int pidfd_signal(int pidfd, int signal);

#endif
