/* base/forged.c - see forged.h. */
#include "base/forged.h"

#include <stdint.h>
#include <string.h>

/* -- what shows nothing ------------------------------------------------------------------------ */

enum { ESC = 0x1b, DEL = 0x7f };

static bool is_control(unsigned char c) { return (c < ' ' && c != '\t') || c == DEL; }

/* C1 in UTF-8, which some terminals obey. */
static bool is_c1(const unsigned char *at, size_t left) {
  return left >= 2 && at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;
}

/* A sequence for a terminal, or the beginning of one: "ESC [ 1 ; 31 m", "ESC ] 2 ; title BEL", "ESC c". C1 stands for ESC and
 * a letter. */
static size_t sequence_at(const unsigned char *at, size_t left) {
  size_t n = 2;
  if (left < 2)
    return left;
  int kind = *at == ESC ? at[1] : at[1] - '@';
  if (kind == '[')
    while (n < left && at[n] != '\n' && (at[n] < '@' || at[n] > '~'))
      n++;
  else if (kind == ']' || kind == 'P' || kind == 'X' || kind == '^' || kind == '_')
    while (n < left && at[n] != '\a' && at[n] != ESC && at[n] != '\n')
      n++;
  else
    return kind == '\n' ? 1 : 2;
  return n < left && at[n] != '\n' && at[n] != ESC ? n + 1 : n;
}

/* Characters without width, as ranges of code points: soft hyphen, marks that combine, spaces of no width, directions,
 * fillers, variations, tags. */
static const uint32_t unseen[][2] = {
    {0xad, 0xad},     {0x300, 0x36f},   {0x61c, 0x61c},    {0x115f, 0x1160}, {0x180b, 0x180f},
    {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},  {0x2028, 0x202e}, {0x2060, 0x206f},
    {0x20d0, 0x20ff}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},  {0xfe20, 0xfe2f}, {0xfeff, 0xfeff},
    {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff}};

/* The bytes of a character that is none of ASCII, and its code point; 0: it is none of UTF-8. */
static size_t character_at(const unsigned char *at, size_t left, uint32_t *ret) {
  size_t n = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : *at >= 0xc2 ? 2 : 0;
  if (n == 0 || n > left)
    return 0;
  *ret = *at & (0xffu >> (n + 1));
  for (size_t i = 1; i < n; i++) {
    if ((at[i] & 0xc0) != 0x80)
      return 0;
    *ret = *ret << 6 | (at[i] & 0x3f);
  }
  return n;
}

/* Characters that turn the direction of what follows, or of the line: right-to-left marks, embeddings, overrides, isolates. A
 * terminal that obeys them shows ":xobdnas" behind one as the word. */
static bool turns(uint32_t point) {
  return point == 0x61c || point == 0x200f || point == 0x202b || point == 0x202e ||
         point == 0x2067 || point == 0x2068;
}

/* The bytes of what shows nothing there; 0: something is seen, or the line ends. */
static size_t unseen_at(const unsigned char *at, size_t left) {
  uint32_t point;
  if (left == 0 || *at == '\n')
    return 0;
  if (*at < 0x80)
    return *at == ESC ? sequence_at(at, left) : is_control(*at);
  if (is_c1(at, left))
    return sequence_at(at, left);
  size_t n = character_at(at, left, &point);
  if (n == 0)
    return *at < 0xa0; /* C1 as a byte */
  for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
    if (point >= unseen[i][0] && point <= unseen[i][1])
      return n;
  return 0;
}

/* *ret_turn: the first character among them that turns, if there is none yet. */
static size_t skip_unseen(const unsigned char *at, size_t left, const char **ret_turn) {
  size_t done = 0;
  for (size_t n; (n = unseen_at(at + done, left - done)) > 0; done += n) {
    uint32_t point;
    bool one = !*ret_turn && at[done] >= 0x80 && character_at(at + done, left - done, &point) == n;
    if (one && turns(point))
      *ret_turn = (const char *)at + done;
  }
  return done;
}

/* -- lines ------------------------------------------------------------------------------------- */

/* Where the word stands, if a line that begins here is forged; or what turns it, where nobody can say what is seen first. Else
 * NULL. */
static const char *forged_at(const char *line, const char *end) {
  static const char word[] = "sandbox:";
  const unsigned char *at = (const unsigned char *)line;
  size_t left = (size_t)(end - line), done = 0;
  const char *turn = NULL;
  if (left > 0 && *at >= ' ' && *at < 0x80 && *at != 's') /* most lines */
    return NULL;
  done = skip_unseen(at, left, &turn);
  const char *begin = line + done;
  if (turn || done == left)
    return turn;
  for (const char *letter = word; *letter && done < left; letter++) {
    if (at[done] != (unsigned char)*letter)
      return NULL;
    done++;
    done += skip_unseen(at + done, left - done, &turn);
    if (turn)
      break;
  }
  return begin;
}

/* Where the next line may begin; the end: nowhere. What shows nothing leads to the same word as `at` does. */
static const char *next_line(const char *line, const char *end) {
  const unsigned char *at = (const unsigned char *)line, *last = (const unsigned char *)end;
  const char *turn = NULL;
  at += skip_unseen(at, (size_t)(last - at), &turn);
  while (at < last && !is_control(*at) && !is_c1(at, (size_t)(last - at)))
    at++;
  return (const char *)at + (at < last && *at == '\n');
}

bool forged_is_in(const char *data, size_t len) {
  const char *end = data + len;
  for (const char *at = data; at < end; at = next_line(at, end))
    if (forged_at(at, end))
      return true;
  return false;
}

int forged_mark(struct buf *ret, const char *data, size_t len) {
  const char *end = data + len, *done = data, *marked = NULL;
  int rc = 0;
  for (const char *at = data; rc == 0 && at < end; at = next_line(at, end)) {
    const char *word = forged_at(at, end);
    if (!word || (marked && word <= marked)) /* it was found from an earlier beginning */
      continue;
    rc = buf_append(ret, done, (size_t)(word - done));
    rc = rc ? rc : buf_append_byte(ret, ' ');
    done = marked = word;
  }
  return rc ? rc : buf_append(ret, done, (size_t)(end - done));
}
