/*
 * os/shared/results.c - what processes leave behind: one sparse memfd for the whole run.
 *
 * A result takes whole pages at an offset that only grows, so nothing is ever moved and a writer
 * killed half-way costs its pages at most. Pages are given back (hole punching) when the record is
 * used again, and earlier when a lot has piled up whose spawner holds no handle any more.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "os/shared/hand.h"
#include "os/shared/results.h"
#include "os/shared/store.h"

enum { PRESSURE_BYTES = 64 << 20 };

int results_create(int *ret_fd) {
  int fd = memfd_create("sandbox-results", MFD_CLOEXEC);
  if (fd < 0)
    return error_call("memfd_create", errno);
  *ret_fd = fd;
  return 0;
}

static uint64_t bytes_of_result(const struct process_record *p) {
  return store_bytes(p->result_refs * sizeof(struct object_ref) + p->result_len);
}

void results_reclaim(struct os_backend *b, uint32_t slot) {
  struct process_record *p = &b->control->processes[slot];
  uint32_t flags = atomic_fetch_or(&p->flags, FLAG_RECLAIMED);
  const struct extent result = {.offset = p->result_offset, .bytes = bytes_of_result(p)};
  const struct extent report = {.offset = p->report_offset, .bytes = store_bytes(p->report_len)};
  if (flags & FLAG_RECLAIMED)
    return;
  if (result.bytes > 0)
    store_give(b, &result);
  if (report.bytes > 0)
    store_give(b, &report);
}

/* Give back what nobody is likely to ask for: records of the ended that their spawner forgot. */
void results_relieve(struct os_backend *b) {
  struct control *c = b->control;
  for (uint32_t i = 1; i < control_process_end(c); i++)
    if (control_process_forgotten(c, i))
      results_reclaim(b, i);
}

int results_store(struct os_backend *b, uint32_t slot, const struct buf *result,
                  const struct op_refs *refs) {
  struct control *c = b->control;
  struct process_record *p = &c->processes[slot];
  struct extent e;
  uint64_t ref_bytes = refs ? refs->count * sizeof(struct object_ref) : 0;
  uint64_t len = ref_bytes + result->len;
  if (atomic_load(&c->result_bytes) + (int64_t)len > PRESSURE_BYTES)
    results_relieve(b);
  int rc = store_take(b, len, &e);
  if (rc)
    return rc;
  rc = ref_bytes ? store_write(b, e.offset, refs->sent, ref_bytes) : 0;
  if (rc == 0)
    rc = store_write(b, e.offset + ref_bytes, result->data, result->len);
  if (rc) {
    store_give(b, &e);
    return rc;
  }
  p->result_offset = e.offset;
  p->result_len = result->len;
  p->result_refs = (uint32_t)(ref_bytes / sizeof(struct object_ref));
  atomic_fetch_or(&p->flags, FLAG_RESULT);
  return 0;
}

/* Forget what was appended. */
static void cut(struct buf *buf, size_t len) {
  if (buf)
    buf->len = len;
}

static int read_result(struct os_backend *b, const struct process_record *p, struct buf *out,
                       struct buf *refs) {
  uint64_t ref_bytes = p->result_refs * sizeof(struct object_ref);
  int rc = refs && ref_bytes ? store_read(b, p->result_offset, ref_bytes, refs) : 0;
  return rc ? rc : store_read(b, p->result_offset + ref_bytes, p->result_len, out);
}

int results_read(struct os_backend *b, uint32_t slot, struct buf *out, struct buf *refs) {
  const struct process_record *p = &b->control->processes[slot];
  int rc = read_result(b, p, out, refs);
  return rc == 0 && (atomic_load(&p->flags) & FLAG_RECLAIMED) ? -SBX_EGONE : rc;
}

int results_load(struct os_backend *b, uint32_t slot, const struct op *op) {
  const struct process_record *p = &b->control->processes[slot];
  struct buf *taken = op->refs ? op->refs->taken : NULL;
  size_t start = op->out->len, refs_start = taken ? taken->len : 0;
  int rc = read_result(b, p, op->out, taken);
  if (rc == 0 && taken)
    hand_take(b, taken->data + refs_start, p->result_refs);
  if (rc == 0 && (atomic_load(&p->flags) & FLAG_RECLAIMED)) { /* also while it was being read */
    for (size_t at = refs_start; taken && at < taken->len; at += sizeof(struct object_ref)) {
      struct object_ref ref;
      memcpy(&ref, taken->data + at, sizeof ref);
      hand_drop(b, &ref);
    }
    rc = -SBX_EGONE;
  }
  if (rc) {
    cut(op->out, start);
    cut(taken, refs_start);
  }
  return rc;
}

int results_store_report(struct os_backend *b, uint32_t slot, const struct buf *report) {
  struct process_record *p = &b->control->processes[slot];
  struct extent e;
  int rc = store_take(b, report->len, &e);
  if (rc)
    return rc;
  if ((rc = store_write(b, e.offset, report->data, report->len))) {
    store_give(b, &e);
    return rc;
  }
  p->report_offset = e.offset;
  p->report_len = (uint32_t)report->len;
  return 0;
}

int results_load_report(struct os_backend *b, uint32_t slot, size_t most, struct buf *out) {
  const struct process_record *p = &b->control->processes[slot];
  size_t start = out->len;
  size_t len = *(const volatile uint32_t *)&p->report_len; /* once: it may change */
  int rc = store_read(b, p->report_offset, len < most ? len : most, out);
  if (rc == 0 && (atomic_load(&p->flags) & FLAG_RECLAIMED)) {
    out->len = start;
    return -SBX_EGONE;
  }
  return rc;
}
