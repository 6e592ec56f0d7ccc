/*
 * term/editor_keys.c - from bytes of the terminal to characters and keys; see editor_internal.h.
 *
 * Sequences of keys that are not characters (ESC [ A) are recognised here, since in vi's insert mode
 * the ESC alone is a key. They become codes that are bound in every map. A sequence that ~/.editrc
 * binds is left to the map; an unknown sequence is dropped.
 */
#include <string.h>

#include "base/clock.h"
#include "term/editor_internal.h"

enum {
  CTRL_C = 3,
  CTRL_Z = 032,
  SEQUENCE_MS = 50, /* what follows an ESC sooner than this belongs to it */
  SEQUENCE_MOST = 32,
  PUSHES_MOST = 100,   /* for one key that was typed */
  PASTE_IDLE_MS = 3000 /* after so long, the end mark of a paste is given up */
};

static const struct {
  const char *sequence; /* after the ESC */
  enum key key;
} sequences[] = {{"[A", KEY_UP},
                 {"OA", KEY_UP},
                 {"[B", KEY_DOWN},
                 {"OB", KEY_DOWN},
                 {"[C", KEY_RIGHT},
                 {"OC", KEY_RIGHT},
                 {"[D", KEY_LEFT},
                 {"OD", KEY_LEFT},
                 {"[5~", KEY_OLDER},
                 {"[6~", KEY_YOUNGER},
                 {"[H", KEY_HOME},
                 {"OH", KEY_HOME},
                 {"[1~", KEY_HOME},
                 {"[7~", KEY_HOME},
                 {"[F", KEY_END},
                 {"OF", KEY_END},
                 {"[4~", KEY_END},
                 {"[8~", KEY_END},
                 {"[3~", KEY_DELETE},
                 {"[200~", KEY_PASTE},
                 {"[1;5D", KEY_WORD_LEFT},
                 {"[1;3D", KEY_WORD_LEFT},
                 {"[5D", KEY_WORD_LEFT},
                 {"Od", KEY_WORD_LEFT},
                 {"[1;5C", KEY_WORD_RIGHT},
                 {"[1;3C", KEY_WORD_RIGHT},
                 {"[5C", KEY_WORD_RIGHT},
                 {"Oc", KEY_WORD_RIGHT}};

/* -- bytes ------------------------------------------------------------------------------------- */

bool keys_push(struct editor *e, const char *bytes, size_t len) {
  if (++e->pushes > PUSHES_MOST || buf_reserve(&e->keys, len))
    return false;
  uint8_t *at = e->keys.data + e->keys_used;
  memmove(at + len, at, e->keys.len - e->keys_used);
  memcpy(at, bytes, len);
  e->keys.len += len;
  e->pushed += len;
  return true;
}

void keys_drop_pushed(struct editor *e) {
  e->keys_used += e->pushed;
  e->pushed = 0;
}

uint8_t keys_take(struct editor *e) {
  uint8_t byte = e->keys.data[e->keys_used++];
  if (e->pushed > 0) {
    e->pushed--;
    return byte;
  }
  e->pushes = 0;
  if (e->command_mode || e->change_open)
    buf_append_byte(&e->record, byte);
  return byte;
}

/* -- pasted text ------------------------------------------------------------------------------- */

/* Newlines and tabs stay, other control characters do not. One newline at the end is dropped, since
 * pressing Enter is up to the person. */
static void clean_pasted(struct buf *text) {
  size_t n = 0;
  uint8_t before = 0;
  for (size_t i = 0; i < text->len; i++) {
    uint8_t read = text->data[i], c = read == '\r' ? '\n' : read;
    bool second = read == '\n' && before == '\r';
    if (!second && ((c >= ' ' && c != 0x7f) || c == '\n' || c == '\t'))
      text->data[n++] = c;
    before = read;
  }
  if (n > 0 && text->data[n - 1] == '\n')
    n--;
  text->len = n;
}

/* Read up to the end mark of the paste. */
static void read_pasted(struct editor *e) {
  static const char mark[] = "\033[201~";
  const size_t mark_len = sizeof mark - 1;
  struct buf *text = &e->pasted;
  int byte;
  text->len = 0;
  e->pasting = true;
  while ((byte = editor_byte(e, clock_now_ns() + PASTE_IDLE_MS * NS_PER_MS)) >= 0 &&
         buf_append_byte(text, (uint8_t)byte) == 0)
    if (byte == '~' && text->len >= mark_len &&
        memcmp(text->data + text->len - mark_len, mark, mark_len) == 0) {
      text->len -= mark_len;
      break;
    }
  e->pasting = false;
  clean_pasted(text);
}

/* -- sequences --------------------------------------------------------------------------------- */

/* The sequence after an ESC that was read; it stays in the keys. Returns its length, 0 if there is
 * none or an incomplete one. */
static size_t find_sequence(struct editor *e, char ret[SEQUENCE_MOST + 1]) {
  size_t n = 0;
  for (; n < SEQUENCE_MOST; n++) {
    int byte = editor_peek(e, n, SEQUENCE_MS);
    if (byte < 0 || (n == 0 && byte != '[' && byte != 'O'))
      return 0;
    ret[n] = (char)byte;
    bool final = n > 0 && byte >= '@' && byte <= '~';
    if (n > 0 && !final && (byte < ' ' || ret[0] == 'O'))
      return 0;
    if (final)
      break;
  }
  if (n == SEQUENCE_MOST)
    return 0;
  ret[n + 1] = '\0';
  return n + 1;
}

/* After an ESC: the key of the sequence, ESC if there is none; 0: an unknown key. */
static wchar_t key_of_sequence(struct editor *e) {
  char sequence[SEQUENCE_MOST + 1];
  size_t len = find_sequence(e, sequence);
  if (len == 0 || keymap_has(e, sequence))
    return KEY_ESC;
  while (len-- > 0)
    keys_take(e);
  for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++)
    if (strcmp(sequences[i].sequence, sequence) == 0)
      return (wchar_t)sequences[i].key;
  return 0;
}

/* -- characters -------------------------------------------------------------------------------- */

/* The character that begins with `byte`; a byte that begins none stands for itself. */
static wchar_t assemble(struct editor *e, int byte) {
  mbstate_t state = {0};
  wchar_t c;
  char b = (char)byte;
  size_t ahead = 0;
  size_t used = mbrtowc(&c, &b, 1, &state);
  while (used == (size_t)-2) {
    int next = editor_peek(e, ahead, SEQUENCE_MS);
    if (next < 0)
      break;
    b = (char)next;
    ahead++;
    used = mbrtowc(&c, &b, 1, &state);
  }
  if (used == (size_t)-1 || used == (size_t)-2 || is_key_code(c))
    return STRAY(byte); /* the following bytes are examined again */
  while (ahead-- > 0)
    keys_take(e);
  return c;
}

wchar_t keys_next(struct editor *e) {
  wchar_t key = e->unread;
  e->unread = 0;
  while (!key) {
    int byte = editor_byte(e, INT64_MAX);
    if (byte < 0)
      return 0;
    if (byte == CTRL_C)
      editor_end(e, EDITOR_INTERRUPT);
    else if (byte == CTRL_Z) {
      e->record.len -= e->record.len > 0; /* not a part of what vi repeats */
      editor_suspended(e);
    } else if (byte == KEY_ESC)
      key = key_of_sequence(e);
    else
      key = byte ? assemble(e, byte) : (wchar_t)KEY_NULL;
    if (key == KEY_PASTE)
      read_pasted(e);
  }
  if (key != L'\t')
    e->tab_before = false;
  return key;
}
