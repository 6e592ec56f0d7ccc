/*
 * look/gather.h - the snapshots of several hosts as one, from which look/waits.h concludes as from one of a single host. Pure.
 *
 * A far process (host/far.h) is main of a run of its own. Its host takes a snapshot of that run and sends it as bytes. Here it is added
 * to the snapshot of the run that spawned it: main of the far run is put into the row of the process that stands for it, and all
 * else is added behind what is there. So that ids stay unique, those of far run N have N above their 32 bits.
 *
 * It takes a while to gather them, and nothing stands still meanwhile. So they are gathered twice, and what is not the same at both times
 * proves nothing: a wait that was seen both times began before the second gathering, and lasted until it. All
 * such waits overlap, and each object in the engine was read in between; its generation says that it has not changed.
 */
#ifndef SBX_LOOK_GATHER_H
#define SBX_LOOK_GATHER_H

#include "base/buf.h"
#include "look/snapshot.h"

/* Main has this id in each far run. */
enum { GATHER_MAIN = 1 };

/* The id in the whole of what has this one in far run `number`; 0 is the run itself. */
static inline uint64_t gather_id(uint64_t number, uint64_t id) { return number << 32 | id; }

/* As bytes, appended to `out`: the living processes with their waits, and the objects that are waited for. -SBX_ENOMEM */
int gather_write(const struct snapshot *s, struct buf *out);

/* Back. `ret` is the caller's on 0, untouched on failure: -SBX_EINVAL: they are malformed; -SBX_ENOMEM */
int gather_read(const void *data, size_t len, struct snapshot *ret);

/*
 * Add the snapshot of far run `number` to `s`, in which are those of lower numbers; it is emptied.
 *   stand_in  the row of what stands for its main; the host that it names is theirs
 * 0 or -SBX_ENOMEM: then `s` is of no use but to be released.
 */
int gather_add(struct snapshot *s, struct snapshot *far, uint64_t number, uint32_t stand_in);

/* Keep as steady in `second` what was the same in `first`, which was gathered before; see above. */
void gather_agree(const struct snapshot *first, struct snapshot *second);

#endif
