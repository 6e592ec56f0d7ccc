/*
 * look/trace/perfetto.h - a run as a file of Perfetto (.pftrace), and back.
 *
 * Of Perfetto's TrackEvent only what its documentation promises to keep is used. The run is a
 * process of Perfetto's, and each of its processes is a thread of that one, so that ui.perfetto.dev
 * shows a row for each. What a process waited in are slices, ops that did not wait are instants, and
 * runs of them are slices on a track of their own. Items are flows; the depths of queues and marks
 * with a value are counters.
 *
 * What has no place in that (facts, objects, sources) stands in the debug annotations of instants,
 * so that the file can be read back and shown in another form. perfetto_internal.h has the details.
 */
#ifndef SBX_LOOK_TRACE_PERFETTO_H
#define SBX_LOOK_TRACE_PERFETTO_H

#include "look/trace/model.h"
#include "look/trace/sink.h"

/* Write a finished model. -SBX_ENOMEM, or what the sink returned. */
int trace_perfetto(const struct trace_model *m, const struct trace_sink *sink);

enum { TRACE_WHY_MAX = 96 };

/*
 * Read a file that trace_perfetto wrote into a model, which is finished then. Only derived values may
 * differ from those of the model that was written, and bytes that are not UTF-8.
 *   data  borrowed for the call; may hold anything
 *   ret   made here; to be released by the caller on 0
 *   why   on -SBX_EDATA: what is wrong with the file: "it is cut off at byte 17"
 * Returns 0, -SBX_EDATA or -SBX_ENOMEM.
 */
int trace_perfetto_read(const void *data, size_t len, struct trace_model *ret,
                        char why[TRACE_WHY_MAX]);

#endif
