/* net/survey.c - see survey.h. */
#include "net/survey.h"

#include <inttypes.h>
#include <stdlib.h>

#include "net/survey_internal.h"

/* -- processes --------------------------------------------------------------------------------- */

static int add_process(struct survey *v, uint64_t who, const char *name) {
  struct snapshot *s = v->s;
  const struct net_stand_in *f = survey_stand_in(v, who & 0xffff);
  uint32_t k = s->process_count - v->local;
  struct snapshot_process *rows = realloc(s->processes, (s->process_count + 1) * sizeof *rows);
  if (rows)
    s->processes = rows;
  uint64_t *far = realloc(v->far, (k + 1) * sizeof *far);
  if (far)
    v->far = far;
  if (!rows || !far)
    return -SBX_ENOMEM;
  uint64_t last = s->process_count ? rows[s->process_count - 1].id : 0;
  far[k] = who;
  rows[s->process_count] = (struct snapshot_process){.id = last + 1,
                                                     .slot = UINT32_MAX,
                                                     .lives = true,
                                                     .status = PROCESS_RUNNING,
                                                     .exit_code = -1,
                                                     .elsewhere = true};
  snprintf(rows[s->process_count].name, NAME_MAX_BYTES, "%s", name);
  snprintf(rows[s->process_count].host, NAME_MAX_BYTES, "%s", f ? f->host : "?");
  s->process_count++;
  return 0;
}

/* Those of other hosts that have used an object, and live; in the order of their numbers. */
static int add_processes(struct survey *v) {
  struct engine_reply *r;
  int rc = survey_ask(v, "HGETALL", "names", &r);
  if (rc)
    return rc;
  uint64_t last = 0, next;
  do {
    const char *name = "";
    next = UINT64_MAX;
    for (size_t i = 0; i + 1 < engine_count(r); i += 2) {
      const struct engine_reply *k = engine_at(r, i), *text = engine_at(r, i + 1);
      if (engine_type(k) != ENGINE_BYTES || engine_len(k) != 8 || engine_type(text) != ENGINE_BYTES)
        continue;
      uint64_t who = state_get64(engine_data(k));
      if (who > last && who < next && (who & 0xffff) && !net_is_dead(&v->n, who) &&
          survey_row(v, who) < 0) {
        next = who;
        name = engine_data(text);
      }
    }
    if (next != UINT64_MAX)
      rc = add_process(v, next, name);
    last = next;
  } while (rc == 0 && next != UINT64_MAX);
  engine_free(r);
  return rc;
}

/* -- objects ------------------------------------------------------------------------------------- */

/* One stands in a line. Of one of this host its record tells since when, and where. */
static void tell_wait(struct survey *v, const struct net_state *o, uint64_t id,
                      const struct net_place *place) {
  int64_t row = survey_row(v, place->who);
  struct snapshot_process *p = row >= 0 ? &v->s->processes[row] : NULL;
  bool here = (place->who & 0xffff) == 0;
  if (!p || place->kind >= OP_COUNT || place->kind == PLACE_HAND ||
      (p->op.kind != OP_NONE && !here) || (here && p->op.kind != (enum op_kind)place->kind))
    return;
  if (!here)
    p->op = (struct snapshot_op){
        .kind = (enum op_kind)place->kind, .need_count = 1, .deadline_ns = SBX_FOREVER};
  else if (place->flags & PLACE_PATIENT)
    p->op.deadline_ns = SBX_FOREVER;
  p->op.need_count = 1;
  p->op.needs[0] = (struct snapshot_need){
      .kind = (enum op_kind)place->kind, .type = o->type, .slot = NET_SLOT, .object = id};
  snprintf(p->op.needs[0].object_name, NAME_MAX_BYTES, "%s", o->name);
  if (place->since && !here) {
    uint64_t waited = (net_ticks(&v->n) - place->since) & ((UINT64_C(1) << 40) - 1);
    p->op.since_ns = v->s->taken_ns - (int64_t)(waited * (NS_PER_SECOND / TICKS_A_SECOND));
  }
}

static int add_object(struct survey *v, const char *id_text, struct net_state *o) {
  uint64_t id = strtoull(id_text, NULL, 10);
  bool found;
  int rc = survey_read(v, id, o, &found);
  if (rc || !found)
    return rc;
  rc = survey_add(v, o, id);
  for (uint32_t i = 0; i < o->line_count && rc == 0; i++)
    if (!net_is_dead(&v->n, o->line[i].who))
      tell_wait(v, o, id, &o->line[i]);
  return rc;
}

static int add_objects(struct survey *v) {
  struct engine_reply *r;
  struct net_state o = {0};
  int rc = survey_ask(v, "SMEMBERS", "ids", &r);
  if (rc)
    return rc;
  for (size_t i = 0; i < engine_count(r) && rc == 0; i++)
    if (engine_type(engine_at(r, i)) == ENGINE_BYTES)
      rc = add_object(v, engine_data(engine_at(r, i)), &o);
  state_release(&o);
  engine_free(r);
  snapshot_sort_queues(v->s);
  snapshot_sort_syncs(v->s);
  return rc;
}

/* What processes of this host wait for is in their records by its serial number. */
static void name_needs(struct survey *v) {
  struct snapshot *s = v->s;
  for (uint32_t i = 0; i < s->process_count; i++)
    for (uint32_t k = 0; k < s->processes[i].op.need_count; k++) {
      struct snapshot_need *need = &s->processes[i].op.needs[k];
      if (need->slot != NET_SLOT || need->object_name[0])
        continue;
      if (need->type == OBJECT_PROCESS) {
        int64_t row = survey_row(v, net_who_of_process(need->object));
        need->object = row >= 0 ? s->processes[row].id : 0;
        continue;
      }
      need->object &= ~NET_SERIALS;
      for (uint32_t q = 0; q < s->queue_count && need->type == OBJECT_QUEUE; q++)
        if (s->queues[q].elsewhere && s->queues[q].id == need->object)
          memcpy(need->object_name, s->queues[q].name, NAME_MAX_BYTES);
      for (uint32_t o = 0; o < s->sync_count && need->type != OBJECT_QUEUE; o++)
        if (s->syncs[o].slot == NET_SLOT && s->syncs[o].id == need->object)
          memcpy(need->object_name, s->syncs[o].name, NAME_MAX_BYTES);
    }
}

int net_survey(const struct net_options *o, struct snapshot *s) {
  static struct survey v; /* it is large, and for one at a time */
  v = (struct survey){.s = s, .local = s->process_count, .n.o = *o};
  struct engine_options options = o->engine;
  options.timeout_ns = NS_PER_SECOND;
  s->settled = false;
  int rc = engine_new(&options, &v.n.engine);
  if (rc == 0)
    rc = net_learn_dead(&v.n);
  if (rc == 0)
    rc = survey_fleet(&v);
  if (rc == 0)
    rc = add_processes(&v);
  if (rc == 0)
    rc = add_objects(&v);
  name_needs(&v);
  engine_close(v.n.engine);
  free(v.n.dead);
  free(v.fleet);
  free(v.far);
  return rc;
}
