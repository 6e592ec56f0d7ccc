/*
 * term/editor_search.c - Ctrl-R: incremental search for older lines that contain a text; see
 * editor_internal.h. vi's / and ? are
 * the same search, except that Enter only ends it.
 */
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "term/editor_internal.h"

enum { PATTERN_MOST = 256, CTRL_G = 7, CTRL_H = 8, CTRL_R = 18, CTRL_S = 19, RUBOUT = 0x7f };

struct search {
  struct editor *e;
  wchar_t pattern[PATTERN_MOST + 1];
  size_t len;
  int step;        /* where to look while the pattern is typed; -1: older */
  size_t at;       /* number of the entry shown; the number of entries if none */
  wchar_t *before; /* owned: the line before the search */
  size_t before_len, before_cursor;
  bool failed;
};

static void show_prompt(struct search *s) {
  enum { SIZE = PATTERN_MOST + 32 };
  wchar_t *text = malloc(SIZE * sizeof *text);
  if (!text)
    return;
  swprintf(text, SIZE, L"(%lssearch) %ls: ", s->failed ? L"no such " : L"", s->pattern);
  free(s->e->search_prompt);
  s->e->search_prompt = text;
}

/* Show an entry, with the cursor at the pattern. */
static void show_entry(struct search *s, size_t at, size_t offset) {
  const char *text = s->e->history.texts[at];
  wchar_t *wide = text_widen(text, strlen(text)), *left = text_widen(text, offset);
  if (wide && left) {
    line_set(&s->e->text, wide, wcslen(wide), wcslen(left));
    s->at = at;
  }
  free(wide);
  free(left);
}

/* Bring back the line before the search. */
static void restore(struct search *s) {
  line_set(&s->e->text, s->before, s->before_len, s->before_cursor);
}

/* Search from entry `at` on, itself included, in this direction (-1: older). */
static void look(struct search *s, size_t at, int step) {
  const struct history_list *h = &s->e->history;
  char *pattern = text_narrow(s->pattern, s->len);
  const char *shown = s->at < h->count ? h->texts[s->at] : "";
  s->failed = s->len > 0;
  for (; pattern && s->len > 0 && at < h->count; at += (size_t)step) {
    const char *place = strstr(h->texts[at], pattern);
    if (place && (at == s->at || strcmp(h->texts[at], shown) != 0)) {
      show_entry(s, at, (size_t)(place - h->texts[at]));
      s->failed = false;
      break;
    }
  }
  free(pattern);
}

/* After a change of the pattern: search from the current entry, or from the youngest if it got
 * shorter. */
static void look_anew(struct search *s, bool shorter) {
  size_t count = s->e->history.count;
  s->pattern[s->len] = L'\0';
  if (s->len == 0) {
    restore(s);
    s->at = count;
    s->failed = false;
  } else
    look(s, (s->at < count && !shorter) || s->step > 0 ? s->at : count - 1, s->step);
}

static void look_further(struct search *s, int step) {
  const wchar_t *last = s->e->search_before;
  if (s->len == 0 && last && step < 0) { /* reuse the last pattern */
    s->len = wcslen(last);
    wmemcpy(s->pattern, last, s->len);
    look_anew(s, true);
  } else if (s->at < s->e->history.count)
    look(s, s->at + (size_t)step, step);
}

static void add(struct search *s, const wchar_t *text) {
  for (; *text && *text != L'\n' && s->len < PATTERN_MOST; text++)
    s->pattern[s->len++] = *text;
  look_anew(s, false);
}

static void add_pasted(struct search *s) {
  wchar_t *text = text_widen((const char *)s->e->pasted.data, s->e->pasted.len);
  if (text)
    add(s, text);
  free(text);
}

/* Handle a key. Returns false if it ends the search. */
static bool serve_key(struct search *s, wchar_t key) {
  wchar_t text[] = {key, L'\0'};
  if (key == CTRL_R || key == KEY_UP)
    look_further(s, -1);
  else if (key == CTRL_S || key == KEY_DOWN)
    look_further(s, 1);
  else if (key == CTRL_H || key == RUBOUT) {
    s->len -= s->len > 0;
    look_anew(s, true);
  } else if (key == KEY_PASTE)
    add_pasted(s);
  else if (key >= ' ' && !is_key_code(key))
    add(s, text);
  else
    return false;
  return true;
}

/* The entry that the last search found, if it is still the line; else the number of entries. */
static size_t entry_shown(const struct editor *e) {
  char *text = text_narrow(line_text(&e->text), e->text.len);
  const struct history_list *h = &e->history;
  bool shown = text && e->search_at < h->count && strcmp(h->texts[e->search_at], text) == 0;
  free(text);
  return shown ? e->search_at : h->count;
}

/* End the search: keep the entry found, or restore the line of before. */
static void end(struct search *s, wchar_t key, bool vi) {
  struct editor *e = s->e;
  bool only_ends = (key == KEY_ESC && (vi || editor_peek(e, 0, 0) < 0)) || (vi && key == L'\r');
  if (key == CTRL_G)
    restore(s);
  else if (key && !only_ends)
    e->unread = key; /* it has its usual effect on the line */
  free(e->search_prompt);
  e->search_prompt = NULL;
  e->search_at = s->at;
  e->search_step = s->step;
  if (s->len > 0) {
    free(e->search_before);
    e->search_before = wcsdup(s->pattern);
  }
  free(s->before);
}

enum outcome on_search(struct editor *e, int step) {
  struct edit_line *l = &e->text;
  struct search s = {.e = e,
                     .step = step ? step : -1,
                     .at = step > 0 ? entry_shown(e) : e->history.count,
                     .before = malloc((l->len + 1) * sizeof(wchar_t)),
                     .before_len = l->len,
                     .before_cursor = l->cursor};
  wchar_t key;
  if (!s.before)
    return REFUSED;
  wmemcpy(s.before, line_text(l), l->len);
  do {
    show_prompt(&s);
    key = editor_key(e);
  } while (key && serve_key(&s, key));
  end(&s, key, step != 0);
  return DONE;
}

enum outcome on_search_again(struct editor *e, int direction) {
  struct search s = {.e = e, .step = direction * e->search_step, .at = entry_shown(e)};
  if (!e->search_before)
    return REFUSED;
  s.len = wcslen(e->search_before);
  wmemcpy(s.pattern, e->search_before, s.len);
  look(&s, s.at + (size_t)s.step, s.step);
  e->search_at = s.at;
  return s.failed ? REFUSED : DONE;
}
