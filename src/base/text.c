/* base/text.c - see text.h. */
#include "base/text.h"

#include <string.h>

#include "base/utf8.h"

enum { ESC = 033 };

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

bool text_turns(uint32_t code) {
  return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* The bytes of what a terminal must not get at the start of `at`: a control character, what turns the text, or one byte
 * that is no UTF-8. 0: it is harmless, and has `ret` bytes. */
static size_t control_at(const unsigned char *at, size_t len, size_t *ret) {
  uint32_t code;
  *ret = utf8_next((const char *)at, len, &code);
  bool control = code == UTF8_BAD || (code < ' ' && code != '\n' && code != '\t') ||
                 (code >= 0x7f && code < 0xa0) || text_turns(code);
  return control ? *ret : 0;
}

/* The bytes of a sequence that changes colours at the start of `at`; 0: there is none. *ret_open: but there may be, with
 * what follows. */
static size_t colors_at(const unsigned char *at, size_t len, bool *ret_open) {
  size_t n = 1;
  if (n < len && at[n] == '[')
    for (n++; n < len && n < TEXT_HELD_MAX &&
              (at[n] == ';' || at[n] == ':' || (at[n] >= '0' && at[n] <= '9'));
         n++)
      continue;
  *ret_open = n == len && n < TEXT_HELD_MAX;
  return n > 1 && n < len && at[n] == 'm' ? n + 1 : 0;
}

/* Append a text, with controls shown, but for colours and carriage returns if they are welcome. */
static int show(struct buf *to, const unsigned char *at, size_t len, bool colors) {
  const unsigned char *end = at + len, *plain = at;
  int rc = 0;
  while (at < end && rc == 0) {
    bool open;
    size_t size, n = control_at(at, (size_t)(end - at), &size);
    if (n > 0 && colors && *at == ESC && (size = colors_at(at, (size_t)(end - at), &open)))
      n = 0;
    if (n == 0 || (colors && *at == '\r')) {
      at += size;
      continue;
    }
    rc = buf_append(to, plain, (size_t)(at - plain));
    for (; n > 0 && rc == 0; n--)
      rc = buf_format(to, "\\x%02x", *at++);
    plain = at;
  }
  return rc ? rc : buf_append(to, plain, (size_t)(end - plain));
}

int text_show_controls(struct buf *to, const void *text, size_t len) {
  return show(to, text, len, false);
}

/* So many bytes end in no character, and no sequence, that more may belong to. */
static size_t whole(const unsigned char *text, size_t len) {
  bool open = false;
  for (size_t back = 1; back < TEXT_HELD_MAX && back <= len; back++)
    if (text[len - back] == ESC) {
      colors_at(text + len - back, back, &open);
      return open ? len - back : utf8_whole((const char *)text, len);
    }
  return utf8_whole((const char *)text, len);
}

int text_stream_show(struct text_stream *s, struct buf *to, const void *text, size_t len,
                     bool last) {
  struct buf all = {0};
  int rc = buf_append(&all, s->held, s->held_len);
  rc = rc ? rc : buf_append(&all, text, len);
  if (rc == 0) {
    size_t now = last ? all.len : whole(all.data, all.len);
    rc = show(to, all.data, now, true);
    s->held_len = all.len - now;
    if (s->held_len > 0)
      memcpy(s->held, all.data + now, s->held_len);
  }
  buf_release(&all);
  return rc;
}
