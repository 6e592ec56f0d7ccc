/* os/queue/log.c - see log.h. */
#include "os/queue/log.h"

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
  MARK = 2, /* the same: see log_mark; the length stands above */
  LENGTH_SHIFT = 2,
  SKIP_BYTES = 16,
  PAGE_BYTES = 4096,
  TURN_BYTES = 1 << 16, /* a tail that has come so far goes back to the start when it can */
  WARM_LEAST = 1 << 20, /* bounds of the warm start */
  WARM_MOST = 2040 << 20,
  KEPT = 32 << 20,         /* and what of it keeps its memory, however little is used */
  RESERVE_BYTES = 1 << 18, /* memory is reserved in such steps */
  PUNCH_BYTES = 1 << 20,   /* and given back in such */
  RING_LEAST = 4 << 20
};

static uint64_t entry_bytes(uint64_t len) { return HEAD_BYTES + ((len + 7) & ~UINT64_C(7)); }

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t most(uint64_t a, uint64_t b) { return a > b ? a : b; }

static uint64_t place(const struct log_ring *r, uint64_t offset) { return offset & (r->bytes - 1); }

/* The start of the lap of an offset. */
static uint64_t lap(const struct log_ring *r, uint64_t offset) { return offset & ~(r->bytes - 1); }

static uint64_t warm_bytes(uint64_t bytes) { return least(most(bytes / 4, WARM_LEAST), WARM_MOST); }

/*
 * The ring is larger than the limit by what was read but is not given back yet, by skips, and by
 * what lies idle behind a turn until the head has passed it.
 */
static uint64_t slack_bytes(uint64_t bytes) { return warm_bytes(bytes) + 2 * PUNCH_BYTES; }

int log_open(int fd, uint64_t bytes, uint64_t limit, struct log_ring *ret) {
  void *map = FAULT("log.map")
                  ? (errno = ENOMEM, MAP_FAILED)
                  : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (map == MAP_FAILED)
    return error_call("mmap", errno);
  *ret = (struct log_ring){
      .map = map, .bytes = bytes, .warm = warm_bytes(bytes), .limit = limit, .fd = fd};
  return 0;
}

int log_create(uint64_t limit, struct log_ring *ret) {
  int rc = -SBX_ENOMEM;
  int fd = FAULT("log.memfd") ? (errno = EMFILE, -1) : memfd_create("sandbox-queue", MFD_CLOEXEC);
  if (fd < 0)
    return error_call("memfd_create", errno);
  uint64_t bytes = RING_LEAST;
  while (bytes < limit + slack_bytes(bytes) && bytes < UINT64_C(1) << 40)
    bytes *= 2;
  /* The address space may be scarce (RLIMIT_AS, 39-bit machines): then a smaller ring will do. */
  for (; rc && bytes >= RING_LEAST; bytes /= 2) {
    if (ftruncate(fd, (off_t)bytes)) { /* RLIMIT_FSIZE counts here, too */
      rc = error_call("ftruncate", errno);
      continue;
    }
    rc = log_open(fd, bytes, least(limit, bytes - slack_bytes(bytes)), ret);
  }
  if (rc)
    close(fd);
  return rc;
}

void log_unmap(struct log_ring *r) {
  if (r->map)
    munmap(r->map, r->bytes);
  r->map = NULL;
}

void log_close(struct log_ring *r) {
  if (r->map)
    close(r->fd);
  log_unmap(r);
}

/* -- memory ----------------------------------------------------------------------------------- */

/* Of logical offsets, within one lap. */
static int allocate(const struct log_ring *r, uint64_t from, uint64_t to) {
  int rc;
  do
    rc = FAULT("log.reserve") ? (errno = ENOSPC, -1)
                              : fallocate(r->fd, 0, (off_t)place(r, from), (off_t)(to - from));
  while (rc && errno == EINTR);
  return rc;
}

/* Memory for [from, end) and, if that can be had, up to a round offset, but not beyond `bound`.
 * Returns how far it reaches, 0 if there is none. */
static uint64_t allocate_step(const struct log_ring *r, uint64_t from, uint64_t end,
                              uint64_t bound) {
  uint64_t to = (end + (RESERVE_BYTES - 1)) & ~(uint64_t)(RESERVE_BYTES - 1);
  to = most(least(to, bound), end);
  if (allocate(r, from, to) == 0)
    return to;
  return allocate(r, from, end) == 0 ? end : 0; /* as little as possible, then */
}

/*
 * Have memory for [start, end), in one lap: a store to a page that the system cannot back would be
 * a SIGBUS. Behind the warm start nothing is reserved beyond `freed` plus a lap: there, in the
 * ring, are entries still unread, and pages that are still to be given back.
 */
