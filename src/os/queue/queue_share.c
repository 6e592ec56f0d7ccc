/*
 * os/queue/queue_share.c - the descriptors of queues on their way to processes that never held them.
 *
 * Before a message names a queue, or an end of a pipe, the supervisor is given the descriptors of
 * its queues (keep). Before the message is decoded, the receiver gets those that it lacks (fetch),
 * and lays them by: a struct queue with no reference. A handle that is decoded takes the reference
 * (queue_hold); if none is, what was laid by is dropped.
 */
#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "object/pipe.h"
#include "os/queue/queue.h"
#include "os/shared/broker.h"
#include "os/shared/hand.h"

static_assert((int)QUEUE_FDS <= (int)BROKER_OBJECT_FDS, "a message carries those of one queue");

/* The queues without whose descriptors an object is of no use. */
static uint32_t queues_of(const struct os_backend *b, const struct object_ref *ref,
                          struct object_ref ret[2]) {
  const uint64_t *words = b->control->syncs[ref->slot].state[0];
  if (ref->type == OBJECT_QUEUE) {
    ret[0] = *ref;
    return 1;
  }
  if (ref->type != OBJECT_PIPE)
    return 0;
  ret[0] = (struct object_ref){OBJECT_QUEUE, (uint32_t)words[END_IN], words[END_IN_SERIAL]};
  ret[1] = (struct object_ref){OBJECT_QUEUE, (uint32_t)words[END_OUT], words[END_OUT_SERIAL]};
  return 2;
}

bool queue_by_handle(const struct os_backend *b, uint32_t slot) {
  for (const struct queue *q = b->queues; q; q = q->next)
    if (q->slot == slot)
      return true;
  return false;
}

/* -- to others --------------------------------------------------------------------------------- */

static int keep_queue(struct os_backend *b, const struct op *op, const struct queue *q) {
  struct queue_record *r = &b->control->queues[q->slot];
  struct broker_message m = {.kind = BROKER_EXPORT, .slot = q->slot, .serial = q->serial};
  int fds[BROKER_FDS_MAX];
  if (atomic_load(&r->exported))
    return 0;
  memcpy(fds, q->fds, sizeof q->fds);
  int rc = FAULT("broker.export") ? -SBX_EMFILE : broker_request(b, op, &m, fds);
  if (rc == 0)
    atomic_store(&r->exported, 1); /* after: a kill in between exports it twice, no harm */
  return rc;
}

int queue_share_keep(struct os_backend *b, const struct op *op, const struct object_ref *ref) {
  struct object_ref queues[2];
  uint32_t n = queues_of(b, ref, queues);
  int rc = 0;
  for (uint32_t i = 0; i < n && rc == 0; i++) {
    const struct queue *q = queue_find(b, queues[i].slot, queues[i].serial);
    rc = q ? keep_queue(b, op, q) : 0;
  }
  return rc;
}

/* -- from others ------------------------------------------------------------------------------- */

static int import(struct os_backend *b, const struct op *op, uint32_t slot, uint64_t serial,
                  struct queue **ret) {
  struct broker_message m = {.kind = BROKER_IMPORT, .slot = slot, .serial = serial};
  int fds[BROKER_FDS_MAX] = {-1, -1, -1, -1, -1, -1};
  /* Held before it is asked for: from here on its record cannot go to another queue. */
  control_object_hold(b->control, b->slot, slot);
  int rc = FAULT("broker.import") ? -SBX_EMFILE : broker_request(b, op, &m, fds);
  if (rc == 0 && (rc = queue_adopt(b, slot, serial, fds, ret)))
    broker_close_fds(fds);
  if (rc)
    hand_release(b, slot);
  return rc;
}

int queue_import(struct os_backend *b, const struct op *op, uint32_t slot, uint64_t serial,
                 struct queue **ret) {
  int rc = import(b, op, slot, serial, ret);
  return rc == -SBX_EMFILE && queue_drop_kept(b) > 0 ? import(b, op, slot, serial, ret) : rc;
}

static int fetch_queue(struct os_backend *b, const struct op *op, const struct object_ref *ref) {
  struct queue *q;
  if (ref->slot >= OBJECT_SLOTS ||
      atomic_load(&b->control->object_stamp[ref->slot]) != stamp_of(ref->serial, OBJECT_LIVE) ||
      queue_find(b, ref->slot, ref->serial))
    return 0;
  int rc = queue_import(b, op, ref->slot, ref->serial, &q);
  if (rc == 0)
    q->refs = 0; /* laid by, for the handle that will come of it */
  return rc == -SBX_EGONE ? 0 : rc;
}

int queue_share_fetch(struct os_backend *b, const struct op *op, const struct object_ref *ref) {
  struct object_ref queues[2];
  uint32_t n = queues_of(b, ref, queues);
  int rc = 0;
  for (uint32_t i = 0; i < n && rc == 0; i++)
    rc = fetch_queue(b, op, &queues[i]);
  return rc;
}

void queue_share_drop(struct os_backend *b, const struct object_ref *ref) {
  struct object_ref queues[2];
  uint32_t n = queues_of(b, ref, queues);
  for (uint32_t i = 0; i < n; i++) {
    struct queue *q = queue_find(b, queues[i].slot, queues[i].serial);
    if (q && q->refs == 0 && !q->kept)
      queue_drop_laid_by(b, q);
  }
}

void queue_share_drop_all(struct os_backend *b) {
  for (struct queue *q = b->queues, *next; q; q = next) {
    next = q->next;
    if (q->refs == 0 && !q->kept)
      queue_drop_laid_by(b, q);
  }
}
