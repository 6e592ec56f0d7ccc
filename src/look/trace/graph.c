/*
 * look/trace/graph.c - see graph.h: the layout, and the picture.
 *
 * Nodes that reach each other form a block, drawn as a ring; any other node is a block of its own.
 * Between blocks there is no cycle, so each block has a rank, the longest way to a block that
 * points nowhere: ranks are columns, the highest to the left. Parts of the graph that have nothing
 * to do with each other are laid out alone, and then set side by side in lines, as words are.
 */
#include "look/trace/graph.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "look/trace/xml_text.h"

enum {
  LABEL_CHARS = 26,
  NOTE_CHARS = 34,
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

struct place {
  double x, y; /* of its middle */
  double width, height;
  uint32_t part, block, rank;
  bool done;
};

struct block {
  uint32_t *nodes; /* in `order` of the layout; a ring in the order of its arrows */
  uint32_t count, part, rank;
  double x, y, width, height; /* of its upper left corner */
  double wish;                /* where its arrows would like it to be */
};

struct layout {
  const struct trace_graph *g;
  struct place *places;
  bool *reaches; /* node by node */
  struct block *blocks;
  uint32_t *order;
  uint32_t block_count, part_count;
  double width, height;
};

/* -- numbers, without libm: hosts of the library need not link it ------------------------------ */

static double least(double a, double b) { return a < b ? a : b; }

static double most(double a, double b) { return a > b ? a : b; }

static double size(double d) { return d < 0 ? -d : d; }

static int px(double d) { return (int)(d < 0 ? d - 0.5 : d + 0.5); }

/* By Newton's method; pixels need no more. */
static double length(double x, double y) {
  double square = x * x + y * y, root = size(x) + size(y);
  for (int i = 0; i < 20 && root > 0; i++)
    root = (root + square / root) / 2;
  return root;
}

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
    l->places[i].part = i;
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t i = 0; i < g->edge_count; i++) {
      uint32_t *a = &l->places[g->edges[i].from].part, *b = &l->places[g->edges[i].to].part;
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
    if (g->edges[i].from == at && !l->places[to].done && reaches(l, to, of))
      return to;
  }
  for (uint32_t to = 0; to < g->node_count; to++)
    if (!l->places[to].done && reaches(l, of, to) && reaches(l, to, of))
      return to;
  return TRACE_NONE;
}

static void find_blocks(struct layout *l) {
  uint32_t *list = l->order;
  for (uint32_t i = 0; i < l->g->node_count; i++) {
    if (l->places[i].done)
      continue;
    struct block *b = &l->blocks[l->block_count];
    *b = (struct block){.nodes = list, .part = l->places[i].part};
    for (uint32_t at = i; at != TRACE_NONE; at = next_of_ring(l, i, at)) {
      l->places[at].done = true;
      l->places[at].block = l->block_count;
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
      struct block *a = &l->blocks[l->places[g->edges[i].from].block],
                   *b = &l->blocks[l->places[g->edges[i].to].block];
      if (a == b || a->rank > b->rank)
        continue;
      a->rank = b->rank + 1;
      changed = true;
    }
  }
}

/* -- rings ----------------------------------------------------------------------------------- */

