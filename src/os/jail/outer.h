/* os/jail/outer.h - the outer of the two processes; see outer.c. */
#ifndef SBX_OS_JAIL_OUTER_H
#define SBX_OS_JAIL_OUTER_H

#include <signal.h>
#include <sys/types.h>

/* Block the signals that are handed on, before the inner process is made, so that none is lost. */
void outer_block(sigset_t *ret_old);

/* Hand signals on until the inner process has ended. Returns its exit status; 128+n if signal n ended it. */
int outer_wait(pid_t inner);

#endif
