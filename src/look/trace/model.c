/* look/trace/model.c - building a model: its memory, and its rows as they come. trace_model_finish, which
 * sorts them and resolves ids, is in resolve.c; what is derived from them, in derive.c. See model.h. */
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

void *trace_by_id(void *array, uint32_t *cap, uint32_t id, size_t size) {
  uint8_t **table = array;
  if (id >= TRACE_IDS_MAX)
    return NULL;
  while (id >= *cap) {
    uint32_t was = *cap;
    if (trace_grow(table, cap, was, size))
      return NULL;
    memset(*table + was * size, 0, (*cap - was) * size);
  }
  return *table + id * size;
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
  row.host = row.host ? row.host : "";
  if (trace_grow(&m->processes, &m->store->process_cap, m->process_count, sizeof row) ||
      own(m, &row.name) || own(m, &row.spawned_at) || own(m, &row.failure) || own(m, &row.host))
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

void trace_replace_events(struct trace_model *m, struct trace_event *events, uint32_t cap) {
  free(m->events);
  m->events = events;
  m->store->event_cap = cap;
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
