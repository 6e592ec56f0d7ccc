/* look/trace/graph.c - see graph.h: the picture of a graph that is laid out (graph_layout.h). */
#include "look/trace/graph.h"

#include <stdlib.h>
#include <string.h>

#include "look/trace/graph_layout.h"
#include "look/trace/plane.h"
#include "look/trace/xml_text.h"

static int px(double d) { return (int)(d < 0 ? d - 0.5 : d + 0.5); }

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
static void leave_box(const struct graph_place *p, double x, double y, double more, double *ret_x,
                      double *ret_y) {
  double dx = x - p->x, dy = y - p->y;
  double len = plane_length(dx, dy), t = 0;
  if (len > 0) {
    double tx = dx != 0 ? p->width / 2 / plane_size(dx) : len + p->width;
    double ty = dy != 0 ? p->height / 2 / plane_size(dy) : len + p->height;
    t = plane_least(tx, ty) + more / len;
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
static int put_edge(const struct trace_graph *g, const struct graph_layout *l,
                    const struct trace_graph_edge *e, struct buf *out) {
  const struct graph_place *a = &l->places[e->from], *b = &l->places[e->to];
  double mx = b->x, my = b->y, x1, y1, x2, y2;
  double dx = b->x - a->x, dy = b->y - a->y, len = plane_length(dx, dy);
  if (len == 0) /* to itself */
    return 0;
  bool bent = goes_back(g, e);
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
  double tx = x2 - mx, ty = y2 - my, along = plane_length(tx, ty);
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

static int put_node(const struct trace_graph *g, const struct graph_layout *l, uint32_t i,
                    struct buf *out) {
  const struct trace_graph_node *n = &g->nodes[i];
  const struct graph_place *p = &l->places[i];
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
    rc = xml_cut(out, n->label, GRAPH_LABEL_CHARS, false);
  if (rc == 0 && *n->note) {
    rc = buf_format(out, "</text><text class=\"wf-note\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">",
                    px(p->x), px(p->y + 14));
    if (rc == 0)
      rc = xml_cut(out, n->note, GRAPH_NOTE_CHARS, true);
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
  struct graph_layout l;
  int rc = graph_lay_out(g, &l);
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
    rc = put_edge(g, &l, &g->edges[i], out);
  for (uint32_t i = 0; i < g->node_count && rc == 0; i++)
    rc = put_node(g, &l, i, out);
  if (rc == 0)
    rc = buf_format(out, "</svg>\n");
  graph_layout_release(&l);
  return rc;
}
