/* tests/conformance/test_semaphore.c - semaphores, with and without a limit; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 1 + (int)draw(seed, 2), .proc_count = 2 + (int)draw(seed, 4)};
  ret->heals = draw(seed, 3) == 0;
  for (int i = 0; i < ret->thing_count; i++) {
    struct thing *t = &ret->things[i];
    *t = (struct thing){.type = OBJECT_SEMAPHORE, .count = draw(seed, 4)};
    t->max = draw(seed, 2) ? t->count + draw(seed, 3) : 0;
  }
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  if (draw(seed, 12) == 0) {
    r->step.kind = OP_SEMAPHORE_LOOK;
  } else if (draw(seed, 10) < 6) {
    r->step.kind = OP_SEMAPHORE_ACQUIRE;
    r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
  } else {
    r->step.kind = OP_SEMAPHORE_RELEASE;
    r->count = draw(seed, 2) ? 1 : draw(seed, 4);
  }
}

int main(void) {
  const struct conformance_case c = {"semaphore", set_up, draw_op, 40};
  return conformance_main(&c);
}
