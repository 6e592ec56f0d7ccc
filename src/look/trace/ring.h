/*
 * look/trace/ring.h - the records of one process, in shared memory: it writes, one reader drains.
 *
 * The writer never waits: when the ring is full, the oldest records are overwritten, and the reader
 * finds out how many it lost.
 *
 *   index     counts records from 0 on; record i lies in slot i % RING_RECORDS
 *   run       a record of several ops, which the writer goes on changing: at most RING_RUNS of the
 *             newest records are such
 *
 * The writer
 *   W1  fills slot `head`, then stores head + 1 (release). Killed before the store, it has written
 *       nothing; after it, a whole record.
 *   W2  of a run changes only the count, the duration and the flags, each by one store of at most 8
 *       bytes. Killed in between, it has counted an op whose time is that of the op before.
 *   W3  stores `sealed`: records before it will not change any more, so the reader may take them.
 * The reader
 *   R1  loads `sealed` (`head`, if the writer is dead), acquire, and copies what is new
 *   R2  loads `head` again (after a fence): a record with an index below head + 1 - RING_RECORDS may
 *       have been overwritten while it was copied: it is thrown away, and counted as lost.
 */
#ifndef SBX_LOOK_TRACE_RING_H
#define SBX_LOOK_TRACE_RING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "look/trace/record.h"

enum { RING_RECORDS = 4096, RING_RUNS = 4 };

struct trace_ring {
  _Atomic uint64_t head, sealed; /* the writer */
  _Atomic uint64_t taken;        /* the reader: up to here it has taken them */
  uint64_t unused[5];            /* a cache line of its own */
  struct trace_record records[RING_RECORDS];
};

/* A run that the writer may go on with. */
struct trace_run {
  uint64_t key;    /* trace_run_key */
  uint64_t next_n; /* should the items be numbered in a row */
  struct trace_record *slot;
  uint32_t count;
  uint64_t index; /* of its record, that */
  int64_t began_ns;
};

/* What the writer has for itself: private, copied by fork, begun anew by each process. */
struct trace_writer {
  struct trace_ring *ring;
  uint64_t head;
  uint64_t look_at; /* when head is here, look whether the ring is half full */
  uint64_t gave_up; /* `taken` when the writer waited for the reader in vain, and 1 */
  uint32_t run_count, next_run;
  uint32_t until_clock; /* ops of runs until the clock is read again */
  uint32_t stride;      /* so many there are from one reading to the next */
  int64_t clock_ns;     /* what it showed */
  uint32_t epoch;       /* of the area (below) when it was last read */
  struct trace_run runs[RING_RUNS];
};

/* Begin to write; what the ring holds of an earlier process stays. NULL: there is no ring, and nothing may
 * be written. */
void trace_writer_begin(struct trace_writer *w, struct trace_ring *ring);

/* Append a record; it is sealed unless a run before it is not. */
void trace_write(struct trace_writer *w, const struct trace_record *r);

/* Is the ring half full? It is looked at now and then. */
static inline bool trace_is_filling(struct trace_writer *w) {
  if (w->head < w->look_at)
    return false;
  w->look_at = w->head + RING_RECORDS / 8;
  return w->head - atomic_load_explicit(&w->ring->taken, memory_order_relaxed) > RING_RECORDS / 2;
}

/* Is it so full that records are lost before it is looked at again? */
static inline bool trace_is_nearly_full(const struct trace_writer *w) {
  return w->head - atomic_load_explicit(&w->ring->taken, memory_order_acquire) >
         RING_RECORDS - RING_RECORDS / 4;
}

/* The runs are over. */
void trace_seal(struct trace_writer *w);

/* A run lasts at most so long. Its clock is read about every RUN_CLOCK_NS: after so many ops as took
 * that long before, since reading costs more than an op. */
enum { RUN_NS = 1000 * 1000, RUN_CLOCK_NS = 20 * 1000, STRIDE_LEAST = 8, STRIDE_MOST = 512 };

/* What the ops of a run have in common: the record's kind and flags, and the object. */
static inline uint64_t trace_run_key(unsigned kind, unsigned flags, uint32_t object) {
  return (uint64_t)object << 32 | flags << 16 | kind;
}

/* An op that did not wait belongs to no run that goes on: begin one, at `now_ns`. A new epoch (see
 * trace_run_extend) ends all others. */
void trace_run_begin(struct trace_writer *w, uint64_t key, uint64_t n, uint32_t epoch,
                     int64_t now_ns);

/* It is time to read the clock: the runs last until `now_ns`; those that are too old are over. */
void trace_run_tick(struct trace_writer *w, int64_t now_ns);

/* The number of the next item, of ops that have no items 0. */
static inline uint64_t trace_run_after(uint64_t n) { return n + (n != 0); }

/*
 * Count an op that did not wait in a run of its like. False: there is none, so begin one.
 *   epoch  changes now and then, while somebody looks; it ends all runs, so that ops with much time
 *          between them do not pass for ops without
 */
bool trace_run_extend(struct trace_writer *w, uint64_t key, uint64_t n, uint32_t epoch,
                      int64_t (*now)(void));

/* The same for nearly all ops, which only are counted. False: nothing was done, call trace_run_extend.
 * It is inline, and calls nothing, since each op pays for it. */
static inline bool trace_run_count(struct trace_writer *w, uint64_t key, uint64_t n,
                                   uint32_t epoch) {
  if (epoch != w->epoch)
    return false;
  for (struct trace_run *run = w->runs, *end = run + w->run_count; run != end; run++) {
    if (run->key != key)
      continue;
    if (n != run->next_n || w->until_clock <= 1)
      return false;
    w->until_clock--;
    run->next_n = trace_run_after(n);
    run->slot->where = ++run->count;
    return true;
  }
  return false;
}

/* The reader's place in a ring. */
struct trace_reader {
  uint64_t next; /* index */
};

enum { RING_BATCH = 512 };

/*
 * Take at most RING_BATCH records from a ring.
 *   all       the writer is dead, or only a copy is wanted: take those of runs, too
 *   ret       RING_BATCH records
 *   ret_lost  how many were overwritten before these
 * Returns how many; 0: there are none now.
 */
unsigned trace_read(struct trace_reader *r, const struct trace_ring *ring, bool all,
                    struct trace_record *ret, uint64_t *ret_lost);

#endif
