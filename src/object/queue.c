/* object/queue.c - the queue's state machine; see queue.h. */
#include "object/queue.h"

#include <assert.h>

#include "base/error.h"

int queue_apply(struct queue_state *s, enum op_kind kind) {
  assert(queue_enabled(s, kind));
  switch (kind) {
  case OP_QUEUE_PUT:
    if (s->closed)
      return -SBX_ECLOSED;
    s->put++;
    return 0;
  case OP_QUEUE_GET:
    if (queue_len(s) == 0)
      return -SBX_ECLOSED;
    s->got++;
    return 0;
  case OP_QUEUE_PEEK:
    if (queue_len(s) == 0)
      return s->closed ? -SBX_ECLOSED : -SBX_ETIMEDOUT;
    return 0;
  case OP_QUEUE_TASK_DONE:
    if (s->done == s->got)
      return -SBX_ETASKS;
    s->done++;
    return 0;
  case OP_QUEUE_JOIN:
    return 0;
  case OP_QUEUE_CLOSE:
    s->closed = 1;
    return 0;
  default:
    return -SBX_EINVAL;
  }
}
