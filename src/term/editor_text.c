/* term/editor_text.c - conversion between bytes and characters; see editor_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "term/editor_internal.h"

wchar_t *text_widen(const char *text, size_t len) {
  wchar_t *wide = malloc((len + 1) * sizeof *wide);
  mbstate_t state = {0};
  size_t n = 0;
  for (size_t at = 0; wide && at < len;) {
    size_t used = mbrtowc(&wide[n], text + at, len - at, &state);
    if (used == (size_t)-1 || used == (size_t)-2) {
      memset(&state, 0, sizeof state);
      wide[n] = STRAY((unsigned char)text[at]);
      used = 1;
    }
    at += used ? used : 1;
    n += used > 0; /* skip zeros */
  }
  if (wide)
    wide[n] = L'\0';
  return wide;
}

char *text_narrow(const wchar_t *text, size_t len) {
  char *narrow = malloc(len * MB_CUR_MAX + 1);
  mbstate_t state = {0};
  size_t n = 0;
  for (size_t i = 0; narrow && i < len; i++) {
    size_t used = 1;
    if (IS_STRAY(text[i]))
      narrow[n] = (char)(text[i] & 0xff);
    else if (text[i] == L'\0')
      used = 0;
    else if ((used = wcrtomb(narrow + n, text[i], &state)) == (size_t)-1) {
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

int text_width(const char *text) {
  wchar_t *wide = text_widen(text, strlen(text));
  int width = wide ? wcswidth(wide, wcslen(wide)) : -1;
  free(wide);
  return width < 0 ? (int)strlen(text) : width;
}
