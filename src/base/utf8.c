/* base/utf8.c - see utf8.h. */
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

size_t utf8_next(const char *text, size_t len, uint32_t *ret) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800,
                                   0x10000}; /* of a character of so many bytes */
  const unsigned char *at = (const unsigned char *)text;
  uint32_t c = at[0];
  size_t bytes = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
  *ret = c;
  if (bytes == 1)
    return 1;
  *ret = UTF8_BAD;
  if (bytes == 0 || bytes > len)
    return 1;
  c &= 0x7fu >> bytes;
  for (size_t i = 1; i < bytes; i++) {
    if ((at[i] & 0xc0) != 0x80)
      return 1;
    c = c << 6 | (at[i] & 0x3f);
  }
  if (c < least[bytes] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
    return 1;
  *ret = c;
  return bytes;
}

size_t utf8_whole(const char *text, size_t len) {
  enum { MOST = 4 };
  for (size_t back = 1; back < MOST && back <= len; back++) {
    unsigned char c = (unsigned char)text[len - back];
    if ((c & 0xc0) == 0x80)
      continue;
    size_t bytes = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return bytes > back ? len - back : len;
  }
  return len;
}

bool utf8_in_environment(void) {
  static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *value = getenv(names[i]);
    if (value && *value)
      return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
  }
  return false;
}
