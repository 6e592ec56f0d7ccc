/* host/record.c - see record.h. */
#include "host/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* A part of the limit is dropped at a time: little enough that rings do not overflow meanwhile, and
 * much more than the page or two that stay at its ends, since holes are whole pages. */
enum { PARTS = 64, PART_MIN = 64 * 1024 };

/* -- bytes ----------------------------------------------------------------------------------- */

static bool write_at(struct record *r, const void *data, size_t len, uint64_t at) {
  const char *from = data;
  while (len > 0) {
    ssize_t n = pwrite(r->fd, from, len, (off_t)at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      r->error = n < 0 ? errno : ENOSPC;
      return false;
    }
    from += n;
    len -= (size_t)n;
    at += (uint64_t)n;
  }
  return true;
}

static bool read_at(struct record *r, void *data, size_t len, uint64_t at) {
  char *to = data;
  while (len > 0) {
    ssize_t n = pread(r->fd, to, len, (off_t)at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      r->error = n < 0 ? errno : EIO;
      return false;
    }
    to += n;
    len -= (size_t)n;
    at += (uint64_t)n;
  }
  return true;
}

/* -- dropping -------------------------------------------------------------------------------- */

/* Records that say what other records name. */
static bool names_something(const struct trace_record *k) {
  return k->kind == TRACE_RECORD_BEGIN || k->kind == TRACE_RECORD_END ||
         (k->kind < OP_COUNT && strcmp(op_describe(k->kind)->verb, "new") == 0);
}

/* Of a chunk of records the ones to be kept, and how many were lost before. -SBX_ENOMEM */
static int keep_records(const uint8_t *data, size_t len, struct buf *kept) {
  struct log_records head;
  struct buf list = {0};
  int rc = 0;
  if (len < sizeof head)
    return 0;
  memcpy(&head, data, sizeof head);
  head.count = 0;
  for (size_t at = sizeof head; at + sizeof(struct trace_record) <= len && rc == 0;
       at += sizeof(struct trace_record)) {
    struct trace_record k;
    memcpy(&k, data + at, sizeof k);
    if (!names_something(&k))
      continue;
    head.count++;
    rc = buf_append(&list, &k, sizeof k);
  }
  if (rc == 0 && (head.count > 0 || head.lost > 0))
    rc = trace_log_append(kept, LOG_RECORDS, &head, sizeof head, list.data, list.len, NULL, 0);
  buf_release(&list);
  return rc;
}

/* Of whole chunks the ones to be kept. -SBX_ENOMEM */
static int keep_chunks(const uint8_t *data, size_t len, struct buf *kept) {
  int rc = 0;
  for (size_t at = 0; at < len && rc == 0;) {
    struct log_chunk c;
    memcpy(&c, data + at, sizeof c);
    size_t size = (size_t)log_chunk_size(&c);
    if (c.kind == LOG_RECORDS)
      rc = keep_records(data + at + sizeof c, (size_t)c.len, kept);
    else
      rc = buf_append(kept, data + at, size);
    at += size;
  }
  return rc;
}

/* How many bytes of whole chunks begin at `first`: `least`, or a chunk more. */
static uint64_t region_size(struct record *r, uint64_t least) {
  uint64_t at = r->first;
  while (at < r->end && at - r->first < least) {
    struct log_chunk c;
    if (!read_at(r, &c, sizeof c, at))
      return 0;
    at += log_chunk_size(&c);
  }
  return at - r->first;
}

/* A chunk that covers `size` bytes of a file: its head. */
static struct log_chunk skip(uint64_t size) {
  return (struct log_chunk){.magic = LOG_MAGIC,
                            .kind = LOG_SKIP,
                            .version = LOG_VERSION,
                            .len = size - sizeof(struct log_chunk)};
}

/* Replace the region by what is kept of it. At first all of it is skipped; when the rest is in its
 * place, only that. */
static bool replace(struct record *r, uint64_t size, const struct buf *kept) {
  uint64_t head = sizeof(struct log_chunk), rest_at = r->first + head + kept->len;
  uint64_t rest = size - head - kept->len;
  struct log_chunk all = skip(size), none = skip(head), dropped = skip(rest);
  if (!write_at(r, &all, sizeof all, r->first) ||
      !write_at(r, kept->data, kept->len, r->first + head) ||
      !write_at(r, &dropped, sizeof dropped, rest_at) || !write_at(r, &none, sizeof none, r->first))
    return false;
  /* A file system without holes keeps the space: then there is no limit. */
  fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(rest_at + head),
            (off_t)(rest - head));
  r->holes += rest;
  return true;
}

/* Drop the oldest part. False: there is none, or it failed. */
static bool drop(struct record *r) {
  uint64_t part = r->limit / PARTS;
  uint64_t size = region_size(r, part > PART_MIN ? part : PART_MIN);
  uint8_t *region = size ? malloc(size) : NULL;
  struct buf kept = {0};
  bool done =
      region && read_at(r, region, size, r->first) && keep_chunks(region, (size_t)size, &kept) == 0;
  if (done && kept.len + 2 * sizeof(struct log_chunk) < size)
    done = replace(r, size, &kept);
  if (done)
    r->first += size;
  buf_release(&kept);
  free(region);
  return done;
}

/* -- the file -------------------------------------------------------------------------------- */

int record_open(struct record *r, int fd, uint64_t limit) {
  if (fd < 0)
    fd = memfd_create("sandbox trace", MFD_CLOEXEC);
  *r = (struct record){.fd = fd, .limit = limit};
  return fd < 0 ? -1 : 0;
}

int record_keep(void *record, const void *chunks, size_t len) {
  struct record *r = record;
  if (!write_at(r, chunks, len, r->end))
    return -SBX_ESYSTEM;
  if (r->end == 0) { /* the first chunk is never dropped */
    struct log_chunk first;
    memcpy(&first, chunks, sizeof first);
    r->first = log_chunk_size(&first);
  }
  r->end += len;
  /* Names alone may exceed the limit: then the newest quarter is kept, too. */
  while (r->end - r->holes > r->limit && r->end - r->first > r->limit / 4 && drop(r))
    ;
  return r->error ? -SBX_ESYSTEM : 0;
}

int record_read(const struct record *r, const struct log_view *view, struct trace_model *ret,
                const char **ret_reason) {
  if (r->end == 0 && r->error) {
    errno = r->error;
    return -SBX_ESYSTEM;
  }
  if (r->end == 0)
    return trace_log_read("", 0, ret, ret_reason);
  void *log = mmap(NULL, (size_t)r->end, PROT_READ, MAP_SHARED, r->fd, 0);
  if (log == MAP_FAILED)
    return -SBX_ESYSTEM;
  int rc = trace_log_read_part(log, (size_t)r->end, view, ret, ret_reason);
  munmap(log, (size_t)r->end);
  return rc;
}

void record_close(struct record *r) {
  if (r->fd >= 0)
    close(r->fd);
  r->fd = -1;
}
