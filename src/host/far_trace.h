/*
 * host/far_trace.h - what far processes did, in the trace of their run.
 *
 * The supervisor of a far process records its ops as any supervisor does; its log goes into a file in memory, from
 * which the courier ships whole chunks, with the time of its clock, as long as they come. In the engine, of RUN:
 *
 *   sandbox:{RUN}:trace        a list of parts: a line that says what it is of, then chunks of a log (look/trace/log.h)
 *   sandbox:{RUN}:trace:size   bytes of it so far: beyond FAR_TRACE_MOST records are counted as lost
 *   sandbox:{RUN}:trace:lost   how many were
 *   sandbox:{RUN}:trace:open   a set of far processes whose log has not ended
 *
 * The program of the run reads them when its trace is shown, and merges them (look/trace/merge.h). Of a host that
 * was lost there is what had arrived.
 */
#ifndef SBX_HOST_FAR_TRACE_H
#define SBX_HOST_FAR_TRACE_H

#include "base/buf.h"
#include "host/far.h"
#include "os/supervisor/recorder.h"

#define FAR_TRACE_MOST (256 << 20)

/* -- beside a far process -------------------------------------------------------------------------- */

struct far_tracing {
  const struct far_request *request;
  const char *host;
  struct far_page *page;
  int log; /* file in memory; -1: nothing is recorded */
  int64_t ahead_ns,
      error_ns; /* the engine's clock, before CLOCK_MONOTONIC here; right up to error_ns */
};

/* Begin, in the courier; `page` is shared with the supervisor. 0, or a code. */
int far_tracing_begin(struct far_tracing *t, struct engine *e, const struct far_request *r,
                      const char *host, struct far_page *page);

/* For the supervisor; `t` is borrowed. Records nothing if there is nothing to record. */
struct record_options far_tracing_options(struct far_tracing *t);

/* In the courier: ship what is there; `last`: it is all that there will be. 0, or as engine_ask. */
int far_tracing_ship(struct far_tracing *t, struct engine *e, bool last);

/* -- the run ------------------------------------------------------------------------------------------ */

/*
 * Append what has come from other hosts to `more`, as chunks that follow the run's log.
 *   log, len  that
 *   last      the run has ended: wait for logs that have not, for some seconds; then remove all
 * 0, or a code; then nothing is appended.
 */
int far_trace_collect(const void *log, size_t len, bool last, struct buf *more);

#endif
