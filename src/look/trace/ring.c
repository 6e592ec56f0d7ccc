/* look/trace/ring.c - see ring.h. */
#include "look/trace/ring.h"

#include <string.h>

#include "look/trace/model.h"

static struct trace_record *slot_of(const struct trace_ring *ring, uint64_t index) {
  return (struct trace_record *)(uintptr_t)&ring->records[index % RING_RECORDS];
}

/* -- the writer ------------------------------------------------------------------------------ */

void trace_writer_begin(struct trace_writer *w, struct trace_ring *ring) {
  *w = (struct trace_writer){.ring = ring, .stride = STRIDE_LEAST};
  w->head = ring ? atomic_load_explicit(&ring->head, memory_order_relaxed) : 0;
}

/* The oldest run is the first record that may still change (W3). */
static void publish_sealed(const struct trace_writer *w) {
  uint64_t sealed = w->head;
  for (uint32_t i = 0; i < w->run_count; i++)
    if (w->runs[i].index < sealed)
      sealed = w->runs[i].index;
  atomic_store_explicit(&w->ring->sealed, sealed, memory_order_release);
}

static void append(struct trace_writer *w, const struct trace_record *r) {
  *slot_of(w->ring, w->head) = *r;
  atomic_store_explicit(&w->ring->head, ++w->head, memory_order_release);
}

void trace_write(struct trace_writer *w, const struct trace_record *r) {
  append(w, r);
  publish_sealed(w);
}

void trace_seal(struct trace_writer *w) {
  w->run_count = w->next_run = 0;
  publish_sealed(w);
}

/* A word of 8 bytes of a record, stored at once (W2). */
static void store_word(void *to, const void *from) {
  uint64_t word;
  memcpy(&word, from, sizeof word);
  *(volatile uint64_t *)to = word;
}

static void set_flag(struct trace_record *slot, unsigned flag) {
  struct trace_record r = *slot;
  r.flags = (uint16_t)(r.flags | flag);
  store_word(&slot->duration, &r.duration);
}

static void last_until(struct trace_record *slot, int64_t now_ns) {
  struct trace_record r = *slot;
  trace_record_last(&r, now_ns - r.t_ns);
  store_word(&slot->duration, &r.duration);
}

static uint32_t next_stride(uint32_t stride, int64_t took_ns) {
  if (took_ns < RUN_CLOCK_NS / 2 && stride < STRIDE_MOST)
    return 2 * stride;
  if (took_ns > 16 * RUN_CLOCK_NS)
    return STRIDE_LEAST;
  return took_ns > 2 * RUN_CLOCK_NS && stride > STRIDE_LEAST ? stride / 2 : stride;
}

void trace_run_tick(struct trace_writer *w, int64_t now_ns) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < w->run_count; i++) {
    struct trace_run *run = &w->runs[i];
    last_until(slot_of(w->ring, run->index), now_ns);
    /* one that is far behind would keep the reader from all that came after it */
    if (now_ns - run->began_ns < RUN_NS && w->head - run->index < RING_RECORDS / 4)
      w->runs[kept++] = *run;
  }
  w->run_count = kept;
  w->next_run = 0;
  w->stride = next_stride(w->stride, now_ns - w->clock_ns);
  w->clock_ns = now_ns;
  w->until_clock = w->stride;
  publish_sealed(w);
}

bool trace_run_extend(struct trace_writer *w, uint64_t key, uint64_t n, uint32_t epoch,
                      int64_t (*now)(void)) {
  if (epoch != w->epoch)
    return false;
  for (struct trace_run *run = w->runs; run < w->runs + w->run_count; run++) {
    if (run->key != key)
      continue;
    if (n != run->next_n && !(run->slot->flags & TRACE_GAPS))
      set_flag(run->slot, TRACE_GAPS);
    run->next_n = trace_run_after(n);
    run->slot->where = ++run->count;
    if (--w->until_clock == 0)
      trace_run_tick(w, now());
    return true;
  }
  return false;
}

void trace_run_begin(struct trace_writer *w, uint64_t key, uint64_t n, uint32_t epoch,
                     int64_t now_ns) {
  if (epoch != w->epoch) {
    w->epoch = epoch;
    trace_seal(w);
  }
  uint32_t at = w->run_count;
  if (at < RING_RUNS)
    w->run_count++;
  else
    at = w->next_run++ % RING_RUNS;
  w->runs[at] = (struct trace_run){.key = key,
                                   .index = w->head,
                                   .slot = slot_of(w->ring, w->head),
                                   .next_n = trace_run_after(n),
                                   .count = 1,
                                   .began_ns = now_ns};
  const struct trace_record r = {.t_ns = now_ns,
                                 .kind = (uint16_t)key,
                                 .flags = (uint16_t)(TRACE_SEVERAL | (key >> 16 & 0xffff)),
                                 .object = (uint32_t)(key >> 32),
                                 .where = 1,
                                 .n = n};
  append(w, &r);
  if (w->until_clock == 0) {
    w->until_clock = w->stride;
    w->clock_ns = now_ns;
  }
  publish_sealed(w);
}

/* -- the reader ------------------------------------------------------------------------------ */

unsigned trace_read(struct trace_reader *r, const struct trace_ring *ring, bool all,
                    struct trace_record *ret, uint64_t *ret_lost) {
  const _Atomic uint64_t *until = all ? &ring->head : &ring->sealed;
  uint64_t end = atomic_load_explicit(until, memory_order_acquire), first = r->next;
  *ret_lost = 0;
  if (first >= end)
    return 0;
  if (end - first > RING_RECORDS)
    first = end - RING_RECORDS;
  unsigned count = end - first < RING_BATCH ? (unsigned)(end - first) : RING_BATCH;
  for (unsigned i = 0; i < count; i++) {
    const volatile uint64_t *from = (const volatile uint64_t *)slot_of(ring, first + i);
    uint64_t words[sizeof *ret / sizeof(uint64_t)];
    for (unsigned k = 0; k < sizeof words / sizeof *words; k++)
      words[k] = from[k];
    memcpy(&ret[i], words, sizeof words);
  }
  atomic_thread_fence(memory_order_acquire); /* the copy, before the head (R2) */
  uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
  uint64_t whole = head + 1 > RING_RECORDS ? head + 1 - RING_RECORDS : 0;
  unsigned torn = whole > first ? whole - first < count ? (unsigned)(whole - first) : count : 0;
  *ret_lost = first + torn - r->next;
  r->next = first + count;
  count -= torn;
  if (torn)
    memmove(ret, ret + torn, count * sizeof *ret);
  return count;
}
