/* look/trace/page.c - see page.h. */
#include "look/trace/page.h"

#include <string.h>

struct shell {
  const struct trace_sink *out;
  const char *at; /* in page.html */
  int rc;
};

static void put(struct shell *s, const char *text, size_t len) {
  if (s->rc == 0 && len)
    s->rc = s->out->write(s->out->ctx, text, len);
}

/* The text of page.html up to a mark, which is skipped. */
static void put_until(struct shell *s, const char *mark) {
  const char *end = strstr(s->at, mark);
  put(s, s->at, (size_t)(end - s->at));
  s->at = end + strlen(mark);
}

static const char begin_js[] = "'use strict';\n(() => {\n", end_js[] = "})();\n";

int page_write(const struct page_part *css, const struct page_part *const js[],
               int (*data)(void *ctx, const struct trace_sink *out), void *ctx,
               const struct trace_sink *out) {
  struct shell s = {.out = out, .at = page_html.text};
  put_until(&s, "<!--css-->");
  put(&s, page_css.text, page_css.len);
  if (css)
    put(&s, css->text, css->len);
  put_until(&s, "<!--data-->");
  if (s.rc == 0)
    s.rc = data(ctx, out);
  put_until(&s, "<!--js-->");
  put(&s, begin_js, sizeof begin_js - 1);
  for (; *js; js++)
    put(&s, (*js)->text, (*js)->len);
  put(&s, end_js, sizeof end_js - 1);
  put(&s, s.at, strlen(s.at));
  return s.rc;
}
