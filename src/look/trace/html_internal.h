/* look/trace/html_internal.h - what the writers of the page's data share: html.c, and html_waits.c for who
 * waited for what. */
#ifndef SBX_LOOK_TRACE_HTML_INTERNAL_H
#define SBX_LOOK_TRACE_HTML_INTERNAL_H

#include "base/buf.h"
#include "look/trace/html_data.h"
#include "look/trace/sink.h"

enum {
  LABEL_MAX = 80,
  WAITS_MAX = 300,   /* rows of the table of waits */
  MARKS_MAX = 20000, /* marks told */
  MATRIX_ROWS = 24,
  MATRIX_COLUMNS = 12,
};

struct page {
  const struct trace_model *m;
  const struct trace_sink *out;
  struct html_data data;
  struct buf text;
  uint32_t *string_no, *object_no; /* numbers in the page; TRACE_NONE: not used */
  uint32_t *strings, *objects;     /* those used, in order */
  uint32_t string_count, object_count;
  int rc; /* the first failure; then nothing more is written */
};

/* Append to the page; each does nothing after a failure. */
void page_put(struct page *p, const char *text);
void page_string(struct page *p, const char *s);
#define PUT(p, ...)                                                                                \
  do {                                                                                             \
    if ((p)->rc == 0)                                                                              \
      (p)->rc = buf_format(&(p)->text, __VA_ARGS__);                                               \
  } while (0)

/* A number in a list, or -1. */
void page_index(struct page *p, uint32_t i);
/* Hand over what is more than so many bytes. */
void page_flush(struct page *p, size_t more_than);

/* The number in the page of a string, of an object, of what an op of this kind is done to; each gets one
 * when it is first asked for. */
uint32_t page_string_no(struct page *p, uint32_t i);
uint32_t page_object_no(struct page *p, uint32_t i);
uint32_t page_target_no(struct page *p, enum op_kind kind, uint32_t object);

/* The number in the page of what an op of this kind does to an object. */
unsigned page_kind_no(const struct page *p, enum op_kind kind, uint32_t object);

/* The longest waits; which process waited for what, and for how long. */
void page_waits(struct page *p);
void page_matrix(struct page *p);

#endif
