/* tests/conformance/test_clock.c - sleeps, which are never too short; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret = (struct setup){.proc_count = 2 + (int)draw(seed, 4), .heals = draw(seed, 2)};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  (void)s;
  r->step.kind = OP_CLOCK_SLEEP;
  r->patience = draw(seed, 8) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"clock", set_up, draw_op, 40};
  return conformance_main(&c);
}
