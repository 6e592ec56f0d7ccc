/*
 * os/supervisor/recorder.h - the supervisor's part of the event log: it drains the rings of all
 * processes (os/shared/trace.h) into chunks of the log (look/trace/log.h), which the host keeps.
 */
#ifndef SBX_OS_SUPERVISOR_RECORDER_H
#define SBX_OS_SUPERVISOR_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "look/trace/log.h"
#include "os/shared/trace.h"

struct snapshot;
struct os_backend;

/* What a host wants to be recorded. */
struct record_options {
  bool on;
  bool engine; /* the run's objects are in an engine */
  enum trace_detail detail;
  const char *command, *version; /* for the log; borrowed */
  /* Keep whole chunks of the log, in this order. Not 0: it cannot, and is not asked again. */
  int (*keep)(void *ctx, const void *chunks, size_t len);
  void *ctx;
};

struct recorder {
  const struct record_options *o;
  struct os_backend *b;           /* borrowed */
  struct trace_area *area;        /* NULL: nothing is recorded */
  struct trace_reader *readers;   /* owned, one for each ring */
  uint64_t *begun;                /* owned: of each ring the owner of which something was read */
  uint64_t told[TEXT_CELLS / 64]; /* texts that the log has */
  struct buf out;                 /* chunks not kept yet */
  int64_t drain_at_ns;            /* CLOCK_MONOTONIC; SBX_FOREVER: only if somebody asks */
  int64_t pause_ns;               /* between two drains */
  int64_t idle_since_ns; /* the session of a prompt waits for a line since then; 0: it does not */
  uint64_t idle;         /* that: its serial */
  int64_t idle_until_ns; /* so far it was told */
  const struct trace_ring *main; /* its ring; NULL: it has none */
  uint64_t main_first;           /* index of its first record of an op */
  bool failed;                   /* the host could not keep them */
};

/*
 * How often the rings are drained, and runs of ops end, as long as there is something in them. If there
 * is nothing, the pause grows up to SELDOM; up to IDLE if no process is there but a session that waits
 * for a line. A process whose ring is half full asks for it (BROKER_DRAIN).
 */
#define DRAIN_EVERY_NS (10 * NS_PER_MS)
#define DRAIN_SELDOM_NS (320 * NS_PER_MS)
#define DRAIN_IDLE_NS (5 * NS_PER_SECOND)

/* Make the rings, before main is forked. -SBX_ENOMEM */
int recorder_begin(struct recorder *r, const struct record_options *o, struct os_backend *b);
/* Drain, if it is time. */
void recorder_look(struct recorder *r, int64_t now_ns);
/* Drain all there is. Returns whether there was anything. */
bool recorder_drain(struct recorder *r);
/* The session of a prompt waits for a line, or got one.
 *   since_ns  machine time when that began; 0: now */
void recorder_idle(struct recorder *r, bool idle, int64_t since_ns);
/* Main, which is about to be forked, writes into this ring. */
void recorder_main(struct recorder *r, const struct trace_ring *ring);
/* How many records of ops main has written so far. */
uint64_t recorder_count(const struct recorder *r);
/*
 * Drain; then tell the present, which is not to be kept: records that may still change, waits that go
 * on, and which process waits for which.
 *   log  chunks are appended, to be read after the log
 * 0 or -SBX_ENOMEM
 */
int recorder_peek(struct recorder *r, struct buf *log);
/* A deadlock was found in this snapshot, and is told so. */
void recorder_deadlock(struct recorder *r, const struct snapshot *s, const char *told);
/* All processes have ended: drain the rest, and end the log. */
void recorder_end(struct recorder *r, int exit_status);
void recorder_release(struct recorder *r);

#endif
