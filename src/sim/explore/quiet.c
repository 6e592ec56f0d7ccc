/* sim/explore/quiet.c - which ops ask how processes stand; see explore.h. */
#include "sim/explore/graph.h"

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
