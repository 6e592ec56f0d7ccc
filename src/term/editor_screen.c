/*
 * term/editor_screen.c - what is drawn of the line; see editor_internal.h.
 *
 * The prompt and the line stand in rows of their own, the last ones on the terminal. Of these we
 * know what they show (`now`) and which one the cursor is in, counted from the first (`at_row`);
 * where on the terminal that is, we need not know. Drawing goes on from the first row that has
 * changed. A text that has more rows than the terminal is shown in part, the cursor's row among it.
 *
 * Only what every terminal has is used: CR, LF, automatic margins, and of ECMA-48 CUU, CUD, CUF,
 * ED, EL and SGR.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "term/editor_internal.h"

enum { ROWS_IF_UNKNOWN = 24, COLUMNS_IF_UNKNOWN = 80 };

void editor_size(const struct editor *e, int *ret_rows, int *ret_columns) {
  struct winsize size;
  bool known = ioctl(e->o.out, TIOCGWINSZ, &size) == 0;
  *ret_rows = known && size.ws_row ? size.ws_row : ROWS_IF_UNKNOWN;
  *ret_columns = known && size.ws_col ? size.ws_col : COLUMNS_IF_UNKNOWN;
}

/* -- writing ----------------------------------------------------------------------------------- */

/* When the terminal is gone, the next read tells. */
void screen_flush(struct editor *e) {
  fd_write_all(e->o.out, e->out.data, e->out.len);
  buf_clear(&e->out, 64 * 1024);
}

void screen_put(struct editor *e, const void *data, size_t len) {
  if (buf_append(&e->out, data, len) == 0)
    return;
  screen_flush(e); /* no memory to queue it */
  fd_write_all(e->o.out, data, len);
}

static void put(struct editor *e, const char *text) { screen_put(e, text, strlen(text)); }

/* CSI n x, nothing for 0. */
static void put_move(struct editor *e, int n, char direction) {
  char text[GLYPH_MAX];
  if (n > 0)
    screen_put(e, text, (size_t)snprintf(text, sizeof text, "\033[%d%c", n, direction));
}

void screen_beep(struct editor *e) {
  put(e, "\a");
  screen_flush(e);
}

/* -- drawing ----------------------------------------------------------------------------------- */

static void put_blanks(struct editor *e, int n) {
  while (n-- > 0)
    put(e, " ");
}

/* What the characters of a row are drawn with. */
struct pen {
  bool on;      /* not as the line is */
  size_t style; /* the next one */
};

/* The prompt has the colours that it brings, or is bold. */
static void put_style(struct editor *e, const struct picture *p, size_t i, struct pen *pen) {
  bool own = e->style_count > 0 && !e->search_prompt;
  bool want = e->o.color && i < p->prompt_len && (own || p->text[i] != L' ');
  if (want != pen->on && !(want && own))
    put(e, want ? "\033[1m" : "\033[m");
  for (; want && own && pen->style < e->style_count && e->styles[pen->style].at <= i; pen->style++)
    put(e, e->styles[pen->style].text);
  pen->on = want;
}

/* The characters of a row. Returns the column behind them. */
static int put_characters(struct editor *e, const struct picture *p, const struct row *row) {
  int column = 0;
  struct pen pen = {0};
  for (size_t i = row->start; i < row->end; i++) {
    char text[GLYPH_MAX];
    size_t len;
    put_style(e, p, i, &pen);
    int width = glyph(p->text[i], column, p->columns, text, &len);
    screen_put(e, text, len);
    if (p->text[i] == L'\t')
      put_blanks(e, width);
    column += width;
  }
  if (pen.on)
    put(e, "\033[m");
  return column;
}

/* A row from its first column on, and what stood behind it is gone. */
static void put_row(struct editor *e, const struct picture *p, size_t number) {
  const struct row *row = &p->rows[number];
  int column = put_characters(e, p, row);
  if (row->soft)
    put_blanks(e, p->columns - column); /* only then the margin leads to the next row */
  else if (column < p->columns)
    put(e, "\033[K");
}

