/*
 * os/results.c - what processes leave behind: one sparse memfd for the whole run.
 *
 * A result takes whole pages at an offset that only grows, so nothing is ever moved and a writer
 * killed half-way costs its pages at most. Pages are given back (hole punching) when the record is
 * used again, and earlier when a lot has piled up whose spawner holds no handle any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "os/results.h"

enum { PAGE = 4096, PRESSURE_BYTES = 64 << 20 };

int results_create(int *ret_fd) {
  int fd = memfd_create("sandbox-results", MFD_CLOEXEC);
  if (fd < 0)
    return error_from_errno(errno);
  *ret_fd = fd;
  return 0;
}

static uint64_t pages(uint64_t len) { return (len + PAGE - 1) / PAGE * PAGE; }

void results_reclaim(struct os_backend *b, uint32_t slot) {
  struct process_record *p = &b->control->processes[slot];
  uint32_t flags = atomic_fetch_or(&p->flags, FLAG_RECLAIMED);
  if ((flags & FLAG_RECLAIMED) || p->result_len == 0)
    return;
  fallocate(b->results, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)p->result_offset,
            (off_t)pages(p->result_len));
  atomic_fetch_sub(&b->control->result_bytes, (int64_t)pages(p->result_len));
}

/* Give back what nobody is likely to ask for: records of the ended that their spawner forgot. */
static void relieve_pressure(struct os_backend *b) {
  struct control *c = b->control;
  for (uint32_t i = 1; i < control_process_end(c); i++)
    if (control_process_forgotten(c, i))
      results_reclaim(b, i);
}

static int write_all(int fd, const uint8_t *data, size_t len, uint64_t offset) {
  while (len > 0) {
    ssize_t n =
        FAULT("results.write") ? (errno = ENOSPC, -1) : pwrite(fd, data, len, (off_t)offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return error_from_errno(errno);
    data += n;
    len -= (size_t)n;
    offset += (uint64_t)n;
  }
  return 0;
}

int results_store(struct os_backend *b, uint32_t slot, const void *data, size_t len) {
  struct control *c = b->control;
  struct process_record *p = &c->processes[slot];
  int64_t size = (int64_t)pages(len);
  if (atomic_load(&c->result_bytes) + size > PRESSURE_BYTES)
    relieve_pressure(b);
  if (atomic_load(&c->result_bytes) + size > (int64_t)c->log_limit)
    return -SBX_ECAP;
  p->result_offset = atomic_fetch_add(&c->result_end, (uint64_t)size);
  int rc = write_all(b->results, data, len, p->result_offset);
  if (rc) {
    fallocate(b->results, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)p->result_offset,
              (off_t)size);
    return rc;
  }
  atomic_fetch_add(&c->result_bytes, size);
  p->result_len = len;
  atomic_fetch_or(&p->flags, FLAG_RESULT);
  return 0;
}

int results_load(struct os_backend *b, uint32_t slot, struct buf *out) {
  const struct process_record *p = &b->control->processes[slot];
  size_t len = p->result_len, start = out->len;
  int rc = buf_reserve(out, len);
  if (rc)
    return rc;
  while (out->len - start < len) {
    size_t done = out->len - start;
    ssize_t n =
        pread(b->results, out->data + out->len, len - done, (off_t)(p->result_offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      out->len = start;
      return -SBX_ESYSTEM;
    }
    out->len += (size_t)n;
  }
  if (atomic_load(&p->flags) & FLAG_RECLAIMED) { /* also while it was being read */
    out->len = start;
    return -SBX_EGONE;
  }
  return 0;
}
