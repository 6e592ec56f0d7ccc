/* net/sync.c - objects of the machines of object/sync.h: made, used, looked at, and given up by a process that ends. */
#include "base/text.h"
#include "net/internal.h"
#include "net/world.h"

int net_sync_do(struct net *n, struct op *op) {
  struct net_call c;
  struct net_object *o = net_object_of(n, op->object);
  if (!o)
    return -SBX_ENOMEM;
  call_begin(&c, n, op, o);
  int rc = call_finish(&c);
  call_release(&c);
  return rc;
}

static struct net_state first_state(const char *name, enum object_type type) {
  struct net_state s = {.type = type, .generation = 1};
  if (name)
    text_copy_name(s.name, sizeof s.name, name);
  return s;
}

int net_sync_new(struct net *n, struct op *op) {
  struct sync_options o = *op->new_sync;
  struct net_state s = first_state(o.name, o.type);
  struct op of_lock = {.kind = OP_LOCK_NEW, .number = 1}; /* see net_create_as */
  if (o.type == OBJECT_BARRIER && o.count > PLACES_MOST)
    return -SBX_ECROWD;
  o.maker = n->who;
  if (o.type == OBJECT_CONDITION && o.lock) {
    struct object_ref ref;
    if (!net_has(n, o.lock))
      return n->o.tag ? -SBX_EWORLD : -SBX_EINVAL;
    n->inner->object_ref(o.lock, &ref);
    net_object_of(n, o.lock)->sent = true; /* it lives as long as the condition */
    s.aux = net_id(&ref);
  } else if (o.type == OBJECT_CONDITION) {
    struct sync_options lock = {.type = OBJECT_LOCK, .name = o.name, .recursive = true};
    struct object_ref ref;
    of_lock.new_sync = &lock;
    int rc = net_sync_new(n, &of_lock);
    if (rc)
      return rc;
    n->inner->object_ref(of_lock.object, &ref);
    net_object_of(n, of_lock.object)->sent = true;
    s.aux = net_id(&ref);
    n->below->drop(n->below->ctx, of_lock.object);
  }
  sync_machine_of(o.type)->init(s.words, &o);
  return net_create(n, &s, op);
}

/* Of machines in order, those that could not go on do not count as waiting; and the others do. */
static uint64_t count_waiting(struct net *n, struct net_state *s) {
  const struct sync_machine *m = sync_machine_of(s->type);
  struct net_view view = {.n = n, .s = s};
  uint64_t waiting = 0;
  for (uint32_t i = 0; i < s->line_count; i++) {
    const struct net_place *p = &s->line[i];
    const struct sync_step step = {.kind = (enum op_kind)p->kind,
                                   .who = p->who,
                                   .ticket = p->ticket,
                                   .patient = p->flags & PLACE_PATIENT};
    waiting += !net_is_dead(n, p->who) &&
               (s->type == OBJECT_CONDITION || !m->enabled(s->words, &step, NET_WORLD(&view)));
  }
  return waiting;
}

int net_sync_look(struct net *n, struct op *op) {
  struct net_object *o = net_object_of(n, op->object);
  struct sync_info *ret = op->sync_info;
  struct engine_reply *r = NULL;
  struct net_args a;
  if (!o)
    return -SBX_ENOMEM;
  args_begin(&a);
  if (o->type == OBJECT_DICT) {
    args_command(&a, 1);
    args_text(&a, "HLEN");
  }
  int rc = net_look(n, o, &a, &r);
  args_release(&a);
  if (rc)
    return rc;
  struct net_view view = {.n = n, .s = &o->seen};
  *ret = (struct sync_info){.waiting = count_waiting(n, &o->seen)};
  memcpy(ret->name, o->seen.name, sizeof ret->name);
  sync_machine_of(o->type)->describe(o->seen.words, NET_WORLD(&view), ret);
  if (ret->holder && net_is_dead(n, ret->holder))
    ret->holder = ret->depth = 0;
  if (ret->holder)
    net_name_of(n, ret->holder, ret->holder_name);
  ret->holder = who_serial(ret->holder);
  ret->id = o->id;
  if (o->type == OBJECT_DICT)
    ret->count = (uint64_t)engine_integer(engine_at(r, LOOK_ANSWERS));
  engine_free(r);
  return 0;
}

/* -- the end of a process ----------------------------------------------------------------------- */

static void tell_forgotten(struct net *n, const struct net_object *o, const struct net_state *s) {
  struct backend *b = n->backend;
  const struct sync_machine *m = sync_machine_of(o->type);
  enum op_kind kind = m->taken_by ? m->taken_by(s->words, n->who) : OP_NONE;
  struct forgotten f = {.type = o->type,
                        .id = o->id,
                        .scoped = o->taken_scoped,
                        .world = n->departs ? net_world_name(&n->o) : NULL};
  if (kind == OP_NONE || o->handles == 0 || !b->forgot || b->self->quiet(b) ||
      (f.scoped && b->exits))
    return;
  memcpy(f.name, s->name, sizeof f.name);
  memcpy(f.where, o->taken_at, sizeof f.where);
  b->forgot(b->signal_ctx, &f);
}

static int leave_object(struct net *n, struct net_object *o, enum sync_end how) {
  const struct sync_machine *m = sync_machine_of(o->type);
  struct op none = {.kind = OP_NONE};
  struct net_call c;
  int rc;
  if (!m || !m->leave || !o->used)
    return 0;
  call_begin(&c, n, &none, o);
  bool told = false;
  do {
    if ((rc = net_see(n, o)) || (rc = state_copy(&c.next, &o->seen)))
      break;
    c.step.wake = c.step.wake_second = 0;
    if (!m->leave(c.next.words, &c.step, how))
      break;
    if (!told)
      tell_forgotten(n, o, &o->seen);
    told = true;
    rc = call_commit(&c, true, NULL, NULL);
  } while (rc == WORD_OLD);
  call_release(&c);
  return rc < 0 ? rc : 0;
}

int net_leave(struct net *n, enum sync_end how) {
  int rc = 0;
  for (int i = 0; i < CHAINS; i++)
    for (struct net_object *o = n->chains[i]; o && rc == 0; o = o->next)
      rc = leave_object(n, o, how);
  return rc;
}
