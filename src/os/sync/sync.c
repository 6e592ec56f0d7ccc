/* os/sync/sync.c - the loop around the machines; see sync.h. */
#include "os/sync/sync.h"

#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/pidfd.h"
#include "object/lock.h"
#include "os/shared/line.h"
#include "os/shared/names.h"
#include "os/shared/past.h"
#include "os/shared/turns.h"
#include "os/shared/wait.h"
#include "os/sync/sync_internal.h"

enum { OWNERS_WATCHED = 8 };

const struct sync_storage *sync_storage_of(enum object_type type) {
  return type == OBJECT_VALUE   ? &value_storage
         : type == OBJECT_DICT  ? &dict_storage
         : type == OBJECT_ARRAY ? &array_storage
                                : NULL;
}

/* -- in line --------------------------------------------------------------------------------- */

void sync_join(struct sync_call *call) {
  if (call->place != LINE_NOWHERE)
    return;
  call->place = line_join(call->b, call->line);
  call->step.ticket = call->place == LINE_NOWHERE ? 0 : line_ticket(call->b);
}

/* Could another process that waits as this one did go on? By the records alone: in doubt, no. */
static bool next_may_go(const struct sync_call *call) {
  struct sync_view view = {.control = call->b->control, .record = call->record};
  struct sync_world w = sync_world_of(&view);
  struct sync_step other = {.kind = call->step.kind, .patient = true};
  return call->machine->enabled(sync_state(call->record), &other, &w);
}

/*
 * Out of the line, with what was waited for or without. Those in line are woken one by one, so the
 * first wakes the next: a unit of a semaphore may be left, or a waiter that was woken gives up.
 */
static void leave(struct sync_call *call) {
  struct line *line = call->line;
  if (call->place == LINE_NOWHERE)
    return;
  line_leave(call->b, line, call->place);
  call->place = LINE_NOWHERE;
  if (call->machine->in_order && line == &call->record->line && atomic_load(&line->end) > 0 &&
      next_may_go(call))
    line_wake(call->b, line, 1, 0);
}

/* -- one look ------------------------------------------------------------------------------------
 */

void sync_begin(struct sync_call *call, struct os_backend *b, struct op *op) {
  *call = (struct sync_call){
      .b = b,
      .op = op,
      .record = &b->control->syncs[op->object->slot],
      .machine = sync_machine_of(op->object->type),
      .step = {.kind = op->kind,
               .op = op,
               .who = who_of(b->slot, b->serial),
               .patient = op->deadline_ns == SBX_FOREVER,
               .count = op->count},
      .place = LINE_NOWHERE,
  };
  call->line =
      sync_is_second(call->machine, op->kind) ? &call->record->second : &call->record->line;
}

void sync_commit(struct os_backend *b, struct sync_record *r, const struct sync_step *step) {
  FAULT("sync.before-wake");
  if (step->wake)
    line_wake(b, &r->line, step->wake, step->wake_after);
  if (step->wake_second)
    line_wake(b, &r->second, step->wake_second, 0);
  FAULT("sync.before-commit");
  monitor_commit(&r->monitor);
  FAULT("sync.after-commit");
}

/* Must a process that stands in line go first? */
static bool must_yield(const struct sync_call *call, const uint64_t *state) {
  if (atomic_load(&call->record->line.end) == 0 ||
      sync_passes_line(call->machine, state, &call->step))
    return false;
  return line_must_yield(call->b, &call->record->line);
}

static uint64_t *next_state(const struct sync_call *call, const uint64_t *now) {
  struct sync_record *r = call->record;
  return call->storage
             ? sync_next(r)
             : monitor_next(&r->monitor, r->state[0], RECORD_WORDS, call->machine->words(now));
}

/* -- handles in what is stored ---------------------------------------------------------------- */

static uint64_t name_of(const struct sync_call *call) {
  return names_of_object(call->op->object->slot, call->op->object->serial);
}

void sync_naming_begin(struct sync_call *call) { atomic_store(&call->record->naming, 1); }

void sync_naming_end(struct sync_call *call) {
  if (atomic_load_explicit(&call->record->naming, memory_order_relaxed))
    atomic_store(&call->record->naming, 0);
}

int sync_name_all(struct sync_call *call, const void *refs, uint64_t count) {
  return names_add(call->b->control, name_of(call), refs, (uint32_t)count);
}

void sync_unname_all(struct sync_call *call, const void *refs, uint64_t count) {
  names_remove(call->b->control, name_of(call), refs, (uint32_t)count);
}

static void name_again(struct sync_call *call, const void *refs, uint64_t count) {
  sync_name_all(call, refs, count); /* they had cells: there is room */
}

/* A process was killed while it counted. */
static void count_again(struct sync_call *call) {
  names_clear(call->b->control, name_of(call));
  call->storage->each_ref(call, name_again);
  sync_naming_end(call);
}

