/* os/sync/array.h - arrays: numbers in an extent of the store, which each holder maps; see array.c. */
#ifndef SBX_OS_SYNC_ARRAY_H
#define SBX_OS_SYNC_ARRAY_H

#include "os/shared/self.h"

/* ARRAY_*. 0; -SBX_EBOUNDS, -SBX_EWHOLE; -SBX_ENOMEM; -SBX_EINTERRUPTED, -SBX_ETIMEDOUT: a process that
 * works on all elements, or on one, is stopped. */
int array_perform(struct os_backend *b, struct op *op);

/* -- for os/sync ------------------------------------------------------------------------------ */

/* The record of a new array is live, and nobody else has it yet: store its elements. -SBX_ESTORE,
 * -SBX_ENOSPC, -SBX_ENOMEM */
int array_begin(struct os_backend *b, uint32_t slot, const struct sync_options *o);

#endif