static bool too_near(const struct place *a, const struct place *b) {
  return size(a->x - b->x) < (a->width + b->width) / 2 + GAP_ACROSS &&
         size(a->y - b->y) < (a->height + b->height) / 2 + GAP_DOWN;
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
    if (g->edges[i].to == node && l->places[g->edges[i].from].block != l->places[node].block)
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
    struct place *p = &l->places[b->nodes[(first + i) % b->count]];
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
    const struct place *p = &l->places[b->nodes[i]];
    left = least(left, p->x - p->width / 2);
    right = most(right, p->x + p->width / 2);
    top = least(top, p->y - p->height / 2);
    bottom = most(bottom, p->y + p->height / 2);
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
    if (&l->blocks[l->places[e->from].block] != b || &l->blocks[l->places[e->to].block] == b)
      continue;
    const struct block *to = &l->blocks[l->places[e->to].block];
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
    width = most(width, list[i]->width);
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
      top = least(top, l->blocks[i].y);
      bottom = most(bottom, l->blocks[i].y + l->blocks[i].height);
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
    l->width = most(l->width, x + width + MARGIN);
    line = most(line, height);
    x += width + PART_GAP;
  }
  l->height = y + line + MARGIN;
  for (uint32_t i = 0; i < l->g->node_count; i++) {
    l->places[i].x += l->blocks[l->places[i].block].x;
    l->places[i].y += l->blocks[l->places[i].block].y;
  }
}

static void measure(struct layout *l) {
  for (uint32_t i = 0; i < l->g->node_count; i++) {
    const struct trace_graph_node *n = &l->g->nodes[i];
    size_t label = xml_length(n->label), note = xml_length(n->note);
    double width = LABEL_CHAR * (double)(label < LABEL_CHARS ? label : LABEL_CHARS);
    width = most(width, NOTE_CHAR * (double)(note < NOTE_CHARS ? note : NOTE_CHARS));
    l->places[i].width = most(width + 28, 84);
    l->places[i].height = *n->note ? 46 : 32;
  }
}

static void layout_release(struct layout *l) {
  free(l->places);
  free(l->reaches);
  free(l->blocks);
  free(l->order);
}

static int lay_out(const struct trace_graph *g, struct layout *ret) {
  size_t n = g->node_count;
  *ret = (struct layout){.g = g};
  ret->places = calloc(n + 1, sizeof *ret->places);
  ret->reaches = calloc(n * n + 1, sizeof *ret->reaches);
  ret->blocks = calloc(n + 1, sizeof *ret->blocks);
  ret->order = calloc(n + g->edge_count + 1, sizeof *ret->order);
  struct block **list = calloc(n + 1, sizeof *list);
  if (!ret->places || !ret->reaches || !ret->blocks || !ret->order || !list) {
    layout_release(ret);
    free(list);
    return -SBX_ENOMEM;
  }
  measure(ret);
  find_reach(ret);
  find_parts(ret);
  find_blocks(ret);
  find_ranks(ret);
  for (uint32_t i = 0; i < ret->block_count; i++)
    place_block(ret, &ret->blocks[i]);
  place_parts(ret, list);
  free(list);
  return 0;
}

/* -- the picture ----------------------------------------------------------------------------- */

static const char style[] =
    "<style>\n"
    ".wf{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\n"
    ".wf-box{fill:#eef4fb;stroke:#3b6ea5;stroke-width:1.5}\n"
    ".wf-obj{fill:#f4f1ea;stroke:#7d6a45;stroke-width:1.5}\n"
    ".wf-name{font-size:13px;font-weight:600;fill:#1b1f24}\n"
    ".wf-note{font-size:11px;fill:#4a525c}\n"
    ".wf-edge{fill:none;stroke:#57606a;stroke-width:1.6}\n"
    ".wf-held{stroke-dasharray:5 4}\n"
    ".wf-tip{fill:#57606a;stroke:none}\n"
    ".wf-word{font-size:11px;fill:#4a525c;stroke:#fff;stroke-width:4px;paint-order:stroke;"
    "stroke-linejoin:round}\n"
    ".wf-stuck .wf-box,.wf-stuck .wf-obj{fill:#fff0ee;stroke:#b3201f;stroke-width:2.2}\n"
    ".wf-stuck .wf-edge{stroke:#b3201f;stroke-width:2.4}.wf-stuck .wf-tip{fill:#b3201f}\n"
    ".wf-stuck .wf-word{fill:#9c1a19}\n"
    ".wf-paper{fill:#fff}\n"
    "@media (prefers-color-scheme:dark){\n"
    ".wf-paper{fill:#12171d}.wf-box{fill:#1b2a3a;stroke:#79b0e8}.wf-obj{fill:#2a2620;"
    "stroke:#c2a878}\n"
    ".wf-name{fill:#eef2f6}.wf-note,.wf-word{fill:#b4bec9}.wf-edge{stroke:#98a4b0}"
    ".wf-tip{fill:#98a4b0}\n"
    ".wf-word{stroke:#12171d}\n"
    ".wf-stuck .wf-box,.wf-stuck .wf-obj{fill:#3a1a1b;stroke:#ff7b72}"
    ".wf-stuck .wf-edge{stroke:#ff7b72}\n"
    ".wf-stuck .wf-tip{fill:#ff7b72}.wf-stuck .wf-word{fill:#ffa198}}\n"
    "</style>\n";

