/* tests/conformance/test_meet.c - queues without room: items on offer, taken or withdrawn; see
 * conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 1 + (int)draw(seed, 2), .proc_count = 2 + (int)draw(seed, 4)};
  ret->heals = draw(seed, 3) == 0;
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){
        .type = OBJECT_QUEUE, .max = QUEUE_NO_ROOM, .transport = (int)draw(seed, 3)};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  uint64_t chance = draw(seed, 100);
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  r->step.kind = chance < 30     ? OP_QUEUE_PUT
                 : chance < 55   ? OP_QUEUE_MEET
                 : chance < 84   ? OP_QUEUE_GET
                 : chance < 86   ? OP_QUEUE_PEEK
                 : chance < 88   ? OP_QUEUE_LOOK
                 : chance < 93   ? OP_QUEUE_TASK_DONE
                 : chance < 98   ? OP_QUEUE_JOIN
                 : draw(seed, 3) ? OP_QUEUE_GET
                                 : OP_QUEUE_CLOSE;
  if (r->step.kind == OP_QUEUE_PUT)
    r->step.item = new_message();
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"meet", set_up, draw_op, 40};
  return conformance_main(&c);
}
