/* tests/conformance/test_condition.c - conditions and their locks, one of which two conditions
 * share; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 2 + (int)draw(seed, 2), .proc_count = 3 + (int)draw(seed, 3)};
  ret->heals = draw(seed, 3) == 0;
  ret->things[0] = (struct thing){.type = OBJECT_LOCK, .recursive = draw(seed, 3) != 0};
  for (int i = 1; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){.type = OBJECT_CONDITION, .other = 0};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  uint64_t chance = draw(seed, 10);
  bool held = hint_of(r->proc, 0).held;
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  if (!held && chance < 8) {
    r->step.kind = OP_LOCK_ACQUIRE;
  } else if (chance < 2 || r->step.thing == 0) {
    r->step.kind = held && draw(seed, 2) ? OP_LOCK_RELEASE : OP_LOCK_ACQUIRE;
  } else if (chance < 7) {
    r->step.kind = OP_CONDITION_WAIT;
  } else {
    r->step.kind = OP_CONDITION_NOTIFY;
    r->count = draw(seed, 3) ? draw(seed, 4) : UINT64_MAX;
  }
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"condition", set_up, draw_op, 40};
  return conformance_main(&c);
}
