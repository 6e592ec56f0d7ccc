/* os/sync/sync_view.c - the world, as the machines of real objects ask of it (object/sync.h): who is gone, who waits, who could come;
 * see sync_internal.h. */
#include "os/shared/line.h"
#include "os/shared/names.h"
#include "os/sync/sync_internal.h"

static bool world_is_gone(void *ctx, uint64_t who) {
  const struct sync_view *v = ctx;
  return process_gone(v->control, who, v->thorough);
}

static uint64_t world_nth(void *ctx, uint64_t after, uint64_t n) {
  const struct sync_view *v = ctx;
  uint64_t ticket = 0;
  for (n = n < LINE_PLACES ? n : LINE_PLACES; n > 0; n--) {
    struct line_place next = line_next(v->control, &v->record->line, after);
    if (next.ticket == 0)
      break;
    ticket = after = next.ticket;
  }
  return ticket;
}

static uint64_t world_count(void *ctx, uint64_t after) {
  const struct sync_view *v = ctx;
  return line_count(v->control, &v->record->line, after);
}

static uint64_t world_first(void *ctx, bool second) {
  const struct sync_view *v = ctx;
  return line_first_able(v->control, second ? &v->record->second : &v->record->line);
}

static uint64_t world_newest(void *ctx) {
  const struct sync_view *v = ctx;
  return atomic_load(&v->control->next_ticket) - 1;
}

static uint64_t world_enter(void *ctx) {
  struct sync_call *call = ((struct sync_view *)ctx)->call;
  sync_join(call);
  return call->step.ticket;
}

static bool holds_and_lives(const struct control *c, uint32_t process, uint32_t slot) {
  uint64_t stamp = atomic_load(&c->process_stamp[process]);
  return (atomic_load(&c->held[process][slot / 64]) & UINT64_C(1) << (slot % 64)) &&
         control_process_alive(c, process) &&
         !process_gone(c, who_of(process, stamp_serial(stamp)), true);
}

/* In line, and nothing but another process will end that. */
static bool waits_for_ever(const struct sync_view *v, uint32_t process) {
  const struct process_record *p = &v->control->processes[process];
  if (!line_has(v->control, &v->record->line, process))
    return false;
  if (v->call && v->call->b->slot == process)
    return v->call->step.patient;
  return atomic_load(&p->op_kind) != OP_NONE && atomic_load(&p->op_deadline_ns) == SBX_FOREVER;
}

static bool find_outsiders(const struct sync_view *v) {
  struct control *c =
      (struct control *)(uintptr_t)v->control; /* a look notes only that it looked */
  uint32_t slot = (uint32_t)(v->record - c->syncs);
  if (!v->thorough)
    return true;
  struct names_moment before = names_moment(c);
  for (uint32_t i = 0; i < control_process_end(c); i++)
    if (!waits_for_ever(v, i) && holds_and_lives(c, i, slot))
      return true;
  return names_stored(c, slot, before);
}

static bool world_has_outsiders(void *ctx) {
  const struct sync_view *v = ctx;
  struct sync_outsiders *kept = v->outsiders;
  uint32_t slot = (uint32_t)(v->record - v->control->syncs);
  if (!kept)
    return find_outsiders(v);
  if (!kept->known || kept->slot != slot)
    *kept = (struct sync_outsiders){.known = true, .some = find_outsiders(v), .slot = slot};
  return kept->some;
}

const struct sync_world_ops sync_view_ops = {
    .gone = world_is_gone,
    .nth = world_nth,
    .count = world_count,
    .first = world_first,
    .newest = world_newest,
    .enter = world_enter,
    .outsiders = world_has_outsiders,
};
