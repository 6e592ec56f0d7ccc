/*
 * look/trace/graph_of.c - the wait-for graph of a model, and of a snapshot; see graph.h.
 *
 * Both are first told as links: a process waits for an object, and another one would have to act;
 * or it waits for the end of another. A link becomes one or two arrows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/graph.h"
#include "look/waits.h"
#include "look/words.h"

enum { NAME_ROOM = 80, NOTE_ROOM = WHERE_MAX + 32, ALIKE = 4 };

struct link {
  uint32_t process, object, holder; /* of object and holder at least one is not TRACE_NONE */
  uint16_t kind;
  const char *where; /* borrowed */
  bool stuck;
};

struct named {
  char name[NAME_ROOM];
  enum object_type type;
};

struct cast {
  struct named *processes, *objects; /* owned */
  struct link *links;                /* owned; those of a process follow each other */
  uint32_t process_count, object_count, link_count, link_cap;
};

static void cast_release(struct cast *c) {
  free(c->processes);
  free(c->objects);
  free(c->links);
}

static int add_link(struct cast *c, struct link link) {
  if (c->link_count == c->link_cap) {
    uint32_t cap = c->link_cap ? 2 * c->link_cap : 32;
    struct link *links = realloc(c->links, cap * sizeof *links);
    if (!links)
      return -SBX_ENOMEM;
    c->links = links;
    c->link_cap = cap;
  }
  c->links[c->link_count++] = link;
  return 0;
}

/* -- words ----------------------------------------------------------------------------------- */

/* What a holder is to the object, seen from a process that waits in an op of this kind. */
static const char *word_of(enum op_kind kind) {
  switch (kind) {
  case OP_QUEUE_PUT:
  case OP_QUEUE_MEET:
    return "emptied by";
  case OP_QUEUE_GET:
  case OP_PIPE_RECV:
  case OP_PIPE_POLL:
    return "filled by";
  case OP_QUEUE_JOIN:
    return "finished by";
  case OP_SEMAPHORE_ACQUIRE:
    return "released by";
  case OP_EVENT_WAIT:
    return "set by";
  case OP_LATCH_WAIT:
    return "counted down by";
  case OP_CONDITION_WAIT:
    return "notified by";
  case OP_BARRIER_WAIT:
    return "misses";
  case OP_VALUE_SET:
  case OP_VALUE_ADD:
  case OP_VALUE_CAS:
  case OP_VALUE_UPDATE:
  case OP_DICT_SET:
  case OP_DICT_UPDATE:
  case OP_DICT_ADD:
  case OP_DICT_CAS:
    return "updated by";
  case OP_VALUE_AWAIT:
  case OP_DICT_AWAIT:
    return "changed by";
  default:
    return "held by";
  }
}

/* -- processes that wait alike --------------------------------------------------------------- */

static bool is_holder(const struct cast *c, uint32_t process) {
  for (uint32_t i = 0; i < c->link_count; i++)
    if (c->links[i].holder == process)
      return true;
  return false;
}

/* The links of a process: from `first` on. */
static uint32_t links_of(const struct cast *c, uint32_t first) {
  uint32_t count = 1;
  while (first + count < c->link_count &&
         c->links[first + count].process == c->links[first].process)
    count++;
  return count;
}

/* "worker" of "worker#3" */
static size_t stem(const char *name) {
  const char *end = strrchr(name, '#');
  return end ? (size_t)(end - name) : strlen(name);
}

static bool alike(const struct cast *c, uint32_t a, uint32_t a_count, uint32_t b,
                  uint32_t b_count) {
  const char *p = c->processes[c->links[a].process].name;
  const char *q = c->processes[c->links[b].process].name;
  if (a_count != b_count || stem(p) != stem(q) || memcmp(p, q, stem(p)) != 0)
    return false;
  for (uint32_t i = 0; i < a_count; i++) {
    const struct link *x = &c->links[a + i], *y = &c->links[b + i];
    if (x->object != y->object || x->holder != y->holder || x->kind != y->kind ||
        x->stuck != y->stuck || strcmp(x->where, y->where) != 0)
      return false;
  }
  return true;
}

