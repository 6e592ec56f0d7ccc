/* look/trace/model.c - building a model: rows are gathered, then trace_model_finish sorts them and
 * resolves ids. What is derived from them stands in derive.c. See model.h. */
#include "look/trace/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/model_internal.h"

/* -- memory ---------------------------------------------------------------------------------- */

enum { CHUNK_BYTES = 64 * 1024 };

struct text_chunk {
  struct text_chunk *next;
  size_t used, size;
  char bytes[];
};

struct trace_store {
  struct text_chunk *texts;
  uint32_t *interned; /* string numbers by hash; 0: free */
  uint32_t interned_cap;
  uint32_t process_cap, object_cap, event_cap, mark_cap, edge_cap, source_cap, string_cap;
};

int trace_grow(void *array, uint32_t *cap, uint32_t count, size_t size) {
  void **p = array;
  if (count < *cap)
    return 0;
  if (*cap > UINT32_MAX / 4)
    return -SBX_ENOMEM;
  uint32_t grown = *cap ? 2 * *cap : 64;
  void *moved = realloc(*p, grown * size);
  if (!moved)
    return -SBX_ENOMEM;
  *p = moved;
  *cap = grown;
  return 0;
}

/* A copy that lives as long as the model; NULL without memory. */
static char *keep(struct trace_store *s, const char *text, size_t len) {
  struct text_chunk *c = s->texts;
  if (!c || c->size - c->used < len + 1) {
    size_t size = len + 1 > CHUNK_BYTES ? len + 1 : CHUNK_BYTES;
    c = malloc(sizeof *c + size);
    if (!c)
      return NULL;
    *c = (struct text_chunk){.next = s->texts, .size = size};
    s->texts = c;
  }
  char *ret = c->bytes + c->used;
  if (len > 0)
    memcpy(ret, text, len);
  ret[len] = '\0';
  c->used += len + 1;
  return ret;
}

static uint32_t hash_text(const char *s) {
  uint32_t h = 2166136261u; /* FNV-1a */
  for (; *s; s++)
    h = (h ^ (unsigned char)*s) * 16777619u;
  return h;
}

static int grow_interned(struct trace_model *m) {
  struct trace_store *s = m->store;
  uint32_t cap = s->interned_cap ? 2 * s->interned_cap : 256;
  uint32_t *table = calloc(cap, sizeof *table);
  if (!table)
    return -SBX_ENOMEM;
  for (uint32_t i = 1; i < m->string_count; i++) {
    uint32_t at = hash_text(m->strings[i]) & (cap - 1);
    while (table[at])
      at = (at + 1) & (cap - 1);
    table[at] = i;
  }
  free(s->interned);
  s->interned = table;
  s->interned_cap = cap;
  return 0;
}

int trace_add_string(struct trace_model *m, const char *text, uint32_t *ret) {
  struct trace_store *s = m->store;
  if (!text || !*text) {
    *ret = 0;
    return 0;
  }
  if (m->string_count * 2 >= s->interned_cap && grow_interned(m))
    return -SBX_ENOMEM;
  uint32_t at = hash_text(text) & (s->interned_cap - 1);
  for (; s->interned[at]; at = (at + 1) & (s->interned_cap - 1))
    if (strcmp(m->strings[s->interned[at]], text) == 0) {
      *ret = s->interned[at];
      return 0;
    }
  if (trace_grow(&m->strings, &s->string_cap, m->string_count, sizeof *m->strings))
    return -SBX_ENOMEM;
  if (!(m->strings[m->string_count] = keep(s, text, strlen(text))))
    return -SBX_ENOMEM;
  *ret = s->interned[at] = m->string_count++;
  return 0;
}

/* Replace a borrowed string by the model's own. */
static int own(struct trace_model *m, const char **text) {
  uint32_t i;
  if (trace_add_string(m, *text, &i))
    return -SBX_ENOMEM;
  *text = m->strings[i];
  return 0;
}

