/*
 * look/trace/resolve.c - trace_model_finish: the rows of a model, which came in any order and name each other by ids, are
 * sorted and name each other by indices. A process or an object that only an event names gets a row. See model.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/model_internal.h"

/* -- ids to indices -------------------------------------------------------------------------- */

/* Ids with a value each, by open addressing. */
struct id_map {
  uint32_t *cells; /* owned: id, value, id, value, ...; id 0: free */
  uint32_t cap, count;
};

static uint32_t hash_id(uint32_t id) {
  uint32_t h = id * 2654435761u;
  return h ^ (h >> 15);
}

static uint32_t *find_cell(const struct id_map *map, uint32_t id) {
  uint32_t at = hash_id(id) & (map->cap - 1);
  while (map->cells[2 * at] && map->cells[2 * at] != id)
    at = (at + 1) & (map->cap - 1);
  return &map->cells[2 * at];
}

static int map_set(struct id_map *map, uint32_t id, uint32_t value) {
  if (map->count * 2 >= map->cap) {
    struct id_map grown = {.cap = map->cap ? 2 * map->cap : 64};
    if (!(grown.cells = calloc(grown.cap, 2 * sizeof *grown.cells)))
      return -SBX_ENOMEM;
    for (uint32_t i = 0; i < map->cap; i++)
      if (map->cells[2 * i]) {
        uint32_t *cell = find_cell(&grown, map->cells[2 * i]);
        cell[0] = map->cells[2 * i];
        cell[1] = map->cells[2 * i + 1];
      }
    grown.count = map->count;
    free(map->cells);
    *map = grown;
  }
  uint32_t *cell = find_cell(map, id);
  map->count += cell[0] == 0;
  cell[0] = id;
  cell[1] = value;
  return 0;
}

static uint32_t map_get(const struct id_map *map, uint32_t id) {
  return id && map->cap && *find_cell(map, id) ? find_cell(map, id)[1] : TRACE_NONE;
}

struct ids {
  struct id_map processes, objects;
};

/* A row for a process or an object that only an event names. `t_ns`: when that was. */
static int know_process(struct trace_model *m, struct ids *ids, uint32_t id, int64_t t_ns) {
  if (!id || map_get(&ids->processes, id) != TRACE_NONE)
    return 0;
  const struct trace_process p = {
      .id = id, .name = "", .spawned_at = "", .failure = "", .begin_ns = t_ns, .end_ns = -1};
  int rc = trace_add_process(m, &p);
  return rc ? rc : map_set(&ids->processes, id, m->process_count - 1);
}

static int know_object(struct trace_model *m, struct ids *ids, uint32_t id, enum op_kind kind) {
  if (!id || map_get(&ids->objects, id) != TRACE_NONE)
    return 0;
  const struct trace_object o = {
      .id = id, .type = op_describe(kind)->type, .name = "", .made_at = ""};
  int rc = trace_add_object(m, &o);
  return rc ? rc : map_set(&ids->objects, id, m->object_count - 1);
}

static int know_target(struct trace_model *m, struct ids *ids, uint32_t id, uint16_t kind,
                       int64_t t_ns) {
  return trace_names_process(kind) ? know_process(m, ids, id, t_ns) : know_object(m, ids, id, kind);
}

static int know_all(struct trace_model *m, struct ids *ids) {
  int rc = 0;
  for (uint32_t i = 0; i < m->process_count && rc == 0; i++)
    rc = map_set(&ids->processes, m->processes[i].id, i);
  for (uint32_t i = 0; i < m->object_count && rc == 0; i++)
    rc = map_set(&ids->objects, m->objects[i].id, i);
  for (uint32_t i = 0; i < m->event_count && rc == 0; i++) {
    const struct trace_event *e = &m->events[i];
    rc = know_process(m, ids, e->process, e->t_ns);
    if (rc == 0)
      rc = know_target(m, ids, e->object, e->kind, e->t_ns);
    struct trace_process *p = &m->processes[map_get(&ids->processes, e->process)];
    if (rc == 0 && e->t_ns < p->begin_ns) /* the begin of some is not known */
      p->begin_ns = e->t_ns;
  }
  for (uint32_t i = 0; i < m->mark_count && rc == 0; i++)
    rc = know_process(m, ids, m->marks[i].process, m->marks[i].t_ns);
  for (uint32_t i = 0; i < m->edge_count && rc == 0; i++) {
    const struct trace_edge *e = &m->edges[i];
    rc = know_process(m, ids, e->process, m->facts.end_ns);
    if (rc == 0)
      rc = know_process(m, ids, e->holder, m->facts.end_ns);
    if (rc == 0)
      rc = know_object(m, ids, e->object, e->kind);
  }
  return rc;
}

