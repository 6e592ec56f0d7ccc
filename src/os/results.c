/*
 * os/results.c - what processes leave behind: one sparse memfd for the whole run.
 *
 * A result takes whole pages at an offset that only grows, so nothing is ever moved and a writer
 * killed half-way costs its pages at most. Pages are given back (hole punching) when the record is
 * used again, and earlier when a lot has piled up whose spawner holds no handle any more.
 */
#include <errno.h>
#include <sys/mman.h>

#include "base/error.h"
#include "os/results.h"
#include "os/store.h"

enum { PRESSURE_BYTES = 64 << 20 };

int results_create(int *ret_fd) {
  int fd = memfd_create("sandbox-results", MFD_CLOEXEC);
  if (fd < 0)
    return error_from_errno(errno);
  *ret_fd = fd;
  return 0;
}

static struct extent extent_of(const struct process_record *p) {
  return (struct extent){.offset = p->result_offset, .bytes = p->result_bytes};
}

void results_reclaim(struct os_backend *b, uint32_t slot) {
  struct process_record *p = &b->control->processes[slot];
  uint32_t flags = atomic_fetch_or(&p->flags, FLAG_RECLAIMED);
  struct extent e = extent_of(p);
  if (!(flags & FLAG_RECLAIMED) && e.bytes > 0)
    store_give(b, &e);
}

/* Give back what nobody is likely to ask for: records of the ended that their spawner forgot. */
void results_relieve(struct os_backend *b) {
  struct control *c = b->control;
  for (uint32_t i = 1; i < control_process_end(c); i++)
    if (control_process_forgotten(c, i))
      results_reclaim(b, i);
}

int results_store(struct os_backend *b, uint32_t slot, const void *data, size_t len) {
  struct control *c = b->control;
  struct process_record *p = &c->processes[slot];
  struct extent e;
  if (atomic_load(&c->result_bytes) + (int64_t)len > PRESSURE_BYTES)
    results_relieve(b);
  int rc = store_take(b, len, &e);
  if (rc)
    return rc;
  if ((rc = store_write(b, e.offset, data, len))) {
    store_give(b, &e);
    return rc;
  }
  p->result_offset = e.offset;
  p->result_bytes = e.bytes;
  p->result_len = len;
  atomic_fetch_or(&p->flags, FLAG_RESULT);
  return 0;
}

int results_load(struct os_backend *b, uint32_t slot, struct buf *out) {
  const struct process_record *p = &b->control->processes[slot];
  size_t start = out->len;
  int rc = store_read(b, p->result_offset, p->result_len, out);
  if (rc == 0 && (atomic_load(&p->flags) & FLAG_RECLAIMED)) { /* also while it was being read */
    out->len = start;
    return -SBX_EGONE;
  }
  return rc;
}
