/* os/process/forged.c - see forged.h. */
#include "os/process/forged.h"

#include <string.h>

static bool is_forged(const char *at, size_t left) {
  static const char word[] = "sandbox:";
  size_t len = sizeof word - 1;
  return left > 0 && memcmp(at, word, left < len ? left : len) == 0;
}

/* Where the next line begins; the end: there is none. */
static const char *next_line(const char *at, const char *end) {
  const char *newline = memchr(at, '\n', (size_t)(end - at));
  return newline ? newline + 1 : end;
}

bool forged_is_in(const char *data, size_t len) {
  const char *at = data, *end = data + len;
  while (at < end && !is_forged(at, (size_t)(end - at)))
    at = next_line(at, end);
  return at < end;
}

int forged_mark(struct buf *ret, const char *data, size_t len) {
  const char *end = data + len;
  int rc = 0;
  for (const char *at = data, *next; rc == 0 && at < end; at = next) {
    next = next_line(at, end);
    if (is_forged(at, (size_t)(end - at)))
      rc = buf_append_byte(ret, ' ');
    if (rc == 0)
      rc = buf_append(ret, at, (size_t)(next - at));
  }
  return rc;
}
