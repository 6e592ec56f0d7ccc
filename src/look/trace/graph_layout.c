/*
 * look/trace/graph_layout.c - see graph_layout.h.
 *
 * Nodes that reach each other form a block, drawn as a ring; any other node is a block of its own.
 * Between blocks there is no cycle, so each block has a rank, the longest way to a block that
 * points nowhere: ranks are columns, the highest to the left. Parts of the graph that have nothing
 * to do with each other are laid out alone, and then set side by side in lines, as words are.
 */
#include "look/trace/graph_layout.h"

#include <stdlib.h>

#include "base/error.h"
#include "look/trace/plane.h"
#include "look/trace/xml_text.h"

enum {
  LABEL_CHAR = 8, /* width of one, in pixels */
  NOTE_CHAR = 6,
  GAP_ACROSS = 76, /* between the nodes of a ring: an arrow and its label */
  GAP_DOWN = 38,
  COLUMN_GAP = 84, /* between columns */
  ROW_GAP = 22,
  PART_GAP = 48,
  LINE_WIDTH = 1040, /* parts beyond it go to the next line */
  MARGIN = 16,
};

struct node {
  uint32_t part, block;
  bool done; /* it is in a block */
};

struct block {
  uint32_t *nodes; /* in `order` of the layout; a ring in the order of its arrows */
  uint32_t count, part, rank;
  double x, y, width, height; /* of its upper left corner */
  double wish;                /* where its arrows would like it to be */
};

struct layout {
  const struct trace_graph *g;
  struct graph_place *places;
  struct node *nodes;
  bool *reaches; /* node by node */
  struct block *blocks;
  uint32_t *order;
  uint32_t block_count;
  double width, height;
};

/* The point of the unit circle after a part of a turn, from the right, clockwise. By Taylor's
 * series. */
static void turn(double part, double *ret_x, double *ret_y) {
  double angle = 6.283185307179586 * part, term = 1;
  *ret_x = *ret_y = 0;
  for (int i = 0; i < 40; i++) {
    double *sum = i % 2 ? ret_y : ret_x;
    *sum += i % 4 < 2 ? term : -term;
    term *= angle / (i + 1);
  }
}

static bool reaches(const struct layout *l, uint32_t from, uint32_t to) {
  return l->reaches[(size_t)from * l->g->node_count + to];
}

/* -- who reaches whom ------------------------------------------------------------------------ */

static void find_reach(struct layout *l) {
  const struct trace_graph *g = l->g;
  uint32_t *todo = l->order;
  for (uint32_t from = 0; from < g->node_count; from++) {
    bool *row = l->reaches + (size_t)from * g->node_count;
    uint32_t count = 1;
    todo[0] = from;
    while (count) {
      uint32_t at = todo[--count];
      for (uint32_t i = 0; i < g->edge_count; i++)
        if (g->edges[i].from == at && !row[g->edges[i].to]) {
          row[g->edges[i].to] = true;
          if (g->edges[i].to != from)
            todo[count++] = g->edges[i].to;
        }
    }
  }
}

/* Parts of the graph: the number of the first node of each. */
static void find_parts(struct layout *l) {
  const struct trace_graph *g = l->g;
  for (uint32_t i = 0; i < g->node_count; i++)
    l->nodes[i].part = i;
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t i = 0; i < g->edge_count; i++) {
      uint32_t *a = &l->nodes[g->edges[i].from].part, *b = &l->nodes[g->edges[i].to].part;
      if (*a == *b)
        continue;
      *a = *b = *a < *b ? *a : *b;
      changed = true;
    }
  }
}

/* A node that is not in a block yet, belongs with `of`, and that `at` points to; else any that
 * belongs with it; or none. */
static uint32_t next_of_ring(const struct layout *l, uint32_t of, uint32_t at) {
  const struct trace_graph *g = l->g;
  for (uint32_t i = 0; i < g->edge_count; i++) {
    uint32_t to = g->edges[i].to;
    if (g->edges[i].from == at && !l->nodes[to].done && reaches(l, to, of))
      return to;
  }
  for (uint32_t to = 0; to < g->node_count; to++)
    if (!l->nodes[to].done && reaches(l, of, to) && reaches(l, to, of))
      return to;
  return TRACE_NONE;
}

static void find_blocks(struct layout *l) {
  uint32_t *list = l->order;
  for (uint32_t i = 0; i < l->g->node_count; i++) {
    if (l->nodes[i].done)
      continue;
    struct block *b = &l->blocks[l->block_count];
    *b = (struct block){.nodes = list, .part = l->nodes[i].part};
    for (uint32_t at = i; at != TRACE_NONE; at = next_of_ring(l, i, at)) {
      l->nodes[at].done = true;
      l->nodes[at].block = l->block_count;
      b->nodes[b->count++] = at;
      if (!reaches(l, i, i))
        break;
    }
    list += b->count;
    l->block_count++;
  }
}

