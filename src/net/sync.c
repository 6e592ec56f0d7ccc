/* net/sync.c - the loop around the machines: look, apply to a copy, commit; or join the line and sleep. See net.h. */
#include <stdlib.h>

#include "base/text.h"
#include "net/internal.h"
#include "object/fair.h"

/* -- the world, as machines ask of it ----------------------------------------------------------- */

static bool view_gone(void *ctx, uint64_t who) {
  const struct net_view *v = ctx;
  return net_is_dead(v->n, who);
}

static bool counts(const struct net_view *v, const struct net_place *p) {
  const struct sync_machine *m = sync_machine_of(v->s->type);
  return !(m && sync_is_second(m, (enum op_kind)p->kind)) && !net_is_dead(v->n, p->who);
}

static uint64_t view_nth(void *ctx, uint64_t after, uint64_t n) {
  const struct net_view *v = ctx;
  uint64_t last = 0;
  for (uint32_t i = 0; i < v->s->line_count && n > 0; i++)
    if (v->s->line[i].ticket > after && counts(v, &v->s->line[i])) {
      last = v->s->line[i].ticket;
      n--;
    }
  return last;
}

static uint64_t view_count(void *ctx, uint64_t after) {
  const struct net_view *v = ctx;
  uint64_t n = 0;
  for (uint32_t i = 0; i < v->s->line_count; i++)
    n += v->s->line[i].ticket > after && counts(v, &v->s->line[i]);
  return n;
}

static uint64_t view_first(void *ctx, bool second) {
  const struct net_view *v = ctx;
  const struct sync_machine *m = sync_machine_of(v->s->type);
  for (uint32_t i = 0; i < v->s->line_count; i++) {
    const struct net_place *p = &v->s->line[i];
    if (sync_is_second(m, (enum op_kind)p->kind) == second && !net_is_dead(v->n, p->who))
      return p->ticket;
  }
  return 0;
}

static uint64_t view_newest(void *ctx) { return ((const struct net_view *)ctx)->s->last_ticket; }

static uint64_t view_enter(void *ctx) {
  const struct net_view *v = ctx;
  return state_join(v->s, v->n->who, v->kind, v->patient, net_ticks(v->n));
}

/* Nobody knows which processes have a handle: another may always come. */
static bool view_outsiders(void *ctx) {
  (void)ctx;
  return true;
}

const struct sync_world_ops net_view_ops = {
    .gone = view_gone,
    .nth = view_nth,
    .count = view_count,
    .first = view_first,
    .newest = view_newest,
    .enter = view_enter,
    .outsiders = view_outsiders,
};

/* -- bells --------------------------------------------------------------------------------------- */

struct ringing {
  uint64_t *bells;
  uint32_t count;
  uint64_t self;
};

static void ring(struct ringing *r, uint64_t who) {
  if (who == r->self)
    return;
  for (uint32_t i = 0; i < r->count; i++)
    if (r->bells[i] == who)
      return;
  r->bells[r->count++] = who;
}

/* Those that the machine names: so many of a line, the first first. */
static void ring_some(struct ringing *r, const struct net_state *s, bool second, uint64_t n,
                      uint64_t after) {
  const struct sync_machine *m = sync_machine_of(s->type);
  for (uint32_t i = 0; i < s->line_count && n > 0; i++)
    if (s->line[i].ticket > after && sync_is_second(m, (enum op_kind)s->line[i].kind) == second) {
      ring(r, s->line[i].who);
      n -= n != (uint64_t)SYNC_ALL;
    }
}

/*
 * Those that could go on. Of a machine that serves in order the first of each kind is enough: when it has gone on,
 * or left, it rings the next.
 */
static void ring_enabled(struct ringing *r, struct net *n, struct net_state *s) {
  const struct sync_machine *m = sync_machine_of(s->type);
  struct net_view view = {.n = n, .s = s};
  bool rung[OP_COUNT] = {false};
  for (uint32_t i = 0; i < s->line_count; i++) {
    const struct net_place *p = &s->line[i];
    struct sync_step step = {.kind = (enum op_kind)p->kind,
                             .who = p->who,
                             .ticket = p->ticket,
                             .patient = p->flags & PLACE_PATIENT};
    if ((m->in_order && rung[p->kind]) || net_is_dead(n, p->who) ||
        !m->enabled(s->words, &step, NET_WORLD(&view)))
      continue;
    ring(r, p->who);
    rung[p->kind] = true;
  }
}

