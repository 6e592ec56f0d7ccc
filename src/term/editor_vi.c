/*
 * term/editor_vi.c - vi: operators, motions, modes, and the repeating of a change; see
 * editor_internal.h.
 *
 * An operator (d, c, y) waits for a motion, and is applied to what lies between the cursor's places
 * before and after it. A change is repeated by the keys that made it: they are recorded as bytes
 * while they are used, up to the one that returns to command mode, and put before the next input.
 */
#include <wctype.h>

#include "term/editor_internal.h"

/* -- modes ------------------------------------------------------------------------------------- */

static enum outcome begin_insert(struct editor *e) {
  e->command_mode = false;
  return DONE;
}

enum outcome vi_command_mode(struct editor *e, int what) {
  (void)what;
  if (!e->command_mode && e->text.cursor > 0)
    e->text.cursor--;
  e->command_mode = true;
  e->overwrite = false;
  return DONE;
}

enum outcome vi_insert(struct editor *e, int where) {
  struct edit_line *l = &e->text;
  e->overwrite = where == 'R';
  if (where == 'a' && l->cursor < l->len)
    l->cursor++;
  else if (where == 'I' || where == 'A')
    l->cursor = where == 'I' ? 0 : l->len;
  return begin_insert(e);
}

/* -- operators --------------------------------------------------------------------------------- */

static enum outcome apply(struct editor *e, char operation, size_t from, size_t to) {
  struct edit_line *l = &e->text;
  kills_add(&e->kills, line_text(l) + from, to - from, KILL_NEW);
  l->cursor = from;
  if (operation != 'y' && line_delete(l, from, to))
    return REFUSED;
  return operation == 'c' ? begin_insert(e) : DONE;
}

/* The second of two equal operators is for the whole line. */
enum outcome vi_operator(struct editor *e, int operation) {
  size_t at = e->text.cursor;
  if (!e->operation) {
    e->operation = (char)operation;
    e->operation_count = e->count;
    e->counted = false;
    e->count = 1;
    return MORE;
  }
  if (e->operation != operation)
    return REFUSED;
  enum outcome outcome = apply(e, e->operation, 0, e->text.len);
  if (operation == 'y')
    e->text.cursor = at;
  return outcome;
}

enum outcome vi_operate(struct editor *e, const struct command *c) {
  size_t from = e->text.cursor;
  if (c->flags & (OPERATES | COUNTS))
    return c->call(e, c->what);
  if (!(c->flags & MOVES))
    return c->call == vi_command_mode ? DONE : REFUSED;
  if (c->call != vi_zero) /* which may be a digit */
    set_count(e, e->count * e->operation_count);
  e->inclusive = false;
  enum outcome outcome = c->call(e, c->what);
  if (outcome != DONE)
    return outcome;
  size_t low = from < e->text.cursor ? from : e->text.cursor;
  size_t high = from + e->text.cursor - low;
  high += e->inclusive && high < e->text.len;
  return high > low || e->operation == 'c' ? apply(e, e->operation, low, high) : REFUSED;
}

enum outcome vi_substitute(struct editor *e, int what) {
  const struct edit_line *l = &e->text;
  size_t rest = l->len - l->cursor, n = (size_t)e->count < rest ? (size_t)e->count : rest;
  if (what == 'S')
    return apply(e, 'c', 0, l->len);
  return apply(e, 'c', l->cursor, what == 'C' ? l->len : l->cursor + n);
}

enum outcome vi_yank_end(struct editor *e, int what) {
  return (void)what, apply(e, 'y', e->text.cursor, e->text.len);
}

enum outcome vi_paste(struct editor *e, int after) {
  struct edit_line *l = &e->text;
  const wchar_t *text = kills_now(&e->kills);
  int rc = 0;
  if (!text)
    return REFUSED;
  l->cursor += after && l->cursor < l->len;
  size_t at = l->cursor;
  for (int i = 0; i < e->count && !rc; i++)
    rc = line_insert(l, text, wcslen(text));
  l->cursor = at;
  return rc ? REFUSED : DONE;
}

