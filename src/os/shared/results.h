/*
 * os/shared/results.h - what processes leave behind: one sparse memfd for the whole run.
 */
#ifndef SBX_OS_SHARED_RESULTS_H
#define SBX_OS_SHARED_RESULTS_H

#include <stddef.h>
#include <stdint.h>

#include "os/shared/self.h"

int results_create(int *ret_fd);
/* Store a result for a record, and the handles in it (NULL: none); fills its result_* fields and
 * FLAG_RESULT. -SBX_ENOSPC, -SBX_ESTORE */
int results_store(struct os_backend *b, uint32_t slot, const struct buf *result,
                  const struct op_refs *refs);
/* Append what a record stored to op->out, its handles to op->refs->taken; they are held then.
 * -SBX_EGONE (given back), -SBX_ENOMEM, -SBX_ESYSTEM */
int results_load(struct os_backend *b, uint32_t slot, const struct op *op);
/* The same for one who takes nothing: no handle is held. What was appended stays on failure. */
int results_read(struct os_backend *b, uint32_t slot, struct buf *out, struct buf *refs);
/* Store the text that reports a failure; fills report_*. -SBX_ENOSPC, -SBX_ESTORE */
int results_store_report(struct os_backend *b, uint32_t slot, const struct buf *report);
/* Append at most so many bytes of it to `out`. -SBX_EGONE (given back), -SBX_ENOMEM, -SBX_ESYSTEM */
int results_load_report(struct os_backend *b, uint32_t slot, size_t most, struct buf *out);
/* Give back the pages of all that nobody is likely to ask for. */
void results_relieve(struct os_backend *b);
/* Give back the pages of one record, once. */
void results_reclaim(struct os_backend *b, uint32_t slot);

#endif