/* Where the line from the middle of a node towards x, y leaves its box. */
static void leave_box(const struct place *p, double x, double y, double more, double *ret_x,
                      double *ret_y) {
  double dx = x - p->x, dy = y - p->y;
  double len = length(dx, dy), t = 0;
  if (len > 0) {
    double tx = dx != 0 ? p->width / 2 / size(dx) : len + p->width;
    double ty = dy != 0 ? p->height / 2 / size(dy) : len + p->height;
    t = least(tx, ty) + more / len;
  }
  *ret_x = p->x + dx * t;
  *ret_y = p->y + dy * t;
}

static bool goes_back(const struct trace_graph *g, const struct trace_graph_edge *e) {
  for (uint32_t i = 0; i < g->edge_count; i++)
    if (g->edges[i].from == e->to && g->edges[i].to == e->from)
      return true;
  return false;
}

/* An arrow; two between the same nodes are bent away from each other. */
static int put_edge(const struct layout *l, const struct trace_graph_edge *e, struct buf *out) {
  const struct place *a = &l->places[e->from], *b = &l->places[e->to];
  double mx = b->x, my = b->y, x1, y1, x2, y2;
  double dx = b->x - a->x, dy = b->y - a->y, len = length(dx, dy);
  if (len == 0) /* to itself */
    return 0;
  bool bent = goes_back(l->g, e);
  if (bent) {
    mx = (a->x + b->x) / 2 - dy / len * 34;
    my = (a->y + b->y) / 2 + dx / len * 34;
  }
  leave_box(a, mx, my, 0, &x1, &y1);
  leave_box(b, bent ? mx : a->x, bent ? my : a->y, 8, &x2, &y2);
  if (!bent) {
    mx = (x1 + x2) / 2;
    my = (y1 + y2) / 2;
  }
  double tx = x2 - mx, ty = y2 - my, along = length(tx, ty);
  tx /= along > 0 ? along : 1;
  ty /= along > 0 ? along : 1;
  int rc = buf_format(out, "<g%s><path class=\"wf-edge%s\" d=\"M%d %dQ%d %d %d %d\"/>",
                      e->stuck ? " class=\"wf-stuck\"" : "", e->held ? " wf-held" : "", px(x1),
                      px(y1), px(mx), px(my), px(x2), px(y2));
  if (rc == 0)
    rc = buf_format(out, "<path class=\"wf-tip\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fZ\"/>",
                    x2 + tx * 8, y2 + ty * 8, x2 - ty * 5, y2 + tx * 5, x2 + ty * 5, y2 - tx * 5);
  if (rc == 0)
    rc = buf_format(out, "<text class=\"wf-word\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">",
                    px((x1 + 2 * mx + x2) / 4), px((y1 + 2 * my + y2) / 4 + 4));
  if (rc == 0)
    rc = xml_cut(out, e->label, 20, false);
  return rc ? rc : buf_format(out, "</text></g>\n");
}

