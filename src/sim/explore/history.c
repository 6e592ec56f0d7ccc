/* sim/explore/history.c - see history.h. */
#include "sim/explore/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int histories_open(struct histories *h) {
  enum { FIRST = 1 << 12 };
  h->texts = intern_new();
  h->all = intern_new();
  h->keys = calloc(FIRST, sizeof *h->keys);
  h->next = calloc(FIRST, sizeof *h->next);
  h->slots = FIRST;
  return h->texts && h->all && h->keys && h->next ? 0 : -SBX_ENOMEM;
}

void histories_close(struct histories *h) {
  intern_free(h->texts);
  intern_free(h->all);
  free(h->keys);
  free(h->next);
}

/* A piece of what was printed: those before, the stream, the text. */
void histories_print(void *ctx, int stream, const char *text, size_t len) {
  struct histories *h = ctx;
  struct buf piece = {0};
  uint32_t head[2] = {h->printed, (uint32_t)stream};
  int rc = buf_append(&piece, head, sizeof head);
  if (rc == 0)
    rc = buf_append(&piece, text, len);
  uint32_t id = rc == 0 ? intern_put(h->texts, piece.data, piece.len, NULL) : 0;
  if (id)
    h->printed = id;
  else
    h->no_memory = true;
  buf_release(&piece);
}

void histories_forgot(void *ctx) { ((struct histories *)ctx)->held = 1; }

uint32_t history_note(struct histories *h, uint32_t before, uint32_t index, uint64_t serial,
                      enum sim_stop why) {
  struct history n;
  int32_t status = sim_exit_code(h->sim);
  memset(&n, 0, sizeof n);
  n.index = index;
  n.serial = serial;
  n.printed = h->printed;
  n.held = h->held | (before ? history_of(h, before)->held & HISTORY_HELD : 0);
  if (why == SIM_LEFT) {
    n.request = intern_put(h->texts, &status, sizeof status, NULL);
  } else {
    const struct buf *asked = sim_request(h->sim);
    n.image = sim_image(h->sim);
    n.request = intern_put(h->texts, asked->data, asked->len, NULL);
    if (!n.image)
      return 0;
  }
  return n.request && !h->no_memory ? intern_put(h->all, &n, sizeof n, NULL) : 0;
}

/* -- which follows ------------------------------------------------------------------------------ */

static uint32_t slot_of(const struct histories *h, uint64_t key) {
  uint64_t hash = (key ^ key >> 29) * UINT64_C(0x9e3779b97f4a7c15);
  uint32_t i = (uint32_t)(hash >> 32) & (h->slots - 1);
  while (h->keys[i] && h->keys[i] != key)
    i = (i + 1) & (h->slots - 1);
  return i;
}

static bool grow(struct histories *h) {
  struct histories old = *h;
  uint32_t slots = 2 * h->slots;
  uint64_t *keys = calloc(slots, sizeof *keys);
  uint32_t *next = calloc(slots, sizeof *next);
  if (!keys || !next) {
    free(keys);
    free(next);
    return false;
  }
  h->keys = keys;
  h->next = next;
  h->slots = slots;
  for (uint32_t i = 0; i < old.slots; i++)
    if (old.keys[i]) {
      uint32_t to = slot_of(h, old.keys[i]);
      h->keys[to] = old.keys[i];
      h->next[to] = old.next[i];
    }
  free(old.keys);
  free(old.next);
  return true;
}

/* After `before` and this event comes `after`. False: no memory. */
static bool leads(struct histories *h, uint64_t key, uint32_t after) {
  if (2 * ++h->used > h->slots && !grow(h))
    return false;
  uint32_t i = slot_of(h, key);
  h->keys[i] = key;
  h->next[i] = after;
  return true;
}

/* In place of an answer, in the keys. */
static uint32_t event_of(unsigned interrupts) { return UINT32_MAX - interrupts; }

uint32_t history_interrupt(struct histories *h, uint32_t before, unsigned interrupts) {
  struct history n = *history_of(h, before);
  uint64_t key = (uint64_t)before << 32 | event_of(interrupts);
  uint32_t i = slot_of(h, key);
  if (h->keys[i])
    return h->next[i];
  h->printed = n.printed;
  h->held = 0;
  enum sim_stop why = sim_interrupt(h->sim, n.image, n.index, n.serial, interrupts);
  n.held = (n.held & HISTORY_HELD) | (why == SIM_CANCELLED ? HISTORY_CANCELLED : 0);
  n.printed = h->printed;
  n.image = sim_image(h->sim);
  uint32_t after = n.image && !h->no_memory ? intern_put(h->all, &n, sizeof n, NULL) : 0;
  return after && leads(h, key, after) ? after : 0;
}

uint32_t history_killed(struct histories *h, uint32_t before) {
  struct history n = *history_of(h, before);
  const int32_t status = 0;
  n.image = 0;
  n.held = 0;
  n.request = intern_put(h->texts, &status, sizeof status, NULL);
  return n.request ? intern_put(h->all, &n, sizeof n, NULL) : 0;
}

uint32_t history_follow(struct histories *h, uint32_t before, uint32_t answer, uint32_t index,
                        uint64_t serial) {
  uint64_t key = (uint64_t)before << 32 | answer;
  bool born = index != history_of(h, before)->index;
  uint32_t i = slot_of(h, key);
  if (h->keys[i])
    return h->next[i];
  size_t len;
  struct answer a;
  const uint8_t *message = intern_get(h->texts, answer, &len);
  if (answer_read(message, len, &a))
    return 0;
  h->printed = born ? 0 : history_of(h, before)->printed;
  h->held = 0;
  h->runs++;
  enum sim_stop why = sim_answer(h->sim, history_of(h, before)->image, index, serial, &a, 0);
  answer_release(&a);
  if (h->cut) {
    h->cut_after = before;
    h->cut_index = index;
    return 0;
  }
  uint32_t after = history_note(h, born ? 0 : before, index, serial, why);
  return after && leads(h, key, after) ? after : 0;
}

uint32_t history_instead(struct histories *h, uint32_t like, uint32_t asks, uint32_t answer,
                         uint32_t after) {
  struct history n = *history_of(h, like);
  n.request = history_of(h, asks)->request;
  n.held |= HISTORY_REORDERED;
  uint32_t made = intern_put(h->all, &n, sizeof n, NULL);
  if (!made || history_is_followed(h, made, answer))
    return made;
  return leads(h, (uint64_t)made << 32 | answer, after) ? made : 0;
}

bool history_is_followed(const struct histories *h, uint32_t before, uint32_t answer) {
  return h->keys[slot_of(h, (uint64_t)before << 32 | answer)] != 0;
}
