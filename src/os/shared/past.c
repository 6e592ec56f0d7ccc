/* os/shared/past.c - see past.h. */
#include "os/shared/past.h"

#include <string.h>

void past_note(struct past *p, const struct op *op, uint64_t who, bool vain) {
  if (!op_describe(op->kind)->past) /* it did something else on its way */
    return;
  uint32_t n = atomic_load_explicit(&p->count, memory_order_relaxed);
  struct past_event *e = &p->events[n % PAST_EVENTS];
  e->who = who;
  e->kind = (uint32_t)op->kind;
  e->line = op->place->line;
  e->vain = vain;
  e->scoped = op->number != 0;
  memcpy(e->source, op->place->source, sizeof e->source);
  atomic_store_explicit(&p->count, n + 1, memory_order_release);
}

bool past_read(const struct past *p, uint32_t n, struct past_event *ret) {
  uint32_t count = atomic_load_explicit(&p->count, memory_order_acquire);
  if (n >= count || n >= PAST_EVENTS)
    return false;
  *ret = p->events[(count - 1 - n) % PAST_EVENTS];
  ret->source[sizeof ret->source - 1] = '\0';
  return true;
}

bool past_find(const struct past *p, uint64_t who, enum op_kind kind, struct past_event *ret) {
  for (uint32_t n = 0; past_read(p, n, ret); n++)
    if (ret->who == who && ret->kind == (uint32_t)kind)
      return true;
  return false;
}
