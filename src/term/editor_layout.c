/*
 * term/editor_layout.c - lays out a text in rows; see editor_internal.h.
 *
 * The layout is that of a terminal with automatic margins: a full row continues in the next one,
 * and a wide character that does not fit moves there whole. A text that ends with a full row has
 * one more, empty row, since the cursor must be somewhere. Marks without a width stay with the
 * character they modify.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "term/editor_internal.h"

enum { TAB_STOP = 8 };

/* The replacement for a character that cannot be shown. */
static size_t substitute(wchar_t c, char *ret) {
  if (c < 0x20)
    return (size_t)snprintf(ret, GLYPH_MAX, "^%c", (char)(c ^ 0x40));
  if (c == 0x7f)
    return (size_t)snprintf(ret, GLYPH_MAX, "^?");
  if (IS_STRAY(c))
    return (size_t)snprintf(ret, GLYPH_MAX, "\\x%02x", (unsigned)c & 0xff);
  return (size_t)snprintf(ret, GLYPH_MAX, "\\u{%x}", (unsigned)c & 0x7fffffff);
}

int glyph(wchar_t c, int column, int columns, char ret[GLYPH_MAX], size_t *ret_len) {
  char text[GLYPH_MAX] = "?"; /* for a wide character where there is only one column */
  mbstate_t state = {0};
  size_t len = c != L'\t';
  int width = IS_STRAY(c) ? -1 : wcwidth(c);
  if (c == L'\t') {
    width = TAB_STOP - column % TAB_STOP;
    if (column < columns && width > columns - column)
      width = columns - column;
  } else if (width > columns)
    width = 1;
  else if (width < 0 || (len = wcrtomb(text, c, &state)) == (size_t)-1) {
    len = substitute(c, text);
    width = (int)(len = len < (size_t)columns ? len : (size_t)columns);
  }
  if (ret) {
    memcpy(ret, text, len);
    *ret_len = len;
  }
  return width < columns ? width : columns;
}

/* -- making ------------------------------------------------------------------------------------ */

static int add_row(struct picture *p, size_t start) {
  if (p->count == p->cap) {
    size_t cap = p->cap ? 2 * p->cap : 16;
    struct row *grown = realloc(p->rows, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    p->rows = grown;
    p->cap = cap;
  }
  p->rows[p->count++] = (struct row){.start = start, .end = start};
  return 0;
}

static int end_row(struct picture *p, size_t end, size_t next, bool soft) {
  struct row *last = &p->rows[p->count - 1];
  last->end = end;
  last->soft = soft;
  return add_row(p, next);
}

static int lay_out(struct picture *p) {
  int column = 0;
  int rc = add_row(p, 0);
  for (size_t i = 0; i < p->len && !rc; i++) {
    if (p->text[i] == L'\n') {
      rc = end_row(p, i, i + 1, false);
      column = 0;
      continue;
    }
    int width = glyph(p->text[i], column, p->columns, NULL, NULL);
    if (column + width > p->columns) {
      rc = end_row(p, i, i, true);
      column = 0;
      width = glyph(p->text[i], column, p->columns, NULL, NULL);
    }
    column += width;
  }
  if (!rc && column >= p->columns)
    rc = end_row(p, p->len, p->len, true);
  if (!rc)
    p->rows[p->count - 1].end = p->len;
  return rc;
}

int picture_make(struct picture *p, const wchar_t *above, const wchar_t *prompt,
                 const wchar_t *line, size_t len, size_t cursor, int columns) {
  size_t above_len = wcslen(above), prompt_len = above_len + wcslen(prompt);
  wchar_t *text = realloc(p->text, (prompt_len + len + 1) * sizeof *text);
  if (!text) {
    picture_release(p);
    return -SBX_ENOMEM;
  }
  p->text = text;
  wmemcpy(text, above, above_len);
  wmemcpy(text + above_len, prompt, prompt_len - above_len);
  wmemcpy(text + prompt_len, line, len);
  p->len = prompt_len + len;
  p->above_len = above_len;
  p->prompt_len = prompt_len;
  p->cursor = prompt_len + cursor;
  p->columns = columns;
  p->count = 0;
  if (lay_out(p)) {
    picture_release(p);
    return -SBX_ENOMEM;
  }
  return 0;
}

void picture_release(struct picture *p) {
  free(p->text);
  free(p->rows);
  *p = (struct picture){0};
}

/* -- queries ----------------------------------------------------------------------------------- */

size_t picture_row(const struct picture *p, size_t at) {
  size_t low = 0, high = p->count;
  while (high - low > 1) { /* the last row that begins at or before it */
    size_t middle = low + (high - low) / 2;
    if (p->rows[middle].start <= at)
      low = middle;
    else
      high = middle;
  }
  return low;
}

int picture_column(const struct picture *p, size_t row, size_t at) {
  int column = 0;
  for (size_t i = p->rows[row].start; i < at && i < p->rows[row].end; i++)
    column += glyph(p->text[i], column, p->columns, NULL, NULL);
  return column;
}

static bool same_row(const struct picture *a, const struct picture *b, size_t row) {
  const struct row *x = &a->rows[row], *y = &b->rows[row];
  size_t len = x->end - x->start;
  return len == y->end - y->start && x->soft == y->soft &&
         wmemcmp(a->text + x->start, b->text + y->start, len) == 0;
}

size_t picture_difference(const struct picture *a, const struct picture *b) {
  size_t row = 0;
  if (a->columns != b->columns || a->prompt_len != b->prompt_len || a->above_len != b->above_len)
    return 0;
  while (row < a->count && row < b->count && same_row(a, b, row))
    row++;
  return row;
}
