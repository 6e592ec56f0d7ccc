/*
 * look/trace/merge.h - the logs of processes on other hosts, as chunks that follow the log of their run.
 *
 * Each far process (host/far.h) is main of a run of its own there, with a log of its own (log.h): its
 * processes, objects and texts have numbers of that log, its times are those of that host's clock. They get
 * numbers and times of the run's log here. The far process itself is the process that stands for it in the
 * log of its spawner: both are one in the model, on that host. Objects in the engine have one number everywhere.
 * Pure.
 */
#ifndef SBX_LOOK_TRACE_MERGE_H
#define SBX_LOOK_TRACE_MERGE_H

#include "look/trace/log.h"

/* A log of another host. All is borrowed. */
struct far_log {
  const char *id;     /* of the far process */
  const char *parent; /* the far process in whose run it was spawned; "": in the run itself */
  uint32_t serial;    /* there: the process that stands for it */
  const char *host;
  int64_t shift_ns; /* to be added to its times */
  int64_t error_ns; /* the shift is right up to that */
  const void *chunks;
  size_t len;
  uint64_t lost; /* records that did not arrive */
};

/*
 * Append the chunks to `more`, to be read as struct log_view has it.
 *   log, len  of the run: what its processes are, and when they ended
 * 0 or -SBX_ENOMEM
 */
int trace_log_merge(const void *log, size_t len, const struct far_log *logs, uint32_t count,
                    struct buf *more);

#endif
