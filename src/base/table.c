/* base/table.c - see table.h. */
#include "base/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/width.h"

enum { GAP = 2, CELL_MAX = 1024 };

const char style_bold[] = "\033[1m", style_dim[] = "\033[2m", style_red[] = "\033[31m",
           style_green[] = "\033[32m", style_yellow[] = "\033[33m", style_cyan[] = "\033[36m",
           style_plain[] = "\033[0m";

struct cell {
  size_t at, len;    /* in the table's text */
  const char *color; /* static; NULL: none */
};

/* -- filling --------------------------------------------------------------------------------- */

void table_begin(struct table *t, const struct table_column *columns, int count) {
  *t = (struct table){.columns = columns, .count = count};
}

void table_cell(struct table *t, const char *color, const char *format, ...) {
  char text[CELL_MAX];
  va_list args;
  va_start(args, format);
  int len = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  struct cell c = {.at = t->text.len, .len = len < 0 ? 0 : (size_t)len, .color = color};
  if (c.len >= sizeof text)
    c.len = sizeof text - 1;
  if (t->rc == 0)
    t->rc = buf_append(&t->text, text, c.len);
  if (t->rc == 0)
    t->rc = buf_append(&t->cells, &c, sizeof c);
}

static size_t rows_of(const struct table *t) {
  return t->cells.len / sizeof(struct cell) / (size_t)t->count;
}

static struct cell cell_at(const struct table *t, size_t row, int column) {
  struct cell c;
  memcpy(&c, t->cells.data + (row * (size_t)t->count + (size_t)column) * sizeof c, sizeof c);
  return c;
}

static const char *text_of(const struct table *t, const struct cell *c) {
  return (const char *)t->text.data + c->at;
}

/* -- layout: the width of each column, 0 for one that is not shown --------------------------- */

static int natural_width(const struct table *t, int column) {
  int width = 0;
  for (size_t row = 0; row < rows_of(t); row++) {
    struct cell c = cell_at(t, row, column);
    int w = width_of(text_of(t, &c), c.len);
    width = w > width ? w : width;
  }
  int title = (int)strlen(t->columns[column].title);
  return width == 0 ? 0 : width > title ? width : title;
}

static int total_width(const struct table *t, const int *widths) {
  int total = -GAP;
  for (int i = 0; i < t->count; i++)
    total += widths[i] ? widths[i] + GAP : 0;
  return total;
}

/* Take columns away from those that may be shortened, the widest first. Returns whether it fits. */
static bool shorten(const struct table *t, int *widths, int columns) {
  for (;;) {
    int over = total_width(t, widths) - columns, widest = -1;
    if (over <= 0)
      return true;
    for (int i = 0; i < t->count; i++)
      if (t->columns[i].least && widths[i] > t->columns[i].least &&
          (widest < 0 || widths[i] > widths[widest]))
        widest = i;
    if (widest < 0)
      return false;
    widths[widest]--;
  }
}

static void lay_out(const struct table *t, int columns, int *ret_widths) {
  int natural[TABLE_COLUMNS];
  for (int i = 0; i < t->count; i++)
    natural[i] = natural_width(t, i);
  for (;;) {
    int last = 0;
    memcpy(ret_widths, natural, sizeof natural);
    if (shorten(t, ret_widths, columns))
      return;
    for (int i = 1; i < t->count; i++)
      if (natural[i] && t->columns[i].rank > t->columns[last].rank)
        last = i;
    if (t->columns[last].rank == 0 || !natural[last])
      return; /* narrower than this it cannot be */
    natural[last] = 0;
  }
}

/* -- printing -------------------------------------------------------------------------------- */

static int put(struct buf *out, const char *text) { return buf_append(out, text, strlen(text)); }

static int put_spaces(struct buf *out, int n) {
  int rc = 0;
  while (n-- > 0 && rc == 0)
    rc = buf_append_byte(out, ' ');
  return rc;
}

struct place {
  const struct table_column *column;
  int width;
  const char *ellipsis; /* one column wide */
  bool last;            /* in its row: nothing is padded after it */
};

/* The text, shortened to the width if it must be; returns in `ret_used` how many columns it took. */
static int put_fitting(struct buf *out, const char *text, size_t len, const struct place *p,
                       int *ret_used) {
  int width = p->width;
  bool tail = p->column->tail;
  *ret_used = width_of(text, len);
  if (*ret_used <= width)
    return buf_append(out, text, len);
  size_t part = tail ? width_suffix(text, len, width - 1) : width_prefix(text, len, width - 1);
  const char *kept = tail ? text + len - part : text;
  *ret_used = width_of(kept, part) + 1;
  int rc = tail ? put(out, p->ellipsis) : 0;
  if (rc == 0)
    rc = buf_append(out, kept, part);
  return rc || tail ? rc : put(out, p->ellipsis);
}

static int put_cell(struct buf *out, const char *text, size_t len, const char *color,
                    const struct place *p) {
  struct buf fitted = {0};
  int used;
  int rc = put_fitting(&fitted, text, len, p, &used);
  if (rc == 0 && p->column->align == TABLE_RIGHT)
    rc = put_spaces(out, p->width - used);
  if (rc == 0 && color)
    rc = put(out, color);
  if (rc == 0)
    rc = buf_append(out, fitted.data, fitted.len);
  if (rc == 0 && color)
    rc = put(out, style_plain);
  if (rc == 0 && !p->last)
    rc = put_spaces(out, GAP + (p->column->align == TABLE_LEFT ? p->width - used : 0));
  buf_release(&fitted);
  return rc;
}

/* A row, or the header for row -1. Spaces at its end are left out. */
static int put_row(const struct table *t, long row, const int *widths, const struct style *style,
                   struct buf *out) {
  bool color = style->color;
  int last = t->count - 1, rc = 0;
  while (last > 0 && !widths[last])
    last--;
  for (int i = 0; i <= last && rc == 0; i++) {
    struct place p = {&t->columns[i], widths[i], style->ascii ? "~" : "…", i == last};
    if (!widths[i])
      continue;
    if (row < 0) {
      rc = put_cell(out, p.column->title, strlen(p.column->title), color ? style_bold : NULL, &p);
    } else {
      struct cell c = cell_at(t, (size_t)row, i);
      rc = put_cell(out, text_of(t, &c), c.len, color && c.len ? c.color : NULL, &p);
    }
  }
  while (out->len > 0 && out->data[out->len - 1] == ' ')
    out->len--;
  return rc ? rc : put(out, "\n");
}

int table_end(struct table *t, const struct style *style, struct buf *out) {
  int widths[TABLE_COLUMNS], rc = t->rc;
  if (rc == 0)
    lay_out(t, style->columns, widths);
  for (long row = -1; rc == 0 && row < (long)rows_of(t); row++)
    rc = put_row(t, row, widths, style, out);
  buf_release(&t->text);
  buf_release(&t->cells);
  return rc;
}