uint32_t net_bells(struct net *n, struct net_state *next, const struct sync_step *step,
                   uint64_t *bells) {
  struct ringing r = {.bells = bells, .self = n->who};
  if (next->line_count == 0)
    return 0;
  if (step && step->wake)
    ring_some(&r, next, false, step->wake, step->wake_after);
  if (step && step->wake_second)
    ring_some(&r, next, true, step->wake_second, 0);
  ring_enabled(&r, n, next);
  return r.count;
}

/* -- one call ------------------------------------------------------------------------------------ */

void call_begin(struct net_call *c, struct net *n, struct op *op, struct net_object *o) {
  *c = (struct net_call){
      .n = n,
      .op = op,
      .o = o,
      .machine = sync_machine_of(o->type),
      .step = {.kind = op->kind,
               .op = op,
               .who = n->who,
               .patient = op->deadline_ns == SBX_FOREVER,
               .count = op->count},
  };
  if (op->value)
    c->given = op->value->number;
}

void call_release(struct net_call *c) {
  state_release(&c->next);
  buf_release(&c->keep);
  buf_release(&c->read);
}

/* The ticket that this process has in the state that is seen. */
static void find_ticket(struct net_call *c) {
  const struct net_place *p = state_place(&c->o->seen, c->n->who, c->op->kind);
  c->step.ticket = p ? p->ticket : 0;
}

enum {
  PRESENT_S = 10,
  CONFIRM_S = 3
}; /* a place counts for so long; and is confirmed when it is so old */

static uint64_t age_of(struct net *n, const struct net_place *p) {
  return (net_ticks(n) - p->since) & ((UINT64_C(1) << 40) - 1);
}

/*
 * Must another go first (object/fair.h)? One that has not said for long that it is there may be stopped, and
 * holds up nobody.
 */
static bool must_yield(struct net_call *c) {
  const uint64_t due = FAIR_WAIT_NS / (NS_PER_SECOND / TICKS_A_SECOND);
  const struct net_state *s = &c->o->seen;
  if (s->line_count == 0 || sync_passes_line(c->machine, s->words, &c->step))
    return false;
  for (uint32_t i = 0; i < s->line_count; i++) {
    const struct net_place *p = &s->line[i];
    if (sync_is_second(c->machine, (enum op_kind)p->kind) || net_is_dead(c->n, p->who))
      continue;
    const struct fair_first first = {.ticket = p->ticket, .self = p->who == c->n->who};
    uint64_t age = age_of(c->n, p);
    if (age >= PRESENT_S * TICKS_A_SECOND && age < UINT64_C(1) << 39)
      continue;
    return fair_stands_before(&first, c->step.ticket) && age >= due && age < UINT64_C(1) << 39;
  }
  return false;
}

/* Commit c->next, with what the storage brings along. */
static int commit(struct net_call *c, bool changed, const struct net_args *commands,
                  struct engine_reply **ret) {
  uint64_t *bells = NULL;
  uint32_t count = 0;
  if (c->o->seen.line_count) {
    if (!(bells = malloc((c->next.line_count + 1) * sizeof *bells)))
      return -SBX_ENOMEM;
    count = net_bells(c->n, &c->next, &c->step, bells);
  }
  int rc = net_commit(c->n, c->o, changed ? &c->next : NULL, commands, bells, count, ret);
  free(bells);
  return rc;
}

static bool same_words(const struct net_state *a, const struct net_state *b) {
  return memcmp(a->words, b->words, sizeof a->words) == 0 && a->line_count == b->line_count &&
         a->last_ticket == b->last_ticket;
}

/* Where this process took what it has in its hands: for the report that it forgot to give it back. */
static void note_place(struct net_call *c) {
  const struct op_place *at = c->op->place;
  if (!c->machine->taken_by || !op_describe(c->op->kind)->blocks)
    return;
  c->o->taken_at[0] = '\0';
  c->o->taken_scoped = c->op->number != 0;
  if (at)
    snprintf(c->o->taken_at, sizeof c->o->taken_at, "%.*s:%d", SOURCE_MAX, at->source, at->line);
}

/* Nothing is to be committed, so the state must be one that was seen since the op began. */
static bool is_stale(struct net_call *c) {
  if (c->fresh)
    return false;
  c->o->seen_epoch = 0;
  return true;
}

