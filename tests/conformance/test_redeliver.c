/* tests/conformance/test_redeliver.c - queues with redeliver: what is in hands, given up, and comes back; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 1 + (int)draw(seed, 2), .proc_count = 2 + (int)draw(seed, 3)};
  ret->heals = draw(seed, 3) != 0;
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){.type = OBJECT_QUEUE,
                                    .max = draw(seed, 2) ? 1 + draw(seed, 3) : 0,
                                    .redeliver = i == 0 || draw(seed, 2)};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  uint64_t chance = draw(seed, 100);
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  r->step.kind = chance < 34     ? OP_QUEUE_PUT
                 : chance < 68   ? OP_QUEUE_GET
                 : chance < 72   ? OP_QUEUE_PEEK
                 : chance < 76   ? OP_QUEUE_LOOK
                 : chance < 94   ? OP_QUEUE_TASK_DONE
                 : chance < 98   ? OP_QUEUE_JOIN
                 : draw(seed, 3) ? OP_QUEUE_GET
                                 : OP_QUEUE_CLOSE;
  r->all = (r->step.kind == OP_QUEUE_GET || r->step.kind == OP_QUEUE_TASK_DONE) && draw(seed, 2);
  if ((r->step.kind == OP_QUEUE_PUT || r->step.kind == OP_QUEUE_GET) && draw(seed, 4) == 0)
    r->many = 2 + (int)draw(seed, RUN_MAX - 1);
  if (r->step.kind == OP_QUEUE_PUT)
    r->step.item = new_message();
  for (int i = 1; i < r->many && r->step.kind == OP_QUEUE_PUT; i++)
    new_message();
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"redeliver", set_up, draw_op, 120};
  return conformance_main(&c);
}
