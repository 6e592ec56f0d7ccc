/* tests/conformance/test_lock.c - locks, recursive and not; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 1 + (int)draw(seed, 2), .proc_count = 2 + (int)draw(seed, 4)};
  ret->heals = draw(seed, 3) == 0;
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){.type = OBJECT_LOCK, .recursive = draw(seed, 2)};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  bool held = hint_of(r->proc, r->step.thing).held;
  r->step.kind = draw(seed, 10) < (held ? 3 : 9) ? OP_LOCK_ACQUIRE : OP_LOCK_RELEASE;
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"lock", set_up, draw_op, 40};
  return conformance_main(&c);
}
