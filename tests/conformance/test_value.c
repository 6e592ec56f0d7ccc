/* tests/conformance/test_value.c - shared values: numbers, and messages that stand in the words or
 * do not; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 1 + (int)draw(seed, 2), .proc_count = 2 + (int)draw(seed, 4)};
  ret->heals = draw(seed, 3) == 0;
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){.type = OBJECT_VALUE};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  static const int kinds[] = {OP_VALUE_GET,  OP_VALUE_SET,    OP_VALUE_ADD, OP_VALUE_CAS,
                              OP_VALUE_CAS,  OP_VALUE_UPDATE, OP_VALUE_SET, OP_VALUE_REPLACE,
                              OP_VALUE_KEEP, OP_VALUE_ADD,    OP_VALUE_AWAIT, OP_VALUE_AWAIT};
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  struct hint now = hint_of(r->proc, r->step.thing);
  r->step.kind = now.held && draw(seed, 2) ? (draw(seed, 3) ? OP_VALUE_REPLACE : OP_VALUE_KEEP)
                                           : kinds[draw(seed, 12)];
  switch (r->step.kind) {
  case OP_VALUE_ADD:
    r->is_number = true;
    r->step.item = 1 + draw(seed, 9);
    break;
  case OP_VALUE_AWAIT:
    r->looked = draw(seed, 5) != 0;
    r->expects_number = now.is_number;
    r->expected = now.item;
    if (draw(seed, 6) == 0)
      r->expected++;
    break;
  case OP_VALUE_CAS:
    r->expects_number = now.is_number;
    r->expected = now.item;
    if (draw(seed, 3) == 0) {
      r->expects_number = draw(seed, 2);
      r->expected = r->expects_number ? draw(seed, 20) : now.item + 16; /* as long, and another */
    }
    /* fall through */
  case OP_VALUE_SET:
  case OP_VALUE_REPLACE:
    r->is_number = draw(seed, 2);
    r->step.item = r->is_number ? draw(seed, 20) : new_message();
    break;
  default:
    break;
  }
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"value", set_up, draw_op, 40};
  return conformance_main(&c);
}
