/* net/state.c - see state.h. */
#include "net/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "object/queue.h"

static const char magic[] = "sbx1";

enum { HEAD_TYPE = 4, HEAD_WORDS, HEAD_NAME, HEAD_ZERO, HEAD_NUMBERS };

static const uint64_t SINCE_MASK = (UINT64_C(1) << 40) - 1;

uint64_t state_get64(const void *at) {
  const uint8_t *b = at;
  uint64_t n = 0;
  for (int i = 0; i < 8; i++)
    n = n << 8 | b[i];
  return n;
}

void state_put64(void *at, uint64_t n) {
  uint8_t *b = at;
  for (int i = 8; i-- > 0; n >>= 8)
    b[i] = (uint8_t)n;
}

/* -- reading ------------------------------------------------------------------------------------ */

static bool is_known(enum object_type type) {
  return type == OBJECT_QUEUE || (type != OBJECT_PIPE && sync_machine_of(type));
}

static int grow(struct net_state *s, uint32_t count) {
  if (count <= s->line_cap)
    return 0;
  uint32_t cap = count < 8 ? 8 : 2 * count;
  struct net_place *line = realloc(s->line, cap * sizeof *line);
  if (!line)
    return -SBX_ENOMEM;
  s->line = line;
  s->line_cap = cap;
  return 0;
}

static uint32_t words_of(const struct net_state *s) {
  if (s->type == OBJECT_QUEUE)
    return sizeof(struct queue_state) / sizeof(uint64_t);
  return sync_machine_of(s->type)->words(s->words);
}

static void read_line(struct net_state *s, const uint8_t *at, uint32_t count) {
  for (uint32_t i = 0; i < count; i++, at += PLACE_BYTES)
    s->line[i] = (struct net_place){.who = state_get64(at),
                                    .ticket = state_get64(at + 8),
                                    .kind = (uint16_t)(at[16] << 8 | at[17]),
                                    .flags = at[18],
                                    .since = state_get64(at + 16) & SINCE_MASK};
  s->line_count = count;
}

static bool line_is_sound(const uint8_t *at, uint32_t count, uint64_t last) {
  uint64_t before = 0;
  for (uint32_t i = 0; i < count; i++, at += PLACE_BYTES) {
    uint64_t ticket = state_get64(at + 8);
    if (ticket <= before || ticket > last || (at[16] << 8 | at[17]) >= OP_COUNT)
      return false;
    before = ticket;
  }
  return true;
}

int state_read(struct net_state *ret, const void *bytes, size_t len) {
  const uint8_t *b = bytes;
  if (len < STATE_HEAD || memcmp(b, magic, HEAD_TYPE) != 0 || b[HEAD_ZERO] != 0)
    return -SBX_ENOOBJECT;
  uint32_t words = b[HEAD_WORDS], name = b[HEAD_NAME];
  size_t before = STATE_HEAD + 8 * words + name;
  size_t rest = len - before;
  enum object_type type = (enum object_type)b[HEAD_TYPE];
  if (!is_known(type) || words > SYNC_WORDS || name >= NAME_MAX_BYTES || before > len ||
      rest % PLACE_BYTES != 0 || rest / PLACE_BYTES > PLACES_MOST + HANDS_MOST)
    return -SBX_ENOOBJECT;
  struct net_state now = {.type = type,
                          .generation = state_get64(b + HEAD_NUMBERS),
                          .last_ticket = state_get64(b + HEAD_NUMBERS + 8),
                          .aux = state_get64(b + HEAD_NUMBERS + 16),
                          .word_count = words,
                          .line = ret->line,
                          .line_cap = ret->line_cap};
  uint32_t count = (uint32_t)(rest / PLACE_BYTES);
  for (uint32_t i = 0; i < words; i++)
    now.words[i] = state_get64(b + STATE_HEAD + 8 * i);
  memcpy(now.name, b + STATE_HEAD + 8 * words, name);
  if (!sync_is_sound(type, now.words) || words_of(&now) != words ||
      !line_is_sound(b + before, count, now.last_ticket))
    return -SBX_ENOOBJECT;
  int rc = grow(ret, count);
  if (rc)
    return rc;
  now.line = ret->line;
  now.line_cap = ret->line_cap;
  *ret = now;
  read_line(ret, b + before, count);
  return 0;
}

