/*
 * os/supervisor/suspend.h - the whole run stands still, and goes on: Ctrl-Z at the prompt, and
 * `fg`.
 *
 * The processes of a prompt's session have process groups of their own, so that the terminal's
 * Ctrl-C is not for them; its Ctrl-Z, which is for the whole run, the supervisor passes on.
 */
#ifndef SBX_OS_SUPERVISOR_SUSPEND_H
#define SBX_OS_SUPERVISOR_SUSPEND_H

#include "os/shared/control.h"

/* The processes that were stopped already. `struct suspended s = {0};` */
struct suspended {
  pid_t *pids; /* owned */
  size_t count, cap;
};

/*
 * Stop every process of the run, and the programs that they have started in their process groups,
 * and wait until they are stopped. The supervisor's own group is left out.
 */
void suspend_run(const struct control *c, struct suspended *ret);

/* Continue what suspend_run stopped, but not what was stopped before. Releases `s`. */
void suspend_end(const struct control *c, struct suspended *s);

#endif
