/* sim/world_sync.c - locks, semaphores, events, barriers, conditions: the loop around the machines,
 * without the waiting; see world_internal.h. */
#include <assert.h>
#include <stdio.h>

#include "base/text.h"
#include "object/lock.h"
#include "sim/world_internal.h"

/* -- places -------------------------------------------------------------------------------------
 */

struct world_place *world_place_of(struct world *w, uint32_t slot, uint32_t i) {
  for (uint32_t k = 0; k < w->place_count; k++)
    if (w->places[k].slot == slot && w->places[k].process == i)
      return &w->places[k];
  return NULL;
}

struct world_place *world_place_add(struct world *w, uint32_t slot, uint32_t i, enum op_kind kind,
                                    bool patient) {
  struct world_place *p = world_place_of(w, slot, i);
  uint32_t at = w->place_count;
  if (p)
    return p;
  if (world_grow(&w->places, &w->place_cap, w->place_count, sizeof *w->places))
    return NULL;
  for (; at > 0 && w->places[at - 1].process > i; at--)
    w->places[at] = w->places[at - 1];
  w->place_count++;
  w->places[at] =
      (struct world_place){.slot = slot, .process = i, .kind = (uint16_t)kind, .patient = patient};
  return &w->places[at];
}

static void remove_place(struct world *w, uint32_t at) {
  w->place_count--;
  memmove(&w->places[at], &w->places[at + 1], (w->place_count - at) * sizeof *w->places);
}

void world_place_remove(struct world *w, uint32_t slot, uint32_t i) {
  struct world_place *p = world_place_of(w, slot, i);
  if (p)
    remove_place(w, (uint32_t)(p - w->places));
}

void world_places_clear(struct world *w, uint32_t i) {
  for (uint32_t k = w->place_count; k-- > 0;)
    if (w->places[k].process == i)
      remove_place(w, k);
}

static bool in_line(const struct world_place *p, uint32_t slot) {
  return p->slot == slot && p->ticket;
}

/* -- the world, as machines ask of it -------------------------------------------------------------
 */

static bool view_gone(void *ctx, uint64_t who) {
  const struct world_view *v = ctx;
  uint32_t i = who_slot(who);
  return i >= v->w->actor_count || who != world_who(i) ||
         v->w->actors[i].state.phase >= PHASE_EXITED;
}

static uint64_t view_nth(void *ctx, uint64_t after, uint64_t n) {
  const struct world_view *v = ctx;
  uint64_t last = 0;
  for (; n > 0; n--) {
    uint64_t next = 0;
    for (uint32_t k = 0; k < v->w->place_count; k++) {
      const struct world_place *p = &v->w->places[k];
      if (in_line(p, v->slot) && p->ticket > after && (next == 0 || p->ticket < next))
        next = p->ticket;
    }
    if (next == 0)
      break;
    last = after = next;
  }
  return last;
}

static uint64_t view_count(void *ctx, uint64_t after) {
  const struct world_view *v = ctx;
  uint64_t n = 0;
  for (uint32_t k = 0; k < v->w->place_count; k++)
    n += in_line(&v->w->places[k], v->slot) && v->w->places[k].ticket > after;
  return n;
}

static uint64_t view_first(void *ctx, bool second) {
  const struct world_view *v = ctx;
  const struct sync_machine *m = sync_machine_of(v->w->objects[v->slot].type);
  uint64_t first = 0;
  for (uint32_t k = 0; k < v->w->place_count; k++) {
    const struct world_place *p = &v->w->places[k];
    if (in_line(p, v->slot) && sync_is_second(m, (enum op_kind)p->kind) == second &&
        !v->w->actors[p->process].stopped && (first == 0 || p->ticket < first))
      first = p->ticket;
  }
  return first;
}

static uint64_t view_newest(void *ctx) { return ((struct world_view *)ctx)->w->last_ticket; }

