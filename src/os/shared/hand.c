/* os/shared/hand.c - see hand.h. */
#include "os/shared/hand.h"

#include <string.h>

#include "base/error.h"
#include "object/pipe.h"
#include "os/queue/queue.h"
#include "os/shared/broker.h"
#include "os/shared/names.h"
#include "os/sync/sync.h"

static bool is_object(const struct object_ref *ref) {
  return ref->type != OBJECT_PROCESS && ref->slot < OBJECT_SLOTS;
}

static bool lives(const struct os_backend *b, const struct object_ref *ref) {
  return atomic_load(&b->control->object_stamp[ref->slot]) == stamp_of(ref->serial, OBJECT_LIVE);
}

static bool held_by_a_handle(const struct os_backend *b, uint32_t slot) {
  if (b->holds && b->holds[slot].refs > 0)
    return true;
  for (const struct queue *q = b->queues; q; q = q->next)
    if (q->slot == slot)
      return true;
  return false;
}

void hand_release(struct os_backend *b, uint32_t slot) {
  if (b->hands[slot] == 0)
    control_object_drop(b->control, b->slot, slot);
}

/* Held before it is looked at: from then on the record cannot go to another object. */
static void take(struct os_backend *b, const struct object_ref *ref) {
  control_object_hold(b->control, b->slot, ref->slot);
  names_moved(b->control, ref->slot);
  if (lives(b, ref)) {
    b->hands[ref->slot]++;
    b->hand_count++;
  } else if (!held_by_a_handle(b, ref->slot)) {
    hand_release(b, ref->slot);
  }
}

void hand_take(struct os_backend *b, const void *refs, uint32_t count) {
  struct object_ref ref;
  for (uint32_t i = 0; i < count; i++) {
    memcpy(&ref, (const uint8_t *)refs + i * sizeof ref, sizeof ref);
    if (is_object(&ref))
      take(b, &ref);
  }
}

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

/* What was fetched for an object, and is not used by a handle. */
static void drop_laid_by(struct os_backend *b, const struct object_ref *ref) {
  struct object_ref queues[2];
  uint32_t n = queues_of(b, ref, queues);
  for (uint32_t i = 0; i < n; i++) {
    struct queue *q = queue_find(b, queues[i].slot, queues[i].serial);
    if (q && q->refs == 0)
      queue_drop_laid_by(b, q);
  }
}

void hand_drop(struct os_backend *b, const struct object_ref *ref) {
  if (!is_object(ref) || b->hands[ref->slot] == 0 || !lives(b, ref))
    return;
  b->hand_count--;
  if (--b->hands[ref->slot] > 0)
    return;
  drop_laid_by(b, ref);
  if (held_by_a_handle(b, ref->slot))
    return;
  hand_release(b, ref->slot);
  broker_notify(b, BROKER_RELEASE, ref->slot, ref->serial);
}

void hand_forget(struct os_backend *b) {
  for (uint32_t slot = 0; slot < OBJECT_SLOTS && b->hand_count > 0; slot++) {
    b->hand_count -= b->hands[slot];
    bool had = b->hands[slot] > 0;
    b->hands[slot] = 0;
    if (had && !held_by_a_handle(b, slot))
      hand_release(b, slot);
  }
  for (struct queue *q = b->queues, *next; q; q = next) {
    next = q->next;
    if (q->refs == 0)
      queue_drop_laid_by(b, q);
  }
}

/* -- descriptors ------------------------------------------------------------------------------ */

static int fetch_queue(struct os_backend *b, const struct op *op, const struct object_ref *ref) {
  if (ref->slot >= OBJECT_SLOTS || !lives(b, ref) || queue_find(b, ref->slot, ref->serial))
    return 0;
  struct queue *q;
  int rc = broker_import(b, op, ref->slot, ref->serial, &q);
  if (rc == 0)
    q->refs = 0; /* laid by, for the handle that will come of it */
  return rc == -SBX_EGONE ? 0 : rc;
}

int hand_fetch(struct os_backend *b, const struct op *op, const struct object_ref *refs,
               uint32_t count) {
  struct object_ref queues[2];
  for (uint32_t i = 0; i < count; i++) {
    uint32_t n = is_object(&refs[i]) && lives(b, &refs[i]) ? queues_of(b, &refs[i], queues) : 0;
    for (uint32_t k = 0; k < n; k++) {
      int rc = fetch_queue(b, op, &queues[k]);
      if (rc)
        return rc;
    }
  }
  return 0;
}

/* It is held by this process alone no more. */
static void note_exported(struct os_backend *b, const struct object_ref *ref) {
  struct sync_record *r = &b->control->syncs[ref->slot];
  if (ref->type == OBJECT_QUEUE)
    return; /* its descriptors are what counts */
  atomic_store(&r->exported, 1);
  if (r->lock_serial)
    atomic_store(&b->control->syncs[r->lock].exported, 1);
}

int hand_export_refs(struct os_backend *b, const struct op *op, const struct object_ref *refs,
                     uint32_t count) {
  struct object_ref queues[2];
  for (uint32_t i = 0; i < count; i++) {
    if (!is_object(&refs[i]))
      continue;
    note_exported(b, &refs[i]);
    uint32_t n = queues_of(b, &refs[i], queues);
    for (uint32_t k = 0; k < n; k++) {
      struct queue *q = queue_find(b, queues[k].slot, queues[k].serial);
      int rc = q ? broker_keep(b, op, q) : 0;
      if (rc)
        return rc;
    }
  }
  return 0;
}

int hand_export(struct os_backend *b, const struct op *op) {
  int rc = 0;
  if (op->refs && op->refs->count)
    rc = hand_export_refs(b, op, op->refs->sent, op->refs->count);
  if (rc == 0 && op->value && op->value->ref_count)
    rc = hand_export_refs(b, op, op->value->refs, op->value->ref_count);
  for (uint32_t i = 0; i < op->sub_count && rc == 0; i++)
    if (op->subs[i].refs && op->subs[i].refs->count)
      rc = hand_export_refs(b, op, op->subs[i].refs->sent, op->subs[i].refs->count);
  return rc;
}
