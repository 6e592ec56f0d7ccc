/*
 * os/supervisor/snapshot_internal.h - the parts of a snapshot: processes (snapshot.c), queues
 * (snapshot_queue.c), locks and their like (snapshot_sync.c).
 */
#ifndef SBX_OS_SUPERVISOR_SNAPSHOT_INTERNAL_H
#define SBX_OS_SUPERVISOR_SNAPSHOT_INTERNAL_H

#include "os/supervisor/snapshot.h"

/* Fill the queues; the processes are there already. 0 or -SBX_ENOMEM: what was made so far is the
 * snapshot's.
 *   stored  objects that something within reach names, by slot */
int snapshot_queues(const struct control *c, struct snapshot *s,
                    const uint64_t stored[OBJECT_WORDS]);

/* Fill the synchronisation objects that are waited for (or all), and what could go on; as above. */
int snapshot_syncs(const struct control *c, struct snapshot *s, bool all,
                   const uint64_t stored[OBJECT_WORDS]);

/* Something that is the same as long as nobody comes to hold, drops or sends an object that
 * somebody waits for. */
uint64_t snapshot_holdings(const struct control *c, const struct snapshot *s);

/* One past the highest object slot ever used. */
uint32_t snapshot_object_end(const struct control *c);

#endif
