/* term/editor_complete.c - Tab; see editor_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "term/editor_internal.h"

enum { INDENT = 2, GAP = 2 };

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

/* -- the list ---------------------------------------------------------------------------------- */

/* List the candidates in as many columns as fit, filled downwards; of very many, only as many as
 * fit on the screen. */
static void list_candidates(struct editor *e, const struct completions *c) {
  struct buf text = {0};
  int widest = 1, rc = 0, lines, columns;
  editor_size(e, &lines, &columns);
  for (size_t i = 0; i < c->count; i++)
    widest = text_width(c->list[i]) > widest ? text_width(c->list[i]) : widest;
  size_t across = (size_t)((columns + GAP - 1) / (widest + GAP)); /* the last column needs no gap */
  across = across ? across : 1;
  size_t most = lines > 4 ? (size_t)lines - 3 : 1;
  size_t shown = c->count > most * across ? most * across : c->count;
  size_t rows = (shown + across - 1) / across;
  for (size_t row = 0; row < rows && !rc; row++) {
    for (size_t i = row; i < shown && !rc; i += rows) {
      rc = buf_append(&text, c->list[i], strlen(c->list[i]));
      for (int pad = text_width(c->list[i]); i + rows < shown && pad < widest + GAP && !rc; pad++)
        rc = buf_append_byte(&text, ' ');
    }
    rc = rc ? rc : buf_append_byte(&text, '\n');
  }
  char more[48];
  if (shown < c->count)
    buf_append(&text, more,
               (size_t)snprintf(more, sizeof more, "... and %zu more\n", c->count - shown));
  output_above(e, text.data, text.len);
  buf_release(&text);
}

/* -- the word ---------------------------------------------------------------------------------- */

/* The number of bytes that all candidates have in common at their start; whole characters only. */
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

/* Replace the text between byte `start` and the cursor by the first `len` bytes of `word`. Returns
 * false if that changes nothing or would shorten it. */
static bool replace_word(struct editor *e, const char *before, size_t start, const char *word,
                         size_t len) {
  size_t old = strlen(before) - start;
  if (len < old || (old == len && memcmp(before + start, word, len) == 0))
    return false;
  wchar_t *was = text_widen(before + start, old), *now = text_widen(word, len);
  if (was && now) {
    size_t was_len = wcslen(was), from = e->text.cursor - was_len;
    line_replace(&e->text, from, was_len, now, wcslen(now));
  }
  free(was);
  free(now);
  return true;
}

static enum outcome use(struct editor *e, const char *before, const struct completions *c) {
  bool again = e->tab_before;
  e->tab_before = false;
  if (c->count == 0 || c->start > strlen(before))
    return REFUSED;
  if (replace_word(e, before, c->start, c->list[0], common_prefix(c)) || c->count == 1)
    return DONE;
  e->tab_before = true;
  if (!again)
    return REFUSED; /* the beep says that there are several */
  list_candidates(e, c);
  return DONE;
}

enum outcome on_tab(struct editor *e, int what) {
  const wchar_t *line = line_text(&e->text);
  size_t at = e->text.cursor;
  (void)what;
  while (at > 0 && (line[at - 1] == L' ' || line[at - 1] == L'\t'))
    at--;
  if (at == 0 || line[at - 1] == L'\n') /* no word to complete */
    return line_insert(&e->text, L"  ", INDENT) ? REFUSED : DONE;
  char *text = text_narrow(line, e->text.len);
  char *before = text_narrow(line, e->text.cursor);
  struct completions found = {0};
  enum outcome outcome = REFUSED;
  if (text && before && e->o.complete) {
    found.start = strlen(before);
    e->o.complete(e->o.ctx, text, strlen(before), &found);
    outcome = use(e, before, &found);
  }
  completions_release(&found);
  free(text);
  free(before);
  return outcome;
}
