/*
 * look/trace/sink.h - where the writers of a trace put their bytes: a file, a buffer, a terminal.
 *
 * A writer calls `write` with pieces of some kilobytes, in order, and stops at the first failure.
 */
#ifndef SBX_LOOK_TRACE_SINK_H
#define SBX_LOOK_TRACE_SINK_H

#include <stddef.h>

struct trace_sink {
  /* Take all `len` bytes of `data` (borrowed). Returns 0, or a code of base/error.h, negated, which
   * the writer returns to its caller. */
  int (*write)(void *ctx, const void *data, size_t len);
  void *ctx;
};

#endif
