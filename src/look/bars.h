/*
 * look/bars.h - progress as text: bars at the bottom of a terminal, and lines for a log.
 *
 * Rates and the time that is left assume that the work goes on as it did on average so far.
 */
#ifndef SBX_LOOK_BARS_H
#define SBX_LOOK_BARS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/table.h"
#include "object/op.h"

/* One progress, as it stands. */
struct bar {
  uint64_t id;
  char label[NAME_MAX_BYTES]; /* "": none */
  uint64_t count;
  uint64_t total;  /* PROGRESS_ENDLESS: none is known */
  bool closed;     /* for good */
  double elapsed;  /* seconds of the run's clock since it was made */
  int64_t seen_ns; /* machine time at which it stood so */
};

/* `bar` was seen before, as `before`: where nothing has changed but the time, within a second, it
 * takes the earlier time. So its row stays as it is. */
void bar_settle(struct bar *bar, const struct bar *before);

/*
 * Append a row for each bar that is open, without newlines at their ends but a newline between two.
 * Columns are aligned, and no row fills the last one. Should there be more than `rows`, the last row
 * tells how many more there are. ret_rows  how many it became
 * 0 or -SBX_ENOMEM
 */
int bars_rows(const struct bar *bars, uint32_t count, uint32_t rows, const struct style *style,
              struct buf *out, uint32_t *ret_rows);

/* Append one bar as a line of its own, with a newline: what it has come to. 0 or -SBX_ENOMEM */
int bars_line(const struct bar *bar, const struct style *style, struct buf *out);

/* -- a log ------------------------------------------------------------------------------------ */

/* Where no terminal is: a line for each tenth of the total, or when ten seconds have passed since
 * the last one and the count is another; at most four a second; and one at the end. */
struct bars_log {
  struct bar_logged *list; /* owned */
  uint32_t count, cap;
};

/* Is a line due for this bar? If so it counts as written. Without memory: no, but for the last. */
bool bars_log_due(struct bars_log *log, const struct bar *bar);
/* "fetch: 40% 40/100, 3.1/s, 0:13, 0:19 left", with a newline. 0 or -SBX_ENOMEM */
int bars_log_line(const struct bar *bar, struct buf *out);
void bars_log_release(struct bars_log *log);

#endif
