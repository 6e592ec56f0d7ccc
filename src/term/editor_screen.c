/*
 * term/editor_screen.c - draws the prompt and the line; see editor_internal.h.
 *
 * Prompt and line occupy rows of their own, the last ones on the terminal. We know what these rows
 * show (`now`) and which of them the cursor is in, counted from the first (`at_row`); we need not
 * know where on the terminal they are. Drawing starts at the first row that has changed. If the
 * text has more rows than the terminal, a part is shown that includes the cursor's row.
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

/* If the terminal is gone, the next read will tell. */
void screen_flush(struct editor *e) {
  fd_write_all(e->o.out, e->out.data, e->out.len);
  buf_clear(&e->out, 64 * 1024);
}

void screen_put(struct editor *e, const void *data, size_t len) {
  if (buf_append(&e->out, data, len) == 0)
    return;
  screen_flush(e); /* not enough memory to queue it */
  fd_write_all(e->o.out, data, len);
}

static void put(struct editor *e, const char *text) { screen_put(e, text, strlen(text)); }

/* CSI n x; nothing for 0. */
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

/* The state of drawing the characters of a row. */
struct pen {
  bool on;      /* not in the style of the line */
  size_t style; /* the next one to write */
};

/* The prompt has the colours that it brings, or is bold. */
static void put_style(struct editor *e, const struct picture *p, size_t i, struct pen *pen) {
  bool own = e->style_count > 0 && !e->search_prompt;
  bool want = e->o.color && i >= p->above_len && i < p->prompt_len && (own || p->text[i] != L' ');
  if (want != pen->on && !(want && own))
    put(e, want ? "\033[1m" : "\033[m");
  for (; want && own && pen->style < e->style_count && p->above_len + e->styles[pen->style].at <= i;
       pen->style++)
    put(e, e->styles[pen->style].text);
  pen->on = want;
}

/* Write the characters of a row. Returns the column after them. */
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

/* Write a row from its first column on, and clear what was after it. */
static void put_row(struct editor *e, const struct picture *p, size_t number) {
  const struct row *row = &p->rows[number];
  int column = put_characters(e, p, row);
  if (row->soft)
    put_blanks(e, p->columns - column); /* only a full row makes the terminal continue in the
                                           next one */
  else if (column < p->columns)
    put(e, "\033[K");
}

/* Move from the end of a row to the start of the next one, which may not exist on the screen
 * yet. */
static void put_row_end(struct editor *e, const struct picture *p, size_t number) {
  const struct row *next = &p->rows[number + 1];
  if (!p->rows[number].soft)
    put(e, "\r\n");
  else if (next->end == next->start)
    put(e, " \r"); /* a character makes the terminal wrap */
}

/* Move to the first column of a drawn row. */
static void go_to_row(struct editor *e, int row) {
  put_move(e, e->at_row - row, 'A');
  put_move(e, row - e->at_row, 'B');
  put(e, "\r");
  e->at_row = row;
}

static size_t rows_shown(const struct picture *p, size_t first, int rows) {
  return p->count - first < (size_t)rows ? p->count - first : (size_t)rows;
}

/* The first row to show: the previous one, if the cursor is visible then. */
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

/* Write rows `from` to `last` of `next`, where `first` is the first row on the screen. */
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
    put(e, "\033[J"); /* the last row is not full in this case */
  struct picture other = e->now;
  e->now = e->next;
  e->next = other;
  e->first = first;
  e->rows = rows;
  e->drawn = true;
  place_cursor(e);
}

/* Change what is drawn to `next`. */
static void draw_change(struct editor *e, int rows) {
  struct picture *p = &e->next;
  size_t first = choose_first(p, e->drawn ? e->first : 0, picture_row(p, p->cursor), rows);
  if (!e->drawn || e->first != first || e->rows != rows) {
    draw(e, first, first, rows);
    return;
  }
  size_t from = picture_difference(&e->now, p);
  if (from == p->count && from == e->now.count && p->cursor == e->now.cursor)
    return;
  if (from < p->count || from < e->now.count) {
    /* A row that is not on the screen yet is reached from the row before it. */
    size_t there = first + rows_shown(&e->now, first, rows);
    size_t wanted = first + rows_shown(p, first, rows);
    size_t most = (there < wanted ? there : wanted) - 1;
    from = from > most ? most : from < first ? first : from;
  }
  draw(e, first, from, rows);
}

