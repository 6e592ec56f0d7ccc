/* net/survey.c - see survey.h. */
#include "net/survey.h"

#include <inttypes.h>
#include <stdlib.h>

#include "net/internal.h"
#include "object/queue.h"

/* A far process's main, and what stands for it. */
struct stand_in {
  uint64_t number, serial;
  bool here; /* the stand-in is in the run itself */
  char host[NAME_MAX_BYTES];
};

struct survey {
  struct net n; /* an empty one: engine, options, who is dead */
  struct snapshot *s;
  struct stand_in *fleet; /* owned */
  size_t fleet_count;
  uint64_t *far; /* owned: who the processes behind the first `local` are */
  uint32_t local;
};

static int ask(struct survey *v, const char *command, const char *what, struct engine_reply **ret) {
  char key[ENGINE_KEY];
  engine_key(key, v->n.o.run, "%s", what);
  return engine_ask(v->n.engine, 2, (struct engine_arg[]){engine_text(command), engine_text(key)},
                    ret);
}

static uint64_t number_in(const struct engine_reply *r) {
  return engine_type(r) == ENGINE_BYTES ? strtoull(engine_data(r), NULL, 10) : 0;
}

/* -- processes --------------------------------------------------------------------------------- */

static int by_number(const void *x, const void *y) {
  const uint64_t *a = x, *b = y;
  return *a < *b ? -1 : *a > *b;
}

static int read_dead(struct survey *v) {
  struct engine_reply *r;
  int rc = ask(v, "SMEMBERS", "dead", &r);
  if (rc)
    return rc;
  v->n.dead = calloc(engine_count(r) + 1, sizeof *v->n.dead);
  for (size_t i = 0; v->n.dead && i < engine_count(r); i++)
    if (engine_len(engine_at(r, i)) == 8)
      v->n.dead[v->n.dead_count++] = state_get64(engine_data(engine_at(r, i)));
  if (v->n.dead_count)
    qsort(v->n.dead, v->n.dead_count, sizeof *v->n.dead, by_number);
  engine_free(r);
  return v->n.dead ? 0 : -SBX_ENOMEM;
}

static int read_fleet(struct survey *v) {
  struct engine_reply *r;
  int rc = ask(v, "HGETALL", NET_FLEET, &r);
  if (rc)
    return rc;
  v->fleet = calloc(engine_count(r) / 2 + 1, sizeof *v->fleet);
  for (size_t i = 0; v->fleet && i + 1 < engine_count(r); i += 2) {
    struct stand_in *f = &v->fleet[v->fleet_count];
    const struct engine_reply *text = engine_at(r, i + 1);
    char parent[ENGINE_RUN];
    f->number = number_in(engine_at(r, i));
    static_assert(ENGINE_RUN == 17 && NAME_MAX_BYTES >= 48, "the widths below");
    if (engine_type(text) == ENGINE_BYTES &&
        sscanf(engine_data(text), "%" SCNu64 " %16s %47s", &f->serial, parent, f->host) == 3) {
      f->here = strcmp(parent, "-") == 0;
      v->fleet_count++;
    }
  }
  engine_free(r);
  return v->fleet ? 0 : -SBX_ENOMEM;
}

static const struct stand_in *stand_in_of(const struct survey *v, uint64_t number) {
  for (size_t i = 0; i < v->fleet_count; i++)
    if (v->fleet[i].number == number)
      return &v->fleet[i];
  return NULL;
}

/* The row of a process; -1: it has none. A far process is what stands for it. */
static int64_t row_of(const struct survey *v, uint64_t who) {
  uint64_t number = who & 0xffff, serial = who_serial(who);
  const struct stand_in *f = number ? stand_in_of(v, number) : NULL;
  if (number == 0)
    return snapshot_find_process(v->s, serial);
  if (serial == 1 && f && f->here)
    return snapshot_find_process(v->s, f->serial);
  for (uint32_t i = v->local; i < v->s->process_count; i++)
    if (v->far[i - v->local] == who)
      return i;
  return -1;
}

