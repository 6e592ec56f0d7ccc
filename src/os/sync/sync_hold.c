/* os/sync/sync_hold.c - making, holding and dropping synchronisation objects; see sync.h. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "object/pipe.h"
#include "os/shared/broker.h"
#include "os/shared/hand.h"
#include "os/shared/line.h"
#include "os/shared/names.h"
#include "os/shared/results.h"
#include "os/sync/array.h"
#include "os/sync/progress.h"
#include "os/sync/sync_internal.h"

static struct sync_record *record_of(const struct os_backend *b, uint32_t slot) {
  return &b->control->syncs[slot];
}

static int reserve_holds(struct os_backend *b) {
  if (!b->holds)
    b->holds = FAULT("sync.alloc") ? NULL : calloc(OBJECT_SLOTS, sizeof *b->holds);
  return b->holds ? 0 : -SBX_ENOMEM;
}

static void hold(struct os_backend *b, uint32_t slot) {
  if (b->holds[slot].refs++ == 0)
    control_object_hold(b->control, b->slot, slot);
}

/* Made after the last fork and never sent. */
bool sync_is_private(const struct os_backend *b, uint32_t slot) {
  const struct sync_hold *h = b->holds ? &b->holds[slot] : NULL;
  return h && h->refs > 0 && h->process == b->serial && h->forks == b->forks &&
         !atomic_load(&record_of(b, slot)->exported);
}

/* One reference less to this very record, and not to the lock of a condition. */
static void drop(struct os_backend *b, uint32_t slot, uint64_t serial) {
  struct sync_hold *h = &b->holds[slot];
  bool own = sync_is_private(b, slot);
  if (--h->refs > 0)
    return;
  if (!own && sync_is_taken(b, slot))
    h->owed = b->owes = true;
  hand_release(b, slot);
  if (h->map)
    munmap(h->map, h->mapped.bytes);
  h->map = NULL;
  if (progress_is_shown(b->control, slot)) {
    progress_dropped(b, slot);
    return;
  }
  if ((own || control_object_unused(b->control, slot)) &&
      control_object_reclaim(b->control, b->slot, slot, &serial)) {
    sync_recycle(b, slot);
    control_object_free(b->control, slot, serial);
  } else if (atomic_load(&b->control->objects[slot].named)) {
    broker_notify(b, BROKER_RELEASE, slot, serial); /* a sweep finds out who else is left */
  }
}

int sync_claim(struct os_backend *b, uint32_t *ret_slot, uint64_t *ret_serial) {
  int rc = control_object_claim(b->control, b->slot, ret_slot, ret_serial);
  if (rc == -SBX_EOBJECTS)
    results_relieve(b); /* they may name some */
  if (rc == -SBX_EOBJECTS && names_sweep(b) > 0)
    rc = control_object_claim(b->control, b->slot, ret_slot, ret_serial);
  if (rc == 0)
    sync_recycle(b, *ret_slot); /* the slot may have been another's */
  return rc;
}

/* -- making --------------------------------------------------------------------------------------
 */

/* Only what will be read is written: the rest of a record may be untouched memory. */
static int fill(struct sync_record *r, const struct sync_options *o) {
  r->type = o->type;
  r->lock = 0;
  r->lock_serial = 0;
  text_copy_name(r->name, sizeof r->name, o->name ? o->name : "");
  atomic_store(&r->exported, 0);
  atomic_store(&r->naming, 0);
  atomic_store(&r->past.count, 0);
  atomic_store(&r->line.end, 0);
  atomic_store(&r->line.told, 0);
  atomic_store(&r->second.end, 0);
  atomic_store(&r->second.told, 0);
  memset(r->state, 0, sizeof r->state);
  sync_machine_of(o->type)->init(r->state[0], o);
  atomic_store(&r->quick, 0);
  int rc = monitor_init(&r->monitor);
  quick_open(r);
  return rc;
}

static int create(struct os_backend *b, const struct sync_options *o, uint32_t *ret_slot,
                  uint64_t *ret_serial) {
  uint32_t slot;
  uint64_t serial;
  int rc = reserve_holds(b);
  if (rc == 0)
    rc = sync_claim(b, &slot, &serial);
  if (rc)
    return rc;
  struct sync_options made = *o;
  made.maker = who_of(b->slot, b->serial);
  if ((rc = fill(record_of(b, slot), &made))) {
    control_object_free(b->control, slot, serial);
    return rc;
  }
  if (o->type == OBJECT_PROGRESS)
    progress_begin(b->control, slot);
  b->holds[slot] = (struct sync_hold){.forks = b->forks, .process = b->serial};
  hold(b, slot);
  FAULT("sync.made");
  control_object_live(b->control, slot, serial, o->type);
  if (o->type == OBJECT_PROGRESS)
    progress_made(b, slot);
  if (o->type == OBJECT_ARRAY && (rc = array_begin(b, slot, o))) {
    drop(b, slot, serial);
    return rc;
  }
  *ret_slot = slot;
  *ret_serial = serial;
  return 0;
}

