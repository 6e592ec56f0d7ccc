/* object/quiet.c - see quiet.h. */
#include "object/quiet.h"

bool op_is_quiet(enum op_kind kind, bool patient, bool joins_only) {
  switch (kind) {
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
  case OP_LOCK_NEW:
  case OP_SEMAPHORE_NEW:
  case OP_EVENT_NEW:
  case OP_CONDITION_NEW:
  case OP_BARRIER_NEW:
  case OP_VALUE_NEW:
  case OP_DICT_NEW:
  case OP_PROGRESS_NEW:
  case OP_RWLOCK_NEW:
  case OP_LATCH_NEW:
  case OP_ARRAY_NEW:
  case OP_ARRAY_LOOK: /* nothing of it changes */
  case OP_CLOCK_SLEEP:
  case OP_CLOCK_NOW:
  case OP_CLOCK_WALL:
  case OP_MARK:
  case OP_PROGRESS_ADD:
  case OP_PROGRESS_SET:
  case OP_PROGRESS_CLOSE:
    return true;
  case OP_SELECT:
    return joins_only && patient;
  case OP_PROCESS_JOIN:
    return patient;
  default:
    return false;
  }
}

bool op_may_be_quiet(enum op_kind kind) {
  return kind == OP_PROCESS_AWAIT || kind == OP_PROCESS_END || kind == OP_PROCESS_LOOK;
}
