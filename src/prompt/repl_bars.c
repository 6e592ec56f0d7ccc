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

/* What the session printed before stands above. */
static void print(struct repl *r, const struct buf *text) {
  if (text->len == 0)
    return;
  repl_drain_lines(r);
  editor_output_flush(r->editor);
  repl_output(r, text->data, text->len);
}

static void print_closed(struct repl *r, const struct bar *bars, uint32_t count,
                         const struct style *style) {
  struct buf text = {0};
  for (uint32_t i = 0; i < count; i++)
    if (bars[i].closed)
      bars_line(&bars[i], style, &text);
  print(r, &text);
  buf_release(&text);
}

/* Where nothing can stand above a line. */
static void print_log(struct repl *r, const struct bar *bars, uint32_t count) {
  struct buf text = {0};
  for (uint32_t i = 0; i < count; i++)
    if (bars_log_due(&r->bars_log, &bars[i]))
      bars_log_line(&bars[i], &text);
  print(r, &text);
  buf_release(&text);
}

bool repl_bars(void *ctx, const struct bar *bars, uint32_t count) {
  struct repl *r = ctx;
  struct buf rows = {0};
  uint32_t row_count;
  int lines;
  struct style style = style_of(r, &lines);
  uint32_t most = lines > ROWS_KEPT ? (uint32_t)(lines - ROWS_KEPT) : 0;
  if (!editor_edits(r->editor)) {
    print_log(r, bars, count);
    return true;
  }
  print_closed(r, bars, count, &style);
  bool made = bars_rows(bars, count, most, &style, &rows, &row_count) == 0 &&
              buf_append_byte(&rows, '\0') == 0;
  editor_set_above(r->editor, made ? (const char *)rows.data : "");
  buf_release(&rows);
  return true;
}
