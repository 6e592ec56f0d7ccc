/*
 * look/trace/svg.h - the Gantt chart of a run as a picture for paper and slides.
 *
 * One row a process, with the colours of the terminal's chart and a pattern for each state; below,
 * the queues and how many items they held; of a deadlock, who waits for whom. Equal models give equal bytes. The picture needs nothing
 * else, is legible on paper and in dark mode, and has at most some thousand shapes: times are summed
 * for columns of some pixels, and rows beyond 60 are folded.
 */
#ifndef SBX_LOOK_TRACE_SVG_H
#define SBX_LOOK_TRACE_SVG_H

#include "look/trace/model.h"
#include "look/trace/sink.h"

/*
 * Write the picture.
 *   models  `count` of them, 1 or 2, finished; borrowed. Two have one time axis
 * Returns 0, -SBX_ENOMEM, -SBX_EINVAL for another count, or what the sink returned.
 */
int trace_svg(const struct trace_model *const models[], unsigned count,
              const struct trace_sink *out);

#endif