static int put_node(const struct layout *l, uint32_t i, struct buf *out) {
  const struct trace_graph_node *n = &l->g->nodes[i];
  const struct place *p = &l->places[i];
  int rc = buf_format(out,
                      "<g%s><rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                      "rx=\"%d\"/>",
                      n->stuck ? " class=\"wf-stuck\"" : "", n->process ? "wf-box" : "wf-obj",
                      px(p->x - p->width / 2), px(p->y - p->height / 2), px(p->width),
                      px(p->height), n->process ? 4 : px(p->height / 2));
  if (rc == 0)
    rc = buf_format(out, "<text class=\"wf-name\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">",
                    px(p->x), px(*n->note ? p->y - 3 : p->y + 5));
  if (rc == 0)
    rc = xml_cut(out, n->label, LABEL_CHARS, false);
  if (rc == 0 && *n->note) {
    rc = buf_format(out, "</text><text class=\"wf-note\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">",
                    px(p->x), px(p->y + 14));
    if (rc == 0)
      rc = xml_cut(out, n->note, NOTE_CHARS, true);
  }
  return rc ? rc : buf_format(out, "</text></g>\n");
}

/* "a#2 waits in acquire at x.lua:7 -> left#1; left#1 held by b#3" */
static int put_description(const struct trace_graph *g, struct buf *out) {
  int rc = buf_format(out, "<title>");
  if (rc == 0)
    rc = xml_string(out, g->title);
  if (rc == 0)
    rc = buf_format(out, "</title>\n<desc>");
  for (uint32_t i = 0; i < g->edge_count && rc == 0; i++) {
    const struct trace_graph_edge *e = &g->edges[i];
    rc = buf_format(out, "%s", i ? "; " : "");
    if (rc == 0)
      rc = xml_string(out, g->nodes[e->from].label);
    if (rc == 0)
      rc = buf_format(out, " ");
    if (rc == 0)
      rc = xml_string(out, e->label);
    if (rc == 0)
      rc = buf_format(out, " ");
    if (rc == 0)
      rc = xml_string(out, g->nodes[e->to].label);
    if (rc == 0 && !e->held && *g->nodes[e->from].note) {
      rc = buf_format(out, " (");
      if (rc == 0)
        rc = xml_string(out, g->nodes[e->from].note);
      if (rc == 0)
        rc = buf_format(out, ")");
    }
  }
  return rc ? rc : buf_format(out, "</desc>\n");
}

/* As it stands in the first element. */
void trace_graph_size(const struct buf *svg, int *ret_width, int *ret_height) {
  static const char before[] = "viewBox=\"0 0 ";
  const char *box = svg->len ? memmem(svg->data, svg->len, before, sizeof before - 1) : NULL;
  char *end;
  *ret_width = box ? (int)strtol(box + sizeof before - 1, &end, 10) : 0;
  *ret_height = box ? (int)strtol(end, NULL, 10) : 0;
}

int trace_graph_svg(const struct trace_graph *g, bool alone, struct buf *out) {
  struct layout l;
  int rc = lay_out(g, &l);
  if (rc)
    return rc;
  rc = buf_format(out,
                  "<svg%s class=\"wf\" role=\"img\" width=\"%d\" height=\"%d\" "
                  "viewBox=\"0 0 %d %d\">\n",
                  alone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "", px(l.width), px(l.height),
                  px(l.width), px(l.height));
  if (rc == 0)
    rc = put_description(g, out);
  if (rc == 0 && alone)
    rc = buf_append(out, style, sizeof style - 1);
  if (rc == 0 && alone)
    rc = buf_format(out, "<rect class=\"wf-paper\" width=\"100%%\" height=\"100%%\"/>\n");
  for (uint32_t i = 0; i < g->edge_count && rc == 0; i++)
    rc = put_edge(&l, &g->edges[i], out);
  for (uint32_t i = 0; i < g->node_count && rc == 0; i++)
    rc = put_node(&l, i, out);
  if (rc == 0)
    rc = buf_format(out, "</svg>\n");
  layout_release(&l);
  return rc;
}
