/* term/editor_edit.c - commands that move in the line and change it; see editor_internal.h. */
#include <stdlib.h>
#include <wctype.h>

#include "term/editor_internal.h"

enum { COUNT_MOST = 9999 };

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* The outcome of a change: 0, or an error of the line. */
static enum outcome changed(int rc) { return rc ? REFUSED : DONE; }

/* -- moving ------------------------------------------------------------------------------------ */

enum outcome move_to(struct editor *e, size_t at) {
  if (at == e->text.cursor)
    return REFUSED;
  e->text.cursor = at;
  return DONE;
}

enum outcome move_by_characters(struct editor *e, int step) {
  const struct edit_line *l = &e->text;
  size_t n = (size_t)e->count;
  size_t end = e->command_mode && !e->operation && l->len > 0 ? l->len - 1 : l->len;
  if (step < 0)
    return move_to(e, l->cursor - smaller(n, l->cursor));
  return l->cursor < end ? move_to(e, smaller(l->cursor + n, end)) : REFUSED;
}

/* The place that so many words away begins or ends one. */
static size_t by_words(const struct editor *e, int step) {
  const struct edit_line *l = &e->text;
  return step < 0 ? word_start(line_text(l), l->cursor, e->count)
                  : word_end(line_text(l), l->len, l->cursor, e->count);
}

enum outcome move_by_words(struct editor *e, int step) { return move_to(e, by_words(e, step)); }

/* In vi, the beginning is the first character that is no blank. */
enum outcome move_to_edge(struct editor *e, int which) {
  struct edit_line *l = &e->text;
  l->cursor = which < 0 ? 0 : l->len;
  while (e->vi && which < 0 && l->cursor < l->len && iswspace((wint_t)l->text[l->cursor]))
    l->cursor++;
  return DONE;
}

enum outcome move_to_row_edge(struct editor *e, int which) {
  struct edit_line *l = &e->text;
  l->cursor = which < 0 ? line_row_start(l, l->cursor) : line_row_end(l, l->cursor);
  return DONE;
}

enum outcome set_mark(struct editor *e, int what) {
  (void)what;
  e->text.mark = e->text.cursor;
  return DONE;
}

enum outcome exchange_mark(struct editor *e, int what) {
  size_t mark = e->text.mark;
  e->text.mark = e->text.cursor;
  e->text.cursor = mark;
  return (void)what, DONE;
}

/* -- inserting --------------------------------------------------------------------------------- */

enum outcome insert_key(struct editor *e, int what) {
  struct edit_line *l = &e->text;
  size_t n = smaller((size_t)e->count, COUNT_MOST);
  wchar_t text[COUNT_MOST];
  (void)what;
  wmemset(text, e->key, n);
  size_t over = e->overwrite ? smaller(n, l->len - l->cursor) : 0;
  return changed(line_replace(l, l->cursor, over, text, n));
}

enum outcome insert_digit(struct editor *e, int what) {
  return e->counted ? add_digit(e, what) : insert_key(e, what);
}

enum outcome insert_quoted(struct editor *e, int what) {
  e->key = editor_key(e);
  if (!e->key)
    return DONE;
  return is_key_code(e->key) ? REFUSED : insert_key(e, what);
}

enum outcome insert_newline(struct editor *e, int what) {
  return (void)what, changed(line_insert(&e->text, L"\n", 1));
}

enum outcome insert_pasted(struct editor *e, int what) {
  wchar_t *text = text_widen((const char *)e->pasted.data, e->pasted.len);
  static const char refused[] = "(too long to be pasted)\n";
  (void)what;
  int rc = text ? line_insert(&e->text, text, wcslen(text)) : -1;
  if (rc)
    output_above(e, refused, sizeof refused - 1);
  free(text);
  buf_clear(&e->pasted, 0);
  return changed(rc);
}

enum outcome toggle_overwrite(struct editor *e, int what) {
  e->overwrite = !e->overwrite;
  return (void)what, DONE;
}

/* -- deleting and killing ---------------------------------------------------------------------- */

/* Delete a part, and keep it to be yanked. Kills in a row are one text, except in vi. */
static enum outcome kill_part(struct editor *e, size_t from, size_t to) {
  struct edit_line *l = &e->text;
  if (from == to)
    return REFUSED;
  enum kill how = e->vi || !last_command(e, KILLS) ? KILL_NEW
                  : from < l->cursor               ? KILL_BEFORE
                                                   : KILL_AFTER;
  kills_add(&e->kills, l->text + from, to - from, how);
  return changed(line_delete(l, from, to));
}

enum outcome delete_characters(struct editor *e, int step) {
  struct edit_line *l = &e->text;
  size_t n = smaller((size_t)e->count, step < 0 ? l->cursor : l->len - l->cursor);
  size_t from = step < 0 ? l->cursor - n : l->cursor;
  if (n == 0)
    return REFUSED;
  if (e->command_mode) /* vi's x and X */
    return kill_part(e, from, from + n);
  return changed(line_delete(l, from, from + n));
}

enum outcome delete_or_leave(struct editor *e, int deletes) {
  if (e->text.len == 0)
    return LEAVES;
  return deletes ? delete_characters(e, 1) : REFUSED;
}

