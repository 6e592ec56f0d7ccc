/* os/supervisor/snapshot_sync.c - locks, semaphores, events, ... that somebody waits for; see snapshot.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "object/pipe.h"
#include "os/shared/names.h"
#include "os/shared/past.h"
#include "os/supervisor/snapshot_internal.h"
#include "os/sync/sync.h"

/* While they are found, they are in no order. */
static bool is_listed(const struct snapshot *s, uint64_t id) {
  for (uint32_t i = s->sync_count; i-- > 0;)
    if (s->syncs[i].id == id)
      return true;
  return false;
}

static int add_sync(struct snapshot *s, const struct snapshot_need *n) {
  struct snapshot_sync *grown = realloc(s->syncs, (s->sync_count + 1) * sizeof *grown);
  if (!grown)
    return -SBX_ENOMEM;
  s->syncs = grown;
  s->syncs[s->sync_count++] = (struct snapshot_sync){.id = n->object, .slot = n->slot};
  return 0;
}

/* Its owners, if it has any. */
static int list_owners(const struct control *c, const struct snapshot *s,
                       struct snapshot_sync *sync) {
  uint64_t owners[SYNC_WORDS];
  uint32_t n = sync_owners(c, sync->slot, owners);
  int rc = 0;
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++)
    for (uint32_t k = 0; k < n; k++)
      if (owners[k] == who_of(s->processes[i].slot, s->processes[i].id)) {
        rc = index_list_add(&sync->owners, i);
        break;
      }
  return rc;
}

static int list_holders(const struct control *c, const struct snapshot *s,
                        struct snapshot_sync *sync) {
  int rc = 0;
  uint64_t bit = UINT64_C(1) << (sync->slot % 64);
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++)
    if (s->processes[i].lives &&
        (atomic_load(&c->held[s->processes[i].slot][sync->slot / 64]) & bit))
      rc = index_list_add(&sync->holders, i);
  return rc;
}

static void list_past(const struct control *c, const struct sync_record *r,
                      struct snapshot_sync *sync) {
  struct past_event e;
  for (; past_read(&r->past, sync->past_count, &e); sync->past_count++) {
    struct snapshot_event *event = &sync->past[sync->past_count];
    const struct process_record *p = &c->processes[who_slot(e.who)];
    event->event = e;
    snprintf(event->by, sizeof event->by, "%.*s", NAME_MAX_BYTES - 1,
             p->serial == who_serial(e.who) ? p->name : "");
  }
}

static int note(const struct control *c, struct snapshot *s, const struct snapshot_need *n,
                const uint64_t stored[OBJECT_WORDS]) {
  if (is_listed(s, n->object))
    return 0;
  int rc = add_sync(s, n);
  if (rc)
    return rc;
  struct snapshot_sync *sync = &s->syncs[s->sync_count - 1];
  const struct sync_record *r = &c->syncs[n->slot];
  sync->type = (enum object_type)r->type;
  memcpy(sync->name, r->name, sizeof sync->name);
  sync->name[sizeof sync->name - 1] = '\0';
  sync_describe(c, n->slot, &sync->info);
  sync->info.id = n->object;
  sync->queue = sync->type == OBJECT_PIPE ? r->state[0][END_IN_SERIAL] : 0;
  sync->lock = r->lock_serial;
  list_past(c, r, sync);
  sync->named = names_has(stored, n->slot);
  rc = list_owners(c, s, sync);
  return rc ? rc : list_holders(c, s, sync);
}

/* Every live record. */
static int note_all(const struct control *c, struct snapshot *s,
                    const uint64_t stored[OBJECT_WORDS]) {
  int rc = 0;
  for (uint32_t slot = 0; slot < snapshot_object_end(c) && rc == 0; slot++) {
    uint64_t stamp = atomic_load(&c->object_stamp[slot]);
    enum object_type type = (enum object_type)atomic_load(&c->objects[slot].type);
    const struct snapshot_need n = {.type = type, .slot = slot, .object = stamp_serial(stamp)};
    if (stamp_phase(stamp) == OBJECT_LIVE && sync_machine_of(type))
      rc = note(c, s, &n, stored);
  }
  return rc;
}

int snapshot_syncs(const struct control *c, struct snapshot *s, bool all,
                   const uint64_t stored[OBJECT_WORDS]) {
  struct sync_outsiders outsiders = {.known = false};
  int rc = 0;
  for (uint32_t i = 0; i < s->process_count; i++) {
    struct snapshot_process *p = &s->processes[i];
    for (uint32_t k = 0; k < p->op.need_count && rc == 0; k++) {
      struct snapshot_need *n = &p->op.needs[k];
      if (!sync_machine_of(n->type) || n->type == OBJECT_PIPE || n->slot >= OBJECT_SLOTS)
        continue;
      /* As sync_poll asks: an op of a select does not end with the error that it would wait for
       * itself. */
      bool patient = p->op.kind != OP_SELECT && p->op.deadline_ns == SBX_FOREVER;
      n->ready = sync_could_go_on(c, n->slot, p->slot, n->kind, patient, &outsiders);
      rc = note(c, s, n, stored);
    }
  }
  if (rc == 0 && all)
    rc = note_all(c, s, stored);
  snapshot_sort_syncs(s);
  return rc;
}
