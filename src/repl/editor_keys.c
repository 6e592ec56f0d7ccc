/* repl/editor_keys.c - from bytes of the terminal to characters and functions of libedit; see
 * editor_internal.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "repl/editor_internal.h"

enum { ESC = 033, CTRL_C = 3, ESCAPE_MS = 40, INDENT = 2 };

static struct editor *editor_of(EditLine *el) {
  void *e;
  el_wget(el, EL_CLIENTDATA, &e);
  return e;
}

/* -- pasted text ------------------------------------------------------------------------------- */

static const char paste_begin[] = "[200~", paste_end[] = "\033[201~";

static const char *unused_keys(const struct editor *e) {
  return (const char *)e->keys.data + e->keys_used;
}

/* After an ESC: does the beginning of a paste follow? Takes it. */
static bool paste_follows(struct editor *e) {
  const size_t len = sizeof paste_begin - 1;
  for (;;) {
    size_t there = e->keys.len - e->keys_used;
    size_t compare = there < len ? there : len;
    if (compare > 0 && memcmp(unused_keys(e), paste_begin, compare) != 0)
      return false;
    if (there >= len)
      break;
    int byte = editor_byte_soon(e, ESCAPE_MS);
    if (byte < 0)
      return false;
    e->keys_used--; /* only looked at */
  }
  e->keys_used += len;
  return true;
}

/* Newlines and tabs stay, other control characters do not; one newline at the end is not part of
 * it. */
static void insert_pasted(struct editor *e, struct buf *text) {
  size_t n = 0;
  for (size_t i = 0; i < text->len; i++) {
    uint8_t c = text->data[i] == '\r' ? '\n' : text->data[i];
    if (c == '\n' && text->data[i] == '\n' && i > 0 && text->data[i - 1] == '\r')
      continue;
    if (c >= ' ' || c == '\n' || c == '\t')
      text->data[n++] = c;
  }
  if (n > 0 && text->data[n - 1] == '\n')
    n--;
  wchar_t *wide = n ? screen_widen((const char *)text->data, n) : NULL;
  bool occupied = screen_occupied(e);
  if (occupied)
    screen_clear_line(e);
  if (wide)
    el_winsertstr(e->el, wide);
  screen_draw_line(e);
  free(wide);
}

static void paste(struct editor *e) {
  const size_t mark = sizeof paste_end - 1;
  struct buf text = {0};
  int byte;
  while ((byte = editor_byte(e)) >= 0 && buf_append_byte(&text, (uint8_t)byte) == 0)
    if (text.len >= mark && memcmp(text.data + text.len - mark, paste_end, mark) == 0) {
      text.len -= mark;
      insert_pasted(e, &text);
      break;
    }
  buf_release(&text);
}

/* -- the reader -------------------------------------------------------------------------------- */

/* The character that begins with `byte`; what is none becomes U+FFFD. */
static wchar_t assemble(struct editor *e, int byte) {
  mbstate_t state = {0};
  wchar_t c;
  char b = (char)byte;
  size_t used = mbrtowc(&c, &b, 1, &state);
  while (used == (size_t)-2 && (byte = editor_byte_soon(e, ESCAPE_MS)) >= 0) {
    b = (char)byte;
    used = mbrtowc(&c, &b, 1, &state);
  }
  return used == (size_t)-1 || used == (size_t)-2 ? L'\xfffd' : c;
}

/* What was typed before the last read was stopped is there again. */
static void restore_kept(struct editor *e) {
  wchar_t *kept = e->kept;
  if (!kept)
    return;
  e->kept = NULL;
  el_winsertstr(e->el, kept);
  el_cursor(e->el, e->kept_cursor - (int)wcslen(kept));
  screen_draw_line(e);
  free(kept);
}

int keys_read(EditLine *el, wchar_t *ret) {
  struct editor *e = editor_of(el);
  restore_kept(e);
  for (;;) {
    int byte = editor_byte(e);
    if (byte < 0)
      return errno = EINTR, -1;
    if (byte == CTRL_C) {
      editor_end(e, EDITOR_INTERRUPT);
      continue;
    }
    if (byte == ESC && paste_follows(e)) {
      paste(e);
      continue;
    }
    if (!screen_occupied(e) && e->mid_line)
      screen_draw_line(e); /* what is typed does not stand behind what was printed */
    if (byte != '\t')
      e->tab_before = false;
    *ret = assemble(e, byte);
    return 1;
  }
}

/* -- completion -------------------------------------------------------------------------------- */

void completions_add(struct completions *c, const char *word, size_t len) {
  if (c->count == c->cap) {
    size_t cap = c->cap ? 2 * c->cap : 32;
    char **grown = realloc(c->list, cap * sizeof *grown);
    if (!grown)
      return;
    c->list = grown;
    c->cap = cap;
  }
  char *copy = strndup(word, len);
  if (copy)
    c->list[c->count++] = copy;
}

static void completions_release(struct completions *c) {
  for (size_t i = 0; i < c->count; i++)
    free(c->list[i]);
  free(c->list);
}

/* Bytes that all candidates begin with; never a part of a character. */
static size_t common_prefix(const struct completions *c) {
  size_t n = strlen(c->list[0]);
  for (size_t i = 1; i < c->count; i++)
    for (size_t k = 0; k < n; k++)
      if (c->list[i][k] != c->list[0][k])
        n = k;
  while (n > 0 && ((unsigned char)c->list[0][n] & 0xc0) == 0x80)
    n--;
  return n;
}

