/*
 * prompt/show_internal.h - what the tables share: processes and queues (show.c), who waits for whom
 * (show_waits.c).
 */
#ifndef SBX_PROMPT_SHOW_INTERNAL_H
#define SBX_PROMPT_SHOW_INTERNAL_H

#include <stdint.h>

#include "base/table.h"

enum { SHOW_NUMBER = 32 }; /* bytes for a number as text */

/* "3.2s", "42s", "12m05", "3h12" */
void show_duration(int64_t ns, char ret[SHOW_NUMBER]);
void show_cell_duration(struct table *t, int64_t ns);
/* How long the process has waited; nothing if it does not, or that is not known. */
void show_cell_since(struct table *t, const struct snapshot *s, const struct snapshot_process *p);

/* Two or three digits and a unit: 950, 1.2k, 34k, 5.6M. `base` is 1000 or 1024. */
void show_scaled(uint64_t n, unsigned base, char ret[SHOW_NUMBER]);

/* A cell with what was built in `text`, which is emptied. */
void show_cell_text(struct table *t, const char *color, struct buf *text);

#endif