/* From the end of a row to the beginning of the next one, which may not be there yet. */
static void put_row_end(struct editor *e, const struct picture *p, size_t number) {
  const struct row *next = &p->rows[number + 1];
  if (!p->rows[number].soft)
    put(e, "\r\n");
  else if (next->end == next->start)
    put(e, " \r"); /* a character makes the margin act */
}

/* Move to the first column of a row of those that are drawn. */
static void go_to_row(struct editor *e, int row) {
  put_move(e, e->at_row - row, 'A');
  put_move(e, row - e->at_row, 'B');
  put(e, "\r");
  e->at_row = row;
}

static size_t rows_shown(const struct picture *p, size_t first, int rows) {
  return p->count - first < (size_t)rows ? p->count - first : (size_t)rows;
}

/* The first row to be shown: the one of before, if the cursor is on the screen then. */
static size_t choose_first(const struct picture *p, size_t first, size_t cursor_row, int rows) {
  size_t most = p->count > (size_t)rows ? p->count - (size_t)rows : 0;
  if (first > most)
    first = most;
  if (cursor_row < first)
    return cursor_row;
  return cursor_row - first < (size_t)rows ? first : cursor_row - (size_t)rows + 1;
}

static void place_cursor(struct editor *e) {
  const struct picture *p = &e->now;
  size_t row = picture_row(p, p->cursor);
  int column = picture_column(p, row, p->cursor);
  go_to_row(e, (int)(row - e->first));
  put_move(e, column < p->columns ? column : p->columns - 1, 'C');
}

/* Put rows `from` to `last` of `next` on the screen, the first row there being `first`. */
static void put_rows(struct editor *e, size_t first, size_t from, size_t last) {
  if (e->styled)
    put(e, "\033[m");
  e->styled = false;
  go_to_row(e, (int)(from - first));
  for (size_t row = from; row <= last; row++) {
    put_row(e, &e->next, row);
    if (row < last)
      put_row_end(e, &e->next, row);
  }
  e->at_row = (int)(last - first);
}

/* Draw `next` from row `from` on, and make it `now`. */
static void draw(struct editor *e, size_t first, size_t from, int rows) {
  size_t before = e->drawn ? rows_shown(&e->now, e->first, e->rows) : 0;
  size_t shown = rows_shown(&e->next, first, rows);
  if (!e->drawn)
    e->at_row = 0;
  if (from < first + shown)
    put_rows(e, first, from, first + shown - 1);
  if (before > shown)
    put(e, "\033[J"); /* the last row is then not full */
  struct picture other = e->now;
  e->now = e->next;
  e->next = other;
  e->first = first;
  e->rows = rows;
  e->drawn = true;
  place_cursor(e);
}

/* What is drawn is changed to `next`. */
static void draw_change(struct editor *e, int rows) {
  struct picture *p = &e->next;
  size_t first = choose_first(p, e->drawn ? e->first : 0, picture_row(p, p->cursor), rows);
  if (!e->drawn || e->first != first || e->rows != rows) {
    draw(e, first, first, rows);
    return;
  }
  size_t from = picture_difference(&e->now, p);
  if (from < p->count || from < e->now.count) {
    /* A row that is not there yet is reached from the one before. */
    size_t there = first + rows_shown(&e->now, first, rows);
    size_t wanted = first + rows_shown(p, first, rows);
    size_t most = (there < wanted ? there : wanted) - 1;
    from = from > most ? most : from < first ? first : from;
  }
  draw(e, first, from, rows);
}

/* -- other sizes ------------------------------------------------------------------------------- */

/* Does the terminal lay lines out anew when its width changes? Most do; xterm itself, the Linux
 * console and GNU screen do not. */
static bool terminal_reflows(void) {
  const char *term = getenv("TERM");
  return !getenv("XTERM_VERSION") && !getenv("STY") && term && strcmp(term, "linux") != 0;
}

