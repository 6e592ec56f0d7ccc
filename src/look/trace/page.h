/* look/trace/page.h - the files of src/look/trace/html, compiled in by vendor/embed_text.cmake. */
#ifndef SBX_LOOK_TRACE_PAGE_H
#define SBX_LOOK_TRACE_PAGE_H

#include <stddef.h>

struct page_part {
  const char *text; /* ends in a NUL */
  size_t len;
};

/* page.html has the places `<!--css-->`, `<!--data-->` and `<!--js-->`, in this order. */
extern const struct page_part page_html, page_css, page_js;

#endif
