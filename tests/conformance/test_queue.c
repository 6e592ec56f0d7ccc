/* tests/conformance/test_queue.c - queues of all transports, bounded and not: items, tasks, ends;
 * see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 1 + (int)draw(seed, 2), .proc_count = 2 + (int)draw(seed, 4)};
  ret->heals = draw(seed, 3) == 0;
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){.type = OBJECT_QUEUE,
                                    .max = draw(seed, 2) ? 1 + draw(seed, 3) : 0,
                                    .transport = (int)draw(seed, 3)};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  uint64_t chance = draw(seed, 100);
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  r->step.kind = chance < 38     ? OP_QUEUE_PUT
                 : chance < 76   ? OP_QUEUE_GET
                 : chance < 80   ? OP_QUEUE_PEEK
                 : chance < 84   ? OP_QUEUE_LOOK
                 : chance < 94   ? OP_QUEUE_TASK_DONE
                 : chance < 98   ? OP_QUEUE_JOIN
                 : draw(seed, 3) ? OP_QUEUE_GET
                                 : OP_QUEUE_CLOSE;
  bool run = (r->step.kind == OP_QUEUE_PUT || r->step.kind == OP_QUEUE_GET) && draw(seed, 4) == 0;
  if (run)
    r->many = 2 + (int)draw(seed, RUN_MAX - 1);
  if (r->step.kind == OP_QUEUE_PUT)
    r->step.item = new_message();
  for (int i = 1; i < r->many && r->step.kind == OP_QUEUE_PUT; i++)
    new_message();
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"queue", set_up, draw_op, 40};
  return conformance_main(&c);
}
