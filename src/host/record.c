/* host/record.c - see record.h. */
#include "host/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "look/trace/log.h"

/* -- the file -------------------------------------------------------------------------------- */

static int open_file(const char *path) {
  return path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
              : memfd_create("trace", MFD_CLOEXEC);
}

int record_open(struct record *r, const char *beside, uint64_t limit) {
  *r = (struct record){.fd = -1, .limit = limit};
  if (beside) {
    size_t size = strlen(beside) + sizeof ".part";
    if (!(r->path = malloc(size)))
      return -1;
    snprintf(r->path, size, "%s.part", beside);
  }
  r->fd = open_file(r->path);
  return r->fd < 0 ? -1 : 0;
}

void record_close(struct record *r, bool keep) {
  if (r->fd >= 0)
    close(r->fd);
  if (r->path && r->fd >= 0 && !keep)
    unlink(r->path);
  free(r->path);
  buf_release(&r->basis);
  *r = (struct record){.fd = -1};
}

static int write_all(int fd, const void *data, size_t len) {
  for (const uint8_t *at = data; len > 0;) {
    ssize_t n = write(fd, at, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return -1;
    at += n;
    len -= (size_t)n;
  }
  return 0;
}

/* The log as it lies in the file; NULL and errno: it cannot be had. */
static const uint8_t *map(const struct record *r) {
  void *log = mmap(NULL, r->len, PROT_READ, MAP_SHARED, r->fd, 0);
  return log == MAP_FAILED ? NULL : log;
}

/* -- what the rest of the log rests on ------------------------------------------------------- */

static bool is_basis(const struct trace_record *k) {
  return k->kind == TRACE_RECORD_BEGIN || k->kind == TRACE_RECORD_END ||
         (k->kind < OP_COUNT && strcmp(op_describe(k->kind)->verb, "new") == 0);
}

static int keep_records(struct record *r, const uint8_t *data, size_t len) {
  struct log_records head;
  struct buf list = {0};
  int rc = 0;
  memcpy(&head, data, sizeof head);
  head.count = 0;
  for (size_t at = sizeof head; at + sizeof(struct trace_record) <= len && rc == 0;
       at += sizeof(struct trace_record)) {
    struct trace_record k;
    memcpy(&k, data + at, sizeof k);
    if (!is_basis(&k))
      continue;
    rc = buf_append(&list, &k, sizeof k);
    head.count++;
  }
  if (rc == 0 && head.count > 0)
    rc = trace_log_append(&r->basis, LOG_RECORDS, &head, sizeof head, list.data, list.len, NULL, 0);
  buf_release(&list);
  return rc;
}

static int keep_basis(struct record *r, const uint8_t *chunks, size_t len) {
  int rc = 0;
  struct log_chunk c;
  for (size_t at = 0; rc == 0 && at + sizeof c <= len; at += (size_t)log_chunk_size(&c)) {
    memcpy(&c, chunks + at, sizeof c);
    if (c.kind == LOG_RECORDS)
      rc = keep_records(r, chunks + at + sizeof c, (size_t)c.len);
    else if (c.kind != LOG_END)
      rc = buf_append(&r->basis, chunks + at, (size_t)log_chunk_size(&c));
  }
  return rc;
}

/* -- the limit ------------------------------------------------------------------------------- */

/* Where the first chunk begins of which at most `room` bytes are left. */
static uint64_t cut_at(const uint8_t *log, uint64_t len, uint64_t room) {
  uint64_t at = 0;
  struct log_chunk c;
  while (len - at > room && len - at >= sizeof c) {
    memcpy(&c, log + at, sizeof c);
    at += log_chunk_size(&c);
  }
  return at < len ? at : len;
}

/* Make another file of the basis and the younger half, and put it in the place of this one. */
static int drop_older(struct record *r) {
  char *path = NULL;
  if (r->path && asprintf(&path, "%s~", r->path) < 0)
    return -1;
  const uint8_t *log = map(r);
  int fd = log ? open_file(path) : -1, rc = fd < 0 ? -1 : 0;
  uint64_t at = log ? cut_at(log, r->len, r->limit / 2) : 0;
  if (rc == 0)
    rc = write_all(fd, r->basis.data, r->basis.len);
  if (rc == 0)
    rc = write_all(fd, log + at, (size_t)(r->len - at));
  if (rc == 0 && path)
    rc = rename(path, r->path);
  int saved = errno;
  if (log)
    munmap((void *)(uintptr_t)log, r->len);
  if (rc == 0) {
    close(r->fd);
    r->fd = fd;
    r->len = r->basis.len + (r->len - at);
    r->cut = true;
  } else if (fd >= 0) {
    close(fd);
    if (path)
      unlink(path);
  }
  free(path);
  errno = saved;
  return rc;
}

int record_keep(void *record, const void *chunks, size_t len) {
  struct record *r = record;
  int rc = 0;
  if (r->len + len > r->limit && r->len > r->limit / 2)
    rc = drop_older(r);
  if (rc == 0 && (rc = write_all(r->fd, chunks, len)) == 0)
    r->len += len;
  if (rc == 0 && keep_basis(r, chunks, len)) {
    errno = ENOMEM;
    rc = -1;
  }
  if (rc && !r->error)
    r->error = errno;
  return rc;
}

int record_read(struct record *r, struct trace_model *ret, const char **ret_reason) {
  const uint8_t *log = r->len ? map(r) : NULL;
  if (r->len && !log)
    return -SBX_ESYSTEM;
  int rc = trace_log_read(log, r->len, ret, ret_reason);
  if (rc == 0 && r->cut)
    ret->facts.cut = true;
  if (log)
    munmap((void *)(uintptr_t)log, r->len);
  return rc;
}
