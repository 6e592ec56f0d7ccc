/*
 * os/supervisor/failures.h - failures that nobody looked at are reported.
 *
 * What failed stands in the records (os/process/failure.h). The supervisor reports a failure that is
 * not marked as looked at, once, when a second has passed since it, or when the run ends; so a
 * script that handles its failures is silent, however fast it does so. Until then the record is
 * given to no other process.
 */
#ifndef SBX_OS_SUPERVISOR_FAILURES_H
#define SBX_OS_SUPERVISOR_FAILURES_H

#include "os/shared/self.h"
#include "os/supervisor/supervisor.h"

enum { FAILURE_KINDS = 64, FAILURE_NAME_MAX = NAME_MAX_BYTES + 40 };

/* Reports that differ in nothing but the process, in a row: the first is made, the others are
 * counted. */
struct failure_kind {
  uint64_t hash;   /* of the text without the process */
  int64_t last_ns; /* CLOCK_MONOTONIC, of the last one: a second later the row is over */
  uint32_t count;  /* of them */
  char like[FAILURE_NAME_MAX]; /* the process of the last report made */
};

/* What the supervisor knows. */
struct failures_watch {
  struct os_backend *b;
  const struct supervisor_options *o; /* reports go to o->say and o->report */
  int end_signal; /* that ends the run, 0: none; a process that it has killed before the run heard of it did not fail */
  uint32_t noted; /* of control's failures_noted, at the last look */
  int64_t report_at_ns; /* CLOCK_MONOTONIC: when the next is due; SBX_FOREVER: none is */
  struct failure_kind kinds[FAILURE_KINDS]; /* more of them are not counted */
  uint32_t kind_count;
};

void failures_begin(struct failures_watch *w, struct os_backend *b,
                    const struct supervisor_options *o);

/* Report those that are due. Cheap if nothing failed since the last time. */
void failures_look(struct failures_watch *w);

/* The run ends, by `end_signal` (0: by none): report all of those that failed before `end_ns`. */
void failures_report_all(struct failures_watch *w, int64_t end_ns, int end_signal);

#endif
