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
  int64_t drain_at_ns;            /* CLOCK_MONOTONIC; SBX_FOREVER: nothing is recorded */
  bool failed;                    /* the host could not keep them */
};

/* How often the rings are drained, and runs of ops end, at least. */
enum { DRAIN_EVERY_NS = 10 * 1000 * 1000 };

/* Make the rings, before main is forked. -SBX_ENOMEM */
int recorder_begin(struct recorder *r, const struct record_options *o, struct os_backend *b);
/* Drain, if it is time. */
void recorder_look(struct recorder *r, int64_t now_ns);
/* Drain all there is. */
void recorder_drain(struct recorder *r);
/* A deadlock was found in this snapshot, and is told so. */
void recorder_deadlock(struct recorder *r, const struct snapshot *s, const char *told);
/* All processes have ended: drain the rest, and end the log. */
void recorder_end(struct recorder *r, int exit_status);
void recorder_release(struct recorder *r);

#endif
