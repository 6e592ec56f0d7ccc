/* tests/conformance/test_process.c - processes: joins of those that end, in good order, with an
 * error, by a signal; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret = (struct setup){.proc_count = 3 + (int)draw(seed, 3), .heals = true};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  (void)s;
  r->step.kind = draw(seed, 6) ? OP_PROCESS_JOIN : OP_PROCESS_LOOK;
  r->step.thing = (int)draw(seed, (uint64_t)s->proc_count);
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"process", set_up, draw_op, 400};
  return conformance_main(&c);
}