static void find_ranks(struct layout *l) {
  const struct trace_graph *g = l->g;
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t i = 0; i < g->edge_count; i++) {
      struct block *a = &l->blocks[l->nodes[g->edges[i].from].block],
                   *b = &l->blocks[l->nodes[g->edges[i].to].block];
      if (a == b || a->rank > b->rank)
        continue;
      a->rank = b->rank + 1;
      changed = true;
    }
  }
}

/* -- rings ----------------------------------------------------------------------------------- */

static bool too_near(const struct graph_place *a, const struct graph_place *b) {
  return plane_size(a->x - b->x) < (a->width + b->width) / 2 + GAP_ACROSS &&
         plane_size(a->y - b->y) < (a->height + b->height) / 2 + GAP_DOWN;
}

static bool crowded(const struct layout *l, const struct block *b) {
  for (uint32_t i = 0; i < b->count; i++)
    for (uint32_t k = 0; k < i; k++)
      if (too_near(&l->places[b->nodes[i]], &l->places[b->nodes[k]]))
        return true;
  return false;
}

/* Does a node outside of the ring point to it? */
static bool awaited(const struct layout *l, uint32_t node) {
  const struct trace_graph *g = l->g;
  for (uint32_t i = 0; i < g->edge_count; i++)
    if (g->edges[i].to == node && l->nodes[g->edges[i].from].block != l->nodes[node].block)
      return true;
  return false;
}

/* The first node is at the top; of a ring that others wait for, the first of the awaited nodes is
 * to the left, where the others are. */
static void turn_ring(const struct layout *l, const struct block *b, double stretch) {
  uint32_t first = 0;
  double start = 0.75;
  for (uint32_t i = b->count; i-- > 0;)
    if (awaited(l, b->nodes[i])) {
      first = i;
      start = 0.5;
    }
  if (b->count == 2)
    start = 0.5;
  for (uint32_t i = 0; i < b->count; i++) {
    struct graph_place *p = &l->places[b->nodes[(first + i) % b->count]];
    turn(start + (double)i / b->count, &p->x, &p->y);
    p->x *= 1.35 * stretch;
    p->y *= stretch;
  }
}

/* Place the nodes of a block around 0, 0; then its corner is there. */
static void place_block(const struct layout *l, struct block *b) {
  double left = 0, right = 0, top = 0, bottom = 0;
  if (b->count > 1)
    for (double stretch = 40; turn_ring(l, b, stretch), crowded(l, b);)
      stretch *= 1.04;
  for (uint32_t i = 0; i < b->count; i++) {
    const struct graph_place *p = &l->places[b->nodes[i]];
    left = plane_least(left, p->x - p->width / 2);
    right = plane_most(right, p->x + p->width / 2);
    top = plane_least(top, p->y - p->height / 2);
    bottom = plane_most(bottom, p->y + p->height / 2);
  }
  for (uint32_t i = 0; i < b->count; i++) {
    l->places[b->nodes[i]].x -= left;
    l->places[b->nodes[i]].y -= top;
  }
  b->width = right - left;
  b->height = bottom - top;
}

/* -- columns --------------------------------------------------------------------------------- */

static int blocks_by_wish(const void *a, const void *b) {
  const struct block *const *p = a, *const *q = b;
  if ((*p)->wish != (*q)->wish)
    return (*p)->wish < (*q)->wish ? -1 : 1;
  return *p < *q ? -1 : *p > *q;
}

/* The middle of what a block points to. */
static double wish_of(const struct layout *l, const struct block *b) {
  double sum = 0;
  uint32_t count = 0;
  for (uint32_t i = 0; i < l->g->edge_count; i++) {
    const struct trace_graph_edge *e = &l->g->edges[i];
    if (&l->blocks[l->nodes[e->from].block] != b || &l->blocks[l->nodes[e->to].block] == b)
      continue;
    const struct block *to = &l->blocks[l->nodes[e->to].block];
    sum += to->y + l->places[e->to].y;
    count++;
  }
  return count ? sum / count : 0;
}

/* Set a column of blocks below one another, around y = 0, its right side at `right`. Returns its
 * left side. */
static double place_column(const struct layout *l, struct block **list, uint32_t count,
                           double right) {
  double height = 0, width = 0;
  for (uint32_t i = 0; i < count; i++) {
    list[i]->wish = wish_of(l, list[i]);
    height += list[i]->height + (i ? ROW_GAP : 0);
    width = plane_most(width, list[i]->width);
  }
  qsort(list, count, sizeof *list, blocks_by_wish);
  double y = -height / 2;
  if (count == 1) /* straight to what it points to */
    y = wish_of(l, list[0]) - height / 2;
  for (uint32_t i = 0; i < count; i++) {
    list[i]->x = right - (width + list[i]->width) / 2;
    list[i]->y = y;
    y += list[i]->height + ROW_GAP;
  }
  return right - width;
}