static uint64_t view_enter(void *ctx) {
  struct world_view *v = ctx;
  if (view_count(v, 0) >= PLACES_IN_LINE)
    return 0;
  struct world_place *p = world_place_add(v->w, v->slot, v->process, v->kind, v->patient);
  if (p && p->ticket == 0)
    p->ticket = ++v->w->last_ticket;
  return p ? p->ticket : 0;
}

/* In line, and nothing but another process will end that. */
static bool waits_for_ever(const struct world_view *v, uint32_t i) {
  const struct world_place *p = world_place_of(v->w, v->slot, i);
  return p && p->patient;
}

static bool view_outsiders(void *ctx) {
  const struct world_view *v = ctx;
  for (uint32_t i = 0; i < v->w->actor_count; i++)
    if (v->w->actors[i].state.phase == PHASE_RUNNING && world_holds(v->w, i, v->slot) &&
        !waits_for_ever(v, i))
      return true;
  return world_is_stored(v->w, v->slot);
}

const struct sync_world_ops world_view_ops = {
    .gone = view_gone,
    .nth = view_nth,
    .count = view_count,
    .first = view_first,
    .newest = view_newest,
    .enter = view_enter,
    .outsiders = view_outsiders,
};

/* -- one look -----------------------------------------------------------------------------------
 */

uint32_t world_target(const struct world *w, const struct request *r) {
  uint32_t slot = r->object.slot;
  bool of_lock = r->kind == OP_LOCK_ACQUIRE || r->kind == OP_LOCK_RELEASE;
  return of_lock && r->object.type == OBJECT_CONDITION ? w->objects[slot].lock : slot;
}

static struct sync_step step_of(struct world *w, uint32_t i, uint32_t slot, enum op_kind kind,
                                bool patient) {
  const struct world_place *p = world_place_of(w, slot, i);
  return (struct sync_step){
      .kind = kind, .who = world_who(i), .ticket = p ? p->ticket : 0, .patient = patient};
}

bool world_enabled(struct world *w, uint32_t i, uint32_t slot, enum op_kind kind, bool patient) {
  struct world_object *o = &w->objects[slot];
  struct sync_step step = step_of(w, i, slot, kind, patient);
  struct world_view view = {.w = w, .slot = slot, .process = i, .kind = kind, .patient = patient};
  return sync_machine_of(o->type)->enabled(o->words, &step, VIEW_WORLD(&view));
}

/* It was done: the object remembers that. A lock that is taken again was taken before. */
static void note(struct world_object *o, const struct request *r, const struct sync_step *step) {
  if (!r->source || !op_describe(step->kind)->past ||
      (step->kind == OP_LOCK_ACQUIRE && o->words[LOCK_DEPTH] > (step->count ? step->count : 1)))
    return;
  struct past_event *e = &o->past.events[o->past.count++ % PAST_EVENTS];
  *e = (struct past_event){.who = step->who,
                           .kind = (uint32_t)step->kind,
                           .line = r->line,
                           .vain = step->wake == 0,
                           .scoped = r->number != 0};
  text_copy(e->source, sizeof e->source, r->source);
}

int world_apply(struct world *w, uint32_t i, uint32_t slot, const struct request *r,
                struct sync_step *step) {
  struct world_object *o = &w->objects[slot];
  struct op *op = step->op;
  uint64_t count = step->count;
  bool patient = r->deadline_ns == SBX_FOREVER;
  struct world_view view = {
      .w = w, .slot = slot, .process = i, .kind = step->kind, .patient = patient};
  *step = step_of(w, i, slot, step->kind, patient);
  step->op = op;
  step->count = count;
  int rc = sync_machine_of(o->type)->apply(o->words, step, VIEW_WORLD(&view));
  if (rc >= 0)
    note(o, r, step);
  return rc;
}

/* Does the order of arrival count? */
static bool lines_up(enum op_kind kind) {
  return kind == OP_EVENT_WAIT || kind == OP_RWLOCK_READ || kind == OP_RWLOCK_WRITE;
}

/* Must it still join the line? That is a step of its own: whoever sets the event, and clears it,
 * may come before. */
