/* sim/world_snapshot.c - a world as look/snapshot.h has it, for those who say who waits for whom. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "look/snapshot.h"
#include "sim/world_internal.h"

/* A look under way. */
struct look {
  struct world *w;
  const struct request *const *asked;
  struct snapshot *s;
};

/* -- what processes wait in ---------------------------------------------------------------------
 */

/* The queue from which an end of a pipe receives was made two before it. */
static uint64_t queue_of_end(const struct world_object *end) { return end->serial - 2; }

static void tell_name(const struct world *w, struct snapshot_need *n) {
  const char *name = n->type == OBJECT_PROCESS ? w->actors[n->slot].name
                     : n->type != OBJECT_CLOCK ? w->objects[n->slot].name
                                               : "";
  text_copy(n->object_name, sizeof n->object_name, name);
}

/* An op of process i, or one of those of its select. */
static struct snapshot_need need_of(struct world *w, uint32_t i, const struct request *r,
                                    bool patient) {
  struct snapshot_need n = {.kind = r->kind,
                            .type = op_describe(r->kind)->type,
                            .slot = r->object.slot,
                            .object = r->object.serial};
  if (n.type == OBJECT_LOCK) { /* that of a condition, maybe */
    n.slot = world_target(w, r);
    n.object = w->objects[n.slot].serial;
  }
  if (n.kind == OP_QUEUE_MEET) {
    const struct queue_state *q = &w->objects[n.slot].queue;
    n.ticket = (uint32_t)(q->offer == world_who(i) ? q->got + 1 : q->got);
  }
  if (n.type == OBJECT_PIPE)
    n.queue = queue_of_end(&w->objects[n.slot]);
  if (sync_machine_of(n.type) && n.type != OBJECT_PIPE)
    n.ready = world_enabled(w, i, n.slot, n.kind, patient);
  if (n.kind == OP_PROCESS_FIND)
    snprintf(n.object_name, sizeof n.object_name, "%.*s", (int)r->len, (const char *)r->data);
  else
    tell_name(w, &n);
  return n;
}

/* A process that awaits its children waits for the first of them, as if it joined it. */
static struct request first_child(const struct world *w, uint32_t i) {
  for (uint32_t k = 0; k < w->actor_count; k++)
    if (w->actors[k].spawner == i && !w->actors[k].daemon && actor_lives(&w->actors[k]))
      return (struct request){.kind = OP_PROCESS_JOIN, .object = world_actor_ref(k)};
  return (struct request){.kind = OP_NONE};
}

/* A wait for a condition that is over, but for the lock. */
static bool waits_for_lock(struct world *w, uint32_t i, const struct request *r) {
  const struct world_op *op = &w->actors[i].op;
  if (r->kind != OP_CONDITION_WAIT || op->wait.step == CONDITION_RELOCK)
    return r->kind == OP_CONDITION_WAIT;
  return op->wait.step == CONDITION_AWAIT && w->options.merge_relock &&
         (deadline_is_over(w, r->deadline_ns) ||
          world_enabled(w, i, r->object.slot, r->kind, true));
}

/* What the process really waits in. */
static struct request waiting_in(struct world *w, uint32_t i, const struct request *r) {
  struct request real = *r;
  if (r->kind == OP_PROCESS_AWAIT) {
    real = first_child(w, i);
    real.deadline_ns = SBX_FOREVER;
  } else if (waits_for_lock(w, i, r)) {
    real.kind = OP_LOCK_ACQUIRE;
    real.object = world_ref(w, w->objects[r->object.slot].lock);
    real.deadline_ns = SBX_FOREVER;
  }
  return real;
}

static void fill_op(struct world *w, uint32_t i, const struct request *asked,
                    struct snapshot_op *ret) {
  *ret = (struct snapshot_op){.kind = OP_NONE};
  if (!op_describe(asked->kind)->blocks || !world_is_sound(w, asked))
    return;
  const struct request r = waiting_in(w, i, asked);
  bool patient = r.deadline_ns == SBX_FOREVER;
  *ret = (struct snapshot_op){.kind = r.kind,
                              .items = r.kind == OP_QUEUE_GET && r.number == 1,
                              .since_ns = w->now_ns,
                              .deadline_ns = world_deadline(w, i, asked),
                              .sleep_id = 1};
  if (r.kind == OP_NONE)
    return;
  ret->steady = world_can(w, i, asked) == WORLD_WAITS && !w->actors[i].stopped;
  if (r.kind != OP_SELECT) {
    ret->needs[ret->need_count++] = need_of(w, i, &r, patient);
    return;
  }
  ret->needs_more = r.sub_count > SELECT_SHOWN;
  for (uint32_t k = 0; k < r.sub_count && k < SELECT_SHOWN; k++)
    ret->needs[ret->need_count++] = need_of(w, i, &r.subs[k], false);
}