static int reserve(const struct log_ring *r, struct log_writer *w, uint64_t start, uint64_t end) {
  uint64_t first = lap(r, start), cold = first + r->warm, to;
  if (w->warm < r->warm && first + w->warm < end) {
    to = allocate_step(r, first + w->warm, least(end, cold), cold);
    if (to == 0)
      return error_call("fallocate", errno);
    w->warm = to - first;
  }
  if (end <= cold || end <= w->reserved)
    return 0;
  to = allocate_step(r, most(w->reserved, most(start, cold)), end,
                     least(first + r->bytes, w->freed + r->bytes));
  if (to == 0)
    return error_call("fallocate", errno);
  w->reserved = to;
  return 0;
}

/* Give whole pages of the ring between two logical offsets, less than a lap apart, back; but the
 * warm ones. */
static void punch(const struct log_ring *r, uint64_t from, uint64_t to) {
  while (from < to) {
    uint64_t next_lap = lap(r, from) + r->bytes;
    uint64_t end = least(to, next_lap);
    uint64_t at = most(from, lap(r, from) + r->warm);
    if (at < end)
      fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)place(r, at),
                (off_t)(end - at));
    from = end;
  }
}

/* Give back what was read, when it is a lot. Before the commit that lets it be written again. */
static void give_back(const struct log_ring *r, struct log_writer *w, uint64_t first) {
  uint64_t page = first & ~(uint64_t)(PAGE_BYTES - 1);
  if (page > w->freed && page - w->freed >= PUNCH_BYTES) {
    punch(r, w->freed, page);
    w->freed = page;
  }
}

/* -- the way of the tail ---------------------------------------------------------------------- */

bool log_wants_rewind(const struct log_ring *r, const struct log_writer *w) {
  return place(r, w->tail) >= TURN_BYTES;
}

bool log_wants_head(const struct log_ring *r, const struct log_writer *w, uint64_t seen,
                    uint64_t len) {
  uint64_t at = place(r, w->tail), end = at + entry_bytes(len);
  if (end >= TURN_BYTES && at / PAGE_BYTES != end / PAGE_BYTES)
    return true; /* to turn or to rewind; once a page, for the word is far away */
  uint64_t first = log_first(seen, w->base);
  return first < lap(r, w->tail) && w->tail + entry_bytes(len) + SKIP_BYTES > first + r->bytes;
}

/* Nothing is in use: of the warm start, `keep` bytes have memory from now on. */
static void cool_down(const struct log_ring *r, struct log_writer *w, uint64_t keep) {
  keep = most(keep, KEPT) & ~(uint64_t)(PAGE_BYTES - 1);
  if (w->warm < keep + PUNCH_BYTES)
    return;
  fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)keep,
            (off_t)(w->warm - keep));
  w->warm = keep;
}

static void rewind_keeping(const struct log_ring *r, struct log_writer *w, uint64_t keep) {
  punch(r, w->freed, most(w->reserved, w->tail));
  cool_down(r, w, keep);
  w->tail = w->base = w->freed = lap(r, w->tail) + r->bytes;
}

void log_rewind(const struct log_ring *r, struct log_writer *w) {
  rewind_keeping(r, w, most(2 * place(r, w->tail), w->warm - w->warm / 8));
}

bool log_is_grown(const struct log_writer *w) { return w->warm > KEPT + PUNCH_BYTES; }

void log_trim(const struct log_ring *r, struct log_writer *w) { rewind_keeping(r, w, KEPT); }

uint64_t log_in_use(uint64_t bytes, const struct log_writer *w, uint64_t first) {
  uint64_t n = w->tail - first;
  if (first < w->turn)
    n -= (w->tail & ~(bytes - 1)) - w->turn;
  if (first < w->jump)
    n -= w->turn + bytes - w->jump;
  return n;
}

/* Where the log may be left for the next lap early: all that is unread is near, and small. */
static bool may_turn(const struct log_ring *r, const struct log_writer *w, uint64_t first,
                     uint64_t size) {
  uint64_t at = place(r, w->tail), unread = w->tail - first;
  return at >= TURN_BYTES && at + SKIP_BYTES <= r->warm && unread <= place(r, first) &&
         size <= place(r, first);
}

/*
 * Where an entry that takes `size` bytes, with a skip behind it, may begin: at the tail, or where a
 * skip leads. Returns whether there is such a place.
 */
static bool find_place(const struct log_ring *r, const struct log_writer *w, uint64_t first,
                       uint64_t size, uint64_t *ret) {
  uint64_t this_lap = lap(r, w->tail), next_lap = this_lap + r->bytes;
  bool straight = w->tail + size <= next_lap;
  *ret = w->tail;
  if (first < this_lap && w->jump <= this_lap) { /* before the unread part of the lap before */
    bool cold = w->tail + size > this_lap + r->warm;
    if (w->tail + size <= least(first, cold ? w->freed : first) + r->bytes)
      return true;
    *ret = w->turn + r->bytes; /* over it, if it is all warm: else it has pages to be given back */
    return *ret <= this_lap + r->warm && *ret + size <= next_lap;
  }
  if (first < w->jump) /* behind it; or there is a gap before the tail: not twice */
    return straight;
  if (straight && !may_turn(r, w, first, size))
    return true;
  *ret = next_lap;
  return size <= least(place(r, first), size > r->warm ? place(r, w->freed) : r->bytes);
}

