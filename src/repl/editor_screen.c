/* repl/editor_screen.c - what stands on the screen, and printing around it; see editor_internal.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wctype.h>

#include "repl/editor_internal.h"

enum { COLUMNS_IF_UNKNOWN = 80, TAB_STOP = 8 };

int screen_columns(void) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0)
    return COLUMNS_IF_UNKNOWN;
  return size.ws_col;
}

void screen_write(struct editor *e, const void *data, size_t len) {
  const char *next = data;
  struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};
  if (len == 0)
    return;
  e->mid_line = next[len - 1] != '\n';
  while (len > 0) {
    ssize_t n = write(STDOUT_FILENO, next, len);
    if (n < 0 && errno == EAGAIN)
      poll(&room, 1, -1);
    else if (n < 0 && errno != EINTR)
      return; /* the terminal is gone: the next read tells */
    if (n > 0) {
      next += n;
      len -= (size_t)n;
    }
  }
}

/* -- characters -------------------------------------------------------------------------------- */

wchar_t *screen_widen(const char *text, size_t len) {
  wchar_t *wide = malloc((len + 1) * sizeof *wide);
  mbstate_t state = {0};
  size_t n = 0;
  for (size_t at = 0; wide && at < len;) {
    size_t used = mbrtowc(&wide[n], text + at, len - at, &state);
    if (used == (size_t)-1 || used == (size_t)-2) {
      memset(&state, 0, sizeof state);
      wide[n] = L'\xfffd';
      used = 1;
    }
    at += used ? used : 1;
    n++;
  }
  if (wide)
    wide[n] = L'\0';
  return wide;
}

char *screen_narrow(const wchar_t *text, size_t len) {
  char *narrow = malloc(len * MB_CUR_MAX + 1);
  mbstate_t state = {0};
  size_t n = 0;
  for (size_t i = 0; narrow && i < len; i++) {
    size_t used = wcrtomb(narrow + n, text[i], &state);
    if (used == (size_t)-1) {
      memset(&state, 0, sizeof state);
      narrow[n] = '?';
      used = 1;
    }
    n += used;
  }
  if (narrow)
    narrow[n] = '\0';
  return narrow;
}

/* -- where the cursor is ----------------------------------------------------------------------- */

/* As libedit puts a character on the screen: tabs to the next stop, ^X for a control character,
 * \U+1234 for what has no picture; a wide one that does not fit goes to the next row whole. */
static void advance(wchar_t c, int columns, int *row, int *column) {
  int width = wcwidth(c);
  if (c == L'\n') {
    ++*row;
    *column = 0;
    return;
  }
  if (c == L'\t')
    width = TAB_STOP - *column % TAB_STOP;
  else if (iswcntrl((wint_t)c))
    width = 2;
  else if (width < 0)
    width = c > 0xffff ? 8 : 7;
  if (*column + width > columns) {
    ++*row;
    *column = 0;
  }
  *column += width;
  if (*column >= columns) {
    ++*row;
    *column = 0;
  }
}

/* Rows between that of the prompt and that of the cursor. */
static int cursor_row(struct editor *e) {
  const LineInfoW *line = el_wline(e->el);
  int columns = screen_columns(), row = 0, column = 0;
  for (const wchar_t *c = e->prompt; *c; c++)
    advance(*c, columns, &row, &column);
  for (const wchar_t *c = line->buffer; c < line->cursor; c++)
    advance(*c, columns, &row, &column);
  return row;
}

/* -- the line ---------------------------------------------------------------------------------- */

bool screen_occupied(struct editor *e) {
  if (!e->reading || e->paused || !e->el || e->ended)
    return false;
  const LineInfoW *line = el_wline(e->el);
  return e->prompt[0] || line->lastchar > line->buffer;
}

void screen_clear_line(struct editor *e) {
  char text[32];
  int row = cursor_row(e);
  fflush(e->out);
  int n = row > 0 ? snprintf(text, sizeof text, "\r\033[%dA\033[J", row)
                  : snprintf(text, sizeof text, "\r\033[J");
  screen_write(e, text, (size_t)n);
  e->mid_line = false;
}

void screen_draw_line(struct editor *e) {
  if (e->mid_line)
    screen_write(e, "\n", 1);
  el_set(e->el, EL_REFRESH);
  fflush(e->out);
}

void screen_bracketed_paste(struct editor *e, bool on) {
  bool mid = e->mid_line;
  if (e->el)
    screen_write(e, on ? "\033[?2004h" : "\033[?2004l", 8);
  e->mid_line = mid;
}

/* -- printing ---------------------------------------------------------------------------------- */

static const char *last_newline(const struct buf *b) {
  return b->len ? memrchr(b->data, '\n', b->len) : NULL;
}

/* Print what is held up to `len`. */
static void release_held(struct editor *e, size_t len) {
  bool occupied = screen_occupied(e);
  if (occupied)
    screen_clear_line(e);
  screen_write(e, e->held.data, len);
  memmove(e->held.data, e->held.data + len, e->held.len - len);
  e->held.len -= len;
  if (occupied)
    screen_draw_line(e);
}

void editor_output(struct editor *e, const void *data, size_t len) {
  if (len == 0)
    return;
  if (!e->paused && e->held.len == 0 && !screen_occupied(e)) {
    if (e->prompted)
      screen_write(e, "\n", 1);
    e->prompted = false;
    screen_write(e, data, len);
    return;
  }
  if (buf_append(&e->held, data, len) || e->paused)
    return; /* without memory the output is lost, the line is not */
  const char *newline = last_newline(&e->held);
  if (!screen_occupied(e))
    release_held(e, e->held.len);
  else if (newline)
    release_held(e, (size_t)(newline - (const char *)e->held.data) + 1);
}

void editor_output_flush(struct editor *e) {
  if (e->paused)
    return;
  if (e->held.len > 0 && buf_append_byte(&e->held, '\n') == 0)
    release_held(e, e->held.len);
  else if (e->mid_line && !screen_occupied(e))
    screen_write(e, "\n", 1);
}

/* -- candidates -------------------------------------------------------------------------------- */

static int width_of(const char *text) {
  wchar_t *wide = screen_widen(text, strlen(text));
  int width = wide ? wcswidth(wide, wcslen(wide)) : -1;
  free(wide);
  return width < 0 ? (int)strlen(text) : width;
}

void screen_list(struct editor *e, const struct completions *c) {
  struct buf text = {0};
  int widest = 1, rc = 0;
  for (size_t i = 0; i < c->count; i++)
    widest = width_of(c->list[i]) > widest ? width_of(c->list[i]) : widest;
  size_t columns = (size_t)(screen_columns() / (widest + 2));
  columns = columns ? columns : 1;
  size_t rows = (c->count + columns - 1) / columns;
  for (size_t row = 0; row < rows; row++) {
    for (size_t i = row; i < c->count && !rc; i += rows) {
      rc = buf_append(&text, c->list[i], strlen(c->list[i]));
      for (int pad = width_of(c->list[i]); i + rows < c->count && pad < widest + 2 && !rc; pad++)
        rc = buf_append_byte(&text, ' ');
    }
    rc = rc ? rc : buf_append_byte(&text, '\n');
  }
  editor_output(e, text.data, text.len);
  buf_release(&text);
}
