/*
 * object/progress.h - the state machine of progress: a count on its way to a total, for a person to
 * look at.
 *
 * Every process that has a handle may move the count; nothing ever waits for it. A progress belongs
 * to the process that made it: it is closed by `close`, or when that process is gone, and then its
 * count is final. The count and whether it is closed are one word, so that a backend can change
 * both by one compare-and-swap, without a lock.
 */
#ifndef SBX_OBJECT_PROGRESS_H
#define SBX_OBJECT_PROGRESS_H

#include "object/sync.h"

enum progress_word {
  PROGRESS_STATE, /* the count; and PROGRESS_CLOSED */
  PROGRESS_TOTAL, /* PROGRESS_ENDLESS: none is known */
  PROGRESS_MAKER, /* as `who` of an op; 0: it does not depend on any process */
  PROGRESS_WORDS
};

static const uint64_t PROGRESS_CLOSED = UINT64_C(1) << 63;
static const uint64_t PROGRESS_MOST = UINT64_C(1) << 53; /* counts and totals: 0 to so many */
#define PROGRESS_ENDLESS UINT64_MAX

static inline uint64_t progress_count(uint64_t state) { return state & ~PROGRESS_CLOSED; }

#endif
