/*
 * look/trace/gantt.h - a run as a Gantt chart for the terminal: a row for each process, time to the
 * right, and in each cell what the process did for most of that time.
 *
 *   sandbox scripts/x.lua: 3 processes, 9.01s; one alone would need 15.0s (1.7x)
 *               0       2s      4s      6s      8s
 *               ├───────┼───────┼───────┼───────┼────
 *   main        ▏░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
 *   download#2  ▏····································
 *   download#3  ▏························
 *   █ runs  · sleeps  ░ waits in join
 *
 * Running is drawn to an eighth of a cell where it begins, ends, or is alone between two waits; so
 * a short run between two long waits is seen. In a cell with several short runs the state that took
 * most of the time wins. Where a process is not there, nothing is drawn.
 *
 * Rows are in the order in which processes were spawned. More than three workers of a pool share
 * one; so does what there is no room for. A cell of such a row shows what they did for most of
 * their time, taken together.
 */
#ifndef SBX_LOOK_TRACE_GANTT_H
#define SBX_LOOK_TRACE_GANTT_H

#include "look/trace/model.h"

enum { GANTT_COLUMNS_MIN = 40, GANTT_COLUMNS_MAX = 1000 };

struct gantt_options {
  int columns; /* of the terminal; 0: 80; less than GANTT_COLUMNS_MIN counts as that */
  int rows;    /* lines of the terminal; 0: 24. The chart takes one less, for the prompt */
  bool utf8;   /* else ASCII */
  bool color;  /* escape sequences are welcome */
  bool typed;  /* what stands in the facts as the command was typed at a prompt: of a long one the
                  beginning is shown, else the end, which names the script */
};

/*
 * Append the chart of a finished model, whole lines; of two, one below the other on the same axis, and
 * which is the quicker one.
 *   count  1 or 2
 * 0 or -SBX_ENOMEM
 */
int gantt_draw(const struct trace_model *const models[], unsigned count,
               const struct gantt_options *o, struct buf *out);

#endif
