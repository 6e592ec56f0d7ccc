/*
 * look/trace/graph.h - the wait-for graph as a picture: which process waits for what, and which
 * process could let it go on.
 *
 * Processes are boxes, objects are boxes with round ends. An arrow leads from a process to what it
 * waits for, and from an object to a process that holds it, or that would have to act. What belongs
 * to a deadlock is red: its arrows form a cycle, which is drawn as a ring. What waits for a ring is
 * to the left of it. The picture is SVG, and the same for the same graph.
 */
#ifndef SBX_LOOK_TRACE_GRAPH_H
#define SBX_LOOK_TRACE_GRAPH_H

#include "base/buf.h"
#include "look/snapshot.h"
#include "look/trace/model.h"

/* All strings are borrowed. */
struct trace_graph_node {
  const char *label; /* "writer#2" */
  const char *note;  /* a second line: "waits in get at x.lua:3"; "": none */
  bool process;      /* else it is an object */
  bool stuck;        /* part of the deadlock */
};

struct trace_graph_edge {
  uint32_t from, to; /* nodes */
  const char *label; /* "waits", "held by" */
  bool held;         /* from an object; else a wait */
  bool stuck;
};

struct trace_graph {
  const char *title; /* for those who cannot see the picture; its nodes and edges follow */
  const struct trace_graph_node *nodes;
  const struct trace_graph_edge *edges;
  uint32_t node_count, edge_count;
};

enum {
  TRACE_GRAPH_NODES = 120
}; /* of more nodes, those of the deadlock are drawn, and the first */

/*
 * Append the picture.
 *   alone  it is a file of its own; else an element in an HTML page, whose style sheet has the
 *          classes that are used
 * Returns 0 or -SBX_ENOMEM, as all that follow.
 */
int trace_graph_svg(const struct trace_graph *g, bool alone, struct buf *out);

/* The picture of a model's `edges`. Processes that wait in the same way, and that nobody waits for,
 * are one box. */
int trace_graph_of_model(const struct trace_model *m, bool alone, struct buf *out);

/* The size of a picture, in pixels; 0 of what is none. */
void trace_graph_size(const struct buf *svg, int *ret_width, int *ret_height);

/* The picture of what waits in a snapshot, in which waits_find has filled `stuck`; as a file. */
int trace_graph_of_snapshot(const struct snapshot *s, struct buf *out);

#endif
