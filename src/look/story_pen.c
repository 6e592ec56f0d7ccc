/* look/story_pen.c - columns, colours and broken lines of a story: see story_internal.h. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/table.h"
#include "base/width.h"
#include "look/story_internal.h"
#include "look/words.h"

const struct story_signs *pen_signs(const struct story_options *o) {
  static const struct story_signs ascii = {"-->", "<--", "-->", "--", "..."};
  static const struct story_signs pretty = {"→", "←", "→", "──", "…"};
  return o->utf8 ? &pretty : &ascii;
}

/* -- texts -------------------------------------------------------------------------------------- */

/* A text of a script as it can be shown, in one line: each row of blanks becomes one. To be
 * released; ends with a zero byte. */
static int shown(const struct story_pen *p, const char *text, struct buf *ret) {
  struct buf plain = {0};
  int rc = 0;
  for (size_t i = 0; text[i] && rc == 0; i++) {
    bool blank = isspace((unsigned char)text[i]);
    if (!blank)
      rc = buf_append_byte(&plain, (uint8_t)text[i]);
    else if (plain.len && plain.data[plain.len - 1] != ' ')
      rc = buf_append_byte(&plain, ' ');
  }
  plain.len -= plain.len && plain.data[plain.len - 1] == ' ';
  rc = rc ? rc : buf_append_byte(&plain, '\0');
  rc = rc ? rc : words_text(ret, (const char *)plain.data, !p->o->utf8);
  rc = rc ? rc : buf_append_byte(ret, '\0');
  buf_release(&plain);
  return rc;
}

int pen_width(struct story_pen *p, const char *text) {
  struct buf b = {0};
  p->rc = p->rc ? p->rc : shown(p, text, &b);
  int width = p->rc ? 0 : width_of((const char *)b.data, b.len - 1);
  buf_release(&b);
  return width;
}

static void append(struct story_pen *p, const char *text, size_t len) {
  p->rc = p->rc ? p->rc : buf_append(p->out, text, len);
}

/* A part of a line that is as it shall be. */
static void put(struct story_pen *p, const char *color, const char *text, size_t len) {
  if (len == 0)
    return;
  for (; p->column < p->want; p->column++)
    append(p, " ", 1);
  bool colored = color && p->o->color;
  if (colored)
    append(p, color, strlen(color));
  append(p, text, len);
  if (colored)
    append(p, style_plain, strlen(style_plain));
  p->column += width_of(text, len);
}

void pen_to(struct story_pen *p, int column) {
  bool touches = p->column > 0 && p->column >= column;
  p->want = touches ? p->column + 1 : column;
}

void pen_line(struct story_pen *p) {
  append(p, "\n", 1);
  p->column = p->want = 0;
}

/* A text, or as much of its beginning as leaves room for `tail` bytes at its end. */
static void put_cut(struct story_pen *p, const char *color, const char *text, size_t len,
                    size_t tail, int most) {
  const char *points = pen_signs(p->o)->points;
  struct buf b = {0};
  if (width_of(text, len) <= most) {
    put(p, color, text, len);
    return;
  }
  int room = most - width_of(points, strlen(points));
  if (tail && room - width_of(text + len - tail, tail) < 1)
    tail = 0;
  room -= width_of(text + len - tail, tail);
  int rc = buf_append(&b, text, room > 0 ? width_prefix(text, len, room) : 0);
  rc = rc ? rc : buf_append(&b, points, width_prefix(points, strlen(points), most));
  rc = rc ? rc : buf_append(&b, text + len - tail, tail);
  p->rc = p->rc ? p->rc : rc;
  put(p, color, (const char *)b.data, b.len);
  buf_release(&b);
}

void pen_cut(struct story_pen *p, const char *color, const char *text, int most) {
  struct buf b = {0};
  p->rc = p->rc ? p->rc : shown(p, text, &b);
  if (p->rc == 0)
    put_cut(p, color, (const char *)b.data, b.len - 1, 0, most);
  buf_release(&b);
}

void pen_name(struct story_pen *p, const char *color, const char *text, int most) {
  struct buf b = {0};
  p->rc = p->rc ? p->rc : shown(p, text, &b);
  if (p->rc == 0) {
    size_t len = b.len - 1, tail = 0;
    while (tail < len && b.data[len - tail - 1] >= '0' && b.data[len - tail - 1] <= '9')
      tail++;
    if (tail < len && b.data[len - tail - 1] == '#')
      tail++;
    put_cut(p, color, (const char *)b.data, len, tail < len ? tail : 0, most);
  }
  buf_release(&b);
}

/* The bytes of the words at the start of a text that fit into the columns; 0: not even the first. */
static size_t words_that_fit(const char *text, size_t len, int most) {
  size_t fits = 0;
  for (size_t at = 0; at <= len; at++)
    if (at == len || text[at] == ' ') {
      if (width_of(text, at) > most)
        break;
      fits = at;
    }
  return fits;
}

void pen_fill(struct story_pen *p, const char *color, const char *text, int left, int right) {
  struct buf b = {0};
  p->rc = p->rc ? p->rc : shown(p, text, &b);
  const char *at = (const char *)b.data;
  size_t len = p->rc ? 0 : b.len - 1;
  while (len > 0) {
    int begin = p->want > p->column ? p->want : p->column;
    size_t n = words_that_fit(at, len, right - begin);
    if (n == 0 && begin <= left) { /* a word that is longer than a line */
      n = strcspn(at, " ");
      char *word = (char *)b.data + (at - (const char *)b.data);
      char behind = word[n];
      word[n] = '\0';
      pen_cut(p, color, word, right - begin);
      word[n] = behind;
    } else {
      put(p, color, at, n);
    }
    n += at[n] == ' ';
    at += n, len -= n;
    if (len > 0) {
      pen_line(p);
      pen_to(p, left);
    }
  }
  buf_release(&b);
}

void pen_say(struct story_pen *p, const char *color, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  pen_fill(p, color, text, p->want > p->column ? p->want : p->column, p->o->width);
}
