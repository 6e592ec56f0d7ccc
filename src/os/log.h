/*
 * os/log.h - the part of a queue that a pipe cannot take: a ring of items in a sparse memfd.
 *
 * Offsets are logical: they only grow, and the place in the ring is `offset & (bytes - 1)`. An entry is a 64-bit
 * head and the item, padded to 8 bytes, never split: what does not fit before the end of the ring is preceded by a
 * skip entry, and starts at the next lap. When the log is empty a skip also takes it back to the start of the ring,
 * whose pages are warm.
 *
 * The caller holds the lock of the side it works on; nothing here is current before the caller commits.
 */
#ifndef SBX_OS_LOG_H
#define SBX_OS_LOG_H

#include <stdint.h>

#include "base/buf.h"

/* A process's view of a ring. */
struct log_ring {
  uint8_t *map;
  uint64_t bytes; /* a power of two */
  uint64_t limit; /* most bytes in use, <= bytes */
  int fd;         /* memfd, owned */
};

/* The put side's words, of the state being made. Each is logical. */
struct log_writer {
  uint64_t tail;     /* where the next entry goes */
  uint64_t reserved; /* the file has memory up to here */
  uint64_t base;     /* nothing before it is in use, whatever the head says: the target of the last skip */
};

struct log_reader {
  uint64_t head;  /* the oldest entry, or a skip before it */
  uint64_t freed; /* a writer may write up to freed + bytes */
};

/* Make a ring of at most `limit` bytes of items in a new memfd. -SBX_ENOMEM, -SBX_EMFILE */
int log_create(uint64_t limit, struct log_ring *ret);
/* Map a ring that another process made; takes `fd` on success. */
int log_open(int fd, uint64_t bytes, uint64_t limit, struct log_ring *ret);
void log_close(struct log_ring *r);

/*
 * Write an item after w->tail, and move `w`. `head` and `freed` are the get side's, read after the put lock was taken.
 * Returns 0, -SBX_ETOOBIG (the item alone is over the limit), -SBX_ECAP (the limit is reached), -SBX_ENOSPC (the file system is full, or RLIMIT_FSIZE); `w` is then unchanged.
 */
int log_append(const struct log_ring *r, struct log_writer *w, uint64_t head, uint64_t freed,
               const void *item, uint64_t len);

/* The length of the oldest item; moves `r->head` past skips. The log must not be empty. */
uint64_t log_front(const struct log_ring *ring, struct log_reader *r);

/* Append the oldest item, `len` bytes as log_front said, to `out`, which has room. */
void log_read(const struct log_ring *ring, const struct log_reader *r, uint64_t len,
              struct buf *out);

/* Move past the oldest item; gives consumed pages back to the system when a lot has been read. */
void log_advance(const struct log_ring *ring, struct log_reader *r, uint64_t len);

#endif
