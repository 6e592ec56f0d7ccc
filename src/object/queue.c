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
      return queue_is_over(s) ? -SBX_ECLOSED : -SBX_ETIMEDOUT;
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

/* -- queues without room ----------------------------------------------------------------------- */

static bool is_brief(const struct queue_ask *ask) { return ask->number == 1; }

static bool met_enabled(const struct queue_state *s, const struct queue_ask *ask) {
  switch (ask->kind) {
  case OP_QUEUE_PUT:
    return queue_enabled(s, OP_QUEUE_PUT) && (s->closed || !is_brief(ask) || ask->readers > 0);
  case OP_QUEUE_MEET:
    return s->closed || s->offer != ask->who || (is_brief(ask) && ask->readers == 0);
  default:
    return queue_enabled(s, ask->kind);
  }
}

static int meet(struct queue_state *s, uint64_t who) {
  if (s->offer != who)
    return 0;
  s->offer = 0;
  s->got++;
  s->done++;
  return s->closed ? -SBX_ECLOSED : -SBX_ETIMEDOUT;
}

static int met_apply(struct queue_state *s, const struct queue_ask *ask) {
  if (ask->kind == OP_QUEUE_MEET)
    return meet(s, ask->who);
  int rc = queue_apply(s, ask->kind);
  if (rc == 0 && ask->kind == OP_QUEUE_PUT)
    s->offer = ask->who;
  if (rc == 0 && ask->kind == OP_QUEUE_GET)
    s->offer = 0;
  return rc;
}

/* -- redeliver --------------------------------------------------------------------------------- */

static bool must_give_up(const struct queue_ask *ask) {
  return ask->kind == OP_QUEUE_GET && ask->mine > 0 &&
         (ask->number != QUEUE_GET_MORE || ask->older);
}

static int give_up(struct queue_state *s, const struct queue_ask *ask) {
  uint64_t count = ask->number == QUEUE_DONE_ALL ? ask->mine : 1;
  if (count > ask->mine)
    return -SBX_ETASKS;
  s->done += count;
  return 0;
}

static int hand_apply(struct queue_state *s, const struct queue_ask *ask) {
  if (must_give_up(ask))
    return -SBX_EHAND;
  if (ask->kind == OP_QUEUE_GET && ask->full && queue_len(s) > 0)
    return -SBX_EHANDS;
  return ask->kind == OP_QUEUE_TASK_DONE ? give_up(s, ask) : queue_apply(s, ask->kind);
}

/* -- any queue --------------------------------------------------------------------------------- */

bool queue_ask_enabled(const struct queue_state *s, const struct queue_ask *ask) {
  if (queue_meets(s->max))
    return met_enabled(s, ask);
  return (s->redeliver && must_give_up(ask)) || queue_enabled(s, ask->kind);
}

int queue_ask_apply(struct queue_state *s, const struct queue_ask *ask) {
  if (queue_meets(s->max))
    return met_apply(s, ask);
  return s->redeliver ? hand_apply(s, ask) : queue_apply(s, ask->kind);
}
