/* term/line.c - see line.h. */
#include "term/line.h"

#include <stdlib.h>

#include "base/error.h"

/* -- changes ----------------------------------------------------------------------------------- */

static void drop_changes(struct edit_line *l, size_t from) {
  for (size_t i = from; i < l->count; i++)
    free(l->changes[i].texts);
  if (from < l->count)
    l->count = from;
}

/* Append `len` characters to the texts of a change. */
static int change_append(struct change *c, const wchar_t *text, size_t len) {
  size_t used = c->removed + c->inserted;
  if (used + len > c->cap) {
    size_t cap = 2 * (used + len) + 8;
    wchar_t *grown = realloc(c->texts, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    c->texts = grown;
    c->cap = cap;
  }
  if (len > 0)
    wmemcpy(c->texts + used, text, len);
  return 0;
}

/* Does an insertion go on where the last change of the same step ended? */
static struct change *change_to_extend(struct edit_line *l, size_t at, size_t removed) {
  struct change *last = l->done > 0 ? &l->changes[l->done - 1] : NULL;
  bool fits = last && removed == 0 && last->step == l->step && last->at + last->inserted == at;
  return fits ? last : NULL;
}

static int change_new(struct edit_line *l, size_t at, size_t removed, struct change **ret) {
  if (l->done == l->changes_cap) {
    size_t cap = l->changes_cap ? 2 * l->changes_cap : 16;
    struct change *grown = realloc(l->changes, cap * sizeof *grown);
    if (!grown)
      return -SBX_ENOMEM;
    l->changes = grown;
    l->changes_cap = cap;
  }
  struct change c = {.at = at, .cursor = l->cursor, .step = l->step};
  if (removed > 0 && change_append(&c, l->text + at, removed))
    return -SBX_ENOMEM;
  c.removed = removed;
  *ret = &l->changes[l->done];
  **ret = c;
  l->count = ++l->done;
  return 0;
}

/* Remember a change that is about to be made. */
static int remember(struct edit_line *l, size_t at, size_t removed, const wchar_t *text,
                    size_t len) {
  drop_changes(l, l->done);
  struct change *c = change_to_extend(l, at, removed);
  bool fresh = !c;
  int rc = fresh ? change_new(l, at, removed, &c) : 0;
  if (rc == 0)
    rc = change_append(c, text, len);
  if (rc == 0)
    c->inserted += len;
  else if (fresh && c)
    drop_changes(l, --l->done);
  return rc;
}

/* -- the text ---------------------------------------------------------------------------------- */

static int reserve(struct edit_line *l, size_t len) {
  if (len <= l->cap)
    return 0;
  size_t cap = 2 * len + 64;
  wchar_t *grown = realloc(l->text, cap * sizeof *grown);
  if (!grown)
    return -SBX_ENOMEM;
  l->text = grown;
  l->cap = cap;
  return 0;
}

static size_t moved(size_t place, size_t at, size_t removed, size_t len) {
  if (place >= at + removed)
    return place - removed + len;
  return place < at ? place : at;
}

/* Change the text, for which there is room. */
static void apply(struct edit_line *l, size_t at, size_t removed, const wchar_t *text, size_t len) {
  size_t rest = l->len - at - removed;
  if (rest > 0 && removed != len)
    wmemmove(l->text + at + len, l->text + at + removed, rest);
  if (len > 0)
    wmemcpy(l->text + at, text, len);
  l->mark = moved(l->mark, at, removed, len);
  l->len = at + len + rest;
  l->cursor = at + len;
}

int line_replace(struct edit_line *l, size_t at, size_t removed, const wchar_t *text, size_t len) {
  if (removed == 0 && len == 0)
    return 0;
  if (len > LINE_MOST || l->len - removed + len > LINE_MOST)
    return -SBX_ENOSPC;
  int rc = reserve(l, l->len - removed + len);
  if (rc == 0)
    rc = remember(l, at, removed, text, len);
  if (rc == 0)
    apply(l, at, removed, text, len);
  return rc;
}

int line_insert(struct edit_line *l, const wchar_t *text, size_t len) {
  return line_replace(l, l->cursor, 0, text, len);
}

int line_delete(struct edit_line *l, size_t from, size_t to) {
  int rc = line_replace(l, from, to - from, NULL, 0);
  if (rc == 0)
    l->cursor = from;
  return rc;
}

int line_set(struct edit_line *l, const wchar_t *text, size_t len, size_t cursor) {
  int rc = line_replace(l, 0, l->len, text, len);
  if (rc == 0)
    l->cursor = cursor < len ? cursor : len;
  return rc;
}

/* -- undo -------------------------------------------------------------------------------------- */

void line_step(struct edit_line *l) { l->step++; }

/* There is room: the text was as long before. */
bool line_undo(struct edit_line *l) {
  if (l->done == 0)
    return false;
  unsigned step = l->changes[l->done - 1].step;
  while (l->done > 0 && l->changes[l->done - 1].step == step) {
    const struct change *c = &l->changes[--l->done];
    apply(l, c->at, c->inserted, c->texts, c->removed);
    l->cursor = c->cursor;
  }
  return true;
}

bool line_redo(struct edit_line *l) {
  if (l->done == l->count)
    return false;
  unsigned step = l->changes[l->done].step;
  while (l->done < l->count && l->changes[l->done].step == step) {
    const struct change *c = &l->changes[l->done++];
    apply(l, c->at, c->removed, c->texts + c->removed, c->inserted);
  }
  return true;
}

/* -- the rest ---------------------------------------------------------------------------------- */

size_t line_row_start(const struct edit_line *l, size_t at) {
  while (at > 0 && l->text[at - 1] != L'\n')
    at--;
  return at;
}

size_t line_row_end(const struct edit_line *l, size_t at) {
  while (at < l->len && l->text[at] != L'\n')
    at++;
  return at;
}

void line_reset(struct edit_line *l) {
  drop_changes(l, 0);
  l->len = l->cursor = l->mark = l->done = 0;
}

void line_release(struct edit_line *l) {
  line_reset(l);
  free(l->text);
  free(l->changes);
  *l = (struct edit_line){0};
}

/* -- the kill ring ----------------------------------------------------------------------------- */

/* A copy of two texts, one after the other; NULL when memory is exhausted. */
static wchar_t *joined(const wchar_t *a, size_t a_len, const wchar_t *b, size_t b_len) {
  wchar_t *both = malloc((a_len + b_len + 1) * sizeof *both);
  if (!both)
    return NULL;
  wmemcpy(both, a, a_len);
  wmemcpy(both + a_len, b, b_len);
  both[a_len + b_len] = L'\0';
  return both;
}

static void add_new(struct kills *k, wchar_t *text) {
  if (k->count == KILLS_MOST) {
    free(k->texts[0]);
    for (size_t i = 1; i < k->count; i++)
      k->texts[i - 1] = k->texts[i];
    k->count--;
  }
  k->texts[k->count++] = text;
}

void kills_add(struct kills *k, const wchar_t *text, size_t len, enum kill how) {
  wchar_t *last = k->count > 0 ? k->texts[k->count - 1] : NULL;
  if (len == 0)
    return;
  if (!last)
    how = KILL_NEW;
  wchar_t *kept = how == KILL_NEW     ? joined(text, len, L"", 0)
                  : how == KILL_AFTER ? joined(last, wcslen(last), text, len)
                                      : joined(text, len, last, wcslen(last));
  if (!kept)
    return;
  if (how == KILL_NEW)
    add_new(k, kept);
  else {
    free(last);
    k->texts[k->count - 1] = kept;
  }
  k->at = k->count - 1;
}

const wchar_t *kills_now(const struct kills *k) { return k->count ? k->texts[k->at] : NULL; }

void kills_turn(struct kills *k) {
  if (k->count > 0)
    k->at = k->at > 0 ? k->at - 1 : k->count - 1;
}

void kills_release(struct kills *k) {
  for (size_t i = 0; i < k->count; i++)
    free(k->texts[i]);
  *k = (struct kills){0};
}
