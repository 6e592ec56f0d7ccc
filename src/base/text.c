/* base/text.c - see text.h. */
#include "base/text.h"

char *text_copy(char *to, size_t size, const char *from) {
  const char *last = to + size - 1;
  while (to < last && *from)
    *to++ = *from++;
  *to = '\0';
  return to;
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
