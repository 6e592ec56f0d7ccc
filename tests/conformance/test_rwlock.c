/* tests/conformance/test_rwlock.c - locks for readers and writers, their order, and the end of those
 * that have them; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 1 + (int)draw(seed, 2), .proc_count = 2 + (int)draw(seed, 4)};
  ret->heals = draw(seed, 3) == 0;
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){.type = OBJECT_RWLOCK};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  uint64_t chance = draw(seed, 10);
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  r->step.kind = chance < 3 ? OP_RWLOCK_READ : chance < 6 ? OP_RWLOCK_WRITE : OP_RWLOCK_RELEASE;
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"rwlock", set_up, draw_op, 40};
  return conformance_main(&c);
}