/* -- writing ------------------------------------------------------------------------------------ */

int state_write(const struct net_state *s, struct buf *out) {
  uint32_t words = words_of(s);
  size_t name = strnlen(s->name, NAME_MAX_BYTES - 1);
  size_t len = STATE_HEAD + 8 * words + name + s->line_count * PLACE_BYTES;
  int rc = buf_reserve(out, len);
  if (rc)
    return rc;
  uint8_t *at = out->data + out->len;
  memset(at, 0, len);
  out->len += len;
  memcpy(at, magic, HEAD_TYPE);
  at[HEAD_TYPE] = (uint8_t)s->type;
  at[HEAD_WORDS] = (uint8_t)words;
  at[HEAD_NAME] = (uint8_t)name;
  state_put64(at + HEAD_NUMBERS, s->generation);
  state_put64(at + HEAD_NUMBERS + 8, s->last_ticket);
  state_put64(at + HEAD_NUMBERS + 16, s->aux);
  at += STATE_HEAD;
  for (uint32_t i = 0; i < words; i++, at += 8)
    state_put64(at, s->words[i]);
  memcpy(at, s->name, name);
  at += name;
  for (uint32_t i = 0; i < s->line_count; i++, at += PLACE_BYTES) {
    const struct net_place *p = &s->line[i];
    state_put64(at, p->who);
    state_put64(at + 8, p->ticket);
    state_put64(at + 16,
                (uint64_t)p->kind << 48 | (uint64_t)p->flags << 40 | (p->since & SINCE_MASK));
  }
  return 0;
}

int state_copy(struct net_state *to, const struct net_state *from) {
  int rc = grow(to, from->line_count);
  if (rc)
    return rc;
  struct net_place *line = to->line;
  uint32_t cap = to->line_cap;
  if (from->line_count)
    memcpy(line, from->line, from->line_count * sizeof *line);
  *to = *from;
  to->line = line;
  to->line_cap = cap;
  return 0;
}

void state_release(struct net_state *s) {
  free(s->line);
  *s = (struct net_state){.type = OBJECT_NONE};
}

/* -- the line ----------------------------------------------------------------------------------- */

struct net_place *state_place(const struct net_state *s, uint64_t who, enum op_kind kind) {
  for (uint32_t i = 0; i < s->line_count; i++)
    if (s->line[i].who == who && s->line[i].kind == (uint16_t)kind)
      return &s->line[i];
  return NULL;
}

static uint32_t count_hands(const struct net_state *s) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->line_count; i++)
    n += s->line[i].kind == PLACE_HAND;
  return n;
}

uint64_t state_join(struct net_state *s, uint64_t who, enum op_kind kind, bool patient,
                    uint64_t since) {
  const struct net_place *there = state_place(s, who, kind);
  if (there)
    return there->ticket;
  if (s->line_count >= PLACES_MOST + count_hands(s) || grow(s, s->line_count + 1))
    return 0;
  s->line[s->line_count++] = (struct net_place){.who = who,
                                                .ticket = ++s->last_ticket,
                                                .kind = (uint16_t)kind,
                                                .since = since & SINCE_MASK,
                                                .flags = patient ? PLACE_PATIENT : 0};
  return s->last_ticket;
}

bool state_leave(struct net_state *s, uint64_t who, enum op_kind kind) {
  struct net_place *p = state_place(s, who, kind);
  if (!p)
    return false;
  uint32_t at = (uint32_t)(p - s->line);
  memmove(p, p + 1, (--s->line_count - at) * sizeof *p);
  return true;
}

/* -- hands -------------------------------------------------------------------------------------- */

void state_get_hands(const struct net_state *s, struct queue_hands *ret) {
  ret->count = 0;
  for (uint32_t i = 0; i < s->line_count && ret->count < HANDS_MOST; i++)
    if (s->line[i].kind == PLACE_HAND)
      hands_add(ret, &(struct queue_hand){.who = s->line[i].who, .number = s->line[i].since});
}
