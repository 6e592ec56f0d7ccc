/* base/text.c - see text.h. */
#include "base/text.h"

char *text_copy(char *to, size_t size, const char *from) {
  const char *last = to + size - 1;
  while (to < last && *from)
    *to++ = *from++;
  *to = '\0';
  return to;
}

char *text_copy_name(char *to, size_t size, const char *from) {
  static const char ellipsis[] = "\xe2\x80\xa6";
  char *end = text_copy(to, size, from), *last = to + size - sizeof ellipsis;
  if (from[end - to] == '\0')
    return end;
  for (int i = 0; i < 3 && last > to && ((unsigned char)*last & 0xc0) == 0x80; i++)
    last--; /* inside a character; more than three such bytes are not UTF-8 */
  return text_copy(last, sizeof ellipsis, ellipsis);
}

char *text_number(char *to, int n) {
  char digits[TEXT_NUMBER_MAX];
  int count = 0;
  unsigned left = n < 0 ? 0u - (unsigned)n : (unsigned)n;
  if (n < 0)
    *to++ = '-';
  do
    digits[count++] = (char)('0' + left % 10);
  while ((left /= 10) > 0);
  while (count > 0)
    *to++ = digits[--count];
  *to = '\0';
  return to;
}
