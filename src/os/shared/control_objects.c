/* os/shared/control_objects.c - see control.h: the records of objects, and which process holds which. Lock-free. */
#include "base/error.h"
#include "os/shared/control.h"

/* Is the process gone that claimed an object record? The fields of a process that is just being made
 * are not filled yet. */
static bool object_claimer_gone(const struct control *c, uint64_t stamp) {
  uint32_t slot = stamp_claimer(stamp);
  uint64_t there = atomic_load(&c->process_stamp[slot]);
  const struct process_record *p = &c->processes[slot];
  if (!phase_lives(stamp_phase(there)))
    return true;
  return atomic_load_explicit(&p->serial, memory_order_acquire) == stamp_serial(there) &&
         p->objects_before > stamp_serial(stamp);
}

void control_object_hold(struct control *c, uint32_t process, uint32_t object) {
  atomic_fetch_or(&c->held[process][object / 64], UINT64_C(1) << (object % 64));
}

void control_object_drop(struct control *c, uint32_t process, uint32_t object) {
  atomic_fetch_and(&c->held[process][object / 64], ~(UINT64_C(1) << (object % 64)));
}

/* A process may get it by a fork while the rows before its own are read, and its parent let go of it
 * before its own is: then look again. */
static bool is_held(const struct control *c, uint32_t object, uint32_t except) {
  uint64_t bit = UINT64_C(1) << (object % 64), forks;
  do {
    forks = atomic_load(&c->forks);
    for (uint32_t i = 0; i < control_process_end(c); i++)
      if (i != except && control_process_alive(c, i) &&
          (atomic_load(&c->held[i][object / 64]) & bit))
        return true;
  } while (forks != atomic_load(&c->forks));
  return false;
}

bool control_object_held(const struct control *c, uint32_t object) {
  return is_held(c, object, UINT32_MAX);
}

static bool is_unused(const struct control *c, uint32_t object, uint32_t except) {
  uint64_t bit = UINT64_C(1) << (object % 64);
  return !atomic_load(&c->objects[object].named) && !(atomic_load(&c->shown[object / 64]) & bit) &&
         !is_held(c, object, except);
}

bool control_object_unused(const struct control *c, uint32_t object) {
  return is_unused(c, object, UINT32_MAX);
}

bool control_object_alone(const struct control *c, uint32_t process, uint32_t object) {
  return is_unused(c, object, process);
}

static bool object_usable(const struct control *c, uint32_t slot, uint64_t stamp) {
  switch (stamp_phase(stamp)) {
  case OBJECT_FREE:
    return true;
  case OBJECT_CLAIMED: /* its maker died */
    return object_claimer_gone(c, stamp);
  default:
    return control_object_unused(c, slot);
  }
}

void control_object_live(struct control *c, uint32_t slot, uint64_t serial, enum object_type type) {
  atomic_store(&c->objects[slot].type, type);
  atomic_store(&c->objects[slot].named, 0);
  atomic_store(&c->object_stamp[slot], stamp_of(serial, OBJECT_LIVE));
}

bool control_object_reclaim(struct control *c, uint32_t claimer, uint32_t slot, uint64_t *serial) {
  uint64_t stamp = stamp_of(*serial, OBJECT_LIVE);
  uint64_t fresh = atomic_fetch_add(&c->next_object_serial, 1); /* the claimer's: see above */
  if (!atomic_compare_exchange_strong(&c->object_stamp[slot], &stamp,
                                      stamp_claimed(fresh, claimer, OBJECT_CLAIMED)))
    return false;
  *serial = fresh;
  return true;
}

void control_object_free(struct control *c, uint32_t slot, uint64_t serial) {
  uint64_t stamp = atomic_load(&c->object_stamp[slot]);
  if (stamp_serial(stamp) == serial)
    atomic_compare_exchange_strong(&c->object_stamp[slot], &stamp, stamp_of(serial, OBJECT_FREE));
}

int control_object_claim(struct control *c, uint32_t claimer, uint32_t *ret_slot,
                         uint64_t *ret_serial) {
  uint64_t serial = atomic_fetch_add(&c->next_object_serial, 1);
  for (uint32_t tries = 0; tries < 2 * OBJECT_SLOTS; tries++) {
    uint32_t slot = (uint32_t)(atomic_fetch_add(&c->next_object_slot, 1) % OBJECT_SLOTS);
    uint64_t stamp = atomic_load(&c->object_stamp[slot]);
    if (!object_usable(c, slot, stamp))
      continue;
    if (!atomic_compare_exchange_strong(&c->object_stamp[slot], &stamp,
                                        stamp_claimed(serial, claimer, OBJECT_CLAIMED)))
      continue;
    *ret_slot = slot;
    *ret_serial = serial;
    return 0;
  }
  return -SBX_EOBJECTS;
}
