/*
 * term/editor_recall.c - up and down: within a block, and through older lines; see
 * editor_internal.h.
 *
 * Only entries that begin with the text before the cursor are recalled. The recall goes on as long
 * as the line is unchanged: the next Up after a block was recalled recalls another entry instead of
 * moving up in the block. After any change, or a move of the cursor, it moves in the block.
 */
#include <stdlib.h>
#include <string.h>

#include "term/editor_internal.h"

static bool is_at_end(const LineInfoW *line) { return line->lastchar - line->cursor <= 1; }

/* Does the last recall go on? (vi's command mode puts the cursor before the last character.) */
static bool goes_on(const struct editor *e, const LineInfoW *line) {
  size_t len = (size_t)(line->lastchar - line->buffer);
  return e->recall_shown && wcslen(e->recall_shown) == len && is_at_end(line) &&
         wmemcmp(e->recall_shown, line->buffer, len) == 0;
}

static wchar_t *copy(const wchar_t *text, size_t len) {
  wchar_t *wide = malloc((len + 1) * sizeof *wide);
  if (wide) {
    wmemcpy(wide, text, len);
    wide[len] = L'\0';
  }
  return wide;
}

static void begin(struct editor *e, const LineInfoW *line) {
  free(e->recall_shown);
  free(e->recall_typed);
  e->recall_shown = NULL;
  e->recall_typed = copy(line->buffer, (size_t)(line->lastchar - line->buffer));
  e->recall_prefix = (size_t)(line->cursor - line->buffer);
  e->recall_at = e->history.count;
}

/* Takes `text`. */
static void show(struct editor *e, wchar_t *text) {
  free(e->recall_shown);
  e->recall_shown = text;
  replace_line(e->el, text, wcslen(text));
}

/* Restore what was typed before the recall. */
static void show_typed(struct editor *e) {
  free(e->recall_shown);
  e->recall_shown = NULL;
  replace_line(e->el, e->recall_typed, e->recall_prefix);
}

/* Find the next entry in this direction (-1: older) that has the prefix and differs from what is
 * shown. Returns whether there is one. */
static bool find(const struct editor *e, int step, const char *prefix, const char *shown,
                 size_t *ret) {
  size_t at = e->recall_at, len = strlen(prefix);
  at = at < e->history.count ? at : e->history.count; /* old entries may have been dropped */
  while (step < 0 ? at > 0 : at + 1 < e->history.count) {
    at = step < 0 ? at - 1 : at + 1;
    const char *text = e->history.texts[at];
    if (strncmp(text, prefix, len) == 0 && strcmp(text, shown) != 0) {
      *ret = at;
      return true;
    }
  }
  return false;
}

static unsigned char recall(struct editor *e, int step) {
  const LineInfoW *line = line_now(e->el);
  size_t at;
  if (!goes_on(e, line)) {
    if (step > 0)
      return CC_ERROR;
    begin(e, line);
  }
  char *prefix = e->recall_typed ? text_narrow(e->recall_typed, e->recall_prefix) : NULL;
  char *shown = text_narrow(line->buffer, (size_t)(line->lastchar - line->buffer));
  bool found = prefix && shown && find(e, step, prefix, shown, &at);
  wchar_t *text = found ? text_widen(e->history.texts[at], strlen(e->history.texts[at])) : NULL;
  if (text) {
    e->recall_at = at;
    show(e, text);
  } else if (step > 0 && e->recall_typed) {
    show_typed(e);
    text = e->recall_typed;
  }
  free(prefix);
  free(shown);
  return text ? CC_REFRESH : CC_ERROR;
}

/* -- within a block ---------------------------------------------------------------------------- */

static const wchar_t *line_start(const LineInfoW *line, const wchar_t *c) {
  while (c > line->buffer && c[-1] != L'\n')
    c--;
  return c;
}

static const wchar_t *line_end(const LineInfoW *line, const wchar_t *c) {
  while (c < line->lastchar && *c != L'\n')
    c++;
  return c;
}

/* Move the cursor to the same column of the line above or below. False: there is none. */
static bool move_in_block(EditLine *el, int step) {
  const LineInfoW *line = line_now(el);
  const wchar_t *start = line_start(line, line->cursor), *end = line_end(line, line->cursor);
  if (step < 0 ? start == line->buffer : end == line->lastchar)
    return false;
  const wchar_t *to = step < 0 ? line_start(line, start - 1) : end + 1;
  const wchar_t *limit = line_end(line, to);
  ptrdiff_t column = line->cursor - start;
  to = limit - to < column ? limit : to + column;
  el_cursor(el, (int)(to - line->cursor));
  return true;
}

static unsigned char up_or_down(EditLine *el, int step) {
  struct editor *e = editor_of(el);
  if (!goes_on(e, line_now(el)) && move_in_block(el, step))
    return CC_REFRESH;
  return recall(e, step);
}

unsigned char on_up(EditLine *el, int key) { return (void)key, up_or_down(el, -1); }
unsigned char on_down(EditLine *el, int key) { return (void)key, up_or_down(el, 1); }
unsigned char on_older(EditLine *el, int key) { return (void)key, recall(editor_of(el), -1); }
unsigned char on_younger(EditLine *el, int key) { return (void)key, recall(editor_of(el), 1); }
