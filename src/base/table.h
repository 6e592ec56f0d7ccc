/*
 * base/table.h - rows of text in columns, as ps(1) shows them: a header, aligned, no boxes, and
 * never wider than the terminal.
 *
 * Fill it cell by cell, row by row, then print it. What does not fit: columns that may be shortened
 * are; then columns are dropped, the highest rank first. A column whose cells are all empty is not
 * shown.
 */
#ifndef SBX_BASE_TABLE_H
#define SBX_BASE_TABLE_H

#include <stdbool.h>

#include "base/buf.h"

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table_column {
  const char *title;
  enum table_align align;
  int rank;  /* 0: never dropped; the highest goes first */
  int least; /* columns of the terminal that it may be shortened to; 0: it is not */
  bool tail; /* shortened at its beginning: the end says more */
};

/* For a terminal. */
struct style {
  int columns;
  bool color; /* escape sequences are welcome */
  bool ascii; /* it shows no UTF-8; what is put into cells is the caller's */
};

/* Colours of cells. Static strings, to be followed by `style_plain`; "" for none. */
extern const char style_bold[], style_dim[], style_red[], style_green[], style_yellow[],
    style_cyan[], style_plain[];

enum { TABLE_COLUMNS = 16 };

struct table {
  const struct table_column *columns; /* static */
  int count;
  struct buf text;  /* owned: of all cells */
  struct buf cells; /* owned: struct cell */
  int rc;           /* 0 or -SBX_ENOMEM, of anything done so far */
};

/* Begin a table of at most TABLE_COLUMNS columns. */
void table_begin(struct table *t, const struct table_column *columns, int count);

/* The next cell, printf-like. `color` is static, NULL: none. */
void table_cell(struct table *t, const char *color, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Append the text of the table to `out`, and release it. 0 or -SBX_ENOMEM. */
int table_end(struct table *t, const struct style *style, struct buf *out);

#endif
