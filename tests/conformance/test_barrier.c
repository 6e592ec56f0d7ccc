/* tests/conformance/test_barrier.c - barriers: rounds, breaks, resets, and the end of parties; see
 * conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 1 + (int)draw(seed, 2), .proc_count = 2 + (int)draw(seed, 4)};
  ret->heals = draw(seed, 2);
  ret->dropped = ret->heals && draw(seed, 2);
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){.type = OBJECT_BARRIER, .count = 1 + draw(seed, 3), .action = draw(seed, 3) == 0};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  uint64_t chance = draw(seed, 12);
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  r->step.kind = chance < 7    ? OP_BARRIER_WAIT
                 : chance < 9  ? OP_BARRIER_RESET
                 : chance < 10 ? OP_BARRIER_ABORT
                               : OP_BARRIER_PASS;
  if (r->step.kind == OP_BARRIER_RESET && hint_acts(r->proc, r->step.thing))
    r->step.kind = OP_BARRIER_PASS; /* an actor has something to do */
  r->patience = draw(seed, 4) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"barrier", set_up, draw_op, 20};
  return conformance_main(&c);
}
