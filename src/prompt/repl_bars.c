/* prompt/repl_bars.c - progress at the prompt: above the line that is typed; see repl_internal.h. */
#include <langinfo.h>
#include <string.h>

#include "prompt/repl_internal.h"

enum { ROWS_KEPT = 3 }; /* of the terminal, for output and the line that is typed */

static struct style style_of(const struct repl *r, int *ret_rows) {
  struct style style = {.ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0};
  editor_size(r->editor, ret_rows, &style.columns);
  return style;
}

/* What was printed before the bars came to stand as they do is shown first. `text`: lines that are to stand below all that the
 * session has printed. */
static void print_before(struct repl *r, const struct buf *text) {
  if (text->len == 0) {
    repl_drain(r);
    return;
  }
  repl_drain_lines(r);
  editor_output_flush(r->editor);
}

static void closed_lines(const struct bar *bars, uint32_t count, const struct style *style,
                         struct buf *text) {
  for (uint32_t i = 0; i < count; i++)
    if (bars[i].closed)
      bars_line(&bars[i], style, text);
}

/* Where nothing can stand above a line. */
static void print_log(struct repl *r, const struct bar *bars, uint32_t count) {
  struct buf text = {0};
  for (uint32_t i = 0; i < count; i++)
    if (bars_log_due(&r->bars_log, &bars[i]))
      bars_log_line(&bars[i], &text);
  print_before(r, &text);
  repl_output(r, text.data, text.len);
  buf_release(&text);
}

bool repl_bars(void *ctx, const struct bar *bars, uint32_t count) {
  struct repl *r = ctx;
  struct buf rows = {0}, closed = {0};
  uint32_t row_count;
  int lines;
  struct style style = style_of(r, &lines);
  uint32_t most = lines > ROWS_KEPT ? (uint32_t)(lines - ROWS_KEPT) : 0;
  if (!editor_edits(r->editor)) {
    print_log(r, bars, count);
    return true;
  }
  closed_lines(bars, count, &style, &closed);
  print_before(r, &closed);
  bool made = bars_rows(bars, count, most, &style, &rows, &row_count) == 0 &&
              buf_append_byte(&rows, '\0') == 0;
  editor_set_above(r->editor, made ? (const char *)rows.data : "");
  repl_output(r, closed.data, closed.len); /* a bar turns into a line at once */
  buf_release(&rows);
  buf_release(&closed);
  return true;
}
