/* net/survey_objects.c - see survey_internal.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "look/gather.h"
#include "net/survey_internal.h"
#include "object/queue.h"

int survey_ask(struct survey *v, const char *command, const char *what, struct engine_reply **ret) {
  char key[ENGINE_KEY];
  net_key(&v->n, key, what);
  return engine_ask(v->n.engine, 2, (struct engine_arg[]){engine_text(command), engine_text(key)},
                    ret);
}

/* -- what stands for far processes ----------------------------------------------------------------- */

static bool read_stand_in(const struct engine_reply *number, const struct engine_reply *text,
                          struct net_stand_in *f) {
  static_assert(ENGINE_RUN == 17 && NAME_MAX_BYTES >= 48, "the widths below");
  uint64_t process;
  *f = (struct net_stand_in){.number = 0};
  if (engine_type(number) != ENGINE_BYTES || engine_type(text) != ENGINE_BYTES ||
      sscanf(engine_data(text), "%*s %*s %47s %" SCNu64 " %16s", f->host, &process, f->id) != 3)
    return false;
  f->number = strtoull(engine_data(number), NULL, 10);
  f->parent = process >> 48;
  f->process = gather_id(f->parent, process & (NET_IDS - 1));
  return f->number > 0;
}

static int by_number(const void *x, const void *y) {
  const struct net_stand_in *a = x, *b = y;
  return a->number < b->number ? -1 : a->number > b->number;
}

int survey_fleet(struct survey *v) {
  struct engine_reply *r;
  int rc = survey_ask(v, "HGETALL", NET_FLEET, &r);
  if (rc)
    return rc;
  free(v->fleet);
  v->fleet_count = 0;
  v->fleet = calloc(engine_count(r) / 2 + 1, sizeof *v->fleet);
  for (size_t i = 0; v->fleet && i + 1 < engine_count(r); i += 2)
    v->fleet_count +=
        read_stand_in(engine_at(r, i), engine_at(r, i + 1), &v->fleet[v->fleet_count]);
  engine_free(r);
  if (v->fleet_count)
    qsort(v->fleet, v->fleet_count, sizeof *v->fleet, by_number);
  return v->fleet ? 0 : -SBX_ENOMEM;
}

const struct net_stand_in *survey_stand_in(const struct survey *v, uint64_t number) {
  for (size_t i = 0; i < v->fleet_count; i++)
    if (v->fleet[i].number == number)
      return &v->fleet[i];
  return NULL;
}

int64_t survey_row(const struct survey *v, uint64_t who) {
  uint64_t number = who_slot(who), serial = who_serial(who);
  const struct net_stand_in *f = number ? survey_stand_in(v, number) : NULL;
  if (number == 0)
    return snapshot_find_process(v->s, serial);
  if (serial == GATHER_MAIN && f && (v->whole || f->parent == 0))
    return snapshot_find_process(v->s, f->process);
  if (v->whole)
    return snapshot_find_process(v->s, gather_id(number, serial));
  for (uint32_t i = v->local; i < v->s->process_count; i++)
    if (v->far[i - v->local] == who)
      return i;
  return -1;
}

/* -- objects --------------------------------------------------------------------------------------- */

int survey_read(struct survey *v, uint64_t id, struct net_state *o, bool *ret_found) {
  char what[24];
  struct engine_reply *r;
  snprintf(what, sizeof what, "o:%" PRIu64, id);
  int rc = survey_ask(v, "GET", what, &r);
  if (rc)
    return rc;
  *ret_found = engine_type(r) == ENGINE_BYTES && state_read(o, engine_data(r), engine_len(r)) == 0;
  engine_free(r);
  return 0;
}

/* The rows of those that stand in the line with an op of this kind. */
static int list_line(const struct survey *v, const struct net_state *o, enum op_kind kind,
                     struct index_list *ret) {
  int rc = 0;
  for (uint32_t i = 0; i < o->line_count && rc == 0; i++) {
    const struct net_place *p = &o->line[i];
    int64_t row = p->kind == kind && !net_is_dead(&v->n, p->who) ? survey_row(v, p->who) : -1;
    if (row >= 0)
      rc = index_list_add(ret, (uint32_t)row);
  }
  index_list_sort(ret);
  return rc;
}

/* Anybody of the run may have it. */
static int list_all(const struct survey *v, struct index_list *ret) {
  int rc = 0;
  for (uint32_t i = 0; i < v->s->process_count && v->whole && rc == 0; i++)
    if (v->s->processes[i].lives)
      rc = index_list_add(ret, i);
  return rc;
}

static int add_queue(struct survey *v, const struct net_state *o, uint64_t id) {
  struct snapshot *s = v->s;
  const struct queue_state words = net_queue_words(o), *q = &words;
  struct snapshot_queue *rows = realloc(s->queues, (s->queue_count + 1) * sizeof *rows);
  if (!rows)
    return -SBX_ENOMEM;
  s->queues = rows;
  struct snapshot_queue *row = &rows[s->queue_count++];
  *row = (struct snapshot_queue){.id = survey_id(v, id),
                                 .slot = NET_SLOT,
                                 .items = queue_meets(q->max) && !v->whole ? 0 : queue_len(q),
                                 .undone = queue_undone(q),
                                 .put = q->put,
                                 .in_hand = queue_in_hand(q),
                                 .max = q->max,
                                 .transport = TRANSPORT_SHM,
                                 .closed = q->closed,
                                 .exact = true,
                                 .named = !v->whole,
                                 .generation = o->generation,
                                 .elsewhere = true};
  int64_t owner = o->aux && v->whole ? survey_row(v, o->aux) : -1;
  row->owner = owner >= 0 ? s->processes[owner].id : 0; /* of a mailbox */
  memcpy(row->name, o->name, sizeof row->name);
  int rc = list_line(v, o, OP_QUEUE_GET, &row->readers);
  if (rc == 0)
    rc = list_line(v, o, OP_QUEUE_PUT, &row->writers);
  return rc ? rc : list_all(v, &row->holders);
}

/* Those without whom nothing changes, if they are known. */
static int list_owners(struct survey *v, const struct net_state *o, struct index_list *ret) {
  const struct sync_machine *m = sync_machine_of(o->type);
  uint64_t owners[SYNC_WORDS];
  uint32_t n = m->watch_only ? m->watch(o->words, owners) : 0;
  int rc = 0;
  for (uint32_t i = 0; i < n && rc == 0; i++) {
    int64_t row = net_is_dead(&v->n, owners[i]) ? -1 : survey_row(v, owners[i]);
    v->unknown |= row < 0 && owners[i] != SYNC_ABANDONED && !net_is_dead(&v->n, owners[i]);
    if (row >= 0)
      rc = index_list_add(ret, (uint32_t)row);
  }
  index_list_sort(ret);
  return rc;
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
  *row = (struct snapshot_sync){.id = survey_id(v, id),
                                .slot = NET_SLOT,
                                .type = o->type,
                                .named = !v->whole,
                                .lock = o->type == OBJECT_CONDITION ? survey_id(v, o->aux) : 0,
                                .generation = o->generation};
  memcpy(row->name, o->name, sizeof row->name);
  m->describe(o->words, NET_WORLD(&view), &row->info);
  int rc = list_owners(v, o, &row->owners);
  return rc ? rc : list_all(v, &row->holders);
}

int survey_add(struct survey *v, struct net_state *o, uint64_t id) {
  return o->type == OBJECT_QUEUE ? add_queue(v, o, id) : add_sync(v, o, id);
}
