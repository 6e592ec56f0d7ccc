/*
 * look/trace/json.h - a run as JSON of Chrome's Trace Event Format, for ui.perfetto.dev,
 * chrome://tracing, and programs that read JSON.
 *
 * The run is a process and each of its processes a thread, as in a Perfetto file (perfetto.h), which
 * is smaller by far. Times are microseconds since the run began, with three decimals. `otherData`
 * holds the facts.
 */
#ifndef SBX_LOOK_TRACE_JSON_H
#define SBX_LOOK_TRACE_JSON_H

#include "look/trace/model.h"
#include "look/trace/sink.h"

/* Write a finished model. -SBX_ENOMEM, or what the sink returned. */
int trace_json(const struct trace_model *m, const struct trace_sink *sink);

#endif
