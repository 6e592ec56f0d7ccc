/* look/trace/svg_rows.c - which processes are in which row, and where it stands; see svg_internal.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/graph.h"
#include "look/trace/svg_internal.h"
#include "look/trace/words.h"

/* The parent, if it is before the process in the list, as it is in a sane trace. */
uint32_t svg_parent(const struct trace_model *m, uint32_t i) {
  uint32_t parent = m->processes[i].parent;
  return parent < i ? parent : TRACE_NONE;
}

/* Names are interned: equal ones have one address. */
static int find_classes(struct run *r, uint32_t *members) {
  const struct trace_model *m = r->m;
  uint32_t cap = 64;
  while (cap < 2 * m->process_count)
    cap *= 2;
  uint32_t *table = calloc(cap, sizeof *table); /* first process of a class + 1; 0: free */
  if (!table)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < m->process_count; i++) {
    uint32_t parent = svg_parent(m, i), above = parent == TRACE_NONE ? 0 : r->class_of[parent] + 1;
    uint64_t hash = ((uint64_t)(uintptr_t)m->processes[i].name ^ (uint64_t)above << 40) *
                    UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(hash >> 32) & (cap - 1);
    for (; table[at]; at = (at + 1) & (cap - 1)) {
      uint32_t first = table[at] - 1, other = svg_parent(m, first);
      if (m->processes[first].name == m->processes[i].name &&
          above == (other == TRACE_NONE ? 0 : r->class_of[other] + 1))
        break;
    }
    if (!table[at])
      table[at] = i + 1;
    r->class_of[i] = table[at] - 1;
    members[r->class_of[i]]++;
  }
  free(table);
  return 0;
}

static bool folds(const struct trace_model *m, uint32_t class, uint32_t members) {
  return members > (m->processes[class].worker ? FOLD_WORKERS : FOLD_OTHERS);
}

/* Add the row of a process, or of its group if that has none yet. */
static void add_row(struct run *r, uint32_t i, int depth, const uint32_t *members) {
  uint32_t class = r->class_of[i];
  bool group = folds(r->m, class, members[class]);
  for (uint32_t k = 0; group && k < r->row_count; k++)
    if (r->rows[k].group == class) {
      r->row_of[i] = k;
      return;
    }
  r->row_of[i] = r->row_count;
  r->rows[r->row_count++] = (struct row){.m = r->m,
                                         .first = i,
                                         .group = group ? class : TRACE_NONE,
                                         .members = group ? members[class] : 1,
                                         .depth = depth};
}

struct by_id {
  uint32_t id, process;
};

static int ids_descend(const void *a, const void *b) {
  const struct by_id *p = a, *q = b;
  return p->id < q->id ? 1 : p->id > q->id ? -1 : 0;
}

/* Each list of siblings in the order in which they were spawned: `head` has one place more, for those
 * without a parent. */
static int list_children(const struct trace_model *m, uint32_t *head, uint32_t *next) {
  uint32_t n = m->process_count;
  struct by_id *list = calloc(n + 1u, sizeof *list);
  if (!list)
    return -SBX_ENOMEM;
  for (uint32_t i = 0; i < n; i++)
    list[i] = (struct by_id){m->processes[i].id, i};
  qsort(list, n, sizeof *list, ids_descend);
  for (uint32_t k = 0; k < n; k++) {
    uint32_t i = list[k].process, parent = svg_parent(m, i);
    uint32_t *first = &head[parent == TRACE_NONE ? n : parent];
    next[i] = *first;
    *first = i;
  }
  free(list);
  return 0;
}

/* Processes in the order of a tree: the children below their parent. */
static int order_rows(struct run *r, const uint32_t *members) {
  uint32_t n = r->m->process_count;
  uint32_t *child = malloc((2 * (size_t)n + 2) * sizeof *child); /* first; [n]: of nobody */
  if (!child)
    return -SBX_ENOMEM;
  uint32_t *next = child + n + 1;
  memset(child, 0xff, (2 * (size_t)n + 2) * sizeof *child);
  int rc = list_children(r->m, child, next);
  int depth = 0;
  for (uint32_t at = rc ? TRACE_NONE : child[n]; at != TRACE_NONE;) {
    add_row(r, at, depth, members);
    if (child[at] != TRACE_NONE) {
      at = child[at];
      depth++;
      continue;
    }
    while (at != TRACE_NONE && next[at] == TRACE_NONE) {
      at = svg_parent(r->m, at);
      depth--;
    }
    at = at == TRACE_NONE ? at : next[at];
  }
  free(child);
  return rc;
}

