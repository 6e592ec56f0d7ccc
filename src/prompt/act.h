/*
 * prompt/act.h - `kill writer`, `mute 3`: what a person does to processes by name or number, for the
 * prompt's own commands and for its functions in Lua.
 */
#ifndef SBX_PROMPT_ACT_H
#define SBX_PROMPT_ACT_H

#include "base/buf.h"
#include "look/snapshot.h"
#include "object/op.h"

/*
 * Find the living process that a person means: by its number ("3"), its name ("writer"), or both as
 * they are shown ("writer#3"). 0 and its number in the snapshot's table; or -SBX_EINVAL and, in
 * `why`, a sentence that says what there is; or -SBX_ENOMEM.
 */
int act_find(const struct snapshot *s, const char *who, uint32_t *ret, struct buf *why);

/* May it be done to the process of this record? Main, which runs what is typed, is not paused,
 * muted or followed. As act_find. */
int act_allowed(enum steer what, uint32_t slot, struct buf *why);

/* Do it, as run_ops.steer does; STEER_STACK waits for half a second at most. */
int act_on(struct backend *b, enum steer what, uint32_t slot, uint64_t serial);

/* Why act_on failed on the process of this record, in words; static. */
const char *act_why(struct backend *b, enum steer what, uint32_t slot, int rc);

/*
 * All of it for a command of the prompt, without Lua.
 *   verb       "kill", "pause", "resume", "mute", "unmute", "follow", "bt"
 *   arguments  what follows the verb: one process, blanks around it do not matter; "mute" takes
 *              "false" after it; "follow" may stand alone: all are shown again
 * Returns 0, and in `said` a line that confirms, or nothing; or a code, and in `said` why not,
 * without a newline. -SBX_EINVAL also for another verb.
 */
int act_command(struct backend *b, const char *verb, const char *arguments, struct buf *said);

#endif
