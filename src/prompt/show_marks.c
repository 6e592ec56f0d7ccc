/* prompt/show_marks.c - the marks of a recorded run in a table; see show.h. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "look/trace/words.h"
#include "prompt/show.h"
#include "prompt/show_internal.h"

enum { MARKS_SHOWN = 100, LABEL_BYTES = 256 };

static const struct table_column columns[] = {{.title = "TIME", .align = TABLE_RIGHT},
                                              {.title = "PROCESS", .least = 8},
                                              {.title = "NAME", .least = 8},
                                              {.title = "VALUE", .align = TABLE_RIGHT, .rank = 1}};

static void row(struct table *t, const struct trace_model *m, const struct trace_mark *k,
                bool ascii) {
  struct buf text = {0};
  char label[LABEL_BYTES];
  table_cell(t, NULL, "%.6f", (double)k->t_ns / NS_PER_SECOND);
  words_text(&text, trace_process_label(m, k->process, label, sizeof label), ascii);
  show_cell_text(t, NULL, &text);
  words_text(&text, m->strings[k->name], ascii);
  show_cell_text(t, NULL, &text);
  if (k->counter)
    table_cell(t, NULL, "%.14g", k->value);
  else
    table_cell(t, NULL, "%s", "");
  buf_release(&text);
}

int show_marks(const struct trace_model *m, const struct show *how, struct buf *out) {
  struct table t;
  uint32_t first = m->mark_count > MARKS_SHOWN ? m->mark_count - MARKS_SHOWN : 0;
  if (m->mark_count == 0)
    return buf_format(out, "no marks: sandbox.mark(name [, value]) makes them\n");
  table_begin(&t, columns, sizeof columns / sizeof *columns);
  for (uint32_t i = first; i < m->mark_count; i++)
    row(&t, m, &m->marks[i], how->style.ascii);
  int rc = 0;
  if (first > 0)
    rc = buf_format(out, "the last %d of %" PRIu32 " marks\n", MARKS_SHOWN, m->mark_count);
  int rc_table = table_end(&t, &how->style, out);
  return rc ? rc : rc_table;
}