/* What is too much becomes one row at the end. */
static void cut_rows(struct run *r, uint32_t most) {
  if (r->row_count <= most)
    return;
  struct row *last = &r->rows[most - 1];
  uint32_t rest = 0;
  for (uint32_t i = 0; i < r->m->process_count; i++)
    if (r->row_of[i] >= most - 1) {
      r->row_of[i] = most - 1;
      rest++;
    }
  last->group = TRACE_NONE;
  last->members = rest;
  last->depth = 0;
  r->row_count = most;
}

static void choose_queues(struct run *r) {
  const struct trace_model *m = r->m;
  for (int bounded = 1; bounded >= 0; bounded--)
    for (uint32_t i = 0; i < m->object_count && r->queue_count < QUEUES_MAX; i++)
      if (m->objects[i].type == OBJECT_QUEUE && (m->objects[i].max > 0) == bounded)
        for (uint32_t k = 0; k < m->event_count; k++)
          if (m->events[k].object == i && trace_event_change(&m->events[k])) {
            r->queues[r->queue_count++] = i;
            break;
          }
}

/* A deadlock is shown below the chart, as large as there is room for. */
static int open_graph(struct run *r) {
  if (!words_deadlock(r->m) || r->m->edge_count == 0)
    return 0;
  int rc = trace_graph_of_model(r->m, true, &r->graph);
  if (rc == 0)
    trace_graph_size(&r->graph, &r->graph_width, &r->graph_height);
  return rc;
}

double svg_graph_scale(const struct run *r) {
  double scale = (WIDTH - 2.0 * GRAPH_LEFT) / (r->graph_width > 0 ? r->graph_width : 1);
  return scale < 1 ? scale : 1;
}

int svg_open(struct run *r, const struct trace_model *m, uint32_t most) {
  size_t n = m->process_count + 1u;
  *r = (struct run){.m = m};
  r->class_of = calloc(n, sizeof *r->class_of);
  r->row_of = calloc(n, sizeof *r->row_of);
  r->rows = calloc(n, sizeof *r->rows);
  uint32_t *members = calloc(n, sizeof *members);
  int rc = r->class_of && r->row_of && r->rows && members ? 0 : -SBX_ENOMEM;
  if (rc == 0)
    rc = find_classes(r, members);
  if (rc == 0)
    rc = order_rows(r, members);
  free(members);
  if (rc == 0)
    rc = open_graph(r);
  if (rc == 0) {
    cut_rows(r, most);
    choose_queues(r);
  }
  return rc;
}

void svg_place(struct drawing *d) {
  uint32_t rows = 0;
  for (unsigned i = 0; i < d->run_count; i++)
    rows += d->runs[i].row_count;
  int height = rows <= 8 ? 30 : rows <= 20 ? 24 : rows <= 40 ? 18 : 14, y = TOP;
  for (unsigned i = 0; i < d->run_count; i++) {
    struct run *r = &d->runs[i];
    y += i ? 14 : 0;
    r->y = y;
    y += 26; /* its name */
    for (uint32_t k = 0; k < r->row_count; k++) {
      r->rows[k].y = y;
      r->rows[k].height = r->rows[k].members > 1 ? (height > 34 ? height : 34) : height;
      y += r->rows[k].height;
    }
    r->bottom = y;
    y += (int)r->queue_count * QUEUE_HEIGHT;
  }
  d->chart_height = y + 44; /* the legend */
  d->height = d->chart_height;
  for (unsigned i = 0; i < d->run_count; i++) {
    struct run *r = &d->runs[i];
    r->graph_y = d->height + GRAPH_TOP;
    d->height += r->graph.len ? GRAPH_TOP + (int)(r->graph_height * svg_graph_scale(r)) + 10 : 0;
  }
}
