/*
 * os/supervisor/family.h - the processes below this one, as the kernel lists them.
 *
 * The records of a run lie in memory that all its processes can write. In a strict run, code that has broken out of
 * Lua could name other people's pids there, or leave its own out. So what is signalled for a strict run, and what its
 * limits count, is asked of the kernel. Programs, which have no record, are found as well.
 */
#ifndef SBX_OS_SUPERVISOR_FAMILY_H
#define SBX_OS_SUPERVISOR_FAMILY_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The run is strict: records are not trusted from now on.
 *   alone  this process and those below it have a namespace of processes of their own
 */
void family_distrust(bool alone);

/* May a pid that a record names be signalled? False: the run is strict, and the process is not below this one. The
 * caller makes sure that the pid stays with its process meanwhile. */
bool family_may_signal(pid_t pid);

/* Call `visit` for each process below this one. False, and none is visited: records are trusted, the kernel does not
 * list them, or there is no memory. */
bool family_each(void (*visit)(void *ctx, pid_t pid), void *ctx);

/* In a namespace of its own: kill all the others in it. */
void family_kill(void);

#endif
