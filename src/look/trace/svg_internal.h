/* look/trace/svg_internal.h - what the parts of the picture share: svg_rows.c chooses rows and places
 * them, svg_bars.c draws what a process did, svg_queue.c how full a queue was, svg.c the rest. */
#ifndef SBX_LOOK_TRACE_SVG_INTERNAL_H
#define SBX_LOOK_TRACE_SVG_INTERNAL_H

#include "base/buf.h"
#include "look/trace/svg.h"

enum {
  WIDTH = 960,
  GUTTER = 150,
  PLOT = WIDTH - GUTTER - 16,
  TOP = 30, /* the axis */
  WIDE = 3,
  ROWS_MAX = 60,
  FOLD_WORKERS = 3, /* so many are shown one by one */
  FOLD_OTHERS = 12,
  BARS_MAX = 4000,
  ARROWS_MAX = 150,
  QUEUES_MAX = 6,
  QUEUE_HEIGHT = 46,
  GROUP_COLUMN = 4,
  LABEL_MAX = 80,
  GRAPH_TOP = 34, /* its heading */
  GRAPH_LEFT = 10,
};

struct row {
  const struct trace_model *m;
  uint32_t first;   /* process; of a group the first one */
  uint32_t group;   /* class of processes; TRACE_NONE: one alone */
  uint32_t members; /* of a group */
  int depth, y, height;
};

/* What is drawn of one model. */
struct run {
  const struct trace_model *m;
  uint32_t *class_of; /* owned; processes of one name below parents of one class */
  uint32_t *row_of;   /* owned; of each process: its row */
  struct row *rows;   /* owned */
  uint32_t row_count;
  uint32_t queues[QUEUES_MAX], queue_count;
  int y, bottom;    /* of its rows; queues are below */
  struct buf graph; /* owned: of a deadlock, who waits for whom; else empty */
  int graph_width, graph_height, graph_y;
};

struct drawing {
  const struct trace_sink *out;
  struct buf text;
  struct run runs[2];
  unsigned run_count;
  int64_t end_ns;
  int column;       /* pixels */
  int chart_height; /* of the charts and their legend */
  int height;       /* of all */
  bool used[TRACE_STATES];
  int rc;
};

/* -- writing --------------------------------------------------------------------------------- */

#define PUT(d, ...)                                                                                \
  do {                                                                                             \
    if ((d)->rc == 0)                                                                              \
      (d)->rc = buf_format(&(d)->text, __VA_ARGS__);                                               \
  } while (0)

/* Text, cut after `most` characters. */
void svg_text(struct drawing *d, const char *s, size_t most);
/* "3.20 s", "250 ms" */
char *svg_time(char ret[32], int64_t ns);
/* As svg_time, without digits that say nothing: "2 s", "0.5 s". */
char *svg_tick(char ret[32], int64_t ns);
double svg_x(const struct drawing *d, int64_t ns);
int svg_px(double x);

/* -- rows ------------------------------------------------------------------------------------ */

/* The parent, if it is before the process in the list, as it is in a sane trace. */
uint32_t svg_parent(const struct trace_model *m, uint32_t i);
/* Choose the rows of a run, at most `most`. -SBX_ENOMEM; then, too, the caller releases what is owned. */
int svg_open(struct run *r, const struct trace_model *m, uint32_t most);
void svg_place(struct drawing *d);
/* By how much the graph of a run is made smaller. */
double svg_graph_scale(const struct run *r);

/* -- what is in them ------------------------------------------------------------------------- */

/* Widen the columns until there are not too many bars. */
void svg_choose_column(struct drawing *d);
void svg_bars(struct drawing *d, const struct run *run, uint32_t row);
void svg_words(struct drawing *d, const struct row *r);
void svg_queue(struct drawing *d, const struct run *run, uint32_t queue, int y);

#endif
