/* look/trace/gantt_internal.h - what the parts of the chart share: gantt.c lays it out, gantt_rows.c
 * fills the cells of processes, gantt_time.c draws along the time axis, gantt_words.c and gantt_legend.c
 * say what there is to see. */
#ifndef SBX_LOOK_TRACE_GANTT_INTERNAL_H
#define SBX_LOOK_TRACE_GANTT_INTERNAL_H

#include "base/buf.h"
#include "look/trace/gantt.h"
#include "look/trace/words.h"

/* -- time to cells --------------------------------------------------------------------------- */

/* Cell i shows the time from scale_edge(i) to scale_edge(i + 1); no cell is empty. */
struct scale {
  int64_t span_ns; /* of all cells; at least 8 a cell */
  int width;       /* cells, at least 1 */
};

struct scale scale_of(int64_t end_ns, int width);
int64_t scale_edge(const struct scale *s, int cell);
/* The cell that shows a time; the first or the last for one outside. */
int scale_cell(const struct scale *s, int64_t t_ns);

/* -- signs ----------------------------------------------------------------------------------- */

/* What a cell shows: one of enum trace_state, or one of these. */
enum { GANTT_KILLED = TRACE_STATES, GANTT_FAILED, GANTT_BLANK, GANTT_SIGNS = GANTT_BLANK };

struct gantt_cell {
  uint8_t sign;
  uint8_t eighths; /* of TRACE_RUNNING, 1 to 8: the part of the cell, from the left, that is full */
};

struct gantt_sign {
  const char *utf8, *ascii, *color;
};

extern const struct gantt_sign gantt_signs[GANTT_SIGNS];

/* -- rows of processes ----------------------------------------------------------------------- */

/* Some of `members`: one process, workers of one pool, or the rest. */
struct gantt_row {
  uint32_t first, count;
};

struct gantt_rows {
  uint32_t *members;      /* owned: processes, row by row */
  struct gantt_row *rows; /* owned */
  uint32_t count;
  bool rest; /* the last row has what there was no room for */
};

/* Rows of all processes. -SBX_ENOMEM */
int gantt_rows_make(const struct trace_model *m, struct gantt_rows *ret);
/* Sum up the rows from `most` on in the last one of that many. */
void gantt_rows_limit(struct gantt_rows *r, uint32_t most);
void gantt_rows_release(struct gantt_rows *r);

/* Fill `cells`, as many as the scale is wide.
 *   eighths  a part of a cell can be drawn
 * -SBX_ENOMEM */
int gantt_fill(const struct trace_model *m, const struct gantt_rows *rows, uint32_t row,
               const struct scale *s, bool eighths, struct gantt_cell *cells);

/* -- drawing --------------------------------------------------------------------------------- */

struct canvas {
  const struct trace_model *m;          /* that is drawn now */
  const struct trace_model *const *all; /* that share the axis */
  unsigned count;                       /* of them */
  int64_t end_ns;                       /* of the axis */
  const struct gantt_options *o;
  struct scale scale;
  int columns;     /* of the whole chart */
  int names;       /* columns for names */
  struct buf *out; /* borrowed */
  const char *pen; /* the colour in effect; NULL: none */
  bool ascii;
};

/* Append a text in a colour (static; NULL: none), which stays in effect for the next one. */
int canvas_put(struct canvas *c, const char *color, const char *text);
/* Append a name, padded to its column and a gap. */
int canvas_name(struct canvas *c, const char *color, const char *label, const char *more);
/* A line of text, cut at the chart's edge. */
int canvas_line(struct canvas *c, const char *color, const struct buf *text);
int canvas_spaces(struct canvas *c, int n);
/* End a line: without a colour, without spaces at its end. */
int canvas_end(struct canvas *c);

/* -- words ----------------------------------------------------------------------------------- */

/* Lines of text: the command and what is told of the run; what it ended in; what is missing. */
int gantt_summary(struct canvas *c);
int gantt_deadlock(struct canvas *c);
int gantt_lost(struct canvas *c);
int gantt_cut(struct canvas *c);
int gantt_clock(struct canvas *c);
/* Which of two runs is the quicker one. */
int gantt_compare(struct canvas *c);

struct legend_entry {
  const char *sign, *color;
  char words[96], brief[16];
};

struct legend {
  struct legend_entry entries[GANTT_SIGNS + 1];
  int count;
};

/* What the signs mean that are `used` in the charts, and the levels of queues. */
void legend_make(const struct canvas *c, const bool used[GANTT_SIGNS], bool queues,
                 struct legend *ret);
/* How many lines it takes. */
int legend_lines(const struct legend *l, int columns);
int legend_put(struct canvas *c, const struct legend *l);

/* -- along the time axis --------------------------------------------------------------------- */

/* Two lines: times, and the axis. */
int gantt_times(struct canvas *c);
int gantt_axis(struct canvas *c);

/* A line of marks with their names, as far as there is room. */
bool gantt_has_marks(const struct trace_model *m);
int gantt_marks(struct canvas *c);

/* A line that shows how full a bounded queue is. */
int gantt_queue(struct canvas *c, uint32_t object);
/* The bounded queues that are worth a line: indices of objects, to be freed by the caller. */
int gantt_queues(const struct trace_model *m, uint32_t **ret, uint32_t *ret_count);
/* " max 3" */
char *gantt_capacity(const struct trace_object *o, char ret[WORDS_MAX]);

#endif