/* The lock of a new condition: that of the options, or one of its own; held once more. */
static int condition_lock(struct os_backend *b, const struct sync_options *o, uint32_t *ret_slot,
                          uint64_t *ret_serial) {
  struct sync_options own = {.type = OBJECT_LOCK, .name = o->name, .recursive = true};
  if (!o->lock)
    return create(b, &own, ret_slot, ret_serial);
  hold(b, o->lock->slot);
  *ret_slot = o->lock->slot;
  *ret_serial = o->lock->serial;
  return 0;
}

int sync_create(struct os_backend *b, const struct sync_options *o, uint32_t *ret_slot,
                uint64_t *ret_serial) {
  uint32_t lock = 0;
  uint64_t lock_serial = 0;
  int rc = o->type == OBJECT_BARRIER && o->count > LINE_PLACES ? -SBX_ECROWD : 0;
  if (o->type == OBJECT_CONDITION)
    rc = condition_lock(b, o, &lock, &lock_serial);
  if (rc)
    return rc;
  if ((rc = create(b, o, ret_slot, ret_serial))) {
    if (lock_serial)
      drop(b, lock, lock_serial);
    return rc;
  }
  record_of(b, *ret_slot)->lock = lock;
  record_of(b, *ret_slot)->lock_serial = lock_serial;
  return 0;
}

/* -- holding -------------------------------------------------------------------------------------
 */

/* Held before it is looked at: from then on the record cannot go to another object. */
static int hold_imported(struct os_backend *b, uint32_t slot, uint64_t serial) {
  hold(b, slot);
  names_moved(b->control, slot);
  if (atomic_load(&b->control->object_stamp[slot]) == stamp_of(serial, OBJECT_LIVE))
    return 0;
  if (--b->holds[slot].refs == 0)
    hand_release(b, slot);
  return -SBX_EGONE;
}

int sync_import(struct os_backend *b, const struct object_ref *ref) {
  if (ref->slot >= OBJECT_SLOTS)
    return -SBX_EDATA;
  int rc = reserve_holds(b);
  if (rc == 0)
    rc = hold_imported(b, ref->slot, ref->serial);
  if (rc)
    return rc;
  const struct sync_record *r = record_of(b, ref->slot);
  if (r->type != ref->type)
    rc = -SBX_EDATA;
  else if (r->lock_serial)
    rc = hold_imported(b, r->lock, r->lock_serial);
  if (rc)
    drop(b, ref->slot, ref->serial);
  return rc;
}

void sync_drop(struct os_backend *b, uint32_t slot, uint64_t serial) {
  const struct sync_record *r = record_of(b, slot);
  uint32_t lock = r->lock;
  uint64_t lock_serial = r->lock_serial;
  drop(b, slot, serial);
  if (lock_serial)
    drop(b, lock, lock_serial);
}

void sync_recycle(struct os_backend *b, uint32_t slot) {
  const struct sync_storage *storage =
      sync_storage_of((enum object_type)atomic_load(&b->control->objects[slot].type));
  if (storage)
    storage->release(b, slot);
  atomic_store(&b->control->objects[slot].type, OBJECT_NONE);
}

/* -- telling -------------------------------------------------------------------------------------
 */

static void tell_holder(const struct control *c, struct sync_info *ret, uint64_t who) {
  uint32_t slot = who_slot(who);
  ret->holder = who_serial(who);
  if (who != SYNC_ABANDONED && c->processes[slot].serial == who_serial(who))
    text_copy(ret->holder_name, sizeof ret->holder_name, c->processes[slot].name);
}

void sync_describe(const struct control *c, uint32_t slot, struct sync_info *ret) {
  const struct sync_record *r = &c->syncs[slot];
  uint64_t state[SYNC_WORDS];
  const struct sync_machine *m = sync_read_sound(r, (enum object_type)r->type, state);
  struct sync_view view = {.control = c, .record = r, .thorough = true};
  struct sync_world w = sync_world_of(&view);
  *ret = (struct sync_info){.waiting = line_count(c, &r->line, 0) + line_count(c, &r->second, 0)};
  text_copy(ret->name, sizeof ret->name, r->name);
  if (m)
    m->describe(state, &w, ret);
  if (ret->holder)
    tell_holder(c, ret, ret->holder);
}
