/* tests/conformance/test_latch.c - latches: counting down, and waiting for the end of it; see
 * conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 1 + (int)draw(seed, 3), .proc_count = 2 + (int)draw(seed, 4)};
  ret->heals = draw(seed, 3) == 0;
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){.type = OBJECT_LATCH, .count = draw(seed, 12)};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  uint64_t chance = draw(seed, 12);
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  r->step.kind = chance < 6 ? OP_LATCH_WAIT : chance < 10 ? OP_LATCH_DOWN : OP_LATCH_LOOK;
  if (r->step.kind == OP_LATCH_DOWN)
    r->count = draw(seed, 3);
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"latch", set_up, draw_op, 40};
  return conformance_main(&c);
}
