/*
 * os/queue/log.h - the part of a queue that needs no system call: a ring of items in a sparse memfd.
 *
 * Offsets are logical: they only grow, and the place in the ring is `offset & (bytes - 1)`. A lap
 * is one time round. An entry is a 64-bit head and the item, padded to 8 bytes, never split. A skip
 * is an entry that sends the reader on to another offset; room for one is left behind every entry.
 *
 * The ring is as large as the limit, and its start is warm: once it has memory it keeps it, for new
 * pages cost more than the copying of what is put there. A queue that is short stays there:
 *   - An empty log that has come some way is rewound: it goes on at the start of the next lap. That
 *     is no entry but a word of the put side, `base`: nothing before it is in use, whatever the
 * head says. So the head that counts is log_first(), and a rewind needs the put side only.
 *   - A log that is not empty, but whose unread part is small and leaves as much room before it,
 *     turns to the next lap early, by a skip. Should the head be met again before it has left the
 *     lap before, the tail jumps over what that lap holds, by another skip.
 *
 *        lap n      ....[unread      ]>turn                        >  a skip
 *        lap n + 1  [unread]>jump     [unread    ]tail
 *
 * Memory is reserved before it is written, and given back after it was read (but for the warm
 * start), by the put side alone: nothing that the head has not passed is ever touched. The caller
 * holds the lock of the side it works on; nothing is current before the caller commits.
 */
#ifndef SBX_OS_QUEUE_LOG_H
#define SBX_OS_QUEUE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* A process's view of a ring. */
struct log_ring {
  uint8_t *map;
  uint64_t bytes; /* a power of two */
  uint64_t warm;  /* the start that keeps its memory, as far as it has any */
  uint64_t limit; /* most bytes in use, < bytes */
  int fd;         /* memfd, owned */
};

/* The put side's words, of the state being made. Each is logical, but `warm`. */
struct log_writer {
  uint64_t tail;     /* where the next entry goes */
  uint64_t base;     /* of the last rewind */
  uint64_t reserved; /* behind the warm start, the file has memory from the tail up to here */
  uint64_t freed;    /* what was read before it was given back */
  uint64_t turn;     /* the end of the lap before, while the head has not passed it */
  uint64_t jump;     /* the end of the entries before a jump, likewise */
  uint64_t warm;     /* a place: there is memory before it */
};

/* The oldest entry, or a skip before it; equal to the tail when the log is empty. */
static inline uint64_t log_first(uint64_t head, uint64_t base) { return head > base ? head : base; }

/* Make a ring of at most `limit` bytes of items in a new memfd. -SBX_ENOMEM, -SBX_EMFILE */
int log_create(uint64_t limit, struct log_ring *ret);
/* Map a ring that another process made; takes `fd` on success. */
int log_open(int fd, uint64_t bytes, uint64_t limit, struct log_ring *ret);
void log_close(struct log_ring *r);

/* Of a process at its end: see queue_unmap_all. */
void log_unmap(struct log_ring *r);

/* Bytes that lie somewhere. */
struct span {
  const void *data; /* borrowed */
  uint64_t len;
};

/*
 * Write an item, of two parts, after w->tail, and move `w`. `head` is the get side's, as it was at
 * any time before: an old one costs room at most. Returns 0, -SBX_ETOOBIG (the item alone is over
 * the limit), -SBX_ECAP (the limit is reached), -SBX_ENOSPC (the file system is full, or
 * RLIMIT_FSIZE); `w` is then unchanged.
 */
int log_append(const struct log_ring *r, struct log_writer *w, uint64_t head,
               const struct span item[2]);

/* Would log_append make use of knowing the head of just now, instead of the one last `seen`? */
bool log_wants_head(const struct log_ring *r, const struct log_writer *w, uint64_t seen,
                    uint64_t len);

/* Bytes between the head and the tail of a ring of `bytes`, without what skips leave out. */
uint64_t log_in_use(uint64_t bytes, const struct log_writer *w, uint64_t first);

/* Is an empty log worth a rewind? */
bool log_wants_rewind(const struct log_ring *r, const struct log_writer *w);

/*
 * Rewind an empty log, and give the memory behind the warm start back; and a part of the warm start,
 * if this lap did not need half of it. So a log that was large once becomes small again in a few
 * dozen laps. Killed before the commit: the next put that knows that the log is empty does it again.
 */
void log_rewind(const struct log_ring *r, struct log_writer *w);

/* Does the warm start have more memory than a log keeps for good? */
bool log_is_grown(const struct log_writer *w);
/* The same as log_rewind, and keep no more than that. */
void log_trim(const struct log_ring *r, struct log_writer *w);

/* The entry that log_append has just made, of so many bytes, is marked: it carries handles. */
void log_mark(const struct log_ring *r, const struct log_writer *w, uint64_t len);
/* Is the entry at `first`, where log_front left it? */
bool log_is_marked(const struct log_ring *ring, uint64_t first);

/* The length of the oldest item; moves `first` past skips. The log must not be empty. */
uint64_t log_front(const struct log_ring *ring, uint64_t *first);

/* The item of the entry at `first`, where it lies. */
const uint8_t *log_item(const struct log_ring *ring, uint64_t first);

/* Append the item of the entry at `first`, `len` bytes as log_front said, to `out`, which has room.
 */
void log_read(const struct log_ring *ring, uint64_t first, uint64_t len, struct buf *out);

/* The head when the entry at `first` is consumed. */
uint64_t log_after(uint64_t first, uint64_t len);

#endif
