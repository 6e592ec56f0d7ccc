/*
 * look/trace/html.h - a run as one HTML page that needs nothing else: no network, no library.
 *
 * The page is a shell (html/page.html, .css, .js, compiled in) with the data of one or two models.
 * Two are shown side by side on one time axis. How the data is encoded: html.c.
 */
#ifndef SBX_LOOK_TRACE_HTML_H
#define SBX_LOOK_TRACE_HTML_H

#include "look/trace/model.h"
#include "look/trace/sink.h"

/* So many events of a run are told one by one; of a larger run, times are summed to at most so many
 * intervals. */
enum { TRACE_HTML_EVENTS = 1000000 };

/*
 * Write the page.
 *   models  `count` of them, 1 or 2, finished; borrowed
 * Returns 0, -SBX_ENOMEM, -SBX_EINVAL for another count, or what the sink returned.
 */
int trace_html(const struct trace_model *const models[], unsigned count,
               const struct trace_sink *out);

#endif
