/* host/explore_words.c - a message as text; see explore_report.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/explore_report.h"
#include "wire/wire.h"

static int put_text(struct reader *r, size_t len, struct buf *out) {
  enum { MOST = 24 };
  size_t shown = len < MOST ? len : MOST;
  int rc = buf_append_byte(out, '"');
  for (size_t i = 0; i < shown && rc == 0; i++) {
    uint8_t c;
    if (!take_byte(r, &c))
      break;
    rc = buf_append_byte(out, c >= ' ' && c != 0x7f ? c : '?');
  }
  return rc ? rc : buf_format(out, len > shown ? "...\"" : "\"");
}

static int put_real(double v, struct buf *out) {
  char text[40];
  snprintf(text, sizeof text, "%.14g", v);
  if (text[strspn(text, "-0123456789")] == '\0')
    strcat(text, ".0");
  return buf_append(out, text, strlen(text));
}

static int put_long(struct reader *r, uint8_t tag, struct buf *out) {
  uint64_t v;
  double f;
  if (tag == TAG_INTEGER && take_varint(r, &v))
    return buf_format(out, "%" PRId64, unzigzag(v));
  if (tag == TAG_STRING && take_varint(r, &v))
    return put_text(r, (size_t)v, out);
  if (tag == TAG_FLOAT && take_fixed(r, sizeof v, &v)) {
    memcpy(&f, &v, sizeof f);
    return put_real(f, out);
  }
  return buf_format(out, "a value");
}

int told_message(const uint8_t *message, size_t len, struct buf *out) {
  struct reader r = reader_of(message, len);
  uint8_t format, count, tag;
  if (!take_byte(&r, &format) || !take_byte(&r, &count) || !take_byte(&r, &tag))
    return 0; /* no value at all */
  if (tag >= TAG_SMALL)
    return buf_format(out, "%d", tag - TAG_SMALL);
  if (tag >= TAG_SHORT)
    return put_text(&r, (size_t)(tag - TAG_SHORT), out);
  switch (tag) {
  case TAG_NIL:
    return buf_format(out, "nil");
  case TAG_FALSE:
    return buf_format(out, "false");
  case TAG_TRUE:
    return buf_format(out, "true");
  case TAG_NULL:
    return buf_format(out, "null");
  case TAG_TABLE:
    return buf_format(out, "a table");
  case TAG_FUNCTION:
    return buf_format(out, "a function");
  default:
    return put_long(&r, tag, out);
  }
}
