/* net/gather.c - see gather.h. */
#include "net/gather.h"

#include <inttypes.h>
#include <stdlib.h>

#include "look/gather.h"
#include "net/survey_internal.h"

struct net_gather {
  struct survey v;
};

int net_gather_open(const struct net_options *o, struct net_gather **ret) {
  struct net_gather *g = calloc(1, sizeof *g);
  struct engine_options options = o->engine;
  if (!g)
    return -SBX_ENOMEM;
  g->v = (struct survey){.n.o = *o, .whole = true};
  options.timeout_ns = NS_PER_SECOND;
  int rc = engine_new(&options, &g->v.n.engine);
  if (rc == 0)
    *ret = g;
  else
    free(g);
  return rc;
}

struct engine *net_gather_engine(struct net_gather *g) {
  return g->v.n.engine;
}

void net_gather_close(struct net_gather *g) {
  if (!g)
    return;
  engine_close(g->v.n.engine);
  free(g->v.n.dead);
  free(g->v.fleet);
  free(g);
}

int net_gather_fleet(struct net_gather *g, const struct net_stand_in **ret, size_t *ret_count) {
  int rc = survey_fleet(&g->v);
  *ret = g->v.fleet;
  *ret_count = rc ? 0 : g->v.fleet_count;
  return rc;
}

int net_gather_forget(struct engine *e, const char *run, uint64_t number) {
  char key[ENGINE_KEY], field[24];
  struct engine_reply *r;
  engine_key(key, run, "%s", NET_FLEET);
  snprintf(field, sizeof field, "%" PRIu64, number);
  int rc = engine_ask(
      e, 3, (struct engine_arg[]){engine_text("HDEL"), engine_text(key), engine_text(field)}, &r);
  if (rc == 0)
    engine_free(r);
  return rc;
}

/* -- what waits could go on ------------------------------------------------------------------------ */

/* Who the process of a row is in the engine. */
static uint64_t who_is(const struct survey *v, const struct snapshot_process *p) {
  for (size_t i = 0; i < v->fleet_count; i++)
    if (v->fleet[i].process == p->id)
      return who_of((uint32_t)v->fleet[i].number, GATHER_MAIN);
  return who_of((uint32_t)(p->id >> 32), p->id & UINT32_MAX);
}

/* Could the one that stands there go on? What it would compare with is not known of one that waits for a change. */
static bool could_go_on(struct survey *v, struct net_state *o, const struct net_place *place) {
  struct net_view view = {.n = &v->n, .s = o};
  const struct sync_step step = {.kind = (enum op_kind)place->kind,
                                 .who = place->who,
                                 .ticket = place->ticket,
                                 .patient = place->flags & PLACE_PATIENT};
  if (place->kind == OP_VALUE_AWAIT || place->kind == OP_DICT_AWAIT)
    return true;
  if (o->type == OBJECT_QUEUE)
    return net_queue_could(&v->n, o, place);
  return sync_machine_of(o->type)->enabled(o->words, &step, NET_WORLD(&view));
}

/* What a need is about: of a process that takes the lock of its condition again, the lock. 0, or as survey_read */
static int find_object(struct survey *v, struct snapshot_need *n, struct net_state *o,
                       bool *ret_found) {
  int rc = survey_read(v, n->object & (NET_IDS - 1), o, ret_found);
  if (rc || !*ret_found || o->type != OBJECT_CONDITION || n->kind != OP_LOCK_ACQUIRE)
    return rc;
  n->object = survey_id(v, o->aux);
  return survey_read(v, o->aux, o, ret_found);
}

static bool is_added(const struct snapshot *s, uint32_t queues, uint32_t syncs, uint64_t id) {
  for (uint32_t i = queues; i < s->queue_count; i++)
    if (s->queues[i].id == id)
      return true;
  for (uint32_t i = syncs; i < s->sync_count; i++)
    if (s->syncs[i].id == id)
      return true;
  return false;
}

/* The process of another host that is joined, as the whole has it; one that it does not have may have ended. */
static void find_joined(struct survey *v, struct snapshot_need *n) {
  int64_t row = survey_row(v, net_who_of_process(n->object));
  n->ready = row < 0;
  if (row >= 0)
    n->object = v->s->processes[row].id;
}

/* A process that stands in no line is about to look. */
static void judge(struct survey *v, struct net_state *o, uint64_t who, struct snapshot_need *n) {
  bool pipe = op_describe(n->kind)->type == OBJECT_PIPE; /* net/pipe.c: it waits as one that gets */
  const struct net_place *place = state_place(o, who, pipe ? OP_QUEUE_GET : n->kind);
  n->type = o->type;
  n->ready = !place || could_go_on(v, o, place) || (pipe && !net_pipe_is_held(&v->n, o, who));
  snprintf(n->object_name, sizeof n->object_name, "%s", o->name);
}

static int add_waited_for(struct survey *v) {
  struct snapshot *s = v->s;
  struct net_state o = {0};
  uint32_t queues = s->queue_count, syncs = s->sync_count;
  int rc = 0;
  for (uint32_t i = 0; i < s->process_count; i++)
    for (uint32_t k = 0; k < s->processes[i].op.need_count && rc == 0; k++) {
      struct snapshot_need *n = &s->processes[i].op.needs[k];
      bool found = false;
      if (n->slot == NET_SLOT && n->type == OBJECT_PROCESS) {
        find_joined(v, n);
        continue;
      }
      n->ready |= n->slot == NET_SLOT; /* unless it is seen that it is not */
      if (n->slot != NET_SLOT || net_tag(&(struct object_ref){.serial = n->object}))
        continue; /* of a world: other programs come and go there */
      rc = find_object(v, n, &o, &found);
      if (rc || !found)
        continue;
      judge(v, &o, who_is(v, &s->processes[i]), n);
      if (!is_added(s, queues, syncs, n->object))
        rc = survey_add(v, &o, n->object & (NET_IDS - 1));
    }
  state_release(&o);
  snapshot_sort_queues(s);
  snapshot_sort_syncs(s);
  return rc;
}

/* -- whom the snapshot does not have ----------------------------------------------------------------- */

static int look_for_strangers(struct survey *v) {
  struct engine_reply *r;
  int rc = survey_ask(v, "SMEMBERS", "procs", &r);
  if (rc)
    return rc;
  for (size_t i = 0; i < engine_count(r); i++) {
    const struct engine_reply *p = engine_at(r, i);
    uint64_t who =
        engine_type(p) == ENGINE_BYTES && engine_len(p) == 8 ? state_get64(engine_data(p)) : 0;
    int64_t row = survey_row(v, who);
    v->unknown |= row < 0 || !v->s->processes[row].lives;
  }
  engine_free(r);
  return 0;
}

/* The dead become more, and no fewer. */
static int learn_dead(struct survey *v) {
  struct engine_reply *r;
  int rc = survey_ask(v, "SCARD", "dead", &r);
  if (rc)
    return rc;
  bool news = engine_type(r) != ENGINE_INTEGER || (size_t)engine_integer(r) != v->n.dead_count;
  engine_free(r);
  return news ? net_learn_dead(&v->n) : 0;
}

int net_gather_objects(struct net_gather *g, struct snapshot *s) {
  struct survey *v = &g->v;
  v->s = s;
  v->unknown = false;
  int rc = learn_dead(v);
  if (rc == 0)
    rc = add_waited_for(v);
  if (rc == 0)
    rc = look_for_strangers(v);
  s->settled &= rc == 0 && !v->unknown;
  v->s = NULL;
  return rc;
}