/* -- processes ----------------------------------------------------------------------------------
 */

static void fill_process(const struct look *l, uint32_t i, const char *where,
                         struct snapshot_process *ret) {
  const struct world_actor *p = &l->w->actors[i];
  bool lives = actor_lives(p);
  *ret = (struct snapshot_process){.id = (uint64_t)i + 1,
                                   .slot = i,
                                   .pid = (int64_t)i + 1,
                                   .status = lives && p->stopped ? PROCESS_STOPPED
                                                                 : process_status_of(&p->state),
                                   .lives = lives,
                                   .daemon = p->daemon,
                                   .joined = p->joined,
                                   .spawner = p->spawner == NOBODY ? 0 : (uint64_t)p->spawner + 1,
                                   .exit_code = lives || p->state.signal ? -1 : p->state.exit_code,
                                   .signal = lives ? 0 : p->state.signal};
  text_copy(ret->name, sizeof ret->name, p->name);
  text_copy(ret->spawned_at, sizeof ret->spawned_at, p->where);
  text_copy(ret->where, sizeof ret->where, where ? where : "");
  if (lives && l->asked[i])
    fill_op(l->w, i, l->asked[i], &ret->op);
}

static int list_processes(const struct look *l, const char *const *where) {
  struct snapshot *s = l->s;
  s->processes = calloc(l->w->actor_count, sizeof *s->processes);
  if (!s->processes)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < l->w->actor_count; i++)
    fill_process(l, i, where ? where[i] : NULL, &s->processes[s->process_count++]);
  return 0;
}

/* -- queues -------------------------------------------------------------------------------------
 */

/* A process that has either end of a pipe has the queue. */
static bool has(const struct world *w, uint32_t i, uint32_t slot) {
  const struct world_object *o = &w->objects[slot];
  if (world_holds(w, i, slot))
    return true;
  const struct object_ref peer = {.type = OBJECT_PIPE, .slot = o->peer, .serial = o->peer_serial};
  return o->type == OBJECT_PIPE && world_find(w, &peer) && world_holds(w, i, o->peer);
}

static bool is_named(const struct world *w, uint32_t slot) {
  const struct world_object *o = &w->objects[slot];
  const struct object_ref peer = {.type = OBJECT_PIPE, .slot = o->peer, .serial = o->peer_serial};
  bool peers =
      o->type == OBJECT_PIPE && world_find(w, &peer) && (w->objects[o->peer].mark & MARK_STORED);
  return peers || (o->mark & MARK_STORED);
}

static int list_people(const struct look *l, uint32_t slot, struct snapshot_queue *q) {
  int rc = 0;
  for (uint32_t i = 0; i < l->s->process_count && rc == 0; i++) {
    const struct snapshot_process *p = &l->s->processes[i];
    if (p->lives && has(l->w, i, slot))
      rc = index_list_add(&q->holders, i);
    for (uint32_t k = 0; k < p->op.need_count && rc == 0; k++) {
      const struct snapshot_need *n = &p->op.needs[k];
      bool pipe = n->type == OBJECT_PIPE && n->queue == q->id;
      if (pipe || (n->kind == OP_QUEUE_GET && n->object == q->id))
        rc = index_list_add(&q->readers, i);
      else if ((n->kind == OP_QUEUE_PUT || n->kind == OP_QUEUE_MEET) && n->object == q->id)
        rc = index_list_add(&q->writers, i);
    }
  }
  return rc;
}