/* The terminal has another size than when we drew: find out where the cursor is now, and draw all
 * anew. */
static void follow_size(struct editor *e, int rows, int columns) {
  if (columns != e->now.columns && terminal_reflows()) {
    struct picture moved = {0};
    if (picture_make(&moved, L"", e->now.text + e->now.rows[e->first].start,
                     e->now.len - e->now.rows[e->first].start,
                     e->now.cursor - e->now.rows[e->first].start, columns) == 0)
      e->at_row = (int)picture_row(&moved, moved.cursor);
    picture_release(&moved);
  }
  if (e->at_row >= rows)
    e->at_row = rows - 1;
  screen_erase(e);
}

/* -- the line ---------------------------------------------------------------------------------- */

static const wchar_t *prompt_shown(const struct editor *e) {
  if (e->search_prompt)
    return e->search_prompt;
  return e->prompt[0] ? e->prompt : e->lead ? e->lead : L"";
}

/* The first thing of ours is to be drawn: behind the unfinished line that others have printed, or
 * below it. */
static void begin_line(struct editor *e, int columns) {
  bool plain;
  wchar_t *tail = output_tail(e, &plain);
  int width = tail ? wcswidth(tail, wcslen(tail)) : 0;
  if (tail && plain && width < columns && !e->prompt[0] && !e->search_prompt) {
    e->lead = tail;
    buf_clear(&e->tail, 0);
    return;
  }
  free(tail);
  output_fresh_line(e);
}

void screen_refresh(struct editor *e) {
  int rows, columns;
  if (!e->editing || e->paused)
    return;
  const LineInfoW *line = line_now(e->el);
  size_t len = (size_t)(line->lastchar - line->buffer);
  editor_size(e, &rows, &columns);
  if (e->drawn && (columns != e->now.columns || rows != e->rows))
    follow_size(e, rows, columns);
  if (len == 0 && !prompt_shown(e)[0])
    screen_erase(e);
  else if (!e->drawn && !e->lead)
    begin_line(e, columns);
  if ((len > 0 || prompt_shown(e)[0]) &&
      picture_make(&e->next, prompt_shown(e), line->buffer, len,
                   (size_t)(line->cursor - line->buffer), columns) == 0)
    draw_change(e, rows);
  screen_flush(e);
}

void screen_erase(struct editor *e) {
  if (!e->drawn)
    return;
  go_to_row(e, 0);
  put(e, "\033[J");
  e->drawn = false;
}

void screen_clear(struct editor *e) {
  put(e, "\033[H\033[2J");
  e->drawn = false;
  buf_clear(&e->tail, 0);
  screen_refresh(e);
}

void screen_leave(struct editor *e, const wchar_t *line, size_t len, const char *mark) {
  int rows, columns;
  editor_size(e, &rows, &columns);
  if (!e->drawn && (prompt_shown(e)[0] || len > 0))
    begin_line(e, columns);
  if (picture_make(&e->next, prompt_shown(e), line, len, len, columns) == 0) {
    if (e->drawn && (e->next.count > (size_t)rows || e->first > 0)) {
      screen_erase(e); /* it was shown in part: now it goes up, and is whole there */
      draw(e, 0, 0, INT_MAX);
    } else if (e->drawn || e->next.len > 0)
      draw_change(e, rows);
  }
  put(e, mark);
  put(e, "\r\n");
  screen_flush(e);
  e->drawn = false;
  e->first = 0;
  free(e->lead);
  e->lead = NULL;
  buf_clear(&e->tail, 0);
}

void screen_release_lead(struct editor *e) {
  char *text = e->lead ? text_narrow(e->lead, wcslen(e->lead)) : NULL;
  if (!text)
    return;
  screen_erase(e);
  free(e->lead);
  e->lead = NULL;
  output_pass(e, text, strlen(text));
  free(text);
}
