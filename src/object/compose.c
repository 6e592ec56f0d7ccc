/* object/compose.c - see compose.h. */
#include "object/compose.h"

enum op_kind condition_step_kind(enum condition_step step) {
  switch (step) {
  case CONDITION_ENTER:
  case CONDITION_AWAIT:
    return OP_CONDITION_WAIT;
  case CONDITION_UNLOCK:
    return OP_LOCK_RELEASE;
  case CONDITION_RELOCK:
  case CONDITION_TRY_RELOCK:
    return OP_LOCK_ACQUIRE;
  default:
    return OP_NONE;
  }
}

void condition_next(struct condition_wait *w, int rc) {
  switch (w->step) {
  case CONDITION_ENTER:
  case CONDITION_UNLOCK:
    w->result = rc;
    w->step = rc ? CONDITION_OVER : w->step + 1;
    break;
  case CONDITION_AWAIT:
    w->result = rc;
    w->step = rc == -SBX_EINTERRUPTED ? CONDITION_TRY_RELOCK : CONDITION_RELOCK;
    break;
  case CONDITION_RELOCK:
    w->result = rc ? rc : w->result;
    w->step = CONDITION_OVER;
    break;
  default:
    w->step = CONDITION_OVER;
  }
}

int select_next(struct select_scan *scan, uint32_t count, int rc) {
  if (rc != -SBX_ETIMEDOUT)
    return rc;
  if (++scan->at < count)
    return SELECT_LOOKS;
  scan->at = 0;
  return scan->last ? -SBX_ETIMEDOUT : SELECT_SLEEPS;
}