static int add_queue(const struct look *l, uint32_t slot) {
  const struct world_object *o = &l->w->objects[slot];
  struct snapshot_queue *q = &l->s->queues[l->s->queue_count++];
  *q = (struct snapshot_queue){.id = o->type == OBJECT_PIPE ? queue_of_end(o) : o->serial,
                               .slot = slot,
                               .items = queue_len(&o->queue),
                               .undone = queue_undone(&o->queue),
                               .put = o->queue.put,
                               .in_hand = queue_in_hand(&o->queue),
                               .max = o->queue.max,
                               .owner = o->type == OBJECT_QUEUE ? o->owner : 0,
                               .bytes = o->contents.len - o->head,
                               .transport = (enum queue_transport)o->transport,
                               .closed = o->queue.closed,
                               .exact = true,
                               .named = is_named(l->w, slot)};
  memcpy(q->name, o->name, sizeof q->name);
  return list_people(l, slot, q);
}

/* -- synchronisation objects --------------------------------------------------------------------
 */

static int list_owners(const struct look *l, uint32_t slot, struct snapshot_sync *sync) {
  const struct world_object *o = &l->w->objects[slot];
  const struct sync_machine *m = sync_machine_of(o->type);
  uint64_t owners[SYNC_WORDS];
  uint32_t n = m->watch_only ? m->watch(o->words, owners) : 0;
  int rc = 0;
  for (uint32_t i = 0; i < l->s->process_count && rc == 0; i++) {
    for (uint32_t k = 0; k < n; k++)
      if (owners[k] == world_who(i)) {
        rc = index_list_add(&sync->owners, i);
        break;
      }
    if (rc == 0 && l->s->processes[i].lives && world_holds(l->w, i, slot))
      rc = index_list_add(&sync->holders, i);
  }
  return rc;
}

static void list_past(const struct look *l, const struct world_past *past,
                      struct snapshot_sync *sync) {
  uint32_t n = past->count < PAST_EVENTS ? past->count : PAST_EVENTS;
  for (uint32_t k = 0; k < n; k++) {
    struct snapshot_event *e = &sync->past[sync->past_count++];
    e->event = past->events[(past->count - 1 - k) % PAST_EVENTS];
    uint32_t i = who_slot(e->event.who);
    text_copy(e->by, sizeof e->by, i < l->w->actor_count ? l->w->actors[i].name : "");
  }
}

static int add_sync(const struct look *l, uint32_t slot) {
  const struct world_object *o = &l->w->objects[slot];
  struct snapshot_sync *sync = &l->s->syncs[l->s->sync_count++];
  *sync = (struct snapshot_sync){
      .id = o->serial, .slot = slot, .type = o->type, .named = o->mark & MARK_STORED};
  if (o->type == OBJECT_PIPE)
    sync->queue = queue_of_end(o);
  if (o->type == OBJECT_CONDITION)
    sync->lock = l->w->objects[o->lock].serial;
  memcpy(sync->name, o->name, sizeof sync->name);
  world_describe_sync(l->w, slot, &sync->info);
  list_past(l, &o->past, sync);
  return list_owners(l, slot, sync);
}

/* -- together -----------------------------------------------------------------------------------
 */

static int list_objects(const struct look *l) {
  struct snapshot *s = l->s;
  int rc = 0;
  s->queues = calloc(l->w->object_end + 1, sizeof *s->queues);
  s->syncs = calloc(l->w->object_end + 1, sizeof *s->syncs);
  if (!s->queues || !s->syncs)
    return -SBX_ENOMEM;
  world_reach(l->w);
  for (uint32_t slot = 0; slot < l->w->object_end && rc == 0; slot++) {
    const struct world_object *o = &l->w->objects[slot];
    if (o->serial && (o->type == OBJECT_QUEUE || o->type == OBJECT_PIPE))
      rc = add_queue(l, slot);
    if (rc == 0 && o->serial && sync_machine_of(o->type))
      rc = add_sync(l, slot);
  }
  snapshot_sort_queues(s);
  snapshot_sort_syncs(s);
  return rc;
}

int world_look(struct world *w, const struct request *const *asked, const char *const *where,
               struct snapshot *ret) {
  struct snapshot s = {.taken_ns = w->now_ns, .settled = true};
  const struct look l = {.w = w, .asked = asked, .s = &s};
  int rc = list_processes(&l, where);
  if (rc == 0)
    rc = list_objects(&l);
  if (rc)
    snapshot_release(&s);
  else
    *ret = s;
  return rc;
}
