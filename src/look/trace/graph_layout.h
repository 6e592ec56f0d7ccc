/*
 * look/trace/graph_layout.h - where the nodes of a graph stand in its picture. In pixels; y grows downwards.
 */
#ifndef SBX_LOOK_TRACE_GRAPH_LAYOUT_H
#define SBX_LOOK_TRACE_GRAPH_LAYOUT_H

#include "look/trace/graph.h"

/* So many characters of a node's label and of its note are shown; it is as wide as they are. */
enum { GRAPH_LABEL_CHARS = 26, GRAPH_NOTE_CHARS = 34 };

struct graph_place {
  double x, y; /* of its middle */
  double width, height;
};

struct graph_layout {
  struct graph_place *places; /* of the nodes, in their order */
  double width, height;       /* of the whole, with a margin */
};

/* The same graph has the same layout. Returns 0, or -SBX_ENOMEM with nothing to release. */
int graph_lay_out(const struct trace_graph *g, struct graph_layout *ret);

void graph_layout_release(struct graph_layout *l);

#endif