/* Put the first `len` bytes of `word` in the place of what stands between byte `start` and the
 * cursor. */
static bool replace_word(struct editor *e, const char *before, size_t start, const char *word,
                         size_t len) {
  size_t old = strlen(before) - start;
  if (old == len && memcmp(before + start, word, len) == 0)
    return false;
  wchar_t *was = screen_widen(before + start, old), *now = screen_widen(word, len);
  if (was && now) {
    el_wdeletestr(e->el, (int)wcslen(was));
    el_winsertstr(e->el, now);
  }
  free(was);
  free(now);
  return true;
}

static unsigned char complete_found(struct editor *e, const char *before,
                                    const struct completions *c) {
  if (c->count == 0 || c->start > strlen(before))
    return CC_REFRESH_BEEP;
  if (replace_word(e, before, c->start, c->list[0], common_prefix(c)) || c->count == 1)
    return CC_REFRESH;
  if (e->tab_before)
    screen_list(e, c);
  e->tab_before = !e->tab_before;
  return CC_REFRESH;
}

static unsigned char on_tab(EditLine *el, int key) {
  struct editor *e = editor_of(el);
  const LineInfoW *line = el_wline(el);
  (void)key;
  const wchar_t *c = line->cursor;
  while (c > line->buffer && (c[-1] == L' ' || c[-1] == L'\t'))
    c--;
  if (c == line->buffer || c[-1] == L'\n') { /* nothing before it: an indentation */
    static const wchar_t blanks[INDENT + 1] = L"  ";
    el_winsertstr(el, blanks);
    return CC_REFRESH;
  }
  char *text = screen_narrow(line->buffer, (size_t)(line->lastchar - line->buffer));
  char *before = screen_narrow(line->buffer, (size_t)(line->cursor - line->buffer));
  struct completions found = {0};
  unsigned char todo = CC_ERROR;
  if (text && before && e->o.complete) {
    e->o.complete(e->o.ctx, text, strlen(before), &found);
    todo = complete_found(e, before, &found);
  }
  completions_release(&found);
  free(text);
  free(before);
  return todo;
}

/* -- prefix search ----------------------------------------------------------------------------- */

/* Show the next older (-1) or younger (+1) entry that begins as the line does up to the cursor. */
static unsigned char search(EditLine *el, int step) {
  struct editor *e = editor_of(el);
  const LineInfoW *line = el_wline(el);
  size_t cursor = (size_t)(line->cursor - line->buffer);
  char *prefix = screen_narrow(line->buffer, cursor);
  char *shown = screen_narrow(line->buffer, (size_t)(line->lastchar - line->buffer));
  if (e->search_prefix != cursor || e->search_at >= e->history.count || !shown ||
      strcmp(shown, e->history.texts[e->search_at]) != 0) { /* something was typed: a new search */
    e->search_at = e->history.count;
    e->search_prefix = cursor;
  }
  size_t at = e->search_at;
  bool found = false;
  while (prefix && shown && !found && (step < 0 ? at > 0 : at + 1 < e->history.count)) {
    at += (size_t)step;
    found = strncmp(e->history.texts[at], prefix, strlen(prefix)) == 0 &&
            strcmp(e->history.texts[at], shown) != 0;
  }
  wchar_t *text = found ? screen_widen(e->history.texts[at], strlen(e->history.texts[at])) : NULL;
  if (text) {
    e->search_at = at;
    el_wreplacestr(el, text);
    el_cursor(el, (int)cursor - (int)(el_wline(el)->cursor - el_wline(el)->buffer));
  }
  free(prefix);
  free(shown);
  free(text);
  return found ? CC_REFRESH : CC_ERROR;
}

static unsigned char on_search_older(EditLine *el, int key) {
  (void)key;
  return search(el, -1);
}

static unsigned char on_search_younger(EditLine *el, int key) {
  (void)key;
  return search(el, 1);
}

/* -- what key does what ------------------------------------------------------------------------ */

int keys_bind(struct editor *e) {
  static const char *const binds[][2] = {
      {"^I", "sandbox-complete"},       {"\\e[5~", "sandbox-older"},  {"\\ep", "sandbox-older"},
      {"\\e[6~", "sandbox-younger"},    {"\\en", "sandbox-younger"},  {"^R", "em-inc-search-prev"},
      {"^L", "ed-clear-screen"},        {"\\e[1;5C", "em-next-word"}, {"\\e[1;5D", "ed-prev-word"},
      {"\\e[1;3C", "em-next-word"},     {"\\e[1;3D", "ed-prev-word"}, {"\\e[H", "ed-move-to-beg"},
      {"\\e[F", "ed-move-to-end"},      {"\\e[1~", "ed-move-to-beg"}, {"\\e[4~", "ed-move-to-end"},
      {"\\e[3~", "ed-delete-next-char"}};
  el_set(e->el, EL_ADDFN, "sandbox-complete", "Complete the word", on_tab);
  el_set(e->el, EL_ADDFN, "sandbox-older", "Older line with the same beginning", on_search_older);
  el_set(e->el, EL_ADDFN, "sandbox-younger", "Younger line with the same beginning",
         on_search_younger);
  int rc = 0;
  for (size_t i = 0; i < sizeof binds / sizeof *binds; i++)
    rc |= el_set(e->el, EL_BIND, binds[i][0], binds[i][1], NULL);
  return rc;
}
