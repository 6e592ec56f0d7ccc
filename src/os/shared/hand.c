/* os/shared/hand.c - see hand.h. */
#include "os/shared/hand.h"

#include <string.h>

#include "base/error.h"
#include "os/shared/broker.h"
#include "os/shared/names.h"

static bool is_object(const struct object_ref *ref) {
  return ref->type != OBJECT_PROCESS && ref->slot < OBJECT_SLOTS;
}

static bool lives(const struct os_backend *b, const struct object_ref *ref) {
  return atomic_load(&b->control->object_stamp[ref->slot]) == stamp_of(ref->serial, OBJECT_LIVE);
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
  } else if (!b->holdings->by_handle(b, ref->slot)) {
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

void hand_drop(struct os_backend *b, const struct object_ref *ref) {
  if (!is_object(ref) || b->hands[ref->slot] == 0 || !lives(b, ref))
    return;
  b->hand_count--;
  if (--b->hands[ref->slot] > 0)
    return;
  b->holdings->drop_laid_by(b, ref);
  if (b->holdings->by_handle(b, ref->slot))
    return;
  hand_release(b, ref->slot);
  broker_notify(b, BROKER_RELEASE, ref->slot, ref->serial);
}

void hand_forget(struct os_backend *b) {
  for (uint32_t slot = 0; slot < OBJECT_SLOTS && b->hand_count > 0; slot++) {
    b->hand_count -= b->hands[slot];
    bool had = b->hands[slot] > 0;
    b->hands[slot] = 0;
    if (had && !b->holdings->by_handle(b, slot))
      hand_release(b, slot);
  }
  b->holdings->drop_all_laid_by(b);
}

/* -- descriptors ------------------------------------------------------------------------------ */

int hand_fetch(struct os_backend *b, const struct op *op, const struct object_ref *refs,
               uint32_t count) {
  int rc = 0;
  for (uint32_t i = 0; i < count && rc == 0; i++)
    if (is_object(&refs[i]) && lives(b, &refs[i]))
      rc = b->holdings->fetch(b, op, &refs[i]);
  return rc;
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
  int rc = 0;
  for (uint32_t i = 0; i < count && rc == 0; i++) {
    if (!is_object(&refs[i])) {
      b->shares++;
      continue;
    }
    note_exported(b, &refs[i]);
    rc = b->holdings->keep(b, op, &refs[i]);
  }
  return rc;
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