/* Lay out a part, and move it to x, y. Returns what it takes. */
static void place_part(struct layout *l, uint32_t part, struct block **list, double *ret_width,
                       double *ret_height) {
  double left = 0, top = 0, bottom = 0;
  uint32_t placed = 0, in_all = 0;
  for (uint32_t i = 0; i < l->block_count; i++)
    in_all += l->blocks[i].part == part;
  for (uint32_t rank = 0; placed < in_all; rank++) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->block_count; i++)
      if (l->blocks[i].part == part && l->blocks[i].rank == rank)
        list[count++] = &l->blocks[i];
    left = place_column(l, list, count, rank ? left - COLUMN_GAP : 0);
    placed += count;
  }
  for (uint32_t i = 0; i < l->block_count; i++)
    if (l->blocks[i].part == part) {
      top = plane_least(top, l->blocks[i].y);
      bottom = plane_most(bottom, l->blocks[i].y + l->blocks[i].height);
    }
  for (uint32_t i = 0; i < l->block_count; i++)
    if (l->blocks[i].part == part) {
      l->blocks[i].x -= left;
      l->blocks[i].y -= top;
    }
  *ret_width = -left;
  *ret_height = bottom - top;
}

static void place_parts(struct layout *l, struct block **list) {
  double x = MARGIN, y = MARGIN, line = 0;
  for (uint32_t part = 0; part < l->g->node_count; part++) {
    bool any = false;
    for (uint32_t i = 0; i < l->block_count && !any; i++)
      any = l->blocks[i].part == part;
    if (!any)
      continue;
    double width, height;
    place_part(l, part, list, &width, &height);
    if (x > MARGIN && x + width > LINE_WIDTH) {
      x = MARGIN;
      y += line + PART_GAP;
      line = 0;
    }
    for (uint32_t i = 0; i < l->block_count; i++)
      if (l->blocks[i].part == part) {
        l->blocks[i].x += x;
        l->blocks[i].y += y;
      }
    l->width = plane_most(l->width, x + width + MARGIN);
    line = plane_most(line, height);
    x += width + PART_GAP;
  }
  l->height = y + line + MARGIN;
  for (uint32_t i = 0; i < l->g->node_count; i++) {
    l->places[i].x += l->blocks[l->nodes[i].block].x;
    l->places[i].y += l->blocks[l->nodes[i].block].y;
  }
}

static void measure(struct layout *l) {
  for (uint32_t i = 0; i < l->g->node_count; i++) {
    const struct trace_graph_node *n = &l->g->nodes[i];
    size_t label = xml_length(n->label), note = xml_length(n->note);
    double width = LABEL_CHAR * (double)(label < GRAPH_LABEL_CHARS ? label : GRAPH_LABEL_CHARS);
    width =
        plane_most(width, NOTE_CHAR * (double)(note < GRAPH_NOTE_CHARS ? note : GRAPH_NOTE_CHARS));
    l->places[i].width = plane_most(width + 28, 84);
    l->places[i].height = *n->note ? 46 : 32;
  }
}

void graph_layout_release(struct graph_layout *l) { free(l->places); }

int graph_lay_out(const struct trace_graph *g, struct graph_layout *ret) {
  size_t n = g->node_count;
  struct layout l = {.g = g};
  int rc = -SBX_ENOMEM;
  l.places = calloc(n + 1, sizeof *l.places);
  l.nodes = calloc(n + 1, sizeof *l.nodes);
  l.reaches = calloc(n * n + 1, sizeof *l.reaches);
  l.blocks = calloc(n + 1, sizeof *l.blocks);
  l.order = calloc(n + g->edge_count + 1, sizeof *l.order);
  struct block **list = calloc(n + 1, sizeof *list);
  if (l.places && l.nodes && l.reaches && l.blocks && l.order && list) {
    measure(&l);
    find_reach(&l);
    find_parts(&l);
    find_blocks(&l);
    find_ranks(&l);
    for (uint32_t i = 0; i < l.block_count; i++)
      place_block(&l, &l.blocks[i]);
    place_parts(&l, list);
    *ret = (struct graph_layout){.places = l.places, .width = l.width, .height = l.height};
    l.places = NULL; /* the caller's now */
    rc = 0;
  }
  free(l.places);
  free(l.nodes);
  free(l.reaches);
  free(l.blocks);
  free(l.order);
  free(list);
  return rc;
}
