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
  SKIP = 1, /* in an entry's head: go on at the offset that follows in the next 8 bytes */
  SKIP_BYTES = 16,
  PAGE_BYTES = 4096,
  WARM_BYTES = 1 << 20,    /* the start of the ring: its pages are kept, and used again and again */
  RESERVE_BYTES = 1 << 18, /* memory is reserved in such steps */
  PUNCH_BYTES = 1 << 20,   /* and given back in such */
  /* The ring is larger than the limit by what was read but not given back yet, and by skips. */
  SLACK_BYTES = WARM_BYTES + 2 * PUNCH_BYTES,
  RING_LEAST = 4 << 20
};

static uint64_t entry_bytes(uint64_t len) { return HEAD_BYTES + ((len + 7) & ~UINT64_C(7)); }

static uint64_t place(const struct log_ring *r, uint64_t offset) { return offset & (r->bytes - 1); }

int log_open(int fd, uint64_t bytes, uint64_t limit, struct log_ring *ret) {
  void *map = FAULT("log.map")
                  ? MAP_FAILED
                  : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
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
  uint64_t bytes = RING_LEAST;
  while (bytes < limit + SLACK_BYTES && bytes < UINT64_C(1) << 40)
    bytes *= 2;
  /* The address space may be scarce (RLIMIT_AS, 39-bit machines): then a smaller ring will do. */
  for (; rc && bytes >= RING_LEAST; bytes /= 2) {
    if (ftruncate(fd, (off_t)bytes)) { /* RLIMIT_FSIZE counts here, too */
      rc = error_from_errno(errno);
      continue;
    }
    uint64_t most = bytes - SLACK_BYTES;
    rc = log_open(fd, bytes, limit < most ? limit : most, ret);
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

/*
 * Have memory behind [w->tail, end): a store to a page that the system cannot back would be a
 * SIGBUS. `bound` is the end of what may be reserved: beyond it, in the ring, are entries still
 * unread, and pages that are still to be given back.
 */
static int reserve(const struct log_ring *r, struct log_writer *w, uint64_t end, uint64_t bound) {
  if (end <= w->reserved)
    return 0;
  uint64_t from = w->reserved > w->tail ? w->reserved : w->tail;
  uint64_t lap_end = (w->tail | (r->bytes - 1)) + 1;
  uint64_t to = (end + (RESERVE_BYTES - 1)) & ~(uint64_t)(RESERVE_BYTES - 1);
  to = to < lap_end ? to : lap_end;
  to = to < bound ? to : bound;
  if (allocate(r, from, to)) {
    to = end; /* as little as possible, then */
    if (allocate(r, from, to))
      return -SBX_ENOSPC;
  }
  w->reserved = to;
  return 0;
}

/* Give whole pages of the ring between two logical offsets, less than a lap apart, back; but the
 * warm ones. */
static void punch(const struct log_ring *r, uint64_t from, uint64_t to) {
  while (from < to) {
    uint64_t lap_end = (from | (r->bytes - 1)) + 1;
    uint64_t end = to < lap_end ? to : lap_end;
    uint64_t warm_end = from - place(r, from) + WARM_BYTES;
    uint64_t at = from > warm_end ? from : warm_end;
    if (at < end)
      fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)place(r, at),
                (off_t)(end - at));
    from = end;
  }
}

static void store_word(const struct log_ring *r, uint64_t offset, uint64_t word) {
  memcpy(r->map + place(r, offset), &word, sizeof word);
}

static uint64_t load_word(const struct log_ring *r, uint64_t offset) {
  uint64_t word;
  memcpy(&word, r->map + place(r, offset), sizeof word);
  return word;
}

bool log_wants_rewind(const struct log_ring *r, const struct log_writer *w) {
  return place(r, w->tail) >= WARM_BYTES;
}

void log_rewind(const struct log_ring *r, struct log_writer *w) {
  uint64_t next_lap = (w->tail | (r->bytes - 1)) + 1;
  punch(r, w->freed, w->reserved > w->tail ? w->reserved : w->tail);
  w->tail = w->base = w->reserved = w->freed = next_lap;
}

/* Give back what was read, when it is a lot. Before the commit that lets it be written again. */
static void give_back(const struct log_ring *r, struct log_writer *w, uint64_t first) {
  uint64_t page = first & ~(uint64_t)(PAGE_BYTES - 1);
  if (page > w->freed && page - w->freed >= PUNCH_BYTES) {
    punch(r, w->freed, page);
    w->freed = page;
  }
}

/* No room before the end of the ring: an entry that sends the reader to the next lap. */
static int append_skip(const struct log_ring *r, struct log_writer *w, uint64_t bound) {
  uint64_t next_lap = (w->tail | (r->bytes - 1)) + 1;
  int rc = reserve(r, w, w->tail + SKIP_BYTES, bound);
  if (rc)
    return rc;
  store_word(r, w->tail, SKIP);
  store_word(r, w->tail + HEAD_BYTES, next_lap);
  w->tail = next_lap;
  if (w->reserved < next_lap)
    w->reserved = next_lap;
  return 0;
}

int log_append(const struct log_ring *r, struct log_writer *w, uint64_t head, const void *item,
               uint64_t len) {
  uint64_t need = entry_bytes(len);
  if (len > r->limit || need + SKIP_BYTES > r->limit)
    return -SBX_ETOOBIG;
  struct log_writer next = *w;
  uint64_t first = log_first(head, next.base);
  if (first == next.tail && log_wants_rewind(r, &next)) {
    log_rewind(r, &next);
    first = next.tail;
  }
  give_back(r, &next, first);
  uint64_t bound = next.freed + r->bytes;
  /* Room for a skip is left behind every entry. */
  bool fits = place(r, next.tail) + need + SKIP_BYTES <= r->bytes;
  uint64_t target = fits ? next.tail : (next.tail | (r->bytes - 1)) + 1;
  if (target + need - first > r->limit || target + need + SKIP_BYTES > bound)
    return -SBX_ECAP;
  int rc = fits ? 0 : append_skip(r, &next, bound);
  if (rc == 0)
    rc = reserve(r, &next, next.tail + need + SKIP_BYTES, bound);
  if (rc)
    return rc;
  store_word(r, next.tail, len << 1);
  if (len > 0)
    memcpy(r->map + place(r, next.tail + HEAD_BYTES), item, len);
  next.tail += need;
  *w = next;
  return 0;
}

uint64_t log_front(const struct log_ring *ring, uint64_t *first) {
  uint64_t word;
  while ((word = load_word(ring, *first)) & SKIP)
    *first = load_word(ring, *first + HEAD_BYTES);
  return word >> 1;
}

void log_read(const struct log_ring *ring, uint64_t first, uint64_t len, struct buf *out) {
  if (len > 0)
    memcpy(out->data + out->len, ring->map + place(ring, first + HEAD_BYTES), len);
  out->len += len;
}

uint64_t log_after(uint64_t first, uint64_t len) { return first + entry_bytes(len); }
