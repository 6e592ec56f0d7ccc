/*
 * host/strict.h - strict mode, from the host's side: may a run be strict on this machine, and with which
 * layers.
 */
#ifndef SBX_HOST_STRICT_H
#define SBX_HOST_STRICT_H

#include <signal.h>
#include <stddef.h>

#include "base/buf.h"
#include "host/options.h"

/* --strict=report: print which layers this machine has. Returns the exit status. */
int strict_report(void);

/*
 * Before anything of the run is made: enter the jail, if the run is to be strict. From here on the policy
 * tells what holds.
 *   o           its policy's facts are filled
 *   ret_status  the exit status, if this process is done
 *   ret_mask    the signals that the run begins with, if it begins in another process
 * Returns STRICT_GO: go on, STRICT_INSIDE: the same, in the inner process; STRICT_DONE: leave.
 */
enum strict_entry { STRICT_GO, STRICT_INSIDE, STRICT_DONE };
enum strict_entry strict_enter(struct options *o, int *ret_status, sigset_t *ret_mask);

/* What strict_enter has left for later (jail_settle): in a process that will not call strict_close, before it does
 * anything for others. When that fails, the process leaves with EXIT_USAGE after a message. */
void strict_settle(void);

/* When the run is over, and its last word is said: what it shares with others is as it was before (jail_leave). */
void strict_leave(void);

/* In main, before any Lua: put the last layers on. 0, or EXIT_USAGE after a message. */
int strict_close(const struct policy *p, struct backend *b);

/* What holds, in words: "language, Landlock 7, seccomp, namespaces user+pid+net+ipc+mount". */
void strict_describe(const struct policy *p, char *ret, size_t size);

/* Append the line of --stats for a strict run; of another one nothing. 0 or -SBX_ENOMEM. */
int strict_tell(const struct policy *p, struct buf *text);
/* The same as a member "strict" of the JSON object that the text ends with; else nothing. */
int strict_tell_json(const struct policy *p, struct buf *text);

#endif
