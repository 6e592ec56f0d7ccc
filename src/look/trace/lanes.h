/*
 * look/trace/lanes.h - which row of a process an event is drawn in, where slices must nest.
 *
 * Runs of ops of a process may overlap in time: it puts into one queue and gets from another in
 * turn. On one track, Perfetto and Chrome demand that a slice ends within the one that it began in.
 * So a process has several lanes: the first for what it waits for, and for single ops; the others
 * for runs.
 */
#ifndef SBX_LOOK_TRACE_LANES_H
#define SBX_LOOK_TRACE_LANES_H

#include "look/trace/model.h"

enum { LANES = 8 };

struct lanes {
  struct lane {
    struct lane_slice {
      int64_t end_ns;
      uint32_t event;
    } * open; /* owned; the innermost last */
    uint32_t count, cap;
  } lanes[LANES];
};

/* Free the memory; accepts a zeroed one. */
void lanes_release(struct lanes *l);

/* When the event is over, as it is to be drawn: one in which its process died lasts as long as the
 * process. */
int64_t lanes_end_of(const struct trace_model *m, const struct trace_event *e);

/*
 * Open a slice for event number `event`, which begins not before the last one that was opened, and
 * lasts until `end_ns`. All slices that end until its begin must have been closed. Returns its lane,
 * LANES if it fits into none, or -SBX_ENOMEM.
 */
int lanes_open(struct lanes *l, const struct trace_model *m, uint32_t event, int64_t end_ns);

/*
 * Close the slice that ends first, if it ends until `until_ns`. Returns its lane, and the slice in
 * *ret, or -1: there is none.
 */
int lanes_close(struct lanes *l, int64_t until_ns, struct lane_slice *ret);

#endif