/* Of processes that wait alike, and that nobody waits for, one stays, and says how many they are. */
static void fold(struct cast *c) {
  uint32_t kept = 0;
  for (uint32_t i = 0, n; i < c->link_count; i += n) {
    n = links_of(c, i);
    uint32_t end = i + n, count = 1;
    bool free_of = !is_holder(c, c->links[i].process);
    for (uint32_t m; free_of && end < c->link_count; end += m) {
      m = links_of(c, end);
      if (is_holder(c, c->links[end].process) || !alike(c, i, n, end, m))
        break;
      count++;
    }
    memmove(&c->links[kept], &c->links[i], n * sizeof *c->links);
    if (count >= ALIKE) {
      struct named *p = &c->processes[c->links[kept].process];
      size_t len = stem(p->name);
      len = len < NAME_ROOM - 24 ? len : NAME_ROOM - 24;
      snprintf(p->name + len, NAME_ROOM - len, " \xc3\x97 %u", count);
      kept += n;
      n = end - i;
    } else {
      kept += n;
    }
  }
  c->link_count = kept;
}

/* -- nodes and edges ------------------------------------------------------------------------- */

struct maker {
  const struct cast *c;
  struct trace_graph g;
  struct trace_graph_node *nodes;
  struct trace_graph_edge *edges;
  char (*notes)[NOTE_ROOM];
  uint32_t *process_node, *object_node; /* TRACE_NONE: none */
};

static uint32_t node_of(struct maker *k, uint32_t *of, const char *label, bool process) {
  if (*of == TRACE_NONE) {
    if (k->g.node_count == TRACE_GRAPH_NODES)
      return TRACE_NONE;
    k->nodes[k->g.node_count] = (struct trace_graph_node){
        .label = label, .note = k->notes[k->g.node_count], .process = process};
    *of = k->g.node_count++;
  }
  return *of;
}

static void note(struct maker *k, uint32_t node, const char *first, const char *second,
                 const char *third) {
  snprintf(k->notes[node], NOTE_ROOM, "%s%s%s", first, second, third);
}

static void edge(struct maker *k, uint32_t from, uint32_t to, const char *label, bool held,
                 bool stuck) {
  if (from == TRACE_NONE || to == TRACE_NONE)
    return;
  for (uint32_t i = 0; i < k->g.edge_count; i++)
    if (k->edges[i].from == from && k->edges[i].to == to) {
      k->edges[i].stuck |= stuck;
      return;
    }
  k->edges[k->g.edge_count++] = (struct trace_graph_edge){from, to, label, held, stuck};
}

/* Does a process of the deadlock wait in it? */
static bool stuck_process(const struct cast *c, uint32_t process) {
  for (uint32_t i = 0; i < c->link_count; i++)
    if (c->links[i].process == process && c->links[i].stuck)
      return true;
  return false;
}

static void draw_link(struct maker *k, const struct link *l) {
  const struct cast *c = k->c;
  uint32_t process = node_of(k, &k->process_node[l->process], c->processes[l->process].name, true);
  uint32_t object = TRACE_NONE, holder = TRACE_NONE;
  if (process == TRACE_NONE)
    return;
  k->nodes[process].stuck |= l->stuck;
  const char *file = strrchr(l->where, '/');
  const struct whole_verb *whole =
      l->object == TRACE_NONE ? NULL : words_whole_verb(l->kind, c->objects[l->object].name);
  note(k, process, whole ? whole->verb : op_describe(l->kind)->verb, *l->where ? " at " : "",
       file ? file + 1 : l->where);
  if (l->object != TRACE_NONE) {
    object = node_of(k, &k->object_node[l->object], c->objects[l->object].name, false);
    if (object != TRACE_NONE) {
      const char *type = object_type_word(c->objects[l->object].type);
      note(k, object, type, l->holder == TRACE_NONE ? ": nobody can act" : "", "");
      k->nodes[object].stuck |= l->stuck;
    }
  }
  if (l->holder != TRACE_NONE)
    holder = node_of(k, &k->process_node[l->holder], c->processes[l->holder].name, true);
  bool both = l->stuck && l->holder != TRACE_NONE && stuck_process(c, l->holder);
  if (l->object == TRACE_NONE)
    edge(k, process, holder, "joins", false, both);
  else {
    edge(k, process, object, "waits", false, l->stuck);
    edge(k, object, holder, word_of(l->kind), true, both);
  }
}