/* -- order ----------------------------------------------------------------------------------- */

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

static int by_begin(const void *a, const void *b) {
  const struct trace_process *p = a, *q = b;
  int order = ORDER(p->begin_ns, q->begin_ns);
  return order ? order : ORDER(p->id, q->id);
}

static int by_id(const void *a, const void *b) {
  const struct trace_object *o = a, *p = b;
  return ORDER(o->id, p->id);
}

static int by_time(const void *a, const void *b) {
  const struct trace_event *e = a, *f = b;
  return ORDER(e->t_ns, f->t_ns);
}

static int marks_by_time(const void *a, const void *b) {
  const struct trace_mark *k = a, *l = b;
  return ORDER(k->t_ns, l->t_ns);
}

/* The end of the trace is not before anything in it; a process without an end lived until then. */
static void bound(struct trace_model *m) {
  int64_t end = m->facts.end_ns;
  for (uint32_t i = 0; i < m->event_count; i++) {
    int64_t t = m->events[i].t_ns + m->events[i].duration_ns;
    end = t > end ? t : end;
  }
  for (uint32_t i = 0; i < m->process_count; i++)
    end = m->processes[i].end_ns > end ? m->processes[i].end_ns : end;
  m->facts.end_ns = end;
  for (uint32_t i = 0; i < m->process_count; i++) {
    struct trace_process *p = &m->processes[i];
    if (p->begin_ns == INT64_MAX)
      p->begin_ns = p->end_ns;
    if (p->how == TRACE_ALIVE || p->end_ns < p->begin_ns)
      p->end_ns = end > p->begin_ns ? end : p->begin_ns;
  }
}

/* Two rows of one id become one: the later told what the earlier did not know. */
static void merge_doubles(struct trace_model *m, struct ids *ids) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < m->process_count; i++)
    if (map_get(&ids->processes, m->processes[i].id) == i)
      m->processes[kept++] = m->processes[i];
  m->process_count = kept;
  kept = 0;
  for (uint32_t i = 0; i < m->object_count; i++)
    if (map_get(&ids->objects, m->objects[i].id) == i)
      m->objects[kept++] = m->objects[i];
  m->object_count = kept;
}

/* The events by process, as they came; the number of those of each is counted. */
static int group_events(struct trace_model *m) {
  struct trace_event *sorted = malloc((m->event_count + 1u) * sizeof *sorted);
  if (!sorted)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < m->event_count; i++)
    m->processes[m->events[i].process].event_count++;
  uint32_t first = 0;
  for (uint32_t i = 0; i < m->process_count; i++) {
    struct trace_process *p = &m->processes[i];
    p->event_first = first;
    first += p->event_count;
    p->event_count = 0;
  }
  for (uint32_t i = 0; i < m->event_count; i++) {
    struct trace_process *p = &m->processes[m->events[i].process];
    sorted[p->event_first + p->event_count++] = m->events[i];
  }
  trace_replace_events(m, sorted, m->event_count + 1);
  for (uint32_t i = 0; i < m->process_count; i++) {
    struct trace_event *of = &sorted[m->processes[i].event_first];
    uint32_t n = m->processes[i].event_count, k = 1;
    while (k < n && of[k - 1].t_ns <= of[k].t_ns)
      k++;
    if (k < n)
      qsort(of, n, sizeof *of, by_time);
  }
  return 0;
}

