/* look/trace/page.h - the files of src/look/trace/html, compiled in by vendor/embed_text.cmake. */
#ifndef SBX_LOOK_TRACE_PAGE_H
#define SBX_LOOK_TRACE_PAGE_H

#include <stddef.h>

#include "look/trace/sink.h"

struct page_part {
  const char *text; /* ends in a NUL */
  size_t len;
};

/* page.html has the places `<!--css-->`, `<!--data-->` and `<!--js-->`, in this order. */
extern const struct page_part page_html, page_css;
/* Of the trace of a run, in this order. */
extern const struct page_part page_data_js, page_chart_js, page_gantt_js, page_report_js,
    page_replay_js;
extern const struct page_part explore_css, explore_js; /* of an exploration */

/*
 * Write page.html with its parts.
 *   css   beside page.css; NULL: nothing
 *   js    the parts of one function, one after the other; ends with NULL
 *   data  writes elements with the data that `js` shows
 * Returns 0, or what `data` or the sink returned.
 */
int page_write(const struct page_part *css, const struct page_part *const js[],
               int (*data)(void *ctx, const struct trace_sink *out), void *ctx,
               const struct trace_sink *out);

#endif
