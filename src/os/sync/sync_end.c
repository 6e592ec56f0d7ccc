/* os/sync/sync_end.c - the end of a process: what it gives up, and what a report tells of what it holds; see sync.h. */
#include <string.h>

#include "os/shared/past.h"
#include "os/shared/wait.h"
#include "os/sync/progress.h"
#include "os/sync/sync_internal.h"

bool sync_find_forgotten(const struct control *c, uint32_t slot, uint64_t who,
                         struct forgotten *ret) {
  const struct sync_record *r = &c->syncs[slot];
  uint64_t state[SYNC_WORDS];
  struct past_event e;
  enum object_type type = (enum object_type)atomic_load(&c->objects[slot].type);
  const struct sync_machine *m = sync_read_sound(r, type, state);
  if (!m || !m->taken_by)
    return false;
  enum op_kind kind = m->taken_by(state, who);
  if (kind == OP_NONE)
    return false;
  *ret = (struct forgotten){.type = type, .id = stamp_serial(atomic_load(&c->object_stamp[slot]))};
  memcpy(ret->name, r->name, sizeof ret->name - 1); /* any process can write there */
  if (past_find(&r->past, who, kind, &e)) {
    past_where(&e, ret->where);
    ret->scoped = e.scoped;
  }
  return true;
}

/* It is going to be let go: not if it was ended, or if a `<close>` would have done so. */
static void tell_forgotten(struct os_backend *b, uint32_t slot) {
  struct forgotten f;
  if (b->base.forgot && !atomic_load(&b->control->ending) &&
      !(atomic_load(&my_record(b)->flags) & (FLAG_EXPECTED | FLAG_QUIET)) &&
      sync_find_forgotten(b->control, slot, who_of(b->slot, b->serial), &f) &&
      !(f.scoped && b->base.exits)) {
    atomic_fetch_add(&b->control->forgotten, 1);
    b->base.forgot(b->base.signal_ctx, &f);
  }
}

static void leave_object(struct os_backend *b, uint32_t slot, enum sync_end how) {
  struct sync_record *r = &b->control->syncs[slot];
  const struct sync_machine *m =
      sync_machine_of((enum object_type)atomic_load(&b->control->objects[slot].type));
  struct sync_step step = {.who = who_of(b->slot, b->serial)};
  uint64_t copy[SYNC_WORDS];
  if (!m || !m->leave)
    return;
  if (m == &progress_machine) {
    progress_leave(b, slot);
    return;
  }
  sync_read(r, copy);
  if (!m->leave(copy, &step, how)) /* only this process writes itself there */
    return;
  tell_forgotten(b, slot);
  if (monitor_lock(&r->monitor, RANK_SYNC, 0, NULL))
    return; /* its holder is stopped; then the others find out by themselves */
  quick_shut(r);
  step = (struct sync_step){.who = step.who};
  uint64_t *next = sync_next(r);
  if (m->leave(next, &step, how))
    sync_commit(b, r, &step);
  sync_let_go(r);
}

bool sync_is_taken(const struct os_backend *b, uint32_t slot) {
  uint64_t state[SYNC_WORDS];
  const struct sync_machine *m =
      sync_read_sound(&b->control->syncs[slot],
                      (enum object_type)atomic_load(&b->control->objects[slot].type), state);
  return m && m->taken_by && m->taken_by(state, who_of(b->slot, b->serial)) != OP_NONE;
}

void sync_leave_held(struct os_backend *b, enum sync_end how) {
  for (uint32_t i = 0; i < OBJECT_WORDS; i++)
    for (uint64_t left = atomic_load(&b->control->held[b->slot][i]); left; left &= left - 1)
      leave_object(b, 64 * i + (uint32_t)__builtin_ctzll(left), how);
  for (uint32_t slot = 0; b->owes && slot < OBJECT_SLOTS; slot++)
    if (b->holds[slot].owed && sync_is_taken(b, slot)) /* the slot may have another by now */
      leave_object(b, slot, how);
}

/* -- for reports ---------------------------------------------------------------------------------
 */

uint32_t sync_owners(const struct control *c, uint32_t slot, uint64_t ret[SYNC_WORDS]) {
  const struct sync_record *r = &c->syncs[slot];
  uint64_t state[SYNC_WORDS];
  const struct sync_machine *m = sync_read_sound(r, (enum object_type)r->type, state);
  if (!m || !m->watch_only)
    return 0;
  return m->watch(state, ret);
}

bool sync_could_go_on(const struct control *c, uint32_t slot, uint32_t process, enum op_kind kind,
                      bool patient, struct sync_outsiders *outsiders) {
  const struct sync_record *r = &c->syncs[slot];
  uint64_t state[SYNC_WORDS];
  const struct sync_machine *m = sync_read_sound(r, (enum object_type)r->type, state);
  struct sync_view view = {.control = c, .record = r, .thorough = true, .outsiders = outsiders};
  struct sync_world w = sync_world_of(&view);
  struct sync_step step = {
      .kind = kind,
      .who = who_of(process, stamp_serial(atomic_load(&c->process_stamp[process]))),
      .ticket = atomic_load(&c->processes[process].line_ticket),
      .patient = patient};
  if (!m)
    return true;
  return m->enabled(state, &step, &w);
}
