/* sim/explore/quiet.c - which ops are no steps; see explore.h. */
#include "object/quiet.h"
#include "sim/explore/graph.h"

/* Waiting for the first of several processes to end, as join_all does. */
static bool joins_only(const struct request *r) {
  for (uint32_t i = 0; i < r->sub_count; i++)
    if (r->subs[i].kind != OP_PROCESS_JOIN)
      return false;
  return r->count == SELECT_ORDERED;
}

bool graph_is_quiet(const struct request *r) {
  return op_is_quiet(r->kind, r->deadline_ns == SBX_FOREVER, joins_only(r));
}

bool graph_asks_status(const struct request *r) {
  switch (r->kind) {
  case OP_PROCESS_LOOK: /* of one that has ended it is quiet, and tells nothing new */
    return false;
  case OP_PROCESS_CHILDREN:
  case OP_PROCESS_DESCENDANTS:
  case OP_PROCESS_FIND:
  case OP_PROCESS_SIGNAL:
    return true;
  case OP_PROCESS_JOIN:
    return r->deadline_ns != SBX_FOREVER;
  default:
    return false;
  }
}