static int add_process(struct survey *v, uint64_t who, const char *name) {
  struct snapshot *s = v->s;
  const struct stand_in *f = stand_in_of(v, who & 0xffff);
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
  int rc = ask(v, "HGETALL", "names", &r);
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
          row_of(v, who) < 0) {
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
  int64_t row = row_of(v, place->who);
  struct snapshot_process *p = row >= 0 ? &v->s->processes[row] : NULL;
  bool here = (place->who & 0xffff) == 0;
  if (!p || place->kind >= OP_COUNT || (p->op.kind != OP_NONE && !here) ||
      (here && p->op.kind != (enum op_kind)place->kind))
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

/* The rows of those that stand in the line with an op of this kind, ascending. */
static int list_line(const struct survey *v, const struct net_state *o, enum op_kind kind,
                     struct index_list *ret) {
  int rc = 0;
  for (uint32_t row = 0; row < v->s->process_count && rc == 0; row++)
    for (uint32_t i = 0; i < o->line_count && rc == 0; i++)
      if (o->line[i].kind == kind && !net_is_dead(&v->n, o->line[i].who) &&
          row_of(v, o->line[i].who) == row)
        rc = index_list_add(ret, row);
  return rc;
}

static int add_queue(struct survey *v, const struct net_state *o, uint64_t id) {
  struct snapshot *s = v->s;
  const struct queue_state *q = (const struct queue_state *)(const void *)o->words;
  struct snapshot_queue *rows = realloc(s->queues, (s->queue_count + 1) * sizeof *rows);
  if (!rows)
    return -SBX_ENOMEM;
  s->queues = rows;
  struct snapshot_queue *row = &rows[s->queue_count++];
  *row = (struct snapshot_queue){.id = id,
                                 .slot = NET_SLOT,
                                 .items = queue_meets(q->max) ? 0 : queue_len(q),
                                 .put = q->put,
                                 .max = q->max,
                                 .transport = TRANSPORT_SHM,
                                 .closed = q->closed,
                                 .exact = true,
                                 .named = true,
                                 .elsewhere = true};
  memcpy(row->name, o->name, sizeof row->name);
  int rc = list_line(v, o, OP_QUEUE_GET, &row->readers);
  return rc ? rc : list_line(v, o, OP_QUEUE_PUT, &row->writers);
}

static int add_sync(struct survey *v, struct net_state *o, uint64_t id) {
  struct snapshot *s = v->s;
  const struct sync_machine *m = sync_machine_of(o->type);
  struct snapshot_sync *rows = m ? realloc(s->syncs, (s->sync_count + 1) * sizeof *rows) : NULL;
  struct net_view view = {.n = &v->n, .s = o};
  if (!m)
    return 0;
  if (!rows)
    return -SBX_ENOMEM;
  s->syncs = rows;
  struct snapshot_sync *row = &rows[s->sync_count++];
  *row = (struct snapshot_sync){
      .id = id, .slot = NET_SLOT, .type = o->type, .named = true, .lock = o->aux};
  memcpy(row->name, o->name, sizeof row->name);
  m->describe(o->words, NET_WORLD(&view), &row->info);
  int64_t holder =
      row->info.holder && !net_is_dead(&v->n, row->info.holder) ? row_of(v, row->info.holder) : -1;
  return holder < 0 ? 0 : index_list_add(&row->owners, (uint32_t)holder);
}

static int add_object(struct survey *v, const char *id_text, struct net_state *o) {
  char key[ENGINE_KEY];
  struct engine_reply *r;
  engine_key(key, v->n.o.run, "o:%s", id_text);
  int rc =
      engine_ask(v->n.engine, 2, (struct engine_arg[]){engine_text("GET"), engine_text(key)}, &r);
  if (rc)
    return rc;
  bool good = engine_type(r) == ENGINE_BYTES && state_read(o, engine_data(r), engine_len(r)) == 0;
  engine_free(r);
  if (!good) /* it was removed meanwhile; or somebody else writes there */
    return 0;
  uint64_t id = strtoull(id_text, NULL, 10);
  rc = o->type == OBJECT_QUEUE ? add_queue(v, o, id) : add_sync(v, o, id);
  for (uint32_t i = 0; i < o->line_count && rc == 0; i++)
    if (!net_is_dead(&v->n, o->line[i].who))
      tell_wait(v, o, id, &o->line[i]);
  return rc;
}

static int add_objects(struct survey *v) {
  struct engine_reply *r;
  struct net_state o = {0};
  int rc = ask(v, "SMEMBERS", "ids", &r);
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
static void name_needs(struct snapshot *s) {
  for (uint32_t i = 0; i < s->process_count; i++)
    for (uint32_t k = 0; k < s->processes[i].op.need_count; k++) {
      struct snapshot_need *need = &s->processes[i].op.needs[k];
      if (need->slot != NET_SLOT || need->object_name[0])
        continue;
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
    rc = read_dead(&v);
  if (rc == 0)
    rc = read_fleet(&v);
  if (rc == 0)
    rc = add_processes(&v);
  if (rc == 0)
    rc = add_objects(&v);
  name_needs(s);
  engine_close(v.n.engine);
  free(v.n.dead);
  free(v.fleet);
  free(v.far);
  return rc;
}
