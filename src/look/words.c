/* look/words.c - see words.h. */
#include "look/words.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "base/width.h"

enum { COMBINING_MAX = 2 };

bool words_unruly(uint32_t c) {
  return c == 0xad || c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
         (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

static int escape_byte(struct buf *out, unsigned char byte) {
  static const char codes[] = "\a\b\t\n\v\f\r", letters[] = "abtnvfr";
  const char *found = byte ? strchr(codes, byte) : NULL;
  return found ? buf_format(out, "\\%c", letters[found - codes]) : buf_format(out, "\\x%02x", byte);
}

int words_text(struct buf *out, const char *text, bool ascii) {
  size_t len = strlen(text), begin = out->len;
  int rc = 0, combining = 0;
  for (size_t at = 0, bytes; at < len && rc == 0; at += bytes) {
    uint32_t c;
    bytes = utf8_next(text + at, len - at, &c);
    bool control = c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0);
    if (control || c == UTF8_BAD) {
      for (size_t i = 0; i < bytes && rc == 0; i++)
        rc = escape_byte(out, (unsigned char)text[at + i]);
      continue;
    }
    bool combines = bytes > 1 && !words_unruly(c) && width_of(text + at, bytes) == 0;
    combining = combines ? combining + 1 : 0;
    if (combining > COMBINING_MAX || (combines && (ascii || out->len == begin)))
      continue;
    rc = words_unruly(c) || (ascii && bytes > 1) ? buf_append_byte(out, '?')
                                                 : buf_append(out, text + at, bytes);
  }
  return rc;
}

int words_cut(struct buf *out, const char *text, size_t len, int columns, bool ascii) {
  if (width_of(text, len) <= columns)
    return buf_append(out, text, len);
  if (columns < 1)
    return 0;
  int rc = buf_append(out, text, width_prefix(text, len, columns - 1));
  return rc ? rc : buf_append(out, ascii ? "~" : "…", ascii ? 1 : strlen("…"));
}

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

static const char mail[] = "mail of ";

const struct whole words_wholes[WHOLES] = {{OBJECT_VALUE, "monitor", "monitor"},
                                           {OBJECT_DICT, "topic", "topic"},
                                           {OBJECT_PIPE, "call", "call"},
                                           {OBJECT_QUEUE, mail, "mail"}};

static const struct whole *find_whole(const char *name) {
  for (const struct whole *w = words_wholes; w < words_wholes + WHOLES; w++)
    if (begins(name, w->name) && (w->name == mail || strchr(" #", name[strlen(w->name)])))
      return w;
  return NULL;
}

bool words_name_is_whole(const char *name) { return find_whole(name); }

const struct whole *words_whole(enum object_type type, const char *name) {
  const struct whole *w = find_whole(name);
  return w && w->type == type ? w : NULL;
}

bool words_name_has_number(const char *name) {
  return begins(name, mail) || (words_name_is_whole(name) && strchr(name, '#'));
}

const struct whole_verb words_whole_verbs[WHOLE_VERBS] = {
    {OP_VALUE_AWAIT, "monitor", "when"}, {OP_VALUE_UPDATE, "monitor", "when"},
    {OP_DICT_AWAIT, "topic", "get"},     {OP_SELECT, "topic", "publish"},
    {OP_PIPE_RECV, "call", "call"},      {OP_QUEUE_GET, mail, "receive"},
    {OP_QUEUE_PUT, mail, "send"}};

const struct whole_verb *words_whole_verb(enum op_kind kind, const char *name) {
  for (const struct whole_verb *v = words_whole_verbs; v < words_whole_verbs + WHOLE_VERBS; v++)
    if (v->kind == kind && begins(name, v->whole) && words_name_is_whole(name) &&
        (kind != OP_SELECT || words_name_has_number(name)))
      return v;
  return NULL;
}