int trace_model_new(struct trace_model *ret) {
  *ret = (struct trace_model){.store = calloc(1, sizeof *ret->store)};
  if (!ret->store || trace_grow(&ret->strings, &ret->store->string_cap, 0, sizeof *ret->strings)) {
    trace_model_release(ret);
    return -SBX_ENOMEM;
  }
  ret->strings[0] = "";
  ret->string_count = 1;
  ret->facts = (struct trace_facts){.command = "",
                                    .version = "",
                                    .clock = "",
                                    .deadlock = "",
                                    .speed = 1,
                                    .cpu_ns = -1,
                                    .exit_status = -1,
                                    .detail = TRACE_DETAIL_MERGED};
  return 0;
}

void trace_model_release(struct trace_model *m) {
  if (m->store) {
    for (struct text_chunk *c = m->store->texts, *next; c; c = next) {
      next = c->next;
      free(c);
    }
    free(m->store->interned);
    free(m->store);
  }
  free(m->processes);
  free(m->objects);
  free(m->events);
  free(m->spans);
  free(m->marks);
  free(m->items);
  free(m->edges);
  free(m->sources);
  free(m->strings);
  *m = (struct trace_model){0};
}

/* -- adding ---------------------------------------------------------------------------------- */

int trace_add_process(struct trace_model *m, const struct trace_process *p) {
  struct trace_process row = *p;
  if (trace_grow(&m->processes, &m->store->process_cap, m->process_count, sizeof row) ||
      own(m, &row.name) || own(m, &row.spawned_at) || own(m, &row.failure) ||
      (row.host && own(m, &row.host)))
    return -SBX_ENOMEM;
  m->processes[m->process_count++] = row;
  return 0;
}

int trace_add_object(struct trace_model *m, const struct trace_object *o) {
  struct trace_object row = *o;
  if (trace_grow(&m->objects, &m->store->object_cap, m->object_count, sizeof row) ||
      own(m, &row.name) || own(m, &row.made_at))
    return -SBX_ENOMEM;
  m->objects[m->object_count++] = row;
  return 0;
}

int trace_add_event(struct trace_model *m, const struct trace_event *e) {
  if (trace_grow(&m->events, &m->store->event_cap, m->event_count, sizeof *e))
    return -SBX_ENOMEM;
  struct trace_event *row = &m->events[m->event_count++];
  *row = *e;
  if (row->count == 0)
    row->count = 1;
  if (row->duration_ns < 0)
    row->duration_ns = 0;
  return 0;
}

int trace_add_mark(struct trace_model *m, const struct trace_mark *k) {
  if (trace_grow(&m->marks, &m->store->mark_cap, m->mark_count, sizeof *k))
    return -SBX_ENOMEM;
  m->marks[m->mark_count++] = *k;
  return 0;
}

int trace_add_edge(struct trace_model *m, const struct trace_edge *e) {
  if (trace_grow(&m->edges, &m->store->edge_cap, m->edge_count, sizeof *e))
    return -SBX_ENOMEM;
  m->edges[m->edge_count++] = *e;
  return 0;
}

int trace_add_source(struct trace_model *m, const char *path, const char *text, size_t len) {
  struct trace_source row = {.path = path, .len = len};
  if (trace_grow(&m->sources, &m->store->source_cap, m->source_count, sizeof row) ||
      own(m, &row.path) || !(row.text = keep(m->store, text, len)))
    return -SBX_ENOMEM;
  m->sources[m->source_count++] = row;
  return 0;
}

int trace_set_facts(struct trace_model *m, const struct trace_facts *f) {
  struct trace_facts facts = *f;
  if (own(m, &facts.command) || own(m, &facts.version) || own(m, &facts.clock) ||
      own(m, &facts.deadlock))
    return -SBX_ENOMEM;
  m->facts = facts;
  return 0;
}

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
  free(m->events);
  m->events = sorted;
  m->store->event_cap = m->event_count + 1;
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
