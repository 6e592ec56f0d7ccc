/*
 * os/supervisor/suspend.h - the whole run stands still, and goes on: Ctrl-Z at the prompt, and `fg`.
 *
 * The processes of a prompt's session have process groups of their own, so that the terminal's
 * Ctrl-C is not for them; its Ctrl-Z, which is for the whole run, the supervisor passes on.
 */
#ifndef SBX_OS_SUPERVISOR_SUSPEND_H
#define SBX_OS_SUPERVISOR_SUSPEND_H

#include "os/shared/control.h"

/* Who was stopped before. `struct suspended s = {0};` */
struct suspended {
  pid_t *pids; /* owned */
  size_t count, cap;
};

/*
 * Stop every process of the run, and the programs in their process groups that they have started,
 * and wait until they stand still. Of the supervisor's own group nobody is stopped.
 */
void suspend_run(const struct control *c, struct suspended *ret);

/* Let those go on that suspend_run stopped: not those that stood still already. Releases `s`. */
void suspend_end(const struct control *c, struct suspended *s);

#endif
