/* term/motions.c - see motions.h. */
#include "term/motions.h"

#include <wctype.h>

static bool in_word(wchar_t c) { return iswalnum((wint_t)c) || (c && wcschr(L"*?_-.[]~=", c)); }

size_t word_end(const wchar_t *text, size_t len, size_t at, int n) {
  while (n-- > 0 && at < len) {
    while (at < len && !in_word(text[at]))
      at++;
    while (at < len && in_word(text[at]))
      at++;
  }
  return at;
}

size_t word_start(const wchar_t *text, size_t at, int n) {
  while (n-- > 0 && at > 0) {
    while (at > 0 && !in_word(text[at - 1]))
      at--;
    while (at > 0 && in_word(text[at - 1]))
      at--;
  }
  return at;
}

/* -- vi ---------------------------------------------------------------------------------------- */

enum class { BLANK, LETTER, SIGN };

static enum class class_of(wchar_t c, bool big) {
  if (iswspace((wint_t)c)) return BLANK;
  return big || iswalnum((wint_t)c) || c == L'_' ? LETTER : SIGN;
}

size_t vi_word_next(const wchar_t *text, size_t len, size_t at, int n, bool big, bool tight) {
  while (n-- > 0 && at < len) {
    enum class class = class_of(text[at], big);
    while (at < len && class_of(text[at], big) == class)
      at++;
    while ((n > 0 || !tight) && at < len && class_of(text[at], big) == BLANK)
      at++;
  }
  return at;
}

size_t vi_word_start(const wchar_t *text, size_t at, int n, bool big) {
  while (n-- > 0 && at > 0) {
    while (at > 0 && class_of(text[at - 1], big) == BLANK)
      at--;
    enum class class = at > 0 ? class_of(text[at - 1], big) : BLANK;
    while (at > 0 && class_of(text[at - 1], big) == class)
      at--;
  }
  return at;
}

size_t vi_word_end(const wchar_t *text, size_t len, size_t at, int n, bool big) {
  size_t last = len > 0 ? len - 1 : 0;
  while (n-- > 0 && at < last) {
    at++;
    while (at < last && class_of(text[at], big) == BLANK)
      at++;
    while (at < last && class_of(text[at + 1], big) == class_of(text[at], big))
      at++;
  }
  return at;
}

/* -- characters -------------------------------------------------------------------------------- */

bool find_character(const wchar_t *text, size_t len, size_t at, wchar_t wanted, int step, int n,
                    size_t *ret) {
  while (n > 0) {
    if (step < 0 ? at == 0 : at + 1 >= len)
      return false;
    at += (size_t)step;
    n -= text[at] == wanted;
  }
  *ret = at;
  return true;
}

bool find_bracket(const wchar_t *text, size_t len, size_t at, size_t *ret) {
  static const wchar_t brackets[] = L"()[]{}";
  while (at < len && !(text[at] && wcschr(brackets, text[at])))
    at++;
  if (at == len)
    return false;
  wchar_t here = text[at];
  size_t kind = (size_t)(wcschr(brackets, here) - brackets);
  wchar_t partner = brackets[kind ^ 1];
  for (int depth = 0; at < len; at += kind % 2 ? (size_t)-1 : 1) { /* before 0 comes SIZE_MAX */
    depth += text[at] == here ? 1 : text[at] == partner ? -1 : 0;
    if (depth == 0) {
      *ret = at;
      return true;
    }
  }
  return false;
}
