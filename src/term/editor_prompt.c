/*
 * term/editor_prompt.c - the prompt: its characters and its own colours; see editor_internal.h.
 *
 * Escape sequences take no columns, so they are taken out of the text before it is laid out. Those
 * that set colours (SGR) are kept with their positions and written again when a row is drawn; all
 * others could move the cursor, and are dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "term/editor_internal.h"

enum {
  ESC = 033,
  IGNORED_FIRST = 1,
  IGNORED_LAST = 2
}; /* readline's marks around text without
                                                            a width */

static bool is_color(const char *sequence, size_t len) {
  return len > 2 && len < sizeof((struct style *)0)->text && sequence[1] == '[' &&
         sequence[len - 1] == 'm' && strspn(sequence + 2, "0123456789;:") == len - 3;
}

static void add_style(struct style styles[STYLES], size_t *count, size_t at, const char *sequence,
                      size_t len) {
  if (*count == STYLES)
    return;
  struct style *s = &styles[(*count)++];
  s->at = at;
  memcpy(s->text, sequence, len);
}

/* The number of characters. */
static size_t characters(const char *text, size_t len) {
  wchar_t *wide = text_widen(text, len);
  size_t n = wide ? wcslen(wide) : 0;
  free(wide);
  return n;
}

/* Separate the text to lay out (returned, owned; NULL when memory is exhausted) from the styles. */
static wchar_t *take_styles(const char *text, struct style styles[STYLES], size_t *ret_count) {
  size_t len = strlen(text), n = 0;
  char *plain = malloc(len + 1);
  for (size_t i = 0; plain && i < len;) {
    size_t skip = text[i] == ESC ? output_sequence(text + i, len - i)
                                 : text[i] >= IGNORED_FIRST && text[i] <= IGNORED_LAST;
    if (text[i] == ESC && is_color(text + i, skip))
      add_style(styles, ret_count, characters(plain, n), text + i, skip);
    if (skip == 0)
      plain[n++] = text[i];
    i += skip ? skip : 1;
  }
  wchar_t *wide = plain ? text_widen(plain, n) : NULL;
  free(plain);
  return wide;
}

void editor_set_prompt(struct editor *e, const char *prompt) {
  struct style styles[STYLES] = {0};
  size_t count = 0;
  wchar_t *wide = take_styles(prompt, styles, &count);
  bool recolored = memcmp(styles, e->styles, sizeof styles) != 0;
  if (!wide || (wcscmp(wide, e->prompt) == 0 && !recolored)) {
    free(wide);
    return;
  }
  if (wide[0])
    screen_release_lead(e);
  if (recolored)
    screen_erase(e); /* otherwise rows with the same text would not be redrawn */
  free(e->prompt);
  e->prompt = wide;
  memcpy(e->styles, styles, sizeof styles);
  e->style_count = count;
  if (e->edits)
    screen_refresh(e);
  else if (e->reading)
    plain_prompt(e);
  output_settle(e);
}