static bool must_join(struct world *w, uint32_t i, uint32_t slot, const struct request *r) {
  const struct world_place *p = world_place_of(w, slot, i);
  return lines_up(r->kind) && !deadline_is_over(w, r->deadline_ns) && (!p || !p->ticket);
}

enum world_can world_sync_can(struct world *w, uint32_t i, const struct request *r) {
  uint32_t slot = world_target(w, r);
  bool patient = r->deadline_ns == SBX_FOREVER;
  return world_if(w, r, world_enabled(w, i, slot, r->kind, patient) || must_join(w, i, slot, r));
}

static int join_line(struct world *w, uint32_t i, uint32_t slot, const struct request *r) {
  struct world_view view = {.w = w,
                            .slot = slot,
                            .process = i,
                            .kind = r->kind,
                            .patient = r->deadline_ns == SBX_FOREVER};
  return view_enter(&view) ? WORLD_GOES_ON : -SBX_ENOMEM;
}

int world_sync_do(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  uint32_t slot = world_target(w, r);
  struct world_op *op = &w->actors[i].op;
  struct sync_step step = {.kind = r->kind, .count = op->arrival ? op->arrival : r->count};
  if (must_join(w, i, slot, r) &&
      !world_enabled(w, i, slot, r->kind, r->deadline_ns == SBX_FOREVER))
    return join_line(w, i, slot, r);
  int rc = world_apply(w, i, slot, r, &step);
  if (rc == SYNC_ENTERED) {
    op->arrival = step.count;
    return WORLD_GOES_ON;
  }
  a->rc = rc < 0 ? rc : step.result;
  a->count = step.count;
  a->abandoned = step.abandoned;
  return 0;
}

void world_leave_line(struct world *w, uint32_t i, uint32_t slot, const struct request *r) {
  struct world_object *o = &w->objects[slot];
  const struct sync_machine *m = sync_machine_of(o->type);
  struct sync_step step = step_of(w, i, slot, r->kind, false);
  struct world_view view = {.w = w, .slot = slot, .process = i, .kind = r->kind};
  world_place_remove(w, slot, i);
  if (m && m->give_up && step.ticket)
    m->give_up(o->words, &step, VIEW_WORLD(&view));
}

/* -- giving up ----------------------------------------------------------------------------------
 */

int world_give_up(struct world *w, uint32_t i, const struct request *r, int rc, struct answer *a) {
  if (r->kind == OP_SELECT)
    a->number = -1;
  if (r->kind == OP_CONDITION_WAIT && w->actors[i].op.wait.step != CONDITION_ENTER)
    return world_condition_give_up(w, i, r, rc, a);
  if (r->kind == OP_QUEUE_MEET)
    return world_queue_give_up(w, i, r, rc, a);
  if (sync_machine_of((enum object_type)r->object.type))
    world_leave_line(w, i, world_target(w, r), r);
  a->rc = rc;
  a->count = w->actors[i].op.arrival;
  return 0;
}

/* -- the end of a process -----------------------------------------------------------------------
 */

/* Calls `leave` of the machine on the words; true: they have changed. */
static bool leave_object(struct world *w, uint32_t i, uint32_t slot, enum sync_end how,
                         uint64_t *words) {
  const struct world_object *o = &w->objects[slot];
  const struct sync_machine *m = o->serial ? sync_machine_of(o->type) : NULL;
  struct sync_step step = {.who = world_who(i)};
  if (!m || !m->leave)
    return false;
  bool taken =
      m->taken_by && m->taken_by(words, step.who) != OP_NONE; /* also if its handle is gone */
  return (taken || world_holds(w, i, slot)) && m->leave(words, &step, how);
}

void world_leave(struct world *w, uint32_t i, enum sync_end how) {
  for (uint32_t slot = 0; slot < w->object_end; slot++)
    leave_object(w, i, slot, how, w->objects[slot].words);
}

bool world_would_leave(struct world *w, uint32_t i, enum sync_end how) {
  uint64_t copy[SYNC_WORDS];
  for (uint32_t slot = 0; slot < w->object_end; slot++) {
    memcpy(copy, w->objects[slot].words, sizeof copy);
    if (leave_object(w, i, slot, how, copy))
      return true;
  }
  return false;
}

