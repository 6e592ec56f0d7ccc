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
                              OP_DICT_UPDATE, OP_DICT_REPLACE, OP_DICT_KEEP,
                              OP_DICT_ADD,    OP_DICT_ADD,     OP_DICT_CAS,
                              OP_DICT_CAS,    OP_DICT_AWAIT,   OP_DICT_AWAIT};
  r->step.thing = (int)draw(seed, (uint64_t)s->thing_count);
  bool held = hint_of(r->proc, r->step.thing).held;
  r->step.kind = held && draw(seed, 2) ? (draw(seed, 3) ? OP_DICT_REPLACE : OP_DICT_KEEP)
                                       : kinds[draw(seed, 15)];
  r->key = (uint8_t)draw(seed, KEYS);
  struct hint now = hint_at(r->step.thing, r->key);
  r->looked = r->step.kind == OP_DICT_AWAIT && draw(seed, 5);
  if (expects(r->step.kind)) {
    r->expects_none = now.none;
    r->expects_number = now.is_number;
    r->expected = now.item;
    if (draw(seed, 4) == 0) {
      r->expects_none = draw(seed, 2);
      r->expected++;
    }
    r->expects_number &= !r->expects_none;
  }
  switch (r->step.kind) {
  case OP_DICT_CAS:
  case OP_DICT_SET:
  case OP_DICT_REPLACE:
    r->none = draw(seed, 4) == 0;
    r->is_number = !r->none && draw(seed, 2);
    r->step.item = r->none ? 0 : r->is_number ? draw(seed, 20) : new_message();
    break;
  case OP_DICT_ADD:
    r->is_number = true;
    r->step.item = 1 + draw(seed, 9);
    break;
  default:
    break;
  }
  r->patience = draw(seed, 3) ? PATIENT : draw(seed, 2) ? POLL : TIMED;
}

int main(void) {
  const struct conformance_case c = {"dict", set_up, draw_op, 40};
  return conformance_main(&c);
}
