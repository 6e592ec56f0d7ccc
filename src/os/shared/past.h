/*
 * os/shared/past.h - what was done to a synchronisation object last, for reports: by whom, and where.
 *
 * Each object remembers a few ops that changed it (those with a `past` in object/ops.def). They are
 * written under the object's lock, as a part of the op, and read without it: a reader may find an
 * event that is just being written over, and shows nonsense then, but never reads beyond it.
 */
#ifndef SBX_OS_SHARED_PAST_H
#define SBX_OS_SHARED_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "os/shared/control.h"

/* Remember an op that was done, and has a place. Holder of the object's lock only.
 *   vain  no process was there for which it was done */
void past_note(struct past *p, const struct op *op, uint64_t who, bool vain);

/* The n-th last event, 0 the newest. False: so many there were not. */
bool past_read(const struct past *p, uint32_t n, struct past_event *ret);

/* The newest in which `who` did an op of this kind. */
bool past_find(const struct past *p, uint64_t who, enum op_kind kind, struct past_event *ret);

#endif
