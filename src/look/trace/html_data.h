/*
 * look/trace/html_data.h - the events of a model as bytes, for the HTML page.
 *
 * Times are counted in units of `unit_ns`. An integer is a varint: 7 bits a byte, the lowest first,
 * and the highest bit says that more follow; a signed one is folded first (0, -1, 1, -2, ...).
 * In order:
 *
 *   for each process, in the model's order
 *     its number of events; for each
 *       the number of its site; time since the process's event before (the first: since 0);
 *       duration; if the site says TRACE_SEVERAL, count;
 *       if its kind puts or gets items, or is a signal: n, as signed difference to what follows on
 *       the site's event before (n + count there; 1 at first)
 *   number of stretches, and for each, by process and time
 *     process; start since the end of the stretch before (another process: since 0); length; state;
 *     index of its event in its process + 1, or 0
 *   for each queue that is told of
 *     its number of points; 1 if they are bins, else 0; for each
 *       time since the point before, and the signed difference of its items to those before; of a
 *       bin then come highest - lowest, and last - lowest (the first difference is the lowest's)
 *
 * A site is what many events have in common. Its flag HTML_SPAN says that each of its events is a
 * span of the process; the stretches are the other spans in which a process does not run, and in
 * what is left it runs.
 */
#ifndef SBX_LOOK_TRACE_HTML_DATA_H
#define SBX_LOOK_TRACE_HTML_DATA_H

#include "base/buf.h"
#include "look/trace/model.h"

enum { HTML_SPAN = 1 << 15, HTML_QUEUES = 24 };

struct html_site {
  uint16_t kind, flags;
  uint32_t object, where; /* as in the events */
};

struct html_data {
  int64_t unit_ns;
  bool merged;             /* not all events are told, but sums */
  uint32_t told;           /* events */
  uint32_t stretches;      /* see above */
  int64_t shortest_ns;     /* of merged: what is shorter was summed */
  struct html_site *sites; /* owned */
  uint32_t site_count;
  uint32_t queues[HTML_QUEUES]; /* objects whose depth is told: those used most, by index */
  uint32_t queue_count;
  struct buf bytes;
};

/* -SBX_ENOMEM: *ret is empty. */
int html_data_make(const struct trace_model *m, uint32_t most_events, struct html_data *ret);
void html_data_release(struct html_data *d);

#endif
