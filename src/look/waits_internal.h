/* look/waits_internal.h - the parts of look/waits.h: the analysis (waits.c), its sentences (waits_words.c), and what happened
 * last (waits_past.c). */
#ifndef SBX_LOOK_WAITS_INTERNAL_H
#define SBX_LOOK_WAITS_INTERNAL_H

#include "look/waits.h"

/* What happened last to the object that is waited for: "taken by b#3 at x.lua:7", "nothing was ever
 * put"; nothing if that is not known. 0 or -SBX_ENOMEM. */
int waits_tell_past(const struct snapshot *s, const struct snapshot_need *n, struct buf *out);

/* Whether an op is enabled, and who helps, is the object's to say (src/object); here stand the
 * words, and where in the snapshot the state is that the object is asked about. */
struct wait_rule {
  /* Can it go on, in the state that the snapshot shows? What is not known is yes. */
  bool (*enabled)(const struct snapshot *s, const struct snapshot_need *n);
  const char *noun; /* what stands before the object's name; "" for nothing */
  const char *verb; /* what those do who help: "which only a#2 can ..." */
};

/* Of an op that waits for something which processes can bring about; NULL: of no such. */
const struct wait_rule *waits_rule(const struct snapshot_need *n);

/* The queue that it waits for; of a pipe, the one that the end receives from. NULL: it is not known. */
const struct snapshot_queue *waits_queue(const struct snapshot *s, const struct snapshot_need *n);

/* One of the things that it waits for is something that nobody knows about, like time. */
bool waits_beyond_us(const struct snapshot_op *op);

/* Could the process with this number let the op go on, one day, by something that it does? */
bool waits_help(const struct snapshot *s, const struct snapshot_op *op, uint32_t by);

/* Do two processes wait for the same? And at the same line? */
bool waits_together(const struct snapshot *s, uint32_t a, uint32_t b);
bool waits_alike(const struct snapshot *s, uint32_t a, uint32_t b);

#endif