/* The deadlock first, so that it is there if not all has room. */
static int draw(struct cast *c, bool alone, struct buf *out) {
  fold(c);
  size_t nodes = 3 * (size_t)c->link_count + 1;
  struct maker k = {.c = c, .g = {.title = "Which process waits for what"}};
  k.nodes = calloc(nodes, sizeof *k.nodes);
  k.edges = calloc(nodes, sizeof *k.edges);
  k.notes = calloc(nodes, sizeof *k.notes);
  k.process_node = malloc((c->process_count + 1u) * sizeof *k.process_node);
  k.object_node = malloc((c->object_count + 1u) * sizeof *k.object_node);
  int rc = k.nodes && k.edges && k.notes && k.process_node && k.object_node ? 0 : -SBX_ENOMEM;
  if (rc == 0) {
    memset(k.process_node, 0xff, c->process_count * sizeof *k.process_node); /* TRACE_NONE */
    memset(k.object_node, 0xff, c->object_count * sizeof *k.object_node);
    for (int others = 0; others < 2; others++)
      for (uint32_t i = 0; i < c->link_count; i++)
        if (c->links[i].stuck == !others)
          draw_link(&k, &c->links[i]);
    k.g.nodes = k.nodes;
    k.g.edges = k.edges;
    rc = trace_graph_svg(&k.g, alone, out);
  }
  free(k.nodes);
  free(k.edges);
  free(k.notes);
  free(k.process_node);
  free(k.object_node);
  return rc;
}

/* -- of a model ------------------------------------------------------------------------------ */

static int by_process(const void *a, const void *b) {
  const struct link *l = a, *m = b;
  if (l->process != m->process)
    return l->process < m->process ? -1 : 1;
  if (l->object != m->object)
    return l->object < m->object ? -1 : 1;
  return l->holder < m->holder ? -1 : l->holder > m->holder;
}

static int cast_model(const struct trace_model *m, struct cast *c) {
  c->process_count = m->process_count;
  c->object_count = m->object_count;
  c->processes = calloc(m->process_count + 1u, sizeof *c->processes);
  c->objects = calloc(m->object_count + 1u, sizeof *c->objects);
  if (!c->processes || !c->objects)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < m->process_count; i++)
    trace_process_label(m, i, c->processes[i].name, NAME_ROOM);
  for (uint32_t i = 0; i < m->object_count; i++) {
    trace_object_label(m, i, c->objects[i].name, NAME_ROOM);
    c->objects[i].type = m->objects[i].type;
  }
  int rc = 0;
  for (uint32_t i = 0; i < m->edge_count && rc == 0; i++) {
    const struct trace_edge *e = &m->edges[i];
    if (e->process != TRACE_NONE && (e->object != TRACE_NONE || e->holder != TRACE_NONE))
      rc = add_link(c, (struct link){e->process, e->object, e->holder, e->kind,
                                     m->strings[e->where], e->stuck});
  }
  if (c->link_count)
    qsort(c->links, c->link_count, sizeof *c->links, by_process);
  return rc;
}

int trace_graph_of_model(const struct trace_model *m, bool alone, struct buf *out) {
  struct cast c = {0};
  int rc = cast_model(m, &c);
  if (rc == 0)
    rc = draw(&c, alone, out);
  cast_release(&c);
  return rc;
}

/* -- of a snapshot --------------------------------------------------------------------------- */

