/* sim/explore/quiet.c - which ops are no steps; see explore.h. */
#include "sim/explore/graph.h"

/* Waiting for the first of several processes to end, as join_all does. */
static bool joins_only(const struct request *r) {
  for (uint32_t i = 0; i < r->sub_count; i++)
    if (r->subs[i].kind != OP_PROCESS_JOIN)
      return false;
  return r->deadline_ns == SBX_FOREVER;
}

bool graph_is_quiet(const struct request *r) {
  switch (r->kind) {
  case OP_PROCESS_SPAWN:
  case OP_PROCESS_AWAIT:
  case OP_PROCESS_PARENT:
  case OP_FAILURE_NEW:
  case OP_FAILURE_COUNT:
  case OP_FAILURE_JOIN:
  case OP_FAILURE_LOOK:
  case OP_HANDLE_EXPORT:
  case OP_HANDLE_FETCH:
  case OP_HANDLE_IMPORT:
  case OP_HANDLE_LAND:
  case OP_HANDLE_RELEASE:
  case OP_QUEUE_NEW:
  case OP_PIPE_NEW:
  case OP_CLOCK_SLEEP:
  case OP_CLOCK_NOW:
  case OP_CLOCK_WALL:
  case OP_MARK:
  case OP_PROGRESS_ADD:
  case OP_PROGRESS_SET:
  case OP_PROGRESS_CLOSE:
    return true;
  case OP_SELECT:
    return joins_only(r);
  case OP_PROCESS_JOIN: /* one with a deadline may come too early */
    return r->deadline_ns == SBX_FOREVER;
  default:
    return op_makes_sync(r->kind);
  }
}

bool graph_asks_status(const struct request *r) {
  switch (r->kind) {
  case OP_PROCESS_LOOK: /* of one that has ended it is quiet, and tells nothing new */
    return false;
  case OP_PROCESS_CHILDREN:
  case OP_PROCESS_DESCENDANTS:
  case OP_PROCESS_SIGNAL:
    return true;
  case OP_PROCESS_JOIN:
    return r->deadline_ns != SBX_FOREVER;
  default:
    return false;
  }
}