/* It was done: the object remembers that. A lock that is taken again was taken before. */
static void note(struct sync_record *r, const struct sync_step *step) {
  if (step->op->place && (step->kind != OP_LOCK_ACQUIRE ||
                          sync_state(r)[LOCK_DEPTH] <= (step->count ? step->count : 1)))
    past_note(&r->past, step->op, step->who, step->wake == 0);
}

/* It can be done. */
static int apply(struct sync_call *call, const struct sync_world *w) {
  const struct sync_storage *storage = call->storage;
  if (storage && atomic_load_explicit(&call->record->naming, memory_order_relaxed))
    count_again(call);
  int rc = storage ? storage->prepare(call) : 0;
  if (rc == 0) {
    uint64_t *next = next_state(call, sync_state(call->record));
    rc = call->machine->apply(next, &call->step, w);
    if (rc >= 0 && rc != SYNC_SAME) {
      if (storage && storage->fill)
        storage->fill(call, next);
      sync_commit(call->b, call->record, &call->step);
    }
    if (rc >= 0)
      note(call->record, &call->step);
  }
  if (rc == SYNC_ENTERED)
    return SYNC_WAITS;
  leave(call);
  if (rc >= 0)
    rc = call->step.result ? call->step.result : storage ? storage->done(call) : 0;
  if (storage && rc < 0 && atomic_load_explicit(&call->record->naming, memory_order_relaxed))
    count_again(call); /* what it was to name it does not */
  else if (storage)
    sync_naming_end(call);
  return rc;
}

static int give_up(struct sync_call *call, const uint64_t *now, const struct sync_world *w) {
  leave(call);
  if (call->machine->give_up && call->machine->give_up(next_state(call, now), &call->step, w))
    sync_commit(call->b, call->record, &call->step);
  return -SBX_ETIMEDOUT;
}

static int look(struct sync_call *call, enum sync_look how) {
  struct sync_view view = {.control = call->b->control,
                           .record = call->record,
                           .thorough = call->looks > 1 || how == LOOK_LAST,
                           .call = call};
  struct sync_world w = sync_world_of(&view);
  const uint64_t *now = sync_state(call->record);
  if (call->storage && sync_is_second(call->machine, call->step.kind))
    call->storage->compare(call);
  if (call->machine->enabled(now, &call->step, &w) && !must_yield(call, now))
    return how == LOOK_ARM ? 0 : apply(call, &w);
  if (how == LOOK_LAST)
    return give_up(call, now, &w);
  if (how != LOOK_POLL)
    sync_join(call);
  if (call->place != LINE_NOWHERE)
    line_looked(call->b, call->line);
  return SYNC_WAITS;
}

/* Take the monitor, and the state into its copies. As wait_monitor. */
static int enter(struct os_backend *b, struct sync_record *r, const struct op *op) {
  int rc = wait_monitor(b, &r->monitor, RANK_SYNC, op);
  if (rc)
    return rc;
  FAULT("sync.locked");
  quick_shut(r);
  return 0;
}

void sync_let_go(struct sync_record *r) {
  quick_open(r);
  monitor_unlock(&r->monitor, RANK_SYNC);
}

int sync_look(struct sync_call *call, enum sync_look how) {
  int rc = enter(call->b, call->record, call->op);
  if (rc) {
    if (rc == -SBX_EINTERRUPTED && how != LOOK_POLL)
      sync_cancel(call);
    else if (call->place != LINE_NOWHERE && how != LOOK_POLL)
      line_vanish(call->b);
    return rc;
  }
  rc = look(call, how);
  sync_let_go(call->record);
  call->looks++;
  if (rc != SYNC_WAITS) {
    call->op->count = call->step.count;
    call->op->abandoned = call->step.abandoned;
  }
  return rc;
}

void sync_cancel(struct sync_call *call) {
  if (call->place == LINE_NOWHERE)
    return;
  if (monitor_lock(&call->record->monitor, RANK_SYNC, 0, NULL)) {
    line_vanish(call->b);
    return;
  }
  quick_shut(call->record);
  struct sync_view view = {.control = call->b->control, .record = call->record, .call = call};
  struct sync_world w = sync_world_of(&view);
  give_up(call, sync_state(call->record), &w);
  sync_let_go(call->record);
}

/* -- waiting -------------------------------------------------------------------------------------
 */

/* The death of an owner wakes, too; but most waits are over before it is worth a descriptor. */
static void add_owners(const struct sync_call *call, struct wait_set *w) {
  const struct control *c = call->b->control;
  uint64_t owners[SYNC_WORDS], state[SYNC_WORDS];
  if (call->looks < 2 || !call->machine->watch)
    return;
  sync_read(call->record, state);
  uint32_t n = call->machine->watch(state, owners);
  for (uint32_t i = 0; i < n && i < OWNERS_WATCHED; i++) {
    if (owners[i] == call->step.who || process_gone(c, owners[i], false))
      continue;
    int fd = pidfd_open_of(c->processes[who_slot(owners[i])].pid);
    if (fd >= 0)
      wait_set_add(w, fd, true);
  }
}