static void store_word(const struct log_ring *r, uint64_t offset, uint64_t word) {
  memcpy(r->map + place(r, offset), &word, sizeof word);
}

static uint64_t load_word(const struct log_ring *r, uint64_t offset) {
  uint64_t word;
  memcpy(&word, r->map + place(r, offset), sizeof word);
  return word;
}

/* The tail goes on at `target`, in this lap or the next: an entry that sends the reader there. */
static int skip_to(const struct log_ring *r, struct log_writer *w, uint64_t target) {
  uint64_t end = w->tail + SKIP_BYTES;
  int rc = reserve(r, w, w->tail, end);
  if (rc)
    return rc;
  store_word(r, w->tail, SKIP);
  store_word(r, w->tail + HEAD_BYTES, target);
  if (lap(r, target) == lap(r, w->tail)) {
    w->jump = end;
  } else {
    w->turn = end;
    if (end <= lap(r, w->tail) + r->warm && w->reserved <= lap(r, w->tail)) {
      punch(r, w->freed, lap(r, w->tail)); /* of laps before; mostly nothing */
      w->freed = target;                   /* in this one there is nothing to give back */
    }
  }
  w->tail = target;
  return 0;
}

static void store_item(const struct log_ring *r, uint64_t offset, const struct span item[2]) {
  uint8_t *at = r->map + place(r, offset);
  for (int i = 0; i < 2; i++) {
    if (item[i].len > 0)
      memcpy(at, item[i].data, item[i].len);
    at += item[i].len;
  }
}

static void store_entry(const struct log_ring *r, uint64_t offset, const struct span item[2],
                        uint64_t len) {
  store_word(r, offset, len << LENGTH_SHIFT);
  store_item(r, offset + HEAD_BYTES, item);
}

/* What log_append does in most cases: at the start of the ring, where nothing is to be decided. */
static bool append_quickly(const struct log_ring *r, struct log_writer *w, uint64_t first,
                           const struct span item[2], uint64_t len) {
  uint64_t need = entry_bytes(len), end = w->tail + need + SKIP_BYTES, this_lap = lap(r, w->tail);
  if (end > this_lap + least(w->warm, TURN_BYTES) || w->jump > this_lap || end > first + r->bytes ||
      log_in_use(r->bytes, w, first) + need > r->limit)
    return false;
  store_entry(r, w->tail, item, len);
  w->tail += need;
  return true;
}

/* The text of the error tells the limit of this ring. */
static int refuse(const struct log_ring *r, int code) {
  error_set_bytes(code, r->limit);
  return code;
}

int log_append(const struct log_ring *r, struct log_writer *w, uint64_t head,
               const struct span item[2]) {
  if (item[0].len > r->limit || item[1].len > r->limit)
    return refuse(r, -SBX_ETOOBIG);
  uint64_t len = item[0].len + item[1].len, need = entry_bytes(len), size = need + SKIP_BYTES;
  uint64_t target;
  if (size > r->limit)
    return refuse(r, -SBX_ETOOBIG);
  if (append_quickly(r, w, log_first(head, w->base), item, len))
    return 0;
  struct log_writer next = *w;
  uint64_t first = log_first(head, next.base);
  if (first == next.tail && log_wants_rewind(r, &next)) {
    log_rewind(r, &next);
    first = next.tail;
  }
  give_back(r, &next, first);
  if (log_in_use(r->bytes, &next, first) + need > r->limit ||
      !find_place(r, &next, first, size, &target))
    return refuse(r, -SBX_ECAP);
  int rc = target == next.tail ? 0 : skip_to(r, &next, target);
  if (rc == 0)
    rc = reserve(r, &next, target, target + size);
  if (rc)
    return rc;
  store_entry(r, target, item, len);
  next.tail = target + need;
  *w = next;
  return 0;
}

/* -- the way of the head ---------------------------------------------------------------------- */

uint64_t log_front(const struct log_ring *ring, uint64_t *first) {
  uint64_t word;
  while ((word = load_word(ring, *first)) & SKIP)
    *first = load_word(ring, *first + HEAD_BYTES);
  return word >> LENGTH_SHIFT;
}

void log_mark(const struct log_ring *r, const struct log_writer *w, uint64_t len) {
  uint64_t at = w->tail - entry_bytes(len);
  store_word(r, at, load_word(r, at) | MARK);
}

bool log_is_marked(const struct log_ring *ring, uint64_t first) {
  return load_word(ring, first) & MARK;
}

const uint8_t *log_item(const struct log_ring *ring, uint64_t first) {
  return ring->map + place(ring, first + HEAD_BYTES);
}

void log_read(const struct log_ring *ring, uint64_t first, uint64_t len, struct buf *out) {
  if (len > 0)
    memcpy(out->data + out->len, log_item(ring, first), len);
  out->len += len;
}

uint64_t log_after(uint64_t first, uint64_t len) { return first + entry_bytes(len); }
