/* os/log.c - see log.h. */
#include "os/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"

enum {
  HEAD_BYTES = 8,
  SKIP = 1,                /* in an entry's head: go on at the offset that follows in the next 8 bytes */
  SKIP_BYTES = 16,
  REWIND_BYTES = 1 << 20,  /* an empty log that is further into its ring than this starts again at 0 */
  RESERVE_BYTES = 1 << 18, /* memory is reserved in such steps */
  PUNCH_BYTES = 1 << 20,   /* and given back in such */
  RING_LEAST = 1 << 20
};

static uint64_t entry_bytes(uint64_t len) { return HEAD_BYTES + ((len + 7) & ~UINT64_C(7)); }

static uint64_t place(const struct log_ring *r, uint64_t offset) { return offset & (r->bytes - 1); }

int log_open(int fd, uint64_t bytes, uint64_t limit, struct log_ring *ret) {
  void *map = FAULT("log.map") ? MAP_FAILED
                               : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (map == MAP_FAILED)
    return -SBX_ENOMEM;
  *ret = (struct log_ring){.map = map, .bytes = bytes, .limit = limit, .fd = fd};
  return 0;
}

int log_create(uint64_t limit, struct log_ring *ret) {
  int rc = -SBX_ENOMEM;
  int fd = FAULT("log.memfd") ? (errno = EMFILE, -1) : memfd_create("sandbox-queue", MFD_CLOEXEC);
  if (fd < 0)
    return error_from_errno(errno);
  /* Room beyond the limit, for what was read but not given back yet, and for skips. */
  uint64_t bytes = RING_LEAST;
  while (bytes < limit + 4 * PUNCH_BYTES && bytes < UINT64_C(1) << 40)
    bytes *= 2;
  /* The address space may be scarce (RLIMIT_AS, 39-bit machines): then a smaller ring will do. */
  for (; rc && bytes >= RING_LEAST; bytes /= 2) {
    if (ftruncate(fd, (off_t)bytes)) { /* RLIMIT_FSIZE counts here, too */
      rc = error_from_errno(errno);
      continue;
    }
    rc = log_open(fd, bytes, limit < bytes ? limit : bytes, ret);
  }
  if (rc)
    close(fd);
  return rc;
}

void log_close(struct log_ring *r) {
  if (r->map) {
    munmap(r->map, r->bytes);
    close(r->fd);
  }
  r->map = NULL;
}

static int allocate(const struct log_ring *r, uint64_t from, uint64_t to) {
  int rc;
  do
    rc = FAULT("log.reserve") ? (errno = ENOSPC, -1)
                              : fallocate(r->fd, 0, (off_t)place(r, from), (off_t)(to - from));
  while (rc && errno == EINTR);
  return rc;
}

/* Have memory behind [w->reserved, end): a store to a page that the system cannot back would be a SIGBUS. */
static int reserve(const struct log_ring *r, struct log_writer *w, uint64_t end) {
  if (end <= w->reserved)
    return 0;
  uint64_t from = w->reserved > w->tail ? w->reserved : w->tail & ~UINT64_C(4095);
  uint64_t to = (end + (RESERVE_BYTES - 1)) & ~(uint64_t)(RESERVE_BYTES - 1);
  uint64_t lap_end = (from | (r->bytes - 1)) + 1;
  if (to > lap_end)
    to = lap_end;
  if (allocate(r, from, to)) {
    to = end; /* as little as possible, then */
    if (allocate(r, from, to))
      return -SBX_ENOSPC;
  }
  w->reserved = to;
  return 0;
}

static void store_word(const struct log_ring *r, uint64_t offset, uint64_t word) {
  memcpy(r->map + place(r, offset), &word, sizeof word);
}

static uint64_t load_word(const struct log_ring *r, uint64_t offset) {
  uint64_t word;
  memcpy(&word, r->map + place(r, offset), sizeof word);
  return word;
}

/* Where the next entry of `need` bytes goes; differs from the tail if a skip must be written there. */
static uint64_t target_of(const struct log_ring *r, const struct log_writer *w, uint64_t head,
                          uint64_t freed, uint64_t need) {
  uint64_t next_lap = (w->tail | (r->bytes - 1)) + 1;
  bool rewind = head == w->tail && place(r, w->tail) >= REWIND_BYTES &&
                next_lap + need + SKIP_BYTES <= freed + r->bytes;
  /* Room for a skip must be left behind every entry. */
  bool fits = place(r, w->tail) + need + SKIP_BYTES <= r->bytes;
  return fits && !rewind ? w->tail : next_lap;
}

int log_append(const struct log_ring *r, struct log_writer *w, uint64_t head, uint64_t freed,
               const void *item, uint64_t len) {
  if (len >= r->limit)
    return -SBX_ETOOBIG;
  struct log_writer next = *w;
  uint64_t need = entry_bytes(len);
  uint64_t target = target_of(r, w, head, freed, need);
  uint64_t first = head > w->base ? head : w->base;
  if (head == w->tail)
    first = target; /* empty: nothing before the target counts */
  if (target + need - first > r->limit || target + need + SKIP_BYTES > freed + r->bytes)
    return -SBX_ECAP;
  int rc;
  if (target != w->tail) {
    if ((rc = reserve(r, &next, w->tail + SKIP_BYTES)))
      return rc;
    store_word(r, w->tail, SKIP);
    store_word(r, w->tail + HEAD_BYTES, target);
    if (head == w->tail)
      next.base = target;
    next.tail = target;
    next.reserved = next.reserved > target ? next.reserved : target;
  }
  if ((rc = reserve(r, &next, next.tail + need)))
    return rc;
  store_word(r, next.tail, len << 1);
  if (len > 0)
    memcpy(r->map + place(r, next.tail + HEAD_BYTES), item, len);
  next.tail += need;
  *w = next;
  return 0;
}

uint64_t log_front(const struct log_ring *ring, struct log_reader *r) {
  uint64_t word;
  while ((word = load_word(ring, r->head)) & SKIP)
    r->head = load_word(ring, r->head + HEAD_BYTES);
  return word >> 1;
}

void log_read(const struct log_ring *ring, const struct log_reader *r, uint64_t len,
              struct buf *out) {
  if (len > 0)
    memcpy(out->data + out->len, ring->map + place(ring, r->head + HEAD_BYTES), len);
  out->len += len;
}

/* Give whole pages of the ring between two logical offsets back. */
static void punch(const struct log_ring *ring, uint64_t from, uint64_t to) {
  while (from < to) {
    uint64_t lap_end = (from | (ring->bytes - 1)) + 1;
    uint64_t end = to < lap_end ? to : lap_end;
    uint64_t at = place(ring, from) < REWIND_BYTES ? from - place(ring, from) + REWIND_BYTES : from;
    if (at < end) /* the first part of the ring is used again and again: its pages stay */
      fallocate(ring->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)place(ring, at),
                (off_t)(end - at));
    from = end;
  }
}

void log_advance(const struct log_ring *ring, struct log_reader *r, uint64_t len) {
  /* Only what earlier reads consumed: the caller may be killed before this one is committed. */
  uint64_t page = r->head & ~UINT64_C(4095);
  if (page > r->freed && page - r->freed >= PUNCH_BYTES) {
    punch(ring, r->freed, page); /* before a writer may learn that the space is free */
    r->freed = page;
  }
  r->head += entry_bytes(len);
}
