/*
 * net/view.c - what a machine sees of the world: an object's state, its line, and who is dead; and,
 * from the same state, whom a commit has to ring.
 */
#include "net/internal.h"

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

enum { PRESENT_S = 10 }; /* a place that is not confirmed counts for so long */

uint64_t net_place_age(struct net *n, const struct net_place *p) {
  return (net_ticks(n) - p->since) & ((UINT64_C(1) << 40) - 1);
}

bool net_age_is_ahead(uint64_t age) { return age >= UINT64_C(1) << 39; }

bool net_is_present(struct net *n, const struct net_place *p) {
  uint64_t age = net_place_age(n, p);
  return !net_is_dead(n, p->who) && (age < PRESENT_S * TICKS_A_SECOND || net_age_is_ahead(age));
}

static uint64_t view_first(void *ctx, bool second) {
  const struct net_view *v = ctx;
  const struct sync_machine *m = sync_machine_of(v->s->type);
  for (uint32_t i = 0; i < v->s->line_count; i++) {
    const struct net_place *p = &v->s->line[i];
    if (sync_is_second(m, (enum op_kind)p->kind) == second && net_is_present(v->n, p))
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

/* -- whom to ring ------------------------------------------------------------------------------- */

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
