/*
 * os/supervisor/snapshot.h - taking a snapshot (look/snapshot.h) of the control block.
 */
#ifndef SBX_OS_SUPERVISOR_SNAPSHOT_H
#define SBX_OS_SUPERVISOR_SNAPSHOT_H

#include "look/snapshot.h"
#include "os/shared/control.h"

/*
 * Take a snapshot.
 *   parts  of enum snapshot_part; the living processes are always in it
 *   ret    the caller's, to be released on 0; untouched on failure
 * Returns 0 or -SBX_ENOMEM.
 */
int snapshot_take(const struct control *c, unsigned parts, struct snapshot *ret);

#endif