/* The object of a need, by its id: a row of the cast. */
static int object_of(struct cast *c, uint64_t *ids, const struct snapshot_need *n, uint32_t *ret) {
  for (*ret = 0; *ret < c->object_count; (*ret)++)
    if (ids[*ret] == n->object && c->objects[*ret].type == n->type)
      return 0;
  struct buf text = {0};
  const char *name = *n->object_name ? n->object_name : object_type_word(n->type);
  int rc = words_name_has_number(name)
               ? buf_format(&text, "%s", name)
               : buf_format(&text, "%s#%llu", name, (unsigned long long)n->object);
  if (rc == 0 && text.len >= NAME_ROOM)
    text.len = NAME_ROOM - 1;
  if (rc == 0) {
    struct named *row = &c->objects[c->object_count++];
    memcpy(row->name, text.data, text.len);
    row->type = n->type;
    ids[*ret] = n->object;
  }
  buf_release(&text);
  return rc;
}

/* The processes that this object of several leads to: those of the helpers that have it in hands. */
static bool has(const struct snapshot *s, const struct snapshot_need *n, uint32_t process) {
  bool queue = n->type == OBJECT_QUEUE || n->type == OBJECT_PIPE;
  int64_t i = queue ? snapshot_find_queue(s, n->type == OBJECT_PIPE ? n->queue : n->object)
                    : snapshot_find_sync(s, n->object);
  if (i < 0)
    return false;
  if (queue)
    return index_list_has(&s->queues[i].holders, process);
  const struct snapshot_sync *sync = &s->syncs[i];
  return index_list_has(sync->owners.count ? &sync->owners : &sync->holders, process);
}

static int link_need(struct cast *c, uint64_t *ids, const struct snapshot *s, uint32_t process,
                     const struct snapshot_need *n, const uint32_t *helpers, uint32_t count) {
  const struct snapshot_process *p = &s->processes[process];
  struct link link = {process,           TRACE_NONE, TRACE_NONE,
                      (uint16_t)n->kind, p->where,   p->stuck == STUCK_FOR_EVER};
  if (n->type == OBJECT_PROCESS) {
    int64_t i = snapshot_find_process(s, n->object);
    link.holder = i < 0 ? TRACE_NONE : (uint32_t)i;
    return i < 0 ? 0 : add_link(c, link);
  }
  int rc = object_of(c, ids, n, &link.object);
  bool any = false;
  for (uint32_t i = 0; i < count && rc == 0; i++)
    if (has(s, n, helpers[i])) {
      link.holder = helpers[i];
      any = true;
      rc = add_link(c, link);
    }
  return rc || any ? rc : add_link(c, link);
}

static int cast_snapshot(const struct snapshot *s, struct cast *c) {
  size_t needs = 1;
  for (uint32_t i = 0; i < s->process_count; i++)
    needs += s->processes[i].op.need_count;
  uint64_t *ids = calloc(needs, sizeof *ids);
  uint32_t *helpers = calloc(s->process_count + 1u, sizeof *helpers);
  c->process_count = s->process_count;
  c->processes = calloc(s->process_count + 1u, sizeof *c->processes);
  c->objects = calloc(needs, sizeof *c->objects);
  int rc = ids && helpers && c->processes && c->objects ? 0 : -SBX_ENOMEM;
  for (uint32_t i = 0; i < s->process_count && rc == 0; i++) {
    const struct snapshot_process *p = &s->processes[i];
    struct buf text = {0};
    rc = waits_tell_process(s, i, &text);
    if (rc == 0)
      memcpy(c->processes[i].name, text.data, text.len < NAME_ROOM ? text.len : NAME_ROOM - 1);
    buf_release(&text);
    bool waits = p->lives && p->status == PROCESS_RUNNING && p->op.kind != OP_NONE;
    uint32_t count = waits ? waits_for(s, i, helpers, s->process_count) : 0;
    for (uint32_t k = 0; waits && k < p->op.need_count && rc == 0; k++)
      if (p->op.needs[k].object)
        rc = link_need(c, ids, s, i, &p->op.needs[k], helpers, count);
  }
  free(ids);
  free(helpers);
  return rc;
}

int trace_graph_of_snapshot(const struct snapshot *s, struct buf *out) {
  struct cast c = {0};
  int rc = cast_snapshot(s, &c);
  if (rc == 0)
    rc = draw(&c, true, out);
  cast_release(&c);
  return rc;
}
