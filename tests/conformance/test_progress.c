/* tests/conformance/test_progress.c - counts on their way to a total; see conformance.h. */
#include "conformance.h"

#include "object/progress.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 1 + (int)draw(seed, 2), .proc_count = 2 + (int)draw(seed, 4)};
  ret->heals = draw(seed, 3) == 0;
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] =
        (struct thing){.type = OBJECT_PROGRESS, .max = draw(seed, 2) ? PROGRESS_ENDLESS : draw(seed, 50)};
}

/* Steps to both sides, and now and then beyond what can be counted. */
static uint64_t draw_step(uint64_t *seed) {
  uint64_t by = draw(seed, 20) ? draw(seed, 10) : PROGRESS_MOST - draw(seed, 3);
  return draw(seed, 3) ? by : -by;
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  uint64_t chance = draw(seed, 100);
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  if (chance < 60) {
    r->step.kind = OP_PROGRESS_ADD;
    r->count = draw_step(seed);
  } else if (chance < 75) {
    r->step.kind = OP_PROGRESS_SET;
    r->count = draw(seed, 8) ? draw(seed, 100) : PROGRESS_MOST - 1 + draw(seed, 3);
  } else {
    r->step.kind = chance < 97 ? OP_PROGRESS_LOOK : OP_PROGRESS_CLOSE;
  }
}

int main(void) {
  const struct conformance_case c = {"progress", set_up, draw_op, 40};
  return conformance_main(&c);
}