/* The op is enabled. 0 or a code: over; CALL_WAITS: it waits from now on; WORD_OLD + CALL_AGAIN: once more. */
enum { CALL_AGAIN = 2 };

static int apply(struct net_call *c) {
  struct net_args commands;
  struct engine_reply *answers = NULL;
  struct net_view view = {
      .n = c->n, .s = &c->next, .kind = c->op->kind, .patient = c->step.patient};
  struct sync_step fresh = c->step; /* of a commit that fails nothing stays */
  args_begin(&commands);
  int rc = state_copy(&c->next, &c->o->seen);
  if (rc)
    return rc;
  c->step.wake = c->step.wake_second = c->step.wake_after = 0;
  if (c->op->value)
    c->op->value->number = c->given; /* as it was before a commit that failed */
  rc = c->machine->apply(c->next.words, &c->step, NET_WORLD(&view));
  bool entered = rc == SYNC_ENTERED;
  if (!entered)
    state_leave(&c->next, c->n->who, c->op->kind);
  if (rc >= 0 && !entered && c->storage && c->storage->prepare)
    rc = c->storage->prepare(c, &commands);
  bool changed = !same_words(&c->next, &c->o->seen);
  bool wakes = c->o->seen.line_count && (c->step.wake || c->step.wake_second);
  bool commits = rc >= 0 && (changed || commands.count || wakes);
  if (!commits && is_stale(c)) {
    args_release(&commands);
    c->step = fresh;
    return CALL_AGAIN;
  }
  if (commits)
    rc = commit(c, changed, &commands, &answers);
  else if (rc >= 0)
    rc = WORD_OK;
  else if (c->step.ticket)
    call_cancel(c); /* an error, and in line no more */
  args_release(&commands);
  if (rc == WORD_OLD) {
    c->step = fresh;
    return CALL_AGAIN;
  }
  if (rc < 0)
    return rc;
  if (entered) {
    find_ticket(c);
    return CALL_WAITS;
  }
  note_place(c);
  rc = c->step.result;
  if (rc == 0 && c->storage && c->storage->done)
    rc = c->storage->done(c, answers);
  engine_free(answers);
  return rc;
}

/* It cannot be done, and time is up. */
static int give_up(struct net_call *c) {
  struct net_view view = {
      .n = c->n, .s = &c->next, .kind = c->op->kind, .patient = c->step.patient};
  int rc = state_copy(&c->next, &c->o->seen);
  if (rc)
    return rc;
  bool stood = state_leave(&c->next, c->n->who, c->op->kind);
  c->step.wake = c->step.wake_second = c->step.wake_after = 0;
  bool changed = stood && c->machine->give_up &&
                 c->machine->give_up(c->next.words, &c->step, NET_WORLD(&view));
  if (!stood && !changed)
    return is_stale(c) ? CALL_AGAIN : -SBX_ETIMEDOUT;
  rc = commit(c, true, NULL, NULL);
  return rc == WORD_OLD ? CALL_AGAIN : rc < 0 ? rc : -SBX_ETIMEDOUT;
}

/* It stands in line: could it go on by now? */
static int joined(struct net_call *c, const struct engine_reply *answers) {
  struct net_view view = {
      .n = c->n, .s = &c->o->seen, .kind = c->op->kind, .patient = c->step.patient};
  find_ticket(c);
  if (!c->storage || !c->storage->ask || engine_count(answers) <= COMMIT_ANSWERS)
    return CALL_WAITS;
  int rc = c->storage->told(c, engine_at(answers, COMMIT_ANSWERS));
  if (rc)
    return rc;
  bool news = c->machine->enabled(c->o->seen.words, &c->step, NET_WORLD(&view));
  return news ? CALL_AGAIN : CALL_WAITS;
}

