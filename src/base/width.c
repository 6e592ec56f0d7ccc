/* base/width.c - see width.h. */
#include "base/width.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

/* A UTF-8 locale; none on a system without one, where each byte counts as a column. */
static locale_t utf8(void) {
  static locale_t made;
  static int tried;
  if (!tried) {
    made = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!made)
      made = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    tried = 1;
  }
  return made;
}

/* The bytes of the first character, and its columns. */
static size_t first_character(const char *text, size_t len, int *ret_columns) {
  mbstate_t state = {0};
  wchar_t c;
  *ret_columns = 1;
  if ((unsigned char)*text < 0x80)
    return 1;
  locale_t old = utf8() ? uselocale(utf8()) : (locale_t)0;
  size_t n = mbrtowc(&c, text, len, &state);
  int columns = n > len || n == 0 ? -1 : wcwidth(c);
  if (old)
    uselocale(old);
  if (columns >= 0)
    *ret_columns = columns;
  return n > len || n == 0 ? 1 : n;
}

int width_of(const char *text, size_t len) {
  int width = 0, columns;
  for (size_t at = 0; at < len; width += columns)
    at += first_character(text + at, len - at, &columns);
  return width;
}

size_t width_prefix(const char *text, size_t len, int columns) {
  int width = 0, one;
  for (size_t at = 0, n; at < len; at += n) {
    n = first_character(text + at, len - at, &one);
    if (width + one > columns)
      return at;
    width += one;
  }
  return len;
}

size_t width_suffix(const char *text, size_t len, int columns) {
  int too_much = width_of(text, len) - columns, one;
  size_t at = 0;
  while (at < len && too_much > 0) {
    at += first_character(text + at, len - at, &one);
    too_much -= one;
  }
  while (at < len) { /* marks that combine with a character that was cut are cut, too */
    size_t n = first_character(text + at, len - at, &one);
    if (one > 0)
      break;
    at += n;
  }
  return len - at;
}