/* The whole that an object belongs to, by the id in its name: "topic news#4", of a lock, is object 4. TRACE_NONE: it belongs
 * to none, or stands for it. */
static uint32_t whole_of(const struct trace_model *m, const struct ids *ids,
                         const struct trace_object *o) {
  const char *number = strrchr(o->name, '#');
  if (!number || !words_name_is_whole(o->name) || words_whole(o->type, o->name))
    return TRACE_NONE;
  uint32_t at = map_get(&ids->objects, (uint32_t)strtoul(number + 1, NULL, 10));
  size_t len = (size_t)(number - o->name);
  if (at == TRACE_NONE || !words_whole(m->objects[at].type, m->objects[at].name))
    return TRACE_NONE;
  const char *name = m->objects[at].name;
  return strlen(name) == len && memcmp(name, o->name, len) == 0 ? at : TRACE_NONE;
}

/* What is done to a part of a whole is done to the whole: a topic is one object, not a dict, a lock and an event. */
static int join_wholes(struct trace_model *m, struct ids *ids) {
  int rc = 0;
  for (uint32_t i = 0; i < m->object_count && rc == 0; i++) {
    uint32_t whole = whole_of(m, ids, &m->objects[i]);
    if (whole != TRACE_NONE)
      rc = map_set(&ids->objects, m->objects[i].id, whole);
  }
  return rc;
}

static int sort_and_resolve(struct trace_model *m, struct ids *ids) {
  merge_doubles(m, ids);
  bound(m);
  if (m->process_count)
    qsort(m->processes, m->process_count, sizeof *m->processes, by_begin);
  if (m->object_count)
    qsort(m->objects, m->object_count, sizeof *m->objects, by_id);
  int rc = 0;
  for (uint32_t i = 0; i < m->process_count && rc == 0; i++)
    rc = map_set(&ids->processes, m->processes[i].id, i);
  for (uint32_t i = 0; i < m->object_count && rc == 0; i++)
    rc = map_set(&ids->objects, m->objects[i].id, i);
  if (rc == 0)
    rc = join_wholes(m, ids);
  if (rc)
    return rc;
  for (uint32_t i = 0; i < m->process_count; i++)
    m->processes[i].parent = map_get(&ids->processes, m->processes[i].parent);
  for (uint32_t i = 0; i < m->object_count; i++)
    m->objects[i].peer = map_get(&ids->objects, m->objects[i].peer);
  for (uint32_t i = 0; i < m->event_count; i++) {
    struct trace_event *e = &m->events[i];
    e->process = map_get(&ids->processes, e->process);
    e->object = map_get(trace_names_process(e->kind) ? &ids->processes : &ids->objects, e->object);
  }
  for (uint32_t i = 0; i < m->mark_count; i++)
    m->marks[i].process = map_get(&ids->processes, m->marks[i].process);
  for (uint32_t i = 0; i < m->edge_count; i++) {
    m->edges[i].process = map_get(&ids->processes, m->edges[i].process);
    m->edges[i].holder = map_get(&ids->processes, m->edges[i].holder);
    m->edges[i].object = map_get(&ids->objects, m->edges[i].object);
  }
  return 0;
}

/* Events and marks whose process has no id say nothing. */
static void drop_nameless(struct trace_model *m) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < m->event_count; i++)
    if (m->events[i].process)
      m->events[kept++] = m->events[i];
  m->event_count = kept;
  kept = 0;
  for (uint32_t i = 0; i < m->mark_count; i++)
    if (m->marks[i].process)
      m->marks[kept++] = m->marks[i];
  m->mark_count = kept;
}

int trace_model_finish(struct trace_model *m) {
  struct ids ids = {0};
  drop_nameless(m);
  int rc = know_all(m, &ids);
  if (rc == 0)
    rc = sort_and_resolve(m, &ids);
  free(ids.processes.cells);
  free(ids.objects.cells);
  if (rc == 0)
    rc = group_events(m);
  if (rc)
    return rc;
  if (m->mark_count)
    qsort(m->marks, m->mark_count, sizeof *m->marks, marks_by_time);
  return trace_derive(m);
}
