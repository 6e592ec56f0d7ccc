/* tests/conformance/test_mail.c - mailboxes, and processes by their names; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret = (struct setup){.proc_count = 2 + (int)draw(seed, 4), .heals = true};
  ret->thing_count = ret->proc_count;
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){.type = OBJECT_QUEUE, .mail = true};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  uint64_t chance = draw(seed, 100);
  r->step.kind = chance < 45   ? OP_PROCESS_MAIL
                 : chance < 80 ? OP_QUEUE_GET
                               : OP_PROCESS_FIND;
  r->step.thing = r->step.kind == OP_QUEUE_GET ? r->proc : (int)draw(seed, (uint64_t)s->proc_count);
  r->step.item = r->step.kind == OP_PROCESS_MAIL ? new_message() : 0;
  r->patience = r->step.kind == OP_PROCESS_MAIL || draw(seed, 3) ? PATIENT
                : draw(seed, 2)                                  ? POLL
                                                                 : TIMED;
}

int main(void) {
  const struct conformance_case c = {"mail", set_up, draw_op, 120};
  return conformance_main_hosted(&c);
}
