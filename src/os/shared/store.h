/*
 * os/shared/store.h - extents of the results file: memory for what is too large for the control block.
 *
 * One sparse memfd, made before the first fork, serves the whole run. An extent takes whole pages
 * at an offset that only grows: no offset is ever used twice, so one that is given back twice, or
 * read too late, does no harm to others. A process that takes one writes that down where others find it,
 * before there is anything in it; what a killed process took and did not write down is no memory.
 */
#ifndef SBX_OS_SHARED_STORE_H
#define SBX_OS_SHARED_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "os/shared/self.h"

struct extent {
  uint64_t offset, bytes; /* whole pages */
};

/* What an extent for so many bytes takes. */
uint64_t store_bytes(uint64_t len);
/* An extent for so many bytes; counted against the cap. -SBX_ESTORE */
int store_take(struct os_backend *b, uint64_t bytes, struct extent *ret);
/* Its memory goes back, and it counts no more. */
void store_give(struct os_backend *b, const struct extent *e);
/* Its memory goes back; it stays taken, and is zero when read again. */
void store_empty(struct os_backend *b, const struct extent *e);
/* Have memory behind a part of it: a store to a page that the system cannot back would be a SIGBUS.
 * -SBX_ENOSPC */
int store_reserve(struct os_backend *b, uint64_t offset, uint64_t bytes);
/* -SBX_ENOSPC, -SBX_ESYSTEM */
int store_write(struct os_backend *b, uint64_t offset, const void *data, size_t len);
/* Append what stands at `offset` to `out`. -SBX_ENOMEM, -SBX_ESYSTEM; `out` is then as before. */
int store_read(struct os_backend *b, uint64_t offset, size_t len, struct buf *out);
/* Map it, until munmap(2). NULL: there is no room. */
uint8_t *store_map(struct os_backend *b, const struct extent *e);

#endif
