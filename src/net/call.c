/* net/call.c - the loop around the machines: look, apply to a copy, commit; or join the line and sleep. See net.h. */
#include <stdlib.h>

#include "net/internal.h"
#include "object/fair.h"

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

/* Must another go first (object/fair.h)? */
static bool must_yield(struct net_call *c) {
  const uint64_t due = FAIR_WAIT_NS / (NS_PER_SECOND / TICKS_A_SECOND);
  const struct net_state *s = &c->o->seen;
  if (s->line_count == 0 || sync_passes_line(c->machine, s->words, &c->step))
    return false;
  for (uint32_t i = 0; i < s->line_count; i++) {
    const struct net_place *p = &s->line[i];
    if (sync_is_second(c->machine, (enum op_kind)p->kind) || !net_is_present(c->n, p))
      continue;
    const struct fair_first first = {.ticket = p->ticket, .self = p->who == c->n->who};
    uint64_t age = net_place_age(c->n, p);
    return fair_stands_before(&first, c->step.ticket) && age >= due && !net_age_is_ahead(age);
  }
  return false;
}

int call_commit(struct net_call *c, bool changed, const struct net_args *commands,
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

enum { CONFIRM_S = 3 }; /* a place in line that is older says again that it is there */

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
    rc = call_commit(c, changed, &commands, &answers);
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
  rc = call_commit(c, true, NULL, NULL);
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
  bool holds_up = c->machine->in_order || c->machine->second; /* others, by standing there */
  if (p && (!holds_up || net_place_age(c->n, p) < CONFIRM_S * TICKS_A_SECOND))
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
  rc = call_commit(c, true, &commands, &answers);
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
