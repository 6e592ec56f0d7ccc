/* look/trace/xml_text.c - see xml_text.h. */
#include "look/trace/xml_text.h"

#include <string.h>

#include "base/utf8.h"

static const char *escape(uint32_t c) {
  switch (c) {
  case '<':
    return "&lt;";
  case '>':
    return "&gt;";
  case '&':
    return "&amp;";
  case '"':
    return "&quot;";
  case '\n':
  case '\r':
  case '\t':
    return " ";
  default:
    return c == UTF8_BAD || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfffe || c == 0xffff
               ? UTF8_REPLACEMENT
               : NULL;
  }
}

static int put(struct buf *out, const char *s, size_t len) {
  int rc = 0;
  for (size_t at = 0, bytes; at < len && rc == 0; at += bytes) {
    uint32_t c;
    bytes = utf8_next(s + at, len - at, &c);
    const char *instead = escape(c);
    rc = instead ? buf_append(out, instead, strlen(instead)) : buf_append(out, s + at, bytes);
  }
  return rc;
}

/* Where the character with this number begins, or where the string ends. */
static size_t find(const char *s, size_t number) {
  size_t len = strlen(s), at = 0;
  uint32_t c;
  while (number-- && at < len)
    at += utf8_next(s + at, len - at, &c);
  return at;
}

size_t xml_length(const char *s) {
  size_t len = strlen(s), count = 0;
  uint32_t c;
  for (size_t at = 0; at < len; count++)
    at += utf8_next(s + at, len - at, &c);
  return count;
}

int xml_string(struct buf *out, const char *s) { return put(out, s, strlen(s)); }

int xml_cut(struct buf *out, const char *s, size_t most, bool tail) {
  static const char ellipsis[] = "\xe2\x80\xa6";
  size_t count = xml_length(s);
  if (count <= most)
    return xml_string(out, s);
  int rc = tail ? buf_append(out, ellipsis, 3) : put(out, s, find(s, most - 1));
  if (rc)
    return rc;
  return tail ? xml_string(out, s + find(s, count - most + 1)) : buf_append(out, ellipsis, 3);
}