static int sleep_in_line(struct sync_call *call) {
  struct wait_set w;
  wait_set_init(&w, call->op->deadline_ns);
  wait_set_until(&w, line_look_again_ns(call->line, call->place, call->looks - 1));
  add_owners(call, &w);
  FAULT("sync.before-sleep");
  return wait_set_sleep(call->b, call->op, &w);
}

int sync_finish(struct sync_call *call) {
  for (;;) {
    bool last = deadline_passed(call->op->deadline_ns);
    int rc = sync_look(call, last ? LOOK_LAST : LOOK_WAIT);
    if (rc != SYNC_WAITS)
      return rc;
    rc = last || turns_between(call->b, call->op) ? 0 : sleep_in_line(call);
    if (rc == -SBX_EINTERRUPTED) {
      sync_cancel(call);
      return rc;
    }
  }
}

/* The lock is held. SYNC_WAITS: the op cannot be done without more ado. */
static int apply_at_once(struct os_backend *b, struct sync_record *r, const struct sync_machine *m,
                         struct op *op) {
  struct sync_step step = {.kind = op->kind,
                           .op = op,
                           .who = who_of(b->slot, b->serial),
                           .patient = op->deadline_ns == SBX_FOREVER,
                           .count = op->count};
  struct sync_view view = {.control = b->control, .record = r};
  struct sync_world w = sync_world_of(&view);
  const uint64_t *now = sync_state(r);
  if (atomic_load_explicit(&r->line.end, memory_order_relaxed) || !m->enabled(now, &step, &w))
    return SYNC_WAITS;
  uint64_t *next = monitor_next(&r->monitor, r->state[0], RECORD_WORDS, m->words(now));
  int rc = m->apply(next, &step, &w);
  if (rc == 0) {
    FAULT("sync.before-commit");
    monitor_commit(&r->monitor);
    FAULT("sync.after-commit");
    note(r, &step);
  }
  op->count = step.count;
  op->abandoned = step.abandoned;
  return rc;
}

/* One acquire or release of a lock that has no line, as its machine would do it. */
static bool do_quickly(struct os_backend *b, struct op *op) {
  struct sync_record *r = &b->control->syncs[op->object->slot];
  bool acquire = op->kind == OP_LOCK_ACQUIRE;
  uint64_t who = who_of(b->slot, b->serial);
  if ((acquire && op->count > 1) || !quick_swap(r, who, acquire))
    return false;
  if (acquire && op->place)
    past_note(&r->past, op, who, true); /* the owner's alone, as long as it holds the lock */
  if (!acquire)
    op->count = 1;
  op->abandoned = false;
  return true;
}

/*
 * Most ops of locks and semaphores find the object as they want it, and the line empty: then there is
 * no process to wake or to yield to, and nothing to keep for a wait. SYNC_WAITS: it is not so, and
 * nothing is done.
 */
static int do_at_once(struct os_backend *b, struct op *op) {
  struct sync_record *r = &b->control->syncs[op->object->slot];
  const struct sync_machine *m = sync_machine_of(op->object->type);
  if (!m->in_order || atomic_load_explicit(&r->line.end, memory_order_relaxed))
    return SYNC_WAITS;
  int rc = enter(b, r, op);
  if (rc)
    return rc;
  rc = apply_at_once(b, r, m, op);
  sync_let_go(r);
  return rc;
}

/* Apart, so that do_quickly has few registers to save. */
__attribute__((noinline)) static int do_slowly(struct os_backend *b, struct op *op) {
  struct sync_call call;
  int rc = do_at_once(b, op);
  if (rc != SYNC_WAITS)
    return rc;
  sync_begin(&call, b, op);
  return sync_finish(&call);
}

int sync_perform(struct os_backend *b, struct op *op) {
  if (op->object->type == OBJECT_LOCK && do_quickly(b, op))
    return 0;
  return do_slowly(b, op);
}

/* -- for select ----------------------------------------------------------------------------------
 */

/* One of several ops; it may stand in line already. */
static void begin_again(struct sync_call *call, struct os_backend *b, struct op *op) {
  op->deadline_ns = 0;
  sync_begin(call, b, op);
  call->place = line_find(b, call->line);
  call->step.ticket = call->place == LINE_NOWHERE ? 0 : line_ticket(b);
  call->looks = 2; /* its sleeps may be long: look closely */
}

int sync_poll(struct os_backend *b, struct op *op) {
  struct sync_call call;
  begin_again(&call, b, op);
  int rc = sync_look(&call, LOOK_POLL);
  return rc == SYNC_WAITS ? -SBX_ETIMEDOUT : rc;
}

int sync_arm(struct os_backend *b, struct op *op, struct wait_set *w) {
  struct sync_call call;
  begin_again(&call, b, op);
  int rc = sync_look(&call, LOOK_ARM);
  if (rc == 0)
    wait_set_until(w, 0);
  if (rc != SYNC_WAITS)
    return rc;
  wait_set_until(w, line_look_again_ns(call.line, call.place, 1));
  add_owners(&call, w);
  return 0;
}

void sync_disarm(struct os_backend *b, struct op *op) {
  struct sync_call call;
  begin_again(&call, b, op);
  sync_cancel(&call);
}