static int join(struct net_call *c) {
  struct net_args commands;
  struct engine_reply *answers = NULL;
  struct net_place *p = state_place(&c->o->seen, c->n->who, c->op->kind);
  if (p && (!c->machine->in_order || age_of(c->n, p) < CONFIRM_S * TICKS_A_SECOND))
    return CALL_WAITS;
  int rc = bell_listen(c->n);
  if (rc == 0)
    rc = state_copy(&c->next, &c->o->seen);
  if (rc)
    return rc;
  if (p) /* it is still there */
    state_place(&c->next, c->n->who, c->op->kind)->since =
        net_ticks(c->n) - FAIR_WAIT_NS / (NS_PER_SECOND / TICKS_A_SECOND);
  else if (!state_join(&c->next, c->n->who, c->op->kind, c->step.patient, net_ticks(c->n)))
    return -SBX_ECROWD;
  c->step.wake = c->step.wake_second = 0;
  args_begin(&commands);
  if (c->storage && c->storage->ask)
    c->storage->ask(c, &commands); /* what it compares with may have changed without the words */
  rc = commit(c, true, &commands, &answers);
  args_release(&commands);
  if (rc == WORD_OLD)
    rc = CALL_AGAIN;
  else if (rc == WORD_OK)
    rc = joined(c, answers);
  engine_free(answers);
  return rc;
}

static int see_state(struct net_call *c) {
  bool had = c->o->seen_epoch && c->o->seen_epoch == engine_epoch(c->n->engine);
  c->fresh |= !had;
  return net_see(c->n, c->o);
}

/* Have the state, and what the storage must know. */
static int see(struct net_call *c) {
  struct net_args look;
  struct engine_reply *r = NULL;
  if (!c->storage || !c->storage->ask)
    return see_state(c);
  args_begin(&look);
  c->storage->ask(c, &look);
  if (look.count == 0) {
    args_release(&look);
    return see_state(c);
  }
  c->fresh = true;
  int rc = look.rc ? look.rc : net_look(c->n, c->o, &look, &r);
  args_release(&look);
  if (rc == 0)
    rc = c->storage->told(c, engine_at(r, LOOK_ANSWERS));
  engine_free(r);
  return rc;
}

static int look_once(struct net_call *c, enum call_look how) {
  int rc = see(c);
  if (rc)
    return rc;
  find_ticket(c);
  struct net_view view = {
      .n = c->n, .s = &c->o->seen, .kind = c->op->kind, .patient = c->step.patient};
  if (c->machine->enabled(c->o->seen.words, &c->step, NET_WORLD(&view)) && !must_yield(c))
    return apply(c);
  if (how == CALL_LAST)
    return give_up(c);
  if (how == CALL_POLL)
    return is_stale(c) ? CALL_AGAIN : CALL_WAITS;
  return join(c);
}

int call_look(struct net_call *c, enum call_look how) {
  int rc;
  while ((rc = look_once(c, how)) == CALL_AGAIN) {
  }
  if (rc != CALL_WAITS) {
    c->op->count = c->step.count;
    c->op->abandoned = c->step.abandoned;
  }
  return rc;
}

int call_cancel(struct net_call *c) {
  int rc;
  c->fresh = true; /* where this process stands it knows: nobody else changes that */
  do {
    rc = net_see(c->n, c->o);
    if (rc == 0)
      rc = give_up(c);
  } while (rc == CALL_AGAIN);
  return rc == -SBX_ETIMEDOUT ? 0 : rc;
}

bool call_is_over(int64_t deadline_ns) {
  return deadline_ns != SBX_FOREVER && (deadline_ns <= 0 || clock_now_ns() >= deadline_ns);
}

int call_finish(struct net_call *c) {
  for (;;) {
    int rc = call_look(c, call_is_over(c->op->deadline_ns) ? CALL_LAST : CALL_WAIT);
    if (rc != CALL_WAITS)
      return rc;
    rc = bell_sleep(c->n, c->op, c->looks++);
    c->fresh = false;
    if (rc && rc != -SBX_ETIMEDOUT) {
      int failed = call_cancel(c);
      c->op->count = c->step.count;
      return failed ? failed : rc;
    }
  }
}

/* -- ops ---------------------------------------------------------------------------------------- */

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
  struct op of_lock = {.kind = OP_LOCK_NEW};
  if (o.type == OBJECT_BARRIER && o.count > PLACES_MOST)
    return -SBX_ECROWD;
  o.maker = n->who;
  if (o.type == OBJECT_CONDITION && o.lock) {
    struct object_ref ref;
    if (!net_has(n, o.lock))
      return -SBX_EINVAL;
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
  struct forgotten f = {.type = o->type, .id = o->id, .scoped = o->taken_scoped};
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
    rc = commit(&c, true, NULL, NULL);
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
