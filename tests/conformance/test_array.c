/* tests/conformance/test_array.c - arrays of few elements, of both kinds: one element, all of them, and none such; see
 * conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret = (struct setup){.thing_count = 1 + (int)draw(seed, 2), .proc_count = 2 + (int)draw(seed, 4)};
  ret->heals = draw(seed, 3) == 0;
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){
        .type = OBJECT_ARRAY, .floats = draw(seed, 2), .count = 1 + draw(seed, ELEMENTS_MAX)};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  static const int kinds[] = {OP_ARRAY_GET, OP_ARRAY_GET, OP_ARRAY_SET,  OP_ARRAY_SET, OP_ARRAY_ADD,  OP_ARRAY_ADD,
                              OP_ARRAY_CAS, OP_ARRAY_CAS, OP_ARRAY_FILL, OP_ARRAY_FILL, OP_ARRAY_COPY, OP_ARRAY_LOOK};
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  r->step.kind = kinds[draw(seed, 12)];
  r->patience = PATIENT;
  if (r->step.kind == OP_ARRAY_LOOK)
    return;
  r->count = draw(seed, 8) ? 1 + draw(seed, s->things[r->step.thing].count) : draw(seed, ELEMENTS_MAX + 3);
  r->many = r->step.kind == OP_ARRAY_COPY ? (int)draw(seed, ELEMENTS_MAX + 1) : 0;
  if (r->step.kind == OP_ARRAY_GET || r->step.kind == OP_ARRAY_COPY)
    return;
  r->is_number = true;
  r->step.item = draw(seed, 3);
  r->half = draw(seed, 6) == 0;
  r->expects_number = r->step.kind == OP_ARRAY_CAS;
  r->expected = draw(seed, 3);
}

int main(void) {
  const struct conformance_case c = {"array", set_up, draw_op, 40};
  return conformance_main(&c);
}