/* -- other sizes ------------------------------------------------------------------------------- */

/* Does the terminal rewrap lines when its width changes? Most do; xterm itself, the Linux console
 * and GNU screen do not. */
static bool terminal_reflows(void) {
  const char *term = getenv("TERM");
  return !getenv("XTERM_VERSION") && !getenv("STY") && term && strcmp(term, "linux") != 0;
}

/* The terminal's size has changed since we drew: find where the cursor is now, and erase for a full
 * redraw. */
static void follow_size(struct editor *e, int rows, int columns) {
  if (columns != e->now.columns && terminal_reflows()) {
    struct picture moved = {0};
    if (picture_make(&moved, L"", L"", e->now.text + e->now.rows[e->first].start,
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

/* The unfinished line of output, if typed text can follow it in the same row, owned; else NULL. */
static wchar_t *take_tail(const struct editor *e, int columns) {
  bool plain;
  wchar_t *tail = output_tail(e, &plain);
  if (tail && plain && wcswidth(tail, wcslen(tail)) < columns)
    return tail;
  free(tail);
  return NULL;
}

/* Start to draw: after the unfinished line of other output, or below it. */
static void begin_line(struct editor *e, int columns) {
  wchar_t *tail = e->prompt[0] || e->search_prompt ? NULL : take_tail(e, columns);
  if (!tail) {
    output_fresh_line(e);
    return;
  }
  e->lead = tail;
  buf_clear(&e->tail, 0);
}

/* Nothing of ours is to be seen but the rows above, if there are any. */
static bool is_bare(const struct editor *e) {
  return e->text.len == 0 && !e->prompt[0] && !e->search_prompt;
}

/* The rows above. They wait for the end of a line of output that cannot be drawn again below
 * them. */
static const wchar_t *above(const struct editor *e, int columns) {
  if (!e->above || !is_bare(e) || e->drawn || e->tail.len == 0)
    return e->above ? e->above : L"";
  wchar_t *tail = take_tail(e, columns);
  bool possible = tail != NULL;
  free(tail);
  return possible ? e->above : L"";
}

void screen_refresh(struct editor *e) {
  int rows, columns;
  if (!e->editing || e->paused || e->ended) /* the last: it would be gone in a moment */
    return;
  size_t len = e->text.len;
  editor_size(e, &rows, &columns);
  if (e->drawn && (columns != e->now.columns || rows != e->rows))
    follow_size(e, rows, columns);
  const wchar_t *rows_above = above(e, columns);
  bool some = len > 0 || prompt_shown(e)[0] || rows_above[0];
  if (!some)
    screen_erase(e);
  else if (!e->drawn && !e->lead)
    begin_line(e, columns);
  if (some && picture_make(&e->next, rows_above, prompt_shown(e), line_text(&e->text), len,
                           e->text.cursor, columns) == 0)
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

void screen_leave(struct editor *e, const char *mark) {
  int rows, columns;
  size_t len = e->text.len;
  editor_size(e, &rows, &columns);
  if (!e->drawn && (prompt_shown(e)[0] || len > 0))
    begin_line(e, columns);
  if (picture_make(&e->next, L"", prompt_shown(e), line_text(&e->text), len, len, columns) == 0) {
    if (e->drawn && (e->next.count > (size_t)rows || e->first > 0)) {
      screen_erase(e); /* it was shown in part: now draw it whole, scrolling up */
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

void screen_give_way(struct editor *e) {
  if (!e->editing || !is_bare(e))
    return;
  screen_release_lead(e);
  screen_erase(e);
}

void editor_set_above(struct editor *e, const char *rows) {
  size_t len = strlen(rows);
  wchar_t *wide = e->edits && len > 0 ? text_widen(rows, len) : NULL;
  wchar_t *grown = wide ? realloc(wide, (wcslen(wide) + 2) * sizeof *wide) : NULL;
  if (grown)
    wcscat(grown, L"\n");
  else
    free(wide);
  if (e->above && grown && wcscmp(e->above, grown) == 0) {
    free(grown);
    return;
  }
  free(e->above);
  e->above = grown;
}
