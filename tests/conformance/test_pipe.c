/* tests/conformance/test_pipe.c - pipes: values both ways, ends that are closed, dropped, or die
 * with their holders; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret = (struct setup){.thing_count = 2, .proc_count = 2 + (int)draw(seed, 3)};
  ret->heals = draw(seed, 2);
  ret->dropped = draw(seed, 2);
  ret->things[0] = (struct thing){.type = OBJECT_PIPE, .other = 1};
  ret->things[1] = (struct thing){.type = OBJECT_PIPE, .other = 0};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  uint64_t chance = draw(seed, 100);
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  if (!holds(r->proc, r->step.thing))
    r->step.thing ^= 1;
  if (!holds(r->proc, r->step.thing))
    return; /* it holds no end any more */
  r->step.kind = chance < 40     ? OP_PIPE_SEND
                 : chance < 78   ? OP_PIPE_RECV
                 : chance < 96   ? OP_PIPE_POLL
                 : chance < 99   ? DO_DROP
                 : draw(seed, 2) ? OP_PIPE_POLL
                                 : OP_PIPE_CLOSE;
  if (r->step.kind == OP_PIPE_SEND)
    r->step.item = new_message();
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"pipe", set_up, draw_op, 20};
  return conformance_main(&c);
}
