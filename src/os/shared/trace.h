/*
 * os/shared/trace.h - the event log's part in every process: it writes records of its ops into a ring
 * of its own (look/trace/ring.h).
 *
 * The rings, and a table of texts, lie in one shared mapping, made before the first fork, and only if
 * a trace is wanted. A spawner claims a ring for the child; the supervisor drains it
 * (os/supervisor/recorder.h) and gives it back when the process has ended. The process is the ring's
 * only writer as long as it lives; then its reaper writes how it ended.
 *
 * Recording observes perform() (`observe` of struct backend), after each op. Nothing waits for it, and
 * nothing that a script can see depends on it.
 */
#ifndef SBX_OS_SHARED_TRACE_H
#define SBX_OS_SHARED_TRACE_H

#include <signal.h>

#include "look/trace/model.h"
#include "look/trace/ring.h"
#include "look/trace/texts.h"
#include "os/shared/control.h"

struct os_backend;

enum { TRACE_RINGS_LEAST = 64, TRACE_RINGS_MOST = 16384 };

struct trace_area {
  /* Written before the first fork. */
  uint32_t ring_count;           /* read by trace_install; later any process can write there */
  uint32_t detail;               /* enum trace_detail */
  unsigned char level[OP_COUNT]; /* from which detail on an op that did not wait is recorded */

  _Atomic uint32_t epoch;    /* the supervisor: changes now and then; see trace_run_extend */
  _Atomic uint32_t asked;    /* 1: a process has asked the supervisor to drain; it clears that */
  _Atomic uint32_t untraced; /* spawners: processes that got no ring */
  struct trace_texts texts;
  /* Whose ring: the process's serial << 16 | slot; 0: free. A spawner, by compare-and-swap; the
   * supervisor gives it back. */
  _Atomic uint64_t owners[TRACE_RINGS_MOST];
  struct trace_ring rings[];
};

/* Map an area for at most `max_procs` living processes. -SBX_ENOMEM */
int trace_area_create(enum trace_detail detail, uint32_t max_procs, struct trace_area **ret);

/* The spawner: claim a ring for a process of a run that is traced, before the fork. NULL: there is none free. When
 * they become scarce, the supervisor is asked to give those of the dead back. */
struct trace_ring *trace_claim(struct os_backend *b, uint32_t slot, uint64_t serial);

/* The process: from now on its ops are recorded into `ring` (NULL: they are not). */
void trace_begin(struct os_backend *b, struct trace_ring *ring);

/* Let ops of this process, and of those that it forks, be recorded. */
void trace_install(struct os_backend *b, struct trace_area *a);

/* The process made something by an op that is not performed by itself: it is recorded as if it were. */
void trace_made(struct os_backend *b, const struct op *op);

/* The spawner: there is no such process after all. */
void trace_unclaim(struct trace_area *a, struct trace_ring *ring);

/* The reaper, before the process becomes ENDED: what it waited for, if it was killed, and its end.
 * Async-signal-safe. */
void trace_ended(const struct os_backend *b, uint32_t slot, uint64_t serial, const siginfo_t *info);

/* The flags of TRACE_RECORD_BEGIN. */
static inline uint16_t trace_begin_flags(const struct process_record *p) {
  return atomic_load(&p->flags) & FLAG_WORKER ? TRACE_WORKER : 0;
}

static inline uint64_t trace_owner(uint32_t slot, uint64_t serial) { return serial << 16 | slot; }

#endif
