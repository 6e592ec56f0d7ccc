/* os/shared/store.c - see store.h. */
#include "os/shared/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "os/shared/results.h"

enum { PAGE = 4096 };

uint64_t store_bytes(uint64_t len) { return (len + PAGE - 1) / PAGE * PAGE; }

static bool fits(const struct control *c, uint64_t bytes) {
  int64_t used = atomic_load(&c->result_bytes);
  return bytes <= c->log_limit && used + (int64_t)bytes <= (int64_t)c->log_limit;
}

int store_take(struct os_backend *b, uint64_t bytes, struct extent *ret) {
  struct control *c = b->control;
  bytes = store_bytes(bytes);
  if (!fits(c, bytes))
    results_relieve(b);
  if (!fits(c, bytes) || FAULT("store.take"))
    return -SBX_ESTORE;
  *ret = (struct extent){.offset = atomic_fetch_add(&c->result_end, bytes), .bytes = bytes};
  atomic_fetch_add(&c->result_bytes, (int64_t)bytes);
  return 0;
}

void store_empty(struct os_backend *b, const struct extent *e) {
  if (e->bytes)
    fallocate(b->results, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)e->offset,
              (off_t)e->bytes);
}

void store_give(struct os_backend *b, const struct extent *e) {
  store_empty(b, e);
  atomic_fetch_sub(&b->control->result_bytes, (int64_t)e->bytes);
}

int store_reserve(struct os_backend *b, uint64_t offset, uint64_t bytes) {
  int rc;
  do
    rc = FAULT("store.reserve") ? (errno = ENOSPC, -1)
                                : fallocate(b->results, 0, (off_t)offset, (off_t)bytes);
  while (rc && errno == EINTR);
  return rc ? error_call("fallocate", errno) : 0;
}

int store_write(struct os_backend *b, uint64_t offset, const void *data, size_t len) {
  const uint8_t *at = data;
  while (len > 0) {
    ssize_t n =
        FAULT("store.write") ? (errno = ENOSPC, -1) : pwrite(b->results, at, len, (off_t)offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return error_call("pwrite", errno);
    at += n;
    len -= (size_t)n;
    offset += (uint64_t)n;
  }
  return 0;
}

int store_read(struct os_backend *b, uint64_t offset, size_t len, struct buf *out) {
  size_t start = out->len;
  int rc = buf_reserve(out, len);
  if (rc)
    return rc;
  while (out->len - start < len) {
    size_t done = out->len - start;
    ssize_t n = pread(b->results, out->data + out->len, len - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      out->len = start;
      return -SBX_ESYSTEM;
    }
    out->len += (size_t)n;
  }
  return 0;
}

uint8_t *store_map(struct os_backend *b, const struct extent *e) {
  void *map = FAULT("store.map") ? MAP_FAILED
                                 : mmap(NULL, e->bytes, PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_NORESERVE, b->results, (off_t)e->offset);
  return map == MAP_FAILED ? NULL : map;
}
