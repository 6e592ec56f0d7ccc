/*
 * os/sync/progress.c - progress, which processes move and the supervisor shows; see progress.h.
 *
 * The record is a synchronisation object's (sync.h), but its monitor is never locked: the words of
 * the machine stand in the first copy for good, and the one that changes is changed by
 * compare-and-swap. So an add is a few instructions, and a kill leaves the old count or the new one.
 */
#include "os/sync/progress.h"

#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/text.h"
#include "object/progress.h"
#include "os/shared/broker.h"
#include "os/sync/sync_internal.h"

enum {
  BEGUN = SYNC_WORDS,           /* word of the record: when it was made, CLOCK_MONOTONIC */
  SHOWN_NS = 250 * 1000 * 1000, /* a close waits no longer for a supervisor that is busy */
  ALL_WAITERS = INT_MAX
};

/* Who needs a record waits longer: till then, the supervisor is taken to be stopped. */
static const int64_t relief_ns = INT64_C(10) * 1000 * 1000 * 1000;

static uint64_t bit_of(uint32_t slot) { return UINT64_C(1) << (slot % 64); }

static _Atomic uint64_t *state_word(struct control *c, uint32_t slot) {
  return (_Atomic uint64_t *)&c->syncs[slot].state[0][PROGRESS_STATE];
}

/* Run the machine on the state until what it makes of it is stored. Returns what it does. */
static int change(struct control *c, uint32_t slot, struct sync_step *step) {
  struct sync_view view = {.control = c, .record = &c->syncs[slot]};
  struct sync_world w = sync_world_of(&view);
  uint64_t state = atomic_load(state_word(c, slot));
  for (;;) {
    uint64_t words[PROGRESS_WORDS] = {
        [PROGRESS_STATE] = state, [PROGRESS_MAKER] = c->syncs[slot].state[0][PROGRESS_MAKER]};
    int rc = progress_machine.apply(words, step, &w);
    FAULT("progress.before-commit");
    if (rc || atomic_compare_exchange_weak(state_word(c, slot), &state, words[PROGRESS_STATE]))
      return rc;
  }
}

/* -- the supervisor's view -------------------------------------------------------------------- */

bool progress_is_shown(const struct control *c, uint32_t slot) {
  return atomic_load(&c->shown[slot / 64]) & bit_of(slot);
}

void progress_begin(struct control *c, uint32_t slot) {
  c->syncs[slot].state[0][BEGUN] = (uint64_t)clock_now_ns();
}

void progress_made(struct os_backend *b, uint32_t slot) {
  struct control *c = b->control;
  if (b->broker < 0)
    return; /* there is no supervisor to show it */
  atomic_fetch_or(&c->shown[slot / 64], bit_of(slot));
  FAULT("progress.made");
  broker_tell(b, BROKER_PROGRESS);
}

bool progress_read(const struct control *c, uint32_t slot, struct progress_shown *ret) {
  const struct sync_record *r = &c->syncs[slot];
  uint64_t stamp = atomic_load(&c->object_stamp[slot]);
  if (stamp_phase(stamp) != OBJECT_LIVE || atomic_load(&c->objects[slot].type) != OBJECT_PROGRESS)
    return false;
  struct sync_view view = {.control = c, .record = r};
  struct sync_world w = sync_world_of(&view);
  uint64_t words[SYNC_WORDS];
  sync_read(r, words);
  *ret = (struct progress_shown){.info.id = stamp_serial(stamp)};
  text_copy(ret->info.name, sizeof ret->info.name, r->name);
  progress_machine.describe(words, &w, &ret->info);
  ret->begun_ns = (int64_t)r->state[0][BEGUN];
  return atomic_load(&c->object_stamp[slot]) == stamp;
}

void progress_was_shown(struct os_backend *b, uint32_t slot) {
  struct control *c = b->control;
  uint64_t stamp = atomic_load(&c->object_stamp[slot]), serial = stamp_serial(stamp);
  atomic_fetch_and(&c->shown[slot / 64], ~bit_of(slot));
  if (stamp_phase(stamp) == OBJECT_LIVE && control_object_unused(c, slot) &&
      control_object_reclaim(c, b->slot, slot, &serial)) /* else the last holder does so */
    control_object_free(c, slot, serial);
}

void progress_tell_shown(struct control *c) {
  atomic_fetch_add(&c->shown_times, 1);
  syscall(SYS_futex, &c->shown_times, FUTEX_WAKE, ALL_WAITERS, NULL, NULL, 0);
}

/* Sleep until shown_times is not `times` any more. False: not by then, or there is an interrupt. */
static bool await_change(struct os_backend *b, uint32_t times, int64_t until) {
  struct control *c = b->control;
  struct timespec left;
  while (atomic_load(&c->shown_times) == times) {
    if (b->interrupted || clock_now_ns() >= until)
      return false;
    syscall(SYS_futex, &c->shown_times, FUTEX_WAIT, times, clock_left(until, &left), NULL, 0);
  }
  return true;
}

/* What is printed next stands below what the supervisor shows of the end. */
static void await_shown(struct os_backend *b, uint32_t slot) {
  int64_t until = clock_now_ns() + SHOWN_NS;
  uint32_t times;
  do
    times = atomic_load(&b->control->shown_times);
  while (progress_is_shown(b->control, slot) && await_change(b, times, until));
}

/* Is there one that the supervisor lets go of when it has shown it? */
static bool any_ended(const struct control *c) {
  for (uint32_t i = 0; i < OBJECT_WORDS; i++)
    for (uint64_t bits = atomic_load(&c->shown[i]); bits; bits &= bits - 1) {
      struct progress_shown p;
      if (!progress_read(c, 64 * i + (uint32_t)__builtin_ctzll(bits), &p) || p.info.set)
        return true;
    }
  return false;
}

bool progress_relieve(struct os_backend *b) {
  uint32_t times = atomic_load(&b->control->shown_times);
  if (!any_ended(b->control))
    return false;
  broker_tell(b, BROKER_PROGRESS);
  return await_change(b, times, clock_now_ns() + relief_ns);
}

/* -- ops -------------------------------------------------------------------------------------- */

int progress_perform(struct os_backend *b, struct op *op) {
  uint32_t slot = op->object->slot;
  struct sync_step step = {
      .kind = op->kind, .op = op, .who = who_of(b->slot, b->serial), .count = op->count};
  int rc = change(b->control, slot, &step);
  if (rc == 0 && op->kind == OP_PROGRESS_CLOSE && progress_is_shown(b->control, slot) &&
      b->broker >= 0) {
    broker_tell(b, BROKER_PROGRESS);
    await_shown(b, slot);
  }
  return rc == SYNC_SAME ? 0 : rc;
}

static void close_it(struct control *c, uint32_t slot) {
  struct sync_step step = {.kind = OP_PROGRESS_CLOSE};
  change(c, slot, &step);
}

void progress_leave(struct os_backend *b, uint32_t slot) {
  if (b->control->syncs[slot].state[0][PROGRESS_MAKER] == who_of(b->slot, b->serial))
    close_it(b->control, slot);
}

void progress_dropped(struct os_backend *b, uint32_t slot) {
  struct control *c = b->control;
  if (atomic_load(&c->objects[slot].named) || control_object_held(c, slot))
    return;
  close_it(c, slot);
  broker_tell(b, BROKER_PROGRESS);
}
