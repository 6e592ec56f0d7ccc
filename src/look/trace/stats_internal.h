/* look/trace/stats_internal.h - what the text and the JSON share. */
#ifndef SBX_LOOK_TRACE_STATS_INTERNAL_H
#define SBX_LOOK_TRACE_STATS_INTERNAL_H

#include "look/trace/model.h"

/* A queue, or the end of a pipe that receives. */
struct stats_queue {
  uint32_t object;
  uint64_t items; /* put so far */
  int64_t most;   /* at once; known of the first `most_known` in a list */
};

struct stats {
  struct trace_sums sums;
  uint32_t ends[TRACE_ENDS];  /* processes, by enum trace_end */
  struct trace_wait *waits;   /* owned; the longest first */
  struct stats_queue *queues; /* owned; those with most items first */
  uint32_t wait_count, queue_count;
};

/* -SBX_ENOMEM, and then nothing is owned.
 *   queues  of so many the greatest number of items is wanted */
int stats_collect(const struct trace_model *m, uint32_t queues, struct stats *ret);
void stats_release(struct stats *s);

#endif