/* -- making and telling -------------------------------------------------------------------------
 */

/* The lock of a new condition: that of the request, or one of its own; held once more. */
static int condition_lock(struct world *w, uint32_t i, const struct request *r, uint32_t *ret) {
  if (r->lock.type != OBJECT_NONE) {
    if (!world_find(w, &r->lock))
      return -SBX_EGONE;
    world_hold(w, i, &r->lock);
    *ret = r->lock.slot;
    return 0;
  }
  int rc = world_make(w, i, OBJECT_LOCK, r->name, ret);
  if (rc == 0)
    lock_machine.init(w->objects[*ret].words, &(struct sync_options){.recursive = true});
  return rc;
}

int world_sync_new(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  struct sync_options o = r->sync;
  uint32_t slot, lock = 0;
  o.type = op_describe(r->kind)->type;
  o.maker = world_who(i);
  if (o.type == OBJECT_BARRIER && o.count > PLACES_IN_LINE)
    a->rc = -SBX_ECROWD;
  if (o.type == OBJECT_CONDITION)
    a->rc = condition_lock(w, i, r, &lock);
  if (a->rc)
    return a->rc == -SBX_ENOMEM ? a->rc : 0;
  int rc = world_make(w, i, o.type, r->name, &slot);
  if (rc)
    return rc;
  sync_machine_of(o.type)->init(w->objects[slot].words, &o);
  w->objects[slot].lock = lock;
  if (o.type == OBJECT_ARRAY && (rc = world_array_begin(&w->objects[slot], r)))
    return rc;
  a->made = world_ref(w, slot);
  return 0;
}

/* It was woken up in the wait for a condition, and has to have this lock. */
static bool wants_lock(struct world *w, const struct world_place *p, uint32_t slot) {
  const struct world_object *o = &w->objects[p->slot];
  return w->options.merge_relock && o->type == OBJECT_CONDITION && o->lock == slot &&
         world_enabled(w, p->process, p->slot, OP_CONDITION_WAIT, p->patient);
}

/* Do processes wait for it by their order of arrival? */
static bool has_line(enum object_type type) {
  return !sync_machine_of(type)->in_order && type != OBJECT_LATCH;
}

/* Of a machine without order, those that could not go on. */
static uint64_t count_waiting(struct world *w, uint32_t slot) {
  struct world_view view = {.w = w, .slot = slot, .process = NOBODY};
  uint64_t n = 0;
  if (has_line(w->objects[slot].type))
    return view_count(&view, 0);
  for (uint32_t k = 0; k < w->place_count; k++) {
    const struct world_place *p = &w->places[k];
    enum op_kind kind = wants_lock(w, p, slot) ? OP_LOCK_ACQUIRE : (enum op_kind)p->kind;
    n += (p->slot == slot || wants_lock(w, p, slot)) &&
         !world_enabled(w, p->process, slot, kind, p->patient);
  }
  return n;
}

void world_describe_sync(struct world *w, uint32_t slot, struct sync_info *ret) {
  struct world_object *o = &w->objects[slot];
  struct world_view view = {.w = w, .slot = slot, .process = NOBODY};
  *ret = (struct sync_info){.waiting = count_waiting(w, slot)};
  memcpy(ret->name, o->name, sizeof ret->name);
  sync_machine_of(o->type)->describe(o->words, VIEW_WORLD(&view), ret);
  if (ret->holder && world_gone(VIEW_WORLD(&view), ret->holder)) /* which one is forgotten */
    ret->holder = ret->depth = 0;
  if (ret->holder)
    memcpy(ret->holder_name, w->actors[who_slot(ret->holder)].name, sizeof ret->holder_name);
  ret->holder = who_serial(ret->holder);
  ret->id = o->serial;
}

int world_sync_look(struct world *w, uint32_t i, const struct request *r, struct answer *a) {
  (void)i;
  world_describe_sync(w, r->object.slot, &a->sync);
  return 0;
}
