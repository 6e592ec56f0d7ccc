/* look/waits_internal.h - the parts of look/waits.h: the analysis and its sentences (waits.c), and what
 * happened last (waits_past.c). */
#ifndef SBX_LOOK_WAITS_INTERNAL_H
#define SBX_LOOK_WAITS_INTERNAL_H

#include "look/waits.h"

/* What happened last to the object that is waited for: "taken by b#3 at x.lua:7", "nothing was ever
 * put"; nothing if that is not known. 0 or -SBX_ENOMEM. */
int waits_tell_past(const struct snapshot *s, const struct snapshot_need *n, struct buf *out);

#endif
