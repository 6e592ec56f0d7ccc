/* look/waits_past.c - what happened last to what a process waits for; see waits_internal.h. */
#include <inttypes.h>
#include <stdio.h>

#include "look/waits_internal.h"
#include "object/past.h"
#include "object/queue.h"
#include "object/sync.h"

/* " by setter#3", " by main" */
static int tell_by(const struct snapshot_event *e, struct buf *out) {
  if (who_slot(e->event.who) == 0)
    return buf_format(out, " by main");
  return buf_format(out, " by %s#%" PRIu64, e->by[0] ? e->by : "process", who_serial(e->event.who));
}

/* "taken by b#3 at x.lua:7", "notify at x.lua:10 by setter#3, when nobody waited" */
static int tell_event(const struct snapshot_event *event, struct buf *out) {
  const struct past_event *e = &event->event;
  char where[WHERE_MAX];
  const char *past = op_describe((enum op_kind)e->kind)->past;
  bool notify = e->kind == OP_CONDITION_NOTIFY;
  past_where(e, where);
  int rc = buf_format(out, "%s", past ? past : "changed");
  if (rc == 0 && notify)
    rc = buf_format(out, " at %s", where);
  if (rc == 0)
    rc = tell_by(event, out);
  if (rc == 0 && !notify)
    rc = buf_format(out, " at %s", where);
  return rc == 0 && notify && e->vain ? buf_format(out, ", when nobody waited") : rc;
}

/* Nobody has done to it what would help. */
static const char *nothing_yet(enum object_type type) {
  switch (type) {
  case OBJECT_SEMAPHORE:
    return "nobody has taken or released a unit";
  case OBJECT_EVENT:
    return "nobody has set it";
  case OBJECT_LATCH:
    return "nobody has counted down";
  case OBJECT_CONDITION:
    return "nobody has notified it";
  default:
    return NULL;
  }
}

/* The last two that were done to it, the older one first; of a lock, only how its owner got it. */
static int tell_events(const struct snapshot_sync *o, struct buf *out) {
  uint32_t n = o->past_count < 2 ? o->past_count : 2;
  bool owned = o->type != OBJECT_SEMAPHORE && o->type != OBJECT_EVENT && o->type != OBJECT_LATCH;
  int rc = 0;
  for (uint32_t i = owned && n ? 1 : n; i-- > 0 && rc == 0;) {
    rc = tell_event(&o->past[i], out);
    if (rc == 0 && i)
      rc = buf_format(out, ", then ");
  }
  return rc;
}

static int tell_sync(const struct snapshot_sync *o, struct buf *out) {
  if (o->type == OBJECT_BARRIER)
    return buf_format(out, "%" PRIu64 " of %" PRIu64 " came", o->info.count, o->info.max);
  bool unknown = o->slot == SNAPSHOT_OUTSIDE;
  int rc = o->type == OBJECT_LATCH
               ? buf_format(out, "%" PRIu64 " left%s", o->info.count, unknown ? "" : ", ")
               : 0;
  if (rc || unknown)
    return rc;
  if (o->past_count > 0)
    return tell_events(o, out);
  const char *nothing = nothing_yet(o->type);
  return nothing ? buf_format(out, "%s", nothing) : 0;
}

static int tell_queue(const struct snapshot_need *n, const struct snapshot_queue *q,
                      struct buf *out) {
  bool pipe = op_describe(n->kind)->type == OBJECT_PIPE; /* in an engine its object is a queue */
  const char *put = pipe ? "sent" : "put";
  if (!q->exact)
    return 0;
  if (n->kind == OP_QUEUE_MEET)
    return buf_format(out, "a queue without room: nobody takes the item");
  if (n->kind == OP_QUEUE_PUT && queue_meets(q->max))
    return buf_format(out, "a queue without room: %s",
                      q->items ? "another item is on offer" : "nobody waits in get");
  if (n->kind == OP_QUEUE_PUT)
    return buf_format(out, "full, with %" PRIu64 " of %" PRIu64 " items", q->items, q->max);
  if (n->kind == OP_QUEUE_JOIN)
    return buf_format(out, "%" PRIu64 " of %" PRIu64 " items are not marked by task_done",
                      q->undone, q->put);
  if (q->in_hand)
    return buf_format(out, "%" PRIu64 " put, %" PRIu64 " in hand%s", q->put, q->in_hand,
                      q->closed ? ", which may come back" : ", and never closed");
  if (q->put == 0)
    return buf_format(out, "nothing was ever %s", put);
  return buf_format(out, "%" PRIu64 " %s, all taken%s", q->put, put,
                    pipe ? "" : ", and never closed");
}

int waits_tell_past(const struct snapshot *s, const struct snapshot_need *n, struct buf *out) {
  bool is_queue = n->type == OBJECT_QUEUE || n->type == OBJECT_PIPE;
  int64_t queue =
      is_queue ? snapshot_find_queue(s, n->type == OBJECT_PIPE ? n->queue : n->object) : -1;
  int64_t sync = is_queue ? -1 : snapshot_find_sync(s, n->object);
  if (queue >= 0)
    return tell_queue(n, &s->queues[queue], out);
  return sync >= 0 ? tell_sync(&s->syncs[sync], out) : 0;
}
