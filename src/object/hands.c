/* object/hands.c - see hands.h. */
#include "object/hands.h"

#include <assert.h>
#include <string.h>

uint32_t hands_of(const struct queue_hands *h, uint64_t who) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < h->count; i++)
    n += h->list[i].who == who;
  return n;
}

uint32_t hands_first(const struct queue_hands *h, uint64_t who) {
  uint32_t i = 0;
  while (i < h->count && h->list[i].who != who)
    i++;
  return i;
}

void hands_tell(const struct queue_hands *h, struct queue_ask *ask) {
  uint32_t next = hands_first(h, 0), end = h->count;
  while (end > 0 && h->list[end - 1].who != ask->who)
    end--;
  ask->mine = hands_of(h, ask->who);
  ask->full = next == HANDS_MOST;
  ask->older = next < end;
}

void hands_take(struct queue_hands *h, uint64_t who) {
  uint32_t place = hands_first(h, 0);
  assert(place < h->count);
  h->list[place].who = who;
}

void hands_add(struct queue_hands *h, const struct queue_hand *item) {
  assert(h->count < HANDS_MOST);
  h->list[h->count++] = *item;
}

void hands_remove(struct queue_hands *h, uint32_t place) {
  assert(place < h->count);
  h->count--;
  memmove(&h->list[place], &h->list[place + 1], (h->count - place) * sizeof *h->list);
}

void hands_remove_first(struct queue_hands *h, uint64_t who, uint32_t count) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < h->count; i++)
    if (count > 0 && h->list[i].who == who)
      count--;
    else
      h->list[kept++] = h->list[i];
  assert(count == 0);
  h->count = kept;
}

static bool is_it(void *ctx, uint64_t who) { return who == *(const uint64_t *)ctx; }

uint32_t hands_return(struct queue_hands *h, uint64_t who) {
  return hands_return_if(h, is_it, &who);
}

uint32_t hands_return_if(struct queue_hands *h, bool (*gone)(void *ctx, uint64_t who), void *ctx) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < h->count; i++)
    if (h->list[i].who && gone(ctx, h->list[i].who)) {
      h->list[i].who = 0;
      n++;
    }
  return n;
}