enum outcome kill_to(struct editor *e, int what) {
  const struct edit_line *l = &e->text;
  size_t to = what == KILL_END           ? l->len
              : what == KILL_WORD        ? by_words(e, 1)
              : what == KILL_WORD_BEFORE ? by_words(e, -1)
              : what == KILL_REGION      ? l->mark
                                         : 0;
  size_t from = what == KILL_EVERYTHING ? l->len : l->cursor;
  enum outcome outcome = from < to ? kill_part(e, from, to) : kill_part(e, to, from);
  bool to_edge = what == KILL_END || what == KILL_BEGINNING || what == KILL_EVERYTHING;
  return to_edge ? DONE : outcome;
}

enum outcome copy_region(struct editor *e, int what) {
  const struct edit_line *l = &e->text;
  size_t from = smaller(l->cursor, l->mark);
  (void)what;
  kills_add(&e->kills, line_text(l) + from, l->cursor + l->mark - 2 * from, KILL_NEW);
  return DONE;
}

/* -- yanking ----------------------------------------------------------------------------------- */

enum outcome yank(struct editor *e, int what) {
  struct edit_line *l = &e->text;
  e->kills.at = e->kills.count ? e->kills.count - 1 : 0;
  const wchar_t *text = kills_now(&e->kills);
  (void)what;
  if (!text)
    return REFUSED;
  e->yanked_at = l->mark = l->cursor;
  return changed(line_insert(l, text, wcslen(text)));
}

enum outcome yank_older(struct editor *e, int what) {
  struct edit_line *l = &e->text;
  (void)what;
  if (!last_command(e, YANKS) || e->yanked_at > l->cursor || e->kills.count == 0)
    return REFUSED;
  kills_turn(&e->kills);
  const wchar_t *text = kills_now(&e->kills);
  return changed(line_replace(l, e->yanked_at, l->cursor - e->yanked_at, text, wcslen(text)));
}

/* Insert a copy of a part of the line itself. */
enum outcome copy_word(struct editor *e, int what) {
  struct edit_line *l = &e->text;
  size_t from = by_words(e, -1), len = l->cursor - from;
  wchar_t *copy = len > 0 ? malloc(len * sizeof *copy) : NULL;
  (void)what;
  if (!copy)
    return REFUSED;
  wmemcpy(copy, l->text + from, len);
  int rc = line_insert(l, copy, len);
  free(copy);
  return changed(rc);
}

/* -- changing ---------------------------------------------------------------------------------- */

/* Exchange two characters: at the end of the line, those before the cursor. */
enum outcome transpose(struct editor *e, int around) {
  struct edit_line *l = &e->text;
  size_t end = l->cursor + (around && l->cursor < l->len);
  if (end < 2)
    return REFUSED;
  const wchar_t swapped[] = {l->text[end - 1], l->text[end - 2]};
  return changed(line_replace(l, end - 2, 2, swapped, 2));
}

static wchar_t lower(wchar_t c) { return (wchar_t)towlower((wint_t)c); }
static wchar_t upper(wchar_t c) { return (wchar_t)towupper((wint_t)c); }

/* `how`: 'u' upper, 'l' lower, 'c' a capital and small letters, '~' the other one. */
enum outcome change_case(struct editor *e, size_t to, int how) {
  struct edit_line *l = &e->text;
  size_t len = to - l->cursor;
  wchar_t *text = len > 0 ? malloc(len * sizeof *text) : NULL;
  bool first = true;
  if (!text)
    return REFUSED;
  for (size_t i = 0; i < len; i++) {
    wchar_t c = l->text[l->cursor + i];
    bool up = how == '~' ? iswlower((wint_t)c) : how == 'u' || (how == 'c' && first);
    text[i] = up ? upper(c) : lower(c);
    first = first && !iswalpha((wint_t)c);
  }
  int rc = line_replace(l, l->cursor, len, text, len);
  free(text);
  return changed(rc);
}

enum outcome change_word_case(struct editor *e, int how) {
  return change_case(e, by_words(e, 1), how);
}

enum outcome on_undo(struct editor *e, int everything) {
  bool done = line_undo(&e->text);
  while (everything && line_undo(&e->text))
    continue;
  return done ? DONE : REFUSED;
}

enum outcome on_redo(struct editor *e, int what) {
  return (void)what, line_redo(&e->text) ? DONE : REFUSED;
}

enum outcome start_over(struct editor *e, int what) {
  return (void)what, changed(line_delete(&e->text, 0, e->text.len));
}

/* -- counts and the rest ----------------------------------------------------------------------- */

void set_count(struct editor *e, int count) {
  e->count = count < COUNT_MOST ? count : COUNT_MOST;
  e->counted = true;
}

enum outcome add_digit(struct editor *e, int what) {
  (void)what;
  if (e->key < L'0' || e->key > L'9')
    return REFUSED;
  set_count(e, (e->counted ? 10 * e->count : 0) + (int)(e->key - L'0'));
  return MORE;
}

enum outcome multiply_count(struct editor *e, int what) {
  (void)what;
  set_count(e, 4 * e->count);
  e->counted = false; /* a digit begins a new count */
  return MORE;
}

enum outcome on_clear_screen(struct editor *e, int what) {
  screen_clear(e);
  return (void)what, DONE;
}

enum outcome redisplay(struct editor *e, int what) {
  screen_erase(e);
  return (void)what, DONE;
}

enum outcome accept_line(struct editor *e, int what) { return (void)e, (void)what, ACCEPTS; }
enum outcome leave(struct editor *e, int what) { return (void)e, (void)what, LEAVES; }
enum outcome ignore(struct editor *e, int what) { return (void)e, (void)what, DONE; }
enum outcome refuse(struct editor *e, int what) { return (void)e, (void)what, REFUSED; }
