/* tests/conformance/test_dict.c - dicts: keys that share a bucket, updates, and all that is in
 * them; see conformance.h. */
#include "conformance.h"

static void set_up(uint64_t *seed, struct setup *ret) {
  *ret =
      (struct setup){.thing_count = 1 + (int)draw(seed, 2), .proc_count = 2 + (int)draw(seed, 4)};
  ret->heals = draw(seed, 3) == 0;
  for (int i = 0; i < ret->thing_count; i++)
    ret->things[i] = (struct thing){.type = OBJECT_DICT};
}

static void draw_op(uint64_t *seed, const struct setup *s, struct request *r) {
  static const int kinds[] = {OP_DICT_GET,    OP_DICT_SET,     OP_DICT_SET,
                              OP_DICT_ALL,    OP_DICT_SET,     OP_DICT_UPDATE,
                              OP_DICT_UPDATE, OP_DICT_REPLACE, OP_DICT_KEEP};
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  bool held = hint_of(r->proc, r->step.thing).held;
  r->step.kind = held && draw(seed, 2) ? (draw(seed, 3) ? OP_DICT_REPLACE : OP_DICT_KEEP)
                                       : kinds[draw(seed, 9)];
  r->key = (uint8_t)draw(seed, KEYS);
  if (r->step.kind == OP_DICT_SET || r->step.kind == OP_DICT_REPLACE) {
    r->none = draw(seed, 4) == 0;
    r->step.item = r->none ? 0 : new_message();
  }
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"dict", set_up, draw_op, 40};
  return conformance_main(&c);
}
