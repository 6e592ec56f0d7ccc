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

/* Does the last recall go on? (vi's command mode puts the cursor before the last character.) */
static bool goes_on(const struct editor *e) {
  const struct edit_line *l = &e->text;
  return e->recall_shown && wcslen(e->recall_shown) == l->len && l->len - l->cursor <= 1 &&
         wmemcmp(e->recall_shown, line_text(l), l->len) == 0;
}

static wchar_t *copy(const wchar_t *text, size_t len) {
  wchar_t *wide = malloc((len + 1) * sizeof *wide);
  if (wide) {
    wmemcpy(wide, text, len);
    wide[len] = L'\0';
  }
  return wide;
}

static void begin(struct editor *e, size_t prefix) {
  free(e->recall_shown);
  free(e->recall_typed);
  e->recall_shown = NULL;
  e->recall_typed = copy(line_text(&e->text), e->text.len);
  e->recall_cursor = e->text.cursor;
  e->recall_prefix = prefix;
  e->recall_at = e->history.count;
}

/* Takes `text`. */
static void show(struct editor *e, wchar_t *text) {
  free(e->recall_shown);
  e->recall_shown = text;
  line_set(&e->text, text, wcslen(text), wcslen(text));
}

/* Restore what was typed before the recall. */
static void show_typed(struct editor *e) {
  free(e->recall_shown);
  e->recall_shown = NULL;
  line_set(&e->text, e->recall_typed, wcslen(e->recall_typed), e->recall_cursor);
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

/* Recall an entry that begins with so many characters of the line. */
static enum outcome recall(struct editor *e, int step, size_t prefix_len) {
  size_t at;
  if (!goes_on(e)) {
    if (step > 0)
      return REFUSED;
    begin(e, prefix_len);
  }
  char *prefix = e->recall_typed ? text_narrow(e->recall_typed, e->recall_prefix) : NULL;
  char *shown = text_narrow(line_text(&e->text), e->text.len);
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
  return text ? DONE : REFUSED;
}

enum outcome on_older(struct editor *e, int step) { return recall(e, step, e->text.cursor); }
enum outcome on_any_older(struct editor *e, int step) { return recall(e, step, 0); }

/* The entry whose number is the count, or the oldest. */
enum outcome on_numbered(struct editor *e, int what) {
  size_t at = e->counted && e->count > 0 ? (size_t)e->count - 1 : 0;
  const char *entry = at < e->history.count ? e->history.texts[at] : NULL;
  wchar_t *text = entry ? text_widen(entry, strlen(entry)) : NULL;
  (void)what;
  if (!text)
    return REFUSED;
  if (!goes_on(e))
    begin(e, 0);
  e->recall_at = at;
  show(e, text);
  return DONE;
}

/* -- within a block ---------------------------------------------------------------------------- */

/* Move the cursor to the same column of the line above or below. */
enum outcome on_row(struct editor *e, int step) {
  struct edit_line *l = &e->text;
  size_t start = line_row_start(l, l->cursor), end = line_row_end(l, l->cursor);
  if (step < 0 ? start == 0 : end == l->len)
    return REFUSED;
  size_t to = step < 0 ? line_row_start(l, start - 1) : end + 1;
  size_t limit = line_row_end(l, to), column = l->cursor - start;
  l->cursor = limit - to < column ? limit : to + column;
  return DONE;
}

enum outcome on_up(struct editor *e, int step) {
  if (!goes_on(e) && on_row(e, step) == DONE)
    return DONE;
  return recall(e, step, e->text.cursor);
}
