/* look/json_text.c - see json_text.h. */
#include "look/json_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/utf8.h"

/* Would a reader's terminal obey it, or a reader not see it? Controls, separators of lines, and what turns the direction of the
 * text around. */
static bool is_hidden(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || text_turns(c);
}

/* The escape of a character, of at most 6 bytes; "" if it needs none. */
static const char *escape(uint32_t c, char ret[7]) {
  static const char letters[][2] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
                                    {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};
  ret[0] = '\0';
  for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
    if (c == (uint32_t)letters[i][0])
      snprintf(ret, 7, "\\%c", letters[i][1]);
  if (!ret[0] && (is_hidden(c) || c == '<' || c == '>' || c == '&'))
    snprintf(ret, 7, "\\u%04x", (unsigned)c & 0xffff);
  return ret;
}

int json_text(struct buf *out, const char *text, size_t len) {
  int rc = buf_append_byte(out, '"');
  size_t plain = 0; /* bytes before `at` that pass unchanged */
  for (size_t at = 0, bytes; rc == 0 && at < len; at += bytes) {
    char escaped[7];
    uint32_t c;
    bytes = utf8_next(text + at, len - at, &c);
    const char *instead = c == UTF8_BAD ? UTF8_REPLACEMENT : escape(c, escaped);
    if (!*instead) {
      plain += bytes;
      continue;
    }
    rc = buf_append(out, text + at - plain, plain);
    plain = 0;
    if (rc == 0)
      rc = buf_append(out, instead, strlen(instead));
  }
  if (rc == 0)
    rc = buf_append(out, text + len - plain, plain);
  return rc ? rc : buf_append_byte(out, '"');
}

int json_string(struct buf *out, const char *s) { return json_text(out, s, strlen(s)); }

int json_number(struct buf *out, double d) {
  char text[40];
  if (!isfinite(d))
    return buf_append(out, "null", 4);
  for (int digits = 15; digits <= 17; digits += 2) {
    snprintf(text, sizeof text, "%.*g", digits, d);
    if (strtod(text, NULL) == d)
      break;
  }
  /* A locale may have another decimal point, and one of several bytes. */
  int rc = 0;
  for (char *at = text; rc == 0 && *at;) {
    size_t digits = strspn(at, "0123456789+-e");
    rc = digits ? buf_append(out, at, digits) : buf_append_byte(out, '.');
    at += digits ? digits : strcspn(at, "0123456789+-e");
  }
  return rc;
}

int json_seconds(struct buf *out, int64_t ns) {
  uint64_t positive = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
  char fraction[16];
  int digits = snprintf(fraction, sizeof fraction, ".%09" PRIu64, positive % NS_PER_SECOND);
  while (digits > 0 && (fraction[digits - 1] == '0' || fraction[digits - 1] == '.'))
    fraction[--digits] = '\0';
  return buf_format(out, "%s%" PRIu64 "%s", ns < 0 ? "-" : "", positive / NS_PER_SECOND, fraction);
}
