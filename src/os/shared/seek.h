/*
 * os/shared/seek.h - processes that wait until one of a certain name is there (os/mail.h).
 *
 * A seeker sets its bit, then looks, then sleeps. A process that is born becomes RUNNING, then wakes
 * whoever has set a bit, itself: if it is killed in between, it is not there to be found. So either
 * the seeker sees the process, or the process sees the bit; and a wake-up that comes between the
 * look and the sleep ends the sleep (wait_fds). A birth that nobody waits for costs a look at one
 * word for each 64 processes.
 */
#ifndef SBX_OS_SHARED_SEEK_H
#define SBX_OS_SHARED_SEEK_H

#include "os/shared/self.h"

/* The calling process waits for births from here on, and no more. */
void seek_begin(struct os_backend *b);
void seek_end(struct os_backend *b);

/* The calling process is RUNNING, by its name: wake those who wait for births. */
void seek_born(struct os_backend *b);

#endif
