/*
 * prompt/act.h - `kill writer`, `mute 3`: what a person does to processes by name or number, for the
 * prompt's own commands and for its functions in Lua.
 */
#ifndef SBX_PROMPT_ACT_H
#define SBX_PROMPT_ACT_H

#include "base/buf.h"
#include "os/supervisor/snapshot.h"

enum act { ACT_KILL, ACT_PAUSE, ACT_RESUME, ACT_MUTE, ACT_UNMUTE, ACT_FOLLOW, ACT_STACK };

/*
 * Find the living process that a person means: by its number ("3"), its name ("writer"), or both as
 * they are shown ("writer#3"). 0 and its number in the snapshot's table; or -SBX_EINVAL and, in
 * `why`, a sentence that says what there is; or -SBX_ENOMEM.
 */
int act_find(const struct snapshot *s, const char *who, uint32_t *ret, struct buf *why);

/* May it be done to the process of this record? Main, which runs what is typed, is not paused,
 * muted or followed. As act_find. */
int act_allowed(enum act act, uint32_t slot, struct buf *why);

/* Do it. 0, -SBX_EGONE (it ended meanwhile), -SBX_ESYSTEM. ACT_STACK has the process write its Lua
 * traceback to stderr, and waits until it has, half a second at most: -SBX_ETIMEDOUT, see act_why.
 */
int act_on(struct control *c, enum act act, uint32_t slot, uint64_t serial);

/* Why act_on failed on the process of this record, in words; static. */
const char *act_why(const struct control *c, enum act act, uint32_t slot, int rc);

/*
 * All of it for a command of the prompt, without Lua.
 *   verb       "kill", "pause", "resume", "mute", "unmute", "follow", "bt"
 *   arguments  what follows the verb: one process, blanks around it do not matter; after "mute"
 * maybe "false", after "follow" maybe nothing: all are shown again Returns 0, and in `said` a line
 * that confirms, or nothing; or a code, and in `said` why not. No newline at its end. -SBX_EINVAL
 * also for a verb that is none of these.
 */
int act_command(struct control *c, const char *verb, const char *arguments, struct buf *said);

#endif