enum outcome vi_replace(struct editor *e, int what) {
  struct edit_line *l = &e->text;
  size_t n = (size_t)e->count;
  wchar_t key = editor_key(e);
  (void)what;
  if (!key || key == KEY_ESC)
    return DONE;
  if (is_key_code(key) || n == 0 || n > l->len - l->cursor)
    return REFUSED;
  e->key = key == L'\r' ? L'\n' : key;
  e->overwrite = true;
  enum outcome outcome = insert_key(e, 0);
  e->overwrite = false;
  l->cursor -= outcome == DONE;
  return outcome;
}

enum outcome vi_change_case(struct editor *e, int what) {
  const struct edit_line *l = &e->text;
  size_t rest = l->len - l->cursor, n = (size_t)e->count;
  return (void)what, change_case(e, l->cursor + (n < rest ? n : rest), '~');
}

/* -- motions ----------------------------------------------------------------------------------- */

enum outcome vi_next_word(struct editor *e, int big) {
  const struct edit_line *l = &e->text;
  bool tight = e->operation == 'c' && l->cursor < l->len && !iswspace((wint_t)l->text[l->cursor]);
  return move_to(e, vi_word_next(line_text(l), l->len, l->cursor, e->count, big, tight));
}

enum outcome vi_prev_word(struct editor *e, int big) {
  return move_to(e, vi_word_start(line_text(&e->text), e->text.cursor, e->count, big));
}

enum outcome vi_end_word(struct editor *e, int big) {
  const struct edit_line *l = &e->text;
  size_t to = vi_word_end(line_text(l), l->len, l->cursor, e->count, big);
  e->inclusive = true;
  return to == l->cursor && e->operation ? DONE : move_to(e, to);
}

enum outcome vi_zero(struct editor *e, int what) {
  if (e->counted && e->key == L'0')
    return add_digit(e, what);
  e->text.cursor = 0;
  return DONE;
}

enum outcome vi_to_column(struct editor *e, int what) {
  size_t at = e->count > 0 ? (size_t)e->count - 1 : 0;
  (void)what;
  e->text.cursor = at < e->text.len ? at : e->text.len;
  return DONE;
}

/* Both brackets belong to what an operator takes. */
enum outcome vi_match(struct editor *e, int what) {
  const struct edit_line *l = &e->text;
  size_t to;
  (void)what;
  if (!find_bracket(line_text(l), l->len, l->cursor, &to))
    return REFUSED;
  e->inclusive = true;
  e->text.cursor = to;
  return DONE;
}

/* Find the sought character in this direction. `again`: not the one that the cursor is beside. */
static enum outcome find_sought(struct editor *e, int step, bool again) {
  const struct edit_line *l = &e->text;
  size_t at = l->cursor, beside = l->cursor + (size_t)step;
  if (again && e->sought_till && e->count == 1 && beside < l->len && l->text[beside] == e->sought)
    at = beside;
  if (!e->sought || !find_character(line_text(l), l->len, at, e->sought, step, e->count, &at))
    return REFUSED;
  e->text.cursor = e->sought_till ? at - (size_t)step : at;
  e->inclusive = step > 0;
  return DONE;
}

enum outcome vi_find(struct editor *e, int what) {
  wchar_t key = editor_key(e);
  if (!key || key == KEY_ESC)
    return key ? REFUSED : DONE;
  e->sought = key;
  e->sought_step = what == 'f' || what == 't' ? 1 : -1;
  e->sought_till = what == 't' || what == 'T';
  return find_sought(e, e->sought_step, false);
}

enum outcome vi_find_again(struct editor *e, int direction) {
  return find_sought(e, direction * e->sought_step, true);
}

/* -- repeating --------------------------------------------------------------------------------- */

void vi_remember(struct editor *e, bool repeatable, int count) {
  if (repeatable) {
    e->change_open = true;
    e->change_count = count;
  }
  if (!e->change_open || !e->command_mode)
    return;
  e->change_open = false;
  if (e->record.len == 0) /* it was a repetition itself */
    return;
  struct buf last = e->last_change;
  e->last_change = e->record;
  e->last_count = e->change_count;
  e->record = last;
}

enum outcome vi_repeat(struct editor *e, int what) {
  (void)what;
  if (e->last_change.len == 0 || e->operation)
    return REFUSED;
  set_count(e, e->counted ? e->count : e->last_count);
  bool room = keys_push(e, (const char *)e->last_change.data, e->last_change.len);
  return room ? MORE : REFUSED;
}
